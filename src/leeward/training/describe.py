"""A trained model in words and numbers: the parts of its metadata, ready for JSON."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict
from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np

from leeward.domain.times import iso
from leeward.indicators.features import FEATURE_VERSION, WINDOW
from leeward.statistics.drift import deciles
from leeward.statistics.folds import Fold
from leeward.training import gates, judge
from leeward.training.datasets import Dataset
from leeward.training.export import INPUT, IR_VERSION, OPSET, OUTPUT, ops_of
from leeward.training.fit import Recipe
from leeward.training.judge import Calibration, Figure, Trained
from leeward.training.labels import CLIP
from leeward.training.networks import Preset, mflop
from leeward.training.paths import TESTED, Paths
from leeward.training.verdict import Verdict

LIMITS: Final = {"max_age_days": 180, "min_confidence": 0.0, "max_position": 0.1}


def onnx_facts(onnx: bytes, data: Dataset) -> dict[str, object]:
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


def arch_facts(preset: Preset, trained: Trained) -> dict[str, object]:
    return {
        "preset": preset.name,
        "conv": list(preset.conv),
        "pool": preset.pool,
        "lstm": preset.lstm,
        "dense": preset.dense,
        "params": int(sum(values.size for values in trained.shipped.weights)),
        "mflop": round(mflop(preset, trained.data.channels), 2),
    }


def feature_facts(data: Dataset, source: str, stale_after_ms: int) -> dict[str, object]:
    spec = find_spec("leeward.indicators.features")
    assert spec is not None
    assert spec.origin is not None
    sentiment = {
        "source": source,
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


def target_facts(target: str, rule: str) -> dict[str, object]:
    meta = target == "meta"
    return {
        "kind": target,
        "horizon_bars": 1,
        "units": "probability" if meta else "sigma_window",
        "clip": CLIP,
        "rule": rule if meta else None,
    }


def data_facts(trained: Trained) -> dict[str, object]:
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


def split_facts(trained: Trained, paths: Paths | None) -> dict[str, object]:
    facts = {
        "scheme": "purged walk-forward",
        "purge": trained.data.horizon,
        "embargo": WINDOW,
        "folds": [_fold(trained.data, fold) for fold in trained.folds],
    }
    return facts if paths is None else {**facts, "combinatorial": _paths(paths)}


def _paths(paths: Paths) -> dict[str, object]:
    return {
        "groups": paths.groups,
        "tested": TESTED,
        "trainings": paths.trainings,
        "seed": paths.seed,
        "sharpe_net": list(paths.sharpes),
    }


def _path_figure(paths: Paths) -> dict[str, Figure]:
    """Returns the middle path, and the bounds that a twentieth of the paths lies beyond."""
    middle, low, high = (paths.quantile(level) for level in (0.5, 0.05, 0.95))
    return {"cpcv_sharpe_net": Figure(middle, low, high, len(paths.sharpes))}


def _fold(data: Dataset, fold: Fold) -> dict[str, object]:
    facts: dict[str, object] = {}
    parts = {"train": fold.train, "validate": fold.validate, "test": fold.test}
    for name, positions in parts.items():
        facts[name] = len(positions)
        facts[f"{name}_first"] = data.time(int(positions[0]))
        facts[f"{name}_last"] = data.time(int(positions[-1]))
    return facts


def training_facts(trained: Trained, recipe: Recipe, duration_s: float) -> dict[str, object]:
    seconds = [each.seconds for each in trained.fitted]
    return {
        "keras": str(import_module("keras").__version__),
        "backend": f"jax {import_module('jax').__version__}",
        "numpy": np.__version__,
        "python": sys.version.split()[0],
        "seeds": list(recipe.seeds),
        "shipped_seed": trained.shipped.seed,
        "threads": trained.shipped.threads,
        "epochs": [each.epochs for each in trained.fitted],
        "loss": "binary_crossentropy" if trained.is_meta else "mse",
        "git_commit": _commit(),
        "duration_s": round(duration_s, 1),
        "seconds_per_seed": round(float(np.mean(seconds)), 1),
        "average": "weights-of-one",
        "device": ", ".join(sorted({each.device for each in trained.fitted})),
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
    # What the schema calls a number is written as one, counts too.
    return {
        name: asdict(each) | {"value": None if each.value is None else float(each.value)}
        for name, each in figures.items()
    }


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


def drift_facts(trained: Trained) -> dict[str, list[float]]:
    data, fold = trained.data, trained.folds[-1]
    last = data.features[fold.train, -1]
    found = {name: deciles(last[:, i]).tolist() for i, name in enumerate(data.names)}
    return {**found, "prediction": deciles(trained.shipped.validate).tolist()}


def judged_facts(trained: Trained, verdict: Verdict) -> dict[str, object]:
    """Returns status, figures, baselines, calibration and gates."""
    shipped = {f"{name}_shipped": each for name, each in _plain(verdict.shipped).items()}
    paths = {} if verdict.paths is None else _plain(_path_figure(verdict.paths))
    return {
        "status": gates.first_status(verdict.gates),
        "status_cap": gates.status_cap(verdict.gates),
        "quarantined": gates.quarantined(verdict.gates),
        "calibration": _calibration(verdict.calibration, trained),
        "metrics": {**_plain(verdict.average), **shipped, **_seed_spread(trained), **paths},
        "baselines": {
            f"{name}.{figure}": value
            for name, each in verdict.baselines.items()
            for figure, value in _plain(each).items()
        },
        "gates": [_gate(each) for each in verdict.gates],
    }
