"""The gates between a trained network and its use, and the status they allow at most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from leeward.domain.columns import FloatColumn
from leeward.training import baselines
from leeward.training.export import Floats, ops_of, run_onnx, to_onnx
from leeward.training.fit import model_of
from leeward.training.judge import Calibration, Figure, Figures, Trained, against_nothing
from leeward.training.money import Bars, Money, deepest, turns
from leeward.training.networks import Preset
from leeward.training.paths import Paths

#: Windows on which the graph is compared with Keras.
PARITY_WINDOWS = 1_024
MOST_BYTES = 2_000_000
#: Decisions that tell 52 % from a coin.
ENOUGH_DECISIONS = 4_900
FEWEST_TRADES = 30
_ALLOWED_OPS = frozenset(
    {"Conv", "Gemm", "Identity", "LSTM", "MaxPool", "Pad", "Relu", "Sigmoid", "Squeeze",
     "Transpose"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Gate:
    """One check: what was found, what is asked for, and whether it holds."""

    gate: str
    name: str
    value: float | None
    threshold: str
    passed: bool
    note: str = ""


def status_cap(gates: Sequence[Gate]) -> str:
    """Returns the highest status the gates allow.

    A failed artefact or leak check: rejected. Failed skill, money or calibration: paper. Else live.
    """
    failed = {gate.gate for gate in gates if not gate.passed}
    if failed & {"G0", "G1"}:
        return "rejected"
    return "paper" if failed else "live"


def first_status(gates: Sequence[Gate]) -> str:
    """Returns the status a fresh model gets: research, or rejected where it may not be used."""
    return "rejected" if status_cap(gates) == "rejected" else "research"


def quarantined(gates: Sequence[Gate]) -> bool:
    """Returns whether a leak tripwire fired."""
    return any(gate.gate == "G1" and not gate.passed for gate in gates)


def _at_most(gate: str, name: str, value: float | None, most: float, note: str = "") -> Gate:
    return Gate(gate, name, value, f"<= {most:g}", value is not None and value <= most, note)


def _at_least(gate: str, name: str, value: float | None, least: float, note: str = "") -> Gate:
    return Gate(gate, name, value, f">= {least:g}", value is not None and value >= least, note)


def _above(gate: str, name: str, value: float | None, bound: float, note: str = "") -> Gate:
    return Gate(gate, name, value, f"> {bound:g}", value is not None and value > bound, note)


def _below(gate: str, name: str, value: float | None, bound: float, note: str = "") -> Gate:
    return Gate(gate, name, value, f"< {bound:g}", value is not None and value < bound, note)


def artefact_gates(trained: Trained, preset: Preset, onnx: bytes) -> list[Gate]:
    """Returns the checks of the file itself: parity with Keras, batches, size, operators."""
    data = trained.data
    windows = data.features[-PARITY_WINDOWS:]
    model = model_of(data, preset, trained.shipped)
    keras = np.asarray(model(windows, training=False), np.float64)[:, 0]
    answers: Floats = run_onnx(onnx, windows)
    alone = run_onnx(onnx, windows[:64], batch=1)
    spread = float(trained.answers(trained.shipped.seed).std() / max(trained.truth.std(), 1e-12))
    strangers = set(ops_of(onnx)) - _ALLOWED_OPS
    same = to_onnx(model_of(data, preset, trained.shipped)) == onnx
    parity = float(np.abs(keras - answers).max())
    return [
        _at_most("G0", "parity", parity, 1e-6, f"{len(windows):,} windows"),
        _at_most("G0", "single_is_batch", float(np.abs(alone - answers[:64]).max()), 1e-6),
        _at_most("G0", "bytes", float(len(onnx)), MOST_BYTES),
        _at_most("G0", "foreign_ops", float(len(strangers)), 0, ", ".join(sorted(strangers))),
        Gate("G0", "reproducible_bytes", float(same), "= 1", same),
        Gate("G0", "spread", spread, "in (0, 1]", 0.0 < spread <= 1.0, "of answers over truths"),
    ]


def leak_gates(trained: Trained, average: Figures) -> list[Gate]:
    """Returns the tripwires: results too good for this data are a defect, not a discovery."""
    accuracy, order = average["accuracy"], average["rank_ic"]
    permuted = baselines.permuted_accuracy(trained.data, trained.folds)
    base = max(float(trained.up.mean()), 1.0 - float(trained.up.mean()))
    size = None if order.value is None else abs(order.value)
    # Outcomes of trades are unbalanced: what counts is how far the accuracy is above the base.
    most = max(0.58, base + 0.08) if trained.is_meta else 0.58
    return [
        _at_most("G1", "accuracy_tripwire", accuracy.value, round(most, 4)),
        _at_most("G1", "rank_ic_tripwire", size, 0.15),
        _at_most("G1", "permuted_labels", permuted, round(base + 0.03, 4)),
    ]


def skill_gates(
    trained: Trained,
    average: Figures,
    shipped: Figures,
    beaten: Mapping[str, Figures],
    calibration: Calibration,
) -> list[Gate]:
    """Returns whether the forecasts are better than nothing, and than simple learners."""
    found = against_nothing(trained, trained.average)
    order = average["rank_ic"]
    rivals = [
        Gate(
            "G2",
            f"beats_{name}",
            _difference(order, beaten[name]["rank_ic"]),
            "> 0",
            (_difference(order, beaten[name]["rank_ic"]) or 0.0) > 0.0,
            "difference of rank IC",
        )
        for name in ("logistic", "lightgbm")
    ]
    slope = None if calibration.slope is None else calibration.slope.low
    return [
        _below("G2", "mse_ratio", average["mse_ratio"].value, 1.0),
        _below("G2", "diebold_mariano", None if found is None else found.p_better, 0.05),
        _above("G2", "rank_ic_low", order.low, 0.0),
        _above("G2", "rank_ic_low_shipped", shipped["rank_ic"].low, 0.0, "the network itself"),
        _above("G2", "slope_low", slope, 0.0),
        *rivals,
        _at_least("G2", "decisions", float(order.n), ENOUGH_DECISIONS, "else underpowered"),
        _at_least("G2", "seeds", float(len(trained.seeds)), 3),
    ]


def _difference(own: Figure, other: Figure) -> float | None:
    if own.value is None or other.value is None:
        return None
    return own.value - other.value


def money_gates(trained: Trained, money: Money, trials: int, paths: Paths | None) -> list[Gate]:
    """Returns whether the forecasts would have earned anything, after costs and the search."""
    bars = Bars()
    long = trained.long(trained.average)
    changes = trained.changes(long)
    holding = np.ones(len(long), dtype=np.bool_)
    double: FloatColumn = trained.changes(long, 2.0)
    earned = float(np.prod(1.0 + double) - 1.0)
    deeper = deepest(changes) - deepest(trained.changes(holding))
    return [
        _at_least("G3", "psr", money.psr, bars.psr),
        _at_least("G3", "dsr", money.dsr, bars.dsr, f"{trials:,} trials"),
        _at_most("G3", "pbo", money.pbo, bars.pbo),
        paths_gate(paths),
        *(_below("G3", f"spa_{name}", p, bars.spa) for name, p in money.spa.items()),
        _at_most("G3", "drawdown_over_holding", deeper, 0.0, f"own {deepest(changes):.1%}"),
        _above("G3", "return_at_twice_the_costs", earned, 0.0),
        _at_least("G3", "trades", float(turns(long, trained.apart)), FEWEST_TRADES),
    ]


def paths_gate(paths: Paths | None) -> Gate:
    """Returns whether nearly every combined path gains after costs."""
    if paths is None:
        return _above("G3", "cpcv_sharpe_low", None, 0.0, "no paths were asked for")
    note = f"5th percentile of {len(paths.sharpes)} paths, {paths.trainings} trainings"
    return _above("G3", "cpcv_sharpe_low", paths.quantile(0.05), 0.0, note)


def calibration_gates(calibration: Calibration) -> list[Gate]:
    """Returns whether intervals and probabilities mean what they say."""
    worse = None
    if calibration.brier is not None and calibration.base_brier is not None:
        worse = calibration.brier - calibration.base_brier
    found = [
        _at_most("G4", "ece", calibration.ece, 0.03),
        _at_most("G4", "brier_over_base", worse, 0.0),
    ]
    if calibration.coverage is None or calibration.worst_months is None:
        return found  # probabilities of trades have no intervals
    low, high = calibration.worst_months
    inside = 0.88 <= calibration.coverage <= 0.92
    return [
        Gate("G4", "coverage", calibration.coverage, "in [0.88, 0.92]", inside),
        _at_least("G4", "coverage_worst_month", low, 0.85),
        _at_most("G4", "coverage_best_month", high, 0.95),
        *found,
    ]
