"""The compiled core's records of one step, and the strategy's last row beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leeward.domain.candles import OPTIONAL, PRICES
from leeward.domain.columns import ByteColumn, FloatColumn
from leeward.domain.errors import Failed
from leeward.domain.trades import EXIT_REASONS
from leeward.engine.state import BUY, NO_ORDER, SELL, Advice, Record
from leeward.risk.refusals import REFUSALS
from leeward.runtime.trading.views import AccountView, Marks
from leeward.strategies.base import Strategy
from leeward.strategies.evaluate import Evaluation
from leeward.strategies.signals import Signals

#: Columns of the frame that are the candle itself.
_OF_CANDLE = frozenset({*PRICES, "volume", *OPTIONAL})


@dataclass(frozen=True, slots=True)
class Looked:
    """What a strategy says at the last candle."""

    found: Evaluation

    def asked(self) -> dict[str, float | None]:
        numbers = self.found.signals.numbers()
        names = ("size", "stop", "target", "confidence")
        return {name: number_of(numbers[name][-1]) for name in names if name in numbers}

    def tag(self, kind: str) -> str:
        signals = self.found.signals
        code = int(signals.codes()[kind][-1])
        return getattr(signals, f"{kind}_tags")[code - 1] if code else ""

    def columns(self) -> dict[str, float | None]:
        frame = self.found.frame
        return {name: number_of(frame[name][-1]) for name in frame if name not in _OF_CANDLE}


class Core:
    """The core's records of one step, and what they held before it."""

    def __init__(self, account: Record, positions: Record, orders: Record) -> None:
        self.account, self.positions, self.orders = account, positions, orders
        self.refusals = np.zeros((len(orders), len(REFUSALS)), np.int64)
        self._stops, self._actions = positions["stop"].copy(), orders["action"].copy()

    def verdict(self, s: int) -> tuple[str, str]:
        """Returns decision and reason for a symbol."""
        order = self.orders[s]
        if self._actions[s] != NO_ORDER:
            return "hold", "closing" if self._actions[s] == SELL else "buying"
        if order.action == BUY:
            return "enter", ""
        if order.action == SELL:
            return "exit", EXIT_REASONS[order.reason]
        if self.refusals[s].any():
            return "refused", REFUSALS[int(np.argmax(self.refusals[s]))]
        return ("hold" if self.positions[s].quantity > 0 else "none"), ""

    def raised_to(self, s: int) -> float | None:
        position = self.positions[s]
        kept = position.quantity == 0 or self._actions[s] != NO_ORDER
        return None if kept or position.stop == self._stops[s] else number_of(position.stop)

    def marks(self, view: AccountView) -> Marks:
        account = self.account[0]
        return Marks(
            equity=view.equity,
            cash=view.cash,
            exposure=view.equity - view.cash,
            peak=float(account.peak),
            day_base=float(account.day_base),
            day_ends_ms=int(account.day_ends),
            daily_loss=bool(account.daily_loss),
            halted=bool(account.halted_step >= 0),
        )


def last_advice(signals: Sequence[Signals | None], trends: Sequence[int], steps: int) -> Advice:
    """Returns what the core reads of the strategy: the last of `steps`, the others empty."""

    def codes(name: str) -> ByteColumn:
        grid = np.zeros((len(signals), steps), np.uint8)
        grid[:, -1] = [0 if each is None else each.codes()[name][-1] for each in signals]
        return grid

    def numbers(name: str) -> FloatColumn:
        known = [None if each is None else each.numbers().get(name) for each in signals]
        if all(column is None for column in known):
            return np.empty((0, 0))
        grid = np.full((len(signals), steps), np.nan)
        grid[:, -1] = [np.nan if column is None else column[-1] for column in known]
        return grid

    gate = np.zeros((len(signals), steps), np.uint8)
    gate[:, -1] = trends
    entry = codes("entry")
    return Advice(
        waits=np.bitwise_or.reduce(entry, axis=0),
        entry=entry,
        exit=codes("exit"),
        gate=gate,
        size=numbers("size"),
        stop=numbers("stop"),
        target=numbers("target"),
        trail=numbers("trail"),
        confidence=numbers("confidence"),
    )


def check_tags(strategy: Strategy, signals: Sequence[Signals]) -> None:
    if len({(each.entry_tags, each.exit_tags) for each in signals}) > 1:
        raise Failed(
            f"{type(strategy).__name__}: its tags differ from symbol to symbol; "
            "give the same tags for all, with a column of False where one never holds"
        )


def number_of(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
