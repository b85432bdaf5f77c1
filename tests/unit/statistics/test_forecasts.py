from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leeward.domain.columns import FloatColumn
from leeward.statistics.forecasts import (
    compare_hits,
    compare_losses,
    decisions_to_show,
    rank_correlation,
    rank_correlation_interval,
    wilson_interval,
)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_intervals_of_the_published_comparison(
    successes: int, trials: int, low: float, high: float
) -> None:
    # Newcombe, Statistics in Medicine 17, 1998, table I, method 3.
    found = wilson_interval(successes, trials)
    assert found is not None
    assert [round(bound, 4) for bound in found] == [low, high]


def test_no_trial_has_no_interval() -> None:
    assert wilson_interval(0, 0) is None


@pytest.mark.parametrize(("accuracy", "about"), [(0.51, 19_600), (0.52, 4_900), (0.48, 4_900)])
def test_decisions_that_show_a_small_edge(accuracy: float, about: int) -> None:
    assert decisions_to_show(accuracy) == pytest.approx(about, rel=0.002)


def plain_ranks(values: FloatColumn) -> FloatColumn:
    return np.array([np.sum(values < v) + (np.sum(values == v) + 1) / 2 for v in values])


@given(st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=2, max_size=40))
def test_rank_correlation_is_pearson_of_ranks_that_ties_share(rows: list[tuple[int, int]]) -> None:
    x, y = np.array(rows, np.float64).T
    found = rank_correlation(x, y)
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert found is None
    else:
        expected = np.corrcoef(plain_ranks(x), plain_ranks(y))[0, 1]
        assert found == pytest.approx(expected, abs=1e-12)


def test_unknown_rows_have_no_rank() -> None:
    x, y = np.array([1.0, 2.0, math.nan, 4.0]), np.array([5.0, 6.0, 0.0, 1.0])
    assert rank_correlation(x, y) == rank_correlation(x[[0, 1, 3]], y[[0, 1, 3]])
    assert rank_correlation(x[:1], y[:1]) is None
    assert rank_correlation_interval(x[:1], y[:1], 1) is None


def test_the_interval_is_about_that_of_independent_rows() -> None:
    chance = np.random.default_rng(1)
    x = chance.normal(0, 1, 900)
    y = 0.3 * x + chance.normal(0, 1, 900)
    ic, found = rank_correlation(x, y), rank_correlation_interval(x, y, block=1)
    assert ic is not None
    assert found is not None
    # Fisher's z for ranks, with the factor of Bonett and Wright 2000.
    reach = 1.96 * math.sqrt((1 + ic**2 / 2) / (900 - 3))
    assert found.low == pytest.approx(math.tanh(math.atanh(ic) - reach), abs=0.012)
    assert found.high == pytest.approx(math.tanh(math.atanh(ic) + reach), abs=0.012)


def test_blocks_see_that_rows_resemble_each_other() -> None:
    chance = np.random.default_rng(2)
    x, y = (np.convolve(chance.normal(0, 1, 1_019), np.ones(20), "valid") for _ in range(2))
    alone, blocks = (rank_correlation_interval(x, y, block) for block in (1, 60))
    assert alone is not None
    assert blocks is not None
    assert blocks.high - blocks.low > 2 * (alone.high - alone.low)


def test_the_same_seed_gives_the_same_interval() -> None:
    x, y = np.random.default_rng(3).normal(0, 1, (2, 60))
    assert rank_correlation_interval(x, y, 5) == rank_correlation_interval(x, y, 5)
    assert rank_correlation_interval(x, y, 5) != rank_correlation_interval(x, y, 5, seed=1)


def test_resamples_that_are_all_constant_have_no_interval() -> None:
    x, y = np.array([0.0, 1.0]), np.array([0.0, 1.0])
    assert rank_correlation_interval(x, y, block=1, resamples=1, seed=4) is None


def test_the_statistic_of_a_published_example() -> None:
    # The example of the package dieboldmariano 1.1: squared errors, one step ahead.
    actual = np.array([10.0, 20, 30, 40, 50])
    own = (actual - [11, 21, 29, 42, 53]) ** 2
    other = (actual - [13, 26, 24, 40, 59]) ** 2
    found = compare_losses(own, other)
    assert found is not None
    assert found.statistic == pytest.approx(-2.2229922805746782, rel=1e-12)
    assert found.difference == np.mean(own - other)
    assert found.p_value == pytest.approx(2 * found.p_better)
    assert found.low < found.high < 0 or found.p_value > 0.05


def test_lags_enter_as_harvey_leybourne_and_newbold_wrote_them() -> None:
    own, other = np.random.default_rng(5).normal(0, 1, (2, 50)) ** 2
    found = compare_losses(own, other, lags=2)
    d, n, h = own - other, 50, 3
    gamma = [np.mean((d[k:] - d.mean()) * (d[: n - k] - d.mean())) * (n - k) / n for k in range(3)]
    variance = (gamma[0] + 2 * (2 / 3 * gamma[1] + 1 / 3 * gamma[2])) / n
    factor = math.sqrt((n + 1 - 2 * h + h * (h - 1) / n) / n)
    assert found is not None
    assert found.statistic == pytest.approx(d.mean() / math.sqrt(variance) * factor, rel=1e-9)


def test_equal_forecasts_are_rarely_told_apart() -> None:
    chance = np.random.default_rng(6)
    found = [compare_losses(*chance.normal(0, 1, (2, 300)) ** 2) for _ in range(400)]
    rejected = [comparison is not None and comparison.p_value < 0.1 for comparison in found]
    assert np.mean(rejected) == pytest.approx(0.1, abs=0.045)


def test_the_better_forecast_is_favoured() -> None:
    own, other = np.random.default_rng(7).normal(0, [[1.0], [1.2]], (2, 500)) ** 2
    better, worse = compare_losses(own, other), compare_losses(other, own)
    assert better is not None
    assert worse is not None
    assert better.high < 0 < worse.low
    assert better.p_better < 0.05 < worse.p_better
    assert better.p_better + worse.p_better == pytest.approx(1)


def test_losses_that_cannot_be_compared_are_not() -> None:
    loss = np.array([1.0, 2.0, 3.0])
    assert compare_losses(loss, loss) is None
    assert compare_losses(loss, loss - 0.5) is None
    assert compare_losses(loss[:1], loss[1:2]) is None
    unknown = np.array([math.nan, 1.0, 0.0])
    assert compare_losses(loss, unknown) == compare_losses(loss[1:], unknown[1:])


@settings(max_examples=50)
@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_binomial_tail(wins: int, losses: int) -> None:
    own = np.arange(wins + losses + 5) < wins
    other = (np.arange(wins + losses + 5) >= wins) & (np.arange(wins + losses + 5) < wins + losses)
    n, fewer = wins + losses, min(wins, losses)
    tail = sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n
    assert compare_hits(own, other) == pytest.approx(min(1.0, 2 * tail))
