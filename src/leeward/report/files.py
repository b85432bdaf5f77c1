"""Writes a whole file or none of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leeward.domain.errors import CannotWrite


def check_writable(path: Path) -> None:
    """Raises CannotWrite, naming the path and the reason, where `write_whole` would be refused.

    Creates and removes one empty file beside it; `path` itself stays as it is.
    """
    with _refusals_named(path):
        if path.is_dir():
            raise _refusal(path, "it is a folder; name a file in it")
        if not path.parent.is_dir():
            raise _refusal(path, f"the folder {path.parent} does not exist; create it first")
        if path.exists() and not os.access(path, os.W_OK):
            raise _refusal(path, "the file there is read-only; choose another name")
        if not _is_device(path):
            _beside(path).touch()
            _beside(path).unlink()


def check_folder(folder: Path) -> None:
    """Raises CannotWrite, naming the folder and the reason, where no file can be written into it.

    It need not exist. Creates and removes one empty file in it, or where it would be created.
    """
    with _refusals_named(folder):
        nearest = next(each for each in (folder, *folder.absolute().parents) if each.exists())
        if not nearest.is_dir():
            raise _refusal(folder, f"{nearest} is no folder; name another")
        beside = _beside(nearest / folder.name)
        beside.touch()
        beside.unlink()


def write_whole(path: Path, content: bytes) -> None:
    """Writes `content` beside `path`, then renames it there: the old file or the new, never half.

    A device or pipe, such as /dev/stdout, is written to directly. Raises CannotWrite.
    """
    check_writable(path)
    with _refusals_named(path):
        if _is_device(path):
            path.write_bytes(content)
            return
        beside = _beside(path)
        try:
            with beside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path.resolve())
        finally:
            beside.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.resolve().with_name(f".{path.name}.{os.getpid()}.tmp")


def _is_device(path: Path) -> bool:
    return path.exists() and not path.is_file()


@contextmanager
def _refusals_named(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise _refusal(
            path, f"{reason}; free some space or choose a place that you may write to"
        ) from None


def _refusal(path: Path, reason: str) -> CannotWrite:
    return CannotWrite(f"{path}: cannot be written: {reason}. Nothing was changed there")
