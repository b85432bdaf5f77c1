"""How much of a good result the search for it explains."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from leeward.domain.columns import FloatColumn
from leeward.domain.errors import BadUsage
from leeward.statistics.normal import normal_quantile
from leeward.statistics.sharpe import probabilistic_sharpe

_EULER = 0.5772156649015329
#: A standard deviation below this share of the largest change is rounding, not variance.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class SharpeEstimate:
    """A Sharpe ratio of one period, not annualised, and the shape of the changes behind it.

    `kurtosis` is 3 for a normal distribution.
    """

    sharpe: float
    observations: int
    skewness: float
    kurtosis: float


def estimate_sharpe(changes: FloatColumn) -> SharpeEstimate | None:
    """Returns mean / standard deviation (ddof 1) of the changes, their skewness and kurtosis.

    None for fewer than two changes, values that are not finite, or no variance.
    """
    if len(changes) < 2 or not np.isfinite(changes).all():
        return None
    deviation = float(np.std(changes, ddof=1))
    if deviation <= _ROUNDING * float(np.max(np.abs(changes))):
        return None
    offset = changes - np.mean(changes)
    variance = float(np.mean(offset**2))
    return SharpeEstimate(
        float(np.mean(changes)) / deviation,
        len(changes),
        float(np.mean(offset**3)) / variance**1.5,
        float(np.mean(offset**4)) / variance**2,
    )


def expected_maximum_sharpe(trials: int, variance: float) -> float:
    """Returns the Sharpe ratio that the best of `trials` strategies without skill shows on average.

    `variance` is that of the Sharpe ratios over the trials; neither is annualised. Source: Bailey
    and Lopez de Prado, "The deflated Sharpe ratio", Journal of Portfolio Management 40(5), 2014,
    equation 1. One trial had no choice: 0.

    >>> round(expected_maximum_sharpe(100, 0.5 / 250), 4)
    0.1132
    """
    if trials < 2:
        return 0.0
    best = (1.0 - _EULER) * normal_quantile(1.0 - 1.0 / trials)
    best += _EULER * normal_quantile(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(variance) * best


def deflated_sharpe(estimate: SharpeEstimate, trials: int, variance: float) -> float | None:
    """Returns P(true Sharpe ratio > what the best of `trials` without skill would show).

    `trials` counts every variant ever evaluated, `variance` is that of their Sharpe ratios, not
    annualised. Source: Bailey and Lopez de Prado 2014, equation 2. None where the probabilistic
    Sharpe ratio is.

    >>> fund = SharpeEstimate(2.5 / math.sqrt(250), 1250, -3.0, 10.0)
    >>> round(deflated_sharpe(fund, 100, 0.5 / 250), 3)
    0.9
    """
    return probabilistic_sharpe(
        estimate.sharpe,
        estimate.observations,
        estimate.skewness,
        estimate.kurtosis,
        expected_maximum_sharpe(trials, variance),
    )


def minimum_track_record(
    estimate: SharpeEstimate, benchmark: float = 0.0, confidence: float = 0.95
) -> float | None:
    """Returns how many observations would show a true Sharpe ratio above `benchmark`.

    The benchmark is not annualised. Source: Bailey and Lopez de Prado, "The Sharpe ratio efficient
    frontier", Journal of Risk 15(2), 2012, equation 13. None where no length would: the estimate is
    not above the benchmark, or its variance is not positive.

    >>> daily = SharpeEstimate(2 / math.sqrt(252), 252, 0.0, 3.0)
    >>> round(minimum_track_record(daily, 1 / math.sqrt(252)) / 252, 2)
    2.73
    """
    sharpe = estimate.sharpe
    variance = 1.0 - estimate.skewness * sharpe + (estimate.kurtosis - 1.0) / 4.0 * sharpe**2
    if not (variance > 0.0 and sharpe > benchmark):
        return None
    return 1.0 + variance * (normal_quantile(confidence) / (sharpe - benchmark)) ** 2


def overfitting_probability(changes: NDArray[np.float64], parts: int = 16) -> float | None:
    """Returns the probability of backtest overfitting (PBO) of choosing the best of some variants.

    `changes` [periods, variants] are the returns of every variant that was looked at, in time
    order. The periods are cut into `parts` (an even number) equal parts, the oldest rest left out;
    for each way to take half of the parts, the variant with the best Sharpe ratio there is ranked
    among all on the other half. The result is the share in which it does no better than the median.
    About 0.5 where there is nothing to choose from; a steady loser among worse ones scores 0 too.
    A variant that never moves counts with a Sharpe ratio of 0. None for fewer than two variants,
    fewer than two periods a part, or values that are not finite. Source: Bailey, Borwein, Lopez de
    Prado and Zhu, "The probability of backtest overfitting", Journal of Computational Finance
    20(4), 2017.
    """
    if parts < 2 or parts % 2:
        raise BadUsage(f"overfitting_probability: parts is {parts}; it must be even, 2 or more")
    periods, variants = changes.shape
    length = periods // parts
    if variants < 2 or length < 2 or not np.isfinite(changes).all():
        return None
    used = changes[periods - length * parts :]
    mean = used.mean(axis=0)
    blocks = (used - mean).reshape(parts, length, variants)
    sums, squares = blocks.sum(axis=1), (blocks**2).sum(axis=1)
    halves = _halves(parts)
    rows = length * parts // 2
    chosen = _sharpe(halves @ sums, halves @ squares, rows, mean).argmax(axis=1)
    outside = _sharpe((1.0 - halves) @ sums, (1.0 - halves) @ squares, rows, mean)
    picked = np.take_along_axis(outside, chosen[:, np.newaxis], axis=1)
    # The middle of the ranks that equal variants share, in halves, so that it stays a whole number.
    doubled = 2 * (outside < picked).sum(axis=1) + (outside == picked).sum(axis=1) + 1
    return float(np.mean(doubled <= variants + 1))


def _halves(parts: int) -> NDArray[np.float64]:
    """Returns one row for every way to take half of the parts: 1 for each part taken."""
    taken: Sequence[tuple[int, ...]] = list(combinations(range(parts), parts // 2))
    halves = np.zeros((len(taken), parts))
    np.put_along_axis(halves, np.array(taken), 1.0, axis=1)
    return halves


def _sharpe(
    sums: NDArray[np.float64], squares: NDArray[np.float64], rows: int, mean: FloatColumn
) -> NDArray[np.float64]:
    """Returns Sharpe ratios from sums of what the changes differ from `mean` by."""
    offset = sums / rows
    variance = squares / rows - offset**2
    moves = variance > (_ROUNDING * np.abs(mean)) ** 2
    return np.where(moves, (mean + offset) / np.sqrt(np.where(moves, variance, 1.0)), 0.0)
