"""`leeward live` from the command line, against an emulator."""

from __future__ import annotations

import json
import os
import pty
import signal
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from leeward.database.engine import open_database
from leeward.database.lease import take_lease
from leeward.engine.books import Books, books_of
from leeward.engine.records import Noted, OrderState, Record, Role
from tests.accounts import fill, intent, moved, opened, opening, own
from tests.integration.conftest import Run, Shown
from tests.running import RESTLESS, TRADES, lines_until, started
from tests.served import Served, fresh_names, generated, served

ACCOUNT = "live:emulator:main"
PHRASE = "trade main on emulator"


@pytest.fixture(scope="module")
def market() -> Iterator[Served]:
    with served(generated(), mode="accelerated", speed=60, auth="scaled") as running:
        yield running


@pytest.fixture
def name() -> str:
    return next(fresh_names)


@pytest.fixture
def key(market: Served, name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A key of an account of its own, set in the environment."""
    made = market.account(name, {"USDT": "10000", "BTC": "0.5"})
    monkeypatch.setenv("LEEWARD_VENUE__API_KEY", made["api_key"])
    monkeypatch.setenv("LEEWARD_VENUE__API_SECRET", made["api_secret"])
    return made


def live(leeward: Run, market: Served, *options: str) -> Shown:
    return leeward("live", RESTLESS, *TRADES, "--url", market.addresses.rest, *options)


RISKS = "--i-understand-the-risks"


def booked(folder: Path) -> Books:
    """Returns the books as a session left them in the database."""
    database = open_database(f"sqlite:///{folder / 'leeward.db'}")
    books = books_of(database.load(ACCOUNT), ACCOUNT, "USDT")
    database.close()
    return books


def at_the_exchange(market: Served, name: str) -> tuple[Any, dict[str, Decimal]]:
    """Returns the exchange's account, and its balances: free and locked together."""
    truth = market.sim("GET", "state")["accounts"][name]
    balances = truth["balances"].items()
    return truth, {
        asset: Decimal(each["free"]) + Decimal(each["locked"]) for asset, each in balances
    }


def test_it_refuses_without_the_flag(leeward: Run, market: Served) -> None:
    shown = live(leeward, market)
    assert shown.code == 3
    assert "pass --i-understand-the-risks" in shown.err


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "nobody confirmed it"),
        ("yes", "'yes' is not the confirmation"),
        ("trade main on binance", f"it is '{PHRASE}'"),
    ],
)
def test_it_refuses_without_the_right_confirmation(
    leeward: Run,
    market: Served,
    monkeypatch: pytest.MonkeyPatch,
    given: str | None,
    words: str,
) -> None:
    if given is not None:
        monkeypatch.setenv("LEEWARD_LIVE_CONFIRMATION", given)
    shown = live(leeward, market, RISKS)
    assert shown.code == 3
    assert words in shown.err
    assert "Equity 10,000.00 USDT. At most 5,000.00 USDT (50.0%)" in shown.err


@pytest.mark.usefixtures("key")
def test_it_names_what_the_exchange_did_not_tell(
    leeward: Run, market: Served, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEEWARD_LIVE_CONFIRMATION", PHRASE)
    monkeypatch.setattr("leeward.runtime.trading.running._AGREE_S", 8.0)
    match = {"route": "GET /api/v3/myTrades", "account": name, "symbol": "ETHUSDT"}
    market.sim("POST", "faults", effect="http_5xx", match=match, id="dark")
    shown = live(leeward, market, RISKS, "--log", "log.jsonl")
    market.sim("DELETE", "faults/dark")
    assert shown.code == 1  # a service is started again
    assert "do not agree yet: the venue did not tell the trades of ETHUSDT" in shown.err


def test_it_refuses_without_a_key(leeward: Run, market: Served) -> None:
    shown = live(leeward, market, RISKS)
    assert shown.code == 3
    assert "no API key is set" in shown.err


def test_a_symbol_that_is_halted_is_no_refusal_either(leeward: Run, market: Served) -> None:
    market.sim("POST", "symbols/ETHUSDT", status="BREAK")
    shown = live(leeward, market, RISKS)
    market.sim("POST", "symbols/ETHUSDT", status="TRADING")
    assert shown.code == 1
    assert "ETHUSDT: BREAK at the venue; leave it out, or try again later" in shown.err


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize(
    ("route", "words"),
    [
        ("GET /api/v3/exchangeInfo", "no rules of BTCUSDT, ETHUSDT from the venue: HTTP 503"),
        ("GET /api/v3/account", "the venue did not tell of the account: HTTP 503"),
        ("GET /sapi/v1/account/apiRestrictions", "did not tell the rights of the key: HTTP 503"),
    ],
)
def test_an_exchange_in_trouble_is_no_refusal_so_that_a_service_is_started_again(
    leeward: Run, market: Served, route: str, words: str
) -> None:
    fault = market.sim("POST", "faults", effect="http_5xx", match={"route": route}, status=503)
    shown = live(leeward, market, RISKS)
    market.sim("DELETE", f"faults/{fault['id']}")
    assert shown.code == 1
    assert words in shown.err
    assert "try again later" in shown.err


def test_a_start_waits_until_a_ban_is_over_instead_of_asking_again(
    leeward: Run, market: Served
) -> None:
    market.sim("POST", "faults", effect="ban_418", seconds=2, count=1, id="ban")
    shown = live(leeward, market, RISKS)
    market.sim("DELETE", "faults/ban")
    assert "this address is banned for 2 s more; the start waits" in shown.err
    assert "no API key is set" in shown.err  # it went on


def test_it_refuses_a_key_that_is_not_accepted(
    leeward: Run, market: Served, key: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEEWARD_VENUE__API_SECRET", key["api_secret"] + "x")
    shown = live(leeward, market, RISKS)
    assert shown.code == 3
    assert "the key is not accepted" in shown.err


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize(
    "stop", ["", "    def calculate_stop(self, frame):\n        return np.nan\n"]
)
def test_it_refuses_where_positions_could_be_without_a_stop(
    leeward: Run, market: Served, tmp_path: Path, stop: str
) -> None:
    bare = tmp_path / "bare.py"
    source = Path(RESTLESS.rpartition(":")[0]).read_text()
    bare.write_text(source[: source.index("    def calculate_stop")] + stop)
    shown = leeward(
        "live", f"{bare}:Restless", *TRADES, "--url", market.addresses.rest, RISKS,
        "--set", "risk.require_stop=false",
    )  # fmt: skip
    assert shown.code == 3
    assert "risk.require_stop is off" in shown.err


def test_what_it_trades_is_what_the_exchange_says_and_no_secret_is_told(
    leeward: Run,
    market: Served,
    name: str,
    key: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("LEEWARD_LIVE_CONFIRMATION", PHRASE)
    decided: list[str] = []
    while "enter" not in decided:  # one that comes a candle too late is refused
        shown = live(leeward, market, RISKS, "--candles", "5", "--log", "log.jsonl", "--json")
        assert shown.code == 0, shown.err
        lines = [json.loads(line) for line in shown.out.splitlines()]
        decided += [each["decision"] for line in lines for each in line.get("decisions", [])]
    books = booked(tmp_path)
    truth, totals = at_the_exchange(market, name)
    for asset in ("USDT", "BTC", "ETH"):
        assert books.balance(asset) == totals.get(asset, Decimal(0)), asset
    for held in books.positions():
        orders = [each for each in truth["orders"] if each["symbol"] == held.symbol]
        assert [each["type"] for each in orders if each["status"] == "NEW"] == ["STOP_LOSS"]
    for text in (shown.out, shown.err, (tmp_path / "log.jsonl").read_text()):
        assert key["api_secret"] not in text
        assert key["api_key"] not in text


def test_a_key_that_may_withdraw_is_refused_by_no_waiver(
    leeward: Run, market: Served, name: str, key: dict[str, str]
) -> None:
    rights = {"enableWithdrawals": True}
    market.sim("POST", f"accounts/{name}/keys", api_key=key["api_key"], rights=rights)
    shown = live(leeward, market, RISKS, "--set", "venue.allow_any_ip=true")
    assert shown.code == 3
    assert "the key may withdraw (enableWithdrawals)" in shown.err


def test_a_waived_ip_restriction_is_noted_at_every_start(
    leeward: Run,
    market: Served,
    name: str,
    key: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    market.sim(
        "POST", f"accounts/{name}/keys", api_key=key["api_key"], rights={"ipRestrict": False}
    )
    monkeypatch.setenv("LEEWARD_LIVE_CONFIRMATION", PHRASE)
    refused = live(leeward, market, RISKS)
    assert (refused.code, "works from any IP address" in refused.err) == (3, True)
    waived = ("--set", "venue.allow_any_ip=true", "--log", "log.jsonl")
    assert live(leeward, market, RISKS, "--candles", "1", *waived).code == 0
    assert "waived by venue.allow_any_ip" in (tmp_path / "log.jsonl").read_text()
    database = open_database(f"sqlite:///{tmp_path / 'leeward.db'}")
    notes = [each for each in database.history(ACCOUNT) if isinstance(each, Noted)]
    database.close()
    assert any("waived" in each.words for each in notes)


@pytest.mark.usefixtures("key")
def test_it_refuses_the_key_of_another_account_of_the_exchange(
    leeward: Run, market: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LEEWARD_LIVE_CONFIRMATION", PHRASE)
    assert live(leeward, market, RISKS, "--candles", "1", "--log", "log.jsonl").code == 0
    before = booked(tmp_path).balance("BTC")
    other = market.account(next(fresh_names), {"USDT": "500"})
    monkeypatch.setenv("LEEWARD_VENUE__API_KEY", other["api_key"])
    monkeypatch.setenv("LEEWARD_VENUE__API_SECRET", other["api_secret"])
    shown = live(leeward, market, RISKS, "--candles", "1", "--log", "log.jsonl")
    assert shown.code == 3
    assert "and this key is of account" in shown.err
    assert "--set trading.account=NAME" in shown.err
    assert booked(tmp_path).balance("BTC") == before


def test_a_killed_session_is_recovered_by_the_next(
    leeward: Run,
    market: Served,
    name: str,
    key: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("LEEWARD_LIVE_CONFIRMATION", PHRASE)
    options = (RISKS, "--url", market.addresses.rest, "--log", "log.jsonl")
    with started(
        tmp_path, "live", RESTLESS, *TRADES, *options,
        LEEWARD_VENUE__API_KEY=key["api_key"], LEEWARD_VENUE__API_SECRET=key["api_secret"],
        LEEWARD_LIVE_CONFIRMATION=PHRASE,
    ) as process:  # fmt: skip
        lines_until(process, "BUY")
        process.kill()
        process.wait(60)
    shown = live(leeward, market, RISKS, "--candles", "2", "--log", "log.jsonl")
    assert shown.code == 0, shown.err
    assert booked(tmp_path).cash == at_the_exchange(market, name)[1]["USDT"]


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize(("there", "state"), [("1", "ACTIVE"), ("0", "REDUCING")])
def test_a_start_trades_on_though_a_symbol_that_is_held_is_gone(
    leeward: Run,
    market: Served,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    there: str,
    state: str,
) -> None:
    monkeypatch.setenv("LEEWARD_LIVE_CONFIRMATION", PHRASE)
    monkeypatch.setattr("leeward.runtime.trading.session._RECOVER_AGAIN_S", 0.3)
    shown = live(leeward, market, RISKS, "--candles", "1")
    assert shown.code == 0, shown.err
    bought, stop = intent(symbol="GONEUSDT"), intent("stop", (Role.STOP,), symbol="GONEUSDT")
    stop = replace(stop, position_id=bought.position_id)
    with closing(open_database(f"sqlite:///{tmp_path / 'leeward.db'}")) as database:
        lease = take_lease(database, ACCOUNT, "test")
        records: list[Record] = [
            opening("0", "GONEUSDT", "GONE"),
            *(bought, moved(bought, OrderState.FILLED, "1", order_id=1), opened(bought)),
            own(bought, Role.ENTRY, fill(1, "1", symbol="GONEUSDT")),
            *(stop, moved(stop, OrderState.OPEN, order_id=2)),
        ]
        database.record(ACCOUNT, lease.epoch, records)
        lease.release()
    change = {"account": name, "asset": "USDT", "amount": "100"}
    market.sim("POST", "faults", effect="withdrawal", **change)
    market.sim("POST", "faults", effect="deposit", **{**change, "asset": "GONE", "amount": there})
    shown = live(leeward, market, RISKS, "--candles", "12", "--log", "log.jsonl")
    assert shown.code == 0, shown.err
    books = booked(tmp_path)
    assert books.state is not None
    assert books.state.state == state
    assert books.orders[stop.orders[0].client_order_id].state is OrderState.EXPIRED
    assert (books.position("GONEUSDT") is None) is (there == "0")
    assert books.balance("GONE") == Decimal(there)


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize(
    ("typed", "code", "words"),
    [(PHRASE, 0, ""), ("yes", 3, f"'yes' is not the confirmation; it is '{PHRASE}'\n")],
)
def test_on_a_terminal_the_confirmation_is_typed(
    leeward: Run,
    market: Served,
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    code: int,
    words: str,
) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, f" {typed} \n".encode())
    with os.fdopen(theirs) as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        shown = live(leeward, market, RISKS, "--candles", "1", "--log", "log.jsonl")
    os.close(ours)
    assert shown.code == code, shown.err
    assert f"Type '{PHRASE}' to begin" in shown.err
    assert shown.err.endswith(words)


class Interrupted:
    """A terminal at which Ctrl-C is pressed when it is asked."""

    went_on = False

    def isatty(self) -> bool:
        return True

    def readline(self) -> str:
        os.kill(os.getpid(), signal.SIGINT)
        self.went_on = True
        return PHRASE


@pytest.mark.usefixtures("key")
def test_the_first_interrupt_ends_the_question(
    leeward: Run, market: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Interrupted()
    monkeypatch.setattr("sys.stdin", terminal)
    shown = live(leeward, market, RISKS, "--candles", "1", "--log", "log.jsonl")
    assert shown.code == 130
    assert not terminal.went_on
