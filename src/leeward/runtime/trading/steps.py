"""Does what `leeward.engine.keeping` says is next for a symbol, and writes down what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from leeward.database.errors import AlreadyDecided
from leeward.domain.answers import (
    Acked,
    ConfirmedAbsent,
    Found,
    NotSent,
    Reaction,
    Refused,
    Unavailable,
    Unknown,
)
from leeward.domain.orders import OrderReport
from leeward.engine.absence import ANSWERS, AbsenceProof
from leeward.engine.books import Books
from leeward.engine.records import (
    IntentMade,
    OrderState,
    PlanChanged,
    PositionClosed,
    Record,
    Severity,
)
from leeward.engine.symbol_view import (
    Ask,
    Cancel,
    Close,
    Doing,
    FetchFills,
    Protect,
    Raise,
    Sell,
)
from leeward.runtime.trading import sending
from leeward.runtime.trading.asking import all_trades
from leeward.runtime.trading.booking import Setting, own_fills
from leeward.runtime.trading.means import Means
from leeward.runtime.trading.memory import Memory, Pause
from leeward.runtime.trading.setbacks import Setbacks
from leeward.venues.governor import Lane


@dataclass
class Steps:
    """The steps of one symbol. Each asks or sends at most once."""

    means: Means
    symbol: str
    memory: Memory

    def __post_init__(self) -> None:
        self.setbacks = Setbacks(self.means, self.symbol, self.memory)

    async def perform(self, step: Doing) -> None:
        match step:
            case Ask(name):
                await self.ask(name)
            case FetchFills(name):
                await self._fetch_fills(name)
            case Protect():
                await self._protect(step)
            case Raise():
                await self._raise(step)
            case Cancel():
                await self._cancel(step)
            case Sell():
                await self._sell(step)
            case Close(reason):
                await self._close(reason)
            case _:
                assert_never(step)

    # Asking.

    async def ask(self, client_order_id: str) -> None:
        answer = await self.means.venue.order(self.symbol, client_order_id)
        question = self.memory.question(client_order_id)
        match answer:
            case Found(report) if report.client_order_id == client_order_id:
                self.memory.settle(client_order_id)
                await self.learn((report,))
                if not self.books.orders[client_order_id].is_done:
                    # Where it is still in question it is not asked for again at once.
                    question.pause.put_off(self.means.now_s)
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
                question.pause.put_off(self.means.now_s)
            case Unavailable(_, retry_after_s=wait_s):
                question.pause.put_off(self.means.now_s, wait_s)

    async def _absent(self, client_order_id: str) -> None:
        """Counts an answer "no such order": many, far apart and late, prove that it never came."""
        question = self.memory.question(client_order_id)
        question.pause.put_off(self.means.now_s)
        if not self.books.orders[client_order_id].unresolved:
            self.means.audit()  # the venue had it once: that is for a second look at everything
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

    async def _is_proven(self, proof: AbsenceProof) -> bool:
        """Returns whether open orders, lists and trades know nothing of the order either."""
        venue, books = self.means.venue, self.books
        orders, lists = await venue.open_orders(self.symbol), await venue.open_order_lists()
        trades = await all_trades(venue, self.symbol, books.next_trade_id(self.symbol))
        answered = isinstance(orders, Found) and isinstance(lists, Found)
        if not answered or not isinstance(trades, Found):
            return False
        assert isinstance(orders, Found)
        assert isinstance(lists, Found)
        named = {each.client_order_id for each in orders.value}
        named |= {each.client_order_id for listed in lists.value for each in listed.orders}
        order = books.orders[proof.client_order_id]
        return proof.is_proven(
            listed=proof.client_order_id in named,
            unexplained_trades=any(
                fill.side is order.planned.side
                and fill.time_ms >= order.intent.made_ms
                and books.order_by_venue_id(self.symbol, fill.order_id) is None
                and not books.has_fill(self.symbol, fill.trade_id)
                for fill in trades.value
            ),
        )

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
            or move.executed != order.executed
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
            self.memory.doubted.add(client_order_id)
            return
        answer = await self.means.venue.order_trades(self.symbol, order.venue_order_id)
        if isinstance(answer, Found):
            records = own_fills(self.books, answer.value, (), self.setting())
            await self.commit(*records)
            if records:
                question.pause.clear()
                return
        wait_s = answer.retry_after_s if isinstance(answer, Unavailable) else None
        question.pause.put_off(self.means.now_s, wait_s)

    # Sending.

    async def _protect(self, step: Protect) -> None:
        author = self._author()
        prices = (step.stop, step.target)
        intent = sending.protection(author, self.memory.rules, step.quantity, prices)
        sent = await self.send_written(intent)
        self._count(self.memory.protect, sent)
        if sent is not None and sent.refused is not None:
            await self.setbacks.follow(sent.refused, "protection")

    async def _raise(self, step: Raise) -> None:
        author = self._author()
        intent = sending.protection(
            author, self.memory.rules, step.quantity, (step.stop, None), replaces=step.old
        )
        sent = await self.send_written(intent)
        self._count(self.memory.raising, sent)
        if sent is not None and sent.refused is not None:
            await self.setbacks.follow(sent.refused, "protection")

    async def _sell(self, step: Sell) -> None:
        held = self.books.position(self.symbol)
        assert held is not None
        intent = sending.sale(self._author(), self.memory.rules, step.quantity)
        at_ms = self.means.server_now_ms()
        closing: tuple[Record, ...] = ()
        if held.closing is None:
            why = f"sold at the market: {step.reason}"
            closing = (PlanChanged(held.position_id, held.plan, step.reason, at_ms, why),)
            if step.reason == "containment":
                self.means.note(
                    self.symbol,
                    "unprotected",
                    "no stop in time: sold at the market",
                    Severity.CRITICAL,
                )
        sent = await self.send_written(intent, *closing)
        self._count(self.memory.selling, sent)
        if sent is not None and sent.refused is not None:
            await self.setbacks.follow(sent.refused, "sale")
        elif sent is not None and all(each.executed.is_zero for each in sent.reports):
            self.memory.selling.put_off(self.means.now_s)

    async def send_written(self, intent: IntentMade, *also: Record) -> sending.Sent | None:
        """Commits an intent and sends it once; returns None where its leg was used before."""
        try:
            await self.commit(*also, intent)
        except AlreadyDecided:
            self.memory.legs = self._author().leg + 1
            return None
        return await self.send(intent)

    async def send(self, intent: IntentMade) -> sending.Sent:
        """Sends a committed intent once and writes down what came of it."""
        answer = await sending.send(self.means.venue, intent)
        sent = sending.outcome(intent, answer, self.means.server_now_ms())
        for order in intent.orders:
            self.memory.settle(order.client_order_id)  # what was asked before it left says nothing
        self.memory.doubted.update(sent.doubted)
        for each in sent.reports:
            if each.quantity is not None:
                self.memory.quantities[each.client_order_id] = each.quantity.value
        await self.commit(*sent.records, *self._booked(sent.reports))
        return sent

    async def _cancel(self, step: Cancel) -> None:
        venue, memory = self.means.venue, self.memory
        held = self.books.position(self.symbol)
        leaving = step.gives_up or held is None or held.closing is not None
        lane = Lane.EXIT if leaving else Lane.PROTECTION
        answer: sending.Answer
        if step.client_list_id is None:
            answer = await venue.cancel(self.symbol, step.client_order_id, lane)
        else:
            answer = await venue.cancel_list(self.symbol, step.client_list_id, lane)
        match answer:
            case Acked(report):
                memory.cancelling.clear()
                reports = sending.reports_in(report)
                told = {each.client_order_id for each in reports}
                memory.doubted.update(self._members(step) - told)
                for name in told:
                    memory.settle(name)
                await self.learn(reports)
            case Refused(reaction=Reaction.ASK | Reaction.ABSENT) if step.gives_up:
                memory.lost.add(step.client_order_id)
                memory.doubted.discard(step.client_order_id)
                self.means.note(
                    self.symbol, "given_up", f"{step.client_order_id}: {step.why}", Severity.WARNING
                )
            case Refused() as refused:
                memory.doubted.update(self._members(step))
                memory.cancelling.put_off(self.means.now_s, refused.retry_after_s)
                if refused.reaction is Reaction.SYMBOL_CLOSED:
                    self.setbacks.closed()
            case Unknown():
                memory.doubted.update(self._members(step))
                memory.cancelling.put_off(self.means.now_s)
            case NotSent(retry_after_s=wait_s):
                memory.cancelling.put_off(self.means.now_s, wait_s)

    def _members(self, step: Cancel) -> set[str]:
        """Returns the order, or all of the list that is cancelled with it."""
        intent = self.books.orders[step.client_order_id].intent
        if step.client_list_id is None:
            return {step.client_order_id}
        return {each.client_order_id for each in intent.orders}

    async def _close(self, reason: str) -> None:
        held = self.books.position(self.symbol)
        assert held is not None
        trade = self.books.trade_of(held.position_id, reason)
        at_ms = self.means.server_now_ms()
        await self.commit(PositionClosed(trade, at_ms, self.unprotected_ms(held.position_id)))

    # Small change.

    def _count(self, pause: Pause, sent: sending.Sent | None) -> None:
        if sent is None:
            pause.put_off(self.means.now_s)
        elif sent.not_sent is not None:
            pause.put_off(self.means.now_s, sent.not_sent.retry_after_s)
        elif sent.refused is not None:
            pause.put_off(self.means.now_s, sent.refused.retry_after_s)
        else:
            pause.clear()

    def _author(self) -> sending.Author:
        """Returns in whose name the desk acts: that of the entry, where one is written down."""
        held = self.books.position(self.symbol)
        assert held is not None
        keeper, entry = self.means.keeper, self.books.intent(held.position_id)
        return sending.Author(
            account=self.books.account,
            symbol=self.symbol,
            position_id=held.position_id,
            open_time_ms=held.entry_time_ms if entry is None else entry.key.open_time_ms,
            session_id="" if entry is None else entry.session_id,
            strategy=held.strategy,
            strategy_version="" if entry is None else entry.strategy_version,
            leg=max(self.memory.legs, self.books.legs(held.position_id), 1),
            epoch=keeper.epoch,
            made_ms=self.means.server_now_ms(),
        )

    def setting(self) -> Setting:
        held = self.books.position(self.symbol)
        return Setting(
            self.memory.rules,
            self.means.timeframe,
            self.means.server_now_ms(),
            0 if held is None else self.unprotected_ms(held.position_id),
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
