"""Candles into files that other programs read."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from leeward.data.conversion import candles_to_polars
from leeward.data.durable import cannot_write, replacing
from leeward.domain.candles import Candles
from leeward.domain.errors import unknown_name

SUFFIXES = (".csv", ".feather", ".parquet")


def export_candles(candles: Candles, path: Path) -> None:
    """Writes the candles as CSV (ISO times), Parquet or Feather, as the name of `path` ends.

    An import of the file gives the same candles, to the last bit. A file already there is
    replaced in one step. Raises BadUsage for another ending, CannotWrite where the disk refuses.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise unknown_name("file type", suffix or path.name, SUFFIXES)
    table = candles_to_polars(candles)
    with replacing(path) as unfinished:
        try:
            _write(table, suffix, unfinished)
        except pl.exceptions.PolarsError as error:
            raise cannot_write(path, OSError(str(error).splitlines()[0])) from None


def _write(table: pl.DataFrame, suffix: str, path: Path) -> None:
    match suffix:
        case ".csv":
            table.write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%SZ")
        case ".parquet":
            table.write_parquet(path, compression="zstd")
        case _:
            table.write_ipc(path, compression="zstd")
