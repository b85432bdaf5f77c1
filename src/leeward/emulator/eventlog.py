"""The record of everything that happened, one line each, and the hash over all of it."""

from __future__ import annotations

import hashlib
from collections import deque


class EventLog:
    """Append-only. The newest `most` lines stay readable; the hash covers every line. Line n of
    the session is `n|text`."""

    def __init__(self, header: str, most: int) -> None:
        self.digest = hashlib.sha256()
        self.kept: deque[str] = deque(maxlen=most)
        self.count = 0
        self.write(header)

    def write(self, text: str) -> None:
        self.count += 1
        line = f"{self.count}|{text}"
        self.kept.append(line)
        self.digest.update(line.encode())
        self.digest.update(b"\n")

    def lines(self, from_seq: int = 1) -> list[str]:
        """Returns the kept lines from number `from_seq` on."""
        first = self.count - len(self.kept) + 1
        return list(self.kept)[max(0, from_seq - first) :]

    @property
    def sha256(self) -> str:
        return self.digest.hexdigest()

    def __deepcopy__(self, memo: dict[int, object]) -> EventLog:
        # A running hash copies itself but knows no deepcopy.
        twin = EventLog.__new__(EventLog)
        vars(twin).update(vars(self))
        twin.digest, twin.kept = self.digest.copy(), self.kept.copy()
        return twin
