from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.databases import PostgresServer, eventually
from tests.histories import ACCOUNT, deposit

from leeward.database import reading
from leeward.database.engine import Database, open_database
from leeward.database.errors import DatabaseDown, LeaseLost
from leeward.database.lease import LockHold, lock_of, take_lease
from leeward.domain.errors import Refused

ROOT = Path(__file__).parents[3]


def test_each_lease_is_of_a_new_epoch(database: Database) -> None:
    epochs = []
    for number in range(3):
        lease = take_lease(database, ACCOUNT, f"here:{number}")
        lease.check()
        epochs.append(lease.epoch)
        lease.release()
    assert epochs == [1, 2, 3]


def test_a_second_process_is_refused_and_told_who_trades(database: Database) -> None:
    with other_process(database) as (_, epoch):
        with pytest.raises(Refused, match=rf"{ACCOUNT}: already traded by victim:\d+") as refused:
            take_lease(database, ACCOUNT, "here:1")
        assert refused.value.exit_code == 3
        assert account_of(database).epoch == epoch


def test_a_start_is_not_refused_for_somebody_who_only_looked(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks whether an account is traded has its lock for a moment."""
    monkeypatch.setattr("leeward.database.lease._LOOKED_AT_S", 60.0)
    look = lock_of(database, ACCOUNT)
    assert look.hold()
    gone = threading.Timer(0.05, look.drop)
    gone.start()
    lease = take_lease(database, ACCOUNT, "here:1")
    gone.join()
    lease.check()
    lease.release()


def test_a_server_soon_hears_that_the_machine_of_a_holder_is_gone(
    postgres_url: str,
) -> None:
    """Else its lock would outlive a power cut by the two hours that are the system's default."""
    asked = text("SELECT source FROM pg_settings WHERE name LIKE 'tcp_keepalives_%'")
    with closing(open_database(postgres_url)) as database, database.reading() as connection:
        assert connection.execute(asked).scalars().all() == ["session"] * 3


def test_the_lease_of_a_killed_process_is_free_and_its_epoch_is_not_used_again(
    database: Database,
) -> None:
    with other_process(database) as (process, epoch):
        process.kill()
        process.wait()
        # PostgreSQL needs a moment to see that the connection is gone.
        lease = eventually(lambda: take_lease(database, ACCOUNT, "here:1"))
    assert lease.epoch == epoch + 1
    lease.release()


def test_two_accounts_are_traded_beside_each_other(database: Database) -> None:
    one = take_lease(database, ACCOUNT, "here:1")
    two = take_lease(database, "live:binance:main", "here:1")
    one.check()
    two.check()
    one.release()
    two.release()


def test_a_released_lease_names_no_holder(database: Database) -> None:
    lease = take_lease(database, ACCOUNT, "here:1")
    assert account_of(database).holder == "here:1"
    lease.release()
    assert account_of(database).holder is None


def test_a_lease_that_another_epoch_overtook_is_lost(database: Database) -> None:
    lease = take_lease(database, ACCOUNT, "here:1")
    with database.writing() as connection:
        connection.execute(text("UPDATE accounts SET epoch = 2, holder = 'there:9'"))
    with pytest.raises(LeaseLost, match="there:9"):
        lease.check()
    with pytest.raises(LeaseLost, match="there:9"):
        database.record(ACCOUNT, lease.epoch, [deposit()])
    with pytest.raises(LeaseLost):
        database.beat(ACCOUNT, lease.epoch, 5, {})
    lease.release()
    assert account_of(database).holder == "there:9"


def test_a_heartbeat_is_kept_with_what_the_process_says(database: Database) -> None:
    lease = take_lease(database, ACCOUNT, "here:1")
    database.beat(ACCOUNT, lease.epoch, 1234, {"unprotected_s": 0.5})
    account = account_of(database)
    assert (account.heartbeat_ms, account.facts) == (1234, {"unprotected_s": 0.5})
    lease.release()


def test_a_lease_outlives_a_restart_of_postgresql_where_nobody_took_the_account(
    mortal_postgres: PostgresServer,
) -> None:
    server = mortal_postgres
    database = open_database(server.new_database())
    lease = take_lease(database, ACCOUNT, "here:1")
    server.kill()
    with pytest.raises(DatabaseDown):
        lease.check()
    server.start()
    lease.check()
    database.record(ACCOUNT, lease.epoch, [deposit()])
    with pytest.raises(Refused):
        take_lease(database, ACCOUNT, "here:2")
    lease.release()
    database.close()


def test_a_lease_whose_broken_connection_the_server_still_holds_for_alive_is_not_lost(
    postgres_url: str,
) -> None:
    """After a cut of the network the server keeps the old lock until its keepalives are over; and
    whoever asks whether an account is traded has a free one for a moment."""
    with closing(open_database(postgres_url)) as database:
        lease = take_lease(database, ACCOUNT, "here:1")
        held = lease._lock
        assert isinstance(held, LockHold)
        assert held._connection is not None
        ours = held._connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with database.reading() as connection:
            connection.execute(text(f"SELECT pg_terminate_backend({ours})"))
        another = lock_of(database, ACCOUNT)
        assert another.hold(60.0)
        with pytest.raises(DatabaseDown, match="nobody took the account"):
            lease.check()
        another.drop()
        eventually(lease.check, DatabaseDown)
        database.beat(ACCOUNT, lease.epoch, 5, {})
        lease.release()


def test_a_lease_is_lost_where_another_took_the_account_during_a_restart(
    mortal_postgres: PostgresServer,
) -> None:
    server = mortal_postgres
    database = open_database(server.new_database())
    lease = take_lease(database, ACCOUNT, "here:1")
    server.kill()
    server.start()
    other = take_lease(database, ACCOUNT, "there:2")
    with pytest.raises(LeaseLost, match="there:2"):
        lease.check()
    other.release()
    database.close()


def account_of(database: Database) -> reading.Account:
    with database.reading() as connection:
        return reading.accounts(connection)[0]


@contextmanager
def other_process(database: Database) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Another process that holds the lease of ACCOUNT, and its epoch."""
    url = database.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.database_victim", "hold_lease", url, ACCOUNT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()
