"""Keeps one symbol as it is wanted: looks, does the next step, looks again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from leeward.domain.errors import Failed
from leeward.domain.money import Quantity
from leeward.domain.rules import SymbolRules
from leeward.engine.books import Books
from leeward.engine.keeping import (
    Ground,
    Kept,
    OwnOrder,
    Settled,
    SymbolView,
    Wait,
    is_protected,
    next_step,
)
from leeward.engine.own_orders import BookedOrder
from leeward.engine.records import (
    IntentMade,
    Noted,
    OrderMoved,
    OrderState,
    Severity,
)
from leeward.runtime.trading.memory import Memory
from leeward.runtime.trading.steps import Means, Steps

#: Far more than any course of events needs; where it is not enough something is wrong.
_MOST_STEPS = 200
#: An entry that could not leave within so long after it was handed over has missed its candle.
_STALE_S = 30.0


@dataclass
class Tender:
    """One symbol of an account. One task at a time looks after it."""

    means: Means
    symbol: str
    memory: Memory
    steps: Steps = field(init=False)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _touched: asyncio.Event = field(default_factory=asyncio.Event)
    _entered: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.steps = Steps(self.means, self.symbol, self.memory)

    @property
    def settled(self) -> bool:
        """Whether the venue is known to hold what is wanted."""
        return isinstance(next_step(self.view()), Settled)

    def doubt(self, client_order_id: str) -> None:
        """Has an order asked for before anything else is done."""
        self.memory.doubted.add(client_order_id)
        self.touch()

    def touch(self) -> None:
        """Has the symbol looked at now: a wait ends."""
        self.memory.due_s = self._now_s
        self._touched.set()

    async def enter(self, intent: IntentMade) -> None:
        """Sends a committed entry, once and never again, and looks after what it bought."""
        handed_s = self._now_s
        async with self.lock:
            orders = [self._books.orders.get(each.client_order_id) for each in intent.orders]
            if any(order is None for order in orders):
                raise Failed(
                    f"{self.symbol} {intent.intent_id}: an entry is sent only after it was "
                    "committed; commit it first"
                )
            unsent = all(order and order.state is OrderState.COMMITTED for order in orders)
            if intent.intent_id in self._entered or not unsent:
                return
            self._entered.add(intent.intent_id)
            if self._now_s - handed_s > _STALE_S:
                await self._lapse(intent)
                return
            sent = await self.steps.send(intent)
            if sent.refused is not None:
                words = f"entry refused: {sent.refused.code} {sent.refused.text}"
                self._alarm("entry_refused", words, Severity.WARNING)
        await self.tend()

    async def _lapse(self, intent: IntentMade) -> None:
        nothing, at_ms = Quantity(intent.reserved.amount * 0), self.means.server_now_ms()
        why = f"not sent: more than {_STALE_S:g} s late"
        await self.steps.commit(
            *(
                OrderMoved(each.client_order_id, OrderState.VOID, nothing, at_ms, why)
                for each in intent.orders
            )
        )

    async def tend(self, patience_s: float = 10.0) -> bool:
        """Returns whether the symbol is settled; gives up waiting after `patience_s`, and the
        desk's own loop goes on."""
        until_s = self._now_s + patience_s
        async with self.lock:
            for _ in range(_MOST_STEPS):
                self._touched.clear()
                await self._look_at_rules()
                step = next_step(self.view())
                match step:
                    case Settled():
                        self.memory.due_s = None
                        return True
                    case Wait(wake_s, _) if wake_s > until_s:
                        self.memory.due_s = wake_s
                        return False
                    case Wait(wake_s, _):
                        await self._pause(wake_s - self._now_s)
                    case _:
                        await self.steps.perform(step)
        self.memory.due_s = self._now_s + 1.0
        self._alarm("restless", f"{_MOST_STEPS} steps and no rest", Severity.CRITICAL)
        return False

    async def _look_at_rules(self) -> None:
        memory = self.memory
        if not memory.trades and memory.rules_pause.at_s <= self._now_s:
            await self.steps.refresh_rules()

    async def _pause(self, seconds: float) -> None:
        """Sleeps, but not beyond the next touch."""
        sleep = asyncio.ensure_future(self.means.clock.sleep(seconds))
        touch = asyncio.ensure_future(self._touched.wait())
        try:
            await asyncio.wait({sleep, touch}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            touch.cancel()

    def view(self) -> SymbolView:
        """Returns what the next step depends on; keeps count of the time without a stop."""
        memory, books = self.memory, self._books
        seen = SymbolView(
            now_s=self._now_s,
            ground=_ground(memory.rules, trades=memory.trades, cancels=memory.cancels),
            orders=tuple(self._own(each) for each in books.live_orders(self.symbol)),
            kept=self._kept(),
            most=memory.most,
            crossed=memory.crossed,
            deadline_s=self._deadline_s(),
            protect_at_s=memory.protect.at_s,
            raise_at_s=memory.raising.at_s,
            sell_at_s=memory.selling.at_s,
            cancel_at_s=memory.cancelling.at_s,
            unsellable=memory.unsellable,
        )
        if self._count_gap(is_protected(seen)):
            return self.view()
        return seen

    def _kept(self) -> Kept | None:
        held = self._books.position(self.symbol)
        if held is None:
            return None
        quantity = held.quantity.value
        if held.closing is not None:
            quantity += self._books.dust(self.symbol).value
        price = held.entry_price.value if held.entry_price is not None else quantity * 0
        return Kept(quantity, held.plan, held.closing, price)

    def _own(self, order: BookedOrder) -> OwnOrder:
        memory, name = self.memory, order.client_order_id
        planned = order.planned
        quantity = memory.quantities.get(name)
        if planned.quantity is not None:
            quantity = planned.quantity.value
        unsized = quantity is None and order.state in {OrderState.OPEN, OrderState.PARTIAL}
        question = memory.questions.get(name)
        return OwnOrder(
            client_order_id=name,
            role=planned.role,
            state=order.state,
            quantity=quantity,
            executed=order.executed.value,
            booked=order.booked.value,
            stop_price=planned.stop_price,
            price=planned.price,
            client_list_id=order.intent.client_list_id,
            replaces=order.intent.replaces,
            doubted=name in memory.doubted or unsized,
            lost=name in memory.lost,
            ask_at_s=0.0 if question is None else question.pause.at_s,
        )

    def _deadline_s(self) -> float:
        memory = self.memory
        if memory.unprotected_since_s is None:
            return float("inf")
        since_s = max(memory.unprotected_since_s, memory.deadline_from_s)
        return since_s + self.means.protection_deadline_s

    def _count_gap(self, protected: bool) -> bool:
        """Returns whether a gap without a stop began or ended now."""
        memory = self.memory
        if not memory.trades:
            # While nothing can be sold the deadline does not run.
            memory.deadline_from_s = self._now_s
        if protected == (memory.unprotected_since_s is None):
            return False
        if not protected:
            memory.unprotected_since_s = self._now_s
            return True
        held = self._books.position(self.symbol)
        if held is not None and memory.unprotected_since_s is not None:
            gap_s = self._now_s - memory.unprotected_since_s
            known_s = memory.unprotected_s.get(held.position_id, 0.0)
            memory.unprotected_s = {held.position_id: known_s + gap_s}
        memory.unprotected_since_s = None
        return True

    def _alarm(self, kind: str, words: str, severity: Severity) -> None:
        at_ms = self.means.server_now_ms()
        self.means.alarm(Noted(kind, words, severity, at_ms, self.symbol))

    @property
    def _books(self) -> Books:
        return self.means.keeper.books

    @property
    def _now_s(self) -> float:
        return self.means.clock.monotonic_s()


def _ground(rules: SymbolRules, *, trades: bool, cancels: bool) -> Ground:
    return Ground(
        lot_step=max(rules.lot.step, rules.market_lot.step),
        least=max(rules.lot.least, rules.market_lot.least),
        most_at_market=rules.market_lot.most or None,
        least_notional=rules.notional.least if rules.notional is not None else rules.lot.step * 0,
        tick=rules.price.step,
        replaces=rules.features.cancel_replace,
        trades=trades,
        cancels=cancels,
    )
