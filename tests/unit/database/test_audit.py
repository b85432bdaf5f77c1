from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.histories import ACCOUNT, deposit, life_of_an_account

from leeward.database.audit import audit
from leeward.database.engine import Database, connect_database, open_database
from leeward.database.lease import take_lease


def test_an_untouched_database_passes_every_check(lived: Database) -> None:
    findings = list(audit(lived))
    assert [str(each) for each in findings if not each.is_ok] == []
    assert {each.check.removeprefix(f"{ACCOUNT} ") for each in findings} == {
        "tables", "references", "chain of events", "rows", "orders", "positions", "trades",
    }  # fmt: skip
    assert all(each.seen for each in findings)


def test_an_empty_database_is_nobodys(tmp_path: Path) -> None:
    (tmp_path / "leeward.db").touch()
    with closing(connect_database(f"sqlite:///{tmp_path / 'leeward.db'}")) as empty:
        assert [str(each) for each in audit(empty)] == [
            "tables: 1 wrong of 1: there are none yet; a paper or live session makes them"
        ]


@pytest.mark.parametrize(
    ("change", "check", "words"),
    [
        ("UPDATE fills SET price = '101' WHERE trade_id = 1", "rows", "FillBooked"),
        ("UPDATE fills SET price = '101' WHERE trade_id = 1", "trades", "not what its fills make"),
        ("DELETE FROM transfers WHERE transfer_id = 'w-1'", "rows", "TransferBooked .* is gone"),
        ("DELETE FROM account_history", "rows", "EquityMarked .* is gone"),
        ("UPDATE trades SET pnl = '5'", "rows", "PositionClosed"),
        ("UPDATE trades SET quantity = 'NaN'", "rows", "cannot be read"),
        ("UPDATE orders SET state = 'OPEN'", "orders", "lw-BTCUSDT-0-e"),
        ("UPDATE positions SET stop = '1'", "positions", "not the last that was made"),
        ("UPDATE positions SET closed_ms = 5", "positions", "closed without its trade"),
        ("UPDATE order_moves SET client_order_id = 'lw-x'", "references", "lw-x is not known"),
        ("UPDATE accounts SET state_seq = NULL", "rows", "not the last it moved to"),
        ("UPDATE events SET payload = '{}' WHERE seq = 7", "chain of events", "event 7 was chang"),
        ("DELETE FROM events WHERE seq = 7", "chain of events", "event 7 is missing"),
        ("DELETE FROM events WHERE seq > 20", "chain of events", "20 are there"),
    ],
)
def test_what_another_hand_changed_is_found(
    lived: Database, change: str, check: str, words: str
) -> None:
    with lived.writing() as connection:
        connection.execute(text(change))
    (finding,) = [each for each in audit(lived) if each.check.endswith(check)]
    assert not finding.is_ok
    assert re.search(words, str(finding))


def test_a_check_holds_up_no_commit_and_sees_one_state(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'leeward.db'}"
    database, trader = open_database(url), open_database(url, timeout_s=0.3)
    live_through(trader)
    findings = audit(database)
    assert next(findings).is_ok
    for number in range(3):
        trader.record(ACCOUNT, 1, [deposit(f"while checked/{number}", "1")])
    assert all(finding.is_ok for finding in findings)
    assert {each.name for each in tmp_path.iterdir() if each.is_dir()} == set()
    for each in (database, trader):
        each.close()


@pytest.fixture
def lived(database: Database) -> Database:
    live_through(database)
    return database


def live_through(database: Database) -> None:
    take_lease(database, ACCOUNT, "here:1").release()
    for batch in life_of_an_account():
        database.record(ACCOUNT, 1, batch)
