"""Locks between processes: the operating system lets go of them, however a process ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from leeward.domain.errors import CannotWrite, Failed


@contextmanager
def held(lock: FileLock, taken: Callable[[], str], wait_s: float = 0.0) -> Iterator[None]:
    """Holds the lock for the block, its folder made where there is none. Raises Failed in the words
    of `taken` where another process has it for longer than `wait_s`, CannotWrite."""
    path = Path(lock.lock_file)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=wait_s)
    except Timeout:
        raise Failed(taken()) from None
    except OSError as error:
        raise CannotWrite(f"{path}: cannot be locked: {error.strerror}") from None
    try:
        yield
    finally:
        lock.release()
