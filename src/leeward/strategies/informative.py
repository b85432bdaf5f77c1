"""Joins candles of other symbols and timeframes as of their last closed candle."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from leeward.domain.candles import OPTIONAL, PRICES, Candles
from leeward.domain.frame import Frame
from leeward.strategies.base import Strategy

#: Stands for the symbol being traded.
SELF = "SELF"

_COLUMNS = (*PRICES, "volume")


def build_frame(candles: Candles, further: Mapping[tuple[str, str], Candles]) -> Frame:
    """Returns the candles as a frame with the further candles' columns beside them.

    Row t, decided at the close of candle t, gets the last further candle closed by then, as
    columns `ETHUSDT_4h_close` and so on: NaN before the first, and where candles are missing the
    one before them. `further` is keyed by the symbol and timeframe that the strategy names in
    `informative`.
    """
    decided_at = candles.open_time + candles.timeframe.length_ms
    joined = {}
    for (symbol, timeframe), other in further.items():
        closed_at = other.open_time + other.timeframe.length_ms
        row = np.searchsorted(closed_at, decided_at, side="right") - 1
        known = row >= 0
        for name in _COLUMNS:
            column = np.full(len(candles), np.nan)
            column[known] = getattr(other, name)[row[known]]
            joined[f"{symbol}_{timeframe}_{name}"] = column
    return Frame.of(candles).with_columns(**joined)


def frame_columns(strategy: Strategy) -> tuple[str, ...]:
    """Returns the names of all columns that candles can give the strategy."""
    further = (
        f"{symbol}_{timeframe}_{name}"
        for symbol, timeframe in strategy.informative
        for name in _COLUMNS
    )
    return (*_COLUMNS, *OPTIONAL, *further)
