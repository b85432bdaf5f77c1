"""What a bundle says of itself, checked against the schema."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, TypeAlias

import numpy as np

from leeward.domain.columns import FloatColumn
from leeward.domain.errors import BadModel, BadUsage
from leeward.domain.timeframe import Timeframe
from leeward.domain.times import parse_time

SCHEMA_MAJOR: Final = 1
#: From what may not be used at all to what may trade money.
STATUSES: Final = ("rejected", "research", "shadow", "paper", "live")
KINDS: Final = ("price", "sentiment")
QUANTILES: Final = 1001
#: Inner deciles of a feature.
DECILES: Final = 9


@dataclass(frozen=True, slots=True)
class _Maybe:
    kind: Any


@dataclass(frozen=True, slots=True)
class _Named:
    kind: Any


@dataclass(frozen=True, slots=True)
class _OneOf:
    words: tuple[str, ...]


_FLOAT: Final = _Maybe(float)
_METRIC: Final = {"value": _FLOAT, "low": _FLOAT, "high": _FLOAT, "n": int}
_TENSOR: Final = {"name": str, "shape": [(int, str)], "dtype": str}
_FOLD: Final = {
    **dict.fromkeys(
        ("train_first", "train_last", "validate_first", "validate_last", "test_first", "test_last"),
        str,
    ),
    **dict.fromkeys(("train", "validate", "test"), int),
}
_SENTIMENT: Final = {"source": str, "lag_days": int, "stale_after_ms": int, "columns": [str]}
#: Every key is required. A type, [what a list holds], {what an object holds}, or one of the above.
_SCHEMA: Final = {
    "schema_version": str,
    "model_id": str,
    "version": str,
    "created_at": str,
    "status": _OneOf(STATUSES),
    "status_cap": _OneOf(STATUSES),
    "quarantined": bool,
    "symbol": str,
    "timeframe": str,
    "kind": _OneOf(KINDS),
    "files": _Named({"sha256": str, "bytes": int}),
    "onnx": {"opset": int, "ir": int, "input": _TENSOR, "output": _TENSOR, "ops": [str]},
    "arch": {
        "preset": str, "conv": [int], "pool": int, "lstm": int, "dense": int,
        "params": int, "mflop": float,
    },
    "features": {
        "names": [str], "window": int, "version": int, "code_sha256": str,
        "sentiment": _Maybe(_SENTIMENT),
    },
    "target": {
        "kind": _OneOf(("return", "meta")), "horizon_bars": int, "units": str, "clip": float,
        "rule": _Maybe(str),
    },
    "data": {
        "source": str, "first": str, "last": str, "train_first": str, "train_last": str,
        "rows": int, "sha256": str, "gaps": int, "windows": int,
    },
    "splits": {"scheme": str, "purge": int, "embargo": int, "folds": [_FOLD]},
    "training": {
        "keras": str, "backend": str, "numpy": str, "python": str, "seeds": [int],
        "threads": int, "epochs": [int], "loss": str, "git_commit": _Maybe(str),
        "duration_s": float, "seconds_per_seed": float, "average": str, "device": str,
    },
    "trials": {"ledger_count": int, "sharpe_variance": _FLOAT},
    "calibration": {
        "method": str, "residual_quantiles": [float], "alpha": float,
        "slope": _FLOAT, "slope_low": _FLOAT, "slope_high": _FLOAT, "shrink": float,
        "ece": _FLOAT, "coverage": _FLOAT, "brier": _FLOAT, "base_brier": _FLOAT,
    },
    "metrics": _Named(_METRIC),
    "baselines": _Named(_METRIC),
    "gates": [
        {"gate": str, "name": str, "value": _FLOAT, "threshold": str, "pass": bool, "note": str}
    ],
    "drift_reference": _Named([float]),
    "limits": {"max_age_days": int, "min_confidence": float, "max_position": float},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SentimentTerms:
    """The source a sentiment model was trained on, and how long its values hold."""

    source: str
    stale_after_ms: int


#: Beyond this the inputs are no longer those of the training (Siddiqi, 2006).
MOST_DRIFT: Final = 0.25
#: Of bounds meant to hold 90 % of moves, at least this share must.
LEAST_COVERAGE: Final = 0.85


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the residuals at validation were: `quantiles` of (log return / sigma - prediction) at
    the levels 0, 0.001 .. 1, none for a probability; `shrink` is what the forecasts are worth."""

    quantiles: FloatColumn
    alpha: float
    shrink: float


@dataclass(frozen=True, slots=True, eq=False)
class Metadata:
    """The facts of a model that using it needs; `whole` has all of them. Times are UTC ms."""

    name: str
    version: str
    status: str
    status_cap: str
    quarantined: bool
    symbol: str
    timeframe: str
    kind: str
    files: Mapping[str, str]
    feature_names: tuple[str, ...]
    feature_version: int
    sentiment: SentimentTerms | None
    target: str
    data_last_ms: int
    train_last_ms: int
    calibration: Calibration
    drift_reference: Mapping[str, tuple[float, ...]]
    max_age_days: int
    min_confidence: float
    max_position: float
    failed_gates: tuple[str, ...]
    whole: Mapping[str, Any] = field(repr=False)

    @property
    def is_proven(self) -> bool:
        """Whether the gates allow it to trade money."""
        return self.status_cap == "live" and not self.quarantined


def parse_metadata(content: bytes, file: str) -> Metadata:
    """Returns the metadata; raises BadModel naming the file, the key and the rule."""
    try:
        whole = json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise BadModel(f"{file}: is not JSON text; nothing was loaded") from None
    version = whole.get("schema_version") if isinstance(whole, dict) else None
    if not isinstance(version, str) or version.partition(".")[0] != str(SCHEMA_MAJOR):
        raise BadModel(
            f"{file}: schema version {version!r} is refused; this program reads {SCHEMA_MAJOR}.x; "
            "train or install the model again"
        )
    fault = _fault(whole, _SCHEMA, "")
    if fault is not None:
        raise BadModel(f"{file}: {fault}; nothing was loaded")
    try:
        found = _facts(whole)
    except BadUsage as error:
        raise BadModel(f"{file}: {error}; nothing was loaded") from None
    _check(found, file)
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


_Kind: TypeAlias = Any


def _fault(value: object, kind: _Kind, where: str) -> str | None:
    """Returns the first thing that breaks the schema, None where nothing does."""
    match kind:
        case _Maybe():
            return None if value is None else _fault(value, kind.kind, where)
        case _OneOf():
            known = ", ".join(kind.words)
            return None if value in kind.words else f"{where} is {value!r}, not one of {known}"
        case _Named():
            if not isinstance(value, dict):
                return f"{where} is not an object"
            return _first_fault((each, kind.kind, f"{where}.{n}") for n, each in value.items())
        case list():
            if not isinstance(value, list):
                return f"{where} is not a list"
            return _first_fault((each, kind[0], f"{where}[{i}]") for i, each in enumerate(value))
        case dict():
            if not isinstance(value, dict):
                return f"{where or 'it'} is not an object"
            lacking = sorted(kind.keys() - value.keys())
            if lacking:
                return f"'{f'{where}.{lacking[0]}'.lstrip('.')}' is missing"
            return _first_fault((value[n], k, f"{where}.{n}".lstrip(".")) for n, k in kind.items())
        case _:
            return _plain_fault(value, kind, where)


def _first_fault(parts: Any) -> str | None:  # noqa: ANN401 - triples of value, kind and place
    return next((fault for part in parts if (fault := _fault(*part)) is not None), None)


def _plain_fault(value: object, kind: _Kind, where: str) -> str | None:
    allowed = (int, float) if kind is float else kind
    # A bool is an int to Python.
    right = isinstance(value, allowed) and (kind is bool or not isinstance(value, bool))
    named = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
    return None if right else f"'{where}' is not {named.get(kind, 'a whole number or a text')}"


def _facts(whole: Mapping[str, Any]) -> Metadata:
    features, target, data = whole["features"], whole["target"], whole["data"]
    calibration, limits, terms = whole["calibration"], whole["limits"], features["sentiment"]
    return Metadata(
        name=whole["model_id"],
        version=whole["version"],
        status=whole["status"],
        status_cap=whole["status_cap"],
        quarantined=whole["quarantined"],
        symbol=whole["symbol"],
        timeframe=Timeframe.parse(whole["timeframe"]).name,
        kind=whole["kind"],
        files={name: facts["sha256"] for name, facts in whole["files"].items()},
        feature_names=tuple(features["names"]),
        feature_version=features["version"],
        sentiment=terms and SentimentTerms(terms["source"], terms["stale_after_ms"]),
        target=target["kind"],
        data_last_ms=parse_time(data["last"], "data.last"),
        train_last_ms=parse_time(data["train_last"], "data.train_last"),
        calibration=Calibration(
            np.array(calibration["residual_quantiles"], np.float64),
            float(calibration["alpha"]),
            float(calibration["shrink"]),
        ),
        drift_reference={n: tuple(map(float, v)) for n, v in whole["drift_reference"].items()},
        max_age_days=limits["max_age_days"],
        min_confidence=float(limits["min_confidence"]),
        max_position=float(limits["max_position"]),
        failed_gates=tuple(gate["name"] for gate in whole["gates"] if not gate["pass"]),
        whole=whole,
    )


def _check(found: Metadata, file: str) -> None:
    """Raises for values that have the right type and are wrong all the same."""
    calibration = found.calibration
    expected = QUANTILES if found.target == "return" else 0
    quantiles = calibration.quantiles.tolist()
    rules = (
        (len(quantiles) == expected, f"calibration.residual_quantiles must be {expected} numbers"),
        (_is_increasing(quantiles), "calibration.residual_quantiles must not decrease"),
        (0 < calibration.alpha < 1, "calibration.alpha must be between 0 and 1"),
        (0 <= calibration.shrink <= 1, "calibration.shrink must be from 0 to 1"),
        (found.max_age_days > 0, "limits.max_age_days must be above 0"),
        (0 <= found.min_confidence <= 1, "limits.min_confidence must be from 0 to 1"),
        (0 < found.max_position <= 1, "limits.max_position must be above 0 and at most 1"),
        ((found.kind == "sentiment") == (found.sentiment is not None),
         "features.sentiment must be given for the kind sentiment, and for it alone"),
    )  # fmt: skip
    drift = [
        (len(v) == DECILES and _is_increasing(v), f"drift_reference.{n} must be {DECILES} deciles")
        for n, v in found.drift_reference.items()
    ]
    for holds, rule in (*rules, *drift):
        if not holds:
            raise BadModel(f"{file}: {rule}; nothing was loaded")


def _is_increasing(values: Sequence[float]) -> bool:
    return all(a <= b for a, b in pairwise(values))
