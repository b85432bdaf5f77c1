"""Training: the same for the same seed, and not lost to a kill."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from leeward.statistics.folds import Fold
from leeward.training.datasets import Dataset, make_folds
from leeward.training.fit import (
    Fitted,
    Recipe,
    answers,
    device,
    fit_all,
    identity,
    model_of,
    plan,
    threads,
)
from leeward.training.networks import preset_named, trainer_library

RECIPE = Recipe(preset_named("tiny"), (1, 2), epochs=1, batch=512)
pytestmark = pytest.mark.timeout(1_800)  # compiling a network takes seconds


def silent(what: str, share: float) -> None:
    del what, share


def fit_kept(data: Dataset, folds: Sequence[Fold], folder: Path) -> list[Fitted]:
    return fit_all(data, plan(data, folds, RECIPE, folder), RECIPE, silent)


def test_a_seed_gives_the_same_weights_again_and_another_seed_others(
    data: Dataset, tmp_path: Path
) -> None:
    folds = make_folds(data, 1)
    first = fit_kept(data, folds, tmp_path / "a")
    again = fit_kept(data, folds, tmp_path / "b")
    for one, other in zip(first, again, strict=True):
        for ours, theirs in zip(one.weights, other.weights, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        np.testing.assert_array_equal(one.test, other.test)
    assert not np.array_equal(first[0].test, first[1].test)


def test_weights_kept_on_disk_answer_as_the_network_did(data: Dataset, kept: Path) -> None:
    folds = make_folds(data, 1)
    fit_kept(data, folds, kept)
    fitted = fit_kept(data, folds, kept)[0]
    found = answers(model_of(data, RECIPE.preset, fitted), data.features, folds[0].test)
    np.testing.assert_array_equal(found, fitted.test)


def test_what_a_run_keeps_answers_to_its_data_and_recipe_alone(data: Dataset) -> None:
    one, two = make_folds(data, 1), make_folds(data, 2)
    longer = Recipe(RECIPE.preset, RECIPE.seeds, epochs=2, batch=512)
    names = {identity(data, one, RECIPE), identity(data, two, RECIPE), identity(data, one, longer)}
    assert len(names) == 3
    more_seeds = Recipe(RECIPE.preset, (1, 2, 3), epochs=1, batch=512)
    assert identity(data, one, more_seeds) == identity(data, one, RECIPE)


_RUN = """
from pathlib import Path
from leeward.training.datasets import build_dataset, make_folds
from tests.markets import hourly_market
from tests.train.test_fit import fit_kept
data = build_dataset(hourly_market("BTCUSDT").rows(0, 2_600))
fit_kept(data, make_folds(data, 1), Path(__import__("sys").argv[1]))
"""


def test_a_killed_run_keeps_what_was_finished_and_goes_on(data: Dataset, tmp_path: Path) -> None:
    folder = tmp_path / "training"
    running = subprocess.Popen(
        [sys.executable, "-c", _RUN, str(folder)], cwd=Path(__file__).parents[2]
    )
    while not list(folder.glob("*.npz")) and running.poll() is None:
        time.sleep(0.01)
    running.kill()
    running.wait()
    (finished,) = sorted(folder.glob("*.npz"))[:1]
    before = finished.stat().st_mtime_ns
    folds = make_folds(data, 1)
    resumed = fit_kept(data, folds, folder)
    assert finished.stat().st_mtime_ns == before
    whole = fit_kept(data, folds, tmp_path / "whole")
    for one, other in zip(resumed, whole, strict=True):
        np.testing.assert_array_equal(one.test, other.test)


def test_progress_ends_with_all_of_the_work(data: Dataset, kept: Path) -> None:
    told: list[float] = []
    words: list[str] = []

    def tell(what: str, share: float) -> None:
        told.append(share)
        words.append(what)

    fit_all(data, plan(data, make_folds(data, 1), RECIPE, kept), RECIPE, tell)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert words[-1] == f"fold 1 of 1, seed 2 on {device()}"


def test_the_device_is_the_one_that_jax_found(data: Dataset, kept: Path) -> None:
    jax = trainer_library("jax")
    assert device().split(" ")[0] == jax.default_backend()
    (fitted, _) = fit_kept(data, make_folds(data, 1), kept)
    assert fitted.device == device()
    assert fitted.threads == threads()
    (again, _) = fit_kept(data, make_folds(data, 1), kept)
    assert (again.device, again.threads) == (fitted.device, fitted.threads)
