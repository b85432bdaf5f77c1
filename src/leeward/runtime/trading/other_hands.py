"""Another hand takes our protection away: it is put back, and the account only reduces if that goes
on. What is held keeps a stop in any case: somebody who wants it gone stops the trader first."""

from __future__ import annotations

from dataclasses import dataclass, field

from leeward.engine.own_orders import BookedOrder
from leeward.engine.records import OrderState, Role, Severity, TradingState
from leeward.runtime.trading.means import Means
from leeward.runtime.trading.memory import Memory

_PROTECTS = frozenset({Role.STOP, Role.TARGET})
_HOUR_S = 3600.0


@dataclass
class OtherHands:
    """Looks for protective orders of one symbol that were cancelled, and not by us. What was gone
    when this process began, or first asked, may have been its forerunner's doing."""

    means: Means
    symbol: str
    memory: Memory
    _began: bool = field(default=False, init=False)

    async def look(self) -> None:
        gone = self._gone()
        known = self.memory.inherited if self._began else {each.client_order_id for each in gone}
        self._began = True
        self.memory.withdrawn |= {each.client_order_id for each in gone}
        by_intent = {
            each.intent.intent_id: each for each in gone if each.client_order_id not in known
        }
        for order in by_intent.values():
            await self._count(order)

    def _gone(self) -> list[BookedOrder]:
        books = self.means.books
        held = books.position(self.symbol)
        if held is None or held.closing is not None:
            return []
        return [
            order
            for order in books.orders_of(held.position_id)
            if order.planned.role in _PROTECTS
            and order.state is OrderState.CANCELED
            and order.client_order_id not in self.memory.withdrawn
        ]

    async def _count(self, order: BookedOrder) -> None:
        now_s = self.means.now_s
        recent = [at_s for at_s in self.memory.taken_s if now_s - at_s < _HOUR_S]
        self.memory.taken_s = [*recent, now_s]
        words = f"{order.client_order_id} was cancelled by another hand; it is placed again"
        if not recent:
            self.means.note(self.symbol, "protection_cancelled", words, Severity.WARNING)
            return
        words += ": to be rid of it, stop the trader or flatten the position"
        self.means.note(self.symbol, "protection_cancelled", words, Severity.CRITICAL)
        why = f"other_hand: {self.symbol}: our protection was cancelled twice within an hour"
        await self.means.tighten(TradingState.REDUCING, why)
