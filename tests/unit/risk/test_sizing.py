"""Rounding to steps, and the drawdown ladder."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import twin_market

from leeward.risk.sizing import ceil_to_step, floor_to_step, ladder_factor

DECIMAL_STEPS = st.integers(-8, 3).map(lambda power: float(f"1e{power}"))
STEPS = DECIMAL_STEPS | st.floats(1e-6, 1e3) | st.sampled_from([0.5, 0.25, 0.3, 2.5, 7.0])
VALUES = st.floats(-1e6, 1e6)


@pytest.mark.parametrize(
    ("value", "step", "floor", "ceil"),
    [
        (0.3, 0.1, 0.3, 0.3),  # 0.1 x 3 is not 0.3 in floats
        (0.7, 0.1, 0.7, 0.7),
        (1.15, 0.01, 1.15, 1.15),
        (2.999999, 1.0, 2.0, 3.0),
        (123.456, 0.05, 123.45, 123.5),
        (-0.15, 0.1, -0.2, -0.1),
        (17.0, 5.0, 15.0, 20.0),
        (0.00001234, 0.00001, 0.00001, 0.00002),
        (0.0, 0.1, 0.0, 0.0),
        (1.234, 0.0, 1.234, 1.234),  # step 0 rounds nothing
    ],
)
def test_values_are_rounded_to_steps(value: float, step: float, floor: float, ceil: float) -> None:
    assert floor_to_step(value, step) == floor
    assert ceil_to_step(value, step) == ceil


@given(value=VALUES, step=STEPS)
def test_the_floor_is_the_largest_multiple_not_above_the_value(value: float, step: float) -> None:
    floor = floor_to_step(value, step)
    assert floor <= value
    assert value - floor < step * (1 + 1e-9) + abs(value) * 1e-15
    assert floor == twin_market.floor_to_step(value, step)


@given(value=VALUES, step=STEPS)
def test_rounding_twice_changes_nothing(value: float, step: float) -> None:
    floor, ceil = floor_to_step(value, step), ceil_to_step(value, step)
    assert floor_to_step(floor, step) == floor
    assert ceil_to_step(ceil, step) == ceil
    assert ceil_to_step(floor, step) == floor


@given(count=st.integers(0, 10**9), digits=st.integers(0, 8))
def test_a_decimal_the_exchange_writes_is_a_multiple_already(count: int, digits: int) -> None:
    written = float(f"{count}e-{digits}")
    assert floor_to_step(written, float(f"1e-{digits}")) == written


LADDER = np.array([[0.05, 0.75], [0.10, 0.5], [0.15, 0.25]])


@pytest.mark.parametrize(
    ("equity", "factor"),
    [(1000, 1.0), (951, 1.0), (950, 0.75), (901, 0.75), (900, 0.5), (850, 0.25), (1, 0.25)],
)
def test_the_deepest_rung_reached_sets_the_factor(equity: float, factor: float) -> None:
    assert ladder_factor(LADDER, float(equity), 1000.0) == factor


def test_no_ladder_leaves_the_size() -> None:
    assert ladder_factor(np.empty((0, 2)), 1.0, 1000.0) == 1.0


def test_a_quotient_that_rounds_up_does_not_lift_the_floor_above_the_value() -> None:
    below = float(np.nextafter(5 * 0.7, 0))
    assert below / 0.7 == 5.0
    assert floor_to_step(below, 0.7) == 4 * 0.7
