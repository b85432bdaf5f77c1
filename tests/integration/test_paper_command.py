"""`leeward paper` from the command line, on an emulator's prices."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from leeward.database import reading
from leeward.database.engine import Database, open_database
from leeward.domain.orders import Fill
from leeward.engine.books import books_of
from leeward.engine.records import Executed, FillBooked, IntentMade, PositionClosed, Purpose, Role
from tests.integration.conftest import Run
from tests.running import RESTLESS, TRADES, lines_until, started
from tests.served import Served, generated, served

ACCOUNT = "paper:emulator:main"


@pytest.fixture(scope="module")
def market() -> Iterator[Served]:
    with served(generated(), mode="accelerated", speed=60) as running:
        yield running


@pytest.fixture
def database(leeward: Run, tmp_path: Path) -> Iterator[Database]:
    """The database of the test's own folder."""
    del leeward  # it sets the folder
    opened = open_database(f"sqlite:///{tmp_path / 'leeward.db'}")
    yield opened
    opened.close()


def paper(leeward: Run, market: Served, *options: str) -> tuple[int, str, str]:
    return leeward("paper", RESTLESS, *TRADES, "--url", market.addresses.rest, *options)


def test_a_session_trades_is_written_down_and_goes_on_with_the_next(
    leeward: Run, market: Served, database: Database
) -> None:
    told: list[Any] = []
    runs = 0
    while not told:  # an entry that comes a candle too late is refused
        runs += 1
        code, out, err = paper(leeward, market, "--candles", "6", "--json", "--log", "log.jsonl")
        assert code == 0, err
        lines = [json.loads(line) for line in out.splitlines()]
        assert sum("candle" in line for line in lines) == 6
        assert "6 candles are over" in lines[-1]["ended"]
        told += [line["closed"] for line in lines if "closed" in line]
    written = list(database.history(ACCOUNT))
    closed = [each.trade for each in written if isinstance(each, PositionClosed)]
    assert [(each["symbol"], Decimal(each["pnl"])) for each in told] == [
        (each.symbol, each.pnl.amount) for each in closed
    ]
    first = [each for each in written if isinstance(each, Executed)]
    assert len(first) == 12 * runs
    assert {each.symbol for each in first} == {"BTCUSDT", "ETHUSDT"}
    before = books_of(database.load(ACCOUNT), ACCOUNT, "USDT")
    assert before.equity(dict.fromkeys(("BTCUSDT", "ETHUSDT"), Decimal(0))).cash <= 10_000
    code, out, err = paper(leeward, market, "--candles", "3", "--json", "--log", "log.jsonl")
    assert code == 0, err
    with database.reading() as connection:
        sessions = reading.sessions(connection, ACCOUNT)
        names = ("steps", "return", "trades", "unprotected_s", "reconnects")
        last = sessions[0].started.session_id
        measured = {name: reading.measured(connection, last, name) for name in names}
    assert [value for _, value in measured["steps"]] == [3.0]
    assert all(measured.values())
    ends = ["3 candles are over", *["6 candles are over"] * runs]
    assert [each.end_reason for each in sessions] == ends
    entries = [
        each
        for each in database.history(ACCOUNT)
        if isinstance(each, IntentMade) and each.purpose is Purpose.ENTRY
    ]
    assert entries
    assert len({each.key for each in entries}) == len(entries)
    history = sessions[0].started.facts["history"]
    assert isinstance(history, dict)
    assert set(history) == {"BTCUSDT", "ETHUSDT"}
    shown = leeward("status", "--json")
    (status,) = json.loads(shown.out)
    assert (status["account"], status["running"]) == (ACCOUNT, False)
    assert leeward("db", "check").code == 0


@contextmanager
def hangups(handled: signal.Handlers) -> Iterator[None]:
    """Lets programs begin with what a terminal (SIG_DFL) or nohup (SIG_IGN) gives them."""
    before = signal.signal(signal.SIGHUP, handled)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("handled", "asked", "ends"),
    [
        (signal.SIG_DFL, (signal.SIGTERM,), "SIGTERM"),
        (signal.SIG_DFL, (signal.SIGHUP,), "SIGHUP"),
        (signal.SIG_IGN, (signal.SIGHUP, signal.SIGTERM), "SIGTERM"),
    ],
    ids=["asked to", "terminal closed", "nohup"],
)
def test_what_is_held_stays_protected_when_the_process_is_asked_to_stop(
    market: Served,
    tmp_path: Path,
    handled: signal.Handlers,
    asked: Sequence[signal.Signals],
    ends: str,
) -> None:
    command = "paper", RESTLESS, *TRADES, "--url", market.addresses.rest, "--log", "log.jsonl"
    with hangups(handled), started(tmp_path, *command) as process:
        lines_until(process, "hold")
        for each in asked:
            process.send_signal(each)
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    ended = out.splitlines()[-1]
    assert ended.startswith(f"stopped by {ends}; ")
    assert "stop" in ended
    assert "NOT" not in ended


def test_what_is_held_of_a_symbol_left_out_is_named_and_halts_nothing(
    leeward: Run, market: Served, database: Database
) -> None:
    held: set[str] = set()
    while not held:
        assert paper(leeward, market, "--candles", "2", "--log", "log.jsonl")[0] == 0
        books = books_of(database.load(ACCOUNT), ACCOUNT, "USDT")
        held = {each.symbol for each in books.positions()}
    left_out = min(held)
    (other,) = {"BTCUSDT", "ETHUSDT"} - {left_out}
    options = [other if each == "BTCUSDT,ETHUSDT" else each for each in TRADES]
    address = market.addresses.rest
    code, out, err = leeward(
        "paper", RESTLESS, *options, "--url", address, "--candles", "2", "--log", "log.jsonl"
    )
    assert code == 0, err
    assert f"{left_out} is held and not among the symbols" in out + err
    (status,) = json.loads(leeward("status", "--json").out)
    assert (status["state"], status["session"]["symbols"]) == ("ACTIVE", [other])
    assert left_out in {each["symbol"] for each in status["positions"]}


def test_money_for_a_new_account_is_said_to_be_none_for_one_that_exists(
    leeward: Run, market: Served
) -> None:
    log = ("--log", "log.jsonl", "--candles", "1")
    _, _, first = paper(leeward, market, "--set", "paper.balance=500", *log)
    _, out, again = paper(leeward, market, "--set", "paper.balance=700", *log)
    _, _, unsaid = paper(leeward, market, *log)
    assert "paper.balance" not in first + unsaid
    assert "paper.balance = 700 is for a new account" in again
    assert float(out.split()[1]) < 600


def test_one_process_trades_an_account(leeward: Run, market: Served, tmp_path: Path) -> None:
    with started(
        tmp_path, "paper", RESTLESS, *TRADES, "--url", market.addresses.rest, "--log", "log.jsonl"
    ) as process:
        lines_until(process, "00Z")
        code, _, err = paper(leeward, market, "--candles", "1")
        assert code == 3
        assert f"{ACCOUNT}: already traded by" in err
        assert f":{process.pid} on" in err
        process.kill()
        process.wait(60)
    code, out, _ = paper(leeward, market, "--candles", "1", "--log", "log.jsonl")
    assert (code, "1 candle is over" in out) == (0, True)


def test_a_replay_that_began_anew_is_refused_the_account_of_the_one_before(
    leeward: Run, market: Served
) -> None:
    assert paper(leeward, market, "--candles", "2", "--log", "log.jsonl")[0] == 0
    with served(generated(), mode="accelerated", speed=1) as anew:
        code, _, err = paper(leeward, anew, "--candles", "1", "--log", "log.jsonl")
    assert code == 3
    assert "as of a replay that began anew" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--timeframe", "1d", "--set", "risk.trend_gate=ema:200:10"], 3, "closed candles refused"),
        (["--candles", "0"], 2, "--candles 0 is out of bounds"),
        (["--until", "someday"], 2, "--until: 'someday' is not a date"),
        (["--until", "2020-01-01"], 2, "--until 2020-01-01T00:00:00Z is over: the venue's time"),
        (["--param", "speed=1"], 2, "unknown parameter of Restless 'speed'"),
        (["--set", "risk.max_position_fraction=0.5"], 3, "risk.max_position_fraction: 0.5 refused"),
        (["--venue", "binance"], 2, "--url goes with the emulator"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_way_out(
    leeward: Run, market: Served, options: list[str], code: int, words: str
) -> None:
    got, _, err = paper(leeward, market, *options)
    assert got == code, err
    assert words in err


@pytest.mark.parametrize(
    ("symbol", "words"),
    [
        ("NOUSDT", "NOUSDT: the venue does not know it; write it as the exchange does"),
        ("BTCUSD", "BTCUSD: the venue does not know it; did you mean BTCUSDT?"),
    ],
)
def test_a_symbol_that_does_not_exist_is_refused_with_the_nearest(
    leeward: Run, market: Served, symbol: str, words: str
) -> None:
    shown = leeward("paper", RESTLESS, "--symbols", symbol, "--url", market.addresses.rest)
    assert shown.code == 2
    assert words in shown.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--symbols", "BTCUSDT", "--timeframe", "7m"], "unknown timeframe '7m'; did you mean"),
        (
            ["--symbols", "BTCUSDT,eth/usdt"],
            "symbols: 'ETH/USDT' is not written as an exchange does",
        ),
        (["--symbols", "BTCUSDT;ETHUSDT"], "as in --symbols BTCUSDT,ETHUSDT"),
    ],
)
def test_a_slip_of_the_pen_is_told_before_anything_is_asked(
    leeward: Run, options: list[str], words: str
) -> None:
    shown = leeward("paper", RESTLESS, *options, "--url", "http://127.0.0.1:9")
    assert shown.code == 2
    assert words in shown.err


def test_a_venue_that_does_not_answer_is_named(leeward: Run) -> None:
    shown = leeward("paper", RESTLESS, *TRADES, "--url", "http://127.0.0.1:9")
    assert shown.code == 1
    assert "http://127.0.0.1:9 does not answer" in shown.err


def test_orders_by_the_book_fill_at_once_at_the_best_prices(
    leeward: Run, market: Served, database: Database
) -> None:
    bought: list[Fill] = []
    while not bought:  # one that comes a candle too late is refused
        code, out, err = paper(
            leeward, market, "--candles", "10", "--set", "paper.fills=book", "--log", "log.jsonl"
        )
        assert code == 0, err
        assert "10 candles are over" in out
        fills = [each for each in database.history(ACCOUNT) if isinstance(each, FillBooked)]
        bought = [each.fill for each in fills if each.role is Role.ENTRY]
    # By the candles every one would be dated at an open.
    assert any(each.time_ms % 60_000 for each in bought)
    assert leeward("db", "check").code == 0
