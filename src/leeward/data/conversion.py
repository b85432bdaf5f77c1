"""Candles as data frames, for notebooks and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from leeward.data.columns import known_columns
from leeward.domain.candles import Candles
from leeward.domain.errors import BadUsage

if TYPE_CHECKING:
    import pandas as pd


def candles_to_polars(candles: Candles) -> pl.DataFrame:
    """Returns the candles as a Polars frame, open_time as UTC timestamps, null where not known."""
    table = to_table(candles)
    if candles.trades is None:
        return table
    return table.with_columns(pl.col("trades").cast(pl.Int64, strict=False))


def to_table(candles: Candles) -> pl.DataFrame:
    """Returns `candles_to_polars` with all values as the float64 they are."""
    columns = {name: pl.Series(column) for name, column in known_columns(candles).items()}
    open_time = pl.Series(candles.open_time).cast(pl.Datetime("ms", "UTC"))
    return pl.DataFrame({"open_time": open_time, **columns}).fill_nan(None)


def candles_to_pandas(candles: Candles) -> pd.DataFrame:
    """Returns the candles as a pandas frame, open_time as UTC timestamps, NaN where not known.

    Raises BadUsage where pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError:
        raise BadUsage("pandas is not installed; pip install 'leeward[pandas]'") from None
    open_time = pd.DatetimeIndex(candles.open_time.astype("datetime64[ms]"), tz="UTC")
    return pd.DataFrame({"open_time": open_time, **known_columns(candles)})
