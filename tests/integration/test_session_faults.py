"""What goes wrong around a live session: it tightens, says so, keeps what is held protected, and
comes back by itself where that is safe."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
import time

import pytest
from pydantic import SecretStr

from leeward.database.errors import DatabaseDown
from leeward.domain.errors import Refused
from leeward.engine.books import books_of
from leeward.engine.records import (
    Executed,
    IntentMade,
    Mode,
    Noted,
    PositionClosed,
    Purpose,
    SessionEnded,
    Severity,
    TransferBooked,
    TransferKind,
)
from leeward.runtime.trading.facts import Asked
from leeward.runtime.trading.start import Watcher, put_together
from tests.stage import (
    ACCOUNT,
    ACTIVE,
    FLAT,
    HALTED,
    REDUCING,
    STRATEGIES,
    Stage,
    bought,
    kinds,
    orders,
    recovers,
    reduces,
    resting,
)
from tests.walking import HOUR, Walk


def test_a_ban_stops_entries_until_it_ends(stage: Stage) -> None:
    async def work(walk: Walk) -> None:
        await walk.hours(1)
        walk.emulator.sim("POST", "faults", effect="ban_418", seconds=600, count=1)
        await walk.ready.market.rest.http.sync()
        await reduces(walk, "exchange_ban")
        walk.ready.market.rest.http.governor._banned_until_ms -= 600_000  # they pass
        await walk.to(walk.clock.told_ms + 601_000)
        await recovers(walk)

    stage.play(work, FLAT)


def test_a_stalled_event_loop_stops_entries_for_a_minute(stage: Stage) -> None:
    async def work(walk: Walk) -> None:
        await walk.hours(1)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("leeward.runtime.trading.watchdogs._LAG_S", 0.3)
            time.sleep(0.5)
            await reduces(walk, "loop_lag")
        await walk.to(walk.clock.told_ms + 61_000)
        await recovers(walk)

    stage.play(work, FLAT)


def test_a_step_of_the_computers_clock_stops_entries_for_a_minute(stage: Stage) -> None:
    async def work(walk: Walk) -> None:
        await walk.hours(1)
        clock, real = walk.ready.session.clock, walk.ready.session.clock.now_ms
        object.__setattr__(clock, "now_ms", lambda: real() + 5_000)
        await reduces(walk, "clock_step")
        await walk.to(walk.clock.told_ms + 61_000)
        await recovers(walk)

    stage.play(work, FLAT)


def test_candles_that_stay_away_stop_entries_until_they_come(stage: Stage) -> None:
    async def work(walk: Walk) -> None:
        await walk.hours(1)
        walk.clock.told_ms += 3 * HOUR.length_ms
        await reduces(walk, "stale_candles")
        await walk.to(walk.clock.told_ms)
        await recovers(walk)

    stage.play(work, FLAT)


def test_a_task_that_dies_halts_the_account_and_is_told(stage: Stage) -> None:
    async def dies(symbols: object) -> None:
        raise RuntimeError(f"no more rules of {symbols}")

    async def work(walk: Walk) -> None:
        await walk.hours(1)
        stage.monkeypatch.setattr(walk.ready.market.rest, "rules", dies)
        await walk.until(lambda: walk.state is HALTED and "task_died" in kinds(walk))
        note = next(each for each in walk.noted if each.kind == "task_died")
        assert note.severity is Severity.CRITICAL
        assert "the task 'rules' died: RuntimeError: no more rules of" in note.words
        assert resting(walk) == ["STOP_LOSS"]

    stage.monkeypatch.setattr("leeward.runtime.trading.rules_watch._RULES_S", 0.1)
    stage.play(work, FLAT)


@pytest.mark.parametrize(
    ("rights", "words"),
    [
        ({"enableWithdrawals": True}, "the key may withdraw (enableWithdrawals)"),
        ({"enableSpotAndMarginTrading": False}, "the key may not trade on spot"),
        ({"ipRestrict": False}, "the key works from any IP address"),
    ],
)
def test_a_key_that_may_do_too_much_or_too_little_meanwhile_halts_the_account(
    stage: Stage, rights: dict[str, bool], words: str
) -> None:
    async def work(walk: Walk) -> None:
        await walk.hours(1)
        key = walk.emulator.addresses.api_key
        walk.emulator.sim("POST", "accounts/main/keys", api_key=key, rights=rights)
        await walk.until(lambda: walk.state is HALTED and "key_rights" in kinds(walk))
        note = next(each for each in walk.noted if each.kind == "key_rights")
        assert (note.severity, words in note.words) == (Severity.CRITICAL, True)
        assert resting(walk) == ["STOP_LOSS"]

    stage.monkeypatch.setattr("leeward.runtime.trading.key_rights._LOOK_S", 0.05)
    stage.play(work, FLAT)


def test_a_question_for_the_keys_rights_that_fails_says_nothing_of_the_key(stage: Stage) -> None:
    async def work(walk: Walk) -> None:
        route = {"route": "GET /sapi/v1/account/apiRestrictions"}
        walk.emulator.sim("POST", "faults", effect="http_5xx", match=route, id="dark")

        def struck() -> int:
            (fault,) = walk.emulator.sim("GET", "faults")
            return int(fault["applied"])

        await walk.until(lambda: struck() >= 3)
        await walk.hours(1)
        assert (walk.state, bought(walk), "key_rights" in kinds(walk)) == (ACTIVE, 1, False)

    stage.monkeypatch.setattr("leeward.runtime.trading.key_rights._LOOK_S", 0.05)
    stage.monkeypatch.setattr("leeward.runtime.trading.key_rights._AGAIN_S", 0.05)
    stage.play(work, FLAT)


def test_what_will_be_delisted_is_not_bought_and_is_sold_a_day_ahead(stage: Stage) -> None:
    async def work(walk: Walk) -> None:
        await walk.hours(1)
        walk.emulator.sim(
            "POST", "faults", effect="delist_announced", symbol="BTCUSDT", ms="26h", id="ends"
        )
        await walk.until(lambda: "delisting" in kinds(walk))
        await walk.hours(1)
        assert resting(walk) == ["STOP_LOSS"]  # 25 hours are left
        await walk.hours(1)
        books = walk.ready.session.keeper.books
        await walk.until(lambda: books.positions() == [])
        await walk.hours(2)
        assert (walk.state, bought(walk), resting(walk)) == (ACTIVE, 1, [])

    stage.monkeypatch.setattr("leeward.runtime.trading.rules_watch._RULES_S", 0.05)
    stage.play(work, FLAT)
    records = stage.history()
    (closed,) = [each for each in records if isinstance(each, PositionClosed)]
    assert closed.trade.exit_reason == "delisting"
    refused = [each.reason for each in records if isinstance(each, Executed) and each.reason]
    assert refused[-1] == "delisting"


def test_a_symbol_that_is_halted_is_told_and_not_bought_until_it_trades(stage: Stage) -> None:
    async def work(walk: Walk) -> None:
        walk.emulator.sim("POST", "faults", effect="symbol_break", symbol="BTCUSDT")
        await walk.until(lambda: "symbol_status" in kinds(walk))
        await walk.hours(1)
        assert (walk.state, bought(walk)) == (ACTIVE, 0)
        walk.emulator.sim(
            "POST", "faults", effect="symbol_status", symbol="BTCUSDT", status="TRADING"
        )
        await walk.until(lambda: kinds(walk).count("symbol_status") == 2)
        await walk.hours(1)
        assert (bought(walk), resting(walk)) == (1, ["STOP_LOSS"])

    stage.monkeypatch.setattr("leeward.runtime.trading.rules_watch._RULES_S", 0.05)
    stage.play(work, FLAT)


def test_a_process_with_another_database_is_kept_from_the_same_files(stage: Stage) -> None:
    async def work(walk: Walk) -> None:
        database = stage.settings.database.model_copy(
            update={"url": SecretStr(f"sqlite:///{stage.folder / 'other.db'}")}
        )
        other = stage.settings.model_copy(update={"database": database})
        asked = Asked(Mode.LIVE, f"{STRATEGIES}:Stubborn", ("BTCUSDT",), acknowledged=True)
        nobody = Watcher(lambda _: None, lambda _: None)
        with pytest.raises(Refused, match="with another database; stop that one first"):
            async with put_together(other, asked, walk.ready.market, nobody):
                pass
        await walk.hours(1)
        assert bought(walk) == 1

    stage.play(work, FLAT)


def test_balances_that_lag_behind_the_trades_are_no_withdrawal(stage: Stage) -> None:
    async def work(walk: Walk) -> None:
        desk, books = walk.ready.session.desk, walk.ready.session.keeper.books
        walk.emulator.sim("POST", "faults", effect="stale_account", id="late")
        await agrees(walk)
        await walk.hours(1)
        assert bought(walk) == 1
        for _ in range(3):
            assert not (await desk.audit()).clean
            await walk.to(walk.clock.told_ms + 12_000)
        assert walk.state is ACTIVE
        walk.emulator.sim("DELETE", "faults/late")
        await agrees(walk)
        (held,) = books.positions()
        assert held.quantity.value > 0
        assert resting(walk) == ["STOP_LOSS"]

    stage.play(work, FLAT)
    transfers = [each for each in stage.history() if isinstance(each, TransferBooked)]
    assert {each.kind for each in transfers} == {TransferKind.OPENING}


async def agrees(walk: Walk) -> None:
    """Waits until a comparison finds that books and exchange agree: one that got no answer in time,
    or under which the books changed, says nothing."""
    async with asyncio.timeout(60):
        while not (await walk.ready.session.desk.audit()).clean:
            await asyncio.sleep(0.01)


def test_a_full_disk_stops_entries_and_leaves_room_for_exits(stage: Stage) -> None:
    def no_room(*_: object) -> None:
        raise DatabaseDown("database or disk is full")

    async def work(walk: Walk) -> None:
        await walk.hours(1)
        keeper = walk.ready.session.keeper
        journal, write, record = keeper.journal, keeper.journal._write, keeper.store.record

        def full(content: bytes) -> None:
            if journal._reserve.exists():
                raise OSError(errno.ENOSPC, "No space left on device")
            write(content)

        stage.monkeypatch.setattr(journal, "_write", full)
        stage.monkeypatch.setattr(keeper.store, "record", no_room)
        await walk.hours(1)  # an exit is due, and an entry that is refused after it
        assert not journal._reserve.exists()
        assert keeper.books.positions() == []
        await walk.hours(1)
        assert (walk.state, bought(walk), resting(walk)) == (REDUCING, 1, [])
        stage.monkeypatch.setattr(keeper.store, "record", record)
        await walk.until(lambda: walk.state is ACTIVE)
        assert keeper.is_durable
        await walk.hours(1)
        assert bought(walk) == 2

    stage.play(work, [100, 160, 100, 100, 100])
    rows = [each for each in stage.history() if isinstance(each, Executed)]
    decided = [(each.decision, each.reason) for each in rows]
    assert decided == [("enter", ""), ("exit", "signal"), ("refused", "reducing"), ("enter", "")]


def test_a_locked_database_holds_up_no_exit(stage: Stage) -> None:
    async def work(walk: Walk) -> None:
        await walk.hours(1)
        keeper = walk.ready.session.keeper
        keeper.deadline_s = 0.2
        other = sqlite3.connect(stage.folder / "leeward.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        await walk.hours(1)
        assert keeper.books.positions() == []
        assert keeper.journal.batches()
        assert [each["type"] for each in orders(walk) if each["side"] == "SELL"][-1] == "MARKET"
        keeper.deadline_s = 60.0
        other.execute("ROLLBACK")
        other.close()
        await walk.until(lambda: keeper.is_durable and walk.state is ACTIVE)
        assert not keeper.journal.batches()
        kept = await asyncio.to_thread(walk.ready.database.load, ACCOUNT)
        assert books_of(kept, ACCOUNT, "USDT") == keeper.books

    stage.play(work, [100, 160, 160, 160])


def test_a_session_keeps_its_records_on_postgresql(stage: Stage, postgres_url: str) -> None:
    async def work(walk: Walk) -> None:
        await walk.hours(3)
        await walk.end()
        kept = await asyncio.to_thread(walk.ready.database.load, ACCOUNT)
        assert books_of(kept, ACCOUNT, "USDT") == walk.ready.session.keeper.books

    stage.play(work, [100, 160, 100, 100], f"database.url={postgres_url}")
    history = stage.history()
    assert any(isinstance(each, PositionClosed) for each in history)
    assert isinstance(history[-1], SessionEnded)


def test_after_the_daily_loss_nothing_is_bought_until_the_next_day(stage: Stage) -> None:
    async def work(walk: Walk) -> None:
        await walk.hours(1)
        await walk.hours(2)
        assert bought(walk) == 1
        await walk.hours(1)
        assert (walk.state, bought(walk)) == (ACTIVE, 1)
        await walk.hours(2)
        assert bought(walk) == 2

    stage.play(work, [100, 80, 80, 80, 80, 80, 80], "risk.daily_loss_fraction=0.002")
    rows = [each for each in stage.history() if isinstance(each, Executed)]
    assert [each.reason for each in rows][1:3] == ["daily_loss", "daily_loss"]


def test_after_the_drawdown_nothing_is_bought_until_the_operator_resumes(stage: Stage) -> None:
    async def work(walk: Walk) -> None:
        await walk.hours(2)
        await walk.until(lambda: walk.state is HALTED)
        await walk.hours(6)  # the next day changes nothing
        assert (walk.state, bought(walk), resting(walk)) == (HALTED, 1, [])
        send = walk.ready.database.send_command
        await asyncio.to_thread(send, ACCOUNT, "resume", "go on", "me", 1)
        await walk.until(lambda: walk.state is ACTIVE)
        await walk.hours(1)
        assert bought(walk) == 2

    stage.play(
        work, [100, 92] + [92] * 8, "risk.max_drawdown_fraction=0.002", "risk.drawdown_ladder=[]"
    )
    entries = [
        each
        for each in stage.history()
        if isinstance(each, IntentMade) and each.purpose is Purpose.ENTRY
    ]
    assert len(entries) == 2
    assert any(
        isinstance(each, PositionClosed) and each.trade.exit_reason == "containment"
        for each in stage.history()
    )


def test_a_strategy_that_raises_decides_nothing_and_stops_entries(stage: Stage) -> None:
    async def work(walk: Walk) -> None:
        await walk.hours(3)
        assert walk.state is ACTIVE
        await walk.hours(1)
        await reduces(walk, "strategy_failed")
        await walk.hours(1)
        await recovers(walk)

    stage.play(work, [100, 120, 120, 120, 110, 110], strategy="Broken")
    rows = [each for each in stage.history() if isinstance(each, Executed)]
    assert [each.decision for each in rows] == ["enter", *["skipped"] * 3, "hold"]
    assert rows[1].reason.startswith("strategy_failed: Broken.calculate_stop: raised ZeroDivision")


def test_a_strategy_that_hangs_is_named_while_it_hangs(stage: Stage) -> None:
    async def work(walk: Walk) -> None:
        def told() -> list[Noted]:
            stalls = [each for each in walk.noted if each.kind == "loop_stalled"]
            return [each for each in stalls if "in calculate_stop at " in each.words]

        strategy = walk.ready.session.decider.chief._strategy
        object.__setattr__(strategy, "noticed", lambda: bool(told()))
        await walk.hours(2)
        (note,) = told()
        assert note.severity is Severity.CRITICAL
        assert "stubborn.py:" in note.words
        assert walk.ready.session.measures.steps == 2
        assert resting(walk) == ["STOP_LOSS"]

    stage.monkeypatch.setattr("leeward.runtime.trading.stalling.PATIENCE_S", 0.4)
    stage.play(work, [100, 120, 110], strategy="Hanging")


def test_no_move_of_the_state_comes_between_a_decision_and_what_is_written_of_it(
    stage: Stage,
) -> None:
    async def work(walk: Walk) -> None:
        session = walk.ready.session
        await walk.hours(1)
        steps = session.measures.steps
        async with session.standing.lock:  # a move is being written
            await walk.to(HOUR.floor(walk.clock.told_ms) + HOUR.length_ms + 90)
            await asyncio.sleep(0.5)
            assert session.measures.steps == steps
        await walk.until(lambda: session.measures.steps > steps)

    stage.play(work, FLAT)
