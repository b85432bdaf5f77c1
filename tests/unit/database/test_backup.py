from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.histories import ACCOUNT, deposit, executed, life_of_an_account

from leeward.database import backup, reading
from leeward.database.audit import audit
from leeward.database.backup import EPOCHS_SKIPPED, back_up, check_place, restore
from leeward.database.engine import Database, connect_database, open_database
from leeward.database.lease import take_lease
from leeward.database.tables import metadata
from leeward.domain.errors import BadUsage, CannotWrite, Failed, Refused


@pytest.mark.parametrize("name", ["copy.db", "copy.jsonl"])
def test_a_restored_database_is_the_one_that_was_backed_up(
    lived: Database, tmp_path: Path, name: str
) -> None:
    before = content(lived)
    copied = back_up(lived, tmp_path / name)
    lived.record(ACCOUNT, 1, [deposit("later", "5")])
    restore(lived, copied.file, overwrite=True)
    assert content(lived) == before
    assert all(finding.is_ok for finding in audit(lived))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_dump_goes_into_either_database(
    lived: Database, tmp_path: Path, kind: str, postgres_url: str
) -> None:
    copied = back_up(lived, tmp_path / "copy.jsonl")
    url = postgres_url if kind == "postgresql" else f"sqlite:///{tmp_path / 'other.db'}"
    other = connect_database(url)
    restore(other, copied.file, overwrite=False)
    assert content(other) == content(lived)
    assert all(finding.is_ok for finding in audit(other))
    assert other.send_command(ACCOUNT, "halt", "", "operator", 5) == 2  # not an id given before
    other.close()


def test_epochs_of_after_the_backup_are_not_given_out_again(
    lived: Database, tmp_path: Path
) -> None:
    copied = back_up(lived, tmp_path / "copy.jsonl")
    for _ in range(3):
        take_lease(lived, ACCOUNT, "here:2").release()
    restore(lived, copied.file, overwrite=True)
    lease = take_lease(lived, ACCOUNT, "here:3")
    assert lease.epoch == 1 + EPOCHS_SKIPPED + 1
    lease.release()


def test_a_database_with_accounts_is_replaced_only_if_that_is_said(
    lived: Database, tmp_path: Path
) -> None:
    copied = back_up(lived, tmp_path / "copy.jsonl")
    before = content(lived)
    with pytest.raises(Refused, match="say --yes") as refused:
        restore(lived, copied.file, overwrite=False)
    assert refused.value.exit_code == 3
    assert content(lived) == before


def test_a_database_that_is_traded_on_is_not_replaced(lived: Database, tmp_path: Path) -> None:
    copied = back_up(lived, tmp_path / "copy.jsonl")
    lease = take_lease(lived, ACCOUNT, "here:1")
    with pytest.raises(Refused, match="traded at this moment"):
        restore(lived, copied.file, overwrite=True)
    lease.check()
    lease.release()


def test_a_backup_that_was_changed_or_cut_is_refused(lived: Database, tmp_path: Path) -> None:
    copied = back_up(lived, tmp_path / "copy.jsonl")
    copied.file.write_bytes(copied.file.read_bytes()[:-100])
    with pytest.raises(Failed, match="changed or is not whole"):
        restore(lived, copied.file, overwrite=True)
    (tmp_path / "copy.jsonl.sha256").unlink()
    with pytest.raises(Failed, match=r"copy\.jsonl\.sha256 cannot be read"):
        restore(lived, copied.file, overwrite=True)
    with pytest.raises(Failed, match="cannot be read"):
        restore(lived, tmp_path / "nothing.db", overwrite=True)


def test_a_dump_of_another_version_is_refused(lived: Database, tmp_path: Path) -> None:
    file = tmp_path / "copy.jsonl"
    back_up(lived, file)
    head, rest = file.read_text().split("\n", 1)
    file.write_text(json.dumps({**json.loads(head), "version": "0007"}) + "\n" + rest)
    trust(file)
    with pytest.raises(Failed, match="its tables are of version 0007"):
        restore(lived, file, overwrite=True)
    file.write_text("dear diary\n")
    trust(file)
    with pytest.raises(Failed, match="neither a SQLite database nor a dump"):
        restore(lived, file, overwrite=True)
    assert content(lived)["events"]


def test_a_damaged_sqlite_file_is_replaced_and_kept_aside(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'leeward.db'}")
    live_through(database)
    before = content(database)
    copied = back_up(database, tmp_path / "copy.db")
    database.close()
    (tmp_path / "leeward.db").write_text("scratched")
    damaged = connect_database(f"sqlite:///{tmp_path / 'leeward.db'}")
    with pytest.raises(Refused, match="say --yes"):
        restore(damaged, copied.file, overwrite=False)
    restore(damaged, copied.file, overwrite=True)
    assert content(damaged) == before
    assert (tmp_path / "leeward.db.replaced").read_text() == "scratched"
    assert not list(tmp_path.glob("*restoring*"))
    damaged.close()


@pytest.mark.parametrize("attempts", [20, 0], ids=["in parts", "in one go"])
def test_a_copy_made_while_others_write_is_consistent(
    attempts: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "_ATTEMPTS", attempts)
    database = open_database(f"sqlite:///{tmp_path / 'leeward.db'}")
    live_through(database)
    enough = threading.Event()

    def go_on() -> None:
        number = 0
        while not enough.is_set():
            number += 1
            database.record(ACCOUNT, 1, [deposit(f"d/{number}", "1"), executed(1000 + number)])

    writer = threading.Thread(target=go_on)
    writer.start()
    try:
        copied = back_up(database, tmp_path / "copy.db")
    finally:
        enough.set()
        writer.join()
    copy = connect_database(f"sqlite:///{copied.file}")
    assert all(finding.is_ok for finding in audit(copy))
    copy.close()
    database.close()


def test_a_sqlite_file_does_not_go_into_postgresql(tmp_path: Path, postgres_url: str) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'leeward.db'}")
    copied = back_up(database, tmp_path / "copy.db")
    database.close()
    other = connect_database(postgres_url)
    with pytest.raises(Failed, match=r"leeward db backup FILE\.jsonl"):
        restore(other, copied.file, overwrite=False)
    other.close()


def test_a_place_that_cannot_be_written_is_named(lived: Database, tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match=r"nowhere/copy\.jsonl"):
        back_up(lived, tmp_path / "nowhere" / "copy.jsonl")


@pytest.mark.parametrize("name", ["copy.db", "copy.jsonl"])
def test_only_an_older_backup_may_be_replaced(lived: Database, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    check_place(lived, file)
    check_place(lived, back_up(lived, file).file)
    (tmp_path / f"{name}.sha256").unlink()
    for place in (file, tmp_path):
        with pytest.raises(BadUsage, match="exists already and is no backup") as refused:
            check_place(lived, place)
        assert refused.value.exit_code == 2


@pytest.mark.parametrize("name", ["copy.db", "copy.jsonl"])
def test_a_backup_with_accounts_is_not_replaced_by_one_without(
    lived: Database, tmp_path: Path, name: str
) -> None:
    file = back_up(lived, tmp_path / name).file
    empty = open_database(f"sqlite:///{tmp_path / 'wrong.db'}")
    with pytest.raises(Refused, match=r"holds accounts and .* holds none.*name another") as refused:
        check_place(empty, file)
    assert refused.value.exit_code == 3
    of_nobody = back_up(empty, tmp_path / f"empty-{name}").file
    check_place(empty, of_nobody)
    check_place(lived, of_nobody)
    empty.close()


def test_a_database_is_no_place_for_its_own_backup(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'leeward.db'}")
    (tmp_path / "leeward.db.sha256").touch()
    (tmp_path / "other.db").symlink_to("leeward.db")
    (tmp_path / "other.db.sha256").touch()
    for name in ("leeward.db", "other.db"):
        with pytest.raises(BadUsage, match="exists already and is the database itself"):
            check_place(database, tmp_path / name)
    database.close()


def test_an_older_sqlite_backup_is_brought_up_to_date(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'leeward.db'}")
    live_through(database)
    copied = back_up(database, tmp_path / "copy.db")
    later = (
        "models", "performance_metrics", "account_history", "strategy_executions",
        "challengers", "shadow_forecasts",
    )  # fmt: skip
    with sqlite3.connect(copied.file) as older:
        older.executescript("".join(f"DROP TABLE {table};" for table in later))
        older.execute("UPDATE alembic_version SET version_num = '0001'")
    older.close()
    trust(copied.file)
    restore(database, copied.file, overwrite=True)
    with database.reading() as connection:
        assert reading.equity(connection, ACCOUNT) == []
        assert len(reading.trades(connection, ACCOUNT)) == 2
    database.close()


def content(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, but for what a restore changes of accounts."""
    changed = {"epoch", "holder", "heartbeat_ms", "facts"}
    with database.reading() as connection:
        return {
            table.name: sorted(
                (
                    tuple(row)
                    for row in connection.execute(
                        select(*(column for column in table.c if column.name not in changed))
                    )
                ),
                key=repr,
            )
            for table in metadata.sorted_tables
        }


def trust(file: Path) -> None:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    file.with_name(f"{file.name}.sha256").write_text(f"{digest}  {file.name}\n")


def live_through(database: Database) -> None:
    take_lease(database, ACCOUNT, "here:1").release()
    for batch in life_of_an_account():
        database.record(ACCOUNT, 1, batch)
    database.send_command(ACCOUNT, "halt", "", "operator", 5)
    database.measure("s", 5, {"lag_ms": 0.1})


@pytest.fixture
def lived(database: Database) -> Database:
    live_through(database)
    return database
