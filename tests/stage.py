"""A live session on a stage of its own: hours that a test writes, and what the exchange and the
session say of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leeward.database.engine import open_database
from leeward.domain.candles import Candles
from leeward.domain.times import parse_time
from leeward.engine.records import Mode, Record, TradingState
from leeward.runtime.database import url_of
from leeward.runtime.emulator import Market
from leeward.runtime.settings import Settings, load_settings
from leeward.runtime.trading.facts import Asked
from tests.served import served
from tests.walking import HOUR, Walk, walked

ACCOUNT = "live:emulator:main"
ACTIVE, REDUCING, HALTED = TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED
#: A session begins four hours before the end of a UTC day.
START_MS = parse_time("2024-02-01T20:00", "start")
STRATEGIES = Path(__file__).parent / "stubborn.py"
Work = Callable[[Walk], Awaitable[None]]


def market_of(closes: Sequence[float]) -> Market:
    """Returns hours that go from close to close, after a hundred that stand at 100."""
    close = np.array([100.0] * 100 + list(closes) + [closes[-1]] * 30)
    open_ = np.concatenate([[100.0], close[:-1]])
    time_ms = START_MS + HOUR.length_ms * np.arange(-100, len(close) - 100)
    high, low = np.maximum(open_, close), np.minimum(open_, close)
    volume = np.full(len(close), 1e6)
    candles = Candles("BTCUSDT", HOUR, time_ms, open_, high, low, close, volume)
    return Market({"BTCUSDT": candles}, "handmade")


@dataclass
class Stage:
    """Runs a piece of work beside a session in a folder of its own."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch

    def play(
        self, work: Work, closes: Sequence[float], *changes: str, strategy: str = "Stubborn"
    ) -> None:
        with served(market_of(closes), mode="stepped", race=False, start_ms=START_MS) as emulator:
            self.monkeypatch.setenv("LEEWARD_VENUE__API_SECRET", emulator.addresses.api_secret)
            self.settings = load_settings(
                None,
                [
                    f"data.dir={self.folder / 'data'}",
                    "venue.name=emulator",
                    f"venue.url={emulator.addresses.rest}",
                    f"venue.api_key={emulator.addresses.api_key}",
                    "risk.trend_gate=off",
                    "risk.cooldown_candles=0",
                    *changes,
                ],
            )
            name = f"{STRATEGIES}:{strategy}"
            asked = Asked(Mode.LIVE, name, ("BTCUSDT",), acknowledged=True)
            asyncio.run(_played(emulator, self.settings, asked, work))

    def history(self) -> list[Record]:
        database = open_database(url_of(self.settings), examine=False)
        try:
            return database.history(ACCOUNT)
        finally:
            database.close()


async def _played(emulator: Any, settings: Settings, asked: Asked, work: Work) -> None:
    async with walked(emulator, settings, asked) as walk:
        await work(walk)


def orders(walk: Walk) -> list[dict[str, Any]]:
    """Returns all orders that the exchange knows of the account."""
    found: list[dict[str, Any]] = walk.emulator.sim("GET", "state")["accounts"]["main"]["orders"]
    return found


def resting(walk: Walk) -> list[str]:
    return [each["type"] for each in orders(walk) if each["status"] == "NEW"]


def bought(walk: Walk) -> int:
    return sum(each["side"] == "BUY" for each in orders(walk))


def kinds(walk: Walk) -> list[str]:
    """Returns the kinds of all that was noted."""
    return [each.kind for each in walk.noted]


def causes(walk: Walk) -> str:
    return walk.ready.session.standing.causes.words()


async def reduces(walk: Walk, cause: str) -> None:
    """Waits until the account only reduces, for that cause; it was told, and the stop rests."""
    await walk.until(lambda: walk.state is REDUCING and cause in causes(walk))
    assert any(note.kind == cause for note in walk.noted)
    assert resting(walk) == ["STOP_LOSS"]


async def recovers(walk: Walk) -> None:
    await walk.until(lambda: walk.state is ACTIVE)
    assert resting(walk) == ["STOP_LOSS"]


FLAT = [100.0] * 6
