"""What a model sees: windows of 120 closed candles, scaled by nothing but themselves.

No scaler is fitted, so there is none to leak the future or to lose. Training, backtest and live
call the same code, and a window gives the same bits alone, in a batch and in a whole history.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from leeward.compiled import compiled, compiled_alone
from leeward.domain.candles import Candles
from leeward.domain.columns import FloatColumn, IntColumn

FloatTable: TypeAlias = NDArray[np.float64]
FeatureTable: TypeAlias = NDArray[np.float32]

#: Candles in a window.
WINDOW = 120
#: Changes whenever a feature does; a model is refused where it was trained on another version.
FEATURE_VERSION = 1
FEATURES_PRICE = ("open", "high", "low", "close", "volume")
#: What a sentiment model sees beside the five; `leeward.indicators.sentiment` computes them.
FEATURES_SENTIMENT = (
    "sentiment_score1",
    "sentiment_score2",
    "sentiment_score3",
    "sentiment_mean",
    "sentiment_count",
    "sentiment_sum",
    "sentiment_momentum",
    "sentiment_spread",
)

_PRICES = 4
_CLOSE, _VOLUME = 3, 4
_Z_LIMIT = 4.0
#: Log returns that deviate by less differ by the rounding of logarithms; the smallest price step
#: of any traded symbol, once in a window, makes a hundred times as much.
_ROUNDING = 1e-10


def features(raw: FloatTable) -> tuple[FeatureTable, FloatColumn]:
    """Returns the features [N, 120, F] of N windows and sigma [N], their volatility.

    `raw` is [N, 120, C]: C = 5 (open, high, low, close, volume of contiguous closed candles, oldest
    first) or 13 (then `FEATURES_SENTIMENT` as known at each candle's close); F = C. Sigma is the
    population standard deviation of the 119 log returns of the close. Prices become their log
    distance to the last close over sigma * sqrt(120); the volume becomes half the z-score of
    log(1 + volume) in the window, clipped at 4 deviations, or 0 where it never changes; sentiment
    passes as it is. Where a value is not finite, a price not positive, a volume negative, all
    volume zero or sigma zero, the window's features and its sigma are NaN.

    >>> close = np.exp(0.01 * (np.arange(120) % 2))
    >>> window = np.stack([close, close, close, close, close], axis=1)
    >>> values, sigma = features(window[np.newaxis])
    >>> values[0, -2:].round(2).tolist() == [[np.float32(-0.09)] * 4 + [-0.5], [0.0] * 4 + [0.5]]
    True
    >>> sigma.round(4).tolist()
    [0.01]
    """
    windows, length, channels = raw.shape
    assert length == WINDOW
    table = _table(raw.reshape(-1, channels))
    # As one column of candles in which every window is followed by a gap.
    row = np.arange(len(table))
    rows, sigma = _usable(table, row + row // WINDOW, 1)
    if len(rows) == windows:
        return _fill(table, rows, sigma), sigma
    all_features = np.full(raw.shape, np.nan, np.float32)
    all_sigma = np.full(windows, np.nan)
    at = rows // WINDOW
    all_features[at], all_sigma[at] = _fill(table, rows, sigma), sigma
    return all_features, all_sigma


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """The usable windows of some candles, in time order. `rows[i]` is the row of the newest candle
    of window i, after whose close the window is known; `sigma[i]` its volatility."""

    rows: IntColumn
    sigma: FloatColumn
    _table: FloatTable = field(repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    def features(self, first: int = 0, last: int | None = None) -> FeatureTable:
        """Returns the features of windows `first` (included) to `last` (not included).

        One window takes 2.4 kB (5 features) or 6.2 kB (13): go through long histories in parts.
        """
        part = slice(first, last)
        return _fill(self._table, self.rows[part], self.sigma[part])


def windows_of(candles: Candles, sentiment: FloatTable | None = None) -> Windows:
    """Returns every window of 120 candles that a model may see, with its features on request.

    Row t of `sentiment` [rows, 8] holds `FEATURES_SENTIMENT` as known when candle t closed, NaN
    where unknown. A window is left out where a candle of it is missing, a value is not finite, all
    volume is zero, or prices did not move: it is never filled. Deleting later candles changes no
    window of the earlier ones.
    """
    table = _table(_columns(candles, sentiment))
    # A copy is always of one type, so that it is compiled once: stored columns are read-only.
    rows, sigma = _usable(table, candles.open_time.copy(), candles.timeframe.length_ms)
    return Windows(rows, sigma, table)


def raw_windows(
    candles: Candles, rows: IntColumn, sentiment: FloatTable | None = None
) -> FloatTable:
    """Returns the raw windows [N, 120, C] that end in `rows`, as `features` takes them."""
    return _columns(candles, sentiment)[rows[:, np.newaxis] + np.arange(1 - WINDOW, 1)]


def _columns(candles: Candles, sentiment: FloatTable | None) -> FloatTable:
    own = np.stack([getattr(candles, name) for name in FEATURES_PRICE], axis=1)
    return own if sentiment is None else np.concatenate([own, sentiment], axis=1)


def _table(raw: FloatTable) -> FloatTable:
    """Returns the rows with logs in place of prices and volume; NaN where there is none."""
    table = raw.astype(np.float64)  # a contiguous copy
    _take_logs(table)
    return table


@compiled_alone
def _take_logs(table: FloatTable) -> None:
    # Not NumPy's: its last bit may depend on how many values it takes at a time.
    for t in range(len(table)):
        row = table[t]
        for c in range(_PRICES):
            row[c] = math.log(row[c]) if row[c] > 0.0 else np.nan
        row[_VOLUME] = math.log1p(row[_VOLUME]) if row[_VOLUME] >= 0.0 else np.nan


@compiled_alone
def _usable(table: FloatTable, time: IntColumn, step: int) -> tuple[IntColumn, FloatColumn]:
    """Returns the last row of every window that passes the guards, and its sigma."""
    rows, sigmas = np.empty(len(table), np.int64), np.empty(len(table))
    found, run, traded = 0, 0, -WINDOW
    for t in range(len(table)):
        if t > 0 and time[t] - time[t - 1] != step:
            run = 0
        run = run + 1 if _is_finite(table[t]) else 0
        if table[t, _VOLUME] > 0.0:
            traded = t
        if run < WINDOW or t - traded >= WINDOW:
            continue
        sigma = _sigma(table, t)
        if sigma > _ROUNDING:
            rows[found], sigmas[found] = t, sigma
            found += 1
    return rows[:found].copy(), sigmas[:found].copy()


@compiled
def _is_finite(row: FloatColumn) -> bool:
    finite = True
    for value in row:
        finite &= math.isfinite(value)
    return finite


@compiled
def _sigma(table: FloatTable, row: int) -> float:
    first, moves = row - WINDOW + 1, WINDOW - 1
    mean = (table[row, _CLOSE] - table[first, _CLOSE]) / moves
    total = 0.0
    for t in range(first + 1, row + 1):
        total += (table[t, _CLOSE] - table[t - 1, _CLOSE] - mean) ** 2
    return math.sqrt(total / moves)


@compiled_alone
def _fill(table: FloatTable, rows: IntColumn, sigma: FloatColumn) -> FeatureTable:
    channels = table.shape[1]
    out = np.empty((len(rows), WINDOW, channels), np.float32)
    for i in range(len(rows)):
        first = rows[i] - WINDOW + 1
        base = table[rows[i], _CLOSE]
        scale = 1.0 / (sigma[i] * math.sqrt(WINDOW))
        mean, share = _volume_scale(table, first)
        for t in range(WINDOW):
            row, made = table[first + t], out[i, t]
            for c in range(_PRICES):
                made[c] = (row[c] - base) * scale
            made[_VOLUME] = 0.5 * min(_Z_LIMIT, max(-_Z_LIMIT, (row[_VOLUME] - mean) * share))
            for c in range(_VOLUME + 1, channels):
                made[c] = row[c]
    return out


@compiled
def _volume_scale(table: FloatTable, first: int) -> tuple[float, float]:
    """Returns the mean of the log volumes and one over their deviation; 0 where they are equal."""
    # Around the first value: equal volumes have exactly no deviation.
    base = table[first, _VOLUME]
    excess = 0.0
    for t in range(first, first + WINDOW):
        excess += table[t, _VOLUME] - base
    mean = base + excess / WINDOW
    total = 0.0
    for t in range(first, first + WINDOW):
        total += (table[t, _VOLUME] - mean) ** 2
    deviation = math.sqrt(total / WINDOW)
    return mean, 1.0 / deviation if deviation > _ROUNDING else 0.0
