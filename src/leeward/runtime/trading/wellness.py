"""Whether a session does what it is to do: the heartbeat of a dead man's switch hangs on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from leeward.engine.records import StateMoved, TradingState
from leeward.runtime.trading.session import TradingSession

#: Candles that are overdue for longer, in seconds of ours.
_OVERDUE_S: Final = 60.0


@dataclass
class Wellness:
    """Looks at one session; `behind_s` is for how many of our seconds a candle is overdue.

    A halt that an operator ordered is well, also after a restart; any other halt, reducing, and a
    cause for that under such a halt, is not: something is wrong.
    """

    session: TradingSession
    behind_s: Callable[[], float]
    _ordered: bool = field(init=False)

    def __post_init__(self) -> None:
        self._ordered = _by_operator(self.session.keeper.books.state)

    def trouble(self) -> str:
        """Returns what is wrong in words, nothing where all is well."""
        session = self.session
        if not session.reconciled:
            return "books and venue were not found to agree yet"
        if not session.keeper.is_durable:
            return "the database lacks something"
        state, moved = session.standing.state, session.keeper.books.state
        halted = state is TradingState.HALTED
        ordered = _by_operator(moved) or (self._ordered and _by(moved, "recovery"))
        if state is not TradingState.ACTIVE and not (halted and ordered):
            return f"the state is {state}"
        if session.standing.causes:  # an ordered halt hides that one would be reducing
            return f"it would only reduce: {session.standing.causes.words()}"
        if self.behind_s() > _OVERDUE_S:
            return "a candle is overdue"
        deadline_s = session.desk.settings.protection_deadline_s
        if session.desk.naked_s() > 2 * deadline_s:
            return "a position has no stop"
        return ""


def _by_operator(moved: StateMoved | None) -> bool:
    return moved is not None and (moved.actor == "operator" or moved.actor.startswith("command:"))


def _by(moved: StateMoved | None, actor: str) -> bool:
    return moved is not None and moved.actor == actor
