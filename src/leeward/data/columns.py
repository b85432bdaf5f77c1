"""Candles as named columns, and back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from leeward.domain.candles import OPTIONAL, PRICES, Candles
from leeward.domain.columns import FloatColumn, IntColumn
from leeward.domain.timeframe import Timeframe

#: The columns every candle has, beside open_time.
ALWAYS = (*PRICES, "volume")


def candles_of(
    symbol: str,
    timeframe: Timeframe,
    open_time: IntColumn,
    columns: Mapping[str, FloatColumn],
    months: Mapping[str, str] | None = None,
) -> Candles:
    """Returns candles made of float64 columns by name, optional ones where given.

    With `months`, the known hashes of all months, the rows count as checked before; without, every
    rule is checked and BadCandles raised.
    """
    return Candles(
        symbol,
        timeframe,
        open_time,
        columns["open"],
        columns["high"],
        columns["low"],
        columns["close"],
        columns["volume"],
        columns.get("quote_volume"),
        columns.get("trades"),
        columns.get("taker_buy_volume"),
        checked=months is not None,
        known_hashes={} if months is None else months,
    )


def known_columns(candles: Candles) -> dict[str, FloatColumn]:
    """Returns the columns the candles have, open_time left out, in their usual order."""
    columns = {name: getattr(candles, name) for name in (*ALWAYS, *OPTIONAL)}
    return {name: column for name, column in columns.items() if column is not None}


def column_or_nan(candles: Candles, name: str) -> FloatColumn:
    """Returns a column, all NaN where the candles do not have it."""
    column: FloatColumn | None = getattr(candles, name)
    return np.full(len(candles), np.nan) if column is None else column


def without_unknown(columns: Mapping[str, FloatColumn]) -> dict[str, FloatColumn]:
    """Returns the columns without the optional ones that are NaN in every row."""
    return {
        name: column
        for name, column in columns.items()
        if name not in OPTIONAL or not np.isnan(column).all()
    }
