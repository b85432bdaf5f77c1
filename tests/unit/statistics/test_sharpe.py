from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from leeward.statistics.sharpe import (
    probabilistic_sharpe,
    probability_of_skill,
    sharpe_ratio,
    sortino_ratio,
)

CHANGES = st.lists(
    st.integers(-2_000, 2_000).map(lambda points: points / 1e4), min_size=3, max_size=80
)


def test_sharpe_of_three_days_worked_by_hand() -> None:
    # Mean 0.01; deviations 0, 0.01, -0.01; variance with ddof 1 is 0.0002 / 2.
    assert sharpe_ratio(np.array([0.01, 0.02, 0.0])) == pytest.approx(math.sqrt(365))


def test_sortino_of_three_days_worked_by_hand() -> None:
    # Mean 0.01; downside sqrt(0.01^2 / 3).
    assert sortino_ratio(np.array([0.03, -0.01, 0.01])) == pytest.approx(
        0.01 / math.sqrt(0.0001 / 3) * math.sqrt(365)
    )


@pytest.mark.parametrize(
    "changes",
    [[], [0.01], [0.01, 0.01, 0.01], [0.0, 0.0], [0.01, math.nan], [0.01, math.inf]],
    ids=["none", "one day", "no variance", "flat", "unknown", "infinite"],
)
def test_what_the_days_cannot_support_is_none(changes: list[float]) -> None:
    column = np.array(changes)
    assert sharpe_ratio(column) is None
    assert sortino_ratio(column) is None
    assert probability_of_skill(column) is None


def test_rounding_noise_is_not_variance() -> None:
    equity = 10_000 * 1.01 ** np.arange(50)
    assert sharpe_ratio(np.diff(equity) / equity[:-1]) is None


def test_no_losing_day_leaves_sortino_undefined() -> None:
    assert sortino_ratio(np.array([0.01, 0.02])) is None


@pytest.mark.parametrize(
    ("skewness", "kurtosis", "expected"), [(0.0, 3.0, 0.982), (-2.448, 10.164, 0.913)]
)
def test_psr_of_the_published_hedge_fund(skewness: float, kurtosis: float, expected: float) -> None:
    # Bailey and Lopez de Prado 2012: 24 months, monthly Sharpe ratio 0.458.
    assert probabilistic_sharpe(0.458, 24, skewness, kurtosis) == pytest.approx(
        expected, abs=0.0005
    )


def test_psr_worked_by_hand_from_daily_changes() -> None:
    # Two days up by 1 % and two by 3 %: mean 0.02, no skew, kurtosis 1, so z = SR sqrt(n - 1).
    changes = np.array([0.01, 0.01, 0.03, 0.03])
    z = 0.02 / math.sqrt(4 * 0.01**2 / 3) * math.sqrt(3)
    expected = 0.5 * (1 + math.erf(z / math.sqrt(2)))
    assert probability_of_skill(changes) == pytest.approx(expected, rel=1e-12)


def test_a_negative_variance_of_the_estimate_gives_no_psr() -> None:
    assert probabilistic_sharpe(1.0, 10, skewness=9.0, kurtosis=3.0) is None


def test_a_hopeless_strategy_keeps_its_tiny_probability() -> None:
    chance = probabilistic_sharpe(-1.0, 1_000, 0.0, 3.0)
    assert chance is not None
    assert 0 < chance < 1e-100


@given(CHANGES, st.floats(0.01, 100))
def test_ratios_do_not_depend_on_the_size_of_the_bets(changes: list[float], scale: float) -> None:
    column = np.array(changes)
    assume(np.std(column) > 1e-6)
    for measure in (sharpe_ratio, sortino_ratio, probability_of_skill):
        own, scaled = measure(column), measure(column * scale)
        if own is None:
            assert scaled is None
        else:
            assert scaled == pytest.approx(own, rel=1e-6)


@given(CHANGES)
def test_the_sign_of_every_ratio_is_that_of_the_mean(changes: list[float]) -> None:
    column = np.array(changes)
    mean = float(np.mean(column))
    assume(abs(mean) > 1e-9)
    sharpe, chance = sharpe_ratio(column), probability_of_skill(column)
    if sharpe is not None:
        assert (sharpe > 0) == (mean > 0)
    if chance is not None:
        assert (chance >= 0.5) == (mean > 0)
        assert 0 <= chance <= 1
