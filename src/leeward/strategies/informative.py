"""Joins candles of other symbols and timeframes as of their last closed candle."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from leeward.domain.candles import Candles
from leeward.domain.frame import Frame

#: Stands for the symbol being traded.
SELF = "SELF"

_COLUMNS = ("open", "high", "low", "close", "volume")


def build_frame(candles: Candles, further: Mapping[tuple[str, str], Candles]) -> Frame:
    """Returns the candles as a frame with the further candles' columns beside them.

    Row t, decided at the close of candle t, gets the last further candle closed by then, as
    columns `ETHUSDT_4h_close` and so on; NaN before the first. `further` is keyed by the symbol
    and timeframe that the strategy names in `informative`.
    """
    frame = Frame.of(candles)
    decided_at = candles.open_time + candles.timeframe.length_ms
    for (symbol, timeframe), other in further.items():
        closed_at = other.open_time + other.timeframe.length_ms
        row = np.searchsorted(closed_at, decided_at, side="right") - 1
        known = row >= 0
        for name in _COLUMNS:
            column = np.full(len(candles), np.nan)
            column[known] = getattr(other, name)[row[known]]
            frame = frame.with_columns(**{f"{symbol}_{timeframe}_{name}": column})
    return frame
