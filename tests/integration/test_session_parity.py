"""The real engine trades real candles on the emulator over HTTP; then parity has to explain it all.

`LEEWARD_CAMPAIGN=1` runs six months instead of some days.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from leeward.data.store import CandleStore
from leeward.database import reading
from leeward.domain.times import parse_time
from leeward.engine.records import Executed, Mode
from leeward.research.parity import Parity, check_parity
from leeward.research.reading import read_sessions
from leeward.runtime.database import open_configured
from leeward.runtime.emulator import Market, gather_market
from leeward.runtime.settings import Settings, load_settings
from leeward.runtime.trading.facts import Asked
from tests.served import Served, served
from tests.walking import HOUR, walked

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


@pytest.fixture(scope="session")
def hourly(market_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Market:
    """Real hours of both symbols around the start."""
    folder = tmp_path_factory.mktemp("hours")
    for symbol in SYMBOLS:
        shutil.copy(market_data / f"{symbol}-1h.parquet", folder)
    found = gather_market(SYMBOLS, folder, CandleStore(folder / "none"), START_MS, 1)
    span = START_MS - 3_000 * HOUR.length_ms, START_MS + (HOURS + 50) * HOUR.length_ms
    return Market({name: c.between(*span) for name, c in found.candles.items()}, found.source)


async def traded(emulator: Served, settings: Settings, asked: Asked, hours: int) -> None:
    """Runs a live session over the hours."""
    async with walked(emulator, settings, asked) as walk:
        await walk.hours(hours)
        await walk.end()


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


@pytest.mark.timeout(3_600)  # each step has a limit of its own; a busy machine may need all of them
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
    days = measured_days(settings)
    assert len(days) == HOURS // 24 + 1  # and one at the end of the session


def measured_days(settings: Settings) -> list[tuple[int, float]]:
    database = open_configured(settings, create=False, examine=False)
    try:
        with database.reading() as connection:
            (account,) = reading.accounts(connection)
            (session,) = reading.sessions(connection, account.account)
            return reading.measured(connection, session.started.session_id, "return")
    finally:
        database.close()


def parity_of(settings: Settings) -> Parity:
    database = open_configured(settings, create=False, examine=False)
    try:
        return check_parity(read_sessions(database, settings))
    finally:
        database.close()


def test_what_a_strategy_reads_beside_its_candles_is_kept_for_the_replay(
    hourly: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"{Path(__file__).parents[1] / 'stubborn.py'}:WithOthers"
    with served(hourly, mode="stepped", race=False, start_ms=START_MS) as emulator:
        settings = settings_for(emulator, tmp_path, monkeypatch)
        asked = Asked(Mode.LIVE, name, ("BTCUSDT",), "1h", acknowledged=True)
        asyncio.run(traded(emulator, settings, asked, 9))
        asyncio.run(traded(emulator, settings, asked, 4))
    parity = parity_of(settings)
    assert parity.decisions.steps == 13
    assert parity.decisions.differences == ()
    assert parity.is_clean
    executed = executions_of(settings)
    assert {each.decision for each in executed} >= {"enter", "exit"}
    assert {each.data_state for each in executed} == {"ok"}


def executions_of(settings: Settings) -> list[Executed]:
    database = open_configured(settings, create=False, examine=False)
    try:
        with database.reading() as connection:
            return reading.executions(connection)
    finally:
        database.close()
