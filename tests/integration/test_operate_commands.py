"""`leeward status`, `halt`, `resume` and `flatten` beside a running session, and without one."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from leeward.database.engine import Database, open_database
from leeward.engine.records import CommandDone, EquityMarked, PositionClosed, StateMoved
from tests.integration.conftest import Run, status
from tests.running import ACCOUNT, RESTLESS, TRADES, trading, wait_for
from tests.served import Served, generated, served


@pytest.fixture(scope="module")
def market() -> Iterator[Served]:
    with served(generated(), mode="accelerated", speed=60) as running:
        yield running


@pytest.fixture
def session(market: Served, tmp_path: Path, leeward: Run) -> Iterator[subprocess.Popen[str]]:
    """A paper session that runs, and holds something."""
    del leeward  # it sets the folder
    with trading(tmp_path, market.addresses.rest, until="hold") as process:
        yield process


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'leeward.db'}", examine=False)
    yield opened
    opened.close()


@pytest.mark.usefixtures("session")
def test_halt_stops_entries_and_resume_lets_them(leeward: Run, database: Database) -> None:
    shown = leeward("halt", "--reason", "lunch")
    assert (shown.code, shown.out) == (0, f"{ACCOUNT}: halted\n")
    assert status(leeward)["state"] == "HALTED"
    assert status(leeward)["reason"] == "lunch"
    wait_for(lambda: status(leeward)["positions"] == [])
    cash = status(leeward)["cash"]
    time.sleep(2)
    assert status(leeward)["cash"] == cash
    assert leeward("halt").code == 0
    shown = leeward("resume")
    assert (shown.code, shown.out) == (0, f"{ACCOUNT}: active\n")
    wait_for(lambda: status(leeward)["positions"] != [])
    history = database.history(ACCOUNT)
    actors = [each.actor for each in history if isinstance(each, StateMoved)]
    assert actors == ["boot", "recovery", "command:1", "command:3"]
    done = [each.command_id for each in history if isinstance(each, CommandDone)]
    assert done == [1, 2, 3]


@pytest.mark.usefixtures("session")
def test_flatten_sells_what_is_held_as_the_operators_wish(leeward: Run, database: Database) -> None:
    leeward("halt")
    wait_for(lambda: not [p for p in status(leeward)["positions"] if p["closing"]])
    held = [each["symbol"] for each in status(leeward)["positions"]]
    shown = leeward("flatten")
    assert shown.code == 0
    assert shown.out.startswith(f"{ACCOUNT}: ")
    wait_for(lambda: status(leeward)["positions"] == [])
    closed = [each for each in database.history(ACCOUNT) if isinstance(each, PositionClosed)]
    reasons = {each.trade.symbol: each.trade.exit_reason for each in closed}
    assert {reasons[symbol] for symbol in held} <= {"operator", "time", "signal", "stop"}
    again = leeward("flatten", "btcusdt")
    assert (again.code, again.out) == (0, f"{ACCOUNT}: nothing is held of BTCUSDT\n")


def test_a_command_without_a_process_waits_for_the_next_start(
    leeward: Run, session: subprocess.Popen[str], market: Served, database: Database
) -> None:
    session.kill()
    session.wait(60)
    shown = leeward("halt", "--reason", "while it was down")
    assert shown.code == 0
    assert "no process trades it" in shown.out
    assert "carried out first thing when one starts" in shown.out
    code, out, _ = leeward(
        "paper", RESTLESS, *TRADES, "--url", market.addresses.rest, "--candles", "2",
        "--log", "log.jsonl",
    )  # fmt: skip
    assert code == 0
    assert "[HALTED]" in out
    marked = [each for each in database.history(ACCOUNT) if isinstance(each, EquityMarked)]
    assert marked
    assert status(leeward)["reason"] == "while it was down"
    assert status(leeward)["running"] is False


def test_without_a_database_there_is_nothing_to_operate(leeward: Run) -> None:
    for command in ("status", "halt", "resume", "flatten"):
        shown = leeward(command)
        assert shown.code == 1
        assert "there is no database at" in shown.err


def test_before_anything_traded_the_way_to_begin_is_named(leeward: Run, database: Database) -> None:
    assert database.history(ACCOUNT) == []
    shown = leeward("halt")
    assert shown.code == 2
    assert "nothing has traded here yet" in shown.err
    assert "leeward paper" in shown.err


@pytest.mark.usefixtures("session")
def test_an_account_that_does_not_exist_is_named(leeward: Run) -> None:
    for command in ("status", "halt"):
        shown = leeward(command, "--account", "live:emulator:main")
        assert shown.code == 2
        assert "unknown account 'live:emulator:main'" in shown.err
    assert f"{ACCOUNT}: ACTIVE (recovered), running" in leeward("status").out
