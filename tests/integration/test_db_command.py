from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from leeward.database.engine import open_database
from leeward.database.lease import take_lease
from tests.histories import ACCOUNT, life_of_an_account
from tests.integration.conftest import Run, Shown

Asked = Callable[..., Shown]


@pytest.fixture
def db(leeward: Run, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Runs `leeward db` on the database at a URL."""

    def run(url: str, *arguments: str) -> Shown:
        monkeypatch.setenv("LEEWARD_DATABASE__URL", url)
        return leeward("db", *arguments)

    return run


def test_a_database_is_made_checked_copied_and_put_back(
    db: Asked, database_url: str, tmp_path: Path
) -> None:
    made = told(db, database_url, "upgrade")
    assert made["revisions"] == ["0001", "0002", "0003"]
    assert told(db, database_url, "upgrade")["revisions"] == []
    fill(database_url)
    checked = told(db, database_url, "check")
    assert checked["ok"] is True
    file = str(tmp_path / "copy.jsonl")
    copied = told(db, database_url, "backup", file)
    assert copied["rows"] > 40
    assert told(db, database_url, "backup", file)["rows"] == copied["rows"]
    (tmp_path / "notes").write_text("my own")
    taken = db(database_url, "backup", str(tmp_path / "notes"))
    assert (taken.code, "is no backup" in taken.err) == (2, True)
    assert (tmp_path / "notes").read_text() == "my own"
    refused = db(database_url, "restore", file)
    assert refused.code == 3
    assert "say --yes" in refused.err
    assert told(db, database_url, "restore", file, "--yes")["restored"] is True
    again = db(database_url, "check")
    assert again.code == 0
    assert f"{ACCOUNT} trades: 2 looked at, all well" in again.out


def test_what_is_wrong_ends_with_exit_code_1(db: Asked, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'leeward.db'}"
    missing = db(url, "check")
    assert (missing.code, missing.out) == (1, "")
    assert "there is no database at" in missing.err
    (tmp_path / "leeward.db").write_text("not a database at all")
    damaged = db(url, "check")
    assert damaged.code == 1
    assert "leeward db restore FILE --yes" in damaged.out
    down = db("postgresql://trader:hush@127.0.0.1:1/leeward", "check")
    assert down.code == 1
    assert "does not serve" in down.err
    for ended in (missing, damaged, down):
        assert "hush" not in ended.err
        assert "Traceback" not in ended.err


def test_an_outdated_sqlite_file_is_copied_before_it_is_changed(db: Asked, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'leeward.db'}"
    fill(url)
    database = open_database(url)
    with database.writing() as connection:
        for table in (
            "models", "performance_metrics", "account_history", "strategy_executions",
            "challengers", "shadow_forecasts",
        ):  # fmt: skip
            connection.exec_driver_sql(f"DROP TABLE {table}")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    database.close()
    outdated = db(url, "check")
    assert outdated.code == 1
    assert "run `leeward db upgrade`" in outdated.out
    lease = take_lease(database, ACCOUNT, "here:1")
    traded = db(url, "upgrade")
    assert traded.code == 3
    assert "traded at this moment" in traded.err
    lease.release()
    done = told(db, url, "upgrade")
    assert done["revisions"] == ["0002", "0003"]
    assert Path(done["backup"]).is_file()


def fill(url: str) -> None:
    database = open_database(url)
    take_lease(database, ACCOUNT, "here:1").release()
    for batch in life_of_an_account():
        database.record(ACCOUNT, 1, batch)
    database.close()


def told(db: Asked, url: str, *arguments: str) -> dict[str, Any]:
    ended = db(url, *arguments, "--json")
    assert ended.code == 0, ended.err
    result: dict[str, Any] = json.loads(ended.out)
    return result
