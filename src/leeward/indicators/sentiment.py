"""Daily sentiment as a model sees it: eight figures a day, known from a stated moment on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from leeward.compiled import compiled, compiled_alone
from leeward.domain.columns import FloatColumn, IntColumn
from leeward.domain.timeframe import DAY_MS

FloatTable: TypeAlias = NDArray[np.float64]

#: The columns of a daily source, in the order in which they are handed over.
SENTIMENT_COLUMNS = ("score1", "score2", "score3", "count", "mean", "sum")
#: Days that a z-score looks back on, and how many of them must be known.
DAYS, FEWEST_DAYS = 120, 90

_FEATURES = 8
_SPREAD_DAYS, _FEWEST_SPREAD_DAYS = 7, 5
_COUNT, _MEAN, _SUM = 3, 4, 5
_FAST, _SLOW = 2.0 / (3 + 1), 2.0 / (14 + 1)
#: Brings scores (-1..1, mostly within 0.3) and their changes to about the size of a z-score.
_SCORE_SCALE, _CHANGE_SCALE = 4.0, 10.0
#: No feature lies beyond, whatever a source sends.
_LIMIT = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class DailySentiment:
    """Row i of `features` [events, 8] (`FEATURES_SENTIMENT`) holds from `known_from[i]` (ms,
    increasing) until the next, and describes UTC day `newest_day[i]`. NaN: unknown."""

    known_from: IntColumn
    newest_day: IntColumn
    features: FloatTable


def daily_sentiment(day: IntColumn, available_at: IntColumn, values: FloatTable) -> DailySentiment:
    """Returns the eight features at every moment at which something of the source became known.

    `day` counts UTC days since the epoch, `available_at` is in ms, `values` [rows, 6] has
    `SENTIMENT_COLUMNS`; rows in any order. Of two rows of one day the one available last counts,
    once it is. A row that is not finite or counts less than zero is a day without a value. The
    features of the newest day known at that moment:

    0..3  score1, score2, score3 and mean, times 4
    4, 5  half the z-score of log(1 + count), and of sum, over the last 120 days
    6     EMA(3) - EMA(14) of mean, both started 120 days before, times 10
    7     standard deviation of mean over the last 7 days, times 10

    all within -4..4, z-scores within -2..2. Days without a value are skipped; fewer than 90 known
    of the 120, or 5 of the 7, make all eight NaN. Nothing older than 120 days leaves a trace.
    """
    sound = np.isfinite(values).all(axis=1) & (values[:, _COUNT] >= 0)
    day, available_at, values = day[sound], available_at[sound], values[sound]
    order = np.lexsort((available_at, day))
    day, available_at = day[order], available_at[order]
    values = np.ascontiguousarray(values[order])
    known_from = np.unique(available_at)
    features = np.full((len(known_from), _FEATURES), np.nan)
    newest = _fill(day, available_at, values, known_from, features)
    return DailySentiment(known_from, newest, features)


def sentiment_at(daily: DailySentiment, at: IntColumn, stale_after_ms: int) -> FloatTable:
    """Returns [len(at), 8]: the features known at each moment (ms; for a candle, its close time).

    NaN where nothing is known yet, or where the newest day known ended more than `stale_after_ms`
    before: a late correction of an old day makes nothing fresh.
    """
    out = np.full((len(at), _FEATURES), np.nan)
    if len(daily.known_from):
        event = np.searchsorted(daily.known_from, at, side="right") - 1
        age = at - (daily.newest_day[event] + 1) * DAY_MS
        fresh = (event >= 0) & (age <= stale_after_ms)
        out[fresh] = daily.features[event[fresh]]
    return out


@compiled_alone
def _fill(
    day: IntColumn,
    available_at: IntColumn,
    values: FloatTable,
    known_from: IntColumn,
    features: FloatTable,
) -> IntColumn:
    newest_day = np.empty(len(known_from), np.int64)
    chosen = np.empty(DAYS, np.int64)  # rows of the last 120 days, newest first
    for event in range(len(known_from)):
        known, taken = 0, day[0] - 1
        row = len(day) - 1
        while row >= 0 and (known == 0 or day[row] > day[chosen[0]] - DAYS):
            if available_at[row] <= known_from[event] and (known == 0 or day[row] != taken):
                chosen[known] = row
                taken = day[row]
                known += 1
            row -= 1
        newest_day[event] = day[chosen[0]]
        spread_days = 0
        while spread_days < known and day[chosen[spread_days]] > day[chosen[0]] - _SPREAD_DAYS:
            spread_days += 1
        if known >= FEWEST_DAYS and spread_days >= _FEWEST_SPREAD_DAYS:
            _describe(values, chosen[:known], spread_days, features[event])
    return newest_day


@compiled
def _describe(values: FloatTable, chosen: IntColumn, spread_days: int, out: FloatColumn) -> None:
    newest = values[chosen[0]]
    for c in range(3):
        out[c] = _clip(newest[c] * _SCORE_SCALE)
    out[3] = _clip(newest[_MEAN] * _SCORE_SCALE)
    out[4] = 0.5 * _clip(_z(values, chosen, _COUNT))
    out[5] = 0.5 * _clip(_z(values, chosen, _SUM))
    fast = slow = values[chosen[-1], _MEAN]
    for i in range(len(chosen) - 2, -1, -1):
        value = values[chosen[i], _MEAN]
        fast += _FAST * (value - fast)
        slow += _SLOW * (value - slow)
    out[6] = _clip((fast - slow) * _CHANGE_SCALE)
    out[7] = _clip(_deviation(values, chosen[:spread_days], _MEAN)[1] * _CHANGE_SCALE)


@compiled
def _z(values: FloatTable, chosen: IntColumn, column: int) -> float:
    mean, deviation = _deviation(values, chosen, column)
    return (_value(values, chosen[0], column) - mean) / deviation if deviation > 0.0 else 0.0


@compiled
def _deviation(values: FloatTable, chosen: IntColumn, column: int) -> tuple[float, float]:
    """Returns the mean and the population standard deviation; of equal values exactly 0."""
    base = _value(values, chosen[0], column)
    excess = 0.0
    for row in chosen:
        excess += _value(values, row, column) - base
    mean = base + excess / len(chosen)
    total = 0.0
    for row in chosen:
        total += (_value(values, row, column) - mean) ** 2
    return mean, math.sqrt(total / len(chosen))


@compiled
def _value(values: FloatTable, row: int, column: int) -> float:
    value = values[row, column]
    return math.log1p(value) if column == _COUNT else value


@compiled
def _clip(value: float) -> float:
    return min(_LIMIT, max(-_LIMIT, value))
