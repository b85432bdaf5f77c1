"""Closed candles of many symbols from Binance's market streams: contiguous, each exactly once.

A socket is only a hint. What it lost, repeated or brought out of order is put right by
`CandleSequence` and by asking over REST; a stream that is alive and silent is found by the candle
that is due and does not come.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NoReturn, TypeAlias

from leeward.domain.answers import Asked, Found
from leeward.domain.candle import Candle
from leeward.domain.timeframe import Timeframe
from leeward.venues.binance_codec import Record, Unreadable, decode
from leeward.venues.binance_codec_market import (
    CandleUpdate,
    MarketEvent,
    ServerShutdown,
    market_event,
)
from leeward.venues.candle_sequence import CandleSequence
from leeward.venues.lines import Line, LineHealth, Lines, Patience
from leeward.venues.sockets import Socket, SocketEnded, open_socket
from leeward.venues.timing import Clock

#: As `BinanceRest.candles`: symbol, timeframe, from, to -> closed candles, some at a time.
AskCandles: TypeAlias = Callable[[str, Timeframe, int, int], Awaitable[Asked[tuple[Candle, ...]]]]
Series: TypeAlias = tuple[str, str]

_NAMES_A_MESSAGE = 200
_MESSAGE_PAUSE_S = 0.25  # the exchange takes five messages a second
_MOST_STREAMS = 1024
_ASKING_AT_ONCE = 8
_LOOKS_A_STALE = 10
_LONGEST_WAIT_S = 60.0
_REDIAL_EVERY = 3
#: Candles that wait for the reader; what comes beyond counts as lost, and is asked for once there
#: is room. Answers under way may add a few thousand.
_MOST_READY = 10_000
_ROOM_S = 0.1


@dataclass
class MarketFeed:
    """Hands every event of the named streams to `take`, over one socket after another."""

    address: str
    names: Sequence[str]
    take: Callable[[MarketEvent], None]
    subscribed: Callable[[], None]
    patience: Patience
    health: LineHealth

    async def serve(self, line: Line) -> NoReturn:
        """Runs one socket; see `leeward.venues.lines`."""
        async with open_socket(f"{self.address}/stream") as socket:
            try:
                async with asyncio.timeout(self.patience.subscribe_s):
                    await self._subscribe(socket, line)
            except TimeoutError:
                raise SocketEnded("the subscription was not confirmed in time") from None
            line.subscribed.set()
            self.subscribed()
            while True:
                self._frame(await socket.receive(self.patience.silent_s), line)

    async def _subscribe(self, socket: Socket, line: Line) -> None:
        waiting = set()
        for at in range(0, len(self.names), _NAMES_A_MESSAGE):
            if at:
                await asyncio.sleep(_MESSAGE_PAUSE_S)
            names = list(self.names[at : at + _NAMES_A_MESSAGE])
            await socket.send({"method": "SUBSCRIBE", "params": names, "id": at + 1})
            waiting.add(at + 1)
        while waiting:
            answered = self._frame(await socket.receive(), line)
            waiting.discard(answered)

    def _frame(self, frame: bytes | str, line: Line) -> object:
        """Takes one frame; returns the id of the request that it answers, None for events."""
        try:
            record = Record.of(decode(frame)) if not _is_array(frame) else None
            if record is not None and "id" in record and "stream" not in record:
                if "result" not in record:
                    raise SocketEnded(f"the subscription was refused: {frame[:200]!r}")
                return record.values["id"]
            events = market_event(decode(frame) if record is None else record.values)
        except Unreadable:
            # One frame lost is a gap that REST fills.
            self.health.unreadable += 1
            return None
        for event in events:
            if isinstance(event, ServerShutdown):
                line.leave.set()
            else:
                self.take(event)
        return None


def _is_array(frame: bytes | str) -> bool:
    return frame[:1] in {"[", b"["}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A series to follow, from the candle that opens at `from_ms` on."""

    symbol: str
    timeframe: Timeframe
    from_ms: int


@dataclass
class StreamHealth:
    """Counts since the start: candles that came by REST, series found stale, questions that failed,
    candles dropped because nobody read, those doubted because their prices were far off, those that
    were told otherwise afterwards, and the sockets' own."""

    line: LineHealth = field(default_factory=LineHealth)
    filled: int = 0
    stale: int = 0
    unanswered: int = 0
    dropped: int = 0
    doubted: int = 0
    restated: int = 0


@dataclass
class _Overdue:
    """Since when a candle is due, and when it is asked for next."""

    since_s: float
    ask_s: float
    wait_s: float


@dataclass(frozen=True, slots=True)
class _Doubt:
    """A candle far from the last close, and since when it waits to be contradicted."""

    key: Series
    candle: Candle
    since_s: float


class CandleStream:
    """Follows series; `server_now_ms` is the exchange's time. Use it within `following`.

    `forming`, where it is set, hears every update of a candle that is still open: for where the
    market stands, never for decisions. `restated` hears of the last candle handed out, and of how
    it is told now.
    """

    def __init__(
        self,
        address: str,
        wanted: Sequence[Wanted],
        ask: AskCandles,
        server_now_ms: Callable[[], int],
        clock: Clock,
        patience: Patience | None = None,
    ) -> None:
        self.health = StreamHealth()
        self.forming: Callable[[CandleUpdate], None] | None = None
        self.restated: Callable[[Candle, Candle], None] | None = None
        self._ask, self._server_now_ms, self._clock = ask, server_now_ms, clock
        self._patience = patience or Patience()
        self._series = {
            (each.symbol, each.timeframe.name): CandleSequence(
                each.symbol, each.timeframe, each.timeframe.floor(each.from_ms)
            )
            for each in wanted
        }
        self._overdue: dict[Series, _Overdue] = {}
        self._ready: asyncio.Queue[Candle] = asyncio.Queue()
        self._to_ask: asyncio.Queue[Series] = asyncio.Queue()
        self._asking: set[Series] = set()
        self._overdue_keys: set[Series] = set()
        self._doubts: list[_Doubt] = []
        self._redial_s = 0.0
        names = [f"{each.symbol.lower()}@kline_{each.timeframe}" for each in wanted]
        self._lines = [
            self._line(address, names[at : at + _MOST_STREAMS])
            for at in range(0, len(names), _MOST_STREAMS)
        ]

    def _line(self, address: str, names: Sequence[str]) -> Lines:
        feed = MarketFeed(
            address, names, self._take, self._catch_up, self._patience, self.health.line
        )
        return Lines(feed.serve, self._clock, self._patience, self.health.line)

    async def next_candle(self) -> Candle:
        """Returns the next closed candle of any series; each series in order, without repeats, and
        contiguous but for candles that the exchange itself does not have."""
        return await self._ready.get()

    async def run(self) -> None:
        """Follows all series until cancelled."""
        async with asyncio.TaskGroup() as group:
            for line in self._lines:
                group.create_task(line.keep())
            for _ in range(_ASKING_AT_ONCE):
                group.create_task(self._answer())
            group.create_task(self._watch())

    def _take(self, event: MarketEvent) -> None:
        if not isinstance(event, CandleUpdate):
            return
        if not event.closed:
            if self.forming is not None:
                self.forming(event)
            return
        key = (event.candle.symbol, event.candle.timeframe.name)
        series = self._series.get(key)
        if series is None:
            return
        if self._ready.qsize() >= _MOST_READY:
            self.health.dropped += 1
            return
        if series.is_wild(event.candle):
            self.health.doubted += 1
            self._doubts.append(_Doubt(key, event.candle, self._clock.monotonic_s()))
            self._ask_soon(key)
            return
        self._offer(key, event.candle)

    def _offer(self, key: Series, candle: Candle) -> None:
        series = self._series[key]
        self._hand_out(key, self._in_order(series, [candle]))
        if series.gap is not None:
            self._ask_soon(key)

    def _in_order(self, series: CandleSequence, candles: Sequence[Candle]) -> list[Candle]:
        """Returns those whose turn it is. One that was handed out stays as it was."""
        last, now = series.last, series.told_otherwise(candles)
        if last is not None and now is not None:
            self.health.restated += 1
            series.last = now
            if self.restated is not None:
                self.restated(last, now)
        return series.offer(candles)

    def _look_at_doubts(self, now_s: float) -> None:
        """Asks for what is doubted until it is settled; hands it out where nothing contradicts it
        in time: a decision missed costs more than a question."""
        doubts, self._doubts = self._doubts, []
        for doubt in doubts:
            if doubt.candle.open_time_ms < self._series[doubt.key].next_ms:
                continue  # REST has told what it was
            if now_s - doubt.since_s >= self._patience.doubt_s:
                self._offer(doubt.key, doubt.candle)
            else:
                self._doubts.append(doubt)
                self._ask_soon(doubt.key)

    def _hand_out(self, key: Series, candles: Sequence[Candle]) -> None:
        for candle in candles:
            self._ready.put_nowait(candle)
        if candles:
            self._overdue.pop(key, None)

    def _catch_up(self) -> None:
        """Asks for what closed while no socket was subscribed."""
        now_ms = self._server_now_ms()
        for key, series in self._series.items():
            if series.due_ms <= now_ms:
                self._ask_soon(key)

    def _ask_soon(self, key: Series) -> None:
        if key not in self._asking:
            self._asking.add(key)
            self._to_ask.put_nowait(key)

    async def _answer(self) -> NoReturn:
        while True:
            key = await self._to_ask.get()
            try:
                missed = await self._fill(key)
            finally:
                self._asking.discard(key)
            if missed and key in self._overdue_keys:
                self._redial()
            self._overdue_keys.discard(key)

    async def _fill(self, key: Series) -> bool:
        """Asks for all that closed since the last candle handed out; returns whether there was
        any."""
        series, found_any = self._series[key], False
        while True:
            while self._ready.qsize() >= _MOST_READY:
                await self._clock.sleep(_ROOM_S)
            before, early = series.next_ms, series.gap
            # From the last one on: whether it is what it was.
            from_ms = before if series.last is None else series.last.open_time_ms
            found = await self._ask(series.symbol, series.timeframe, from_ms, self._server_now_ms())
            if not isinstance(found, Found):
                self.health.unanswered += 1
                return found_any
            ready = self._in_order(series, found.value)
            up_to_date = any(candle.open_time_ms > series.next_ms for candle in found.value)
            if not ready and series.gap is not None and up_to_date:
                # What REST has from a later time on and not before, the exchange does not have.
                ready = series.skip_gap()
            first_early_ms = self._server_now_ms() if early is None else early[1]
            self.health.filled += sum(each.open_time_ms < first_early_ms for each in ready)
            found_any = found_any or bool(ready)
            self._hand_out(key, ready)
            if series.next_ms == before or series.due_ms > self._server_now_ms():
                return found_any

    async def _watch(self) -> NoReturn:
        """Looks for candles that are due and have not come."""
        while True:
            await self._clock.sleep(self._patience.stale_s / _LOOKS_A_STALE)
            now_ms, now_s = self._server_now_ms(), self._clock.monotonic_s()
            self._look_at_doubts(now_s)
            late = [key for key, series in self._series.items() if series.due_ms <= now_ms]
            for key in late:
                self._look_after(key, now_s)

    def _look_after(self, key: Series, now_s: float) -> None:
        stale_s = self._patience.stale_s
        overdue = self._overdue.setdefault(key, _Overdue(now_s, now_s + stale_s, stale_s))
        if now_s < overdue.ask_s:
            return
        # Where the exchange has no candle either the market is closed: asked ever more seldom.
        self.health.stale += 1
        self._overdue_keys.add(key)
        overdue.wait_s = min(2 * overdue.wait_s, max(stale_s, _LONGEST_WAIT_S))
        overdue.ask_s = now_s + overdue.wait_s
        self._ask_soon(key)

    def _redial(self) -> None:
        """Opens new sockets: the exchange has candles that the present ones did not bring."""
        now_s = self._clock.monotonic_s()
        if now_s >= self._redial_s:
            self._redial_s = now_s + _REDIAL_EVERY * self._patience.stale_s
            for line in self._lines:
                line.redial()


@asynccontextmanager
async def following(stream: CandleStream) -> AsyncIterator[CandleStream]:
    """Runs `stream` for the block; an error in it ends the block."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(stream.run())
        try:
            yield stream
        finally:
            task.cancel()
