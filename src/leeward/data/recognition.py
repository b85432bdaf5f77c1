"""Which columns of a table are the candle's, and what their cells say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from leeward.data.columns import ALWAYS
from leeward.data.tables import Table
from leeward.domain.columns import BoolColumn, FloatColumn, IntColumn
from leeward.domain.errors import BadCandles, BadUsage
from leeward.domain.times import parse_time

#: How files call the columns, letters and digits only, the likeliest first.
_CALLED: Mapping[str, Sequence[str]] = {
    "open_time": (
        "opentime", "opentimestamp", "timestamp", "datetime", "date", "time", "starttime", "unix",
        "ts", "t",
    ),
    "open": ("open", "openprice", "o"),
    "high": ("high", "highprice", "h"),
    "low": ("low", "lowprice", "l"),
    "close": ("close", "closeprice", "c"),
    "volume": ("volume", "vol", "basevolume", "volumebase", "basevol", "v"),
    "quote_volume": (
        "quotevolume", "quoteassetvolume", "volumequote", "quotevol", "turnover", "q",
    ),
    "trades": ("trades", "count", "numberoftrades", "tradecount", "numtrades", "n"),
    "taker_buy_volume": (
        "takerbuyvolume", "takerbuybasevolume", "takerbuybaseassetvolume", "takerbuybase",
    ),
}  # fmt: skip

#: Units of integer times: from which number on, and how many make a millisecond.
_UNITS = (("s", 10**8), ("ms", 10**11), ("µs", 10**14), ("ns", 10**17))
#: The first second of 1e8 since 1970, March 1973; integers below it have no unit.
_EARLIEST_MS = 10**11
_PER_MS = {"ms": 1, "us": 1_000, "µs": 1_000, "ns": 1_000_000}


class Mark(NamedTuple):
    """A row that cannot be a candle, and the rule it breaks."""

    row: int
    rule: str


@dataclass(frozen=True, slots=True)
class Cells:
    """The candle columns of a table as numbers; `marks` are the rows with unreadable cells.

    Unreadable times are 0, unreadable numbers NaN.
    """

    open_time: IntColumn
    columns: dict[str, FloatColumn]
    marks: list[Mark]


def read_cells(table: Table) -> Cells:
    """Returns the candle columns of a table. Raises BadCandles where they cannot be told."""
    found = find_columns(table)
    open_time, marks = _read_times(table, table.rows[found.pop("open_time")])
    columns = {}
    for name, called in found.items():
        columns[name], bad = _read_numbers(table, name, table.rows[called])
        marks += bad
    return Cells(open_time, columns, marks)


def find_columns(table: Table) -> dict[str, str]:
    """Returns candle column -> column of the table; raises BadCandles where one is missing."""
    plain = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in reversed(table.rows.columns)}
    found = {}
    for column, names in _CALLED.items():
        called = next((plain[name] for name in names if name in plain), None)
        if called is not None:
            found[column] = called
    missing = [column for column in ("open_time", *ALWAYS) if column not in found]
    if missing:
        raise BadCandles(
            f"{table.name}: holds {_other_content(set(plain))}: "
            f"no column for {', '.join(missing)} among {', '.join(table.rows.columns)}"
        )
    return found


def _other_content(plain: set[str]) -> str:
    if any("fundingrate" in name for name in plain):
        return "funding rates, not candles"
    if {"bidprice", "askprice"} <= plain or {"bid", "ask"} <= plain:
        return "quotes, not candles"
    if "price" in plain and plain & {"qty", "quantity", "size", "amount"}:
        return "single trades, not candles"
    return "no candles"


def _read_numbers(table: Table, name: str, cells: pl.Series) -> tuple[FloatColumn, list[Mark]]:
    cells = _trimmed(cells)
    if cells.dtype != pl.String and not cells.dtype.is_numeric():
        raise BadCandles(f"{table.name}: column '{cells.name}' holds {cells.dtype}, not numbers")
    numbers = cells.cast(pl.Float64, strict=False)
    unreadable = numbers.is_null() & cells.is_not_null()
    marks = [Mark(row, f"{name} '{cells[row]}' is not a number") for row in _rows(unreadable)]
    if name in ALWAYS:
        marks += [Mark(row, f"{name} is empty") for row in _rows(cells.is_null())]
    return numbers.fill_null(float("nan")).to_numpy(writable=True), marks


def _read_times(table: Table, cells: pl.Series) -> tuple[IntColumn, list[Mark]]:
    """Returns the open times in ms, and the rows whose time cannot be read."""
    cells = _trimmed(cells)
    values, per_ms = _count_times(table, cells)
    times = values // per_ms
    marks = [
        Mark(row, "open time is empty" if cells[row] is None else f"'{cells[row]}' is not a time")
        for row in _rows(times < _EARLIEST_MS)
    ]
    between = (values % per_ms != 0) & (times >= _EARLIEST_MS)
    marks += [Mark(row, "opens between two milliseconds") for row in _rows(between)]
    return np.where(times < _EARLIEST_MS, 0, times), marks


def _count_times(table: Table, cells: pl.Series) -> tuple[IntColumn, int]:
    """Returns times as integers, 0 where there is none, and how many make a millisecond."""
    if cells.dtype == pl.Date:
        cells = cells.cast(pl.Datetime("ms"))
    if isinstance(cells.dtype, pl.Datetime):
        # Times without a zone are UTC; those with one are stored as UTC.
        counts = cells.to_physical().fill_null(0)
        return counts.to_numpy(), _PER_MS[cells.dtype.time_unit]
    if cells.dtype == pl.String:
        written = cells.str.extract(r"^(\d+)(?:\.0*)?$")
        if 2 * written.count() < cells.count():
            return _read_iso(cells), 1
        cells = written
    elif not cells.dtype.is_numeric():
        raise BadCandles(f"{table.name}: column '{cells.name}' holds {cells.dtype}, not times")
    counts = cells.cast(pl.Int64, strict=False)
    if cells.dtype.is_float():
        counts = counts.zip_with(counts == cells, pl.Series([0]))
    numbers = counts.fill_null(0).to_numpy()
    unit = _unit_of(table, numbers)
    return (numbers * 1000, 1) if unit == "s" else (numbers, _PER_MS[unit])


def _unit_of(table: Table, numbers: IntColumn) -> str:
    """Returns the unit of all times; raises BadCandles where they do not agree on one."""
    unit = np.searchsorted([least for _, least in _UNITS], numbers, side="right") - 1
    readable = np.flatnonzero(unit >= 0)
    if not len(readable):
        raise BadCandles(
            f"{table.name}: {table.position(0)}: {numbers[0]} is not a time: "
            "neither seconds, ms nor µs since 1970"
        )
    first, others = readable[0], readable[unit[readable] != unit[readable[0]]]
    if len(others):
        raise BadCandles(
            f"{table.name}: its times are in mixed units: {table.position(first)} in "
            f"{_UNITS[unit[first]][0]}, {table.position(others[0])} in "
            f"{_UNITS[unit[others[0]]][0]}; bring them to one unit"
        )
    return _UNITS[unit[first]][0]


def _read_iso(cells: pl.Series) -> IntColumn:
    times = np.zeros(len(cells), dtype=np.int64)
    for row, cell in enumerate(cells):
        with suppress(BadUsage):
            times[row] = parse_time((cell or "").removesuffix(" UTC"), "time")
    return times


def _trimmed(cells: pl.Series) -> pl.Series:
    """Returns the cells without blanks around a text, null where nothing is left."""
    return cells.str.strip_chars().replace("", None) if cells.dtype == pl.String else cells


def _rows(mask: pl.Series | BoolColumn) -> Iterator[int]:
    rows: list[int] = np.flatnonzero(np.asarray(mask)).tolist()
    return iter(rows)
