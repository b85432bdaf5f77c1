"""Strategies exchanged in sessions that go on: candle by candle on an emulator whose time stands
between the steps, with parity over both sides of every swap."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

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
    TradingState,
)
from leeward.research.parity import Parity, check_parity
from leeward.research.reading import read_sessions, session_of
from leeward.research.why import why_in_session
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

    def play(
        self,
        work: Work,
        name: str = CROSS[0],
        params: object = None,
        symbols: tuple[str, ...] = SYMBOLS,
    ) -> None:
        given = CROSS[1] if params is None else params
        assert isinstance(given, dict)
        asked = Asked(Mode.LIVE, name, symbols, "1h", given, acknowledged=True)

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

    async def told(self, walk: Walk, command_id: int) -> str:
        """Waits for what became of a command: it is written down apart from the candles."""
        await walk.until(lambda: self.outcome(command_id) is not None)
        return self.outcome(command_id) or ""

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
        await holding(walk)
        command_id = await account.swapped(walk, Wish(*named(OTHER)))
        assert account.outcome(command_id) is None
        await walk.hours(1)
        assert "took over from ema_cross" in await account.told(walk, command_id)
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
    assert {each.strategy for each in entries} <= {"adaptive"}  # type: ignore[union-attr] # they are intents
    closed = {r.trade.position_id for r in records[place:] if isinstance(r, PositionClosed)}
    assert held & closed
    account.assert_parity()
    asked = session_of(account.database, "BTCUSDT", newest)
    assert asked == first.session_id
    assert session_of(account.database, "BTCUSDT", newest + HOUR.length_ms) == second.session_id


def test_a_strategy_that_manages_out_closes_what_it_opened_and_opens_nothing(
    account: Account,
) -> None:
    async def work(walk: Walk) -> None:
        await holding(walk)
        await account.swapped(walk, Wish(*named(OTHER), positions="manage_out"))
        await walk.hours(1)
        deciders = walk.ready.session.decider
        assert deciders.caretakers
        while deciders.caretakers:
            await walk.hours(1)
        await walk.hours(20)
        await walk.end()

    account.play(work)
    _, second = account.sessions()
    records = account.history()
    managed = open_before(records[: records.index(second)])
    (swap,) = [second.facts["swap"]]
    assert isinstance(swap, dict)
    assert set(swap["managed"][0]["positions"]) == managed
    assert "closed what it held" in notes(account, "managed_out")[0]
    account.assert_parity()
    rows = [row for row in rows_of(account, second.session_id) if row.decision == "hold"]
    recorded = read_sessions(account.database, account.settings, second.session_id)
    chain = why_in_session(recorded, rows[0].symbol, rows[0].open_time_ms)
    assert "ema_cross, which manages this position to its end" in chain.source
    assert chain.columns.keys() == rows[0].columns.keys()
    found = account.parity(second.session_id)
    assert any("managed" in note for note in found.notes)
    assert any("swapped in by ann@desk" in note for note in found.notes)


def test_what_is_managed_out_goes_on_so_after_a_restart(account: Account) -> None:
    managed: set[str] = set()

    async def work(walk: Walk) -> None:
        await holding(walk)
        await account.swapped(walk, Wish(*named(OTHER), positions="manage_out"))
        await walk.hours(1)
        (caretaker,) = walk.ready.session.decider.caretakers
        managed.update(caretaker.positions)
        await walk.end()

    async def after(walk: Walk) -> None:
        (caretaker,) = walk.ready.session.decider.caretakers
        assert caretaker.positions & managed
        while walk.ready.session.decider.caretakers:
            await walk.hours(1)
        await walk.end()

    account.play(work)
    account.play(after)
    assert [each.strategy for each in account.sessions()] == ["ema_cross", "adaptive", "adaptive"]
    account.assert_parity()


def test_positions_are_sold_at_the_swap_where_that_is_asked_for(account: Account) -> None:
    async def work(walk: Walk) -> None:
        await holding(walk)
        held = {each.position_id for each in walk.ready.session.keeper.books.positions()}
        await account.swapped(walk, Wish(*named(OTHER), positions="close"))
        await walk.hours(1)
        books = walk.ready.session.keeper.books
        assert not held & {each.position_id for each in books.positions()}
        await walk.end()

    account.play(work)
    closed = [r for r in account.history() if isinstance(r, PositionClosed)]
    assert closed[-1].trade.exit_reason == "operator"
    account.assert_parity()


def test_what_was_swapped_in_goes_on_after_a_start_and_rolls_back(account: Account) -> None:
    async def work(walk: Walk) -> None:
        await walk.hours(2)
        await account.swapped(walk, Wish(*named(OTHER)))
        await walk.hours(2)

    async def after(walk: Walk) -> None:
        assert walk.ready.started.strategy == "adaptive"
        assert "goes on with adaptive" in walk.ready.resumed
        await walk.hours(2)
        command_id = await account.swapped(walk, Wish(rollback=True))
        await walk.hours(2)
        assert "ema_cross (fast=5" in await account.told(walk, command_id)
        await walk.end()

    async def later(walk: Walk) -> None:
        await walk.hours(1)
        await walk.end()

    account.play(work)  # it ends as a process that was killed
    account.play(after)
    account.play(later)
    account.play(later, "enhanced", {})
    names = [each.strategy for each in account.sessions()]
    assert names == ["ema_cross", "adaptive", "adaptive", "ema_cross", "ema_cross", "enhanced"]
    assert "swap" not in account.sessions()[-1].facts
    account.assert_parity()


def test_a_strategy_in_its_shadow_orders_nothing_and_takes_over_after_its_candles(
    account: Account,
) -> None:
    async def work(walk: Walk) -> None:
        await walk.hours(2)
        await account.swapped(walk, Wish(*named(OTHER), shadow=3))
        for left in (2, 1, 0):
            await walk.hours(1)
            assert (walk.ready.session.coming or {})["shadow_left"] == left
            assert walk.ready.started.strategy == "ema_cross"
        await walk.hours(1)
        assert walk.ready.started.strategy == "adaptive"
        await walk.end()

    account.play(work)
    assert len(notes(account, "shadow")) == 3
    first, second = account.sessions()
    assert len(rows_of(account, first.session_id)) == 2 * 5
    assert len(rows_of(account, second.session_id)) == 2
    account.assert_parity()


def test_a_strategy_that_reads_other_series_takes_over_with_their_candles(
    account: Account,
) -> None:
    name = f"{Path(__file__).parents[1] / 'stubborn.py'}:WithOthers"

    async def work(walk: Walk) -> None:
        await walk.hours(2)
        await account.swapped(walk, Wish(name, shadow=2))
        await walk.hours(9)
        assert walk.ready.started.strategy == name
        await walk.end()

    account.play(work)
    last = account.sessions()[-1]
    assert {each.data_state for each in rows_of(account, last.session_id)} == {"ok"}
    account.assert_parity()


BAD = {
    "not there": (Wish("ema_crossing"), "unknown strategy 'ema_crossing'"),
    "a bad parameter": (Wish("ema_cross", None, {"fast": 1_000}), "fast"),
    "a look ahead": (Wish("PEEK"), "breaks the contract: column 'next'"),
    "an error": (Wish("RAISES"), "ValueError"),
    "an end of the process": (Wish("EXITS"), "its check ended with code 7"),
    "no edge, in live trading": (Wish(None, "btcusdt_price"), "no demonstrated edge"),
    "the very same": (Wish(CROSS[0], None, {**CROSS[1]}), "it trades already"),
    "nothing before": (Wish(rollback=True), "nothing to roll back to"),
}
PEEK = """
import numpy as np
from leeward import Strategy
class Peek(Strategy):
    timeframe = "1h"
    def calculate_indicators(self, candles):
        return candles.with_columns(next=np.append(candles.close[1:], np.nan))
    def check_entry_conditions(self, frame):
        return frame.next > frame.close
    def check_exit_conditions(self, frame):
        return frame.next < frame.close
    def calculate_position_size(self, frame):
        return np.full(len(frame), 0.05)
"""
FILES = {"PEEK": PEEK, "RAISES": "raise ValueError('no')", "EXITS": "import os; os._exit(7)"}


def test_what_is_not_fit_is_refused_in_one_message_and_the_session_goes_on(
    account: Account, tmp_path: Path
) -> None:
    for name, text in FILES.items():
        (tmp_path / f"{name}.py").write_text(text)

    async def work(walk: Walk) -> None:
        for bad, words in BAD.values():
            file = tmp_path / f"{bad.strategy}.py"
            wish = replace(bad, strategy=str(file)) if file.exists() else bad
            command_id = await account.swapped(walk, wish)
            outcome = await account.told(walk, command_id)
            assert outcome.startswith("refused: "), outcome
            assert words in outcome
            assert "\n" not in outcome
        await walk.hours(1)
        assert walk.state is TradingState.ACTIVE
        await walk.end()

    account.play(work)
    assert len(account.sessions()) == 1


def test_whatever_a_new_strategy_does_here_the_old_one_goes_on(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> NoReturn:
        raise RuntimeError("no\nroom")

    async def work(walk: Walk) -> None:
        with monkeypatch.context() as changed:
            changed.setattr("leeward.runtime.trading.swapping.candidate_of", breaks)
            first = await account.swapped(walk, Wish(*named(OTHER)))
        second = await account.swapped(walk, Wish(*named(OTHER), shadow=2))
        with monkeypatch.context() as changed:
            changed.setattr("leeward.runtime.trading.deciders.Deciders.shadow", breaks)
            await walk.hours(1)
            await account.told(walk, second)
        for command_id in (first, second):
            outcome = await account.told(walk, command_id)
            assert outcome.startswith("refused: RuntimeError: no room. ema_cross"), outcome
        await walk.hours(1)
        assert walk.state is TradingState.ACTIVE
        assert not [each for each in walk.noted if each.kind == "task_died"]
        await walk.end()

    account.play(work)
    assert len(account.sessions()) == 1


def test_a_model_takes_over_in_the_strategy_that_reads_it(account: Account) -> None:
    ml = account.settings.ml.model_copy(update={"allow_unproven": True})
    account.settings = account.settings.model_copy(update={"ml": ml})

    async def work(walk: Walk) -> None:
        await walk.hours(1)
        await account.swapped(walk, Wish(model="btcusdt_price"))
        await walk.hours(2)
        assert list(walk.ready.models.bundles) == ["btcusdt_price"]
        wrong = await account.swapped(walk, Wish(model="ethusdt_price"))
        assert "no symbol of this session reads it" in await account.told(walk, wrong)
        await walk.hours(1)
        await account.swapped(walk, Wish(rollback=True))
        await walk.hours(1)
        await walk.end()

    account.play(work, symbols=("BTCUSDT",))
    names = [each.strategy for each in account.sessions()]
    assert names == ["ema_cross", "ml_basic", "ema_cross"]
    assert any("NO DEMONSTRATED EDGE" in words for words in notes(account, "model"))
    account.assert_parity()


def test_a_second_swap_is_refused_and_a_rollback_calls_the_first_one_off(account: Account) -> None:
    async def work(walk: Walk) -> None:
        first = await account.swapped(walk, Wish(*named(OTHER), shadow=50))
        second = account.ask(Wish("enhanced"))
        assert "command 1 is under way" in await account.told(walk, second)
        third = account.ask(Wish(rollback=True))
        assert "is called off; ema_cross" in await account.told(walk, third)
        assert account.outcome(first) == f"refused: called off by command {third}"
        await walk.hours(2)
        await walk.end()

    account.play(work)
    assert len(account.sessions()) == 1


def test_a_file_that_was_edited_rolls_back_to_what_it_was(account: Account, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    stubborn = (Path(__file__).parents[1] / "stubborn.py").read_text()
    file.write_text(stubborn)
    name = f"{file}:Stubborn"

    async def work(walk: Walk) -> None:
        await walk.hours(1)
        file.write_text(stubborn.replace("150", "90"))
        await account.swapped(walk, Wish(name))
        await walk.hours(2)
        await account.swapped(walk, Wish(rollback=True))
        await walk.hours(2)
        await walk.end()

    account.play(work, name, {})
    first, second, third = account.sessions()
    assert first.strategy_version == third.strategy_version != second.strategy_version
    account.assert_parity()


async def holding(walk: Walk) -> None:
    """Goes on until something is held."""
    await walk.hours(20)
    while not walk.ready.session.keeper.books.positions():
        await walk.hours(1)


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
