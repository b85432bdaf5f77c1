from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leeward.statistics.conformal import (
    LEVELS,
    Interval,
    adaptive_intervals,
    chance_above,
    covered,
    interval,
    next_alpha,
    residual_quantiles,
)

RESIDUALS = np.random.default_rng(1).standard_t(5, 2_000)
QUANTILES = residual_quantiles(RESIDUALS)


def test_a_level_is_the_share_of_the_next_residuals_below() -> None:
    # 999 residuals: level k / 1000 is the k-th smallest.
    residuals = np.random.default_rng(2).normal(0, 1, 999)
    found = residual_quantiles(residuals)
    ordered = np.sort(residuals)
    np.testing.assert_allclose(found[1:-1], ordered, rtol=1e-12)
    assert (found[0], found[-1]) == (ordered[0], ordered[-1])


@pytest.mark.parametrize("residuals", [[], [0.1, math.nan], [math.inf]])
def test_residuals_that_are_none_are_refused(residuals: list[float]) -> None:
    with pytest.raises(ValueError, match="residuals"):
        residual_quantiles(np.array(residuals))


@pytest.mark.parametrize("alpha", [0.1, 0.2, 0.5])
def test_intervals_cover_what_they_promise(alpha: float) -> None:
    # Averaged over calibration sets, coverage is at least 1 - alpha however few residuals it has.
    chance = np.random.default_rng(3)
    hits = []
    for _ in range(400):
        drawn = chance.standard_t(3, 139)
        bounds = interval(np.zeros(100), residual_quantiles(drawn), alpha)
        hits.append(covered(chance.standard_t(3, 100), bounds).mean())
    assert np.mean(hits) == pytest.approx(1 - alpha, abs=0.012)


def test_an_interval_lies_around_its_prediction() -> None:
    low, high = interval(np.array([0.0, 2.0, math.nan]), QUANTILES, 0.1)
    assert low[0] == pytest.approx(np.quantile(RESIDUALS, 0.05, method="weibull"))
    assert (low[1] - low[0], high[1] - high[0]) == (pytest.approx(2), pytest.approx(2))
    assert math.isnan(low[2])
    assert math.isnan(high[2])


def test_no_allowed_miss_is_an_unbounded_interval_and_every_miss_an_empty_one() -> None:
    low, high = interval(np.array([1.0, math.nan]), QUANTILES, -0.01)
    assert (low[0], high[0]) == (-math.inf, math.inf)
    assert np.isnan([low[1], high[1]]).all()
    low, high = interval(np.array([1.0]), QUANTILES, 1.2)
    assert low == high


@given(prediction=st.floats(-8, 8), threshold=st.floats(-8, 8))
def test_the_chance_is_the_share_of_residuals_that_reach_the_threshold(
    prediction: float, threshold: float
) -> None:
    chance = chance_above(np.array([prediction]), QUANTILES, threshold)[0]
    share = np.mean(prediction + RESIDUALS > threshold)
    assert chance == pytest.approx(share, abs=0.002)


def test_the_chance_rises_with_the_prediction_and_falls_with_the_threshold() -> None:
    grid = np.linspace(-6, 6, 500)
    assert (np.diff(chance_above(grid, QUANTILES)) >= 0).all()
    assert (np.diff(chance_above(np.zeros(500), QUANTILES, grid)) <= 0).all()
    assert math.isnan(chance_above(np.array([math.nan]), QUANTILES)[0])


def test_a_chance_has_the_same_bits_alone_and_in_a_batch() -> None:
    predicted = np.random.default_rng(4).normal(0, 1, 3_000)
    batch = chance_above(predicted, QUANTILES)
    alone = [chance_above(predicted[i : i + 1], QUANTILES)[0] for i in range(len(predicted))]
    np.testing.assert_array_equal(batch, alone)


def test_equal_residuals_leave_no_doubt() -> None:
    still = residual_quantiles(np.zeros(50))
    assert chance_above(np.array([-0.1, 0.1]), still).tolist() == [0.0, 1.0]


def test_there_are_1001_levels() -> None:
    assert len(LEVELS) == len(QUANTILES) == 1001
    assert LEVELS[[0, 50, -1]].tolist() == [0.0, 0.05, 1.0]


@settings(max_examples=50)
@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 300),
    scale=st.floats(0.01, 100),
    step=st.sampled_from([0.005, 0.05]),
)
def test_whatever_the_data_do_the_share_of_misses_tends_to_the_target(
    seed: int, rows: int, scale: float, step: float
) -> None:
    # Gibbs and Candes 2021, proposition 4.1.
    chance = np.random.default_rng(seed)
    actual = chance.normal(0, scale, rows) + np.linspace(0, scale, rows)
    bounds = adaptive_intervals(np.zeros(rows), actual, QUANTILES, 0.1, step)
    misses = 1 - covered(actual, bounds).mean()
    assert abs(misses - 0.1) <= (0.9 + step) / (step * rows) + 1e-12


def test_adaptive_intervals_use_the_past_only() -> None:
    chance = np.random.default_rng(5)
    predicted, actual = chance.normal(0, 1, (2, 200))
    whole = adaptive_intervals(predicted, actual, QUANTILES, step=0.05)
    changed = actual.copy()
    changed[120:] *= 50
    other = adaptive_intervals(predicted, changed, QUANTILES, step=0.05)
    np.testing.assert_array_equal(whole.low[:121], other.low[:121])
    assert not np.array_equal(whole.low[121:], other.low[121:])


def test_unknown_rows_change_nothing() -> None:
    predicted, actual = np.array([0.0, math.nan, 0.0, 0.0]), np.array([99.0, 0.0, math.nan, 99.0])
    bounds = adaptive_intervals(predicted, actual, QUANTILES, 0.1, 0.02)
    alone = interval(np.zeros(1), QUANTILES, next_alpha(0.1, covered=False, step=0.02))
    assert bounds.low[[2, 3]].tolist() == [alone.low[0]] * 2
    assert math.isnan(bounds.low[1])


def test_a_bound_belongs_to_its_interval() -> None:
    bounds = Interval(np.array([0.0, 0.0, 0.0]), np.array([1.0, 1.0, 1.0]))
    assert covered(np.array([0.0, 1.0, 1.1]), bounds).tolist() == [True, True, False]
