"""Coarser candles out of finer ones."""

from __future__ import annotations

import numpy as np

from leeward.domain.candles import Candles
from leeward.domain.columns import FloatColumn
from leeward.domain.errors import BadUsage
from leeward.domain.timeframe import Timeframe


def resample(candles: Candles, timeframe: Timeframe) -> Candles:
    """Returns the candles of a coarser timeframe, those only whose finer candles are all present.

    First open, highest high, lowest low, last close; volumes and counts are summed, and an
    optional column is NaN where one of its finer values is. Raises BadUsage where the coarser
    length is not a whole multiple of the finer one.
    """
    parts, rest = divmod(timeframe.length_ms, candles.timeframe.length_ms)
    if rest:
        raise BadUsage(
            f"{candles.name}: cannot be made into {timeframe} candles; "
            f"choose a timeframe that is a whole multiple of {candles.timeframe}"
        )
    since_open = (candles.open_time - timeframe.offset_ms) % timeframe.length_ms
    coarse_time = candles.open_time - since_open
    starts = np.flatnonzero(np.diff(coarse_time, prepend=-1))
    whole = np.diff(starts, append=len(candles)) == parts
    first = starts[whole]

    def total(column: FloatColumn | None) -> FloatColumn | None:
        return None if column is None else np.add.reduceat(column, starts)[whole]

    return Candles(
        candles.symbol,
        timeframe,
        coarse_time[first],
        candles.open[first],
        np.maximum.reduceat(candles.high, starts)[whole],
        np.minimum.reduceat(candles.low, starts)[whole],
        candles.close[first + parts - 1],
        np.add.reduceat(candles.volume, starts)[whole],
        total(candles.quote_volume),
        total(candles.trades),
        total(candles.taker_buy_volume),
    )
