"""The real engine trades real candles on the emulator over HTTP; then parity has to explain it all.

`LEEWARD_CAMPAIGN=1` runs six months instead of some days.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from leeward.data.store import CandleStore
from leeward.domain.timeframe import Timeframe
from leeward.domain.times import parse_time
from leeward.engine.records import Mode, TradingState
from leeward.research.parity import Parity, check_parity
from leeward.research.reading import read_sessions
from leeward.runtime.database import open_configured
from leeward.runtime.emulator import Market, gather_market
from leeward.runtime.settings import Settings, load_settings
from leeward.runtime.trading.facts import Asked
from leeward.runtime.trading.running import Running
from leeward.runtime.trading.start import Ready, Watcher, put_together, reached
from leeward.venues.timing import ServerClock
from tests.served import Served, served

HOUR = Timeframe.parse("1h")
SYMBOLS = ("BTCUSDT", "ETHUSDT")
START_MS = parse_time("2024-02-01", "start")
CAMPAIGN = os.environ.get("LEEWARD_CAMPAIGN")
HOURS = 182 * 24 if CAMPAIGN else 10 * 24
#: Often in and out, so that a few days hold trades.
QUICK = {
    "ema_cross": {"fast": 5, "slow": 50, "stop_atr": 1.0},
    "adaptive": {"band": 0.5, "window": 10},
    "enhanced": {},
}
_PATIENCE_S = 20.0


@pytest.fixture(scope="session")
def hourly(market_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Market:
    """Real hours of both symbols around the start."""
    folder = tmp_path_factory.mktemp("hours")
    for symbol in SYMBOLS:
        shutil.copy(market_data / f"{symbol}-1h.parquet", folder)
    found = gather_market(SYMBOLS, folder, CandleStore(folder / "none"), START_MS, 1)
    span = START_MS - 3_000 * HOUR.length_ms, START_MS + (HOURS + 50) * HOUR.length_ms
    return Market({name: c.between(*span) for name, c in found.candles.items()}, found.source)


class SteppedClock(ServerClock):
    """The time of an exchange whose clock stands until it is told to go on."""

    told_ms: int = START_MS

    def offer(self, sent_s: float, received_s: float, server_ms: int) -> None:
        super().offer(sent_s, received_s, server_ms)
        self.speed = 1.0
        self.told_ms = max(self.told_ms, server_ms)

    def now_ms(self) -> int:
        return self.told_ms


@dataclass
class Walk:
    """Takes a session through the candles, an hour at a time, and lets it finish each step."""

    emulator: Served
    ready: Ready
    clock: SteppedClock
    running: asyncio.Task[str]

    async def hours(self, count: int) -> None:
        session = self.ready.session
        await self._until(lambda: session.standing.state is TradingState.ACTIVE)
        for step in range(count):
            closes_ms = HOUR.floor(self.clock.told_ms) + HOUR.length_ms
            # What happened inside the candle is booked before its close is decided on.
            await self._to(closes_ms - 1)
            await self._settled()
            await self._to(closes_ms + 90)
            await self._until(lambda step=step: session.steps > step)  # type: ignore[misc] # of this round
            await self._settled()
        session.end("the test is over")

    async def _to(self, time_ms: int) -> None:
        self.clock.told_ms = time_ms
        await asyncio.to_thread(self.emulator.sim, "POST", "step", until=time_ms)

    async def _settled(self) -> None:
        """Waits until nothing is under way and every trade of the account is in the books."""
        session, books = self.ready.session, self.ready.session.keeper.books
        while True:
            await self._until(lambda: session.desk.settled and not books.unresolved())
            state = await asyncio.to_thread(self.emulator.sim, "GET", "state")
            made = state["accounts"]["main"]["trades"]
            booked = all(books.has_fill(each["symbol"], each["id"]) for each in made)
            if booked and session.desk.settled and not books.unresolved():
                return
            await asyncio.sleep(0.002)

    async def _until(self, met: Callable[[], bool]) -> None:
        async with asyncio.timeout(_PATIENCE_S):
            while not met():
                if self.running.done():
                    self.running.result()
                    raise AssertionError("the session ended by itself")
                await asyncio.sleep(0.001)


async def traded(emulator: Served, settings: Settings, asked: Asked, hours: int) -> list[str]:
    """Runs a live session over the hours; returns what it noted."""
    noted: list[str] = []
    watcher = Watcher(lambda _: None, lambda note: noted.append(f"{note.kind}: {note.words}"))
    async with reached(settings, asked.symbols) as market:
        market.rest.http.server_clock = clock = SteppedClock(market.rest.http.clock.monotonic_s)
        await market.rest.http.sync()
        async with put_together(settings, asked, market, watcher) as ready:
            running = asyncio.create_task(Running(ready).run())
            try:
                await Walk(emulator, ready, clock, running).hours(hours)
                await asyncio.wait_for(running, _PATIENCE_S)
            finally:
                running.cancel()
    return noted


def settings_for(emulator: Served, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("LEEWARD_VENUE__API_SECRET", emulator.addresses.api_secret)
    return load_settings(
        None,
        [
            f"data.dir={folder / 'data'}",
            "venue.name=emulator",
            f"venue.url={emulator.addresses.rest}",
            f"venue.api_key={emulator.addresses.api_key}",
            "risk.trend_gate=off",
            "risk.max_orders_per_hour=1000",
            "trading.entry=ioc",
        ],
    )


@pytest.mark.timeout(3_600 if CAMPAIGN else 60)
@pytest.mark.parametrize("strategy", list(QUICK))
def test_a_live_session_decides_as_its_backtest_and_its_gap_is_explained(
    strategy: str, hourly: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A day passes in seconds here, and a stream that ends so soon is dialled ever more slowly.
    monkeypatch.setattr("leeward.emulator.delivery.DAY_US", 10**18)
    with served(hourly, mode="stepped", race=False, start_ms=START_MS) as emulator:
        settings = settings_for(emulator, tmp_path, monkeypatch)
        asked = Asked(Mode.LIVE, strategy, SYMBOLS, "1h", QUICK[strategy], acknowledged=True)
        asyncio.run(traded(emulator, settings, asked, HOURS))
    parity = parity_of(settings)
    assert parity.decisions.steps == HOURS
    assert parity.decisions.differences == ()
    assert parity.gap.pairs
    assert parity.gap.remainder == 0
    assert parity.gap.faults == ()
    assert parity.is_clean


def parity_of(settings: Settings) -> Parity:
    database = open_configured(settings, create=False, examine=False)
    try:
        return check_parity(read_sessions(database, settings))
    finally:
        database.close()
