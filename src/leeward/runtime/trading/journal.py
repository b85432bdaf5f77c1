"""The emergency journal: records that could not be committed because the database was down.

One line a batch, forced to the disk before anything follows from it. A line that a crash cut short
was never relied upon and is dropped; any other line that cannot be read stops the start.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from leeward.data.durable import sync_folder
from leeward.domain.errors import CannotWrite, Failed
from leeward.engine.record_codec import record_json, record_of
from leeward.engine.records import Record

#: Kept beside the journal and deleted when the disk is full: room for some hundred exits.
_RESERVE_BYTES = 256 << 10


@dataclass
class Journal:
    """A file of batches of records, oldest first."""

    path: Path

    def __post_init__(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._drop_torn_line()
        self._keep_reserve()

    def batches(self) -> list[tuple[Record, ...]]:
        """Returns what waits for the database. Raises Failed for a line that cannot be read."""
        found = []
        for number, line in enumerate(self._content().splitlines(), 1):
            try:
                content = json.loads(line)
                batch = tuple(record_of(each) for each in content["records"])
                int(content["epoch"])
            except (ValueError, KeyError, TypeError, Failed) as error:
                raise Failed(
                    f"{self.path}: line {number} cannot be read ({error}); it holds orders or "
                    "fills that the database does not have: restore the file, or move it away and "
                    "let the start reconcile with the exchange"
                ) from None
            found.append(batch)
        return found

    def epoch(self) -> int:
        """Returns the latest lease epoch in which a batch was written, 0 where there is none."""
        lines = self._content().splitlines()
        return max((int(json.loads(line)["epoch"]) for line in lines), default=0)

    def append(self, records: Sequence[Record], epoch: int) -> None:
        """Writes one batch; returns once it is on the disk. Raises CannotWrite."""
        batch = {"epoch": epoch, "records": [record_json(each) for each in records]}
        line = json.dumps(batch) + "\n"
        content = line.encode()
        try:
            self._write(content)
        except OSError:
            self._reserve.unlink(missing_ok=True)
            try:
                self._write(content)
            except OSError as error:
                raise CannotWrite(
                    f"{self.path}: cannot be written: {error.strerror}; the database is down too, "
                    "so nothing can be sent: free some space"
                ) from None

    def clear(self) -> None:
        """Forgets all batches, once the database has them."""
        if self._content():
            with self.path.open("r+b") as file:
                file.truncate(0)
                os.fsync(file.fileno())

    def set_aside(self) -> Path:
        """Begins anew and returns where what was kept so far lies from now on."""
        aside = self.path.with_name(f"{self.path.name}.of-epoch-{self.epoch()}")
        while aside.exists():
            aside = aside.with_name(f"{aside.name}-again")
        self.path.rename(aside)
        sync_folder(self.path.parent)
        return aside

    def _write(self, content: bytes) -> None:
        """Appends and forces it to the disk; what fails leaves the file as it was."""
        is_new = not self.path.exists()
        size = 0 if is_new else self.path.stat().st_size
        try:
            with self.path.open("ab") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            with suppress(OSError):
                os.truncate(self.path, size)
            raise
        if is_new:
            sync_folder(self.path.parent)

    def _content(self) -> bytes:
        return self.path.read_bytes() if self.path.exists() else b""

    def _drop_torn_line(self) -> None:
        content = self._content()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with self.path.open("r+b") as file:
                file.truncate(whole)
                os.fsync(file.fileno())

    @property
    def _reserve(self) -> Path:
        return self.path.with_suffix(".reserve")

    def _keep_reserve(self) -> None:
        try:
            if not self._reserve.exists():
                self._reserve.write_bytes(b"\0" * _RESERVE_BYTES)
        except OSError:
            # No room even now: the journal itself may still find some.
            self._reserve.unlink(missing_ok=True)
