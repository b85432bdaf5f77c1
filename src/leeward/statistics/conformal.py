"""Intervals and probabilities from the errors that a model made on data it had not seen.

The errors are kept as 1,001 quantiles, at the levels 0, 0.001, ... 1. Nothing is assumed but that
the next error comes from where they came from.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from leeward.domain.columns import BoolColumn, FloatColumn

QUANTILES = 1_001
LEVELS: FloatColumn = np.linspace(0.0, 1.0, QUANTILES)
LEVELS.flags.writeable = False


def residual_quantiles(residuals: FloatColumn) -> FloatColumn:
    """Returns the 1,001 quantiles of actual - predicted, in the unit of the residuals.

    Level p is the p (n + 1)-th smallest of n residuals, so that a next one of the same kind lies
    below with probability p (Vovk, Gammerman and Shafer, "Algorithmic Learning in a Random World",
    2005); between two residuals on the straight line, beyond the ends at the end. Raises ValueError
    without residuals or where one is not finite.
    """
    if not len(residuals) or not np.isfinite(residuals).all():
        raise ValueError(f"{len(residuals)} residuals: some are needed, and all of them finite")
    return np.quantile(residuals, LEVELS, method="weibull")


class Interval(NamedTuple):
    low: FloatColumn
    high: FloatColumn


def interval(predicted: FloatColumn, quantiles: FloatColumn, alpha: float = 0.1) -> Interval:
    """Returns the bounds between which the actual value falls with probability 1 - alpha.

    As much lies below as above. `alpha` <= 0 gives infinite bounds, `alpha` >= 1 the median twice
    (see `next_alpha`). NaN where the prediction is.
    """
    if alpha <= 0.0:
        unbounded = np.where(np.isnan(predicted), np.nan, np.inf)
        return Interval(-unbounded, unbounded)
    tail = min(alpha, 1.0) / 2.0
    low, high = np.interp([tail, 1.0 - tail], LEVELS, quantiles)
    return Interval(predicted + low, predicted + high)


def chance_above(
    predicted: FloatColumn, quantiles: FloatColumn, threshold: FloatColumn | float = 0.0
) -> FloatColumn:
    """Returns P(actual > threshold) for each prediction; with threshold 0, P(up).

    Never surer than the residuals allow: 0 and 1 only beyond all of them. NaN where the prediction
    is.

    >>> errors = residual_quantiles(np.array([-1.0, 0.0, 1.0]))
    >>> chance_above(np.array([-0.5, 0.0, 0.5, 9.0]), errors).round(3).tolist()
    [0.375, 0.5, 0.625, 1.0]
    """
    return 1.0 - np.interp(threshold - predicted, quantiles, LEVELS)


def next_alpha(alpha: float, covered: bool, target: float = 0.1, step: float = 0.005) -> float:
    """Returns the alpha for the next interval, given whether the last one held the actual value.

    Adaptive conformal inference: misses widen the next interval, hits narrow it a little, so that
    in the long run the share of misses is `target` whatever the data do; alpha may leave 0..1.
    Source: Gibbs and Candes, "Adaptive conformal inference under distribution shift", 2021, eq. 2.

    >>> round(next_alpha(0.1, covered=False), 6), round(next_alpha(0.1, covered=True), 6)
    (0.0955, 0.1005)
    """
    return alpha + step * (target - (0.0 if covered else 1.0))


def covered(actual: FloatColumn, bounds: Interval) -> BoolColumn:
    """Returns whether each actual value lies within its bounds, the bounds included."""
    return (bounds.low <= actual) & (actual <= bounds.high)


def adaptive_intervals(
    predicted: FloatColumn,
    actual: FloatColumn,
    quantiles: FloatColumn,
    target: float = 0.1,
    step: float = 0.005,
) -> Interval:
    """Returns the intervals of successive predictions, each made with `next_alpha` of those before.

    Row t uses actual values of rows before t only. Rows with a NaN pass without a change of alpha.
    """
    low, high = np.empty(len(predicted)), np.empty(len(predicted))
    alpha = target
    for t in range(len(predicted)):
        row = slice(t, t + 1)
        low[row], high[row] = bounds = interval(predicted[row], quantiles, alpha)
        if not np.isnan(predicted[t] + actual[t]):
            alpha = next_alpha(alpha, bool(covered(actual[row], bounds)[0]), target, step)
    return Interval(low, high)
