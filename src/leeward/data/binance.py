"""Candles from Binance: whole months of the archive, its days for the newest, REST for the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import NamedTuple

from leeward.data.binance_archive import BinanceArchive, Period, days, months, zip_name
from leeward.data.binance_rest import BinanceRest
from leeward.data.fetched import FetchedPeriods
from leeward.data.importing import Skipped, parse_table
from leeward.data.merging import Merged
from leeward.data.naming import Series
from leeward.data.store import CandleStore
from leeward.data.tables import tables_in
from leeward.domain.errors import BadCandles, Failed, RetryLater
from leeward.domain.timeframe import DAY_MS, Timeframe
from leeward.domain.times import iso

_MONTH_IS_LATE_MS = 40 * DAY_MS  # a month's file comes on the first Monday after it, or later
_REST_ROWS = 20_000  # stored at a time
_NO_DAILY_FILES = frozenset({"1w"})


class Wanted(NamedTuple):
    """One series to download, from its first candle or `start_ms` up to now or `end_ms`."""

    symbol: str
    timeframe: Timeframe
    start_ms: int | None = None
    end_ms: int | None = None


class Step(NamedTuple):
    """How far a series is: the period that comes next, and how many of its months are done."""

    symbol: str
    timeframe: Timeframe
    period: str
    months_done: float
    months: int


class Refused(NamedTuple):
    """A period that was not stored, because a candle in it breaks a rule."""

    period: str
    reason: str


@dataclass
class Downloaded:
    """What a download did to one series. A period is a month, a day, or a stretch from REST.

    `whole` counts the periods that needed no fetching, `missing` names the months the archive does
    not have, `skipped` the bad candles left out of what was stored.
    """

    symbol: str
    timeframe: Timeframe
    merged: Merged = field(default_factory=Merged)
    whole: int = 0
    fetched: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


class _Plan(NamedTuple):
    """A series as far as the exchange has it: the candles that open in [start_ms, end_ms), all of
    them closed by its clock `now_ms`. `first_ms` is the first candle it ever had."""

    symbol: str
    timeframe: Timeframe
    first_ms: int
    start_ms: int
    end_ms: int
    now_ms: int


@dataclass(frozen=True)
class Binance:
    """The two places Binance's candles come from, and the store they go to."""

    archive: BinanceArchive
    rest: BinanceRest
    store: CandleStore
    skip_bad: bool = False

    def download(
        self, wanted: Sequence[Wanted], progress: Callable[[Step], None]
    ) -> list[Downloaded]:
        """Returns what was stored of each series; a stored period stays, whatever comes after it.

        Periods stored whole before are not fetched again. Raises BadUsage for a symbol that does
        not exist, before anything is stored; RetryLater where the exchange does not answer; Failed
        for a file that is not what its checksum says.
        """
        done: list[Downloaded] = []
        try:
            for plan in [self._plan(series) for series in wanted]:
                done.append(Downloaded(plan.symbol, plan.timeframe))
                _Series(self, plan, done[-1], progress).download()
        except Failed as error:
            raise type(error)(f"{error}; {_what_stays(done)}{_way_out(error)}") from None
        return done

    def _plan(self, wanted: Wanted) -> _Plan:
        symbol, timeframe, start_ms, end_ms = wanted
        now_ms = self.rest.server_time()
        closed_ms = timeframe.floor(now_ms)
        listed_ms = self.rest.first_open(symbol, timeframe)
        first_ms = closed_ms if listed_ms is None else listed_ms
        return _Plan(
            symbol,
            timeframe,
            first_ms,
            first_ms if start_ms is None else max(first_ms, start_ms),
            closed_ms if end_ms is None else min(closed_ms, end_ms),
            now_ms,
        )


def _what_stays(done: Sequence[Downloaded]) -> str:
    rows = sum(series.merged.added + series.merged.replaced for series in done)
    if not rows:
        return "the candle store is as it was"
    return f"the {rows} candles stored before that stay, and the same command goes on from there"


def _way_out(error: Failed) -> str:
    if not isinstance(error, RetryLater):
        return ""
    return "; try again later, or bring files you have with `leeward data import`"


class _Series:
    """One series on its way into the store."""

    def __init__(
        self,
        source: Binance,
        plan: _Plan,
        result: Downloaded,
        progress: Callable[[Step], None],
    ) -> None:
        self.source, self.plan, self.result, self.progress = source, plan, result, progress
        self.series = Series(plan.symbol, plan.timeframe, futures=False)
        self.months = months(plan.start_ms, plan.end_ms)
        self.fetched = FetchedPeriods(source.store, plan.symbol, plan.timeframe)

    def download(self) -> None:
        plan = self.plan
        start_ms = plan.start_ms
        for month in self.months:
            if month.end_ms > plan.now_ms:
                break
            self._show(month.name, month.start_ms)
            if not self._take(month):
                if month.end_ms > plan.now_ms - _MONTH_IS_LATE_MS:
                    break
                self.result.missing.append(month.name)
            start_ms = month.end_ms
        start_ms = self._take_days(start_ms)
        self._take_rest(start_ms)
        self._show("done", plan.end_ms)

    def _take_days(self, start_ms: int) -> int:
        """Stores the archive's daily files; returns where they end."""
        if self.plan.timeframe.name in _NO_DAILY_FILES:
            return start_ms
        for day in days(start_ms, self.plan.end_ms):
            self._show(day.name, day.start_ms)
            if day.end_ms > self.plan.now_ms or not self._take(day):
                break
            start_ms = day.end_ms
        return start_ms

    def _take_rest(self, start_ms: int) -> None:
        symbol, timeframe = self.plan.symbol, self.plan.timeframe
        start_ms = self.fetched.first_absent(start_ms, self.plan.end_ms)
        for first_ms in range(start_ms, self.plan.end_ms, _REST_ROWS * timeframe.length_ms):
            end_ms = min(first_ms + _REST_ROWS * timeframe.length_ms, self.plan.end_ms)
            period = f"from {iso(first_ms)}"
            self._show(period, first_ms)
            content = self.source.rest.archive_csv(symbol, timeframe, first_ms, end_ms)
            if content:
                self._keep(period, f"{symbol}-{timeframe} {period}.csv", content)

    def _take(self, period: Period) -> bool:
        """Stores a month or a day where it is not stored whole; returns False where the archive
        does not have it."""
        since_ms = max(period.start_ms, self.plan.first_ms)
        if self.fetched.is_whole(period.name, since_ms, period.end_ms):
            self.result.whole += 1
            return True
        plan = self.plan
        content = self.source.archive.zip_of(plan.symbol, plan.timeframe, period)
        if content is None:
            return False
        if self._keep(period.name, zip_name(plan.symbol, plan.timeframe, period), content):
            self.fetched.note(period.name)
        return True

    def _keep(self, period: str, file: str, content: bytes) -> bool:
        """Stores what was fetched; returns False where a bad candle in it forbids that."""
        try:
            parsed = [
                parse_table(table, self.series, self.source.skip_bad)
                for table in tables_in(PurePath(file), content)
            ]
        except BadCandles as error:
            self.result.refused.append(Refused(period, str(error)))
            return False
        closed_ms = self.plan.timeframe.floor(self.plan.now_ms)
        for part in parsed:
            self.result.merged += self.source.store.merge(part.candles.between(None, closed_ms))
            self.result.skipped += part.skipped
        self.result.fetched.append(period)
        return True

    def _show(self, period: str, time_ms: int) -> None:
        done = 0.0
        for month in self.months:
            length_ms = month.end_ms - month.start_ms
            done += min(1.0, max(0.0, (time_ms - month.start_ms) / length_ms))
        plan = self.plan
        self.progress(Step(plan.symbol, plan.timeframe, period, done, len(self.months)))
