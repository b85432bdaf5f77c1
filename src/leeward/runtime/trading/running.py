"""Runs a session with everything beside it, from its first comparison to its graceful end."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NoReturn, TypeVar

from leeward.database import reading
from leeward.database.commands import Command
from leeward.database.errors import DatabaseDown
from leeward.domain.candle import Candle
from leeward.domain.errors import RetryLater
from leeward.domain.timeframe import Timeframe
from leeward.domain.times import iso
from leeward.engine.readings import SPACED_LATE_MS
from leeward.engine.records import Mode, Noted, SessionStarted, Severity, TradingState
from leeward.runtime.trading.commands import Commands
from leeward.runtime.trading.deciding import Series
from leeward.runtime.trading.fee_values import FeeValues
from leeward.runtime.trading.hearing import SILENT_S, Hearing
from leeward.runtime.trading.key_rights import KeyWatch
from leeward.runtime.trading.measuring import trade_values
from leeward.runtime.trading.model_figures import write_figures
from leeward.runtime.trading.rules_watch import RulesWatch
from leeward.runtime.trading.sentiment_feed import SentimentFeed
from leeward.runtime.trading.shadowing import Shadow
from leeward.runtime.trading.stalling import StallAlarm
from leeward.runtime.trading.start import Ready
from leeward.runtime.trading.supervision import Work, first_cause, supervise
from leeward.runtime.trading.swapping import Swapper
from leeward.runtime.trading.watchdogs import Watchdogs
from leeward.venues.binance_stream import CandleStream, MarketFeed, Wanted, following
from leeward.venues.binance_user_stream import UserStream, listening
from leeward.venues.governor import Lane
from leeward.venues.lines import LineHealth, Lines, Patience

T = TypeVar("T")

_SYNC_S, _SYNC_REPLAYED_S = 30.0, 2.0
_BEAT_S: Final = 2.0
_NOTES_S: Final = 0.5
#: Best prices of all symbols that do not move for so long are those of a mute socket.
_MUTE_S: Final = 60.0
#: A live session whose books and venue do not agree by then is given up; so much later where what
#: was read once has to be read again.
_AGREE_S: Final = 60.0
_REREAD_S: Final = SPACED_LATE_MS / 1000


@dataclass
class Running:
    """One session while it runs. `notes` are written down soon after they were noted."""

    ready: Ready
    #: What runs beside the trading: where it dies it is told and begun anew, and nothing halts.
    beside: dict[str, Work] = field(default_factory=dict)
    _over: asyncio.Event = field(default_factory=asyncio.Event)
    #: How the sockets of the present streams did.
    _lines: list[LineHealth] = field(default_factory=list)
    #: At the end of a session two write what is due: each thing once.
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self._swapper = Swapper(self.ready)
        self._sentiment = SentimentFeed(self.ready)

    def behind_s(self) -> float:
        """Returns for how many of our seconds a candle is overdue."""
        speed = self.ready.market.rest.http.server_clock.speed
        return self.ready.session.behind_ms() / 1000 / max(speed, 0.001)

    @property
    def reconnects(self) -> int:
        """How many sockets were opened again so far."""
        return max(0, sum(each.connects for each in self._lines) - len(self._lines))

    async def run(self) -> str:
        """Returns in words how the session ended and what is left protected. Raises Refused where
        the account was taken by another process, RetryLater where a live account could not be
        reconciled.
        """
        with StallAlarm(self._stalled, self.ready.session.clock) as stalls:
            return await self._run({**self._tasks(), "stalls": stalls.keep_beating})

    async def _run(self, tasks: Mapping[str, Work]) -> str:
        session = self.ready.session
        await session.begin(self.ready.started)
        work = asyncio.create_task(supervise(tasks, self._died, session.clock))
        more = {
            **self.beside,
            "swap": self._swapper.run,
            "challengers": Shadow(self.ready, self._aside).run,
            "sentiment": self._sentiment.run,
        }
        beside = asyncio.create_task(supervise(more, self._beside_died, session.clock))
        over = asyncio.create_task(self._until_over())
        try:
            await asyncio.wait({work, over}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
            over.result()
            words = await session.finish()
            await self._write_measures()
            await self._measure(session.server_now_ms(), session.measures.values())
            await self._write_notes()
            return f"{session.end_reason}; {words}"
        except BaseExceptionGroup as group:
            raise first_cause(group) from None
        finally:
            for task in (work, over, beside):
                task.cancel()
            await asyncio.gather(work, over, beside, return_exceptions=True)

    async def _until_over(self) -> None:
        session = self.ready.session
        if self.ready.started.mode is Mode.LIVE:
            until_s, more_s = session.clock.monotonic_s() + _AGREE_S, 0.0
            while not session.reconciled and not session.ended.is_set():
                if session.desk.reads_again:
                    more_s = _REREAD_S
                if session.clock.monotonic_s() > until_s + more_s:
                    why = session.desk.left or "the venue did not answer"
                    raise RetryLater(
                        f"live ended: {why}; what is held is protected where it was. See the "
                        "log, then start again"
                    )
                await session.clock.sleep(0.1)
        await self._over.wait()

    def _tasks(self) -> dict[str, Work]:
        session = self.ready.session
        tasks: dict[str, Work] = {
            "steps": self._steps,
            "candles": self._candles,
            "recovery": session.keep_reconciled,
            "desk": session.desk.run,
            "watch": self._watchdogs().run,
            "commands": self._commands().run,
            "heartbeat": self._beat,
            "notes": self._keep_notes,
            "measures": self._keep_measures,
            "time": self._keep_time,
            "rules": self._rules_watch().run,
        }
        if self.ready.market.rest.http.key is not None:
            tasks["fees"] = self._fee_values().run
            tasks["user stream"] = self._listen
            tasks["key"] = KeyWatch(self.ready.market, session.standing, session.clock).run
        if session.fills_by_book:
            tasks["book"] = self._book
        return tasks

    def _died(self, name: str, error: Exception) -> None:
        words = f"the task '{name}' died: {type(error).__name__}: {error}"
        self.ready.session.standing.demand(TradingState.HALTED, "task_died", words)

    def _beside_died(self, name: str, error: Exception) -> None:
        words = f"'{name}' died: {type(error).__name__}: {error}"
        session = self.ready.session
        session.alarm(Noted("watching_failed", words, Severity.WARNING, session.server_now_ms()))

    def _stalled(self, words: str) -> None:
        session = self.ready.session
        session.alarm(Noted("loop_stalled", words, Severity.CRITICAL, session.server_now_ms()))

    async def _steps(self) -> None:
        await self.ready.session.run()
        self._over.set()

    # The market.

    async def _candles(self) -> NoReturn:
        """Takes candles of all series; where others are wanted, from a new stream."""
        decider = self.ready.session.decider
        while True:
            taking = asyncio.create_task(self._take_candles(decider.series))
            renewed = asyncio.create_task(decider.renewed.wait())
            try:
                await asyncio.wait({taking, renewed}, return_when=asyncio.FIRST_COMPLETED)
                if taking.done():
                    taking.result()
                decider.renewed.clear()
            finally:
                renewed.cancel()
                taking.cancel()
                await asyncio.gather(taking, renewed, return_exceptions=True)

    async def _take_candles(self, series: Sequence[Series]) -> NoReturn:
        market, session = self.ready.market, self.ready.session
        stream = CandleStream(
            market.rest.http.addresses.streams,
            [self._wanted(*each) for each in series],
            market.rest.candles,
            market.server_now_ms,
            session.clock,
        )
        stream.forming = lambda update: session.forming(update.candle)
        stream.restated = self._restated
        self._lines.append(stream.health.line)
        async with following(stream):
            while True:
                session.offer(await stream.next_candle())

    def _restated(self, taken: Candle, told: Candle) -> None:
        session = self.ready.session
        words = (
            f"{taken.symbol} {taken.timeframe} of {iso(taken.open_time_ms)} closed at "
            f"{taken.close:.12g}; the exchange now says {told.close:.12g}"
        )
        session.alarm(Noted("candle_restated", words, Severity.WARNING, session.server_now_ms()))

    async def _book(self) -> NoReturn:
        """Brings the best prices to the orders on paper; they carry no history, so a socket that
        was cut, or is mute, is only dialled again."""
        market, session = self.ready.market, self.ready.session
        names = [f"{symbol.lower()}@bookTicker" for symbol in session.decider.symbols]
        address, health = market.rest.http.addresses.streams, LineHealth()
        patience = Patience(silent_s=_MUTE_S)
        feed = MarketFeed(address, names, session.quoted, lambda: None, patience, health)
        await Lines(feed.serve, session.clock, patience, health).keep()

    def _wanted(self, symbol: str, length: str) -> Wanted:
        timeframe = Timeframe.parse(length)
        last_ms = self.ready.session.arrivals.newest_ms((symbol, length))
        now_ms = self.ready.market.server_now_ms()
        start_ms = timeframe.floor(now_ms) if last_ms is None else last_ms + timeframe.length_ms
        return Wanted(symbol, timeframe, start_ms)

    async def _listen(self) -> NoReturn:
        http, session = self.ready.market.rest.http, self.ready.session
        assert http.key is not None
        stream = UserStream(
            http.addresses.ws_api, http.key, http.server_clock, http.sync, session.clock
        )
        self._lines.append(stream.health)
        hearing = Hearing()
        async with listening(stream):
            while True:
                told = None
                with suppress(TimeoutError):
                    told = await asyncio.wait_for(stream.next_told(), SILENT_S)
                if told is not None:
                    hearing.told()
                    session.desk.hint(told)
                elif hearing.is_mute(session.keeper.turns):
                    words = "orders moved and the stream of the account did not tell of them"
                    now_ms = session.server_now_ms()
                    session.alarm(Noted("stream_mute", words, Severity.WARNING, now_ms))
                    stream.redial()

    async def _keep_time(self) -> NoReturn:
        http = self.ready.market.rest.http
        pause_s = _SYNC_REPLAYED_S if http.addresses.replayed else _SYNC_S
        while True:
            await self.ready.session.clock.sleep(pause_s)
            await http.sync()

    # What looks after it.

    def _fee_values(self) -> FeeValues:
        session = self.ready.session
        venue, now_ms = self.ready.market.venue, session.server_now_ms
        return FeeValues(venue, session.keeper, session.clock, now_ms, session.alarm)

    def _rules_watch(self) -> RulesWatch:
        session = self.ready.session
        return RulesWatch(
            self.ready.market, session.desk, session.keeper, session.clock, session.alarm
        )

    def _watchdogs(self) -> Watchdogs:
        session, http = self.ready.session, self.ready.market.rest.http
        syncing: set[asyncio.Task[bool]] = set()

        def resync() -> None:
            task = asyncio.create_task(http.sync())
            syncing.add(task)
            task.add_done_callback(syncing.discard)

        return Watchdogs(
            session.standing,
            session.keeper,
            session.clock,
            session.server_now_ms,
            self.behind_s,
            lambda: http.blocked_s(Lane.EXIT),
            session.desk.uncompared_s,
            resync,
            lambda: shutil.disk_usage(self.ready.folder).free,
            session.plan.limits.max_orders_per_hour,
        )

    def _commands(self) -> Commands:
        session, database = self.ready.session, self.ready.database
        account = session.plan.who.account

        async def pending() -> Sequence[Command]:
            return await self._aside(lambda: database.pending_commands(account))

        return Commands(
            pending,
            session.keeper,
            session.standing,
            session.clock,
            session.server_now_ms,
            session.desk.look,
            session.equity,
            lambda: session.reconciled,
            self._swapper.take,
        )

    async def _beat(self) -> NoReturn:
        """Keeps the heartbeat, and makes sure that the account is still ours."""
        session, database, lease = self.ready.session, self.ready.database, self.ready.lease
        while True:
            beat = partial(database.beat, lease.account, lease.epoch)
            with suppress(DatabaseDown):  # the watchdogs say so
                await self._aside(lease.check)
                facts = {**session.facts(), "computer_ms": session.clock.now_ms()}
                facts["models"] = self.ready.models.care.facts()
                facts["sentiment"] = self._sentiment.facts()
                await self._aside(partial(beat, session.server_now_ms(), facts))
            await session.clock.sleep(_BEAT_S)

    async def _keep_notes(self) -> NoReturn:
        while True:
            await self.ready.session.clock.sleep(_NOTES_S)
            await self._write_notes()

    async def _keep_measures(self) -> NoReturn:
        while True:
            await self.ready.session.clock.sleep(_NOTES_S)
            await self._write_measures()

    async def _write_measures(self) -> None:
        over = self.ready.session.measures.over
        async with self._writing:
            while over and await self._measure(*over[0]):
                over.popleft()
            ended = self._swapper.ended
            while ended and await self._measure(*(last := ended[0])[1:], last[0]):
                ended.popleft()
            await write_figures(self.ready, self._aside)

    async def _measure(
        self, at_ms: int, values: Mapping[str, float], of: SessionStarted | None = None
    ) -> bool:
        """Writes down how the session performs, or one before it; returns whether the database
        took it."""
        session, database, started = (
            self.ready.session,
            self.ready.database,
            of or self.ready.started,
        )
        held = session.keeper.books.positions()
        paid = session.keeper.books.fees_elsewhere()
        worth = {each.asset: each.value / each.valued for each in paid if each.valued}
        still_s = {each.symbol: session.desk.unprotected_s(each.symbol) for each in held}

        def write() -> None:
            with database.reading() as connection:
                span = started.at_ms, at_ms
                closed = reading.trades(connection, started.account, None, *span)
            all_values = {
                **values,
                **trade_values(closed, still_s, worth),
                "reconnects": float(self.reconnects),
            }
            database.measure(started.session_id, at_ms, all_values)

        try:
            await self._aside(write)
        except DatabaseDown:  # the watchdogs say so
            return False
        return True

    async def _write_notes(self) -> None:
        async with self._writing:
            notes = tuple(self.ready.notes)
            if notes:
                await self.ready.session.keeper.commit(*notes, urgent=True)
                del self.ready.notes[: len(notes)]

    async def _aside(self, work: Callable[[], T]) -> T:
        """Returns what a blocking call to the database returns, made where commits are made."""
        made: list[T] = []
        await self.ready.session.keeper.aside(lambda: made.append(work()))
        return made[0]
