"""Candle files into the store: each file as a whole, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np

from leeward.data.columns import candles_of
from leeward.data.merging import Merged
from leeward.data.naming import SUFFIXES, Series, read_name
from leeward.data.recognition import Cells, Mark, find_columns, read_cells
from leeward.data.store import CandleStore
from leeward.data.tables import Table, read_members, table_of
from leeward.domain.candles import Candles, find_faults
from leeward.domain.columns import BoolColumn, IntColumn
from leeward.domain.errors import BadCandles
from leeward.domain.timeframe import Timeframe
from leeward.domain.times import iso

#: So many equal gaps in a row are no outage but candles of another timeframe.
_MIXED_RUN = 12


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user gave beside the files: a symbol and a timeframe that overrule their names, and
    whether to import the good candles of a file that holds bad ones."""

    symbol: str | None = None
    timeframe: Timeframe | None = None
    skip_bad: bool = False


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row that was left out: where it stands, its open time (None if unreadable), the rule."""

    position: str
    open_time: int | None
    rule: str

    def __str__(self) -> str:
        time = "" if self.open_time is None else f" ({iso(self.open_time)})"
        return f"{self.position}{time}: {self.rule}"


@dataclass(frozen=True, slots=True)
class Parsed:
    """The candles of a table, and the rows that were left out."""

    candles: Candles
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file: what was stored of it, or why nothing was."""

    name: str
    series: Series | None = None
    merged: Merged | None = None
    skipped: tuple[Skipped, ...] = ()
    refused: str | None = None


def find_candle_files(paths: Sequence[Path], asked: Asked) -> tuple[list[Path], list[Path]]:
    """Returns the files to import and those of folders passed over for their names.

    Folders stand for the files in them, at any depth, that are named like candles.
    """
    files: list[Path] = []
    passed_over: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        for file in sorted(path.rglob("*")):
            hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
            if file.suffix.lower() in SUFFIXES and file.is_file() and not hidden:
                (files if _is_named(file, asked) else passed_over).append(file)
    return files, passed_over


def _is_named(file: Path, asked: Asked) -> bool:
    try:
        read_name(file, asked.symbol, asked.timeframe)
    except BadCandles:
        return False
    return True


def import_file(store: CandleStore, path: Path, asked: Asked) -> Iterator[Outcome]:
    """Yields what became of a file, of each candle file in it for a ZIP.

    A file is parsed and checked in whole before anything is stored; a refused one changes nothing.
    Raises CannotWrite where the store cannot be written.
    """
    try:
        for name, content in read_members(path):
            yield _import_member(store, name, content, asked)
    except BadCandles as error:
        yield Outcome(path.as_posix(), refused=str(error))


def _import_member(store: CandleStore, name: PurePath, content: bytes, asked: Asked) -> Outcome:
    try:
        table = table_of(name, content)
        find_columns(table)  # what is no candle table needs no better name
        series = read_name(name, asked.symbol, asked.timeframe)
        parsed = parse_table(table, series, asked.skip_bad)
        merged = store.merge(parsed.candles)
    except BadCandles as error:
        return Outcome(name.as_posix(), refused=str(error))
    return Outcome(name.as_posix(), series, merged, parsed.skipped)


def parse_table(table: Table, series: Series, skip_bad: bool) -> Parsed:
    """Returns the candles of a table. Raises BadCandles naming the first bad one.

    With `skip_bad`, bad candles are left out and listed instead.
    """
    cells = read_cells(table)
    _check_spacing(table, cells, series.timeframe)
    marks = _find_marks(cells, series)
    if marks and not skip_bad:
        raise _refusal(table, cells, marks)
    good = np.ones(len(cells.open_time), dtype=bool)
    good[list(marks)] = False
    if not good.any():
        raise _refusal(table, cells, marks)
    columns = {name: column[good] for name, column in cells.columns.items()}
    candles = candles_of(series.symbol, series.timeframe, cells.open_time[good], columns)
    return Parsed(candles, tuple(_skipped(table, cells, marks[row]) for row in sorted(marks)))


def _find_marks(cells: Cells, series: Series) -> dict[int, Mark]:
    """Returns row -> the first rule it breaks: cells, then values, then the time grid and order."""
    time, frame = cells.open_time, series.timeframe
    # On times of their own, so that each row is judged by its values alone.
    ladder = frame.offset_ms + frame.length_ms * np.arange(len(time))
    alone = candles_of(series.symbol, frame, ladder, cells.columns, months={})
    marks = [*cells.marks]
    marks += [Mark(fault.row, fault.rule) for fault in find_faults(alone, most=len(time))]
    off_grid = (time - frame.offset_ms) % frame.length_ms != 0
    marks += [
        Mark(row, f"is off the {frame} grid; are these candles of another timeframe?")
        for row in np.flatnonzero(off_grid).tolist()
    ]
    found: dict[int, Mark] = {}
    for mark in marks:
        found.setdefault(mark.row, mark)
    good = np.ones(len(time), dtype=bool)
    good[list(found)] = False
    for mark in _misplaced(time, np.flatnonzero(good)):
        found[mark.row] = mark
    return found


def _misplaced(time: IntColumn, rows: IntColumn) -> list[Mark]:
    """Returns those of the rows that do not open after all rows before them."""
    if not len(rows):
        return []
    latest = np.maximum.accumulate(time[rows])
    ahead = time[rows[1:]] - latest[:-1]
    return [
        Mark(
            int(row),
            "opens at the same time as a candle above it; drop the duplicate"
            if by == 0
            else "opens before a candle above it; times must increase",
        )
        for row, by in zip(rows[1:], ahead, strict=True)
        if by <= 0
    ]


def _check_spacing(table: Table, cells: Cells, timeframe: Timeframe) -> None:
    """Raises BadCandles where the candles are of another timeframe, or of more than one."""
    rows = np.flatnonzero(cells.open_time)
    spacing = np.diff(cells.open_time[rows])
    later = spacing > 0
    steps, counts = np.unique(spacing[later], return_counts=True)
    if not len(steps):
        return
    usual = int(steps[counts.argmax()])
    if usual != timeframe.length_ms and counts.max() >= 3:
        raise BadCandles(
            f"{table.name}: its candles are {_length(usual)} apart, not {timeframe}; "
            "give the right --timeframe"
        )
    start = _first_run(spacing, later & (spacing != timeframe.length_ms))
    if start is not None:
        raise BadCandles(
            f"{table.name}: mixed timeframes: from {table.position(rows[start])} on its candles "
            f"are {_length(int(spacing[start]))} apart, not {timeframe}; split the file"
        )


def _first_run(spacing: IntColumn, other: BoolColumn) -> int | None:
    """Returns where the first run of equal spacings among the other ones starts."""
    edges = np.flatnonzero(np.diff(spacing, prepend=0))
    lengths = np.diff(edges, append=len(spacing))
    runs = edges[(lengths >= _MIXED_RUN) & other[edges]]
    return int(runs[0]) if len(runs) else None


def _length(step_ms: int) -> str:
    known = {Timeframe.parse(name).length_ms: name for name in Timeframe.names()}
    return known.get(step_ms, f"{step_ms / 1000:g} s")


def _skipped(table: Table, cells: Cells, mark: Mark) -> Skipped:
    time = int(cells.open_time[mark.row])
    return Skipped(table.position(mark.row), time or None, mark.rule)


def _refusal(table: Table, cells: Cells, marks: dict[int, Mark]) -> BadCandles:
    first = _skipped(table, cells, marks[min(marks)])
    more = len(marks) - 1
    others = f"; {more} more bad candle{'s follow' if more > 1 else ' follows'}" if more else ""
    all_bad = len(marks) == len(cells.open_time)
    way_out = "correct the file" if all_bad else "use --skip-bad to import the rest"
    return BadCandles(f"{table.name}: {first}{others}; nothing was imported from it; {way_out}")
