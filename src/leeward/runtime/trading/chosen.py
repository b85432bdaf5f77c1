"""A strategy with its parameters, as named by whoever chose it, and the source that it had then."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from leeward.data.durable import write_all
from leeward.domain.errors import LeewardError
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


def choose(name: str, params: Mapping[str, object]) -> Chosen:
    """Returns the strategy as it is now. Raises what `load_strategy` and the strategy raise."""
    kind = load_strategy(name)
    return Chosen(name, kind(**params), source_sha256(kind), name)


def choose_again(
    name: str, params: Mapping[str, object], version: str, source: str | None, sessions: Path
) -> Chosen:
    """Returns the strategy as it was: from the source that its session kept, where the present one
    is another. Raises what `choose` raises where neither is left."""
    try:
        now = choose(name, params)
    except LeewardError:
        if source is None:
            raise
        now = None
    if source is None or (now is not None and now.version == version):
        assert now is not None
        return now
    target = str(sessions / source)
    kind = load_strategy(target)
    return Chosen(name, kind(**params), source_sha256(kind), target)
