"""The configured database, for those who read at length."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from tests.histories import deposit, session_started

from leeward.database import loading, reading
from leeward.database.engine import open_database
from leeward.database.errors import DatabaseDown
from leeward.database.lease import take_lease
from leeward.runtime.database import open_configured, opened_to_read
from leeward.runtime.settings import load_settings

#: From this version on the writer does not wait for readers.
_HAS_WAL = (3, 51, 3)
ACCOUNT = "paper:binance:main"


def test_books_that_are_read_hold_up_no_commit_once_the_rows_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'leeward.db'}"
    writer = open_database(url, timeout_s=0.1)
    lease = take_lease(writer, ACCOUNT, "here:1")
    writer.record(ACCOUNT, lease.epoch, [session_started(lease.epoch), deposit()])
    reader, made = open_database(url, create=False, examine=False), loading.Fetched.numbered

    def numbered(rows: loading.Fetched) -> list[loading.Numbered]:
        writer.record(ACCOUNT, lease.epoch, [deposit("meanwhile")])
        return made(rows)

    monkeypatch.setattr(loading.Fetched, "numbered", numbered)
    assert len(reader.load(ACCOUNT)) == 2
    monkeypatch.undo()
    assert len(reader.load(ACCOUNT)) == 3
    for each in (reader, writer):
        each.close()
    lease.release()


def test_a_long_reader_holds_up_no_session(tmp_path: Path) -> None:
    settings = load_settings(None, [f"data.dir={tmp_path / 'data'}"])
    writer = open_database(f"sqlite:///{tmp_path / 'leeward.db'}", timeout_s=0.1)
    lease = take_lease(writer, ACCOUNT, "here:1")
    writer.record(ACCOUNT, lease.epoch, [session_started(lease.epoch), deposit()])
    with opened_to_read(settings) as database, database.reading() as connection:
        assert [each.account for each in reading.accounts(connection)] == [ACCOUNT]
        writer.record(ACCOUNT, lease.epoch, [deposit("second")])
        assert len(reading.events(connection, ACCOUNT)) == 2
    if sqlite3.sqlite_version_info < _HAS_WAL:  # that is what the copy is for
        plain = open_configured(settings, create=False, examine=False)
        with plain.reading() as connection:
            assert len(reading.events(connection, ACCOUNT)) == 3
            with pytest.raises(DatabaseDown):
                writer.record(ACCOUNT, lease.epoch, [deposit("third")])
        plain.close()
    lease.release()
    writer.close()
