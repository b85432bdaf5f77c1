"""Writes a whole file or none of it."""

from __future__ import annotations

import os
from pathlib import Path

from leeward.domain.errors import CannotWrite


def check_writable(path: Path) -> None:
    """Raises CannotWrite, naming the path and the reason, where `write_whole` would be refused.

    Creates and removes one empty file beside it; `path` itself stays as it is.
    """
    if path.is_dir():
        raise _refusal(path, "is a folder; name a file in it")
    if not path.parent.is_dir():
        raise _refusal(path, f"the folder {path.parent} does not exist; create it first")
    if _is_device(path):
        return
    if path.exists() and not os.access(path, os.W_OK):
        raise _refusal(path, "the file there is read-only; choose another name")
    beside = _beside(path)
    try:
        beside.touch()
        beside.unlink()
    except OSError as error:
        raise _refusal(path, _reason(error)) from None


def write_whole(path: Path, content: bytes) -> None:
    """Writes `content` beside `path`, then renames it there: the old file or the new, never half.

    A device or pipe, such as /dev/stdout, is written to directly. Raises CannotWrite.
    """
    check_writable(path)
    beside = _beside(path)
    try:
        if _is_device(path):
            path.write_bytes(content)
            return
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path.resolve())
    except OSError as error:
        raise _refusal(path, _reason(error)) from None
    finally:
        beside.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.resolve().with_name(f".{path.name}.{os.getpid()}.tmp")


def _is_device(path: Path) -> bool:
    return path.exists() and not path.is_file()


def _reason(error: OSError) -> str:
    reason = error.strerror or str(error)
    return f"{reason}; free some space or choose a place that you may write to"


def _refusal(path: Path, reason: str) -> CannotWrite:
    return CannotWrite(f"{path}: cannot be written: {reason}; nothing was changed there")
