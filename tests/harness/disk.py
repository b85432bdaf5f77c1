"""What of the written files is on the disk: a loss of power cuts them back to their last sync."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any


@dataclass
class Disk:
    """Within its block, notes how long each file was when it was last synced.

    A file that was never synced in the block counts as it was before it: only what was appended
    since the last sync is in danger, and of it a loss of power may leave the beginning.
    """

    _synced: dict[Path, int] = field(default_factory=dict)
    _real: Callable[[Any], None] = os.fsync

    def __enter__(self) -> Disk:
        os.fsync = self._note  # type: ignore[assignment] # seen by the journal only
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.fsync = self._real  # type: ignore[assignment] # as it was

    def _note(self, handle: Any) -> None:
        # Not the real sync: what matters is that it was asked for.
        path = Path(f"/proc/self/fd/{handle}").readlink()
        self._synced[path] = os.fstat(handle).st_size

    def lose_power(self, chance: Random) -> None:
        for path, size in self._synced.items():
            if path.is_file() and (now := path.stat().st_size) > size:
                os.truncate(path, chance.randint(size, now))
