"""The database of records: one class, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, bindparam, delete, insert, update
from sqlalchemy.exc import IntegrityError

from leeward.database import commands, history, loading, recording, schema
from leeward.database.commands import Command
from leeward.database.connecting import (
    READS,
    answering,
    connect,
    corrupt,
    database_url,
    name_of,
    without_deadline,
)
from leeward.database.errors import DatabaseReplaced, LeaseLost
from leeward.database.tables import accounts, performance_metrics
from leeward.domain.errors import CannotWrite, Failed
from leeward.engine.records import Record

_BEAT = update(accounts).where(
    accounts.c.account == bindparam("of_account"), accounts.c.epoch == bindparam("of_epoch")
)

#: Longest wait for a lock or a statement, unless told otherwise.
TIMEOUT_S = 2.0


class Database:
    """An open database. Every method is one transaction and may be called from any thread.

    Methods raise DatabaseDown where the database does not serve (gone, locked, full, too slow);
    nothing was written then, unless it was the connection that broke during the commit itself: a
    record that is written once may be sent again.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def url(self) -> URL:
        return self._engine.url

    @property
    def name(self) -> str:
        """What messages call it: the file, or the URL without its password."""
        return name_of(self.url)

    @property
    def file(self) -> Path | None:
        """The SQLite file, None on PostgreSQL."""
        if self.url.drivername != "sqlite":
            return None
        assert self.url.database is not None
        return Path(self.url.database)

    def record(self, account: str, epoch: int, records: Sequence[Record]) -> None:
        """Commits the records, all or none, with their events.

        What is there already is skipped: fills and transfers, openings and closings of positions,
        marks, rows of executions, sessions, and intents of exits and protection that are the same
        in every field. Raises AlreadyDecided for a decision key that was used before, LeaseLost
        where `epoch` is no longer the account's, DatabaseReplaced where the orders or positions
        that they are about are not there, or others are in their place, DatabaseDown.
        """
        try:
            with self.writing() as connection:
                recording.write(connection, account, epoch, records)
        except IntegrityError as error:
            words = " ".join(str(error.orig).split())
            raise DatabaseReplaced(recording.replaced(account, words)) from error

    def load(self, account: str) -> list[Record]:
        """Returns what the account's books are made of, in the order in which it was committed."""
        with self.reading() as connection:
            without_deadline(connection)
            rows = loading.fetched(connection, account)
        return [record for _, record in rows.numbered()]

    def history(self, account: str, session_id: str | None = None) -> list[Record]:
        """Returns every record in the order of their commits, what the books do not need too; from
        the start of a session on where one is named. Executions of one commit come by symbol."""
        with self.reading() as connection:
            without_deadline(connection)
            return history.history(connection, account, session_id)

    def beat(self, account: str, epoch: int, at_ms: int, facts: Mapping[str, object]) -> None:
        """Notes that the account's process is alive, and what it says of itself. Raises LeaseLost
        where `epoch` is no longer the account's."""
        beaten = {"of_account": account, "of_epoch": epoch, "heartbeat_ms": at_ms}
        with self.writing() as connection:
            found = connection.execute(_BEAT, {**beaten, "facts": dict(facts)}).rowcount
        if found == 0:
            raise LeaseLost(
                f"{account}: no longer traded under epoch {epoch}; this one has to stop"
            )

    def measure(self, session_id: str, at_ms: int, values: Mapping[str, float]) -> None:
        """Writes how a session performs; what was measured at that time before is replaced."""
        this = (
            performance_metrics.c.session_id == session_id,
            performance_metrics.c.at_ms == at_ms,
        )
        rows = [
            {"session_id": session_id, "name": name, "at_ms": at_ms, "value": value}
            for name, value in values.items()
        ]
        with self.writing() as connection:
            connection.execute(
                delete(performance_metrics).where(*this, performance_metrics.c.name.in_(values))
            )
            if rows:
                connection.execute(insert(performance_metrics), rows)

    def send_command(self, account: str, kind: str, argument: str, actor: str, at_ms: int) -> int:
        """Asks the process that trades the account for something; returns the command's id.
        Raises BadUsage for an account that is not in this database."""
        with self.writing() as connection:
            return commands.send(connection, account, (kind, argument, actor), at_ms)

    def pending_commands(self, account: str) -> list[Command]:
        """Returns what was asked and not done yet, the oldest first."""
        with self.reading() as connection:
            return commands.pending(connection, account)

    def command(self, command_id: int) -> Command | None:
        with self.reading() as connection:
            return commands.find(connection, command_id)

    def upgrade(self) -> list[str]:
        """Brings the tables to the newest version; returns the revisions that were run."""
        with answering(self.url):
            return schema.upgrade(self._engine)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yields a connection in a transaction that is committed at the end."""
        with answering(self.url), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yields a connection on which all queries see one state of the database."""
        with answering(self.url), self._engine.connect() as connection:
            connection.execution_options(**READS[self.url.get_backend_name()])
            with connection.begin():
                yield connection

    def close(self) -> None:
        self._engine.dispose()


def open_database(
    url: str, *, timeout_s: float = TIMEOUT_S, create: bool = True, examine: bool = True
) -> Database:
    """Returns the database at `url`, its tables of the newest version.

    An empty database gets its tables; a missing SQLite file is made where `create` says so. With
    `examine` a SQLite file is read through first: every process that is to write does that at its
    start. Raises BadConfig for a URL that is none, Failed for a database of another version or
    another program, DatabaseCorrupt, DatabaseDown.
    """
    database = connect_database(url, timeout_s=timeout_s, create=create)
    try:
        if examine:
            examine_file(database)
        _accept(database)
    except BaseException:
        database.close()
        raise
    return database


def connect_database(url: str, *, timeout_s: float = TIMEOUT_S, create: bool = True) -> Database:
    """Returns the database as it is, of whatever version: for upgrades, checks and restores.

    Raises Failed where a SQLite file is missing and not to be made, BadConfig for a bad URL.
    """
    database = Database(connect(database_url(url), timeout_s))
    if database.file is not None:
        _place(database.file, create=create)
    return database


def _place(file: Path, *, create: bool) -> None:
    if file.exists():
        return
    if not create:
        raise Failed(f"there is no database at {file}; a paper or live session makes one")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # Its owner's alone; SQLite gives the journal beside it the same mode.
        file.touch(mode=0o600)
    except OSError as error:
        raise CannotWrite(f"database {file}: cannot be made: {error.strerror}") from None


def examine_file(database: Database) -> None:
    """Raises DatabaseCorrupt where SQLite finds its file damaged; PostgreSQL checks its own."""
    if database.file is None:
        return
    with database.reading() as connection:
        found = connection.exec_driver_sql("PRAGMA integrity_check(3)").scalars().all()
    if list(found) != ["ok"]:
        raise corrupt(database.url, "; ".join(map(str, found)))


def _accept(database: Database) -> None:
    """Makes the tables of an empty database, and refuses those of another version."""
    with database.reading() as connection:
        version, empty = schema.version_of(connection), schema.is_empty(connection)
    if empty:
        database.upgrade()
        return
    problem = schema.judge(version)
    if problem is not None:
        raise Failed(f"database {database.name}: {problem}")
