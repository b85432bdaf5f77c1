"""Does what `leeward.engine.keeping` says is next for a symbol, and writes down what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from leeward.database.errors import AlreadyDecided
from leeward.domain.answers import (
    Acked,
    Found,
    NotSent,
    Reaction,
    Refused,
    Replacement,
    Unknown,
)
from leeward.domain.money import Price
from leeward.engine.adopting import ADOPTED, NAMELESS_LIST
from leeward.engine.records import (
    IntentMade,
    Plan,
    PlanChanged,
    PositionClosed,
    Purpose,
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
from leeward.runtime.trading.means import ANSWER_S, started
from leeward.runtime.trading.questions import Questions
from leeward.runtime.trading.setbacks import Setbacks
from leeward.venues.governor import Lane


@dataclass
class Steps(Questions):
    """The steps of one symbol. Each asks or sends at most once."""

    def __post_init__(self) -> None:
        super().__post_init__()
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

    @property
    def lacks_plan(self) -> bool:
        """Whether a position is held that nobody wrote down, and for which no stop rested."""
        held = self.books.position(self.symbol)
        adopted = held is not None and held.strategy == ADOPTED and held.closing is None
        return adopted and held is not None and held.plan.stop is None

    async def plan_adopted(self) -> bool:
        """Gives what lacks a plan a stop below the last price; returns False where there is no
        price to set it by."""
        held = self.books.position(self.symbol)
        if held is None or not self.lacks_plan:
            return True
        answer = await self.means.asked(self.means.venue.last_price(self.symbol))
        if not isinstance(answer, Found):
            return False
        below = answer.value.value * (1 - self.means.default_stop_fraction)
        stop = sending.on_tick(Price(below), self.memory.rules, "down")
        words = f"no stop rested for what was taken over: one is placed at {stop}"
        at_ms = self.means.server_now_ms()
        plan = Plan(stop, held.plan.target)
        await self.commit(PlanChanged(held.position_id, plan, None, at_ms, words))
        self.means.note(self.symbol, "stop_of_adopted", words, Severity.CRITICAL)
        return True

    async def _protect(self, step: Protect) -> None:
        author = self._author()
        prices = (step.stop, step.target)
        intent = sending.protection(author, self.memory.rules, step.quantity, prices)
        await self.send_written(intent)

    async def _raise(self, step: Raise) -> None:
        self.memory.withdrawn.add(step.old)
        author = self._author()
        intent = sending.protection(
            author, self.memory.rules, step.quantity, (step.stop, None), replaces=step.old
        )
        await self.send_written(intent)

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
        await self.send_written(intent, *closing)

    async def send_written(self, intent: IntentMade, *also: Record) -> None:
        """Commits an intent and sends it once; does neither where its leg was used before."""
        try:
            await self.commit(*also, intent)
        except AlreadyDecided:
            self.memory.legs = self._author().leg + 1
            return
        await self.send(intent)

    async def send(self, intent: IntentMade) -> sending.Sent | None:
        """Sends a committed intent once and writes down what came of it; None where no answer has
        come yet: it is waited for beside everything else, and the orders are asked for."""
        work = sending.send(self.means.venue, intent)
        task = await started(self.means.clock, work, ANSWER_S)
        if task.done():
            return await self._take(intent, task.result())
        self._under_way[intent.intent_id] = (intent, task)
        task.add_done_callback(lambda _: self.wake())
        return None

    async def collect(self) -> None:
        """Writes down the answers that have come late."""
        for name, (intent, task) in list(self._under_way.items()):
            if task.done():
                del self._under_way[name]
                late = Unknown("hung up") if task.cancelled() else task.result()
                await self._take(intent, late)

    def hang_up(self) -> None:
        """Waits for no answer any more."""
        for _, task in self._under_way.values():
            task.cancel()

    async def _take(self, intent: IntentMade, answer: sending.Answer) -> sending.Sent:
        sent = sending.outcome(intent, answer, self.means.server_now_ms())
        for order in intent.orders:
            # What was said before it had arrived says nothing.
            self.memory.settle(order.client_order_id)
        self.memory.doubt(*sent.doubted)
        for each in sent.reports:
            if each.quantity is not None:
                self.memory.quantities[each.client_order_id] = each.quantity.value
        await self.commit(*sent.records, *self._booked(sent.reports))
        await self._count(intent, sent)
        return sent

    async def _count(self, intent: IntentMade, sent: sending.Sent) -> None:
        """Draws from an outcome when the like of it may be tried again."""
        if intent.purpose is Purpose.ENTRY:
            return
        memory, now_s = self.memory, self.means.now_s
        pause = memory.selling if intent.purpose is Purpose.EXIT else memory.protect
        if intent.replaces is not None:
            pause = memory.raising
        if sent.not_sent is not None:
            pause.put_off(now_s, sent.not_sent.retry_after_s)
        elif sent.refused is not None:
            pause.put_off(now_s, sent.refused.retry_after_s)
            what = "sale" if intent.purpose is Purpose.EXIT else "protection"
            await self.setbacks.follow(sent.refused, what)
        elif intent.purpose is Purpose.EXIT and all(each.executed.is_zero for each in sent.reports):
            pause.put_off(now_s, None, memory.patience_s)
        elif sent.reports:
            pause.clear()

    async def _cancel(self, step: Cancel) -> None:
        venue, memory = self.means.venue, self.memory
        memory.withdrawn |= self._members(step)
        held = self.books.position(self.symbol)
        leaving = step.gives_up or held is None or held.closing is not None
        lane = Lane.EXIT if leaving else Lane.PROTECTION
        named = step.client_list_id
        work = (
            venue.cancel(self.symbol, step.client_order_id, lane)
            if named is None or named.startswith(NAMELESS_LIST)
            else venue.cancel_list(self.symbol, named, lane)
        )
        task = await started(self.means.clock, work, ANSWER_S)
        answer: sending.Answer = task.result() if task.done() else Unknown("no answer in time")
        if not task.done():
            task.cancel()
        match answer:
            case Acked(report):
                memory.cancelling.clear()
                assert not isinstance(report, Replacement)
                reports = sending.reports_in(report)
                told = {each.client_order_id for each in reports}
                memory.doubt(*(self._members(step) - told))
                for name in told:
                    memory.settle(name)
                await self.learn(reports)
            case Refused(reaction=Reaction.ASK | Reaction.ABSENT) if step.gives_up:
                await self._give_up(step)
            case Refused() as refused:
                memory.doubt(*self._members(step))
                self._put_off_cancel(refused.retry_after_s)
                if refused.reaction is Reaction.SYMBOL_CLOSED:
                    self.setbacks.closed()
            case Unknown():
                memory.doubt(*self._members(step))
                self._put_off_cancel()
            case NotSent(retry_after_s=wait_s):
                self._put_off_cancel(wait_s)

    def _put_off_cancel(self, least_s: float | None = None) -> None:
        self.memory.cancelling.put_off(self.means.now_s, least_s, self.memory.patience_s)

    async def _give_up(self, step: Cancel) -> None:
        """Goes on without an order that the venue neither has open nor has carried out: nothing was
        sold, and what is under way is refused for being late."""
        memory, name = self.memory, step.client_order_id
        proof = memory.question(name).proof
        if proof is None or not await self._is_overdue(proof):
            self._put_off_cancel()
            return
        memory.cancelling.clear()
        self._let_go(name)
        held = self.books.position(self.symbol)
        fresh = name in memory.inherited and name not in memory.spared
        if fresh and held is not None and held.closing is None:
            # The process before left it open: this one has not tried to protect yet.
            memory.spared |= memory.lost
            memory.deadline_from_s = self.means.now_s
        self.means.note(self.symbol, "given_up", f"{name}: {step.why}", Severity.WARNING)

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
