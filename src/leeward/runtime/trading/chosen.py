"""A strategy with its parameters, as named by whoever chose it, and the source that it had then."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from leeward.data.durable import write_all
from leeward.runtime.strategies import load_strategy, source_sha256
from leeward.runtime.swap_wish import is_file
from leeward.strategies.base import Strategy

#: The source of a strategy that lies in a file, as it was when its session began.
_SOURCE = "strategy.py"


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """`name` is what it was named by, `version` the hash of its source, `target` what
    `load_strategy` takes for this very source."""

    name: str
    strategy: Strategy
    version: str
    target: str

    @property
    def params(self) -> Mapping[str, object]:
        return self.strategy.params

    def keep_source(self, folder: Path) -> str | None:
        """Writes the source of a strategy of a user's own file into `folder`; returns what
        `load_strategy` takes for it, below the folder of all sessions. None for other strategies:
        those come with what is installed."""
        if not is_file(self.name):
            return None
        kind = type(self.strategy)
        module = sys.modules[kind.__module__]
        content = Path(str(module.__file__)).read_bytes()
        write_all({folder / _SOURCE: content})
        return f"{folder.name}/{_SOURCE}:{kind.__name__}"


def choose(name: str, params: Mapping[str, object], target: str | None = None) -> Chosen:
    """Returns a strategy, from `target` where its source lies elsewhere than its name says. Raises
    what `load_strategy` and the strategy raise."""
    kind = load_strategy(target or name)
    return Chosen(name, kind(**params), source_sha256(kind), target or name)


def kept_target(name: str, source: object, sessions: Path) -> str:
    """Returns what `load_strategy` takes for a strategy as its session had it: the source that it
    kept, where there is one."""
    kept = sessions / str(source)
    path = str(kept).rpartition(":")[0]
    return str(kept) if source is not None and Path(path).is_file() else name
