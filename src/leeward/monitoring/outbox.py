"""Alerts on their way, in one file: what was put there is sent at least once, whatever dies."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

#: Letters that wait; of more than that the oldest are lost.
MOST_WAITING: Final = 500
#: The file is written anew without what was delivered once it is so long.
_LONG_BYTES: Final = 256 << 10


@dataclass(frozen=True, slots=True)
class Letter:
    """One message; `to` are the keys of the channels that have not taken it."""

    number: int
    at_ms: int
    level: str
    title: str
    body: str
    to: tuple[str, ...]


class Outbox:
    """Letters in the order they were put; any thread may call.

    `put` writes without forcing: it survives the death of the process at once, and that of the
    computer after `force`, which senders call before they send. A file that cannot be read or
    written leaves letters in memory alone; `fault` says so of one that cannot be opened. A line
    that a crash cut short, or that cannot be read, is passed over: an alert never stops a start.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock, self._rewriting = threading.Lock(), threading.Lock()
        self._letters: dict[int, Letter] = {}
        self.lost = 0
        self._next = 1
        #: How long the file was when it was written anew.
        self._least_bytes = 0
        self.fault = ""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._load()
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            self.fault = f"{path} cannot be used: {error.strerror}"
            self._file = os.open(os.devnull, os.O_RDWR | os.O_APPEND)
        else:
            self._rewrite()

    def put(self, at_ms: int, level: str, title: str, body: str, to: Iterable[str]) -> None:
        """Keeps a letter for the channels named."""
        with self._lock:
            letter = Letter(self._next, at_ms, level, title, body, tuple(to))
            self._next += 1
            self._letters[letter.number] = letter
            self._append({"put": asdict(letter)})
            while len(self._letters) > MOST_WAITING:
                oldest = next(iter(self._letters))
                del self._letters[oldest]
                self._append({"lost": oldest})
                self.lost += 1

    def waiting(self, channel: str | None = None) -> list[Letter]:
        """Returns what a channel has not taken, oldest first; of any channel without a name."""
        with self._lock:
            letters = list(self._letters.values())
        return [each for each in letters if channel is None or channel in each.to]

    def taken(self, letters: Iterable[Letter], channel: str) -> None:
        """Notes that a channel took these. Where that is lost by a crash they are sent again."""
        with self._lock:
            for each in letters:
                self._append({"taken": each.number, "by": channel})
                self._take(each.number, channel)
            long = os.fstat(self._file).st_size > max(_LONG_BYTES, 2 * self._least_bytes)
        if long:
            self._rewrite()

    def drop_all_but(self, channels: Iterable[str]) -> None:
        """Forgets what was meant for channels that are not there any more."""
        known = set(channels)
        with self._lock:
            gone = {name for each in self._letters.values() for name in each.to} - known
            for name in gone:
                for number in list(self._letters):
                    self._take(number, name)

    def force(self) -> None:
        """Returns once all that was put is on the disk, as far as the disk takes it."""
        with self._lock:
            handle = os.dup(self._file)
        try:
            with suppress(OSError):
                os.fsync(handle)
        finally:
            os.close(handle)

    def close(self) -> None:
        self.force()
        with self._lock:
            os.close(self._file)

    def _take(self, number: int, channel: str) -> None:
        letter = self._letters.get(number)
        if letter is None:
            return
        left = tuple(name for name in letter.to if name != channel)
        if left:
            self._letters[number] = replace(letter, to=left)
        else:
            del self._letters[number]

    def _append(self, line: dict[str, object]) -> None:
        content = json.dumps(line).encode() + b"\n"
        with suppress(OSError):
            size = os.fstat(self._file).st_size
            try:
                _write(self._file, content)
            except OSError:
                os.ftruncate(self._file, size)

    def _load(self) -> None:
        with suppress(FileNotFoundError):
            for line in self._path.read_bytes().splitlines():
                with suppress(ValueError, KeyError, TypeError):
                    self._read(json.loads(line))

    def _read(self, line: dict[str, object]) -> None:
        match line:
            case {"put": dict() as put}:
                letter = Letter(**{**put, "to": tuple(put["to"])})
                self._letters[letter.number] = letter
                self._next = max(self._next, letter.number + 1)
            case {"taken": int(number), "by": str(channel)}:
                self._take(number, channel)
            case {"lost": int(number)}:
                self._letters.pop(number, None)
            case _:
                pass

    def _rewrite(self) -> None:
        """Begins a new file with what waits; what is put meanwhile goes along. Whoever puts waits
        for no disk: only the renaming is under the lock."""
        with self._rewriting:
            self._rewrite_alone()

    def _rewrite_alone(self) -> None:
        with self._lock:
            begun = os.fstat(self._file).st_size
            kept = [json.dumps({"put": asdict(each)}) for each in self._letters.values()]
        beside = self._path.with_name(f"{self._path.name}.new")
        try:
            fresh = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        except OSError:
            return
        try:
            _write(fresh, "".join(f"{line}\n" for line in kept).encode())
            os.fsync(fresh)
            with self._lock:
                end = os.fstat(self._file).st_size
                _write(fresh, os.pread(self._file, end - begun, begun))
                beside.replace(self._path)
                os.close(self._file)
                self._file = fresh
        except OSError:
            os.close(fresh)
            beside.unlink(missing_ok=True)
            return
        self._least_bytes = os.fstat(fresh).st_size
        self.force()
        _force_folder(self._path.parent)


def _write(file: int, content: bytes) -> None:
    if os.write(file, content) < len(content):
        raise OSError("no room for all of it")


def _force_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
