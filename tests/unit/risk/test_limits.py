"""Limits refuse what makes no sense, by name, with the value and the rule."""

from __future__ import annotations

from typing import Any

import pytest

from leeward.domain.errors import BadConfig, Refused
from leeward.risk.limits import RiskLimits, limit_names


def test_the_defaults_are_the_contract() -> None:
    limits = RiskLimits()
    assert {name: getattr(limits, name) for name in limit_names()} == {
        "max_position_fraction": 0.10,
        "risk_per_trade_fraction": 0.01,
        "max_exposure_fraction": 0.50,
        "max_correlated_fraction": 0.20,
        "correlation_threshold": 0.8,
        "max_open_positions": 5,
        "require_stop": True,
        "default_stop_fraction": 0.05,
        "trend_gate": "ema:200:10",
        "daily_loss_fraction": 0.03,
        "drawdown_ladder": ((0.05, 0.75), (0.10, 0.5), (0.15, 0.25)),
        "max_drawdown_fraction": 0.20,
        "cooldown_candles": 3,
        "max_orders_per_hour": 60,
    }


@pytest.mark.parametrize("value", [0.0, -0.1, 1.01, float("nan"), float("inf")])
@pytest.mark.parametrize(
    "name", [name for name in limit_names() if name.endswith(("_fraction", "_threshold"))]
)
def test_a_fraction_is_above_0_and_at_most_1(name: str, value: float) -> None:
    changed: dict[str, Any] = {name: value}
    with pytest.raises(BadConfig, match=rf"risk\.{name}: {value} must be above 0 and at most 1"):
        RiskLimits(**changed)


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in limit_names()
        if name.endswith(("_fraction", "_threshold")) and name != "default_stop_fraction"
    ],
)
def test_a_fraction_of_1_is_allowed(name: str) -> None:
    changed: dict[str, Any] = {name: 1.0}
    assert getattr(RiskLimits(**changed), name) == 1.0


def test_a_default_stop_at_zero_is_refused() -> None:
    with pytest.raises(BadConfig, match=r"default_stop_fraction: 1\.0 puts the stop at zero"):
        RiskLimits(default_stop_fraction=1.0)


@pytest.mark.parametrize(
    ("name", "value", "least"), [("max_open_positions", 0, 1), ("cooldown_candles", -1, 0)]
)
def test_a_count_has_a_least_value(name: str, value: int, least: int) -> None:
    with pytest.raises(BadConfig, match=f"risk.{name}: {value} must be {least} or more"):
        RiskLimits(**{name: value})  # type: ignore[arg-type] # both are counts
    assert getattr(RiskLimits(**{name: least}), name) == least  # type: ignore[arg-type] # as above


@pytest.mark.parametrize(
    "ladder",
    [
        ((0.10, 0.5), (0.05, 0.75)),  # deepest first
        ((0.05, 0.5), (0.05, 0.25)),  # twice the same
        ((0.0, 0.5),),
        ((1.0, 0.5),),
        ((0.05, 1.1),),
        ((0.05, -0.1),),
        ((float("nan"), 0.5),),
        ((0.05, float("nan")),),
    ],
)
def test_a_ladder_that_does_not_descend_is_refused(
    ladder: tuple[tuple[float, float], ...],
) -> None:
    with pytest.raises(BadConfig, match=r"risk\.drawdown_ladder: rung .* deepest last"):
        RiskLimits(drawdown_ladder=ladder)


def test_a_ladder_may_be_empty_or_go_down_to_zero() -> None:
    assert RiskLimits(drawdown_ladder=()).drawdown_ladder == ()
    assert RiskLimits(drawdown_ladder=((0.1, 1.0), (0.2, 0.0))).drawdown_ladder[1] == (0.2, 0.0)


@pytest.mark.parametrize(
    "gate", ["", "on", "ema", "ema:200", "ema:200:10:1", "sma:200:10", "ema:x:10", "ema:-2:10"]
)
def test_an_unreadable_trend_gate_is_refused(gate: str) -> None:
    with pytest.raises(BadConfig, match=f"trend_gate: '{gate}' is not 'ema:PERIOD:LOOKBACK'"):
        RiskLimits(trend_gate=gate)


@pytest.mark.parametrize("gate", ["ema:1:10", "ema:0:10", "ema:200:0"])
def test_a_trend_gate_out_of_bounds_is_refused(gate: str) -> None:
    with pytest.raises(BadConfig, match="needs a period >= 2 and a lookback >= 1"):
        RiskLimits(trend_gate=gate)


def test_more_than_a_tenth_in_one_position_needs_an_acknowledgement() -> None:
    RiskLimits(max_position_fraction=0.10).check_acknowledged(acknowledged=False)
    bold = RiskLimits(max_position_fraction=0.11)
    bold.check_acknowledged(acknowledged=True)
    with pytest.raises(Refused, match=r"0\.11 refused: above 0\.10 of equity.*--i-understand"):
        bold.check_acknowledged(acknowledged=False)
