"""The desk in virtual time, on the emulator's heart, over a line that does what the test says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.accounts import fill, intent, moved, opened, own
from tests.harness.emulated_venue import CALM, ME, Outside, label_of, venue_of
from tests.harness.markets import MINUTE_MS, START_MS, restless_exchange
from tests.harness.store import MemoryStore
from tests.harness.virtual_loop import VirtualLoop, run_virtual

from leeward.database.backup import EPOCHS_SKIPPED
from leeward.database.errors import DatabaseDown
from leeward.domain.answers import Found, NotSent, Reaction, Refused, Unknown
from leeward.domain.errors import Failed
from leeward.domain.money import Money, Price, Quantity, quantize_price
from leeward.domain.order_requests import OrderRequest
from leeward.domain.orders import OrderType, Side, TimeInForce
from leeward.domain.timeframe import Timeframe
from leeward.engine.books import Books
from leeward.engine.intents import client_order_id, intent_id
from leeward.engine.records import (
    DecisionKey,
    FillBooked,
    IntentMade,
    Noted,
    OrderMoved,
    OrderState,
    Plan,
    PlanChanged,
    PlannedOrder,
    PositionClosed,
    PositionOpened,
    Purpose,
    Record,
    Role,
    Severity,
    TradingState,
)
from leeward.runtime.sections import TradingSettings
from leeward.runtime.trading.bookkeeper import Bookkeeper, inline, open_books
from leeward.runtime.trading.desk import Desk
from leeward.runtime.trading.journal import Journal
from leeward.venues.binance_http import Call, Reply
from leeward.venues.binance_rest import BinanceRest
from leeward.venues.binance_user_stream import KeyRefused

SYMBOL, ACCOUNT = "TSTUSDT", "live:emulator:main"
Fault = Callable[[Call, Callable[[], Awaitable[Reply | NotSent | Unknown]]], Awaitable[object]]


@dataclass
class Line:
    """The client's way to the exchange: the first call of a kind in `faults` meets its fault."""

    http: Any
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    before: Callable[[str], None] = lambda _: None
    #: The client id the last request named.
    naming: str = ""
    #: What the exchange says of a symbol that it has no more, to the calls that name it.
    gone: dict[str, str] = field(default_factory=dict)

    async def send(self, call: Call) -> object:
        label = label_of(call)
        self.naming = call.parameters.get("newClientOrderId", "")
        self.before(label)
        self.sent.append(label)

        async def passing() -> Reply | NotSent | Unknown:
            answer: Reply | NotSent | Unknown = await self.http.send(call)
            return answer

        named = call.parameters.get("symbol", call.parameters.get("symbols", ""))
        if self.gone.get(named.strip('[]"')) in {"all", call.path.rpartition("/")[2]}:
            return await refused(-1121, "Invalid symbol.")(call, passing)
        if self.faults.get(label):
            return await self.faults[label].pop(0)(call, passing)
        return await passing()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.http, name)


async def lost(_: Call, passing: Callable[[], Awaitable[object]]) -> Unknown:
    """The request is carried out and its answer is lost."""
    await passing()
    return Unknown("the answer was lost")


async def swallowed(_: Call, __: Callable[[], Awaitable[object]]) -> Unknown:
    """The request never arrives, and nobody can tell."""
    return Unknown("the line was cut")


async def held_back(_: Call, __: Callable[[], Awaitable[object]]) -> NotSent:
    return NotSent("held back", 1.0)


async def hangs(_: Call, passing: Callable[[], Awaitable[object]]) -> object:
    """The request is carried out at once and answered after 14 s."""
    answer = await passing()
    await asyncio.sleep(14)
    return answer


def refused(code: int, text: str) -> Fault:
    async def fault(_: Call, __: Callable[[], Awaitable[object]]) -> Reply:
        return Reply(400, f'{{"code": {code}, "msg": "{text}"}}'.encode())

    return fault


class Batches(MemoryStore):
    """A store that remembers what was committed together."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[tuple[Record, ...]] = []

    def record(self, account: str, epoch: int, records: Sequence[Record]) -> None:
        super().record(account, epoch, records)
        self.batches.append(tuple(records))


@dataclass
class World:
    """One account at the emulator's heart, and a desk that can be started again."""

    loop: VirtualLoop
    folder: Path
    faults: Mapping[str, list[Fault]]
    store: Batches = field(default_factory=Batches)
    alarms: list[Noted] = field(default_factory=list)

    async def __aenter__(self) -> World:
        exchange = restless_exchange(1, 30, (SYMBOL,))
        chance = Random(1)  # noqa: S311 - a seeded rehearsal
        self.outside = Outside(exchange, self.loop, chance, CALM)
        self.living = asyncio.ensure_future(self.outside.live())
        venue = venue_of(self.outside)
        self.line = Line(venue.http, {name: list(each) for name, each in self.faults.items()})
        self.venue = BinanceRest(self.line)  # type: ignore[arg-type] # as much of it as is used
        await self.boot()
        return self

    async def __aexit__(self, *_: object) -> None:
        await _ended(*(asyncio.all_tasks() - {asyncio.current_task()}))

    async def boot(self) -> None:
        """Starts a desk on what is written down, as after a crash."""
        clock = self.loop.clock(START_MS + MINUTE_MS)
        journal = Journal(self.folder / "journal")
        self.epoch = self.store.take_epoch()
        books = open_books(self.store, journal, ACCOUNT, "USDT", self.epoch)
        keeper = Bookkeeper(books, self.store, journal, self.epoch, clock, aside=inline)
        rules = await self.venue.rules([SYMBOL])
        assert isinstance(rules, Found)
        self.desk = Desk(
            self.venue, keeper, rules.value, TradingSettings(), clock, self.outside.now_ms,
            self.alarms.append, Timeframe.parse("1m"),
        )  # fmt: skip

    @property
    def books(self) -> Books:
        return self.desk.keeper.books

    async def price(self, factor: str) -> Price:
        now = await self.venue.last_price(SYMBOL)
        assert isinstance(now, Found)
        return quantize_price(now.value.value * Decimal(factor), Decimal("0.01"), "nearest")

    async def entry(self, candle: int = 0) -> IntentMade:
        key = DecisionKey(ACCOUNT, SYMBOL, candle, "entry")
        plan = Plan(await self.price("0.9"), None)
        order = PlannedOrder(
            client_order_id(key, self.epoch, Role.ENTRY), Role.ENTRY, Side.BUY, OrderType.LIMIT,
            Quantity(Decimal(1)), await self.price("1.01"), time_in_force=TimeInForce.IOC,
        )  # fmt: skip
        return IntentMade(
            intent_id(key), key, "s", self.epoch, Purpose.ENTRY, intent_id(key), "x", "1",
            (order,), Money(Decimal(150), "USDT"), self.outside.now_ms(), plan=plan,
        )  # fmt: skip

    async def enter(self) -> None:
        intent = await self.entry()
        await self.desk.keeper.commit(intent)
        await self.desk.enter([intent])

    async def close(self) -> None:
        held = self.books.position(SYMBOL)
        assert held is not None
        change = PlanChanged(held.position_id, held.plan, "signal", 1)
        await self.desk.keeper.commit(change, urgent=True)
        await self.desk.tend(SYMBOL)

    async def pass_s(self, seconds: float) -> None:
        """Lets the desk's own loop run for a while."""
        running = asyncio.ensure_future(self.desk.run())
        await asyncio.sleep(seconds)
        assert not running.done()
        await _ended(running)

    def resting(self) -> list[str]:
        found = self.outside.exchange._floor.accounts[ME].open.values()
        return sorted(f"{order.side} {order.type}" for order in found)

    def state(self, role: Role) -> OrderState:
        """Returns the state of the newest order of a role."""
        orders = [each for each in self.books.orders.values() if each.planned.role is role]
        return max(orders, key=lambda order: order.intent.made_ms).state


async def _ended(*tasks: asyncio.Future[Any] | None) -> None:
    for task in tasks:
        if task is not None:
            task.cancel()
    await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)


def story(folder: Path, work: Callable[[World], Awaitable[None]], **faults: list[Fault]) -> None:
    """Runs a story; a fault is named by its call, with underscores for spaces."""
    named = {name.replace("_", " "): each for name, each in faults.items()}

    async def tell(loop: VirtualLoop) -> None:
        async with World(loop, folder, named) as world:
            await work(world)

    run_virtual(tell)


def test_an_entry_is_written_down_before_a_byte_leaves(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        known: list[bool] = []

        def look(label: str) -> None:
            if label in {"entry", "stop", "exit", "raise of a stop"}:
                written = {
                    order.client_order_id
                    for record in world.store.kept
                    if isinstance(record, IntentMade)
                    for order in record.orders
                }
                known.append(world.line.naming in written)

        world.line.before = look
        await world.enter()
        await world.close()
        assert known == [True, True, True]

    story(tmp_path, work)


def test_an_entry_that_is_not_committed_is_not_sent(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        intent = await world.entry()
        with pytest.raises(ExceptionGroup) as told:
            await world.desk.enter([intent])
        assert isinstance(told.value.exceptions[0], Failed)
        assert "entry" not in world.line.sent

    story(tmp_path, work)


@pytest.mark.parametrize("fault", [None, lost, swallowed, hangs])
def test_an_entry_leaves_once_whatever_becomes_of_it(tmp_path: Path, fault: Fault | None) -> None:
    async def work(world: World) -> None:
        intent = await world.entry()
        await world.desk.keeper.commit(intent)
        await asyncio.gather(world.desk.enter([intent]), world.desk.enter([intent]))
        await world.pass_s(60)
        await world.boot()
        await world.desk.enter([intent])
        await world.desk.recover()
        assert world.line.sent.count("entry") == 1
        bought = world.books.position(SYMBOL) is not None
        assert bought == (fault is not swallowed)
        assert world.resting() == (["SELL STOP_LOSS"] if bought else [])

    story(tmp_path, work, entry=[] if fault is None else [fault])


def test_an_entry_that_never_arrived_is_void_only_after_the_proof(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.enter()
        assert world.state(Role.ENTRY) is OrderState.UNKNOWN
        await world.pass_s(4)
        assert world.state(Role.ENTRY) is OrderState.UNKNOWN
        await world.pass_s(40)
        assert world.state(Role.ENTRY) is OrderState.VOID
        assert world.desk.settled

    story(tmp_path, work, entry=[swallowed])


def test_a_failed_question_is_never_an_absence(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.enter()
        await world.pass_s(60)
        assert world.state(Role.ENTRY) is OrderState.UNKNOWN

    async def silent(_: Call, __: Callable[[], Awaitable[object]]) -> Reply:
        return Reply(500, b"")

    story(tmp_path, work, entry=[swallowed], question_for_an_order=[silent] * 1000)


def test_a_slow_answer_to_an_entry_does_not_leave_what_it_bought_naked(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        began_s = world.loop.time()
        await world.enter()
        assert world.resting() == ["SELL STOP_LOSS"]
        assert world.loop.time() - began_s < 5
        await world.pass_s(20)
        assert world.line.sent.count("entry") == world.line.sent.count("stop") == 1

    story(tmp_path, work, entry=[hangs])


def test_the_first_fill_opens_and_the_last_one_closes_in_the_same_commit(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.enter()
        await world.close()
        together = [{type(each) for each in batch} for batch in world.store.batches]
        assert {PositionOpened, FillBooked} <= next(each for each in together if FillBooked in each)
        last = next(each for each in together if PositionClosed in each)
        assert FillBooked in last
        assert world.books.position(SYMBOL) is None

    story(tmp_path, work)


@pytest.mark.parametrize("fault", [lost, swallowed, held_back, hangs])
def test_a_stop_whose_answer_is_lost_is_found_or_placed_anew(tmp_path: Path, fault: Fault) -> None:
    async def work(world: World) -> None:
        await world.enter()
        await world.pass_s(40)
        assert world.desk.settled
        assert world.resting() == ["SELL STOP_LOSS"]

    story(tmp_path, work, stop=[fault])


@pytest.mark.parametrize("fault", [lost, swallowed, held_back, hangs])
def test_an_exit_whose_answer_is_lost_sells_once(tmp_path: Path, fault: Fault) -> None:
    async def work(world: World) -> None:
        await world.enter()
        await world.close()
        await world.pass_s(40)
        assert world.books.position(SYMBOL) is None
        sales = [each for each in world.store.kept if isinstance(each, FillBooked)]
        sold = sum(each.fill.quantity.value for each in sales if each.role is Role.EXIT)
        assert Decimal("0.99") <= sold <= 1
        assert world.resting() == []

    story(tmp_path, work, exit=[fault])


@pytest.mark.parametrize("fault", [lost, swallowed, held_back, hangs])
def test_a_cancel_whose_answer_is_lost_is_asked_for(tmp_path: Path, fault: Fault) -> None:
    async def work(world: World) -> None:
        await world.enter()
        await world.close()
        await world.pass_s(40)
        assert world.books.position(SYMBOL) is None
        assert world.resting() == []

    story(tmp_path, work, cancel=[fault])


@pytest.mark.parametrize("fault", [lost, swallowed, held_back, hangs])
def test_a_raise_whose_answer_is_lost_leaves_one_stop(tmp_path: Path, fault: Fault) -> None:
    async def work(world: World) -> None:
        await world.enter()
        held = world.books.position(SYMBOL)
        assert held is not None
        plan = Plan(await world.price("0.92"), None)
        change = PlanChanged(held.position_id, plan, None, 1)
        await world.desk.keeper.commit(change, urgent=True)
        await world.desk.tend(SYMBOL)
        await world.pass_s(60)
        assert world.resting() == ["SELL STOP_LOSS"]
        (stop,) = world.books.open_orders(SYMBOL)
        assert stop.planned.stop_price == plan.stop

    story(tmp_path, work, raise_of_a_stop=[fault])


def test_a_stop_that_would_trigger_at_once_is_a_sale(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.enter()
        (closed,) = [each for each in world.store.kept if isinstance(each, PositionClosed)]
        assert closed.trade.exit_reason == "stop"

    story(tmp_path, work, stop=[refused(-2010, "Order would trigger immediately.")])


def test_short_of_funds_it_looks_again_and_then_protects(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.enter()
        assert world.resting() == ["SELL STOP_LOSS"]
        assert "short_of_funds" in {each.kind for each in world.alarms}

    no = refused(-2010, "Account has insufficient balance for requested action.")
    story(tmp_path, work, stop=[no])


def test_what_cannot_be_protected_in_time_is_sold(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.enter()
        await world.pass_s(10)
        (closed,) = [each for each in world.store.kept if isinstance(each, PositionClosed)]
        assert closed.trade.exit_reason == "containment"
        assert 4_000 <= closed.unprotected_ms <= 7_000

    story(tmp_path, work, stop=[refused(-1013, "Filter failure: PRICE_FILTER")] * 100)


def _filter(name: str, **values: str) -> dict[str, object]:
    return {"filterType": name, **values}


def test_a_stop_is_raised_on_the_new_tick_after_the_exchange_changed_it(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.enter()
        (first,) = world.books.open_orders(SYMBOL)
        tick = _filter("PRICE_FILTER", minPrice="1", maxPrice="100000", tickSize="0.5")
        world.outside.exchange.set_filter(SYMBOL, tick)
        await world.pass_s(5)
        assert world.books.open_orders(SYMBOL) == [first]  # what rests stays as it is
        held = world.books.position(SYMBOL)
        assert held is not None
        plan = Plan(quantize_price((await world.price("0.92")).value, Decimal("0.5"), "down"), None)
        off = replace(plan, stop=Price(plan.stop.value + Decimal("0.13")))  # type: ignore[union-attr] # it has one
        change = PlanChanged(held.position_id, off, None, 1)
        await world.desk.keeper.commit(change, urgent=True)
        await world.desk.tend(SYMBOL)
        await world.pass_s(5)
        assert world.resting() == ["SELL STOP_LOSS"]
        (stop,) = world.books.open_orders(SYMBOL)
        assert stop.planned.stop_price == plan.stop

    story(tmp_path, work)


def test_a_sale_is_cut_to_the_new_lot_after_the_exchange_changed_it(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.enter()
        lot = _filter("LOT_SIZE", minQty="0.25", maxQty="9000", stepSize="0.25")
        world.outside.exchange.set_filter(SYMBOL, lot)
        await world.close()
        await world.pass_s(5)
        assert world.books.position(SYMBOL) is None
        (closed,) = [each for each in world.store.kept if isinstance(each, PositionClosed)]
        assert closed.trade.dust == Quantity(Decimal("0.249"))

    story(tmp_path, work)


def test_rules_that_are_told_again_count_at_once(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.enter()
        lot = _filter("LOT_SIZE", minQty="0.25", maxQty="9000", stepSize="0.25")
        world.outside.exchange.set_filter(SYMBOL, lot)
        rules = await world.venue.rules([SYMBOL])
        assert isinstance(rules, Found)
        world.desk.learn_rules(rules.value)
        await world.close()
        (sale,) = [each for each in world.books.orders.values() if each.planned.role is Role.EXIT]
        assert sale.planned.quantity == Quantity(Decimal("0.75"))

    story(tmp_path, work)


def test_too_fast_waits_as_long_as_it_is_told(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        began_s = world.loop.time()
        await world.enter()
        assert world.resting() == ["SELL STOP_LOSS"]
        assert 2 <= world.loop.time() - began_s < 5

    async def too_fast(_: Call, __: Callable[[], Awaitable[object]]) -> Reply:
        return Reply(429, b'{"code":-1003,"msg":"Too many requests."}', 2.0)

    story(tmp_path, work, stop=[too_fast])


def test_with_the_database_down_it_protects_and_exits_by_the_journal(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        def fail(label: str) -> None:
            world.store.down |= label == "entry"

        world.line.before = fail
        await world.enter()
        assert world.store.down
        assert world.resting() == ["SELL STOP_LOSS"]
        await world.close()
        assert world.books.position(SYMBOL) is None
        with pytest.raises(DatabaseDown):
            await world.desk.keeper.commit(await world.entry(candle=60_000))
        world.store.down = False
        cash = world.books.cash
        await world.boot()
        assert world.books.position(SYMBOL) is None
        assert world.books.cash == cash

    story(tmp_path, work)


def test_a_stop_of_nobodys_is_cancelled(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.desk.recover()
        await world.enter()
        stop = world.books.open_orders(SYMBOL)[0].client_order_id
        await world.venue.cancel(SYMBOL, stop)  # by another hand
        world.desk.look(SYMBOL)
        await world.desk.tend(SYMBOL)
        assert world.resting() == ["SELL STOP_LOSS"]

    story(tmp_path, work)


def by_hand(world: World) -> None:
    """Somebody cancels all orders of the symbol in the exchange's app."""
    world.outside.catch_up()
    world.outside.exchange.cancel_open_orders(ME, SYMBOL)
    world.outside.catch_up()


def test_a_stop_that_another_hand_cancels_is_placed_again_and_the_second_time_reduces(
    tmp_path: Path,
) -> None:
    async def work(world: World) -> None:
        moves: list[tuple[TradingState, str]] = []

        async def tighten(state: TradingState, why: str) -> None:
            moves.append((state, why))

        world.desk.tighten = tighten
        await world.enter()
        for times in (1, 2):
            by_hand(world)
            world.desk.look(SYMBOL)
            await world.pass_s(5)
            assert world.resting() == ["SELL STOP_LOSS"]
            assert world.desk.settled
            assert len(moves) == times - 1
        assert moves[0][0] is TradingState.REDUCING
        assert moves[0][1].startswith("other_hand: ")
        told = [each.severity for each in world.alarms if each.kind == "protection_cancelled"]
        assert told == [Severity.WARNING, Severity.CRITICAL]

    story(tmp_path, work)


def test_a_key_that_the_exchange_takes_no_more_halts_the_account(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        moves: list[tuple[TradingState, str]] = []

        async def tighten(state: TradingState, why: str) -> None:
            moves.append((state, why))

        world.desk.tighten = tighten
        await world.enter()
        world.desk.hint(KeyRefused(Refused(-2015, "Invalid API-key", Reaction.STOP)))
        await world.pass_s(15)
        assert [state for state, _ in moves] == [TradingState.HALTED]
        assert moves[0][1].startswith("key_refused: ")
        assert world.resting() == ["SELL STOP_LOSS"]

    story(tmp_path, work)


def test_what_we_cancel_ourselves_is_no_other_hand(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.enter()
        for stop in ("0.91", "0.92", "0.93"):
            held = world.books.position(SYMBOL)
            assert held is not None
            plan = Plan(await world.price(stop), await world.price("1.2"))
            await world.desk.keeper.commit(PlanChanged(held.position_id, plan, None, 1))
            await world.desk.tend(SYMBOL)
        await world.boot()
        await world.desk.recover()
        await world.pass_s(5)
        assert world.desk.settled
        assert [each.kind for each in world.alarms] == []

    story(tmp_path, work)


def test_an_hour_later_it_is_the_first_time_again(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.enter()
        for _ in range(2):
            by_hand(world)
            world.desk.look(SYMBOL)
            await world.pass_s(3700)
        told = [each.severity for each in world.alarms if each.kind == "protection_cancelled"]
        assert told == [Severity.WARNING, Severity.WARNING]

    story(tmp_path, work)


@pytest.mark.parametrize("rests", ["stop", "pair", "target"])
def test_with_the_database_lost_what_rests_is_taken_over_and_protected(
    rests: str, tmp_path: Path
) -> None:
    async def work(world: World) -> None:
        moves: list[TradingState] = []

        async def tighten(state: TradingState, _: str) -> None:
            moves.append(state)

        await world.enter()
        held = world.books.position(SYMBOL)
        assert held is not None
        stop = None if rests == "target" else held.plan.stop
        plan = Plan(stop, None if rests == "stop" else await world.price("1.2"))
        await world.desk.keeper.commit(PlanChanged(held.position_id, plan, None, 1))
        await world.desk.tend(SYMBOL)
        world.store = Batches()
        (tmp_path / "journal").unlink(missing_ok=True)
        await world.boot()
        world.desk.tighten = tighten
        assert world.books.position(SYMBOL) is None
        await world.desk.recover()
        await world.pass_s(30)
        assert moves[:1] == [TradingState.HALTED]
        after = world.books.position(SYMBOL)
        assert after is not None
        assert after.quantity == held.quantity
        assert after.plan.target == plan.target
        if rests == "target":
            below = await world.price("0.95")
            assert after.plan.stop is not None
            assert abs(after.plan.stop.value / below.value - 1) < Decimal("0.01")
            assert "stop_of_adopted" in {each.kind for each in world.alarms}
        else:
            assert after.plan.stop == held.plan.stop
        assert "SELL STOP_LOSS" in world.resting()
        assert len(world.resting()) == (1 if rests == "stop" else 2)
        assert world.desk.settled

    story(tmp_path, work)


@pytest.mark.parametrize("rests", ["stop", "pair"])
def test_what_was_taken_over_can_be_sold(rests: str, tmp_path: Path) -> None:
    """The exchange tells the number of a list of orders, not the name that we gave it."""

    async def work(world: World) -> None:
        await world.enter()
        held = world.books.position(SYMBOL)
        assert held is not None
        plan = Plan(held.plan.stop, None if rests == "stop" else await world.price("1.2"))
        await world.desk.keeper.commit(PlanChanged(held.position_id, plan, None, 1))
        await world.desk.tend(SYMBOL)
        world.store = Batches()
        (tmp_path / "journal").unlink(missing_ok=True)
        await world.boot()
        await world.desk.recover()
        await world.close()
        assert world.books.position(SYMBOL) is None
        assert world.resting() == []
        assert world.desk.settled

    story(tmp_path, work)


def test_an_order_given_up_long_ago_keeps_no_trade_of_another_hand_open(tmp_path: Path) -> None:
    """The process was away for more than the day in which it watches such an order."""

    async def work(world: World) -> None:
        await world.desk.recover()
        entry, day_ms = await world.entry(), 86_400_000
        made = replace(entry, made_ms=entry.made_ms - day_ms)
        void = OrderMoved(
            entry.orders[0].client_order_id, OrderState.VOID, Quantity(Decimal(0)),
            made.made_ms + MINUTE_MS, "not sent",
        )  # fmt: skip
        await world.desk.keeper.commit(made, void)
        by_hand = OrderRequest(SYMBOL, Side.BUY, OrderType.MARKET, "by-hand", Quantity(Decimal(1)))
        await world.venue.place(by_hand)
        await asyncio.sleep(120)
        await world.boot()
        recovered = await world.desk.recover()
        assert recovered.clean, recovered
        assert world.books.position(SYMBOL) is None

    story(tmp_path, work)


async def entry_of_dust(world: World) -> IntentMade:
    """Returns an entry that rests below the market, and of which little is filled just as it is
    cancelled."""
    intent = await world.entry()
    rests = replace(
        intent.orders[0], price=await world.price("0.98"), time_in_force=TimeInForce.GTC
    )

    def fill_a_little(label: str) -> None:
        if label == "cancel":
            (order,) = world.outside.exchange._floor.accounts[ME].open.values()
            world.outside.exchange.fill_order(SYMBOL, order.order_id, Decimal("0.03"))
            world.line.before = lambda _: None

    world.line.before = fill_a_little
    return replace(intent, orders=(rests,))


def test_an_entry_of_which_only_dust_was_filled_ends_at_once_and_is_sold_with_the_next(
    tmp_path: Path,
) -> None:
    async def work(world: World) -> None:
        intent = await entry_of_dust(world)
        await world.desk.keeper.commit(intent)
        await world.desk.enter([intent])
        await world.pass_s(5)
        told = [each for batch in world.store.batches for each in batch]
        (closed,) = [each for each in told if isinstance(each, PositionClosed)]
        assert closed.trade.exit_reason == "dust"
        assert closed.trade.pnl.amount < 0
        dust = world.books.dust(SYMBOL)
        assert Decimal("0.029") < dust.value <= Decimal("0.03")
        assert closed.trade.dust == dust
        assert world.books.position(SYMBOL) is None
        assert world.resting() == []
        again = await world.entry(1)
        await world.desk.keeper.commit(again)
        await world.desk.enter([again])
        assert world.resting() == ["SELL STOP_LOSS"]
        await world.close()
        assert world.books.position(SYMBOL) is None
        assert world.books.dust(SYMBOL).value < Decimal("0.001")
        assert (await world.desk.audit()).clean

    story(tmp_path, work)


@pytest.mark.parametrize(
    ("opened", "reason"), [("0.88", "stop_gap"), ("0.95", "stop"), (None, "stop")]
)
def test_a_stop_that_the_open_jumped_over_is_a_gap(
    opened: str | None, reason: str, tmp_path: Path
) -> None:
    async def work(world: World) -> None:
        await world.enter()
        low = await world.price("0.85")
        now_ms = world.outside.now_ms()
        if opened is not None:
            for minute in (0, 1):
                at_ms = world.desk.timeframe.floor(now_ms) + minute * MINUTE_MS
                world.desk.note_open(SYMBOL, at_ms, float((await world.price(opened)).value))
        world.outside.catch_up()
        world.outside.exchange.script_prices(SYMBOL, [low.value])
        await asyncio.sleep(1)
        world.outside.catch_up()
        world.desk.look(SYMBOL)
        await world.pass_s(20)
        (closed,) = [each for each in world.store.kept if isinstance(each, PositionClosed)]
        assert closed.trade.exit_reason == reason

    story(tmp_path, work)


def test_a_stop_that_cannot_be_placed_below_the_open_is_a_gap(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        at_ms = world.desk.timeframe.floor(world.outside.now_ms())
        world.desk.note_open(SYMBOL, at_ms, float((await world.price("0.5")).value))
        await world.enter()
        (closed,) = [each for each in world.store.kept if isinstance(each, PositionClosed)]
        assert closed.trade.exit_reason == "stop_gap"

    story(tmp_path, work, stop=[refused(-2010, "Order would trigger immediately.")])


def test_after_an_old_backup_no_order_id_is_used_a_second_time(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.enter()
        backup = list(world.store.kept)
        plan = await raised(world, "0.91")
        names = stops(world)
        epoch, world.store = world.store.epoch, Batches()
        world.store.epoch = epoch
        world.store.record(ACCOUNT, epoch, backup)
        world.store.epoch += EPOCHS_SKIPPED
        await world.boot()
        await world.desk.recover()
        await world.pass_s(15)
        assert world.resting() == ["SELL STOP_LOSS"]
        held = world.books.position(SYMBOL)
        assert held is not None
        assert held.plan == plan  # a stop that was raised is not lowered by a backup
        await raised(world, "0.92")
        await raised(world, "0.93")
        assert len(stops(world) - names) == 2
        assert stops(world) >= names  # the one the backup did not know was taken over
        sent = [
            each.client_id for each in world.outside.exchange._floor.market(SYMBOL).orders.values()
        ]
        assert len(sent) == len(set(sent)) == 5
        assert world.desk.settled

    async def raised(world: World, factor: str) -> Plan:
        held = world.books.position(SYMBOL)
        assert held is not None
        plan = Plan(await world.price(factor), None)
        await world.desk.keeper.commit(PlanChanged(held.position_id, plan, None, 1))
        await world.desk.tend(SYMBOL)
        return plan

    def stops(world: World) -> set[str]:
        each_order = world.books.orders.items()
        return {name for name, each in each_order if each.planned.role is Role.STOP}

    story(tmp_path, work)


def test_recovery_twice_changes_nothing(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.desk.recover()
        await world.enter()
        await world.boot()
        await world.desk.recover()
        written = len(world.store.kept)
        report = await world.desk.recover()
        assert report.clean, report.words
        assert len(world.store.kept) == written

    story(tmp_path, work)


def test_recovery_is_not_clean_where_the_trades_of_a_symbol_were_never_read(
    tmp_path: Path,
) -> None:
    async def work(world: World) -> None:
        assert not (await world.desk.audit()).clean
        assert not world.books.ledger.is_opened("USDT")
        assert (await world.desk.audit()).clean
        assert world.books.ledger.is_opened(SYMBOL)
        assert world.books.ledger.is_opened("USDT")

    story(tmp_path, work, question_for_trades=[held_back])


def test_an_audit_that_was_broken_off_is_made_again(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        breaking = asyncio.ensure_future(world.desk.audit())
        await asyncio.sleep(0.001)
        assert not breaking.done()
        await _ended(breaking)
        asked = len(world.line.sent)
        await world.pass_s(10)
        assert len(world.line.sent) > asked

    story(tmp_path, work)


def test_a_comparison_is_made_every_minute_also_where_the_first_is_under_way_as_the_desk_begins(
    tmp_path: Path,
) -> None:
    async def work(world: World) -> None:
        recovering = asyncio.ensure_future(world.desk.recover())
        await asyncio.sleep(0.001)
        before = len(world.line.sent)
        await world.pass_s(200)
        assert recovering.done()
        compared = world.line.sent[before:].count("question for open orders")
        assert compared >= 1 + 3
        assert world.desk.uncompared_s() < 0
        world.line.faults["question for open orders"] = [held_back] * 1000
        await world.pass_s(100)
        assert world.desk.uncompared_s() > 0
        world.line.faults.clear()
        await world.pass_s(70)
        assert world.desk.uncompared_s() < 0

    story(tmp_path, work)


async def is_looked_after(world: World) -> None:
    """Holds that a stop which another hand cancels is placed again."""
    by_hand(world)
    assert world.resting() == []
    world.desk.look(SYMBOL)
    await world.pass_s(30)
    assert world.resting() == ["SELL STOP_LOSS"]


def test_a_symbol_that_the_exchange_has_no_more_keeps_no_other_from_being_looked_after(
    tmp_path: Path,
) -> None:
    async def work(world: World) -> None:
        gone = intent(symbol="GONEUSDT")
        sold = own(gone, Role.ENTRY, fill(1, "1", symbol="GONEUSDT"))
        done = moved(gone, OrderState.FILLED, "1", order_id=1)
        await world.enter()
        await world.desk.keeper.commit(gone, done, opened(gone), sold)
        world.desk = replace(world.desk, rules={})
        await world.desk.recover()
        await is_looked_after(world)

    story(tmp_path, work)


def test_recovery_is_not_clean_until_what_is_held_of_a_symbol_left_out_is_looked_after(
    tmp_path: Path,
) -> None:
    async def work(world: World) -> None:
        await world.desk.recover()
        await world.enter()
        await world.boot()
        world.desk = replace(world.desk, rules={})
        world.line.faults["question for rules"] = [held_back]
        report = await world.desk.recover()
        assert (report.clean, report.words) == (False, f"the venue did not tell of {SYMBOL}")
        assert (await world.desk.recover()).clean
        await is_looked_after(world)

    story(tmp_path, work)


async def held_and_left_out(world: World) -> Decimal:
    """Restarts with a position of a symbol that is not traded any more; returns its coins."""
    await world.desk.recover()
    await world.enter()
    await world.boot()
    world.desk = replace(world.desk, rules={})
    held = world.books.position(SYMBOL)
    assert held is not None
    return held.quantity.value


def vanish(world: World) -> None:
    """Takes the symbol from the exchange: what rests expires, and nothing of it is told."""
    world.outside.exchange.set_symbol_status(SYMBOL, "BREAK", delist=True)
    world.line.gone[SYMBOL] = "all"
    world.line.sent.clear()


def sent(world: World) -> set[str]:
    """Returns the orders that were sent since the symbol is gone."""
    return {"entry", "stop", "exit"} & set(world.line.sent)


def test_what_is_held_of_a_symbol_that_is_gone_stays_in_the_books_and_holds_up_nothing(
    tmp_path: Path,
) -> None:
    async def work(world: World) -> None:
        coins = await held_and_left_out(world)
        vanish(world)
        report = await world.desk.recover()
        assert not report.clean
        assert "order/" in report.words
        await world.pass_s(75)
        report = await world.desk.recover()
        assert report.clean, report.words
        held = world.books.position(SYMBOL)
        assert held is not None
        assert (held.quantity.value, held.closing) == (coins, None)
        assert world.state(Role.STOP) is OrderState.EXPIRED
        assert {each.kind for each in world.alarms} == {"vanished", "delisting"}
        written = len(world.store.kept)
        await world.pass_s(400)
        assert (len(world.store.kept), sent(world)) == (written, set())

    story(tmp_path, work)


def test_coins_of_a_symbol_that_is_gone_end_the_position_where_they_are_exchanged(
    tmp_path: Path,
) -> None:
    async def work(world: World) -> None:
        coins = await held_and_left_out(world)
        vanish(world)
        cash = world.books.cash
        world.outside.exchange.deposit(ME, "TST", -coins)
        world.outside.exchange.deposit(ME, "USDT", Decimal(40))
        await world.pass_s(250)
        assert not (await world.desk.recover()).clean
        assert world.desk.reads_again
        assert world.books.position(SYMBOL) is not None
        await world.pass_s(200)
        report = await world.desk.recover()
        assert report.clean, report.words
        assert world.books.position(SYMBOL) is None
        assert (world.books.cash, world.books.balance("TST")) == (cash + 40, Decimal(0))
        assert {"taken", "adjustment"} <= {each.kind for each in world.alarms}
        (trade,) = [each.trade for each in world.store.kept if isinstance(each, PositionClosed)]
        assert (trade.exit_reason, sent(world)) == ("operator", set())

    story(tmp_path, work)


@pytest.mark.parametrize("denied", ["exchangeInfo", "order"])
def test_one_answer_alone_never_says_that_a_symbol_is_gone(denied: str, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.desk.recover()
        await world.enter()
        world.line.gone[SYMBOL] = denied
        written = len(world.store.kept)
        await world.pass_s(400)
        assert (len(world.store.kept), world.alarms) == (written, [])
        assert world.resting() == ["SELL STOP_LOSS"]
        world.line.gone.clear()
        assert (await world.desk.recover()).clean

    story(tmp_path, work)


def test_trades_refused_for_a_symbol_that_is_on_the_list_explain_nothing(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        coins = await held_and_left_out(world)
        by_hand(world)
        world.line.gone[SYMBOL] = "myTrades"
        world.outside.exchange.deposit(ME, "TST", -coins)
        world.outside.exchange.deposit(ME, "USDT", Decimal(40))
        cash = world.books.cash
        await world.pass_s(400)
        report = await world.desk.recover()
        assert (report.clean, world.books.cash, world.books.balance("TST")) == (False, cash, coins)
        assert f"did not tell the trades of {SYMBOL}" in report.words
        world.line.gone.clear()
        await world.pass_s(400)
        assert (world.books.cash, world.books.balance("TST")) == (cash + 40, Decimal(0))

    story(tmp_path, work)


def test_a_symbol_with_an_open_order_is_not_gone_whatever_else_is_said(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await held_and_left_out(world)
        world.line.gone[SYMBOL] = "all"
        world.outside.exchange.deposit(ME, "USDT", Decimal(40))
        written = len(world.store.kept)
        await world.pass_s(400)
        report = await world.desk.recover()
        assert (report.clean, world.resting()) == (False, ["SELL STOP_LOSS"])
        assert f"did not tell the trades of {SYMBOL}" in report.words
        assert (len(world.store.kept), world.alarms) == (written, [])

    story(tmp_path, work)


def test_an_entry_of_unknown_fate_is_void_once_its_symbol_is_gone(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.desk.recover()
        await world.desk.keeper.commit(await world.entry())
        await world.boot()
        world.desk = replace(world.desk, rules={})
        vanish(world)
        assert not (await world.desk.recover()).clean
        assert world.state(Role.ENTRY) is OrderState.COMMITTED
        await world.pass_s(90)
        report = await world.desk.recover()
        assert report.clean, report.words
        assert (world.state(Role.ENTRY), sent(world)) == (OrderState.VOID, set())

    story(tmp_path, work)


def test_nothing_is_sent_for_a_symbol_that_is_gone_until_it_is_back(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.desk.recover()
        await world.enter()
        vanish(world)
        await world.desk.audit()
        await world.pass_s(400)
        assert (world.state(Role.STOP), sent(world)) == (OrderState.EXPIRED, set())
        assert world.books.position(SYMBOL) is not None
        world.line.gone.clear()
        world.outside.exchange.set_symbol_status(SYMBOL, "TRADING")
        await world.pass_s(60)
        assert world.resting() == ["SELL STOP_LOSS"]

    story(tmp_path, work)
