"""Trains one network a fold and seed, keeps each result as soon as it is there, and goes on from
what is kept after an interruption."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from leeward.data.durable import replacing
from leeward.domain.columns import FloatColumn, IntColumn
from leeward.domain.errors import Failed
from leeward.indicators.features import FEATURE_VERSION, FeatureTable
from leeward.runtime.clock import monotonic_s
from leeward.statistics.folds import Fold
from leeward.training.datasets import Dataset
from leeward.training.export import Floats
from leeward.training.networks import Preset, build, load_keras, trainer_library

if TYPE_CHECKING:
    import keras

#: Windows a step of the optimiser.
BATCH = 128
LEARNING_RATE = 1e-3
#: Epochs without a better validation loss before training stops.
PATIENCE = 4
MOST_EPOCHS = 40

#: Told what is being done and which share of all the work is done.
Progress: TypeAlias = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides what is trained, beside the data."""

    preset: Preset
    seeds: tuple[int, ...]
    epochs: int = MOST_EPOCHS
    batch: int = BATCH


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """One network: its weights, its answers on the validation and the test windows, and on what
    it was trained."""

    fold: int
    seed: int
    weights: list[Floats]
    validate: FloatColumn
    test: FloatColumn
    loss: float
    epochs: int
    seconds: float
    threads: int
    device: str


class Work(NamedTuple):
    """A network to train: what it is called, its fold, that fold's number, its seed, and the file
    that keeps it."""

    label: str
    fold: Fold
    number: int
    seed: int
    file: Path


def plan(
    data: Dataset, folds: Sequence[Fold], recipe: Recipe, folder: Path, part: str = "fold"
) -> list[Work]:
    """Returns the work for a network a fold and seed, in that order.

    The files answer to the data and the recipe by name, so others never take their place.
    """
    name = identity(data, folds, recipe)
    return [
        Work(
            f"{part} {number + 1} of {len(folds)}, seed {seed}",
            folds[number],
            number,
            seed,
            folder / f"{name}-fold{number}-seed{seed}.npz",
        )
        for number, seed in product(range(len(folds)), recipe.seeds)
    ]


def fit_all(
    data: Dataset, work: Sequence[Work], recipe: Recipe, progress: Progress
) -> list[Fitted]:
    """Returns a network for each piece of work, in that order.

    Each is kept in its file once it is done and read from there the next time: a run that was
    killed continues where it was.
    """
    fitted = []
    for done, piece in enumerate(work):
        made = read_fitted(piece)
        if made is None:
            label = f"{piece.label} on {device()}"

            def tell(share: float, label: str = label, done: int = done) -> None:
                progress(label, (done + share) / len(work))

            made = fit_one(data, piece, recipe, tell)
            keep(piece, made)
        progress(f"{piece.label} on {made.device}", (done + 1) / len(work))
        fitted.append(made)
    return fitted


def identity(data: Dataset, folds: Sequence[Fold], recipe: Recipe) -> str:
    """Returns a short hash of all that decides the weights of a network, but the seed."""
    digest = sha256()
    for array in (data.rows, data.labels, data.features[:: max(1, len(data) // 64)]):
        digest.update(np.ascontiguousarray(array).tobytes())
    for fold in folds:
        for part in (fold.train, fold.validate, fold.test):
            digest.update(part.tobytes())
    facts = (data.candles.sha256, data.target, FEATURE_VERSION, recipe.preset, recipe.epochs,
             recipe.batch, LEARNING_RATE, PATIENCE)  # fmt: skip
    digest.update(repr(facts).encode())
    return digest.hexdigest()[:16]


def fit_one(data: Dataset, work: Work, recipe: Recipe, tell: Callable[[float], None]) -> Fitted:
    """Returns the network of one fold and seed; the same on one machine, bit by bit.

    Training stops where the validation part gets no better, and goes back to where it was best;
    the test part is looked at once, at the end.
    """
    keras, fold = load_keras(), work.fold
    model = build(recipe.preset, data.channels, data.target, work.seed)
    model.compile(
        optimizer=keras.optimizers.Adam(LEARNING_RATE),
        loss="binary_crossentropy" if data.target == "meta" else "mse",
    )
    stopping = keras.callbacks.EarlyStopping(patience=PATIENCE, restore_best_weights=True)
    begun = monotonic_s()
    history = model.fit(
        data.features[fold.train],
        data.labels[fold.train],
        validation_data=(data.features[fold.validate], data.labels[fold.validate]),
        epochs=recipe.epochs,
        batch_size=recipe.batch,
        callbacks=[stopping, _telling(keras, tell, recipe.epochs)],
        verbose=0,
    ).history
    losses = history["val_loss"]
    if not np.isfinite(losses).all():
        raise Failed(
            f"{work.label}: the loss is no number any more after "
            f"{len(losses)} epochs; look at the candles for extreme values"
        )
    return Fitted(
        fold=work.number,
        seed=work.seed,
        weights=[np.asarray(values, np.float32) for values in model.get_weights()],
        validate=answers(model, data.features, fold.validate),
        test=answers(model, data.features, fold.test),
        loss=float(min(losses)),
        epochs=len(losses),
        seconds=monotonic_s() - begun,
        threads=threads(),
        device=device(),
    )


def _telling(keras: Any, tell: Callable[[float], None], epochs: int) -> Any:
    class Telling(keras.callbacks.Callback):  # type: ignore[misc] # Keras comes without types
        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            del logs
            tell((epoch + 1) / epochs)

    return Telling()


def answers(model: keras.Model, features: FeatureTable, positions: IntColumn) -> FloatColumn:
    """Returns what the network answers to the windows at the positions."""
    given = model.predict(features[positions], batch_size=1024, verbose=0)
    return np.asarray(given, np.float64)[:, 0]


def model_of(data: Dataset, preset: Preset, fitted: Fitted) -> keras.Model:
    """Returns the trained network: our architecture, its weights."""
    model = build(preset, data.channels, data.target, fitted.seed)
    model.set_weights(fitted.weights)
    return model


def threads() -> int:
    """Returns how many threads the training may use; a seed repeats itself for one number only."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def device() -> str:
    """Returns what the networks are trained on, as JAX found it: "cpu", "gpu (NVIDIA L4)"."""
    jax = trainer_library("jax")
    kind, model = str(jax.default_backend()), str(jax.devices()[0].device_kind)
    return kind if model == kind else f"{kind} ({model})"


def keep(work: Work, fitted: Fitted) -> None:
    """Writes a network into its file, whole or not at all."""
    work.file.parent.mkdir(parents=True, exist_ok=True)
    arrays = {f"weights{i:02d}": values for i, values in enumerate(fitted.weights)}
    numbers = np.array([fitted.loss, fitted.epochs, fitted.seconds, fitted.threads])
    facts = {"numbers": numbers, "device": np.array(fitted.device)}
    answered = {"validate": fitted.validate, "test": fitted.test}
    with replacing(work.file) as unfinished, unfinished.open("wb") as stream:
        np.savez(stream, **facts, **answered, **arrays)  # type: ignore[arg-type] # the names never collide with its option


def read_fitted(work: Work) -> Fitted | None:
    """Returns the network that an earlier run kept, None where none did."""
    if not work.file.is_file():
        return None
    with np.load(work.file, allow_pickle=False) as kept:
        if "device" not in kept.files:
            return None  # by a version that did not write it down: trained again
        loss, epochs, seconds, used = kept["numbers"].tolist()
        names = sorted(name for name in kept.files if name.startswith("weights"))
        return Fitted(
            fold=work.number,
            seed=work.seed,
            weights=[kept[name] for name in names],
            validate=kept["validate"],
            test=kept["test"],
            loss=loss,
            epochs=int(epochs),
            seconds=seconds,
            threads=int(used),
            device=str(kept["device"]),
        )
