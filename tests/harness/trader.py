"""A trader without a strategy: random entries, raised stops, exits and commands, by a seed.

What it decides depends on the candle alone and not on how often it is asked: like a strategy it
decides the same again after a restart, and only the books keep it from ordering twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random

from leeward.database.errors import AlreadyDecided, DatabaseDown
from leeward.domain.answers import Found
from leeward.domain.money import Money, Price, quantity_of, quantize_price
from leeward.domain.orders import OrderType, Side, TimeInForce
from leeward.domain.rules import SymbolRules
from leeward.domain.timeframe import Timeframe
from leeward.engine.intents import client_order_id, intent_id, list_id
from leeward.engine.records import (
    DecisionKey,
    IntentMade,
    Noted,
    Plan,
    PlanChanged,
    PlannedOrder,
    Purpose,
    Record,
    Role,
    SessionStarted,
    StateMoved,
    TradingState,
)
from leeward.runtime.sections import TradingSettings
from leeward.runtime.trading.bookkeeper import Bookkeeper, inline, open_books
from leeward.runtime.trading.desk import Desk
from leeward.runtime.trading.journal import Journal
from leeward.venues.timing import Clock
from leeward.venues.venue import Venue
from tests.harness.crashing import CrashingStore, Fate
from tests.harness.emulated_venue import Outside, venue_of
from tests.harness.markets import MINUTE_MS, START_MS
from tests.harness.store import Kept
from tests.harness.swaps import FIRST, Swaps

ACCOUNT = "live:emulator:main"
#: What a recovery may take in a world without faults.
_PATIENCE_S = 900.0
#: So long it waits for the rules, as the desk does for every answer.
_PATIENT_S = 2.5
_MINUTE = Timeframe.parse("1m")


@dataclass
class Trader:
    """One account's trading over many processes. `ends_s` is the loop's time until which it
    decides; `alarms` is what it would have woken somebody for."""

    seed: int
    outside: Outside
    kept: Kept
    folder: Path
    symbols: tuple[str, ...]
    ends_s: float
    with_lists: bool
    alarms: list[str] = field(default_factory=list)
    decided: int = 0
    #: The last order of the operator that was confirmed to them.
    commanded: StateMoved | None = None
    #: The last one given: a process may die when it has written one down and not confirmed it.
    given: StateMoved | None = None
    #: Where the last process got to: the campaign reads it once all is quiet.
    desk: Desk | None = None
    keeper: Bookkeeper | None = None
    #: Where strategies are exchanged, who decides.
    swaps: Swaps | None = None
    _history: list[Record] = field(default_factory=list)

    async def process(self, fate: Fate) -> None:
        """Boots, recovers, decides until the end, then waits until everything is settled."""
        clock = fate.clock(self._clock())
        keeper = await self._boot(fate, clock)
        venue = venue_of(self.outside, fate.passing)
        rules = await self._rules(clock, venue)
        desk = Desk(
            venue, keeper, rules, TradingSettings(), clock, self.outside.now_ms, self._alarm,
            _MINUTE, self._tightening(keeper),
        )  # fmt: skip
        self.desk, self.keeper = desk, keeper
        self.outside.listen(desk.hint)
        runner = asyncio.ensure_future(desk.run())
        before = keeper.books.state
        await self._move(keeper, TradingState.RECOVERING, "start", "boot")
        await self._begin_session(keeper)
        while not (report := await desk.recover()).clean:
            if clock.monotonic_s() > self.ends_s + _PATIENCE_S:
                raise AssertionError(f"never recovered: {report.words}")
            await keeper.replay()
            await clock.sleep(1)
        halted = before is not None and before.state is TradingState.HALTED
        state = TradingState.HALTED if halted else TradingState.ACTIVE
        await self._move(keeper, state, "recovered", "boot")
        fate.phase = "trading"
        await self._trade(clock, runner, desk, keeper, rules)
        await self._settle(clock, runner, desk, keeper)

    async def _begin_session(self, keeper: Bookkeeper) -> None:
        """Goes on with the strategy that was swapped in last."""
        if self.swaps is not None:
            started = self.swaps.booted(self._history, keeper.epoch, self.outside.now_ms())
            await keeper.commit(started, urgent=True)
            self.swaps.present = started

    async def _swap(self, desk: Desk, keeper: Bookkeeper, open_ms: int) -> None:
        """Exchanges the strategy at a candle, now and then."""
        if self.swaps is None or not keeper.is_durable:
            return
        drawn = self.swaps.drawn(keeper.books, open_ms, keeper.epoch, self.outside.now_ms())
        if drawn is None:
            return
        records, closing = drawn
        await keeper.commit(*records, urgent=True)
        self.swaps.present = next(each for each in records if isinstance(each, SessionStarted))
        for each in closing:
            await desk.tend(each.symbol)

    def _clock(self) -> Clock:
        """Returns our clock, whose date may be off."""
        right = self.outside.loop.clock(START_MS + MINUTE_MS)
        return Clock(lambda: right.now_ms() + self.outside.step_ms, right.monotonic_s, right.sleep)

    def _tightening(self, keeper: Bookkeeper) -> Callable[[TradingState, str], Awaitable[None]]:
        async def tighten(state: TradingState, why: str) -> None:
            present = keeper.books.state
            if present is None or present.state is not TradingState.HALTED:
                await self._move(keeper, state, why, "desk")

        return tighten

    async def _boot(self, fate: Fate, clock: Clock) -> Bookkeeper:
        store = CrashingStore(self.kept, fate)
        while True:
            try:
                epoch = self.kept.take_epoch()
                journal = Journal(self.folder / "journal.jsonl")
                books = open_books(store, journal, ACCOUNT, "USDT", epoch)
                self._history = self.kept.history(ACCOUNT) if self.swaps else []
                return Bookkeeper(books, store, journal, epoch, clock, aside=inline)
            except DatabaseDown:
                self.outside.excuse(1.1)  # nobody can protect what nobody can read
                await clock.sleep(1)

    async def _rules(self, clock: Clock, venue: Venue) -> dict[str, SymbolRules]:
        while True:
            try:
                found = await asyncio.wait_for(venue.rules(self.symbols), _PATIENT_S)
            except TimeoutError:
                found = None
            self.outside.excuse(0)  # nobody can protect what has no rules
            if isinstance(found, Found):
                return found.value
            await clock.sleep(1)

    def _alarm(self, noted: Noted) -> None:
        self.alarms.append(f"{noted.kind} {noted.subject}: {noted.words}")

    async def _move(self, keeper: Bookkeeper, state: TradingState, reason: str, actor: str) -> None:
        moved = StateMoved(state, reason, actor, self.outside.now_ms())
        if actor == "operator":
            self.given = moved
        await keeper.commit(moved, urgent=True)
        if actor == "operator":
            self.commanded = moved

    async def _trade(
        self,
        clock: Clock,
        runner: asyncio.Future[None],
        desk: Desk,
        keeper: Bookkeeper,
        rules: dict[str, SymbolRules],
    ) -> None:
        while clock.monotonic_s() < self.ends_s:
            now_ms = self.outside.now_ms()
            open_ms = now_ms // MINUTE_MS * MINUTE_MS - MINUTE_MS
            await clock.sleep((open_ms + 2 * MINUTE_MS + 200 - now_ms) / 1000)
            if runner.done():
                runner.result()
            state = keeper.books.state
            if state is not None and state.state is TradingState.REDUCING:
                await self._move(keeper, TradingState.ACTIVE, "cleared", "session")
            await self._swap(desk, keeper, open_ms + MINUTE_MS)
            for symbol in self.symbols:
                try:
                    await self._decide(desk, keeper, rules[symbol], open_ms + MINUTE_MS)
                except (DatabaseDown, AlreadyDecided):
                    continue

    async def _decide(
        self, desk: Desk, keeper: Bookkeeper, rules: SymbolRules, open_ms: int
    ) -> None:
        """Decides on one closed candle of one symbol."""
        symbol, books = rules.symbol, keeper.books
        held = books.position(symbol)
        salt = "" if self.swaps is None else self.swaps.salt(held)
        chance = Random(f"{self.seed}/{symbol}/{open_ms}{salt}")  # noqa: S311 - a seeded rehearsal
        if chance.random() < 0.04:
            await self._command(desk, keeper, chance)
        held = books.position(symbol)
        state = books.state
        if held is not None and held.closing is None:
            changed = self._changed(chance, held.plan, rules, held.position_id)
            if changed is not None:
                self.decided += 1
                await keeper.commit(changed, urgent=True)
                await desk.tend(symbol)
            return
        active = state is not None and state.state is TradingState.ACTIVE
        key = DecisionKey(ACCOUNT, symbol, open_ms, "entry")
        is_free = held is None and not books.live_orders(symbol)
        if active and is_free and chance.random() < 0.7 and not books.is_decided(key):
            intent = self._entry(chance, key, keeper.epoch, rules)
            self.decided += 1
            await keeper.commit(intent)
            await desk.enter([intent])

    async def _command(self, desk: Desk, keeper: Bookkeeper, chance: Random) -> None:
        books = keeper.books
        halted = books.state is not None and books.state.state is TradingState.HALTED
        if chance.random() < 0.5:
            state = TradingState.ACTIVE if halted else TradingState.HALTED
            await self._move(keeper, state, "by hand", "operator")
            return
        for symbol in self.symbols:
            held = books.position(symbol)
            if held is not None and held.closing is None:
                now_ms = self.outside.now_ms()
                closing = PlanChanged(held.position_id, held.plan, "operator", now_ms)
                await keeper.commit(closing, urgent=True)
                await desk.tend(symbol)

    def _changed(
        self, chance: Random, plan: Plan, rules: SymbolRules, position_id: str
    ) -> PlanChanged | None:
        """Returns an exit, a raised stop, or neither."""
        now_ms = self.outside.now_ms()
        drawn = chance.random()
        if drawn < 0.25:
            return PlanChanged(position_id, plan, "signal", now_ms)
        if drawn > 0.65 or plan.stop is None:
            return None
        # Now and then above the market: it moved while we decided.
        share = Decimal(chance.randint(9940, 10004)) / 10_000
        stop = quantize_price(self._price(rules.symbol) * share, rules.price.step, "down")
        above_target = plan.target is not None and stop >= plan.target
        if stop <= plan.stop or above_target:
            return None
        return PlanChanged(position_id, Plan(stop, plan.target), None, now_ms, "raised")

    def _price(self, symbol: str) -> Decimal:
        units = self.outside.exchange._floor.markets[symbol].last_price
        return Decimal(units) / 10**8

    def _entry(
        self, chance: Random, key: DecisionKey, epoch: int, rules: SymbolRules
    ) -> IntentMade:
        close, tick = self._price(key.symbol), rules.price.step
        limit = quantize_price(close * Decimal("1.005"), tick, "down")
        size = Decimal(chance.choice((12, 150, 1000))) / limit.value
        quantity = quantity_of(size, rules.lot.step)
        stop = quantize_price(close * (1 - Decimal(chance.randint(20, 200)) / 10_000), tick, "down")
        target = None
        if chance.random() < 0.5:
            away = Decimal(chance.randint(60, 300)) / 10_000
            target = quantize_price(close * (1 + away), tick, "down")
        present = None if self.swaps is None else self.swaps.present
        session_id = "session" if present is None else present.session_id
        strategy = FIRST if present is None else present.strategy
        as_list = self.with_lists and chance.random() < 0.6
        entry = PlannedOrder(
            client_order_id(key, epoch, Role.ENTRY), Role.ENTRY, Side.BUY, OrderType.LIMIT,
            quantity, limit, None, TimeInForce.FOK if as_list else TimeInForce.IOC,
        )  # fmt: skip
        pending = _pending(key, epoch, stop, target) if as_list else ()
        return IntentMade(
            intent_id=intent_id(key),
            key=key,
            session_id=session_id,
            epoch=epoch,
            purpose=Purpose.ENTRY,
            position_id=intent_id(key),
            strategy=strategy,
            strategy_version="1",
            orders=(entry, *pending),
            reserved=Money(limit.value * quantity.value * Decimal("1.001"), "USDT"),
            made_ms=self.outside.now_ms(),
            client_list_id=list_id(key, epoch) if as_list else None,
            plan=Plan(stop, target),
        )

    async def _settle(
        self, clock: Clock, runner: asyncio.Future[None], desk: Desk, keeper: Bookkeeper
    ) -> None:
        """Waits, in a world without faults, until nothing is left to do; gives up in the end."""
        for _ in range(600):
            if runner.done():
                runner.result()
            await clock.sleep(1)
            if await keeper.replay() and desk.settled and (await desk.audit()).clean:
                return


def _pending(
    key: DecisionKey, epoch: int, stop: Price, target: Price | None
) -> tuple[PlannedOrder, ...]:
    """Returns the protection that the fill of an entry places."""
    below = PlannedOrder(
        client_order_id(key, epoch, Role.STOP), Role.STOP, Side.SELL, OrderType.STOP_LOSS, None,
        None, stop,
    )  # fmt: skip
    if target is None:
        return (below,)
    above = PlannedOrder(
        client_order_id(key, epoch, Role.TARGET), Role.TARGET, Side.SELL, OrderType.LIMIT_MAKER,
        None, target,
    )  # fmt: skip
    return below, above
