"""Sessions come back from the database with their candles, chained where one goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.histories import session_started
from tests.sessions import ACCOUNT, FakeSession, Spoilt
from tests.walks import walk

from leeward.database.engine import Database, open_database
from leeward.database.lease import take_lease
from leeward.domain.candles import Candles
from leeward.domain.errors import BadUsage, Failed
from leeward.engine.records import SessionStarted
from leeward.research.parity import check_parity
from leeward.research.reading import newest_of, read_sessions
from leeward.runtime.settings import Settings, load_settings
from leeward.runtime.trading.history import write_history


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return open_database(f"sqlite:///{tmp_path / 'leeward.db'}")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(None, [f"data.dir={tmp_path / 'data'}"])


def market(rows: int = 760) -> tuple[Candles, ...]:
    names = ("BTCUSDT", "ETHUSDT")
    return tuple(walk(rows, symbol=name, seed=5 + i) for i, name in enumerate(names))


def written(database: Database, settings: Settings, session: FakeSession) -> FakeSession:
    """Runs the session and writes it down as the program does, all of it in one commit."""
    folder = settings.data.dir.parent / "sessions" / session.session_id
    session.facts = {
        "history": {
            name.split()[0]: file for name, file in write_history(folder, session.known).items()
        }
    }
    session.run()
    lease = take_lease(database, ACCOUNT, "test")
    database.record(ACCOUNT, lease.epoch, [r for commit in session.commits for r in commit])
    lease.release()
    return session


def test_a_session_from_the_database_has_the_same_parity(
    database: Database, settings: Settings
) -> None:
    session = FakeSession(market(), "adaptive", spoilt=Spoilt(price=0.3, partial=0.3, fee=0.3))
    written(database, settings, session)
    read = read_sessions(database, settings)
    assert read.records == session.recorded().records
    found, expected = check_parity(read), check_parity(session.recorded())
    assert found.as_json() == expected.as_json()
    assert found.is_clean


def test_a_restart_with_the_same_terms_is_one_chain(database: Database, settings: Settings) -> None:
    candles = market()
    first = FakeSession(tuple(c.rows(0, 680) for c in candles), "adaptive", session_id="s1")
    written(database, settings, first)
    commits = tuple(first.commits)
    second = FakeSession(candles, "adaptive", history=680, session_id="s2", before=commits)
    written(database, settings, second)
    chain = read_sessions(database, settings, "s2")
    assert [each.session_id for each in chain.sessions] == ["s1", "s2"]
    assert check_parity(chain).decisions.steps == 160
    alone = read_sessions(database, settings, "s1")
    assert [each.session_id for each in alone.sessions] == ["s1"]
    assert "s2" not in {r.session_id for r in alone.records if isinstance(r, SessionStarted)}


def test_a_restart_with_other_parameters_is_a_session_of_its_own(
    database: Database, settings: Settings
) -> None:
    candles = market()
    first = FakeSession(tuple(c.rows(0, 680) for c in candles), "adaptive", session_id="s1")
    written(database, settings, first)
    second = FakeSession(
        candles, "adaptive", {"band": 1.5}, history=680, session_id="s2",
        before=tuple(first.commits),
    )  # fmt: skip
    written(database, settings, second)
    read = read_sessions(database, settings)
    assert [each.session_id for each in read.sessions] == ["s2"]
    assert check_parity(read).decisions.unexplained == ()


def test_a_symbol_is_looked_for_in_the_newest_session_that_trades_it(database: Database) -> None:
    begun = replace(session_started(1, "both"), symbols=("BTCUSDT", "ETHUSDT"))
    other = replace(begun, account="live:binance:main", session_id="one", symbols=("BTCUSDT",))
    for record in (begun, replace(other, at_ms=begun.at_ms + 1)):
        lease = take_lease(database, record.account, "test")
        database.record(record.account, lease.epoch, [replace(record, epoch=lease.epoch)])
        lease.release()
    found = [newest_of(database, name) for name in ("BTCUSDT", "ETHUSDT", "SOLUSDT")]
    assert found == ["one", "both", None]


def test_an_unknown_session_is_answered_with_the_nearest(
    database: Database, settings: Settings
) -> None:
    written(database, settings, FakeSession(market(620), session_id="s1"))
    with pytest.raises(BadUsage, match="unknown session 's12'; did you mean 's1'"):
        read_sessions(database, settings, "s12")


def test_an_empty_database_says_what_makes_a_session(
    database: Database, settings: Settings
) -> None:
    with pytest.raises(BadUsage, match="leeward paper"):
        read_sessions(database, settings)


def test_candles_that_were_changed_are_refused(database: Database, settings: Settings) -> None:
    written(database, settings, FakeSession(market(620)))
    file = settings.data.dir.parent / "sessions" / "s1" / "BTCUSDT-1h.npz"
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(Failed, match=r"BTCUSDT-1h\.npz is not what the session wrote"):
        read_sessions(database, settings)
