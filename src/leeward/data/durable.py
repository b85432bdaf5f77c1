"""Files that are either the old one or the new one, whatever happens in between."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import get_native_id
from typing import TYPE_CHECKING

from leeward.domain.errors import CannotWrite

if TYPE_CHECKING:
    from filelock import FileLock

#: Ends the name of a file that is still being written; readers pass over such files.
UNFINISHED = ".tmp"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path` that takes its place, fsynced, when the block ends.

    The block writes the file and does nothing else that may fail. When it raises, `path` stays as
    it was and nothing is left behind. Raises CannotWrite where the disk or permissions refuse.
    """
    unfinished = _unfinished_beside(path)
    try:
        with _refusals_named(path):
            yield unfinished
            _sync(unfinished)
            unfinished.replace(path)
            sync_folder(path.parent)
    finally:
        discard(unfinished)


def write_all(contents: Mapping[Path, bytes]) -> None:
    """Writes every file beside its place first, then renames them all.

    A full disk therefore changes none of them; a kill between two renames leaves each file either
    old or new. Raises CannotWrite.
    """
    unfinished: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            with _refusals_named(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                unfinished[path] = _unfinished_beside(path)
                unfinished[path].write_bytes(content)
                _sync(unfinished[path])
        for path, written in unfinished.items():
            with _refusals_named(path):
                written.replace(path)
        for folder in {path.parent for path in contents}:
            sync_folder(folder)
    finally:
        for written in unfinished.values():
            discard(written)


@contextmanager
def only_writer(
    lock: FileLock, folder: Path, what: str, unfinished: str, wait_s: float
) -> Iterator[None]:
    """Keeps other processes from writing `what` into `folder` for the length of the block, and
    removes what one of them left `unfinished`, a pattern below `folder`; may be nested.

    Raises CannotWrite where another one writes for longer than `wait_s`.
    """
    from filelock import Timeout

    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = lock.acquire(timeout=wait_s)
    except Timeout:
        raise CannotWrite(
            f"{folder}: another leeward process is writing {what} here; "
            f"waited {wait_s:g} s, nothing was changed; try again when it is done"
        ) from None
    except OSError as error:
        raise cannot_write(folder, error) from None
    with held:
        # Only a writer that was killed leaves these, and no other writer is alive now.
        for leftover in folder.glob(f"{unfinished}{UNFINISHED}"):
            discard(leftover)
        yield


@contextmanager
def _refusals_named(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from None


def cannot_write(path: Path, error: OSError) -> CannotWrite:
    """Returns the error for a refused write, naming the path, the reason and the way out."""
    reason = error.strerror or str(error)
    return CannotWrite(
        f"{path}: cannot be written: {reason}; nothing was changed there. "
        "Free some space or choose a place that you may write to"
    )


def discard(unfinished: Path) -> None:
    """Removes an unfinished file, if it can be removed."""
    with suppress(OSError):
        unfinished.unlink()


def _unfinished_beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}-{get_native_id()}{UNFINISHED}")


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Forces the names in a folder to the disk. Raises OSError."""
    if os.name != "posix":  # elsewhere a folder cannot be opened
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
