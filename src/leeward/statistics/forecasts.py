"""How good forecasts are, how sure one may be of it, and which of two is better."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from leeward.domain.columns import BoolColumn, FloatColumn, IntColumn
from leeward.statistics.long_run import long_run_variance
from leeward.statistics.normal import normal_below, normal_quantile, two_sided


class Bounds(NamedTuple):
    low: float
    high: float


def wilson_interval(successes: int, trials: int, confidence: float = 0.95) -> Bounds | None:
    """Returns the confidence interval of a share; None without trials.

    Source: Wilson, Journal of the American Statistical Association 22, 1927.

    >>> [round(bound, 4) for bound in wilson_interval(81, 263)]
    [0.2553, 0.3662]
    """
    if not trials:
        return None
    z = two_sided(confidence)
    share, weight = successes / trials, z * z / trials
    middle = (share + weight / 2.0) / (1.0 + weight)
    reach = math.sqrt(share * (1.0 - share) * weight + weight * weight / 4.0) / (1.0 + weight)
    return Bounds(max(0.0, middle - reach), min(1.0, middle + reach))


def decisions_to_show(accuracy: float, power: float = 0.8, confidence: float = 0.95) -> int:
    """Returns how many decisions tell an accuracy from a coin: 4,906 for 52 %.

    The normal approximation, two-sided, found with probability `power`.

    >>> decisions_to_show(0.52), decisions_to_show(0.53)
    (4906, 2181)
    """
    z = two_sided(confidence) + normal_quantile(power)
    return math.ceil(0.25 * (z / (accuracy - 0.5)) ** 2)


def rank_correlation(predicted: FloatColumn, actual: FloatColumn) -> float | None:
    """Returns Spearman's rank correlation, the rank IC; equal values share the mean of their ranks.

    Rows with a NaN are left out. None for fewer than two rows, or where one column is constant.

    >>> rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([1.0, 9.0, 4.0]))
    0.5
    """
    codes = _codes(predicted, actual)
    return None if codes is None else _correlation(*codes)


def rank_correlation_interval(
    predicted: FloatColumn,
    actual: FloatColumn,
    block: int,
    confidence: float = 0.95,
    resamples: int = 1_000,
    seed: int = 0,
) -> Bounds | None:
    """Returns the percentile interval of `rank_correlation` by the circular block bootstrap.

    Rows are drawn in blocks of `block` successive ones, for as long as they may resemble each
    other. The same seed gives the same interval. None where the correlation is, or where every
    resample is constant. Source: Politis and Romano, "A circular block-resampling procedure for
    stationary data", 1992.
    """
    codes = _codes(predicted, actual)
    if codes is None or _correlation(*codes) is None:
        return None
    rows = len(codes[0])
    chance = np.random.Generator(np.random.PCG64(seed))
    within = np.arange(block)
    found = []
    for _ in range(resamples):
        starts = chance.integers(0, rows, -(-rows // block))
        drawn = ((starts[:, np.newaxis] + within) % rows).ravel()[:rows]
        value = _correlation(codes[0][drawn], codes[1][drawn])
        if value is not None:
            found.append(value)
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(found, [tail, 1.0 - tail]) if found else (math.nan, math.nan)
    return Bounds(float(low), float(high)) if found else None


def _codes(predicted: FloatColumn, actual: FloatColumn) -> tuple[IntColumn, IntColumn] | None:
    """Returns each value's place among the different ones of its column."""
    known = np.isfinite(predicted) & np.isfinite(actual)
    if np.count_nonzero(known) < 2:
        return None
    x, y = (np.unique(column[known], return_inverse=True)[1] for column in (predicted, actual))
    return x.astype(np.int64), y.astype(np.int64)


def _correlation(x: IntColumn, y: IntColumn) -> float | None:
    a, b = _centred_ranks(x), _centred_ranks(y)
    scale = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / scale if scale else None


def _centred_ranks(code: IntColumn) -> FloatColumn:
    count = np.bincount(code)
    # Halves of whole numbers: of equal values exactly 0.
    rank = np.cumsum(count) - 0.5 * count
    return rank[code] - 0.5 * len(code)


class Comparison(NamedTuple):
    """The mean of own loss minus other loss, its 95 % interval, the statistic, and p-values.

    Negative favours the own forecast. `p_better` is P(a difference as favourable, or more, where
    neither is better); `p_value` the two-sided one.
    """

    difference: float
    low: float
    high: float
    statistic: float
    p_better: float
    p_value: float


def compare_losses(own: FloatColumn, other: FloatColumn, lags: int = 0) -> Comparison | None:
    """Returns the Diebold-Mariano test of the losses of two forecasts, row by row.

    Losses are of any kind (squared errors, Brier terms, minus profits). `lags` is how far errors
    may resemble each other: at least the forecast's horizon less one. Rows with a NaN are left out.
    None for fewer than two rows or losses that always differ by the same. Sources: Diebold and
    Mariano, Journal of Business and Economic Statistics 13(3), 1995, with the variance of Newey and
    West; the correction for few rows of Harvey, Leybourne and Newbold 1997. P-values are normal.
    """
    difference = own - other
    difference = difference[np.isfinite(difference)]
    rows = len(difference)
    if rows < 2:
        return None
    variance = long_run_variance(difference, lags) / rows
    if variance <= (1e-12 * float(np.max(np.abs(difference)))) ** 2:
        return None
    horizon = min(lags + 1, rows // 2)
    few = (rows + 1.0 - 2.0 * horizon + horizon * (horizon - 1.0) / rows) / rows
    error = math.sqrt(variance / few)
    mean = float(np.mean(difference))
    statistic, reach = mean / error, two_sided(0.95) * error
    better = normal_below(statistic)
    both = 2.0 * normal_below(-abs(statistic))
    return Comparison(mean, mean - reach, mean + reach, statistic, better, both)


def compare_hits(own: BoolColumn, other: BoolColumn) -> float:
    """Returns the two-sided p-value of the exact McNemar test: are both right equally often?

    `own[i]` and `other[i]` say whether each was right in decision i; only decisions in which they
    differ count. 1.0 where they never do. Source: McNemar, Psychometrika 12(2), 1947, with exact
    binomial probabilities.

    >>> round(compare_hits(np.arange(257) < 142, np.arange(257) >= 142), 2)
    0.1
    """
    wins = int(np.count_nonzero(own & ~other))
    differing = wins + int(np.count_nonzero(~own & other))
    fewer = min(wins, differing - wins)
    # Whole numbers of any size, so that the sum is exact.
    ways, term = 0, 1
    for k in range(fewer + 1):
        ways += term
        term = term * (differing - k) // (k + 1)
    return min(1.0, 2 * ways / 2**differing)
