"""Opens the configured database, and brings it up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from leeward.database import schema
from leeward.database.backup import back_up, nobody_trading
from leeward.database.engine import Database, connect_database, open_database
from leeward.domain.errors import Failed
from leeward.runtime.settings import Settings


def open_configured(settings: Settings, *, create: bool = True, examine: bool = True) -> Database:
    """Returns the database of the settings, its tables made where it is empty.

    A reader says neither `create` nor `examine`: it makes no file and does not read it through.
    Raises Failed where it is missing, outdated or of another program, DatabaseDown,
    DatabaseCorrupt, BadConfig.
    """
    deadline_s = settings.trading.commit_deadline_s
    return open_database(url_of(settings), timeout_s=deadline_s, create=create, examine=examine)


@contextmanager
def opened_to_read(settings: Settings) -> Iterator[Database]:
    """Yields the configured database, for those who read at length.

    Whoever reads a SQLite file keeps its writer from committing meanwhile, so that file is copied
    first, a few pages at a time. Raises as `open_configured`.
    """
    database = open_configured(settings, create=False, examine=False)
    try:
        if database.file is None:
            yield database
            return
        with TemporaryDirectory(prefix="leeward-") as folder:
            copied = back_up(database, Path(folder) / "copy.db").file
            copy = open_database(f"sqlite:///{copied}", create=False, examine=False)
            try:
                yield copy
            finally:
                copy.close()
    finally:
        database.close()


def connect_configured(settings: Settings, *, create: bool = False) -> Database:
    """Returns the database of the settings as it is, of whatever version."""
    deadline_s = settings.trading.commit_deadline_s
    return connect_database(url_of(settings), timeout_s=deadline_s, create=create)


def url_of(settings: Settings) -> str:
    """Returns the URL of the database: the configured one, or that of leeward.db beside the data
    directory. It may hold a password: show `Database.name` instead."""
    if settings.database.url is not None:
        return settings.database.url.get_secret_value()
    return f"sqlite:///{settings.data.dir.absolute().parent / 'leeward.db'}"


@dataclass(frozen=True, slots=True)
class Upgraded:
    """`revisions` are those that were run; `backup` is the copy made before, where one was."""

    name: str
    version: str
    revisions: list[str]
    backup: Path | None


def upgrade(settings: Settings) -> Upgraded:
    """Brings the configured database to the newest version, or makes it.

    A SQLite file that holds something is copied first. Raises Refused where one of its accounts
    is traded, Failed for a database of a newer Leeward or of another program.
    """
    database = connect_configured(settings, create=True)
    try:
        with database.reading() as connection:
            version, empty = schema.version_of(connection), schema.is_empty(connection)
        script = schema.scripts()
        if not empty and version not in {each.revision for each in script.walk_revisions()}:
            raise Failed(f"database {database.name}: {schema.judge(version)}")
        newest = schema.newest(script)
        if version == newest:
            return Upgraded(database.name, newest, [], None)
        with nobody_trading(database):
            backup = None
            if database.file is not None and not empty:
                backup = database.file.with_name(f"{database.file.name}.version-{version}")
                back_up(database, backup)
            return Upgraded(database.name, newest, database.upgrade(), backup)
    finally:
        database.close()
