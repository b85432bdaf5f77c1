"""What an operator wants in the place of the strategy that trades, as a command carries it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

from leeward.domain.errors import BadUsage, unknown_name

#: What becomes of open positions: the new strategy takes them with their stops, the old one manages
#: them until they are closed, or they are sold at the swap.
POLICIES: Final = ("adopt", "manage_out", "close")
#: Of a command that waits for its candle, the subject of the note that tells when that is.
SUBJECT: Final = "command:"
_MOST_SHADOW: Final = 10_000


@dataclass(frozen=True, slots=True)
class Wish:
    """One of `strategy` (what `load_strategy` takes), `model` (its name) and `rollback` is given;
    `shadow` are candles that the new one is tried on before it takes over."""

    strategy: str | None = None
    model: str | None = None
    params: Mapping[str, object] = field(default_factory=dict)
    positions: str = "adopt"
    shadow: int = 0
    rollback: bool = False

    def __post_init__(self) -> None:
        if (self.strategy is not None) + (self.model is not None) + self.rollback != 1:
            raise BadUsage("swap: name a strategy or a model, or roll back; one of them")
        if self.params and self.strategy is None:
            raise BadUsage("swap: parameters belong to a strategy; name it")
        if self.positions not in POLICIES:
            raise unknown_name("way with positions", self.positions, POLICIES)
        if not 0 <= self.shadow <= _MOST_SHADOW:
            raise BadUsage(f"swap: shadow {self.shadow} is out of bounds; give 0 to {_MOST_SHADOW}")

    @property
    def name(self) -> str:
        """What is asked for, in words."""
        return self.strategy or self.model or "the strategy before"

    def argument(self) -> str:
        """Returns the command's argument."""
        return json.dumps(asdict(self), sort_keys=True)


def wish_of(argument: str) -> Wish:
    """Returns what a command asks for; raises BadUsage where it cannot be read."""
    try:
        given = json.loads(argument)
        if not isinstance(given, dict):
            raise TypeError("it is no object")
        return Wish(
            strategy=_text(given.get("strategy"), "strategy"),
            model=_text(given.get("model"), "model"),
            params=_params(given.get("params") or {}),
            positions=str(given.get("positions") or "adopt"),
            shadow=_count(given.get("shadow") or 0),
            rollback=bool(given.get("rollback")),
        )
    except (ValueError, TypeError) as error:
        raise BadUsage(f"swap: its argument cannot be read: {error}") from None


def _text(value: object, name: str) -> str | None:
    if value is not None and (not isinstance(value, str) or not value):
        raise TypeError(f"{name} {value!r} is no name")
    return value


def _params(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"params {value!r} are no table")
    return {str(name): each for name, each in value.items()}


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"shadow {value!r} is no count of candles")
    return value


def is_file(strategy: str) -> bool:
    """Returns whether the name of a strategy names a file."""
    return strategy.endswith(".py") or ".py:" in strategy
