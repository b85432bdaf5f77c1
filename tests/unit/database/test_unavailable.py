"""What the database says when it cannot serve: nothing is written, the process goes on."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.databases import PostgresServer, eventually
from tests.histories import ACCOUNT, deposit, entry, executed, marked

from leeward.database.engine import Database, connect_database, open_database
from leeward.database.errors import DatabaseCorrupt, DatabaseDown
from leeward.database.lease import take_lease
from leeward.domain.errors import BadConfig, Failed
from leeward.engine.records import Record

STEP: list[Record] = [marked(1), executed(1), entry(1)]


def test_a_locked_database_is_down_after_its_deadline(tmp_path: Path) -> None:
    database = opened(tmp_path)
    other = sqlite3.connect(tmp_path / "leeward.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    for attempt in attempts(database):
        with pytest.raises(DatabaseDown, match=r"leeward\.db does not serve: database is locked"):
            attempt()
    other.execute("COMMIT")
    database.record(ACCOUNT, 1, STEP)
    other.close()


def test_a_row_that_is_held_too_long_is_down_on_postgresql(postgres_url: str) -> None:
    patient, hasty = open_database(postgres_url), connect_database(postgres_url, timeout_s=1.0)
    take_lease(patient, ACCOUNT, "here:1").release()
    with patient.writing() as held:
        held.execute(text("SELECT 1 FROM accounts FOR UPDATE"))
        with pytest.raises(DatabaseDown, match="timeout"):
            hasty.record(ACCOUNT, 1, STEP)
    eventually(lambda: hasty.record(ACCOUNT, 1, STEP), DatabaseDown)
    hasty.close()
    patient.close()


def test_a_statement_that_takes_too_long_is_down_on_postgresql(postgres_url: str) -> None:
    database = connect_database(postgres_url, timeout_s=2.0)
    with pytest.raises(DatabaseDown, match="statement timeout"), database.writing() as connection:
        connection.execute(text("SELECT pg_sleep(30)"))
    database.close()


def test_a_full_disk_writes_nothing_and_the_next_batch_is_written(tmp_path: Path) -> None:
    database = opened(tmp_path)
    before = database.history(ACCOUNT)
    with database.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    many: list[Record] = [executed(candle) for candle in range(2000)]
    with pytest.raises(DatabaseDown, match="full"):
        database.record(ACCOUNT, 1, [*STEP, *many])
    assert database.history(ACCOUNT) == before
    with database.reading() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    database.record(ACCOUNT, 1, [*STEP, *many])
    database.close()


def test_a_killed_server_is_down_and_serves_again_once_it_is_back(
    mortal_postgres: PostgresServer,
) -> None:
    server = mortal_postgres
    url = server.new_database()
    database = open_database(url)
    take_lease(database, ACCOUNT, "here:1").release()
    database.record(ACCOUNT, 1, [deposit()])
    server.kill()
    for attempt in attempts(database):
        with pytest.raises(DatabaseDown):
            attempt()
    with pytest.raises(DatabaseDown):
        open_database(url)
    server.start()
    database.record(ACCOUNT, 1, STEP)
    assert database.load(ACCOUNT) == [deposit(), STEP[0], STEP[2]]
    database.close()


def test_a_damaged_file_names_the_ways_out(tmp_path: Path) -> None:
    database = opened(tmp_path)
    database.record(ACCOUNT, 1, [executed(candle) for candle in range(500)])
    database.close()
    file = tmp_path / "leeward.db"
    content = bytearray(file.read_bytes())
    for page in range(8, len(content) // 4096, 3):
        content[page * 4096 : page * 4096 + 64] = bytes(range(64))
    file.write_bytes(content)
    with pytest.raises(DatabaseCorrupt, match="is damaged") as refused:
        open_database(f"sqlite:///{file}")
    assert "leeward db restore FILE --yes" in str(refused.value)
    assert "rebuilt from the venue" in str(refused.value)


def test_a_file_that_is_no_database_is_damaged(tmp_path: Path) -> None:
    file = tmp_path / "leeward.db"
    file.write_text("this is a letter to my aunt\n" * 100)
    with pytest.raises(DatabaseCorrupt, match="not a database"):
        open_database(f"sqlite:///{file}")


def test_a_reader_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="there is no database"):
        open_database(f"sqlite:///{tmp_path / 'leeward.db'}", create=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("mysql://user:hush@host/db", "neither sqlite nor postgresql"),
        ("postgresql://user:hush@host", "name of the database is missing"),
        ("postgresql://user:hush@host:port/db", "not a database URL"),
        ("hush", "not a database URL"),
    ],
)
def test_a_url_that_is_none_is_refused_without_repeating_it(url: str, words: str) -> None:
    with pytest.raises(BadConfig, match=words) as refused:
        open_database(url)
    assert "hush" not in str(refused.value)


def test_no_message_holds_the_password() -> None:
    url = "postgresql://trader:hush@127.0.0.1:1/leeward?sslpassword=hush"
    with pytest.raises(
        DatabaseDown, match=r"postgresql://trader:\*\*\*@127.0.0.1:1/leeward does"
    ) as e:
        open_database(url)
    assert "hush" not in str(e.value)


def opened(folder: Path) -> Database:
    """A SQLite database whose account was taken, with a short deadline."""
    database = open_database(f"sqlite:///{folder / 'leeward.db'}", timeout_s=0.2)
    take_lease(database, ACCOUNT, "here:1").release()
    return database


def attempts(database: Database) -> list[Callable[[], object]]:
    return [
        lambda: database.record(ACCOUNT, 1, STEP),
        lambda: database.load(ACCOUNT),
        lambda: database.beat(ACCOUNT, 1, 5, {}),
        lambda: database.pending_commands(ACCOUNT),
        lambda: take_lease(database, ACCOUNT, "here:1"),
    ]
