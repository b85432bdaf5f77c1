"""The tables in candle files, as they are: CSV, ZIP, Parquet and Feather."""

from __future__ import annotations

import codecs
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np
import polars as pl

from leeward.data.naming import SUFFIXES
from leeward.domain.columns import IntColumn
from leeward.domain.errors import BadCandles

#: The columns of the exchange's archive, where the file does not name them.
ARCHIVE = (
    "open_time", "open", "high", "low", "close", "volume", "close_time",
    "quote_volume", "trades", "taker_buy_volume", "taker_buy_quote_volume", "ignore",
)  # fmt: skip

#: What Polars raises for damaged bytes. Some damage makes it panic, which is no `Exception`.
NOT_READABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)
_NOT_A_ZIP = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error,
    EOFError, OSError, RuntimeError, ValueError,
)  # fmt: skip
_TABLES = tuple(suffix for suffix in SUFFIXES if suffix != ".zip")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of a file as they are; the cells of a CSV are text.

    `name` is the path as given, inside a ZIP with the member's name behind it. Row i stands in the
    file at `positions[i]`, counted from 1 in `unit`s: lines of a text, rows of a table.
    """

    name: PurePath
    rows: pl.DataFrame
    unit: str
    positions: IntColumn

    def position(self, row: int) -> str:
        return f"{self.unit} {self.positions[row]}"


def read_tables(path: Path) -> Iterator[Table]:
    """Yields the tables of a file: one, or one a candle file in a ZIP. Raises BadCandles."""
    return (table_of(*member) for member in read_members(path))


def tables_in(name: PurePath, content: bytes) -> Iterator[Table]:
    """Yields the tables of a file's bytes; `name` tells the format. Raises BadCandles."""
    return (table_of(*member) for member in _members(name, content))


def read_members(path: Path) -> Iterator[tuple[PurePath, bytes]]:
    """Yields name and content of a file, of each candle file in it for a ZIP. Raises BadCandles."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise BadCandles(f"{path}: no such file") from None
    except OSError as error:
        raise BadCandles(f"{path}: cannot be read: {error.strerror}") from None
    yield from _members(path, content)


def _members(path: PurePath, content: bytes) -> Iterator[tuple[PurePath, bytes]]:
    if path.suffix.lower() != ".zip":
        yield path, content
        return
    if not content:
        raise BadCandles(f"{path}: is empty")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [name for name in archive.namelist() if _is_candle_file(PurePath(name))]
            if not names:
                raise BadCandles(f"{path}: there is no candle file in this ZIP file")
            for name in names:
                yield path / name, archive.read(name)
    except _NOT_A_ZIP as error:
        raise BadCandles(f"{path}: cannot be unpacked: {error}") from None


def _is_candle_file(name: PurePath) -> bool:
    hidden = any(part.startswith((".", "__")) for part in name.parts)
    return name.suffix.lower() in _TABLES and not hidden


def table_of(name: PurePath, content: bytes) -> Table:
    """Returns the table in a file's bytes; `name` tells the format. Raises BadCandles."""
    suffix = name.suffix.lower()
    if suffix not in _TABLES:
        raise BadCandles(f"{name}: is not a candle file; known are {', '.join(SUFFIXES)}")
    if not content.strip():
        raise BadCandles(f"{name}: is empty")
    table = _csv(name, content) if suffix == ".csv" else _columnar(name, suffix, content)
    if table.rows.is_empty():
        raise BadCandles(f"{name}: holds no candles")
    return table


def _columnar(name: PurePath, suffix: str, content: bytes) -> Table:
    read = pl.read_parquet if suffix == ".parquet" else pl.read_ipc
    try:
        rows = read(io.BytesIO(content))
    except NOT_READABLE as error:
        kind = "Parquet" if suffix == ".parquet" else "Feather"
        reason = str(error).splitlines()[0]
        raise BadCandles(f"{name}: is not a whole {kind} file: {reason}") from None
    return Table(name, rows, "row", np.arange(1, len(rows) + 1))


def _csv(name: PurePath, content: bytes) -> Table:
    text = content.removeprefix(codecs.BOM_UTF8)
    lines_before = text[: len(text) - len(text.lstrip())].count(b"\n")
    text = text.lstrip()
    head = text.split(b"\n", 1)[0].decode("utf-8", "replace").strip()
    separator = max(",;\t", key=head.count)
    named = not any(_is_number(cell) for cell in head.split(separator))
    try:
        rows = pl.read_csv(text, has_header=named, separator=separator, infer_schema=False)
    except NOT_READABLE as error:
        reason = _long_line(text, separator, lines_before) or str(error).splitlines()[0]
        raise BadCandles(f"{name}: is not a readable CSV file: {reason}") from None
    if not named:
        rows = _with_archive_names(name, rows)
    positions = np.arange(len(rows)) + lines_before + (2 if named else 1)
    blank = rows.select(pl.all_horizontal(pl.all().is_null())).to_series().to_numpy()
    return Table(name, rows.filter(~blank), "line", positions[~blank])


def _with_archive_names(name: PurePath, rows: pl.DataFrame) -> pl.DataFrame:
    if rows.width != len(ARCHIVE):
        raise BadCandles(
            f"{name}: has {rows.width} columns and no header line; without one, candles need the "
            f"{len(ARCHIVE)} columns of the exchange's archive. Add a header such as "
            f"{','.join(ARCHIVE[:6])}"
        )
    return rows.rename(dict(zip(rows.columns, ARCHIVE, strict=True)))


def _long_line(text: bytes, separator: str, lines_before: int) -> str | None:
    """Returns which line has more cells than the first; None where that is not the trouble."""
    lines = text.split(b"\n")
    cells = [line.count(separator.encode()) + 1 for line in lines]
    for number, count in enumerate(cells, start=lines_before + 1):
        if count > cells[0]:
            return f"line {number} has {count} cells, the first line {cells[0]}"
    return None


def _is_number(cell: str) -> bool:
    try:
        float(cell.strip().strip('"'))
    except ValueError:
        return False
    return True
