"""The desk of an account: keeps every symbol as it is wanted, whatever happens at the venue."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NoReturn

from leeward.domain.answers import Acked, Found, Unavailable
from leeward.domain.errors import BadUsage
from leeward.domain.orders import OrderReport
from leeward.domain.rules import SymbolRules
from leeward.domain.timeframe import Timeframe
from leeward.engine.facts import Doubt, Findings, differences
from leeward.engine.reconcile import reconcile
from leeward.engine.records import IntentMade, Noted, PositionClosed, Severity, TradingState
from leeward.runtime.sections import TradingSettings
from leeward.runtime.trading.asking import facts_of
from leeward.runtime.trading.booking import closing
from leeward.runtime.trading.bookkeeper import Bookkeeper
from leeward.runtime.trading.means import Means
from leeward.runtime.trading.memory import Memory
from leeward.runtime.trading.sending import reports_in
from leeward.runtime.trading.strangers import Strangers
from leeward.runtime.trading.tending import PATIENCE_S, Tender, pause
from leeward.venues.binance_codec_events import CashFlowEvent, ListEvent, OrderEvent
from leeward.venues.binance_errors import NO_SYMBOL
from leeward.venues.binance_user_stream import Gap, KeyRefused, Told
from leeward.venues.governor import Lane
from leeward.venues.timing import Clock, Moment
from leeward.venues.venue import Venue

#: So often a comparison is begun anew because the books changed under it.
_ATTEMPTS = 5
#: Seconds between two comparisons at the least; and where one left something open.
_LEAST_AUDIT_S = 1.0
_AGAIN_S = 11.0


@dataclass(frozen=True, slots=True)
class RecoveryReport:
    """What a comparison with the venue came to. `clean`: books and venue agree, every order's fate
    is known and every position protected. `words` says what is left where not."""

    clean: bool
    words: str
    alarms: tuple[Noted, ...] = ()


@dataclass
class Desk:
    """Enters what was decided, protects what is held, closes what is to be closed.

    `rules` name the symbols of the account. `tighten` is called with a state the account has to
    move to, and why; it writes the move down. `alarm` takes notes for an operator; it must not
    raise. A position that nobody wrote down gets a stop `default_stop_fraction` below the last
    price where none rests. The user stream's events come by `hint`; nothing depends on them.
    """

    venue: Venue
    keeper: Bookkeeper
    rules: Mapping[str, SymbolRules]
    settings: TradingSettings
    clock: Clock
    server_now_ms: Callable[[], int]
    alarm: Callable[[Noted], None]
    timeframe: Timeframe
    tighten: Callable[[TradingState, str], Awaitable[None]] | None = None
    receive_window_ms: int = 5000
    default_stop_fraction: float = 0.05
    may_enter: Callable[[], bool] = lambda: True
    #: What the last comparison left open, in words; nothing where all agreed.
    left: str = field(default="", init=False)
    _tenders: dict[str, Tender] = field(default_factory=dict, init=False)
    _woken: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _audit_at_s: float = field(default=0.0, init=False)
    _audit_not_before_s: float = field(default=0.0, init=False)
    _audited_at_s: float = field(default=0.0, init=False)
    _halts_for: str = field(default="", init=False)
    _group: asyncio.TaskGroup | None = field(default=None, init=False)
    _doubts: Mapping[str, Doubt] = field(default_factory=dict, init=False)
    _strangers: Strangers = field(default_factory=Strangers, init=False)

    def __post_init__(self) -> None:
        self._means = Means(
            self.venue,
            self.keeper,
            self.clock,
            self.server_now_ms,
            self.timeframe,
            self.alarm,
            self._want_audit,
            self.settings.protection_deadline_s,
            self.receive_window_ms,
            self._tighten,
            self.may_enter,
            Decimal(repr(self.default_stop_fraction)),
        )
        for symbol, rules in self.rules.items():
            self._tenders[symbol] = Tender(self._means, symbol, Memory(rules))
        self._audited_at_s = self._now_s
        self._audit_at_s = self._now_s + self.settings.audit_s

    # What the session asks for.

    async def enter(self, intents: Iterable[IntentMade], decided: Moment | None = None) -> None:
        """Sends entries that are committed, each once, and looks after what they bought; one that
        comes too late after `decided`, or that the account may not make any more, is void."""
        since = decided or self.clock.moment()
        async with asyncio.TaskGroup() as group:
            for intent in intents:
                group.create_task(self._tender(intent.key.symbol).enter(intent, since))

    async def tend(self, symbol: str) -> bool:
        """Returns whether the symbol is settled, after doing what it needs; where that takes long,
        `run` goes on with it. For one that the exchange has no more nothing can be done."""
        tender = self._tenders.get(symbol)
        return tender is None or await tender.tend()

    async def tend_all(self, patience_s: float = PATIENCE_S) -> bool:
        """Returns whether every symbol is settled, as `tend`; an error in one is raised last."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each.tried(patience_s)) for each in self._tenders.values()]
        for error in filter(None, (task.result() for task in tasks)):
            raise error
        return self.settled

    async def recover(self) -> RecoveryReport:
        """Asks the venue for everything, writes down what was missed, protects, and says what is
        left. May be interrupted anywhere and called as often as wanted."""
        for symbol in self._tenders:
            self.look(symbol)
        unknown = await self._unknown_symbols()
        await self.audit()
        await self.tend_all()
        report = await self.audit()
        if not unknown:
            return report
        self.left = "; ".join(filter(None, (report.words, f"the venue did not tell of {unknown}")))
        return RecoveryReport(clean=False, words=self.left, alarms=report.alarms)

    async def audit(self) -> RecoveryReport:
        """Compares the books with the venue and writes down what was missed; protects and closes
        what follows from it."""
        self._audit_at_s = float("inf")
        try:
            return await self._audited()
        except BaseException:
            self._want_audit()  # one that ended in the middle is not the last
            raise

    async def _audited(self) -> RecoveryReport:
        if self._halts_for:
            await self._tighten(TradingState.HALTED, self._halts_for)
            self._halts_for = ""
        report = None
        for _ in range(_ATTEMPTS):
            report = report or await self._compare()
        await self._unknown_symbols()  # what came to light there is looked after from now on
        if report is None:
            words = "the books changed while the venue was asked; once more"
            report = RecoveryReport(clean=False, words=words)
        now_s, self.left = self._now_s, report.words
        self._audit_not_before_s = now_s + _LEAST_AUDIT_S
        soon_s = self.settings.audit_s if report.clean else _AGAIN_S
        wanted_s = (
            self._audit_at_s if self._audit_at_s < float("inf") else now_s + self.settings.audit_s
        )
        self._audit_at_s = max(now_s + _LEAST_AUDIT_S, min(wanted_s, now_s + soon_s))
        self._woken.set()  # whoever waits for the next one did not know when that is
        return report

    def look(self, symbol: str) -> None:
        """Has every order of a symbol asked for, unless the exchange has it no more."""
        if (tender := self._tenders.get(symbol)) is None:
            return
        for order in self.keeper.books.live_orders(symbol):
            tender.memory.doubt(order.client_order_id)
        tender.touch()

    def learn_rules(self, rules: Mapping[str, SymbolRules]) -> None:
        """Takes rules as the venue tells them now; what rests already stays as it is."""
        for symbol, each in rules.items():
            tender = self._tenders.get(symbol)
            if tender is not None and tender.memory.rules != each:
                tender.memory.learn_rules(each)
                tender.touch()

    def note_open(self, symbol: str, open_time_ms: int, open_: float) -> None:
        """Takes the open of a candle: a stop at or above it was jumped over, not touched."""
        tender = self._tenders.get(symbol)
        if tender is not None:
            tender.memory.note_open(open_time_ms, Decimal(repr(open_)))

    def hint(self, told: Told) -> None:
        """Takes an event of the user stream: it says where to look, never what is true."""
        match told:
            case OrderEvent(report):
                self._hint_of_order(report)
            case ListEvent(report):
                for each in report.orders:
                    self._doubt(report.symbol, each.client_order_id)
            case Gap() | CashFlowEvent():
                self._want_audit()
            case KeyRefused(refused):
                words = f"the exchange does not take the key: {refused.code} {refused.text}"
                at_ms = self.server_now_ms()
                self.alarm(Noted("key_refused", words, Severity.CRITICAL, at_ms))
                self._halts_for = f"key_refused: {words}"
                self._want_audit()
            case _:
                pass

    async def run(self) -> None:
        """Follows hints, open questions and audits until cancelled; an error in any ends it."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for tender in self._tenders.values():
                    group.create_task(tender.keep())
                group.create_task(self._audit_regularly())
        finally:
            self._group = None
            for tender in self._tenders.values():
                tender.steps.hang_up()

    async def _audit_regularly(self) -> NoReturn:
        while True:
            self._woken.clear()
            if self._audit_at_s <= self._now_s:
                await self.audit()
            else:
                await pause(self.clock, self._audit_at_s - self._now_s, self._woken)

    # What the session asks about.

    @property
    def reads_again(self) -> bool:
        """Whether something was read once, and counts only when it is read again."""
        return bool(self._doubts)

    def uncompared_s(self) -> float:
        """Returns for how long a comparison has been overdue in which the venue told what is open
        and what is there; below zero while none is due."""
        return self._now_s - self._audited_at_s - self.settings.audit_s

    @property
    def settled(self) -> bool:
        """Whether the venue is known to hold what is wanted, in every symbol."""
        return all(tender.settled for tender in self._tenders.values())

    def unprotected_s(self, symbol: str) -> float:
        """Returns for how long the open position of a symbol has had no stop, in sum; 0 where it
        is not traded any more and not looked after yet."""
        held, tender = self.keeper.books.position(symbol), self._tenders.get(symbol)
        if held is None or tender is None:
            return 0.0
        return tender.steps.unprotected_ms(held.position_id) / 1000

    def naked_s(self) -> float:
        """Returns for how long something held has had no stop by now, at the most."""
        since = [each.memory.unprotected_since_s for each in self._tenders.values()]
        return max((self._now_s - each for each in since if each is not None), default=0.0)

    # Comparing.

    async def _compare(self) -> RecoveryReport | None:
        """Returns what a comparison came to, None where the books changed under it."""
        keeper = self.keeper
        before = keeper.turns
        facts = await facts_of(self._means, self._tenders, self._doubts)
        async with AsyncExitStack() as stack:
            for _, tender in sorted(self._tenders.items()):
                await stack.enter_async_context(tender.lock)
            if keeper.turns != before:
                return None
            findings = reconcile(keeper.books, facts, keeper.epoch, self.timeframe)
            await self._write_down(findings)
            await self._leave(facts.gone, facts.at_ms)
        if facts.open_orders is not None and facts.balances is not None:
            self._audited_at_s = self._now_s
        for report in findings.cancel:
            await self._cancel(report)
        if findings.is_clean:
            for tender in self._tenders.values():
                tender.memory.trust_books(self._now_s)
        await self.tend_all(0.0)
        return self._report(findings, differences(facts, findings))

    async def _write_down(self, findings: Findings) -> None:
        if findings.tighten is not None:
            state, why = findings.tighten
            await self._tighten(state, f"books_differ: {why}")
        ended = [
            each
            for tender in self._tenders.values()
            for each in closing(self.keeper.books, findings.records, tender.steps.setting())
        ]
        await self.keeper.commit(*findings.records, *ended, urgent=True)
        self._doubts = findings.doubts
        for noted in (*findings.alarms, *self._strangers.news(findings.records, self._now_s)):
            self.alarm(noted)
        for each in ended:
            self._tenders[each.trade.symbol].memory.forget_position()
        for name in findings.ask:
            self._doubt(self.keeper.books.orders[name].symbol, name)

    async def _leave(self, gone: Iterable[str], at_ms: int) -> None:
        """Sends nothing for symbols that the venue has no more, until it tells their rules again;
        ends a position of which another hand left nothing, where nobody looks after it."""
        books = self.keeper.books
        for symbol in gone:
            held = books.position(symbol)
            if symbol in self._tenders:
                self._tenders[symbol].memory.closed = True
            elif held is not None and held.closing is not None and held.quantity.is_zero:
                trade = books.trade_of(held.position_id, held.closing)
                await self.keeper.commit(PositionClosed(trade, at_ms, 0), urgent=True)

    async def _cancel(self, report: OrderReport) -> None:
        """Cancels an order of ours that serves nobody; what comes of it the next look says."""
        tender = self._tenders.get(report.symbol)
        answer = await self.venue.cancel(report.symbol, report.client_order_id, Lane.EXIT)
        if isinstance(answer, Acked) and tender is not None:
            async with tender.lock:
                await tender.steps.learn(reports_in(answer.report))
        else:
            self._want_audit()

    def _report(self, findings: Findings, differs: str) -> RecoveryReport:
        open_symbols = [name for name, each in sorted(self._tenders.items()) if not each.settled]
        left = []
        if not findings.is_clean:
            left.append(f"books and venue do not agree yet{differs}")
        if open_symbols:
            left.append(f"not settled: {', '.join(open_symbols)}")
        if not self.keeper.is_durable:
            left.append("the database lacks what the journal has")
        return RecoveryReport(not left, "; ".join(left), findings.alarms)

    async def _unknown_symbols(self) -> str:
        """Looks after symbols that are not traded any more, where something is left of them;
        returns in words those of which the venue did not answer."""
        books = self.keeper.books
        left = {each.symbol for each in books.positions()}
        left |= {each.symbol for each in books.live_orders()}
        silent = []
        # One by one: a symbol that the exchange has no more would spoil the answer for all. It
        # never comes back, so that it is not waited for.
        for symbol in sorted(left - self._tenders.keys()):
            answer = await self._means.asked(self.venue.rules((symbol,)))
            if isinstance(answer, Found) and symbol in answer.value:
                memory = Memory(answer.value[symbol])
                tender = self._tenders[symbol] = Tender(self._means, symbol, memory)
                self.look(symbol)
                if self._group is not None:
                    self._group.create_task(tender.keep())
            elif isinstance(answer, Unavailable) and answer.code != NO_SYMBOL:
                silent.append(symbol)
        return ", ".join(silent)

    # Small change.

    async def _tighten(self, state: TradingState, why: str) -> None:
        if self.tighten is not None:
            await self.tighten(state, why)

    def _hint_of_order(self, report: OrderReport) -> None:
        order = self.keeper.books.orders.get(report.client_order_id)
        namesake = self._strangers.namesake(self.keeper.books, report)
        if namesake:
            self._halts_for = f"stray_order: {namesake}"
            self._want_audit()
        if order is None:
            self._want_audit()  # another hand, or a life of ours that the books do not know
        elif not order.is_done:
            self._doubt(report.symbol, report.client_order_id)

    def _doubt(self, symbol: str, client_order_id: str) -> None:
        tender = self._tenders.get(symbol)
        if tender is not None and client_order_id in self.keeper.books.orders:
            tender.doubt(client_order_id)

    def _want_audit(self) -> None:
        self._audit_at_s = min(self._audit_at_s, max(self._now_s, self._audit_not_before_s))
        self._woken.set()

    def _tender(self, symbol: str) -> Tender:
        tender = self._tenders.get(symbol)
        if tender is None:
            known = ", ".join(sorted(self._tenders))
            raise BadUsage(f"{symbol} is not traded here; the symbols are {known}")
        return tender

    @property
    def _now_s(self) -> float:
        return self.clock.monotonic_s()
