"""Does what `leeward.engine.keeping` says is next for a symbol, and writes down what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
from leeward.domain.timeframe import Timeframe
from leeward.engine import keeping
from leeward.engine.books import Books
from leeward.engine.keeping import Ask, Cancel, Close, FetchFills, Protect, Raise, Sell
from leeward.engine.records import (
    IntentMade,
    Noted,
    OrderState,
    PlanChanged,
    PositionClosed,
    Record,
    Severity,
)
from leeward.runtime.trading import sending
from leeward.runtime.trading.booking import Setting, Told, booked
from leeward.runtime.trading.bookkeeper import Bookkeeper
from leeward.runtime.trading.memory import Memory, Pause
from leeward.venues.governor import Lane
from leeward.venues.timing import Clock
from leeward.venues.venue import Venue

_FILTER_OF_WORTH = ("Filter failure: NOTIONAL", "Filter failure: MIN_NOTIONAL")
#: Refusals of key, signature or account: nothing helps but an operator.
_LOCKED_S = 30.0


@dataclass(frozen=True)
class Means:
    """What the desk of every symbol works with. `audit` asks for a comparison with the venue."""

    venue: Venue
    keeper: Bookkeeper
    clock: Clock
    server_now_ms: Callable[[], int]
    timeframe: Timeframe
    alarm: Callable[[Noted], None]
    audit: Callable[[], None]
    protection_deadline_s: float = 5.0


@dataclass
class Steps:
    """The steps of one symbol. Each asks or sends at most once."""

    means: Means
    symbol: str
    memory: Memory

    async def perform(self, step: keeping.Doing) -> None:
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
                    question.pause.put_off(self._now_s)
                    question.absent_ms.clear()
                    self.memory.questions[client_order_id] = question
            case ConfirmedAbsent(why):
                await self._absent(client_order_id, why)
            case Found(report):
                self._note(
                    "wrong_answer",
                    f"asked for {client_order_id}, told of {report.client_order_id}",
                    Severity.WARNING,
                )
                question.pause.put_off(self._now_s)
            case Unavailable(_, retry_after_s=wait_s):
                question.pause.put_off(self._now_s, wait_s)

    async def _absent(self, client_order_id: str, why: str) -> None:
        question = self.memory.question(client_order_id)
        question.absent_ms.append(self.means.server_now_ms())
        question.pause.put_off(self._now_s)
        order = self.books.orders[client_order_id]
        if len(question.absent_ms) < 3 or question.absent_ms[-1] < order.intent.made_ms + 17_000:
            return
        self.memory.settle(client_order_id)
        at_ms = question.absent_ms[-1]
        await self.commit(*sending.ended((client_order_id,), OrderState.VOID, at_ms, why))

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
        told = [self._told(each) for each in ours if each.fills]
        await self.commit(*news, *self._booked(told))

    def _told(self, report: OrderReport) -> Told:
        order = self.books.orders[report.client_order_id]
        return Told(report.client_order_id, order.planned.role, order.intent, report.fills)

    def _booked(self, told: list[Told]) -> tuple[Record, ...]:
        return booked(self.books, told, self._setting())

    async def _fetch_fills(self, client_order_id: str) -> None:
        order = self.books.orders[client_order_id]
        question = self.memory.question(client_order_id)
        if order.venue_order_id is None:
            self.memory.doubted.add(client_order_id)
            return
        answer = await self.means.venue.order_trades(self.symbol, order.venue_order_id)
        if isinstance(answer, Found):
            told = Told(client_order_id, order.planned.role, order.intent, answer.value)
            records = self._booked([told])
            await self.commit(*records)
            if records:
                question.pause.clear()
                return
        wait_s = answer.retry_after_s if isinstance(answer, Unavailable) else None
        question.pause.put_off(self._now_s, wait_s)

    # Sending.

    async def _protect(self, step: Protect) -> None:
        author = self._author()
        prices = (step.stop, step.target)
        intent = sending.protection(author, self.memory.rules, step.quantity, prices)
        sent = await self.send_written(intent)
        self._count(self.memory.protect, sent)
        if sent is not None and sent.refused is not None:
            await self._refused(sent.refused, "protection")

    async def _raise(self, step: Raise) -> None:
        author = self._author()
        intent = sending.protection(
            author, self.memory.rules, step.quantity, (step.stop, None), replaces=step.old
        )
        sent = await self.send_written(intent)
        self._count(self.memory.raising, sent)
        if sent is not None and sent.refused is not None:
            await self._refused(sent.refused, "protection")

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
                self._note("unprotected", "no stop in time: sold at the market", Severity.CRITICAL)
        sent = await self.send_written(intent, *closing)
        self._count(self.memory.selling, sent)
        if sent is not None and sent.refused is not None:
            await self._refused(sent.refused, "sale")
        elif sent is not None and all(each.executed.is_zero for each in sent.reports):
            self.memory.selling.put_off(self._now_s)

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
        self.memory.doubted.update(sent.doubted)
        for each in sent.reports:
            if each.quantity is not None:
                self.memory.quantities[each.client_order_id] = each.quantity.value
        told = [self._told(each) for each in sent.reports if each.fills]
        await self.commit(*sent.records, *self._booked(told))
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
                self._note("given_up", f"{step.client_order_id}: {step.why}", Severity.WARNING)
            case Refused() as refused:
                memory.doubted.update(self._members(step))
                memory.cancelling.put_off(self._now_s, refused.retry_after_s)
                if refused.reaction is Reaction.SYMBOL_CLOSED:
                    self._closed()
            case Unknown():
                memory.doubted.update(self._members(step))
                memory.cancelling.put_off(self._now_s)
            case NotSent(retry_after_s=wait_s):
                memory.cancelling.put_off(self._now_s, wait_s)

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

    # What a refusal asks for.

    def _count(self, pause: Pause, sent: sending.Sent | None) -> None:
        if sent is None:
            pause.put_off(self._now_s)
        elif sent.not_sent is not None:
            pause.put_off(self._now_s, sent.not_sent.retry_after_s)
        elif sent.refused is not None:
            pause.put_off(self._now_s, sent.refused.retry_after_s)
        else:
            pause.clear()

    async def _refused(self, refused: Refused, what: str) -> None:
        words = f"{self.symbol}: the {what} was refused: {refused.code} {refused.text}"
        match refused.reaction:
            case Reaction.PRICE_MOVED:
                await self._find_crossed()
            case Reaction.FUNDS:
                self._note("short_of_funds", words, Severity.WARNING)
                await self._find_shortage()
            case Reaction.SYMBOL_CLOSED:
                self._closed()
            case Reaction.WAIT | Reaction.RESYNC:
                pass
            case Reaction.STOP:
                self._note("locked", words, Severity.CRITICAL)
                for pause in (self.memory.protect, self.memory.selling, self.memory.raising):
                    pause.at_s = max(pause.at_s, self._now_s + _LOCKED_S)
            case _:
                self._note("refused", words, Severity.CRITICAL)
                if what == "sale" and refused.text.startswith(_FILTER_OF_WORTH):
                    self.memory.unsellable = True
                self.memory.rules_pause.at_s = self._now_s

    async def _find_crossed(self) -> None:
        """Learns which of the two prices the market is beyond; a stop is never waited with."""
        held = self.books.position(self.symbol)
        if held is None:
            return
        self.memory.crossed = "stop"
        target = held.plan.target
        if target is not None:
            answer = await self.means.venue.last_price(self.symbol)
            if isinstance(answer, Found) and answer.value >= target:
                self.memory.crossed = "target"

    async def _find_shortage(self) -> None:
        """Learns how much there is to sell. One look never says "nothing": that is for the audit,
        which looks twice."""
        for name in sorted(self.memory.lost):
            self.memory.lost.discard(name)
            self.memory.doubted.add(name)
        self.means.audit()
        held = self.books.position(self.symbol)
        answer = await self.means.venue.balances()
        if held is None or not isinstance(answer, Found):
            return
        base, least = self.memory.rules.base, self.memory.rules.lot.least
        free = next((each.free.amount for each in answer.value if each.asset == base), None)
        if free is not None and least <= free < held.quantity.value:
            self.memory.most = free

    def _closed(self) -> None:
        self.memory.closed = True
        self.memory.rules_pause.put_off(self._now_s)

    async def refresh_rules(self) -> None:
        """Asks for the symbol's rules anew; a symbol that trades again is tried again."""
        answer = await self.means.venue.rules((self.symbol,))
        if isinstance(answer, Found) and self.symbol in answer.value:
            self.memory.rules = answer.value[self.symbol]
            self.memory.closed = False
        if self.memory.trades:
            self.memory.rules_pause.clear()
        else:
            self.memory.rules_pause.put_off(self._now_s)

    # Small change.

    def _author(self) -> sending.Author:
        held = self.books.position(self.symbol)
        assert held is not None
        entry = self.books.intent(held.position_id)
        assert entry is not None, "a position is opened by its entry's intent"
        leg = max(self.memory.legs, self.books.legs(held.position_id))
        keeper = self.means.keeper
        return sending.Author(entry, leg, keeper.epoch, self.means.server_now_ms())

    def _setting(self) -> Setting:
        held = self.books.position(self.symbol)
        buys = (each for each in self.books.live_orders(self.symbol) if each.may_buy)
        return Setting(
            self.memory.rules,
            self.means.timeframe,
            self.means.server_now_ms(),
            0 if held is None else self.unprotected_ms(held.position_id),
            frozenset(each.client_order_id for each in buys),
        )

    def unprotected_ms(self, position_id: str) -> int:
        """Returns for how long the position has had no stop, the present gap included."""
        memory, open_s = self.memory, 0.0
        if memory.unprotected_since_s is not None:
            open_s = self._now_s - memory.unprotected_since_s
        return round((memory.unprotected_s.get(position_id, 0.0) + open_s) * 1000)

    @property
    def books(self) -> Books:
        return self.means.keeper.books

    async def commit(self, *records: Record) -> None:
        """Writes down what protects, closes or has happened: where the database is down, in the
        journal."""
        await self.means.keeper.commit(*records, urgent=True)
        if any(isinstance(each, PositionClosed) for each in records):
            self.memory.forget_position()

    @property
    def _now_s(self) -> float:
        return self.means.clock.monotonic_s()

    def _note(self, kind: str, words: str, severity: Severity) -> None:
        at_ms = self.means.server_now_ms()
        self.means.alarm(Noted(kind, words, severity, at_ms, self.symbol))
