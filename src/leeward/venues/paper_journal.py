"""Where the books of an account on paper lie: a snapshot, and the rows since.

A row is fsynced before anyone is told of it. A kill leaves every row whole but for the last one,
which nobody was told of.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from leeward.domain.errors import CannotWrite, Failed
from leeward.venues.paper_books import PaperBooks, Row

_ROWS = "rows.jsonl"
_SNAPSHOT = "snapshot.json"
#: Rows after which they become a snapshot.
_MOST_ROWS = 5000


class PaperJournal:
    """The files of one account in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows, self._snapshot = folder / _ROWS, folder / _SNAPSHOT
        self._count = 0
        self._length = 0
        self._torn = False
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._rows.touch()
            self._sync_folder()
        except OSError as error:
            raise self._refused(error) from None

    def load(self) -> PaperBooks:
        """Returns the books, empty ones where there are none, and cuts off a last row that was
        not written whole. Raises Failed for a row that cannot be read elsewhere."""
        books = PaperBooks()
        try:
            snapshot = self._snapshot.read_bytes() if self._snapshot.exists() else b""
            written = self._rows.read_bytes()
        except OSError as error:
            raise self._refused(error) from None
        if snapshot:
            books.apply(self._read(snapshot, self._snapshot, 1))
        if self._torn:  # a row that was refused, and could not be cut off again
            written = written[: self._length]
        self._length = written.rfind(b"\n") + 1
        lines = written[: self._length].splitlines()
        for number, line in enumerate(lines, 1):
            books.apply(self._read(line, self._rows, number))
        self._count = len(lines)
        if self._length < len(written):
            self._cut(self._length)
        return books

    def _read(self, text: bytes, path: Path, number: int) -> Row:
        try:
            row = json.loads(text)
        except ValueError:
            row = None
        if not isinstance(row, dict) or "n" not in row:
            raise Failed(
                f"{path}: line {number} of the paper account's books cannot be read; restore the "
                "folder from a backup, or move it away to begin a new paper account"
            )
        return row

    def append(self, row: Row) -> None:
        """Writes one row; once it returns, no kill and no power cut undoes it. Raises CannotWrite,
        and then the row is not there."""
        line = json.dumps(row, separators=(",", ":")).encode() + b"\n"
        if self._torn:
            self._cut(self._length)
        try:
            with self._rows.open("ab") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            # A part of the row must not lie before the next one.
            self._torn = True
            self._cut(self._length)
            raise self._refused(error) from None
        self._length += len(line)
        self._count += 1

    @property
    def is_long(self) -> bool:
        return self._count >= _MOST_ROWS

    def compact(self, books: PaperBooks) -> None:
        """Puts one snapshot in place of all rows. A kill between the two leaves rows that the
        snapshot holds, too; loading passes over them."""
        beside = self._snapshot.with_suffix(".new")
        try:
            with beside.open("wb") as file:
                file.write(json.dumps(books.whole(), separators=(",", ":")).encode())
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._snapshot)
            self._sync_folder()
        except OSError as error:
            with suppress(OSError):
                beside.unlink()
            raise self._refused(error) from None
        self._cut(0)
        self._count = 0

    def _cut(self, length: int) -> None:
        try:
            with self._rows.open("rb+") as file:
                file.truncate(length)
                os.fsync(file.fileno())
        except OSError as error:
            raise self._refused(error) from None
        self._length, self._torn = length, False

    def _sync_folder(self) -> None:
        if os.name != "posix":  # elsewhere a folder cannot be opened
            return
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _refused(self, error: OSError) -> CannotWrite:
        return CannotWrite(
            f"{self._folder}: the books of the paper account: {error.strerror or error}; free some "
            "space or choose a place that you may write to"
        )
