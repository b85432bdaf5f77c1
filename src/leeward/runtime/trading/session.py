"""A trading session: candles in, one decision a step, written down, then done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from leeward.database.errors import AlreadyDecided, DatabaseDown
from leeward.domain.candle import Candle
from leeward.domain.rules import SymbolRules
from leeward.domain.timeframe import Timeframe
from leeward.engine.gate import Door
from leeward.engine.records import (
    Noted,
    SessionEnded,
    SessionStarted,
    Severity,
    StateMoved,
    TradingState,
)
from leeward.risk.limits import RiskLimits
from leeward.runtime.trading.arrivals import Arrivals, Step
from leeward.runtime.trading.bookkeeper import Bookkeeper
from leeward.runtime.trading.deciders import Deciders
from leeward.runtime.trading.deciding import STRATEGY_FAILED
from leeward.runtime.trading.desk import Desk
from leeward.runtime.trading.entering import Entering, Identity
from leeward.runtime.trading.facts import what_is_left
from leeward.runtime.trading.measuring import Measures
from leeward.runtime.trading.pulse import LastPrices, pulse
from leeward.runtime.trading.standing import Standing
from leeward.runtime.trading.step_records import (
    StepDecision,
    account_view,
    decimals,
    step_records,
)
from leeward.runtime.trading.tending import pause
from leeward.runtime.trading.valuing import other_prices
from leeward.runtime.trading.views import AccountView, StepChoices
from leeward.venues.binance_codec_market import BestPrices, MarketEvent
from leeward.venues.paper import PaperVenue
from leeward.venues.timing import Clock
from leeward.venues.venue import Venue

_RECOVER_AGAIN_S: Final = 5.0
_SETTLE_S: Final = 15.0
#: How long an order on paper waits for the next open, at most.
_OPEN_S: Final = 30.0
#: Steps in a row without a word of the strategy after which entries stop altogether.
_FAILURES: Final = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """What a session trades, and when it ends by itself."""

    who: Identity
    timeframe: Timeframe
    limits: RiskLimits
    how: Entering
    until_ms: int | None = None
    candles: int | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """One step for people; `took_s` runs from its last candle to the commit, `decided_s` to the
    decision."""

    decision: StepDecision
    state: TradingState
    took_s: float
    decided_s: float


async def _as_before() -> frozenset[str]:
    return frozenset()


async def _nothing_more(_: Step) -> None:
    return None


@dataclass
class TradingSession:
    """Decides on the candles that `offer` brings; `rules` of the symbols are kept up to date."""

    plan: Plan
    decider: Deciders
    desk: Desk
    keeper: Bookkeeper
    standing: Standing
    rules: dict[str, SymbolRules]
    venue: Venue
    clock: Clock
    server_now_ms: Callable[[], int]
    alarm: Callable[[Noted], None]
    show: Callable[[Shown], None] = lambda _: None
    paper: PaperVenue | None = None
    #: Orders on paper fill at the best prices at once, not at the next open.
    fills_by_book: bool = False
    #: Keeps the candles of a step for replays.
    keep: Callable[[Sequence[Candle]], None] = lambda _: None
    late_s: float = 15.0
    reconciled: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    end_reason: str = ""
    measures: Measures = field(default_factory=Measures)
    last_prices: LastPrices = field(default_factory=LastPrices)
    #: Before a decision the strategy may be exchanged; gives the symbols to be sold for that.
    at_close: Callable[[], Awaitable[frozenset[str]]] = _as_before
    after: Callable[[Step], Awaitable[None]] = _nothing_more
    #: What is to replace the strategy, and when; JSON-ready.
    coming: Mapping[str, object] | None = None
    _compared: asyncio.Event = field(default_factory=asyncio.Event)
    _told: set[str] = field(default_factory=set)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _opens: dict[str, int] = field(default_factory=dict)
    _new_open: asyncio.Event = field(default_factory=asyncio.Event)
    _prices: dict[str, Decimal] = field(default_factory=dict)
    _arrived_s: float = 0.0
    _failures: int = 0

    def __post_init__(self) -> None:
        self.arrivals = Arrivals(
            self.decider.symbols, self.plan.timeframe, (), self.decider.last_ms, self.late_s
        )
        self.renew_series()
        self.decider.renewed.clear()

    def renew_series(self) -> None:
        """Waits at each step for the candles that those who decide now read."""
        own = {(symbol, self.plan.timeframe.name) for symbol in self.decider.symbols}
        further = [each for each in self.decider.series if each not in own]
        if set(further) != set(self.arrivals.further):
            self.arrivals.further = further
            self.decider.renewed.set()

    # The market.

    def offer(self, candle: Candle) -> None:
        """Takes a closed candle; on paper the account's orders meet it first."""
        if self._is_traded(candle):
            self._opened(candle)
            self.last_prices.take(candle, self.server_now_ms())
            if self.paper is not None:
                self.paper.offer_candle(candle)
        self._arrived_s = self.clock.monotonic_s()
        self.arrivals.take(candle, self._arrived_s)
        self._woken.set()

    def forming(self, candle: Candle) -> None:
        """Takes the state of a candle that is still open: where the market stands, on paper."""
        if self._is_traded(candle):
            self._opened(candle)
            self.last_prices.take(candle, self.server_now_ms())
            if self.paper is not None:
                self.paper.offer_open(candle.symbol, candle.open_time_ms, candle.open)

    def quoted(self, event: MarketEvent) -> None:
        """Takes the best prices, where orders on paper fill by them."""
        paper = self.paper
        match event:
            case BestPrices(bid=bid, ask=ask) if not (paper is None or bid is None or ask is None):
                paper.offer_book(event.symbol, bid, ask)

    def told(self, symbol: str) -> None:
        """Takes the word of the paper venue that orders of a symbol changed."""
        self._told.add(symbol)
        self.desk.look(symbol)

    def behind_ms(self) -> int:
        """Returns how long the oldest candle is overdue, zero where none is."""
        length_ms = self.plan.timeframe.length_ms
        series = [(symbol, self.plan.timeframe.name) for symbol in self.decider.symbols]
        known = [last for each in series if (last := self.decider.last_ms(each)) is not None]
        return max(0, self.server_now_ms() - min(known) - 2 * length_ms) if known else 0

    def _is_traded(self, candle: Candle) -> bool:
        return candle.timeframe == self.plan.timeframe and candle.symbol in self.rules

    # From start to end.

    def go_on_as(self, who: Identity, keep: Callable[[Sequence[Candle]], None]) -> None:
        """Goes on in the name of a strategy that took over."""
        self.plan, self.keep = replace(self.plan, who=who), keep
        self._failures = 0
        self.measures.begin_anew()
        self.renew_series()

    async def begin(self, started: SessionStarted) -> None:
        """Goes to RECOVERING and writes the session down."""
        await self.standing.boot()
        await self.keeper.commit(started)

    async def recover(self) -> str:
        """Compares books and venue once; returns what is left, nothing where all agree."""
        report = await self.desk.recover()
        if report.clean:
            await self.standing.recovered()
        self.reconciled = report.clean  # only now: what could not be written down is tried again
        self._compared.set()
        return report.words

    async def keep_reconciled(self) -> None:
        """Goes on comparing until books and venue agree for the first time."""
        while not self.reconciled:
            words = await self.recover()
            if not self.reconciled:
                self._note("recovering", words, Severity.WARNING)
                await self.clock.sleep(_RECOVER_AGAIN_S)

    async def run(self) -> None:
        """Decides step by step, once books and venue were compared, until the session is to end."""
        await self._compared.wait()
        while not self.ended.is_set():
            self._woken.clear()
            step = self.arrivals.due(self.clock.monotonic_s())
            if step is not None:
                await self.decide(step)
                self._end_if_over()
            else:
                await self._wait()

    def end(self, reason: str) -> None:
        """Ends the session after the step that is under way."""
        if not self.ended.is_set():
            self.end_reason = reason
            self.ended.set()
            self._compared.set()
            self._woken.set()

    async def finish(self) -> str:
        """Waits a while until nothing is under way and writes the end down; returns in words what
        is left protected at the venue."""
        until_s = self.clock.monotonic_s() + _SETTLE_S
        while not self.desk.settled and self.clock.monotonic_s() < until_s:
            await self.clock.sleep(0.2)
        ended = SessionEnded(self.plan.who.session_id, self.end_reason, self.server_now_ms())
        await self.keeper.commit(ended, urgent=True)
        return what_is_left(self.keeper.books, settled=self.desk.settled)

    def _end_if_over(self) -> None:
        plan = self.plan
        if plan.candles is not None and self.measures.steps >= plan.candles:
            self.end(f"{plan.candles} candles are over" if plan.candles > 1 else "1 candle is over")
        if plan.until_ms is not None and self.server_now_ms() >= plan.until_ms:
            self.end("its time is over")

    async def _wait(self) -> None:
        """Waits for a candle, for a late one to be given up, or for the end of the session."""
        waits = [self.arrivals.wait_s(self.clock.monotonic_s())]
        if self.plan.until_ms is not None:
            waits.append(1.0)
        known = [each for each in waits if each is not None]
        await pause(self.clock, max(0.01, min(known)) if known else 3600.0, self._woken)
        self._end_if_over()

    # One step.

    async def decide(self, step: Step) -> None:
        """Decides on a step and does it: exits and stops first, then entries."""
        for words in self.decider.take(step):
            self._note("bad_candle", words, Severity.WARNING)
        for symbol in sorted(self._told):
            self._told.discard(symbol)
            await self.desk.tend(symbol)
        books, symbols = self.keeper.books, self.decider.symbols
        known, ask = self._prices, self.venue.last_price
        self._prices |= await other_prices(books, symbols, ask, known, self.clock)
        leaving = await self.at_close()
        await self.standing.review()
        async with self.standing.lock:  # what is written before the step is what it was decided on
            held = {each.symbol: each.position_id for each in books.positions()}
            made = self.decider.decide(self._view, held)
            decided = self.clock.moment()
            flow = books.unmarked_flow
            decision = await self._write(made)
        took_s = self.clock.monotonic_s() - self._arrived_s
        self._look_at_strategy(made)
        decided_s = decided.monotonic_s - self._arrived_s
        self.show(Shown(decision, self.standing.state, took_s, decided_s))
        leaving |= decision.leaving
        await self._tend(frozenset(decision.changed) - leaving)
        # On paper both fill at the next open: nothing is sent before there is one.
        await self._next_opens(step, leaving | {each.key.symbol for each in decision.entries})
        await self._tend(leaving)
        await self.desk.enter(decision.entries, decided)
        self._keep(step.candles)
        await self.after(step)
        self.measures.step(decision.records, flow, took_s, self.plan.timeframe.length_ms)

    def _keep(self, candles: Sequence[Candle]) -> None:
        try:
            self.keep(candles)
        except OSError as error:
            self._note("candles_not_kept", f"{error.strerror}: no replay", Severity.WARNING)

    def _look_at_strategy(self, made: StepChoices) -> None:
        """Tells of a strategy that fails; after some steps in a row the account only reduces,
        until it answers again."""
        failed = [each.reason for each in made.choices if each.reason.startswith(STRATEGY_FAILED)]
        if not failed:
            self._failures = 0
            self.standing.clear(STRATEGY_FAILED)
            return
        self._failures += 1
        self.measures.strategy_failures += 1
        words = failed[0].removeprefix(f"{STRATEGY_FAILED}: ")
        if self._failures >= _FAILURES:
            self.standing.demand(TradingState.REDUCING, STRATEGY_FAILED, words)
        else:
            self._note(STRATEGY_FAILED, words, Severity.WARNING)

    async def _tend(self, symbols: Set[str]) -> None:
        async with asyncio.TaskGroup() as group:
            for symbol in sorted(symbols):
                group.create_task(self.desk.tend(symbol))

    def _opened(self, candle: Candle) -> None:
        if candle.open_time_ms > self._opens.get(candle.symbol, -1):
            self._opens[candle.symbol] = candle.open_time_ms
            self.desk.note_open(candle.symbol, candle.open_time_ms, candle.open)
            self._new_open.set()

    async def _next_opens(self, step: Step, symbols: Set[str]) -> None:
        if self.paper is None or self.fills_by_book:
            return
        until_s = self.clock.monotonic_s() + _OPEN_S
        while self.clock.monotonic_s() < until_s:
            self._new_open.clear()
            if all(self._opens.get(symbol, -1) > step.open_time_ms for symbol in symbols):
                return
            await pause(self.clock, until_s - self.clock.monotonic_s(), self._new_open)

    def _view(self, closes: Mapping[str, float]) -> AccountView:
        self._prices |= decimals(closes)
        books, symbols = self.keeper.books, self.decider.symbols
        return account_view(books, symbols, self.plan.timeframe, self._prices)

    async def _write(self, made: StepChoices) -> StepDecision:
        """Commits a step; where the database is down, without its entries and in the journal."""
        decision = self._records(made, self.standing.state)
        try:
            await self._commit(made, decision, urgent=False)
        except DatabaseDown as error:
            self.standing.demand(TradingState.REDUCING, "database", str(error))
            decision = self._records(made, TradingState.REDUCING)
            await self._commit(made, decision, urgent=True)
        except AlreadyDecided:
            decision = self._records(made, TradingState.REDUCING)
            await self._commit(made, decision, urgent=True)
        return decision

    async def _commit(self, made: StepChoices, decision: StepDecision, *, urgent: bool) -> None:
        if not made.halted_now:
            await self.keeper.commit(*decision.records, urgent=urgent)
            return
        words = f"max_drawdown: equity {made.marks.equity:.2f}, peak {made.marks.peak:.2f}"
        halted = StateMoved(TradingState.HALTED, words, "watch", self.server_now_ms())
        self._note("max_drawdown", words, Severity.CRITICAL)
        await self.keeper.commit(*decision.records, halted, urgent=urgent)

    def _records(self, made: StepChoices, state: TradingState) -> StepDecision:
        now_ms, length_ms = self.server_now_ms(), self.plan.timeframe.length_ms
        late = now_ms >= made.open_time_ms + 2 * length_ms
        door = Door(state, self.plan.limits, self._prices, self.rules, now_ms, late=late)
        return step_records(made, self.keeper.books, self.plan.who, door, self.plan.how)

    def price(self, symbol: str) -> Decimal | None:
        """Returns what a coin is worth at the last close, None before the first step."""
        return self._prices.get(symbol)

    def equity(self, newer: Mapping[str, Decimal] | None = None) -> Decimal | None:
        """Returns the account's value at the last closes, or at `newer` prices where there are,
        None before the first step."""
        if not all(symbol in self._prices for symbol in self.decider.symbols):
            return None
        return self.keeper.books.equity({**self._prices, **(newer or {})}).equity

    def facts(self) -> dict[str, object]:
        """Returns how the session is doing, for the heartbeat; JSON-ready."""
        return pulse(self)

    def _note(self, kind: str, words: str, severity: Severity) -> None:
        self.alarm(Noted(kind, words, severity, self.server_now_ms()))
