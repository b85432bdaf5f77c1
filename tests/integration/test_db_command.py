from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from leeward.database.engine import open_database
from leeward.database.lease import take_lease
from tests.histories import ACCOUNT, life_of_an_account


def test_a_database_is_made_checked_copied_and_put_back(database_url: str, tmp_path: Path) -> None:
    made = leeward_json(database_url, "upgrade")
    assert made["revisions"] == ["0001", "0002", "0003"]
    assert leeward_json(database_url, "upgrade")["revisions"] == []
    fill(database_url)
    checked = leeward_json(database_url, "check")
    assert checked["ok"] is True
    file = str(tmp_path / "copy.jsonl")
    copied = leeward_json(database_url, "backup", file)
    assert copied["rows"] > 40
    assert leeward_json(database_url, "backup", file)["rows"] == copied["rows"]
    (tmp_path / "notes").write_text("my own")
    taken = leeward(database_url, "backup", str(tmp_path / "notes"))
    assert (taken.returncode, "is no backup" in taken.stderr) == (2, True)
    assert (tmp_path / "notes").read_text() == "my own"
    refused = leeward(database_url, "restore", file)
    assert refused.returncode == 3
    assert "say --yes" in refused.stderr
    assert leeward_json(database_url, "restore", file, "--yes")["restored"] is True
    again = leeward(database_url, "check")
    assert again.returncode == 0
    assert f"{ACCOUNT} trades: 2 looked at, all well" in again.stdout


def test_what_is_wrong_ends_with_exit_code_1(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'leeward.db'}"
    missing = leeward(url, "check")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "there is no database at" in missing.stderr
    (tmp_path / "leeward.db").write_text("not a database at all")
    damaged = leeward(url, "check")
    assert damaged.returncode == 1
    assert "leeward db restore FILE --yes" in damaged.stdout
    down = leeward("postgresql://trader:hush@127.0.0.1:1/leeward", "check")
    assert down.returncode == 1
    assert "does not serve" in down.stderr
    for ended in (missing, damaged, down):
        assert "hush" not in ended.stderr
        assert "Traceback" not in ended.stderr


def test_an_outdated_sqlite_file_is_copied_before_it_is_changed(tmp_path: Path) -> None:
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
    outdated = leeward(url, "check")
    assert outdated.returncode == 1
    assert "run `leeward db upgrade`" in outdated.stdout
    lease = take_lease(database, ACCOUNT, "here:1")
    traded = leeward(url, "upgrade")
    assert traded.returncode == 3
    assert "traded at this moment" in traded.stderr
    lease.release()
    done = leeward_json(url, "upgrade")
    assert done["revisions"] == ["0002", "0003"]
    assert Path(done["backup"]).is_file()


def fill(url: str) -> None:
    database = open_database(url)
    take_lease(database, ACCOUNT, "here:1").release()
    for batch in life_of_an_account():
        database.record(ACCOUNT, 1, batch)
    database.close()


def leeward(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("leeward"), "db", *arguments],
        env={**os.environ, "LEEWARD_DATABASE__URL": url},
        capture_output=True,
        text=True,
        check=False,
    )


def leeward_json(url: str, *arguments: str) -> dict[str, Any]:
    ended = leeward(url, *arguments, "--json")
    assert ended.returncode == 0, ended.stderr
    result: dict[str, Any] = json.loads(ended.stdout)
    return result
