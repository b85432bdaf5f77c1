"""Daily sentiment: what each UTC day was, and from when on that was known."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leeward.domain.columns import FloatColumn, IntColumn
from leeward.domain.errors import BadSentiment, BadUsage, unknown_name
from leeward.domain.timeframe import DAY_MS

#: The values of one day, in the order of the source's columns, by UTC day since the epoch.
Rows = Mapping[int, tuple[float, ...]]

_MOST = 1e9  # of what has no upper end: far above anything real, far below what floats lose


@dataclass(frozen=True, slots=True)
class Source:
    """A daily source, and for each of its columns the range that a value must lie in."""

    name: str
    columns: Mapping[str, tuple[float, float]]

    def fault(self, values: Sequence[float]) -> str | None:
        """Returns the first rule that the values of a day break, None where they break none."""
        for (name, (low, high)), value in zip(self.columns.items(), values, strict=True):
            if not low <= value <= high:  # also NaN
                return f"{name} is {value:g}, not within {low:g} .. {high:g}"
        return None


_SCORE = (-1.0, 1.0)
_COUNT = (0.0, _MOST)
SOURCES: Mapping[str, Source] = {
    source.name: source
    for source in (
        Source(
            "senticrypt",
            {
                "score1": _SCORE,
                "score2": _SCORE,
                "score3": _SCORE,
                "count": _COUNT,
                "mean": _SCORE,
                "sum": (-_MOST, _MOST),
            },
        ),
        Source(
            "cryptocompare",
            {
                "count": (1.0, _MOST),
                "positive": _COUNT,
                "neutral": _COUNT,
                "negative": _COUNT,
                "mean": _SCORE,
            },
        ),
        Source("fear-greed", {"value": (0.0, 100.0)}),
        Source("dvol-btc", {"dvol": (0.0, 1000.0)}),
        Source("dvol-eth", {"dvol": (0.0, 1000.0)}),
    )
}


class DayGap(NamedTuple):
    """Days that a source does not have: the first of them and how many."""

    first: int
    missing: int


def source_named(name: str) -> Source:
    """Returns the source; raises BadUsage, with the nearest name, where there is none."""
    if name not in SOURCES:
        raise unknown_name("sentiment source", name, SOURCES)
    return SOURCES[name]


def available_from(day: int) -> int:
    """Returns the ms from which on the value of a UTC day may be used: the end of that day.

    SentiCrypt and news counts are whole then. The Fear & Greed index of a date is published at
    its start; it is held back a day too, so that no clock has to be right about that.
    """
    return (day + 1) * DAY_MS


def day_text(day: int) -> str:
    """Returns a day as a date.

    >>> day_text(19_000)
    '2022-01-08'
    """
    return str(np.datetime64(day, "D"))


def parse_day(text: str) -> int:
    """Returns the day of a date as in 2024-01-31; raises ValueError for anything else.

    >>> parse_day("2022-01-08")
    19000
    """
    if len(text) != len("2024-01-31") or not text.replace("-", "").isdecimal():
        raise ValueError(f"'{text[:20]}' is not a date such as 2024-01-31")
    try:
        return int(np.datetime64(text, "D").astype(np.int64))
    except ValueError:
        raise ValueError(f"'{text}' is not a day of the calendar") from None


@dataclass(frozen=True, eq=False)
class SentimentSeries:
    """The days of a source, by day and then by the time they became known.

    `day` counts UTC days since the epoch, `available_at` is in ms. A day whose value the source
    changed later stands there twice or more: each value holds from its own `available_at` on.
    """

    source: Source
    day: IntColumn
    available_at: IntColumn
    columns: Mapping[str, FloatColumn]

    def __post_init__(self) -> None:
        name, day, at = self.source.name, self.day, self.available_at
        lengths = {len(day), len(at), *(len(column) for column in self.columns.values())}
        if list(self.columns) != list(self.source.columns) or len(lengths) != 1:
            raise BadSentiment(f"{name}: the columns are not those of this source")
        later = (np.diff(day) > 0) | ((np.diff(day) == 0) & (np.diff(at) > 0))
        if not later.all():
            raise BadSentiment(f"{name}: its days are not in order")
        if (at < (day + 1) * DAY_MS).any():
            raise BadSentiment(f"{name}: a day claims to have been known before it ended")
        for row, values in enumerate(self.table(list(self.columns)).tolist()):
            fault = self.source.fault(values)
            if fault is not None:
                raise BadSentiment(f"{name} {day_text(int(day[row]))}: {fault}")

    def __len__(self) -> int:
        return len(self.day)

    def table(self, names: Sequence[str]) -> NDArray[np.float64]:
        """Returns the named columns side by side, [rows, names]; raises BadUsage for others."""
        absent = [name for name in names if name not in self.columns]
        if absent:
            raise BadUsage(
                f"{self.source.name} has no {', '.join(absent)}; it has {', '.join(self.columns)}"
            )
        return np.column_stack([self.columns[name] for name in names])

    @cached_property
    def newest(self) -> dict[int, int]:
        """Day -> the row that holds its latest value, by day."""
        return {day: row for row, day in enumerate(self.day.tolist())}

    @cached_property
    def changed(self) -> list[int]:
        """The days whose value the source changed after it was first stored."""
        return sorted(set(self.day[1:][np.diff(self.day) == 0].tolist()))

    @cached_property
    def gaps(self) -> list[DayGap]:
        """The days that are missing between the first day and the last."""
        step = np.diff(self.day)
        return [
            DayGap(int(self.day[row]) + 1, int(step[row]) - 1) for row in np.flatnonzero(step > 1)
        ]

    @cached_property
    def sha256(self) -> str:
        """A hash of everything in it, for results that were made with it."""
        digest = hashlib.sha256(self.source.name.encode())
        for name, column in {
            "day": self.day,
            "available_at": self.available_at,
            **self.columns,
        }.items():
            digest.update(f"{name} {len(column)} ".encode())
            digest.update(np.ascontiguousarray(column).data)
        return digest.hexdigest()


def known_at(series: SentimentSeries, at: IntColumn, stale_after_ms: int) -> dict[str, FloatColumn]:
    """Returns the columns as known at each moment `at` (ms; for a candle, its close time).

    That is the newest day available then, in the latest value available then. NaN where nothing
    is known yet, or where that day ended more than `stale_after_ms` before: a late correction of
    an old day does not make it fresh. Rows that become available after a moment never change it.
    """
    order = np.lexsort((series.day, series.available_at))
    day = series.day[order]
    leads = day == np.maximum.accumulate(day)
    row = np.maximum.accumulate(np.where(leads, np.arange(len(day)), 0))
    event = np.searchsorted(series.available_at[order], at, side="right") - 1
    known = event >= 0
    chosen = order[row[event[known]]]
    fresh = at[known] - (series.day[chosen] + 1) * DAY_MS <= stale_after_ms
    known[known] = fresh
    columns = {}
    for name, values in series.columns.items():
        columns[name] = np.full(len(at), np.nan)
        columns[name][known] = values[chosen[fresh]]
    return columns
