"""A stream that is written to from a thread: who stops reading it stops nothing."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from typing import Final, TextIO

_MOST_WAITING: Final = 5_000
_LAST_WORDS_S: Final = 2.0


class Outlet:
    """Takes what is to be written to `stream` without ever waiting for it.

    A terminal that was stopped by Ctrl-S, or a pipe that nobody reads, holds a writer up for ever:
    here it holds up a thread. Beyond what may wait, text is lost, and so is what a closed stream
    refuses.
    """

    def __init__(self, stream: TextIO, *, keep_open: bool = False) -> None:
        self._stream, self._keep_open = stream, keep_open
        self._waiting: deque[str] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._write, name="outlet", daemon=True)
        self._thread.start()

    def write(self, text: str) -> int:
        with self._changed:
            if len(self._waiting) < _MOST_WAITING and not self._closed:
                self._waiting.append(text)
                self._changed.notify()
        return len(text)

    def flush(self) -> None:
        """Does nothing: the thread flushes whatever it wrote."""

    def close(self) -> None:
        """Gives what waits a moment to leave, then closes the stream, unless it is to stay open."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(_LAST_WORDS_S)
        if not self._keep_open and not self._thread.is_alive():
            with suppress(OSError):
                self._stream.close()

    def _write(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if not self._waiting:
                    return
                text = "".join(self._waiting)
                self._waiting.clear()
            with suppress(OSError, ValueError):  # a full disk or a closed pipe is told otherwise
                self._stream.write(text)
                self._stream.flush()
