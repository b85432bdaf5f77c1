"""Whether a forecast means what it says."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from leeward.domain.columns import BoolColumn, FloatColumn, IntColumn
from leeward.statistics.long_run import long_run_variance, usual_lags
from leeward.statistics.normal import two_sided

_ROUNDING = 1e-12


class Slope(NamedTuple):
    """How far the actual value moves for each unit forecast, with its confidence interval."""

    value: float
    low: float
    high: float


def calibration_slope(
    predicted: FloatColumn, actual: FloatColumn, confidence: float = 0.95
) -> Slope | None:
    """Returns the slope of the actual values on the predicted ones: 1 is calibrated, 0 no use.

    Least squares with an intercept (Mincer and Zarnowitz 1969); the interval allows for changing
    variance and autocorrelation (Newey and West, `usual_lags`). Rows with a NaN are left out. None
    for fewer than three rows or predictions that do not differ.
    """
    known = np.isfinite(predicted) & np.isfinite(actual)
    x, y = predicted[known], actual[known]
    if len(x) < 3:
        return None
    offset = x - x.mean()
    spread = float(offset @ offset) / len(x)
    if spread <= (_ROUNDING * float(np.max(np.abs(x)))) ** 2:
        return None
    slope = float(offset @ y) / len(x) / spread
    residual = y - y.mean() - slope * offset
    variance = long_run_variance(offset * residual, usual_lags(len(x))) / spread**2 / len(x)
    reach = two_sided(confidence) * math.sqrt(variance * len(x) / (len(x) - 2))
    return Slope(slope, slope - reach, slope + reach)


def brier_score(chance: FloatColumn, happened: BoolColumn) -> float | None:
    """Returns the mean of (chance - outcome)^2: 0 is perfect, 0.25 a coin; None without rows.

    Source: Brier, Monthly Weather Review 78(1), 1950. A NaN chance makes it NaN.

    >>> brier_score(np.array([0.9, 0.2]), np.array([True, False])).__round__(3)
    0.025
    """
    return float(np.mean((chance - happened) ** 2)) if len(chance) else None


def base_rate_score(happened: BoolColumn) -> float | None:
    """Returns the Brier score of always forecasting the share that happened."""
    share = float(np.mean(happened)) if len(happened) else math.nan
    return share * (1.0 - share) if len(happened) else None


class Reliability(NamedTuple):
    """A row for each bin, from the lowest chance: mean forecast, share that happened, rows."""

    forecast: FloatColumn
    happened: FloatColumn
    rows: IntColumn


def reliability(chance: FloatColumn, happened: BoolColumn, bins: int = 10) -> Reliability:
    """Returns forecasts against outcomes in bins of about equally many rows.

    Equal forecasts share a bin. Bins of equal width would put the forecasts of a modest model, all
    near 0.5, into one (Nguyen and O'Connor 2015).
    """
    if not len(chance):
        return Reliability(np.empty(0), np.empty(0), np.empty(0, np.int64))
    cuts = np.unique(np.quantile(chance, np.linspace(0.0, 1.0, bins + 1)[1:-1]))
    _, code = np.unique(np.searchsorted(cuts, chance, side="left"), return_inverse=True)
    rows = np.bincount(code)
    return Reliability(np.bincount(code, chance) / rows, np.bincount(code, happened) / rows, rows)


def calibration_error(chance: FloatColumn, happened: BoolColumn, bins: int = 10) -> float | None:
    """Returns the expected calibration error (ECE): mean |forecast - share| over `reliability`.

    Weighted by rows; None without any. Of n rows chance alone makes about 0.4 sqrt(bins / n).
    Source: Naeini, Cooper and Hauskrecht, AAAI 2015.
    """
    found = reliability(chance, happened, bins)
    if not len(found.rows):
        return None
    return float(np.average(np.abs(found.forecast - found.happened), weights=found.rows))
