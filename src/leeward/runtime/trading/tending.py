"""Keeps one symbol as it is wanted: looks, does the next step, looks again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NoReturn

from leeward.database.errors import DatabaseDown
from leeward.domain.errors import Failed, Refused
from leeward.domain.money import Quantity
from leeward.domain.orders import Side
from leeward.domain.rules import SymbolRules
from leeward.engine.keeping import is_protected, next_step
from leeward.engine.own_orders import BookedOrder
from leeward.engine.records import (
    IntentMade,
    OrderMoved,
    OrderState,
    Severity,
)
from leeward.engine.symbol_view import Ground, Kept, OwnOrder, Settled, Step, SymbolView, Wait
from leeward.runtime.trading.booking import last_sale
from leeward.runtime.trading.means import Means
from leeward.runtime.trading.memory import Memory
from leeward.runtime.trading.other_hands import OtherHands
from leeward.runtime.trading.steps import Steps
from leeward.venues.timing import Clock, Moment

#: Far more than any course of events needs; where it is not enough something is wrong.
_MOST_STEPS = 200
#: An entry that could not leave within so long after it was decided has missed its candle. On paper
#: it waits half of that for the next open.
_STALE_S = 60.0
#: Time enough to place a stop, before an error in one symbol ends the care of all for a while.
_TURN_S = 10.0
#: When a price that did not come is asked for again.
_PLAN_AGAIN_S = 1.0
#: How long whoever asks for a symbol to be tended waits for it.
PATIENCE_S = 10.0


@dataclass
class Tender:
    """One symbol of an account. One task at a time looks after it."""

    means: Means
    symbol: str
    memory: Memory
    steps: Steps = field(init=False)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _touched: asyncio.Event = field(default_factory=asyncio.Event)
    _called: asyncio.Event = field(default_factory=asyncio.Event)
    _entered: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        live = self.means.books.live_orders(self.symbol)
        self.memory.inherited = frozenset(each.client_order_id for each in live)
        self._hands = OtherHands(self.means, self.symbol, self.memory)
        self.steps = Steps(self.means, self.symbol, self.memory, self.touch)

    @property
    def settled(self) -> bool:
        """Whether the venue is known to hold what is wanted."""
        return isinstance(next_step(self.view()), Settled) and not self.steps.lacks_plan

    def doubt(self, client_order_id: str) -> None:
        """Has an order asked for before anything else is done."""
        self.memory.doubt(client_order_id)
        self.touch()

    def touch(self) -> None:
        """Has the symbol looked at now: a wait ends."""
        self._touched.set()
        self._call_at(self.means.now_s)

    def _call_at(self, due_s: float) -> None:
        self.memory.due_s = due_s
        self._called.set()

    async def enter(self, intent: IntentMade, decided: Moment) -> None:
        """Sends a committed entry, once and never again, and looks after what it bought."""
        with self._gone_on_with():
            await self._enter(intent, decided)
        await self.tend()

    async def _enter(self, intent: IntentMade, decided: Moment) -> None:
        async with self.lock:
            orders = [self.means.books.orders.get(each.client_order_id) for each in intent.orders]
            if any(order is None for order in orders):
                raise Failed(
                    f"{self.symbol} {intent.intent_id}: an entry is sent only after it was "
                    "committed; commit it first"
                )
            unsent = all(order and order.state is OrderState.COMMITTED for order in orders)
            if intent.intent_id in self._entered or not unsent:
                return
            self._entered.add(intent.intent_id)
            why = await self._obstacle(intent, decided)
            if why is not None:
                await self._lapse(intent, f"not sent: {why}")
                return
            sent = await self.steps.send(intent)
            if sent is not None and sent.refused is not None:
                words = f"entry refused: {sent.refused.code} {sent.refused.text}"
                self.means.note(self.symbol, "entry_refused", words, Severity.WARNING)

    async def _obstacle(self, intent: IntentMade, decided: Moment) -> str | None:
        """Returns why an entry may not leave now, though it was committed. Much may have happened
        since: this process may have been stopped, and another one may trade the account."""
        try:
            await self.means.keeper.confirm()
        except DatabaseDown as error:
            return str(error)
        passed_s = self.means.clock.passed_s(decided)
        if passed_s > _STALE_S:
            return f"{passed_s:.0f} s after it was decided"
        unresolved = self.means.books.unresolved(self.symbol)
        if any(each.intent.intent_id != intent.intent_id for each in unresolved):
            return "an earlier order may still arrive, and would sell what this one buys"
        return None if self.means.may_enter() else "the account may not open positions any more"

    async def _lapse(self, intent: IntentMade, why: str) -> None:
        nothing, at_ms = Quantity(intent.reserved.amount * 0), self.means.server_now_ms()
        self.means.note(self.symbol, "entry_not_sent", why, Severity.WARNING)
        await self.steps.commit(
            *(
                OrderMoved(each.client_order_id, OrderState.VOID, nothing, at_ms, why)
                for each in intent.orders
            )
        )

    async def keep(self) -> NoReturn:
        """Looks after the symbol whenever it is touched or something is due, until cancelled. An
        error ends it, and with it the desk, once the other symbols had their turn."""
        while True:
            self._called.clear()
            due_s = self.memory.due_s
            if due_s is None:
                await self._called.wait()
            elif due_s > self.means.now_s:
                await pause(self.means.clock, due_s - self.means.now_s, self._called)
            elif (error := await self.tried(0.0)) is not None:
                await self.means.clock.sleep(_TURN_S)
                raise error

    async def tried(self, patience_s: float) -> Exception | None:
        """Tends the symbol; returns the error that ended it, for whoever looks after others too.
        Raises at once where this process has to stop."""
        try:
            await self.tend(patience_s)
        except Refused:
            raise
        except Exception as error:  # noqa: BLE001 - it is raised once the others were tended
            return error
        return None

    async def tend(self, patience_s: float = PATIENCE_S) -> bool:
        """Returns whether the symbol is settled; gives up waiting after `patience_s`, and the
        desk's own loop goes on. Between two steps others may have their turn."""
        with self._gone_on_with():
            return await self._tend(patience_s)

    @contextmanager
    def _gone_on_with(self) -> Iterator[None]:
        """Has the desk's own loop go on with what ends in the middle: what was sent or begun is not
        left to the next comparison."""
        try:
            yield
        except BaseException:
            self.touch()
            raise

    async def _tend(self, patience_s: float) -> bool:
        until_s = self.means.now_s + patience_s
        for _ in range(_MOST_STEPS):
            self._touched.clear()
            async with self.lock:
                step = await self._take_step()
            match step:
                case Settled():
                    self.memory.due_s = None
                    return True
                case Wait(wake_s, _) if wake_s > until_s:
                    self._call_at(wake_s)
                    return False
                case Wait(wake_s, _):
                    await pause(self.means.clock, wake_s - self.means.now_s, self._touched)
                case _:
                    pass
        self._call_at(self.means.now_s + 1.0)
        self.means.note(
            self.symbol, "restless", f"{_MOST_STEPS} steps and no rest", Severity.CRITICAL
        )
        return False

    async def _take_step(self) -> Step:
        """Does the next step and returns it; waiting is left to the caller."""
        await self.steps.collect()
        await self._hands.look()
        await self._look_at_rules()
        if not await self.steps.plan_adopted():
            return Wait(self.means.now_s + _PLAN_AGAIN_S, "no price to set the stop by")
        step = next_step(self.view())
        if not isinstance(step, Wait | Settled):
            await self.steps.perform(step)
        return step

    async def _look_at_rules(self) -> None:
        memory = self.memory
        in_question = memory.rules_doubted or not memory.trades
        if in_question and memory.rules_pause.at_s <= self.means.now_s:
            await self.steps.setbacks.refresh_rules()

    def view(self) -> SymbolView:
        """Returns what the next step depends on; keeps count of the time without a stop."""
        memory, books = self.memory, self.means.books
        seen = SymbolView(
            now_s=self.means.now_s,
            ground=_ground(memory.rules, trades=memory.trades, cancels=memory.cancels),
            orders=tuple(self._own(each) for each in books.live_orders(self.symbol)),
            kept=self._kept(),
            most=self._most(),
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

    def _most(self) -> Decimal | None:
        """Returns what of a shortage is left, less what was sold since it was known."""
        short, held = self.memory.shortage, self.means.books.position(self.symbol)
        if short is None or held is None:
            return None
        since = (
            each.executed.value
            for each in self.means.books.orders_of(held.position_id)
            if each.planned.side is Side.SELL and each.intent.made_ms >= short.since_ms
        )
        return short.left - sum(since, Decimal(0))

    def _kept(self) -> Kept | None:
        held = self.means.books.position(self.symbol)
        if held is None:
            return None
        quantity = held.quantity.value
        if held.closing is not None:
            quantity += self.means.books.dust(self.symbol).value
        price = held.entry_price.value if held.entry_price is not None else quantity * 0
        sold = last_sale(self.means.books, held.position_id, self.steps.setting())
        return Kept(quantity, held.plan, held.closing, price, sold)

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
            awaited=self.steps.is_awaited(order.intent.intent_id),
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
            memory.deadline_from_s = self.means.now_s
        if protected == (memory.unprotected_since_s is None):
            return False
        if not protected:
            memory.begin_gap(self.means.now_s)
            return True
        held = self.means.books.position(self.symbol)
        if held is not None and memory.unprotected_since_s is not None:
            gap_s = self.means.now_s - memory.unprotected_since_s
            known_s = memory.unprotected_s.get(held.position_id, 0.0)
            memory.unprotected_s = {held.position_id: known_s + gap_s}
        memory.unprotected_since_s = None
        return True


async def pause(clock: Clock, seconds: float, touched: asyncio.Event) -> None:
    """Sleeps, but not beyond the moment something is touched."""
    sleep = asyncio.ensure_future(clock.sleep(seconds))
    touch = asyncio.ensure_future(touched.wait())
    try:
        await asyncio.wait({sleep, touch}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        sleep.cancel()
        touch.cancel()


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
