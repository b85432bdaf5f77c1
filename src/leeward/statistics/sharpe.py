"""Reward for risk: Sharpe and Sortino ratios, and how sure one may be of them."""

from __future__ import annotations

import math

import numpy as np

from leeward.domain.columns import FloatColumn

DAYS_A_YEAR = 365
#: A standard deviation below this share of the largest change is rounding, not variance.
_ROUNDING = 1e-12


def sharpe_ratio(daily_changes: FloatColumn) -> float | None:
    """Returns mean / standard deviation (ddof 1) of the daily changes, times sqrt(365).

    The risk-free rate is zero. None for fewer than two days, values that are not finite, or no
    variance.

    >>> round(sharpe_ratio(np.array([0.01, 0.03])), 6)
    27.018512
    """
    daily = _daily_sharpe(daily_changes)
    return None if daily is None else daily * math.sqrt(DAYS_A_YEAR)


def sortino_ratio(daily_changes: FloatColumn) -> float | None:
    """Returns mean / downside deviation of the daily changes, times sqrt(365).

    The target is zero and the downside deviation is sqrt(mean(min(change, 0)^2)) over all days,
    the winning ones included (Sortino and Price 1994). None for fewer than two days, values that
    are not finite, or no losing day.

    >>> round(sortino_ratio(np.array([0.03, -0.01])), 6)
    27.018512
    """
    if not _measurable(daily_changes):
        return None
    downside = math.sqrt(float(np.mean(np.minimum(daily_changes, 0.0) ** 2)))
    if downside == 0.0:
        return None
    return float(np.mean(daily_changes)) / downside * math.sqrt(DAYS_A_YEAR)


def probability_of_skill(daily_changes: FloatColumn) -> float | None:
    """Returns the probabilistic Sharpe ratio of daily changes: P(true Sharpe ratio > 0).

    None where the Sharpe ratio is. One trial is assumed: it does not know how many variants were
    tried before this one.
    """
    sharpe = _daily_sharpe(daily_changes)
    if sharpe is None:
        return None
    offset = daily_changes - np.mean(daily_changes)
    variance = float(np.mean(offset**2))
    skewness = float(np.mean(offset**3)) / variance**1.5
    kurtosis = float(np.mean(offset**4)) / variance**2
    return probabilistic_sharpe(sharpe, len(daily_changes), skewness, kurtosis)


def probabilistic_sharpe(
    sharpe: float, observations: int, skewness: float, kurtosis: float, benchmark: float = 0.0
) -> float | None:
    """Returns P(true Sharpe ratio > benchmark) given an estimated one, neither annualised.

    `kurtosis` is 3 for a normal distribution. Source: Bailey and Lopez de Prado, "The Sharpe ratio
    efficient frontier", Journal of Risk 15(2), 2012, equation 11. None where its variance of the
    estimate is not positive.

    >>> round(probabilistic_sharpe(0.458, 24, -2.448, 10.164), 3)
    0.913
    """
    variance = 1.0 - skewness * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2
    if not variance > 0.0:
        return None
    z = (sharpe - benchmark) * math.sqrt(observations - 1) / math.sqrt(variance)
    # erfc keeps the lower tail, which 1 + erf would round away.
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


def _daily_sharpe(changes: FloatColumn) -> float | None:
    if not _measurable(changes):
        return None
    deviation = float(np.std(changes, ddof=1))
    if deviation <= _ROUNDING * float(np.max(np.abs(changes))):
        return None
    return float(np.mean(changes)) / deviation


def _measurable(changes: FloatColumn) -> bool:
    return len(changes) >= 2 and bool(np.isfinite(changes).all())
