from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from leeward.domain.errors import BadUsage
from leeward.statistics.overfitting import (
    SharpeEstimate,
    deflated_sharpe,
    estimate_sharpe,
    expected_maximum_sharpe,
    minimum_track_record,
    overfitting_probability,
)
from leeward.statistics.sharpe import probabilistic_sharpe, probability_of_skill

#: Bailey and Lopez de Prado 2014: five years of daily returns, annual Sharpe ratio 2.5, and an
#: annual variance of 1/2 over the trials; 250 days a year.
PUBLISHED = SharpeEstimate(2.5 / math.sqrt(250), 1250, skewness=-3.0, kurtosis=10.0)
VARIANCE = 0.5 / 250


@pytest.mark.parametrize(("trials", "expected"), [(100, 0.9004), (46, 0.9505)])
def test_dsr_of_the_published_example(trials: int, expected: float) -> None:
    assert deflated_sharpe(PUBLISHED, trials, VARIANCE) == pytest.approx(expected, abs=5e-5)


def test_dsr_of_the_published_example_with_normal_returns() -> None:
    normal = SharpeEstimate(PUBLISHED.sharpe, 1250, skewness=0.0, kurtosis=3.0)
    assert deflated_sharpe(normal, 88, VARIANCE) == pytest.approx(0.9505, abs=5e-5)


def test_a_single_trial_deflates_nothing() -> None:
    psr = probabilistic_sharpe(PUBLISHED.sharpe, 1250, -3.0, 10.0)
    assert deflated_sharpe(PUBLISHED, 1, VARIANCE) == psr


@pytest.mark.parametrize("trials", [5, 50, 500])
def test_the_expected_maximum_is_that_of_drawn_sharpe_ratios(trials: int) -> None:
    drawn = np.random.default_rng(1).normal(0.0, 0.3, (4_000, trials)).max(axis=1)
    # The formula is a limit for many trials: a little high for few.
    assert expected_maximum_sharpe(trials, 0.09) == pytest.approx(drawn.mean(), rel=0.04)


@pytest.mark.parametrize(
    ("per_year", "skewness", "kurtosis", "years"),
    [(252, 0.0, 3.0, 2.73), (52, 0.0, 3.0, 2.83), (12, 0.0, 3.0, 3.24), (12, -0.72, 5.78, 4.99)],
)
def test_track_records_of_the_published_table(
    per_year: int, skewness: float, kurtosis: float, years: float
) -> None:
    # Bailey and Lopez de Prado 2012: an annual Sharpe ratio of 2 against 1, at 95 %.
    estimate = SharpeEstimate(2 / math.sqrt(per_year), per_year, skewness, kurtosis)
    needed = minimum_track_record(estimate, 1 / math.sqrt(per_year))
    assert needed is not None
    assert needed / per_year == pytest.approx(years, abs=0.005)


def test_after_the_minimum_track_record_the_psr_is_the_confidence() -> None:
    estimate = SharpeEstimate(0.1, 10, -0.5, 6.0)
    needed = minimum_track_record(estimate, 0.02, 0.9)
    assert needed is not None
    below, above = (
        probabilistic_sharpe(0.1, round(needed) + more, -0.5, 6.0, 0.02) for more in (-3, 3)
    )
    assert below is not None
    assert above is not None
    assert below < 0.9 < above


def test_no_record_is_long_enough_for_what_is_not_above_the_benchmark() -> None:
    assert minimum_track_record(SharpeEstimate(0.1, 10, 0.0, 3.0), 0.1) is None
    assert minimum_track_record(SharpeEstimate(1.0, 10, 9.0, 3.0)) is None


def test_the_estimate_is_the_one_behind_the_probability_of_skill() -> None:
    changes = np.random.default_rng(2).standard_t(4, 300) * 0.01 + 0.001
    found = estimate_sharpe(changes)
    assert found is not None
    psr = probabilistic_sharpe(found.sharpe, found.observations, found.skewness, found.kurtosis)
    assert psr == probability_of_skill(changes)


@pytest.mark.parametrize("changes", [[], [0.01], [0.01] * 3, [0.0, math.nan]])
def test_what_the_changes_cannot_support_is_none(changes: list[float]) -> None:
    assert estimate_sharpe(np.array(changes)) is None


def plain_pbo(changes: NDArray[np.float64], parts: int) -> float:
    """The paper's procedure step by step."""
    length = len(changes) // parts
    used = changes[len(changes) - length * parts :]
    blocks = [used[i * length : (i + 1) * length] for i in range(parts)]
    logits = []
    for taken in combinations(range(parts), parts // 2):
        inside = np.concatenate([blocks[i] for i in taken])
        outside = np.concatenate([blocks[i] for i in range(parts) if i not in taken])
        best = int(np.argmax(inside.mean(axis=0) / inside.std(axis=0, ddof=1)))
        performance = outside.mean(axis=0) / outside.std(axis=0, ddof=1)
        rank = int(np.sum(performance <= performance[best]))
        omega = rank / (changes.shape[1] + 1)
        logits.append(math.log(omega / (1 - omega)))
    return float(np.mean(np.array(logits) <= 0))


@settings(max_examples=30)
@given(
    seed=st.integers(0, 10_000),
    periods=st.integers(24, 90),
    variants=st.integers(2, 9),
    parts=st.sampled_from([2, 4, 6, 8]),
)
def test_pbo_is_as_published_step_by_step(
    seed: int, periods: int, variants: int, parts: int
) -> None:
    chance = np.random.default_rng(seed)
    changes = chance.normal(chance.normal(0, 0.002, variants), 0.01, (periods, variants))
    found = overfitting_probability(changes, parts)
    assert found == pytest.approx(plain_pbo(changes, parts), abs=1e-12)


def test_pbo_of_pure_noise_is_a_half_on_average() -> None:
    chance = np.random.default_rng(3)
    found = [overfitting_probability(chance.normal(0, 0.01, (240, 11)), 8) for _ in range(200)]
    assert np.mean(np.array(found, np.float64)) == pytest.approx(0.5, abs=0.05)


def test_pbo_of_one_good_variant_among_noise_is_near_zero() -> None:
    changes = np.random.default_rng(4).normal(0, 0.01, (800, 20))
    changes[:, 7] += 0.003
    found = overfitting_probability(changes)
    assert found is not None
    assert found < 0.01


def test_variants_that_never_move_or_move_alike_do_no_better_than_the_median() -> None:
    assert overfitting_probability(np.zeros((64, 4))) == 1.0
    assert overfitting_probability(np.full((64, 4), 0.01)) == 1.0


@pytest.mark.parametrize("shape", [(64, 1), (31, 4), (0, 4)])
def test_too_little_to_choose_from_has_no_pbo(shape: tuple[int, int]) -> None:
    assert overfitting_probability(np.zeros(shape)) is None


def test_an_unknown_return_has_no_pbo() -> None:
    changes = np.zeros((64, 4))
    changes[3, 2] = math.nan
    assert overfitting_probability(changes) is None


@pytest.mark.parametrize("parts", [0, 7])
def test_parts_that_have_no_halves_are_refused(parts: int) -> None:
    with pytest.raises(BadUsage, match="parts is"):
        overfitting_probability(np.zeros((64, 4)), parts)
