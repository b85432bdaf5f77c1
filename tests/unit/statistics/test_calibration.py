from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeward.domain.columns import FloatColumn
from leeward.statistics.calibration import (
    base_rate_score,
    brier_score,
    calibration_error,
    calibration_slope,
    reliability,
)
from leeward.statistics.long_run import long_run_variance, usual_lags


def sandwich_error(x: FloatColumn, y: FloatColumn, lags: int) -> tuple[float, float]:
    """Slope and its error by the matrices of Newey and West, with n / (n - 2)."""
    design = np.column_stack([np.ones(len(x)), x])
    bread = np.linalg.inv(design.T @ design)
    beta = bread @ design.T @ y
    score = design * (y - design @ beta)[:, np.newaxis]
    meat = score.T @ score
    for lag in range(1, lags + 1):
        cross = score[lag:].T @ score[:-lag]
        meat += (1 - lag / (lags + 1)) * (cross + cross.T)
    variance = bread @ meat @ bread * len(x) / (len(x) - 2)
    return float(beta[1]), math.sqrt(float(variance[1, 1]))


def test_slope_and_interval_are_those_of_the_matrix_formula() -> None:
    chance = np.random.default_rng(1)
    x = np.cumsum(chance.normal(0, 1, 500)) * 0.1
    y = 0.4 * x + chance.normal(0, 1, 500) * (1 + np.abs(x))
    found = calibration_slope(x, y)
    slope, error = sandwich_error(x, y, usual_lags(500))
    assert found is not None
    assert found.value == pytest.approx(slope, rel=1e-9)
    assert found.high - found.low == pytest.approx(2 * 1.959963985 * error, rel=1e-8)


@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0])
def test_the_interval_holds_the_true_slope_nineteen_times_in_twenty(slope: float) -> None:
    chance = np.random.default_rng(2)
    held = []
    for _ in range(300):
        x = chance.normal(0, 0.1, 400)
        found = calibration_slope(x, slope * x + chance.standard_t(5, 400))
        assert found is not None
        held.append(found.low <= slope <= found.high)
    assert np.mean(held) == pytest.approx(0.95, abs=0.035)


def test_a_slope_needs_three_known_rows_and_predictions_that_differ() -> None:
    y = np.array([1.0, 2.0, 3.0, 4.0])
    assert calibration_slope(np.array([0.0, 1.0, math.nan, math.nan]), y) is None
    assert calibration_slope(np.full(4, 0.1), y) is None
    known = calibration_slope(np.array([1.0, 2.0, 3.0, math.nan]), y * 2)
    assert known is not None
    assert known.value == pytest.approx(2.0)


def test_brier_and_calibration_error_worked_by_hand() -> None:
    chance = np.array([0.1, 0.1, 0.8, 0.8])
    happened = np.array([False, True, True, True])
    assert brier_score(chance, happened) == pytest.approx((0.01 + 0.81 + 0.04 + 0.04) / 4)
    assert base_rate_score(happened) == pytest.approx(0.75 * 0.25)
    found = reliability(chance, happened, bins=2)
    assert [column.tolist() for column in found] == [
        pytest.approx([0.1, 0.8]),
        [0.5, 1.0],
        [2, 2],
    ]
    assert calibration_error(chance, happened, bins=2) == pytest.approx((0.4 + 0.2) / 2)


def test_equal_forecasts_share_a_bin() -> None:
    happened = np.arange(100) % 2 == 0
    found = reliability(np.full(100, 0.5), happened)
    assert [column.tolist() for column in found] == [[0.5], [0.5], [100]]
    assert calibration_error(np.full(100, 0.5), happened) == 0.0


def test_a_calibrated_forecast_errs_by_what_chance_makes() -> None:
    draw = np.random.default_rng(3)
    errors = []
    for _ in range(100):
        chance = draw.uniform(0.45, 0.55, 1_000)
        errors.append(calibration_error(chance, draw.random(1_000) < chance))
    assert np.mean(np.array(errors, np.float64)) == pytest.approx(0.4 * math.sqrt(0.01), rel=0.1)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=80))
def test_bins_hold_every_row_in_order(rows: list[tuple[float, bool]]) -> None:
    chance = np.array([row[0] for row in rows])
    found = reliability(chance, np.array([row[1] for row in rows]))
    assert found.rows.sum() == len(rows)
    assert (found.rows > 0).all()
    assert (np.diff(found.forecast) >= 0).all()
    assert len(found.rows) <= 10


def test_nothing_forecast_is_nothing_scored() -> None:
    none, never = np.empty(0), np.empty(0, np.bool_)
    assert brier_score(none, never) is None
    assert base_rate_score(never) is None
    assert calibration_error(none, never) is None


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=40), st.integers(0, 50))
def test_long_run_variance_is_the_quadratic_form_of_its_weights(
    values: list[float], lags: int
) -> None:
    offset = np.array(values) - np.mean(values)
    distance = np.abs(np.subtract.outer(np.arange(len(values)), np.arange(len(values))))
    weight = np.maximum(0.0, 1 - distance / (lags + 1))
    expected = offset @ weight @ offset / len(values)
    assert long_run_variance(np.array(values), lags) == pytest.approx(expected, abs=1e-9)


def test_lags_of_some_lengths() -> None:
    assert [usual_lags(rows) for rows in (100, 1_000, 4_900)] == [4, 6, 9]
