"""What `leeward status`, `halt`, `resume` and `flatten` find in a database, without a market."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from leeward.database.engine import Database, open_database
from leeward.database.lease import take_lease
from leeward.domain.errors import BadUsage
from leeward.domain.money import Money
from leeward.engine.records import FeesValued, IntentMade, SessionEnded
from leeward.runtime.chat import Chat
from leeward.runtime.clock import now_ms
from leeward.runtime.operating import order, statuses
from leeward.runtime.settings import Settings, load_settings
from tests.histories import deposit, entry, fill_of, session_started
from tests.integration.conftest import Run

PAPER, LIVE = "paper:binance:main", "live:binance:main"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("LEEWARD_DATA__DIR", str(tmp_path / "data"))
    return load_settings(None, [])


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'leeward.db'}")
    yield opened
    opened.close()


@contextmanager
def traded(database: Database, account: str, beat_s: float | None = 1.0) -> Iterator[int]:
    """An account that a process trades, whose last heartbeat is so old."""
    lease = take_lease(database, account, "here:1")
    name = f"{account}-{lease.epoch}"
    opening = deposit(f"opening-{account}-{lease.epoch}", "9985.1300000000")
    begun = replace(session_started(lease.epoch, name), account=account)
    database.record(account, lease.epoch, [begun, opening])
    if beat_s is not None:
        facts = {"computer_ms": now_ms() - int(beat_s * 1000), "equity": "9986.1000000"}
        database.beat(account, lease.epoch, 5, facts)
    try:
        yield lease.epoch
    finally:
        lease.release()


def test_a_session_on_a_model_without_an_edge_says_so(
    database: Database, settings: Settings, leeward: Run
) -> None:
    models = {"BTCUSDT": {"sizing": "confidence", "prediction": {"name": "m", "proven": False}}}
    with traded(database, PAPER) as epoch:
        begun = session_started(epoch, "on-a-model")
        database.record(PAPER, epoch, [replace(begun, facts={**begun.facts, "models": models})])
        assert "  no demonstrated edge: m\n" in leeward("status").out
        (told,) = json.loads(leeward("status", "--json").out)
        assert told["session"]["caveats"] == ["no demonstrated edge: m"]
        assert "\nno demonstrated edge: m\n" in Chat(settings, PAPER, lambda *_: "").answer(
            "status", ""
        )


def test_the_one_account_that_is_traded_is_taken(database: Database, settings: Settings) -> None:
    with traded(database, LIVE):
        pass
    with traded(database, PAPER):
        found = statuses(settings)
        assert [each.account.account for each in found.shown] == [PAPER]
        assert found.others == (LIVE,)
        assert found.is_alive
    found = statuses(settings)
    assert {each.account.account for each in found.shown} == {PAPER, LIVE}
    assert not found.is_alive


def test_an_account_that_is_traded_is_not_among_those_that_are_not(
    database: Database, settings: Settings
) -> None:
    with traded(database, LIVE), traded(database, PAPER):
        assert statuses(settings, LIVE).others == ()
    assert statuses(settings, LIVE).others == (PAPER,)


def test_a_command_that_waits_is_shown(database: Database, leeward: Run) -> None:
    with traded(database, PAPER):
        pass
    database.send_command(PAPER, "halt", "", "ann@here", 5)
    assert "  halt waits, asked for by ann@here (command 1)\n" in leeward("status").out
    (told,) = json.loads(leeward("status", "--json").out)
    assert told["waiting"] == [{"command": 1, "kind": "halt", "actor": "ann@here"}]


def test_an_account_that_is_not_there_leaves_no_file(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    with traded(database, PAPER):
        pass
    before = sorted(tmp_path.iterdir())
    with pytest.raises(BadUsage, match="unknown account 'nosuch'"):
        order(settings, "halt", "", "nosuch")
    assert sorted(tmp_path.iterdir()) == before


def test_where_it_is_not_clear_orders_ask_for_the_account(
    database: Database, settings: Settings
) -> None:
    with traded(database, LIVE), traded(database, PAPER):
        with pytest.raises(BadUsage, match="2 accounts to choose from"):
            order(settings, "halt", "", None)
        assert len(statuses(settings).shown) == 2
    with pytest.raises(BadUsage, match="2 accounts to choose from"):
        order(settings, "halt", "", None)
    assert order(settings, "halt", "", LIVE).running is False


@pytest.mark.parametrize(("beat_s", "alive"), [(1.0, True), (31.0, False), (None, False)])
def test_a_process_that_does_not_beat_is_not_alive(
    database: Database, settings: Settings, beat_s: float | None, alive: bool
) -> None:
    with traded(database, PAPER, beat_s):
        assert statuses(settings).is_alive is alive


def test_the_exit_code_is_the_health(database: Database, leeward: Run) -> None:
    with traded(database, PAPER):
        assert leeward("status").code == 0
        shown = leeward("status", "--json")
        assert shown.code == 0
        (told,) = json.loads(shown.out)
        assert told["cash"] == "9985.13 USDT"
        assert told["facts"]["equity"] == "9986.1"
    for options in ([], ["--json"], ["--account", PAPER]):
        assert leeward("status", *options).code == 1


def test_amounts_are_for_people(database: Database, leeward: Run) -> None:
    with traded(database, PAPER):
        assert "  cash 9,985.13 USDT, equity 9,986.10\n" in leeward("status").out


def test_fees_in_another_coin_are_shown_with_what_is_not_valued(
    database: Database, leeward: Run
) -> None:
    with traded(database, LIVE) as epoch:
        bought = of_account(entry(), LIVE)
        fee, one = Money(Decimal("0.004"), "BNB"), fill_of(entry(), 1)
        paid = replace(one, fill=replace(one.fill, commission=fee))
        valued = FeesValued("BNB", Decimal("0.003"), Money(Decimal("1.8"), "USDT"), 6)
        database.record(LIVE, epoch, [bought, paid, valued])
        told = "  fees of 0.004 BNB count as 1.80 USDT; 0.001 BNB not valued\n"
        assert told in leeward("status").out
        (shown,) = json.loads(leeward("status", "--json").out)
    fees = {"asset": "BNB", "paid": "0.004", "not_valued": "0.001", "value": "1.8 USDT"}
    assert shown["fees_elsewhere"] == [fees]


def of_account(intent: IntentMade, account: str) -> IntentMade:
    return replace(intent, key=replace(intent.key, account=account))


def test_a_process_that_was_killed_is_told_from_one_that_ended(
    database: Database, leeward: Run
) -> None:
    with traded(database, PAPER, 90.0) as epoch:
        assert re.search(r": no state yet, running, last beat 9\d s ago\n", leeward("status").out)
    killed = r"not running, last beat 9\d s ago: killed or cut off\n"
    assert re.search(killed, leeward("status").out)
    assert json.loads(leeward("status", "--json").out)[0]["killed"] is True
    database.record(PAPER, epoch, [SessionEnded(f"{PAPER}-{epoch}", "done", 9)])
    assert ": no state yet, not running\n" in leeward("status").out


def test_an_empty_database_has_no_health(database: Database, leeward: Run) -> None:
    del database
    shown = leeward("status")
    assert (shown.code, shown.out) == (1, "no account yet; `leeward paper` makes one\n")
