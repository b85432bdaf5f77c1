"""Strategies exchanged in sessions that go on: candle by candle on an emulator whose time stands
between the steps, with parity over both sides of every swap."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from leeward.database.engine import Database
from leeward.domain.candles import Candles
from leeward.domain.times import parse_time
from leeward.engine.records import (
    CommandDone,
    Executed,
    IntentMade,
    Mode,
    Noted,
    PositionClosed,
    PositionOpened,
    Purpose,
    Record,
    SessionEnded,
    SessionStarted,
)
from leeward.research.parity import Parity, check_parity
from leeward.research.reading import read_sessions
from leeward.runtime.clock import now_ms
from leeward.runtime.database import open_configured
from leeward.runtime.emulator import Market
from leeward.runtime.settings import Settings, load_settings
from leeward.runtime.swap_wish import Wish
from leeward.runtime.trading.facts import Asked
from tests.served import Served, served
from tests.walking import HOUR, Walk, walked

ACCOUNT = "live:emulator:main"
SYMBOLS = ("BTCUSDT", "ETHUSDT")
START_MS = parse_time("2024-02-01", "start")
BEFORE, HOURS = 1_500, 300
CROSS = ("ema_cross", {"fast": 5, "slow": 50, "stop_atr": 3.0})
OTHER = ("adaptive", {"band": 0.5, "window": 10})
#: What a process of its own may take to check a strategy, on a busy machine.
_LOADS_S = 60.0
Work = Callable[[Walk], Awaitable[None]]


def wandering(symbol: str, seed: int) -> Candles:
    """Returns hours that wander, around the start."""
    chance = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(chance.normal(0, 0.008, BEFORE + HOURS)))
    open_ = np.concatenate([[100.0], close[:-1]])
    spread = np.abs(chance.normal(0, 0.003, len(close)))
    high, low = np.maximum(open_, close) * (1 + spread), np.minimum(open_, close) * (1 - spread)
    open_, high, low, close = (np.round(column, 2) for column in (open_, high, low, close))
    time_ms = START_MS + HOUR.length_ms * np.arange(-BEFORE, HOURS)
    return Candles(symbol, HOUR, time_ms, open_, high, low, close, np.full(len(close), 1e6))


@dataclass
class Account:
    """One account on one emulator, over as many processes as a test starts."""

    emulator: Served
    settings: Settings
    database: Database

    def play(self, work: Work, name: str = CROSS[0], params: object = None) -> None:
        given = CROSS[1] if params is None else params
        assert isinstance(given, dict)
        asked = Asked(Mode.LIVE, name, SYMBOLS, "1h", given, acknowledged=True)

        async def played() -> None:
            async with walked(self.emulator, self.settings, asked) as walk:
                await work(walk)

        asyncio.run(played())

    def ask(self, wish: Wish) -> int:
        return self.database.send_command(ACCOUNT, "swap", wish.argument(), "ann@desk", now_ms())

    def outcome(self, command_id: int) -> str | None:
        found = self.database.command(command_id)
        assert found is not None
        return found.outcome

    async def swapped(self, walk: Walk, wish: Wish) -> int:
        """Asks for a swap and waits until it is ready for its candle."""
        command_id = self.ask(wish)
        session = walk.ready.session
        await walk.until(
            lambda: (
                (session.coming or {}).get("state") == "ready"
                or self.outcome(command_id) is not None
            ),
            _LOADS_S,
        )
        return command_id

    def history(self) -> list[Record]:
        return self.database.history(ACCOUNT)

    def sessions(self) -> list[SessionStarted]:
        return [each for each in self.history() if isinstance(each, SessionStarted)]

    def parity(self, session_id: str) -> Parity:
        return check_parity(read_sessions(self.database, self.settings, session_id))

    def assert_parity(self) -> None:
        """Every decision of every session is the one that its replay takes."""
        for each in self.sessions():
            found = self.parity(each.session_id)
            assert found.decisions.differences == ()
            assert found.is_clean


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with account_in(tmp_path, monkeypatch) as made:
        yield made


@contextmanager
def account_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    # A day passes in seconds here, and a stream that ends so soon is dialled ever more slowly.
    monkeypatch.setattr("leeward.emulator.delivery.DAY_US", 10**18)
    candles = {name: wandering(name, seed) for seed, name in enumerate(SYMBOLS, 3)}
    market = Market(candles, "handmade")
    with served(market, mode="stepped", race=False, start_ms=START_MS) as emulator:
        monkeypatch.setenv("LEEWARD_VENUE__API_SECRET", emulator.addresses.api_secret)
        settings = load_settings(
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
        database = open_configured(settings)
        try:
            yield Account(emulator, settings, database)
        finally:
            database.close()


def test_the_new_strategy_decides_from_the_next_close_on_and_adopts_what_is_held(
    account: Account,
) -> None:
    async def work(walk: Walk) -> None:
        await walk.hours(30)
        while not walk.ready.session.keeper.books.positions():
            await walk.hours(1)
        command_id = await account.swapped(walk, Wish(*named(OTHER)))
        assert account.outcome(command_id) is None
        await walk.hours(1)
        assert "took over from ema_cross" in (account.outcome(command_id) or "")
        await walk.hours(40)
        await walk.end()

    account.play(work)
    first, second = account.sessions()
    assert (first.strategy, second.strategy) == ("ema_cross", "adaptive")
    assert second.session_id == f"{first.session_id}.1"
    records = account.history()
    place = records.index(second)
    assert isinstance(records[place - 1], SessionEnded)
    assert isinstance(records[place + 1], CommandDone)
    held = open_before(records[:place])
    assert held
    rows = rows_of(account, second.session_id)
    newest = max(each.open_time_ms for each in rows_of(account, first.session_id))
    assert min(each.open_time_ms for each in rows) == newest + HOUR.length_ms
    entries = [each for each in records[place:] if is_entry(each)]
    assert {each.strategy for each in entries} <= {"adaptive"}  # type: ignore[union-attr] # intents
    closed = {r.trade.position_id for r in records[place:] if isinstance(r, PositionClosed)}
    assert held & closed
    account.assert_parity()


def named(choice: tuple[str, dict[str, float]]) -> tuple[str, None, dict[str, object]]:
    return choice[0], None, dict(choice[1])


def is_entry(record: Record) -> bool:
    return isinstance(record, IntentMade) and record.purpose is Purpose.ENTRY


def open_before(records: list[Record]) -> set[str]:
    opened = {each.position_id for each in records if isinstance(each, PositionOpened)}
    return opened - {each.trade.position_id for each in records if isinstance(each, PositionClosed)}


def rows_of(account: Account, session_id: str) -> list[Executed]:
    history = account.history()
    return [r for r in history if isinstance(r, Executed) and r.session_id == session_id]


def notes(account: Account, kind: str) -> list[str]:
    return [r.words for r in account.history() if isinstance(r, Noted) and r.kind == kind]
