"""One UTC month of candles as the bytes of a Parquet file, and back.

Polars is imported here; a backtest that finds its hot copy fresh never comes here.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from leeward.data.columns import ALWAYS, candles_of
from leeward.data.conversion import to_table
from leeward.data.tables import NOT_READABLE
from leeward.domain.candles import OPTIONAL, Candles, month_hashes
from leeward.domain.errors import BadCandles
from leeward.domain.timeframe import Timeframe

#: The metadata key under which a file holds the hash of the candles it was written with.
HASH_KEY = "leeward.sha256"


def encode(month: Candles) -> bytes:
    """Returns the Parquet file (zstd) of candles of one UTC month."""
    known = to_table(month)
    known = known.select(name for name in known.columns if known[name].null_count() < len(known))
    buffer = io.BytesIO()
    known.write_parquet(buffer, compression="zstd", metadata={HASH_KEY: _digest(month)})
    return buffer.getvalue()


def decode(content: bytes, path: Path, symbol: str, timeframe: Timeframe) -> Candles:
    """Returns the candles of a stored month, checked against every rule and the stored hash.

    `path` names the month and stands in messages. Raises BadCandles for a file that is not
    readable, breaks a rule of `Candles`, or does not hold what was written.
    """
    try:
        table = _as_numbers(pl.read_parquet(io.BytesIO(content)))
        digest = pl.read_parquet_metadata(io.BytesIO(content)).get(HASH_KEY)
        columns = {name: table[name].to_numpy() for name in table.columns}
        open_time = columns.pop("open_time")
        candles = candles_of(symbol, timeframe, open_time, columns)
    except (*NOT_READABLE, BadCandles) as error:
        raise _corrupt(path, str(error).splitlines()[0]) from None
    hashes = month_hashes(candles)
    candles = replace(candles, checked=True, known_hashes=hashes)
    if list(hashes) != [path.stem]:
        raise _corrupt(path, f"it holds candles of {', '.join(hashes) or 'no month'}")
    if _digest(candles) != digest:
        raise _corrupt(path, "its candles are not those that were written")
    return candles


def _digest(month: Candles) -> str:
    """Returns a hash of all that is stored of a month: its content hash and what else is known."""
    digest = hashlib.sha256(month.sha256.encode())
    for name in OPTIONAL:
        column = getattr(month, name)
        if column is not None and not np.isnan(column).all():
            digest.update(name.encode())
            digest.update(np.where(np.isnan(column), np.nan, column).data)  # one kind of NaN
    return digest.hexdigest()


def _as_numbers(table: pl.DataFrame) -> pl.DataFrame:
    known = [*ALWAYS, *(name for name in OPTIONAL if name in table.columns)]
    return table.select(
        pl.col("open_time").cast(pl.Datetime("ms", "UTC")).to_physical(),
        pl.col(known).cast(pl.Float64).fill_null(float("nan")),
    )


def _corrupt(path: Path, reason: str) -> BadCandles:
    return BadCandles(
        f"{path}: this stored month is corrupt: {reason}; "
        "delete the file, then import or download the month again"
    )
