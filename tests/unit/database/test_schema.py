from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text
from tests.histories import ACCOUNT, deposit

from leeward.database import schema
from leeward.database.backup import back_up
from leeward.database.engine import Database, connect_database, open_database
from leeward.database.lease import take_lease
from leeward.database.tables import metadata
from leeward.domain.errors import Failed

CAMPAIGN = int(os.environ.get("LEEWARD_CAMPAIGN", "1"))
ROOT = Path(__file__).parents[3]


def test_the_migrations_make_the_tables_that_the_code_knows(database: Database) -> None:
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert schema.version_of(connection) == schema.newest(schema.scripts()) == schema.NEWEST


def test_an_upgrade_of_the_newest_version_does_nothing(database: Database) -> None:
    assert database.upgrade() == []


# Dies within a revision; in a campaign also at the ends of the first two.
@pytest.mark.parametrize("statements", [9, 35] if CAMPAIGN == 1 else [1, 9, 30, 31, 35, 39])
def test_a_migration_that_is_killed_half_way_is_simply_run_again(
    database_url: str, statements: int
) -> None:
    command = ["-m", "tests.database_victim", "migrate", database_url, str(statements)]
    killed = subprocess.run([sys.executable, *command], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    database = connect_database(database_url)
    with database.reading() as connection:
        version = schema.version_of(connection)
        left = set(inspect(connection).get_table_names())
    assert version in {None, "0001"}  # each revision as a whole, or not at all
    assert ("accounts" in left) == (version == "0001")
    assert "models" not in left
    revisions = [each.revision for each in schema.scripts().walk_revisions()][::-1]
    assert database.upgrade() == revisions[0 if version is None else 1 :]
    take_lease(database, ACCOUNT, "here:1").release()
    database.record(ACCOUNT, 1, [deposit()])
    assert database.load(ACCOUNT) == [deposit()]
    database.close()


def test_a_killed_first_migration_is_finished_by_the_next_start(database_url: str) -> None:
    command = ["-m", "tests.database_victim", "migrate", database_url, "9"]
    subprocess.run([sys.executable, *command], cwd=ROOT, check=False)
    database = open_database(database_url)
    assert database.upgrade() == []
    database.close()


@pytest.mark.parametrize(
    ("version", "words"),
    [("0001", "run `leeward db upgrade`"), ("9999", "made by a newer Leeward")],
)
def test_tables_of_another_version_are_refused_with_the_way_out(
    database_url: str, version: str, words: str
) -> None:
    database = open_database(database_url)
    with database.writing() as connection:
        change = text("UPDATE alembic_version SET version_num = :version")
        connection.execute(change, {"version": version})
    database.close()
    with pytest.raises(Failed, match=words):
        open_database(database_url)


def test_the_tables_of_another_program_are_left_alone(database_url: str) -> None:
    database = connect_database(database_url)
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE recipes (name TEXT)"))
    with pytest.raises(Failed, match="another program"):
        open_database(database_url)
    with database.reading() as connection:
        assert inspect(connection).get_table_names() == ["recipes"]
    database.close()


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such modes")
def test_only_its_owner_may_read_a_new_database(tmp_path: Path) -> None:
    """It holds every trade; a group or a guest on the machine has no business with it."""
    before = os.umask(0o022)
    try:
        database = open_database(f"sqlite:///{tmp_path / 'leeward.db'}")
        take_lease(database, ACCOUNT, "here:1").release()
        copied = back_up(database, tmp_path / "copy.db").file
        database.close()
    finally:
        os.umask(before)
    made = {each.name: oct(each.stat().st_mode & 0o777) for each in tmp_path.glob("*.db*")}
    del made["leeward.db.paper~binance~main.lock"]  # it holds nothing
    assert {"leeward.db", copied.name} < set(made)
    assert set(made.values()) == {"0o600"}
