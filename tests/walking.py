"""Sessions that are taken through the market step by step, on an emulator whose time stands between
the steps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import pytest

from leeward.domain.timeframe import Timeframe
from leeward.engine.records import Noted, TradingState
from leeward.runtime.settings import Settings
from leeward.runtime.trading.facts import Asked
from leeward.runtime.trading.market import reached
from leeward.runtime.trading.running import Running
from leeward.runtime.trading.start import Ready, Watcher, put_together
from leeward.venues.timing import ServerClock
from tests.running import DEADLINES, PATIENCE_S, SET_DEADLINES
from tests.served import Served

HOUR = Timeframe.parse("1h")


class SteppedClock(ServerClock):
    """The time of an exchange whose clock stands until it is told to go on."""

    told_ms: int = 0

    def offer(self, sent_s: float, received_s: float, server_ms: int) -> None:
        super().offer(sent_s, received_s, server_ms)
        self.speed = 1.0
        self.told_ms = max(self.told_ms, server_ms)

    def now_ms(self) -> int:
        return self.told_ms

    def doubt_ms(self) -> float:
        return 0.0  # it is told, and not measured


@dataclass
class Walk:
    """Takes a session through the candles, an hour at a time, and lets it finish each step."""

    emulator: Served
    ready: Ready
    clock: SteppedClock
    running: asyncio.Task[str]
    noted: list[Noted] = field(default_factory=list)

    @property
    def state(self) -> TradingState:
        return self.ready.session.standing.state

    async def begin(self) -> None:
        """Waits until the session has recovered."""
        await self.until(lambda: self.state is TradingState.ACTIVE)

    async def hours(self, count: int) -> None:
        """Lets hours pass and be decided on, with all that follows."""
        session = self.ready.session
        first = session.measures.steps
        for step in range(first, first + count):
            closes_ms = HOUR.floor(self.clock.told_ms) + HOUR.length_ms
            # What happened inside the candle is booked before its close is decided on.
            await self.to(closes_ms - 1)
            await self.settled()
            await self.to(closes_ms + 90)
            await self.until(lambda step=step: session.measures.steps > step)  # type: ignore[misc] # of this round
            await self.settled()

    async def end(self) -> None:
        self.ready.session.end("the test is over")
        await asyncio.wait_for(self.running, PATIENCE_S)

    async def to(self, time_ms: int) -> None:
        """Lets the time of the exchange pass up to `time_ms`."""
        self.clock.told_ms = time_ms
        await asyncio.to_thread(self.emulator.sim, "POST", "step", until=time_ms)

    async def settled(self) -> None:
        """Waits until nothing is under way and every trade of the account is in the books."""
        session, books = self.ready.session, self.ready.session.keeper.books
        while True:
            await self.until(lambda: session.desk.settled and not books.unresolved())
            state = await asyncio.to_thread(self.emulator.sim, "GET", "state")
            made = state["accounts"]["main"]["trades"]
            booked = all(books.has_fill(each["symbol"], each["id"]) for each in made)
            if booked and session.desk.settled and not books.unresolved():
                return
            await asyncio.sleep(0.002)

    async def until(self, met: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
        """Waits, in our time, until something holds; fails where the session ends first."""
        pause_s = 0.001
        async with asyncio.timeout(patience_s):
            while not met():
                if self.running.done():
                    self.running.result()
                    raise AssertionError("the session ended by itself")
                await asyncio.sleep(pause_s)
                pause_s = min(1.2 * pause_s, 0.01)


def unhurried(settings: Settings) -> Settings:
    """Returns the settings with long deadlines, where none was set."""
    trading = settings.trading
    patient = {name: PATIENCE_S for name in SET_DEADLINES if name not in trading.model_fields_set}
    return settings.model_copy(update={"trading": trading.model_copy(update=patient)})


@asynccontextmanager
async def walked(emulator: Served, settings: Settings, asked: Asked) -> AsyncIterator[Walk]:
    """Yields a session that runs and has recovered; it is cut off at the end, unless it ended."""
    noted: list[Noted] = []
    watcher = Watcher(lambda _: None, noted.append)
    settings = unhurried(settings)
    async with AsyncExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name in DEADLINES:
            patch.setattr(name, PATIENCE_S)
        market = await stack.enter_async_context(reached(settings, asked.symbols, noted.append))
        market.rest.http.server_clock = clock = SteppedClock(market.rest.http.clock.monotonic_s)
        await market.rest.http.sync()
        ready = await stack.enter_async_context(put_together(settings, asked, market, watcher))
        running = asyncio.create_task(Running(ready).run())
        try:
            walk = Walk(emulator, ready, clock, running, noted)
            await walk.begin()
            yield walk
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
