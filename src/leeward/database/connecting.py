"""Connections as we need them: durable, bounded in time, with errors that say what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import NullPool, Pool

from leeward.database.errors import DatabaseCorrupt, DatabaseDown
from leeward.domain.errors import BadConfig

if TYPE_CHECKING:
    import psycopg

#: The first SQLite whose write-ahead log survives a checkpoint that meets another connection's
#: reset of it (sqlite.org/wal.html#walresetbug).
_WAL_IS_SAFE = (3, 51, 3)

#: Options of a connection for a transaction that only reads, and sees one state throughout.
READS: dict[str, dict[str, Any]] = {
    "sqlite": {"leeward_reads": True},
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
}


def database_url(text: str) -> URL:
    """Returns the URL with the driver we use. Raises BadConfig, which never repeats it."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise BadConfig(f"database.url (hidden): not a database URL; {_EXAMPLES}") from None
    kind = url.drivername.partition("+")[0]
    if kind == "sqlite":
        if url.database in {None, "", ":memory:"} or url.query:
            raise BadConfig(f"database.url: SQLite needs a file and no options; {_EXAMPLES}")
        return url.set(drivername="sqlite")
    if kind in {"postgresql", "postgres"}:
        if not url.database:
            raise BadConfig(f"database.url: the name of the database is missing; {_EXAMPLES}")
        return url.set(drivername="postgresql+psycopg")
    raise BadConfig(f"database.url: '{kind}' is neither sqlite nor postgresql; {_EXAMPLES}")


_EXAMPLES = "write sqlite:////path/to/leeward.db or postgresql://user:password@host/database"


def name_of(url: URL) -> str:
    """Returns what messages call the database: never the password, nor options that may hold it."""
    if url.drivername == "sqlite":
        return f"{url.database}"
    return url.set(drivername="postgresql", password=None, query={}).render_as_string()


def connect(url: URL, timeout_s: float, *, pooled: bool = True) -> Engine:
    """Returns the engine; nothing is connected yet. No statement and no wait for a lock takes
    longer than `timeout_s`, unless the connection is told otherwise (`without_deadline`)."""
    if url.drivername == "sqlite":
        return _sqlite(url, timeout_s)
    return _postgresql(url, timeout_s, pool=None if pooled else NullPool)


def _sqlite(url: URL, timeout_s: float) -> Engine:
    engine = create_engine(url, connect_args={"timeout": timeout_s, "check_same_thread": False})
    # PERSIST is as durable as TRUNCATE and much faster where truncating a file is slow: decision 9.
    journal = "WAL" if sqlite3.sqlite_version_info >= _WAL_IS_SAFE else "PERSIST"

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # transactions begin where `begin` below says so
        connection.execute(f"PRAGMA journal_mode = {journal}")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute(f"PRAGMA journal_size_limit = {16 * 2**20}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer takes its lock at once: one that read first could find itself overtaken.
        reads = connection.get_execution_options().get("leeward_reads", False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _postgresql(url: URL, timeout_s: float, pool: type[Pool] | None) -> Engine:
    arguments = {
        "connect_timeout": max(1, round(timeout_s)),
        "application_name": "leeward",
        "tcp_user_timeout": round(timeout_s * 1000),
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
    }
    if pool is None:
        engine = create_engine(
            url,
            connect_args=arguments,
            pool_pre_ping=True,
            pool_size=4,
            max_overflow=4,
            pool_timeout=timeout_s,
        )
    else:
        engine = create_engine(url, connect_args=arguments, poolclass=pool)
    milliseconds = round(timeout_s * 1000)
    # The server asks after us as we do after it: a lock of a machine without power is soon free.
    settings = (
        "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; "
        "SET tcp_keepalives_count = 3; "
        f"SET statement_timeout = {milliseconds}; SET lock_timeout = {milliseconds}; "
        "SET synchronous_commit = on; SET timezone = 'UTC'"
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: psycopg.Connection[object], _: object) -> None:
        before, connection.autocommit = connection.autocommit, True
        connection.execute(settings)
        connection.autocommit = before

    return engine


def without_deadline(connection: Connection) -> None:
    """Lets the statements of this transaction take as long as they need: loads, checks, dumps."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")


@contextmanager
def answering(url: URL) -> Iterator[None]:
    """Turns what a database says when it cannot serve us into DatabaseDown or DatabaseCorrupt."""
    try:
        yield
    except PoolTimeout:
        raise DatabaseDown(
            f"database {name_of(url)}: all connections are in use; nothing was written"
        ) from None
    except DBAPIError as error:
        # Broken constraints, wrong statements and values: our mistakes, no state of the database.
        if isinstance(error, IntegrityError | ProgrammingError | DataError):
            raise
        raise _down(url, error) from None


def corrupt(url: URL, words: str) -> DatabaseCorrupt:
    """Returns the error for a database whose content cannot be trusted, with the ways out."""
    return DatabaseCorrupt(
        f"database {name_of(url)} is damaged: {words}; put a backup back with `leeward db restore "
        "FILE --yes`, or move the file away: a new database is then rebuilt from the venue, which "
        "knows orders, trades and balances, but not why they were made"
    )


def _down(url: URL, error: DBAPIError) -> DatabaseDown:
    words = " ".join(str(error.orig).split())
    if url.password:
        words = words.replace(str(url.password), "***")
    if "malformed" in words or "not a database" in words:
        return corrupt(url, words)
    return DatabaseDown(f"database {name_of(url)} does not serve: {words}")
