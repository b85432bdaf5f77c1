"""Asks the venue about one symbol's orders, and writes down what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from leeward.domain.answers import (
    ConfirmedAbsent,
    Found,
    Unavailable,
)
from leeward.domain.money import quantity_of
from leeward.domain.orders import OrderReport, Side
from leeward.engine.absence import ANSWERS, AbsenceProof
from leeward.engine.books import Books
from leeward.engine.records import (
    IntentMade,
    OrderState,
    PositionClosed,
    Purpose,
    Record,
    Severity,
)
from leeward.runtime.trading import sending
from leeward.runtime.trading.asking import Inquiry, all_trades
from leeward.runtime.trading.booking import Setting, own_fills
from leeward.runtime.trading.means import Means
from leeward.runtime.trading.memory import NAKED_S, Memory, Question, Shortage


@dataclass(frozen=True, slots=True)
class _There:
    """Coins on the account; `total` with what orders lock."""

    free: Decimal
    total: Decimal


@dataclass
class Questions:
    """What is asked for one symbol; each question is bounded in time. `wake` has the symbol looked
    at again."""

    means: Means
    symbol: str
    memory: Memory
    wake: Callable[[], None]

    def __post_init__(self) -> None:
        #: What was sent and not answered yet, by intent.
        self._under_way: dict[str, tuple[IntentMade, asyncio.Task[sending.Answer]]] = {}

    def is_awaited(self, intent_id: str) -> bool:
        """Returns whether the answer to a sent intent is still to come."""
        return intent_id in self._under_way

    async def ask(self, client_order_id: str) -> None:
        answer = await self.means.asked(self.means.venue.order(self.symbol, client_order_id))
        question = self.memory.question(client_order_id)
        match answer:
            case Found(report) if report.client_order_id == client_order_id:
                self.memory.settle(client_order_id)
                await self.learn((report,))
                order = self.books.orders[client_order_id]
                if not order.state.is_final:
                    self.memory.inherited -= {client_order_id}
                if not order.is_done and order.missing.is_zero:
                    # Where it is still in question it is not asked for again at once.
                    self._put_off(question)
                    question.proof = None
                    self.memory.questions[client_order_id] = question
            case ConfirmedAbsent():
                await self._absent(client_order_id)
            case Found(report):
                self.means.note(
                    self.symbol,
                    "wrong_answer",
                    f"asked for {client_order_id}, told of {report.client_order_id}",
                    Severity.WARNING,
                )
                self._put_off(question)
            case Unavailable(_, retry_after_s=wait_s):
                self._put_off(question, wait_s)

    def _put_off(self, question: Question, least_s: float | None = None) -> None:
        question.pause.put_off(self.means.now_s, least_s, self._patience_s)

    @property
    def _patience_s(self) -> float:
        """How long a question may be put off at the most: what an entry of unknown fate has bought
        has no stop either, nor has what is missing until no order's fate is open."""
        buys = any(each.unresolved and each.may_buy for each in self.books.live_orders(self.symbol))
        short = self.memory.shortage is not None
        return NAKED_S if buys or short else self.memory.patience_s

    async def _absent(self, client_order_id: str) -> None:
        """Counts an answer "no such order": many, far apart and late, prove that it never came."""
        question = self.memory.question(client_order_id)
        self._put_off(question)
        if not self.books.orders[client_order_id].unresolved:
            self.means.audit()  # the venue had it once: that is for a second look at everything
            return
        if self._is_under_way(client_order_id):
            return
        now_ms = self.means.server_now_ms()
        window_ms = self.means.receive_window_ms
        proof = question.proof or AbsenceProof(client_order_id, now_ms, window_ms)
        question.proof = proof = proof.absent(now_ms)
        ahead_s = max(0.05, (proof.not_before_ms - now_ms) / 1000)
        question.pause.at_s = min(question.pause.at_s, self.means.now_s + ahead_s)
        if proof.answers >= ANSWERS and await self._is_proven(proof):
            self.memory.settle(client_order_id)
            why = f"the venue said {proof.answers} times that it has no such order"
            await self.commit(*sending.ended((client_order_id,), OrderState.VOID, now_ms, why))
        elif self.memory.unprotected_since_s is not None:
            await self._pass_over(client_order_id)

    def _is_under_way(self, client_order_id: str) -> bool:
        """Returns whether an order may leave only now. What sells is not waited for where the venue
        does not know it by now: then at least its latest time is known."""
        intent = self.books.orders[client_order_id].intent
        if not self.is_awaited(intent.intent_id):
            return False
        if intent.purpose is not Purpose.ENTRY:
            self._under_way[intent.intent_id][1].cancel()
        return True

    async def _is_proven(self, proof: AbsenceProof) -> bool:
        """Returns whether open orders, lists and trades know nothing of the order either."""
        venue, books = self.means.venue, self.books
        orders = await self.means.asked(venue.open_orders(self.symbol))
        lists = await self.means.asked(venue.open_order_lists())
        trades = await all_trades(Inquiry(self.means), self.symbol)
        answered = isinstance(orders, Found) and isinstance(lists, Found)
        if not answered or not isinstance(trades, Found):
            return False
        assert isinstance(orders, Found)
        assert isinstance(lists, Found)
        named = {each.client_order_id for each in orders.value}
        named |= {each.client_order_id for listed in lists.value for each in listed.orders}
        order = books.orders[proof.client_order_id]
        unexplained = any(
            fill.side is order.planned.side
            and fill.time_ms >= order.intent.made_ms
            and books.order_by_venue_id(self.symbol, fill.order_id) is None
            and not books.has_fill(self.symbol, fill.trade_id)
            for fill in trades.value
        )
        if unexplained and proof.answers == ANSWERS:
            self.means.audit()  # it asks whose they are
        return proof.is_proven(
            listed=proof.client_order_id in named, unexplained_trades=unexplained
        )

    async def _is_overdue(self, proof: AbsenceProof) -> bool:
        """Returns whether an order cannot arrive any more, and the books know what it can have
        sold: every trade, and what is missing on the account."""
        if self.means.server_now_ms() < proof.sent_ms + proof.receive_window_ms:
            return False
        books, base = self.books, self.memory.rules.base
        trades = await all_trades(Inquiry(self.means), self.symbol)
        there = await self._there()
        if not isinstance(trades, Found) or there is None:
            return False
        if not all(books.has_fill(self.symbol, fill.trade_id) for fill in trades.value):
            return False
        if there.total >= books.balance(base):
            return True
        left = self._left(there)
        if left is not None:
            self._keep_to(left)
        return left is not None

    async def _pass_over(self, client_order_id: str) -> None:
        """Goes on without an order that sells, where the account cannot carry it and another in its
        place. Each locks what it sells: whichever comes second is refused, however late it comes.
        What is free shows that the first does not rest by now; and whatever is missing counts as
        ours, so that no coins of others are sold in place of what the first may have sold."""
        order, memory = self.books.orders[client_order_id], self.memory
        asked = order.planned.quantity
        if asked is None or order.planned.side is not Side.SELL or client_order_id in memory.lost:
            return
        there = await self._there()
        left = None if there is None else self._left(there)
        if there is None or left is None:
            return
        if max(there.total, self.books.balance(memory.rules.base)) >= asked.value + left:
            return
        self._keep_to(left)
        memory.protect.put_off(self.means.now_s, None, memory.patience_s)
        self._let_go(client_order_id)

    async def _there(self) -> _There | None:
        """Returns the coins of the symbol on the account, None where the venue does not say."""
        balances = await self.means.asked(self.means.venue.balances())
        if not isinstance(balances, Found):
            return None
        of_base = [each for each in balances.value if each.asset == self.memory.rules.base]
        free = sum((each.free.amount for each in of_base), Decimal(0))
        locked = sum((each.locked.amount for each in of_base), Decimal(0))
        return _There(free, free + locked)

    def _left(self, there: _There) -> Decimal | None:
        """Returns what of the position is there and free, beside as much as belongs to others; None
        for less than can be sold: one look never says "nothing"."""
        held, rules = self.books.position(self.symbol), self.memory.rules
        if held is None:
            return None
        ours = there.total - self.books.foreign(self.symbol).value
        left = min(held.quantity.value, ours)
        if not self.memory.takes(left, held.entry_price):
            return None
        step = max(rules.lot.step, rules.market_lot.step)
        return left if there.free >= quantity_of(left, step).value else None

    def _keep_to(self, left: Decimal) -> None:
        """Sells no more than `left` until a comparison with the venue has explained the rest."""
        held = self.books.position(self.symbol)
        if held is not None and left < held.quantity.value:
            at_ms = self.means.server_now_ms()
            self.memory.shortage = Shortage(left, at_ms, self.means.now_s)
            self.means.audit()

    def _let_go(self, client_order_id: str) -> None:
        """Goes on without an order whose fate is open; it is asked for until that is known."""
        memory, intent = self.memory, self.books.orders[client_order_id].intent
        # Orders of one request arrive together, or none of them.
        memory.lost.update(each.client_order_id for each in intent.orders)
        memory.doubted.difference_update(memory.lost)

    async def learn(self, reports: Iterable[OrderReport]) -> None:
        """Writes down what reports say of our orders, with the fills they carry."""
        orders = self.books.orders
        ours = tuple(each for each in reports if each.client_order_id in orders)
        for each in ours:
            if each.quantity is not None:
                self.memory.quantities[each.client_order_id] = each.quantity.value
        at_ms = self.means.server_now_ms()
        moves = [sending.moved(each, at_ms) for each in ours]
        news = [
            move
            for move, order in ((move, orders[move.client_order_id]) for move in moves)
            if move.state is not order.state
            or move.executed > order.executed
            or move.venue_order_id != order.venue_order_id
        ]
        await self.commit(*news, *self._booked(ours))

    def _booked(self, reports: Iterable[OrderReport]) -> tuple[Record, ...]:
        carrying = [each for each in reports if each.client_order_id in self.books.orders]
        fills = [fill for each in carrying for fill in each.fills]
        return own_fills(self.books, fills, carrying, self.setting())

    async def _fetch_fills(self, client_order_id: str) -> None:
        order = self.books.orders[client_order_id]
        question = self.memory.question(client_order_id)
        if order.venue_order_id is None:
            self.memory.doubted.add(client_order_id)  # asked for no sooner than its fills
            return
        question_of = self.means.venue.order_trades(self.symbol, order.venue_order_id)
        answer = await self.means.asked(question_of)
        if isinstance(answer, Found):
            records = own_fills(self.books, answer.value, (), self.setting())
            await self.commit(*records)
            if records:
                question.pause.clear()
                return
        wait_s = answer.retry_after_s if isinstance(answer, Unavailable) else None
        self._put_off(question, wait_s)

    def setting(self) -> Setting:
        held = self.books.position(self.symbol)
        return Setting(
            self.memory.rules,
            self.means.timeframe,
            self.means.server_now_ms(),
            0 if held is None else self.unprotected_ms(held.position_id),
            self.memory.opens,
        )

    def unprotected_ms(self, position_id: str) -> int:
        """Returns for how long the position has had no stop, the present gap included."""
        memory, open_s = self.memory, 0.0
        if memory.unprotected_since_s is not None:
            open_s = self.means.now_s - memory.unprotected_since_s
        return round((memory.unprotected_s.get(position_id, 0.0) + open_s) * 1000)

    @property
    def books(self) -> Books:
        return self.means.books

    async def commit(self, *records: Record) -> None:
        """Writes down what protects, closes or has happened: where the database is down, in the
        journal."""
        await self.means.keeper.commit(*records, urgent=True)
        if any(isinstance(each, PositionClosed) for each in records):
            self.memory.forget_position()
