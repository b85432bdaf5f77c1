from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.walks import walk

from leeward.indicators import adaptive_ema, efficiency_ratio, ema

CLOSE = walk(600).close


def test_a_straight_way_is_efficient_and_a_way_back_is_not() -> None:
    values = np.array([10.0, 12.0, 14.0, 16.0, 14.0, 12.0, 12.0, 12.0, 12.0])

    ratio = efficiency_ratio(values, 3)

    # 6 of 6 up; 2 of 6; 2 of 6 down; 4 of 4 down with a rest; 2 of 2; nothing moved.
    expected = [np.nan] * 3 + [1.0, 1 / 3, 1 / 3, 1.0, 1.0, 0.0]
    np.testing.assert_allclose(ratio, expected, rtol=1e-15)


@settings(deadline=None)  # the first example compiles
@given(st.lists(st.floats(-1e6, 1e6), min_size=6, max_size=60), st.integers(1, 5))
def test_the_ratio_is_the_distance_over_the_way(values: list[float], period: int) -> None:
    column = np.array(values)

    ratio = efficiency_ratio(column, period)

    for t in range(period, len(column)):
        way = np.abs(np.diff(column[t - period : t + 1])).sum()
        distance = abs(column[t] - column[t - period])
        assert ratio[t] == pytest.approx(min(1.0, distance / way) if way else 0.0, rel=1e-9)


def test_at_speed_zero_it_is_the_slow_average() -> None:
    average = adaptive_ema(CLOSE, np.zeros(600), 5, 30)

    np.testing.assert_allclose(average, ema(CLOSE, 30), rtol=1e-12)


def test_at_speed_one_it_becomes_the_fast_average() -> None:
    average = adaptive_ema(CLOSE, np.ones(600), 5, 30)

    assert np.isnan(average[:29]).all()
    np.testing.assert_allclose(average[200:], ema(CLOSE, 5)[200:], rtol=1e-12)


@settings(deadline=None)  # the first example compiles
@given(st.floats(-3, 4))
def test_a_speed_beyond_its_range_counts_as_the_nearer_end(speed: float) -> None:
    held = np.full(600, min(1.0, max(0.0, speed)))

    average = adaptive_ema(CLOSE, np.full(600, speed), 5, 30)

    assert average[29:].tolist() == adaptive_ema(CLOSE, held, 5, 30)[29:].tolist()


def test_every_row_moves_by_its_own_weight() -> None:
    speed = np.linspace(0, 1, 600)

    average = adaptive_ema(CLOSE, speed, 5, 30)

    fast, slow = 2 / 6, 2 / 31
    expected = CLOSE[:30].mean()
    for t in range(30, 600):
        expected += (slow + speed[t] * (fast - slow)) * (CLOSE[t] - expected)
        assert average[t] == pytest.approx(expected, rel=1e-12)


def test_an_unknown_speed_starts_it_anew() -> None:
    speed = np.full(600, 0.5)
    speed[300] = np.nan

    average = adaptive_ema(CLOSE, speed, 5, 30)

    assert np.isnan(average[300:330]).all()
    assert average[330:].tolist() == adaptive_ema(CLOSE[301:], speed[301:], 5, 30)[29:].tolist()
