from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from leeward.database.engine import open_database
from leeward.database.lease import take_lease
from leeward.domain.times import iso
from leeward.engine.records import Executed
from leeward.runtime.trading.history import write_history
from tests.integration.conftest import Run
from tests.sessions import ACCOUNT, FakeSession, Spoilt
from tests.walks import walk


def write_session(folder: Path, *, wrongly: bool = False) -> FakeSession:
    """Writes a session with other prices and missed entries into a database; `wrongly` with one
    entry that the core would not have made so large."""
    candles = tuple(walk(760, symbol=s, seed=5 + i) for i, s in enumerate(("BTCUSDT", "ETHUSDT")))
    session = FakeSession(candles, "adaptive", spoilt=Spoilt(price=0.5, missed=0.3))
    files = write_history(folder / "sessions" / session.session_id, session.known)
    session.facts = {"history": {name.split()[0]: file for name, file in files.items()}}
    session.run()
    records = [record for commit in session.commits for record in commit]
    if wrongly:
        place, row = next(
            (place, record)
            for place, record in enumerate(records)
            if isinstance(record, Executed) and record.decision == "enter"
        )
        records[place] = replace(row, quantity=99.0)
    database = open_database(f"sqlite:///{folder / 'leeward.db'}")
    lease = take_lease(database, ACCOUNT, "test")
    database.record(ACCOUNT, lease.epoch, records)
    lease.release()
    database.close()
    return session


def test_a_session_is_compared_and_its_gap_explained(leeward: Run, tmp_path: Path) -> None:
    write_session(tmp_path)
    shown = leeward("parity")
    assert shown.code == 0
    assert "0 unexplained" in shown.out
    assert "every decision and the whole gap are explained" in shown.out
    document = json.loads(leeward("parity", "s1", "--json").out)
    parts = document["pnl"]["parts"]
    assert sum(map(Decimal, parts.values())) == Decimal(document["pnl"]["gap"])
    assert Decimal(parts["missed"]) != 0
    assert Decimal(parts["fill_price"]) != 0


def test_a_decision_that_nothing_explains_ends_in_exit_code_one(
    leeward: Run, tmp_path: Path
) -> None:
    write_session(tmp_path, wrongly=True)
    shown = leeward("parity")
    assert shown.code == 1
    assert "1 UNEXPLAINED" in shown.out
    assert "enter, quantity 99" in shown.out
    assert leeward("parity", "--json").code == 1


def test_an_unknown_session_is_a_usage_error(leeward: Run, tmp_path: Path) -> None:
    write_session(tmp_path)
    shown = leeward("parity", "s2")
    assert (shown.code, "did you mean 's1'" in shown.err) == (2, True)


@pytest.mark.parametrize("options", [(), ("--session", "s1")])
def test_a_decision_of_a_session_can_be_asked_why(
    leeward: Run, tmp_path: Path, options: tuple[str, ...]
) -> None:
    session = write_session(tmp_path)
    rows = session.recorded().executed.values()
    entry = next(row for row in rows if row.decision == "enter")
    shown = leeward("why", entry.symbol, iso(entry.open_time_ms), *options)
    assert shown.code == 0
    assert f"buy {entry.quantity:.10g}" in shown.out
    assert "session s1 of paper:binance:main" in shown.out
