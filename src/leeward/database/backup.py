"""Copies of the whole database, and the way back.

A SQLite file is copied by SQLite itself, consistent while others write. A file that ends in
.jsonl, and every backup of PostgreSQL, is a portable dump: JSON lines that either database takes.
Beside each lies FILE.sha256, as `sha256sum -c` reads it; without it, or with another hash, nothing
is restored.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby, islice
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, func, insert, inspect, select, text, update

from leeward import __version__
from leeward.database import schema
from leeward.database.connecting import corrupt, without_deadline
from leeward.database.engine import Database, connect_database, examine_file
from leeward.database.errors import DatabaseCorrupt
from leeward.database.lease import FileHold, LockHold, lock_of, locks_beside
from leeward.database.tables import accounts, commands, metadata
from leeward.database.types import Exact
from leeward.domain.errors import BadUsage, CannotWrite, Failed, Refused

FORMAT = "leeward.database/1"

#: Added to every epoch by a restore: what was traded after the backup was made stays foreign, for
#: its epochs are not given out a second time.
EPOCHS_SKIPPED = 1000

_ROWS_AT_ONCE = 1000
#: Pages of a file that are copied while a commit waits, and how often a copy begins anew.
_PAGES = 2000
_ATTEMPTS = 20


class _Restless(Exception):
    """A file was written to so often that it could not be copied in parts."""


@dataclass(frozen=True, slots=True)
class Copied:
    """`rows` is None for a copy of a SQLite file, of which only the bytes are counted."""

    file: Path
    sha256: str
    size: int
    rows: int | None


def back_up(database: Database, file: Path) -> Copied:
    """Writes the database to `file` and its hash beside it; replaces a backup of that name.

    Raises CannotWrite, DatabaseDown, DatabaseCorrupt where the copy is not whole.
    """
    rows: int | None = None
    with _replacing(file) as draft:
        if database.file is None or file.suffix == ".jsonl":
            with draft.open("w", encoding="utf-8") as out:
                rows = _dump(database, out)
        else:
            copy_file(database, database.file, draft)
        digest = _hash(draft)
    with _replacing(_sidecar(file)) as draft:
        draft.write_text(f"{digest}  {file.name}\n", encoding="utf-8")
    return Copied(file, digest, file.stat().st_size, rows)


def check_place(database: Database, file: Path) -> None:
    """Raises BadUsage where `file` is there and is no backup that may be replaced: one has its hash
    beside it, and is not the database itself. Raises Refused for one that holds accounts where the
    database holds none: it is a wrong one, or a new one."""
    with _refusals_named(file):
        if not file.exists():
            return
        is_own = database.file is not None and file.samefile(database.file)
        is_backup = file.is_file() and _sidecar(file).is_file()
    if is_own or not is_backup:
        what = "the database itself" if is_own else f"no backup: {_sidecar(file).name} is missing"
        raise BadUsage(f"{file} exists already and is {what}; it is left as it is: name another")
    with _refusals_named(file), database.reading() as connection:
        if not _any_account(connection) and _keeps_accounts(file):
            raise Refused(
                f"{file} holds accounts and database {database.name} holds none; the backup is "
                "left as it is: correct database.url, or name another file"
            )


def restore(database: Database, file: Path, *, overwrite: bool) -> None:
    """Puts a backup in the place of `database`, all of it or nothing.

    Raises Failed for a backup that is missing, changed or of another kind, Refused where the
    database holds accounts already and `overwrite` is not said, or where one of them is traded.
    """
    _verify(file)
    if not overwrite and _holds_accounts(database):
        raise Refused(
            f"database {database.name} holds accounts already; restoring {file.name} would replace "
            "them all: say --yes if that is meant"
        )
    with nobody_trading(database):
        if database.file is not None:
            _replace_file(database, database.file, file)
        elif _is_sqlite(file):
            raise Failed(
                f"backup {file}: a SQLite file does not go into PostgreSQL; make a portable one of "
                "the SQLite database with `leeward db backup FILE.jsonl`"
            )
        else:
            database.upgrade()
            _fill(database, file)


def copy_file(database: Database, source: Path, draft: Path) -> None:
    """Copies the file of a database as it is at one moment, a few pages at a time: no commit waits
    for it. It starts again by itself where somebody writes meanwhile, and where that never ends
    takes the rest in one go.

    Raises DatabaseCorrupt where the file is damaged, Failed where it cannot be read or written.
    """
    rounds = 0

    def count(_: int, __: int, pages: int) -> None:
        nonlocal rounds
        rounds += 1
        if rounds > _ATTEMPTS * (1 + pages // _PAGES):
            raise _Restless

    try:
        with (
            closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as old,
            closing(sqlite3.connect(draft)) as new,
        ):
            try:
                old.backup(new, pages=_PAGES, progress=count, sleep=0.01)
            except _Restless:
                old.backup(new)
            found = new.execute("PRAGMA integrity_check(3)").fetchall()
    except sqlite3.Error as error:
        if "malformed" in str(error) or "not a database" in str(error):
            raise corrupt(database.url, str(error)) from None
        raise Failed(f"database {source} cannot be copied: {error}") from None
    if found != [("ok",)]:
        raise corrupt(database.url, "; ".join(str(row[0]) for row in found))


def _dump(database: Database, out: IO[str]) -> int:
    rows = 0
    with database.reading() as connection:
        without_deadline(connection)
        version = schema.version_of(connection)
        if (problem := schema.judge(version)) is not None:
            raise Failed(f"database {database.name}: {problem}")
        head = {"format": FORMAT, "version": version, "leeward": __version__}
        out.write(json.dumps(head) + "\n")
        for table in metadata.sorted_tables:
            found = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(select(table))
            for row in found.mappings():
                line = {"table": table.name, "row": dict(row)}
                out.write(json.dumps(line, default=str, ensure_ascii=False) + "\n")
                rows += 1
    return rows


def _fill(database: Database, file: Path) -> None:
    """Puts the rows of a dump in the place of all that the database holds, in one transaction."""
    with file.open(encoding="utf-8") as lines, database.writing() as connection:
        without_deadline(connection)
        _read_head(file, next(lines, ""))
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
        rows = map(json.loads, lines)
        for name, group in groupby(rows, key=lambda line: line["table"]):
            table = metadata.tables[name]
            exact = {column.name for column in table.c if isinstance(column.type, Exact)}
            while chunk := list(islice(group, _ROWS_AT_ONCE)):
                values = [_decoded(line["row"], exact) for line in chunk]
                connection.execute(insert(table), values)
        _skip_epochs(connection)
        if connection.dialect.name == "postgresql":
            highest = select(
                func.coalesce(func.max(commands.c.command_id), 0) + 1
            ).scalar_subquery()
            serial = func.pg_get_serial_sequence("commands", "command_id")
            connection.execute(select(func.setval(serial, highest, text("false"))))


def _decoded(row: dict[str, object], exact: set[str]) -> dict[str, object]:
    return {
        name: Decimal(str(value)) if name in exact and value is not None else value
        for name, value in row.items()
    }


def _read_head(file: Path, line: str) -> None:
    try:
        head = json.loads(line)
        form, version, leeward = head["format"], head["version"], head["leeward"]
    except (ValueError, TypeError, KeyError):
        raise Failed(f"backup {file}: neither a SQLite database nor a dump of Leeward") from None
    if form != FORMAT or version != schema.newest(schema.scripts()):
        raise Failed(
            f"backup {file}: its tables are of version {version}, as Leeward {leeward} makes them; "
            "restore it with that one, then run `leeward db upgrade` with this one"
        )


def _skip_epochs(connection: Connection) -> None:
    connection.execute(update(accounts).values(epoch=accounts.c.epoch + EPOCHS_SKIPPED))
    connection.execute(update(accounts).values(holder=None, heartbeat_ms=None, facts=None))


def _replace_file(database: Database, target: Path, file: Path) -> None:
    """Makes the database beside its place, looks it through, then lets it take the place; the file
    that lay there stays as "NAME.replaced"."""
    draft = target.with_name(f"{target.name}.restoring")
    try:
        with _refusals_named(draft):
            _remove(draft)
            if _is_sqlite(file):
                shutil.copyfile(file, draft)
        made = connect_database(f"sqlite:///{draft}")
        try:
            examine_file(made)
            _bring_up_to_date(made, file)
        finally:
            made.close()
        database.close()
        with _refusals_named(target):
            _sync(draft)
            if target.exists():
                aside = target.with_name(f"{target.name}.replaced")
                aside.unlink(missing_ok=True)
                os.link(target, aside)
            for beside in _beside(target):
                beside.unlink(missing_ok=True)  # a journal of the old file would spoil the new one
            draft.replace(target)
            _sync(target.parent)
    finally:
        with suppress(OSError):
            _remove(draft)


def _bring_up_to_date(made: Database, file: Path) -> None:
    if not _is_sqlite(file):
        made.upgrade()
        _fill(made, file)
        return
    with made.reading() as connection:
        version = schema.version_of(connection)
    known = {each.revision for each in schema.scripts().walk_revisions()}
    if version not in known:
        raise Failed(f"backup {file}: {schema.judge(version)}")
    made.upgrade()
    with made.writing() as connection:
        _skip_epochs(connection)


def _holds_accounts(database: Database) -> bool:
    try:
        with database.reading() as connection:
            if not inspect(connection).has_table(accounts.name):
                return not schema.is_empty(connection)
            return _any_account(connection)
    except DatabaseCorrupt:
        return True  # who knows what could be saved of it


def _any_account(connection: Connection) -> bool:
    if not inspect(connection).has_table(accounts.name):
        return False
    return connection.execute(select(accounts.c.account).limit(1)).first() is not None


def _keeps_accounts(file: Path) -> bool:
    """Returns whether a backup that can be read holds an account."""
    if not _is_sqlite(file):
        with file.open("rb") as lines:
            return any(line.startswith(b'{"table": "accounts"') for line in lines)
    still = f"{file.resolve().as_uri()}?mode=ro&immutable=1"
    with suppress(sqlite3.Error), closing(sqlite3.connect(still, uri=True)) as copy:
        return copy.execute("SELECT 1 FROM accounts LIMIT 1").fetchone() is not None
    return False


@contextmanager
def nobody_trading(database: Database) -> Iterator[None]:
    """Holds the leases of all accounts; raises Refused where one of them is traded."""
    with ExitStack() as held:
        for name, lock in _locks(database):
            if not lock.hold():
                raise Refused(
                    f"database {database.name}: {name} is traded at this moment; stop that "
                    "process before the database is replaced under it"
                )
            held.callback(lock.drop)
        yield


def _locks(database: Database) -> Iterator[tuple[str, FileHold | LockHold]]:
    if database.file is not None:
        for path in locks_beside(database.file):
            yield path.name, FileHold(path)
        return
    with database.reading() as connection:
        if not inspect(connection).has_table(accounts.name):
            return
        names = connection.execute(select(accounts.c.account)).scalars().all()
    for name in names:
        yield name, lock_of(database, name)


def _verify(file: Path) -> None:
    try:
        said = _sidecar(file).read_text(encoding="utf-8").split()
        found = _hash(file)
    except OSError as error:
        raise Failed(
            f"backup {file}: {error.filename} cannot be read: {error.strerror}; a backup is the "
            "file and FILE.sha256 beside it"
        ) from None
    if not said or said[0] != found:
        raise Failed(
            f"backup {file}: its sha256 is {found}, {_sidecar(file).name} says "
            f"{said[0] if said else 'nothing'}; it was changed or is not whole: take another one"
        )


def _is_sqlite(file: Path) -> bool:
    with file.open("rb") as content:
        return content.read(16) == b"SQLite format 3\x00"


def _hash(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _sidecar(file: Path) -> Path:
    return file.with_name(f"{file.name}.sha256")


def _beside(file: Path) -> list[Path]:
    return [file.with_name(f"{file.name}{ending}") for ending in ("-journal", "-wal", "-shm")]


def _remove(file: Path) -> None:
    for each in (file, *_beside(file)):
        each.unlink(missing_ok=True)


@contextmanager
def _replacing(file: Path) -> Iterator[Path]:
    """Yields an empty file beside `file`, its owner's alone, that takes its place, synced to the
    disk, when the block ends."""
    draft = file.with_name(f"{file.name}.unfinished")
    try:
        with _refusals_named(file):
            _remove(draft)
            draft.touch(mode=0o600)
            yield draft
            _sync(draft)
            draft.replace(file)
            _sync(file.parent)
    finally:
        with suppress(OSError):
            _remove(draft)


@contextmanager
def _refusals_named(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CannotWrite(f"{file}: cannot be written: {error.strerror}") from None


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
