"""Who may move an account from one trading state to another, and what each state allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from leeward.domain.errors import Refused
from leeward.engine.records import StateMoved, TradingState

RECOVERING, ACTIVE, REDUCING, HALTED = (
    TradingState.RECOVERING,
    TradingState.ACTIVE,
    TradingState.REDUCING,
    TradingState.HALTED,
)


class Mover(StrEnum):
    """What asks for a move."""

    BOOT = "boot"  #: a process starts
    RECOVERED = "recovered"  #: books and venue agree, all is protected
    WATCH = "watch"  #: a limit was reached or something is broken: only tightens
    CLEARED = "cleared"  #: the last cause of reducing is gone
    OPERATOR = "operator"


#: Every move there is: (from, by) -> the states it may lead to.
MOVES: Final[Mapping[tuple[TradingState, Mover], frozenset[TradingState]]] = {
    **{(state, Mover.BOOT): frozenset({RECOVERING}) for state in TradingState},
    (RECOVERING, Mover.RECOVERED): frozenset({ACTIVE, REDUCING, HALTED}),
    (RECOVERING, Mover.WATCH): frozenset({HALTED}),
    (RECOVERING, Mover.OPERATOR): frozenset({HALTED}),
    (ACTIVE, Mover.WATCH): frozenset({REDUCING, HALTED}),
    (ACTIVE, Mover.OPERATOR): frozenset({HALTED}),
    (REDUCING, Mover.WATCH): frozenset({HALTED}),
    (REDUCING, Mover.CLEARED): frozenset({ACTIVE}),
    (REDUCING, Mover.OPERATOR): frozenset({HALTED, ACTIVE}),
    (HALTED, Mover.OPERATOR): frozenset({ACTIVE}),
}


def move(state: TradingState, to: TradingState, mover: Mover) -> TradingState:
    """Returns `to`; raises Refused for a move that is not in the table.

    >>> move(TradingState.ACTIVE, TradingState.REDUCING, Mover.WATCH).value
    'REDUCING'
    """
    if to in MOVES.get((state, mover), frozenset()):
        return to
    raise Refused(f"trading state: {state} does not become {to} by {mover}; {_WAY_OUT[state]}")


_WAY_OUT: Final = {
    RECOVERING: "wait until books and venue agree",
    ACTIVE: "an operator may halt it: leeward halt",
    REDUCING: "it returns when its causes are gone; an operator may halt it: leeward halt",
    HALTED: "an operator resumes it: leeward resume",
}


def may_move(state: TradingState, to: TradingState, mover: Mover) -> bool:
    """Returns whether the table holds the move."""
    return to in MOVES.get((state, mover), frozenset())


def allows_entry(state: TradingState) -> bool:
    """Returns whether new positions may be opened."""
    return state is ACTIVE


def after_recovery(before: TradingState) -> TradingState:
    """Returns the state to go on in after a clean recovery: a halt outlives every restart; what an
    account was reducing for is looked at anew; a first start is active."""
    return {RECOVERING: ACTIVE}.get(before, before)


_BOOT = "boot after "


def boot_reason(before: TradingState, reason: str) -> str:
    """Returns the reason of a boot, which carries what was before it: a process may be killed
    while it recovers, and a halt is not to be lost by that.

    >>> boot_reason(TradingState.HALTED, "max_drawdown")
    'boot after HALTED: max_drawdown'
    """
    return f"{_BOOT}{before}: {reason}" if reason else f"{_BOOT}{before}"


def before_boot(moved: StateMoved) -> tuple[TradingState, str]:
    """Returns state and reason that were in force before the last boot, or are now."""
    if moved.state is not RECOVERING:
        return moved.state, moved.reason
    state, _, reason = moved.reason.removeprefix(_BOOT).partition(": ")
    return (TradingState(state), reason) if state in set(TradingState) else (ACTIVE, "")


@dataclass(frozen=True, slots=True)
class Causes:
    """Why an account only reduces: cause -> the UTC ms at which it ends by itself, None where it
    has to be cleared. Every cause has one of the two ways out."""

    until_ms: Mapping[str, int | None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return len(self.until_ms) > 0

    def __contains__(self, cause: str) -> bool:
        return cause in self.until_ms

    def with_cause(self, cause: str, until_ms: int | None = None) -> Causes:
        return Causes({**self.until_ms, cause: until_ms})

    def without(self, cause: str) -> Causes:
        return Causes({name: end for name, end in self.until_ms.items() if name != cause})

    def at(self, now_ms: int) -> Causes:
        """Returns the causes that have not ended by `now_ms`."""
        return Causes(
            {name: end for name, end in self.until_ms.items() if end is None or end > now_ms}
        )

    def words(self) -> str:
        return ", ".join(sorted(self.until_ms))
