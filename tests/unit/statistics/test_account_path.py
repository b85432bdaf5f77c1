from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leeward.domain.timeframe import DAY_MS
from leeward.statistics.account import annual_growth, calmar_ratio, drawdowns
from leeward.statistics.equity_path import walk_path

EQUITIES = st.lists(st.floats(1.0, 1e6), min_size=1, max_size=60)


def test_the_peak_starts_at_the_balance() -> None:
    equity = np.array([90.0, 120.0, 60.0, 150.0, 149.0])
    path = walk_path(equity, np.zeros(5), 100.0)
    assert path.max_drawdown == 0.5
    assert path.mean_equity == pytest.approx(113.8)
    assert walk_path(equity[:1], np.zeros(1), 100.0).max_drawdown == pytest.approx(0.1)


def test_exposure_is_the_mean_share_of_equity_in_positions() -> None:
    path = walk_path(np.array([100.0, 200.0, 50.0]), np.array([50.0, 0.0, 50.0]), 100.0)
    assert path.exposure == pytest.approx((0.5 + 0.0 + 1.0) / 3)


def test_no_steps_support_no_figures() -> None:
    path = walk_path(np.empty(0), np.empty(0), 100.0)
    assert (path.max_drawdown, path.exposure, path.mean_equity) == (None, None, None)


@pytest.mark.parametrize("bad", [math.nan, math.inf, 0.0, -5.0])
def test_an_impossible_equity_supports_no_figures(bad: float) -> None:
    path = walk_path(np.array([100.0, bad, 100.0]), np.array([0.0, 1.0, 0.0]), 100.0)
    assert (path.max_drawdown, path.exposure, path.mean_equity) == (None, None, None)


def test_an_unknown_exposure_is_not_averaged_away() -> None:
    path = walk_path(np.array([100.0, 100.0]), np.array([math.nan, 50.0]), 100.0)
    assert path.exposure is None
    assert path.max_drawdown == 0.0


@settings(deadline=None)  # the first example compiles
@given(EQUITIES, st.floats(1.0, 1e6))
def test_the_walk_agrees_with_the_series_of_drawdowns(equity: list[float], balance: float) -> None:
    column = np.array(equity)
    series = drawdowns(column, balance)
    assert ((series >= 0) & (series < 1)).all()
    path = walk_path(column, column, balance)
    assert path.max_drawdown == pytest.approx(float(series.max()), abs=1e-12)
    assert path.exposure == pytest.approx(1.0)


@settings(deadline=None)  # the first example compiles
@given(EQUITIES, st.floats(0.01, 100))
def test_drawdown_does_not_depend_on_the_currency(equity: list[float], scale: float) -> None:
    column = np.array(equity)
    own = walk_path(column, column, 100.0).max_drawdown
    scaled = walk_path(column * scale, column, 100.0 * scale).max_drawdown
    assert scaled == pytest.approx(own, abs=1e-12)


def test_growth_compounds_over_years_of_365_days() -> None:
    assert annual_growth(0.21, 2 * 365 * DAY_MS) == pytest.approx(0.1)
    assert annual_growth(-0.19, 2 * 365 * DAY_MS) == pytest.approx(-0.1)
    assert annual_growth(0.0, 400 * DAY_MS) == 0.0


@pytest.mark.parametrize(
    ("gained", "days"), [(0.1, 1.9), (-1.0, 100), (math.nan, 100), (math.inf, 100), (1e9, 2)]
)
def test_growth_that_cannot_be_stated_is_none(gained: float, days: float) -> None:
    assert annual_growth(gained, round(days * DAY_MS)) is None


def test_calmar_needs_growth_and_a_drawdown() -> None:
    assert calmar_ratio(0.3, 0.15) == pytest.approx(2.0)
    assert calmar_ratio(0.3, 0.0) is None
    assert calmar_ratio(None, 0.2) is None
    assert calmar_ratio(0.3, None) is None
