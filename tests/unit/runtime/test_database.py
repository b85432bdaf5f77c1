"""The configured database, for those who read at length."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from tests.histories import deposit, session_started

from leeward.database import reading
from leeward.database.engine import open_database
from leeward.database.errors import DatabaseDown
from leeward.database.lease import take_lease
from leeward.runtime.database import open_configured, opened_to_read
from leeward.runtime.settings import load_settings

#: From this version on the writer does not wait for readers.
_HAS_WAL = (3, 51, 3)
ACCOUNT = "paper:binance:main"


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
