"""Which dashboard serves this data directory: one does, and others can find it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from leeward.runtime.locks import held
from leeward.runtime.settings import Settings


@contextmanager
def only_one(settings: Settings) -> Iterator[Callable[[str], None]]:
    """Yields what to call with the address once it is served. Raises Failed where another
    dashboard serves this database already."""
    lock, place = _files(settings)

    def taken() -> str:
        where = served_at(settings) or "it starts now"
        return f"a dashboard serves this database already: {where}"

    with held(FileLock(lock), taken):
        try:
            yield lambda address: _write(place, address)
        finally:
            with suppress(OSError):
                place.unlink(missing_ok=True)


def served_at(settings: Settings) -> str | None:
    """Returns the address of the dashboard that serves this database now; "" while one starts,
    None where there is none."""
    lock, place = _files(settings)
    if not lock.exists():
        return None
    trial = FileLock(lock)
    try:
        trial.acquire(timeout=0)
    except (Timeout, OSError):
        with suppress(OSError, ValueError, KeyError):
            return str(json.loads(place.read_text())["address"])
        return ""
    trial.release()
    return None


def _files(settings: Settings) -> tuple[Path, Path]:
    root = settings.data.dir.absolute().parent
    return root / "dashboard.lock", root / "dashboard.json"


def _write(place: Path, address: str) -> None:
    with suppress(OSError):  # only others who look for it miss it
        place.write_text(json.dumps({"address": address}))
