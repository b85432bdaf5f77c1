"""Trains a model from the stored candles, judges it, and makes its bundle."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from leeward.data.sentiment_store import SentimentStore
from leeward.data.store import CandleStore
from leeward.domain.candles import Candles
from leeward.domain.errors import BadUsage
from leeward.domain.timeframe import Timeframe
from leeward.domain.times import iso
from leeward.indicators.features import FEATURE_VERSION, WINDOW, FloatTable, raw_windows
from leeward.indicators.sentiment import SENTIMENT_COLUMNS, daily_sentiment, sentiment_at
from leeward.runtime.clock import monotonic_s, now_ms
from leeward.runtime.gathering import Span
from leeward.runtime.settings import Settings
from leeward.runtime.strategies import load_strategy
from leeward.statistics.drift import deciles
from leeward.statistics.folds import Fold
from leeward.training import gates, judge
from leeward.training.bundle import GOLDEN, Bundle, golden_file, make_bundle, model_name
from leeward.training.datasets import Dataset, build_dataset, make_folds
from leeward.training.export import INPUT, IR_VERSION, OPSET, OUTPUT, ops_of, to_onnx
from leeward.training.fit import (
    Progress,
    Recipe,
    device,
    fit_all,
    identity,
    model_of,
    threads,
)
from leeward.training.judge import Calibration, Costs, Figure, Trained
from leeward.training.labels import CLIP, rule_positions
from leeward.training.money import judge_money, yearly_sharpe
from leeward.training.networks import Preset, mflop, preset_named, trainer_library
from leeward.training.trials import Trial, add_trials, sharpe_variance

#: The strategy whose trades the target "meta" judges, and the rule beside every figure.
RULE = "ema_cross"
KINDS = ("price", "sentiment")
TARGETS = ("return", "meta")
SENTIMENT_SOURCE = "senticrypt"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be trained; dates are UTC text, None for all there is."""

    kind: str
    symbol: str
    timeframe: Timeframe
    preset: str = "small"
    target: str = "return"
    seeds: int = 3
    folds: int = 3
    start: str | None = None
    end: str | None = None
    epochs: int | None = None

    def __post_init__(self) -> None:
        for name, value, known in (("kind", self.kind, KINDS), ("target", self.target, TARGETS)):
            if value not in known:
                raise BadUsage(f"{name}: '{value}' is unknown; known: {', '.join(known)}")
        for name, count in (("seeds", self.seeds), ("folds", self.folds)):
            if not 1 <= count <= 20:
                raise BadUsage(f"{name}: {count}; it must be from 1 to 20")

    def recipe(self) -> Recipe:
        made = Recipe(preset_named(self.preset), tuple(range(1, self.seeds + 1)))
        return made if self.epochs is None else Recipe(made.preset, made.seeds, self.epochs)


def models_dir(settings: Settings) -> Path:
    """Returns where active and archived models lie."""
    return settings.data.dir / "models"


def train(order: Order, settings: Settings, progress: Progress) -> Bundle:
    """Returns the trained and judged model; every network of it enters the ledger of trials.

    Raises BadUsage for candles the store does not hold, Failed or BadCandles for data that teach
    nothing. What is finished is kept in the data directory: a killed run continues.
    """
    begun = monotonic_s()
    recipe = order.recipe()
    trainer_library("onnx")  # says so at once where the extra is missing
    candles = _candles(order, settings)
    costs = Costs(settings.backtest.fee, settings.backtest.slippage)
    held = rule_positions(load_strategy(RULE)(), candles)
    sentiment = _sentiment(order, candles, settings)
    meta = held if order.target == "meta" else None
    data = build_dataset(candles, sentiment, meta, 2 * costs.side)
    folds = make_folds(data, order.folds)
    fitted = fit_all(data, folds, recipe, settings.data.dir / "training", progress)
    trained = Trained(data, folds, fitted, held, costs)
    progress("judging", 1.0)
    trials = _enter(trained, recipe, settings.data.dir)
    return _finish(
        order, trained, recipe, trials, _Took(begun, sentiment, _stale_after_ms(settings))
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Took:
    begun: float
    sentiment: FloatTable | None
    stale_after_ms: int


def _candles(order: Order, settings: Settings) -> Candles:
    span = Span.parse(order.start, order.end)
    stored = CandleStore(settings.data.dir).load(order.symbol, order.timeframe)
    candles = stored.between(span.start_ms, span.end_ms)
    if not len(candles):
        first, last = (iso(int(stored.open_time[row])) for row in (0, -1))
        raise BadUsage(f"{stored.name}: no candles in that range; stored: {first} to {last}")
    return candles


def _sentiment(order: Order, candles: Candles, settings: Settings) -> FloatTable | None:
    """Returns the eight features as known when each candle closed; None for a price model."""
    if order.kind == "price":
        return None
    series = SentimentStore(settings.data.dir).load(SENTIMENT_SOURCE)
    daily = daily_sentiment(series.day, series.available_at, series.table(SENTIMENT_COLUMNS))
    closes = candles.open_time + candles.timeframe.length_ms
    return sentiment_at(daily, closes, _stale_after_ms(settings))


def _stale_after_ms(settings: Settings) -> int:
    return round(settings.sentiment.stale_after_hours * 3_600_000)


def _enter(trained: Trained, recipe: Recipe, folder: Path) -> list[Trial]:
    name = identity(trained.data, trained.folds, recipe)
    at = iso(now_ms())
    entries = []
    for seed in trained.seeds:
        changes = trained.changes(trained.long(trained.answers(seed)))
        sharpe = yearly_sharpe(changes, trained.candles_a_year)
        entries.append(Trial(name, seed, trained.data.candles.symbol, at, sharpe))
    return add_trials(folder, entries)


def _finish(
    order: Order, trained: Trained, recipe: Recipe, trials: Sequence[Trial], took: _Took
) -> Bundle:
    data = trained.data
    onnx = to_onnx(model_of(data, recipe.preset, trained.shipped))
    average = judge.figures(trained, trained.average)
    shipped = judge.figures(trained, trained.answers(trained.shipped.seed))
    beaten = judge.baseline_figures(trained)
    calibration = judge.calibrate(trained)
    money = judge_money(
        trained.changes(trained.long(trained.average)),
        variants(trained),
        {
            "holding": trained.changes(np.ones(len(trained.test), dtype=np.bool_)),
            "rule": trained.changes(trained.rule_long),
        },
        len(trials),
        sharpe_variance(trials) / trained.candles_a_year,
    )
    found = [
        *gates.artefact_gates(trained, recipe.preset, onnx),
        *gates.leak_gates(trained, average),
        *gates.skill_gates(trained, average, shipped, beaten, calibration),
        *gates.money_gates(trained, money, len(trials)),
        *gates.calibration_gates(calibration),
    ]
    described = {
        "model_id": model_name(order.symbol, order.kind, order.timeframe),
        "status": gates.first_status(found),
        "status_cap": gates.status_cap(found),
        "quarantined": gates.quarantined(found),
        "symbol": order.symbol,
        "timeframe": order.timeframe.name,
        "kind": order.kind,
        "onnx": _onnx_facts(onnx, data),
        "arch": _arch(recipe.preset, trained),
        "features": _feature_facts(data, took.stale_after_ms),
        "target": _target(order),
        "data": _data_facts(trained),
        "splits": _splits(trained),
        "training": _training(trained, recipe, monotonic_s() - took.begun),
        "trials": {"ledger_count": len(trials), "sharpe_variance": sharpe_variance(trials)},
        "calibration": _calibration(calibration, trained),
        "metrics": {
            **_plain(average),
            **{f"{name}_shipped": each for name, each in _plain(shipped).items()},
            **_seed_spread(trained),
        },
        "baselines": {name: _plain(each) for name, each in beaten.items()},
        "gates": [_gate(each) for each in found],
        "drift_reference": _deciles(trained),
        "limits": {"max_age_days": 180, "min_confidence": 0.0, "max_position": 0.1},
    }
    return make_bundle(described, onnx, _golden(trained, onnx, took.sentiment), iso(_second()))


def _second() -> int:
    return now_ms() // 1000 * 1000


def variants(trained: Trained) -> Any:
    """Returns the changes [candles, variants] of all that was looked at: the average, each seed,
    and the average where it promises more than the costs of one and of two sides."""
    promised = trained.average * trained.data.sigma[trained.test]
    longs = [trained.long(trained.average)]
    longs += [trained.long(trained.answers(seed)) for seed in trained.seeds]
    if not trained.is_meta:
        longs += [promised > sides * trained.costs.side for sides in (1, 2)]
    return np.stack([trained.changes(long) for long in longs], axis=1)


def _onnx_facts(onnx: bytes, data: Dataset) -> dict[str, object]:
    return {
        "opset": OPSET,
        "ir": IR_VERSION,
        "input": {
            "name": INPUT,
            "shape": ["batch", WINDOW, data.channels],
            "dtype": "float32",
        },
        "output": {"name": OUTPUT, "shape": ["batch", 1], "dtype": "float32"},
        "ops": ops_of(onnx),
    }


def _arch(preset: Preset, trained: Trained) -> dict[str, object]:
    return {
        "preset": preset.name,
        "conv": list(preset.conv),
        "pool": preset.pool,
        "lstm": preset.lstm,
        "dense": preset.dense,
        "params": int(sum(values.size for values in trained.shipped.weights)),
        "mflop": round(mflop(preset, trained.data.channels), 2),
    }


def _feature_facts(data: Dataset, stale_after_ms: int) -> dict[str, object]:
    spec = find_spec("leeward.indicators.features")
    assert spec is not None
    assert spec.origin is not None
    sentiment = {
        "source": SENTIMENT_SOURCE,
        "lag_days": 1,
        "stale_after_ms": stale_after_ms,
        "columns": list(data.names[5:]),
    }
    return {
        "names": list(data.names),
        "window": WINDOW,
        "version": FEATURE_VERSION,
        "code_sha256": sha256(Path(spec.origin).read_bytes()).hexdigest(),
        "sentiment": sentiment if data.kind == "sentiment" else None,
    }


def _target(order: Order) -> dict[str, object]:
    meta = order.target == "meta"
    return {
        "kind": order.target,
        "horizon_bars": 1,
        "units": "probability" if meta else "sigma_window",
        "clip": CLIP,
        "rule": RULE if meta else None,
    }


def _data_facts(trained: Trained) -> dict[str, object]:
    data, candles = trained.data, trained.data.candles
    first, last = (iso(int(candles.open_time[row])) for row in (0, -1))
    return {
        "source": "candle store",
        "first": first,
        "last": last,
        "train_first": data.time(int(trained.folds[-1].train[0])),
        "train_last": data.time(int(trained.folds[-1].validate[-1])),
        "rows": len(candles),
        "sha256": candles.sha256,
        "gaps": len(candles.gaps),
        "windows": len(data),
    }


def _splits(trained: Trained) -> dict[str, object]:
    return {
        "scheme": "purged walk-forward",
        "purge": trained.data.horizon,
        "embargo": WINDOW,
        "folds": [_fold(trained.data, fold) for fold in trained.folds],
    }


def _fold(data: Dataset, fold: Fold) -> dict[str, object]:
    facts: dict[str, object] = {}
    parts = {"train": fold.train, "validate": fold.validate, "test": fold.test}
    for name, positions in parts.items():
        facts[name] = len(positions)
        facts[f"{name}_first"] = data.time(int(positions[0]))
        facts[f"{name}_last"] = data.time(int(positions[-1]))
    return facts


def _training(trained: Trained, recipe: Recipe, duration_s: float) -> dict[str, object]:
    seconds = [each.seconds for each in trained.fitted]
    return {
        "keras": str(import_module("keras").__version__),
        "backend": f"jax {import_module('jax').__version__}",
        "numpy": np.__version__,
        "python": sys.version.split()[0],
        "seeds": list(recipe.seeds),
        "shipped_seed": trained.shipped.seed,
        "threads": threads(),
        "epochs": [each.epochs for each in trained.fitted],
        "loss": "binary_crossentropy" if trained.is_meta else "mse",
        "git_commit": _commit(),
        "duration_s": round(duration_s, 1),
        "seconds_per_seed": round(float(np.mean(seconds)), 1),
        "average": "weights-of-one",
        "device": device(),
    }


def _commit() -> str | None:
    """Returns the commit of the source tree, None where it is none."""
    asked = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=5)  # noqa: S603 - fixed words
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _calibration(found: Calibration, trained: Trained) -> dict[str, object]:
    slope = found.slope
    return {
        "method": "logistic" if trained.is_meta else "conformal",
        "residual_quantiles": found.quantiles,
        "alpha": judge.ALPHA,
        "slope": None if slope is None else slope.value,
        "slope_low": None if slope is None else slope.low,
        "slope_high": None if slope is None else slope.high,
        "shrink": found.shrink,
        "ece": found.ece,
        "coverage": found.coverage,
        "brier": found.brier,
        "base_brier": found.base_brier,
    }


def _plain(figures: judge.Figures) -> dict[str, dict[str, object]]:
    return {name: asdict(each) for name, each in figures.items()}


def _seed_spread(trained: Trained) -> dict[str, dict[str, object]]:
    """Returns the accuracy of every seed: how far they lie apart shows what one is worth."""
    found = {}
    for seed in trained.seeds:
        hit = (trained.answers(seed) > trained.middle) == trained.up
        found[f"accuracy_seed{seed}"] = asdict(Figure(float(hit.mean()), n=len(hit)))
    return found


def _gate(gate: gates.Gate) -> dict[str, object]:
    facts = asdict(gate)
    facts["pass"] = facts.pop("passed")
    return facts


def _deciles(trained: Trained) -> dict[str, list[float]]:
    data, fold = trained.data, trained.folds[-1]
    last = data.features[fold.train, -1]
    found = {name: deciles(last[:, i]).tolist() for i, name in enumerate(data.names)}
    return {**found, "prediction": deciles(trained.shipped.validate).tolist()}


def _golden(trained: Trained, onnx: bytes, sentiment: FloatTable | None) -> bytes:
    data, test = trained.data, trained.folds[-1].test
    chosen = test[np.linspace(0, len(test) - 1, GOLDEN).astype(np.int64)]
    raw = raw_windows(data.candles, data.rows[chosen], sentiment)
    return golden_file(raw, data.features[chosen], data.sigma[chosen], onnx)
