"""One process trades an account: a lock that dies with it, and a number that is never used again.

The lock keeps a second process out; the epoch, checked in every transaction, keeps out one that
does not know yet that it lost the lock.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import Connection, func, insert, select, update

from leeward.database.chain import CHAIN_START
from leeward.database.connecting import answering, connect
from leeward.database.engine import TIMEOUT_S, Database
from leeward.database.errors import DatabaseDown, LeaseLost
from leeward.database.tables import accounts
from leeward.domain.errors import CannotWrite, Refused

#: Whoever asks whether an account is traded has its lock for a moment: no reason not to start.
_LOOKED_AT_S = 2.0
_PAUSE_S = 0.05


def take_lease(database: Database, account: str, holder: str) -> Lease:
    """Returns the right to trade `account`, under a new epoch that is committed.

    `holder` says who we are, as in "host:pid". Raises Refused, naming the holder, where another
    process has it; DatabaseDown.
    """
    lock = lock_of(database, account)
    if not lock.hold(_LOOKED_AT_S):
        other = _row(database, account)
        raise Refused(
            f"{account}: already traded by {other[1] if other and other[1] else 'another process'}"
            f" on {database.name}; one process trades an account: stop that one first, or give "
            "this one another trading.account"
        )
    try:
        return Lease(database, account, holder, _begin_epoch(database, account, holder), lock)
    except BaseException:
        lock.drop()
        raise


class Lease:
    """The right to trade an account, until `release`, the end of the process, or its loss."""

    def __init__(
        self, database: Database, account: str, holder: str, epoch: int, lock: FileHold | LockHold
    ) -> None:
        self.account = account
        self.holder = holder
        self.epoch = epoch
        self._database = database
        self._lock = lock

    def check(self) -> None:
        """Returns where the account is still ours alone.

        A connection to PostgreSQL that broke is made again: the lease goes on under its epoch
        where nobody took the account meanwhile. Raises LeaseLost where somebody did, DatabaseDown
        where the database does not say, or does not know yet that our connection broke.
        """
        held = self._lock.hold()
        row = _row(self._database, self.account)
        if row is None or row[0] != self.epoch:
            by = row[1] if row and row[1] else "another process"
            raise LeaseLost(
                f"{self.account}: traded by {by} by now, no longer by epoch {self.epoch}; this "
                "process has to stop"
            )
        if not held:  # whoever has the lock to trade takes a new epoch with it
            raise DatabaseDown(
                f"{self.account}: {self._database.name} keeps its lock for another connection, and "
                "nobody took the account: it may not know yet that ours broke"
            )

    def release(self) -> None:
        """Gives the account back. Where the database is down it still names us, which is harmless:
        what counts is the lock."""
        ours = update(accounts).where(
            accounts.c.account == self.account, accounts.c.epoch == self.epoch
        )
        try:
            with self._database.writing() as connection:
                connection.execute(ours.values(holder=None))
        except DatabaseDown:
            pass  # said in the docstring
        finally:
            self._lock.drop()


def _begin_epoch(database: Database, account: str, holder: str) -> int:
    with database.writing() as connection:
        this = accounts.c.account == account
        old = connection.execute(select(accounts.c.epoch).where(this).with_for_update()).scalar()
        if old is None:
            fresh = {"account": account, "events": 0, "chain_head": CHAIN_START}
            connection.execute(insert(accounts).values(epoch=1, holder=holder, **fresh))
            return 1
        connection.execute(update(accounts).where(this).values(epoch=old + 1, holder=holder))
        return int(old) + 1


def _row(database: Database, account: str) -> tuple[int, str | None] | None:
    with database.reading() as connection:
        row = connection.execute(
            select(accounts.c.epoch, accounts.c.holder).where(accounts.c.account == account)
        ).one_or_none()
    return None if row is None else (row.epoch, row.holder)


def lock_of(database: Database, account: str) -> FileHold | LockHold:
    """Returns the lock of an account, not held yet."""
    if database.file is None:
        return LockHold(database, account)
    return FileHold(lock_file(database.file, account))


def lock_file(file: Path, account: str) -> Path:
    """Returns the file beside the SQLite file whose lock is the lease of the account."""
    real = file.resolve()  # the same file by another path is the same account
    return real.with_name(f"{real.name}.{account.replace(':', '~')}.lock")


def locks_beside(file: Path) -> list[Path]:
    """Returns the lock files of all accounts that were ever traded on a SQLite file."""
    real = file.resolve()
    return sorted(real.parent.glob(f"{real.name}.*.lock"))


class FileHold:
    """The operating system's lock on a file: gone with the process, however it ends."""

    def __init__(self, path: Path) -> None:
        self._lock = FileLock(path, thread_local=False)

    def hold(self, patience_s: float = 0.0) -> bool:
        """Returns whether we have the lock, after trying to get it where we had not."""
        if self._lock.is_locked:
            return True
        try:
            self._lock.acquire(timeout=patience_s, poll_interval=_PAUSE_S)
        except Timeout:
            return False
        except OSError as error:
            raise CannotWrite(
                f"lease {self._lock.lock_file}: cannot be locked: {error.strerror}"
            ) from None
        return True

    def drop(self) -> None:
        self._lock.release()


class LockHold:
    """A session's advisory lock of PostgreSQL, on a connection of its own: gone with either."""

    def __init__(self, database: Database, account: str) -> None:
        digest = hashlib.sha256(f"leeward lease {account}".encode()).digest()
        self._key = int.from_bytes(digest[:8], "big", signed=True)
        self._url = database.url
        self._engine = connect(database.url, TIMEOUT_S, pooled=False)
        self._connection: Connection | None = None

    def hold(self, patience_s: float = 0.0) -> bool:
        """Returns whether we have the lock, after trying to get it where we had not, or where the
        connection broke that held it. Raises DatabaseDown where there is no connection to have."""
        if self._connection is not None:
            try:
                with answering(self._url):
                    self._connection.exec_driver_sql("SELECT 1")
            except DatabaseDown:
                self.drop()
            else:
                return True
        with answering(self._url):
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            try:
                ours = self._gain(connection, patience_s)
            except BaseException:
                connection.close()
                raise
        if ours:
            self._connection = connection
        else:
            connection.close()
        return ours

    def _gain(self, connection: Connection, patience_s: float) -> bool:
        wanted = select(func.pg_try_advisory_lock(self._key))
        for _ in range(round(patience_s / _PAUSE_S)):
            if connection.execute(wanted).scalar_one():
                return True
            connection.execute(select(func.pg_sleep(_PAUSE_S)))
        return bool(connection.execute(wanted).scalar_one())

    def drop(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
