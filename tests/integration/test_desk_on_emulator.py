"""The desk trades on the emulator over real sockets, and comes through what goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from leeward.domain.answers import Found
from leeward.domain.money import Money, Price, Quantity, quantize_price
from leeward.domain.order_requests import OrderRequest
from leeward.domain.orders import OrderType, Side, TimeInForce
from leeward.domain.timeframe import Timeframe
from leeward.engine.books import Books
from leeward.engine.intents import client_order_id, intent_id, list_id
from leeward.engine.records import (
    DecisionKey,
    IntentMade,
    Noted,
    Plan,
    PlanChanged,
    PlannedOrder,
    PositionClosed,
    Purpose,
    Record,
    Role,
)
from leeward.runtime.clock import monotonic_s, now_ms
from leeward.runtime.sections import TradingSettings
from leeward.runtime.trading import sending
from leeward.runtime.trading.bookkeeper import Bookkeeper, inline, open_books
from leeward.runtime.trading.desk import Desk
from leeward.runtime.trading.journal import Journal
from leeward.venues.addresses import addresses_of
from leeward.venues.binance_http import BinanceHttp
from leeward.venues.binance_rest import BinanceRest
from leeward.venues.governor import Governor
from leeward.venues.signing import hmac_key
from leeward.venues.timing import Clock
from tests.fake_exchange import run
from tests.served import Served, generated, served

SYMBOL = "BTCUSDT"
ACCOUNT = "live:emulator:test"
_accounts = count(1)
_candles = count(1)


@dataclass
class Shelf:
    """A store in memory that keeps what it is given, and can be switched off."""

    records: list[Record] = field(default_factory=list)

    def record(self, account: str, epoch: int, records: Sequence[Record]) -> None:
        assert (account, epoch > 0) == (ACCOUNT, True)
        self.records.extend(records)

    def load(self, account: str) -> list[Record]:
        assert account == ACCOUNT
        return list(self.records)


@dataclass
class Trading:
    """A desk on an account of its own at a running emulator."""

    emulator: Served
    venue: BinanceRest
    account: str
    shelf: Shelf
    folder: Path
    alarms: list[Noted] = field(default_factory=list)
    desk: Desk = field(init=False)
    epoch: int = 0

    async def open(self) -> Desk:
        """Starts a desk as a process would: from what is written down."""
        self.epoch += 1
        journal = Journal(self.folder / "journal")
        books = open_books(self.shelf, journal, ACCOUNT, "USDT", self.epoch)
        clock = Clock(now_ms, monotonic_s)
        keeper = Bookkeeper(books, self.shelf, journal, self.epoch, clock, aside=inline)
        rules = await self.venue.rules([SYMBOL])
        assert isinstance(rules, Found)
        await self.venue.http.sync()
        self.desk = Desk(
            self.venue,
            keeper,
            rules.value,
            TradingSettings(),
            clock,
            self.venue.http.server_clock.now_ms,
            self.alarms.append,
            Timeframe.parse("1m"),
        )
        return self.desk

    @property
    def books(self) -> Books:
        return self.desk.keeper.books

    async def price(self, factor: str = "1") -> Price:
        now = await self.venue.last_price(SYMBOL)
        assert isinstance(now, Found)
        return quantize_price(now.value.value * Decimal(factor), Decimal("0.01"), "nearest")

    async def entry(self, target: str | None = None, listed: bool = False) -> IntentMade:
        """Returns an entry of 0.01 with a stop 10 % below, committed and not sent."""
        key = DecisionKey(ACCOUNT, SYMBOL, 60_000 * next(_candles), "entry")
        plan = Plan(await self.price("0.9"), None if target is None else await self.price(target))
        lot, limit = Quantity(Decimal("0.01")), await self.price("1.004")
        orders = [
            PlannedOrder(
                client_order_id(key, self.epoch, Role.ENTRY), Role.ENTRY, Side.BUY,
                OrderType.LIMIT, lot, limit,
                time_in_force=TimeInForce.FOK if listed else TimeInForce.IOC,
            )
        ]  # fmt: skip
        if listed:
            orders += _pending(key, self.epoch, plan)
        intent = IntentMade(
            intent_id(key), key, "session", self.epoch, Purpose.ENTRY, intent_id(key), "test", "1",
            tuple(orders), Money(limit.value * lot.value, "USDT"), self.desk.server_now_ms(),
            list_id(key, self.epoch) if listed else None, plan=plan, tag="long",
        )  # fmt: skip
        await self.desk.keeper.commit(intent)
        return intent

    async def entered(self, target: str | None = None, listed: bool = False) -> IntentMade:
        intent = await self.entry(target, listed)
        await self.desk.enter([intent])
        return intent

    async def close(self, reason: str) -> None:
        """Decides to close the position."""
        held = self.books.position(SYMBOL)
        assert held is not None
        change = PlanChanged(held.position_id, held.plan, reason, 1)
        await self.desk.keeper.commit(change, urgent=True)

    def fault(self, **fault: Any) -> None:
        self.emulator.sim("POST", "faults", **fault)

    def closed(self) -> list[PositionClosed]:
        return [each for each in self.shelf.records if isinstance(each, PositionClosed)]

    async def moves(self, factor: str) -> None:
        """Moves the market to its price times `factor`."""
        price = float((await self.price(factor)).value)
        await asyncio.to_thread(self.emulator.jump, SYMBOL, price)

    def truth(self, kind: str) -> list[dict[str, Any]]:
        """Returns what the emulator knows of the account: its "orders" or "trades"."""
        found = self.emulator.sim("GET", "state")["accounts"][self.account][kind]
        return list(found)


def _pending(key: DecisionKey, epoch: int, plan: Plan) -> list[PlannedOrder]:
    stop = PlannedOrder(
        client_order_id(key, epoch, Role.STOP), Role.STOP, Side.SELL, OrderType.STOP_LOSS, None,
        stop_price=plan.stop,
    )  # fmt: skip
    if plan.target is None:
        return [stop]
    name = client_order_id(key, epoch, Role.TARGET)
    target = PlannedOrder(name, Role.TARGET, Side.SELL, OrderType.LIMIT_MAKER, None, plan.target)
    return [target, stop]


@pytest.fixture(scope="module")
def emulator() -> Iterator[Served]:
    with served(generated()) as running:
        yield running


Work = Callable[[Trading], Awaitable[None]]


@pytest.fixture
def trade(emulator: Served, tmp_path: Path) -> Callable[[Work], None]:
    """Runs a story on an account of its own; the price is put back at the end."""

    def story(work: Work) -> None:
        name = f"desk{next(_accounts)}"
        keys = emulator.account(name, {"USDT": "100000"})
        start = emulator.price()

        async def tell() -> None:
            async with _connected(emulator, keys) as venue:
                trading = Trading(emulator, venue, name, Shelf(), tmp_path)
                await trading.open()
                await work(trading)

        try:
            run(tell, 100)
        finally:
            for fault in emulator.sim("GET", "faults"):
                emulator.sim("DELETE", f"faults/{fault['id']}")
            emulator.jump(SYMBOL, start)

    return story


@asynccontextmanager
async def _connected(emulator: Served, keys: dict[str, str]) -> AsyncIterator[BinanceRest]:
    addresses = addresses_of("emulator", emulator.addresses.rest)
    key = hmac_key(keys["api_key"], keys["api_secret"])
    clock = Clock(now_ms, monotonic_s)
    http = BinanceHttp(addresses, key, clock, Governor(addresses.rest))
    try:
        yield BinanceRest(http)
    finally:
        await http.aclose()


def test_an_entry_is_protected_as_soon_as_it_is_filled(trade: Callable[[Work], None]) -> None:
    async def story(trading: Trading) -> None:
        await trading.entered()
        held = trading.books.position(SYMBOL)
        assert held is not None
        assert Quantity(Decimal("0.00998")) <= held.quantity <= Quantity(Decimal("0.01"))
        (stop,) = trading.books.open_orders(SYMBOL)
        assert stop.planned.stop_price == held.plan.stop
        assert stop.planned.quantity is not None
        assert stop.planned.quantity <= held.quantity

    trade(story)


def resting(trading: Trading) -> list[tuple[str, str, Decimal]]:
    """Returns side, type and quantity of what the emulator has open for the account."""
    return sorted(
        (str(each["side"]), str(each["type"]), Decimal(str(each["origQty"])))
        for each in trading.truth("orders")
        if each["status"] in {"NEW", "PARTIALLY_FILLED", "PENDING_NEW"}
    )


@pytest.mark.parametrize("target", [None, "1.1"])
@pytest.mark.parametrize("listed", [False, True])
def test_what_was_bought_is_protected_by_stop_and_target(
    trade: Callable[[Work], None], target: str | None, listed: bool
) -> None:
    async def story(trading: Trading) -> None:
        await trading.entered(target, listed)
        held = trading.books.position(SYMBOL)
        assert held is not None
        kinds = {each[1]: each[2] for each in resting(trading)}
        assert set(kinds) == {"STOP_LOSS"} | ({"LIMIT_MAKER"} if target else set())
        assert all(quantity <= held.quantity.value for quantity in kinds.values())
        assert trading.desk.settled

    trade(story)


@pytest.mark.parametrize("target", [None, "1.1"])
def test_a_raised_plan_raises_the_stop(trade: Callable[[Work], None], target: str | None) -> None:
    async def story(trading: Trading) -> None:
        await trading.entered(target)
        held = trading.books.position(SYMBOL)
        assert held is not None
        plan = Plan(await trading.price("0.95"), held.plan.target)
        await trading.desk.keeper.commit(PlanChanged(held.position_id, plan, None, 1), urgent=True)
        assert await trading.desk.tend(SYMBOL)
        stops = [each for each in trading.books.open_orders(SYMBOL) if each.planned.role == "stop"]
        assert [each.planned.stop_price for each in stops] == [plan.stop]
        assert len(resting(trading)) == (1 if target is None else 2)

    trade(story)


@pytest.mark.parametrize("target", [None, "1.1"])
def test_a_closing_position_is_sold_and_its_trade_written_down(
    trade: Callable[[Work], None], target: str | None
) -> None:
    async def story(trading: Trading) -> None:
        await trading.entered(target)
        await trading.close("signal")
        assert await trading.desk.tend(SYMBOL)
        assert trading.books.position(SYMBOL) is None
        assert resting(trading) == []
        (closed,) = trading.closed()
        assert closed.trade.exit_reason == "signal"

    trade(story)


@pytest.mark.parametrize(("factor", "reason"), [("0.88", "stop"), ("1.12", "target")])
def test_a_fill_while_nobody_looked_is_found(
    trade: Callable[[Work], None], factor: str, reason: str
) -> None:
    async def story(trading: Trading) -> None:
        await trading.entered("1.1")
        await trading.moves(factor)
        await trading.open()
        await trading.desk.recover()
        assert trading.books.position(SYMBOL) is None
        (closed,) = trading.closed()
        assert closed.trade.exit_reason == reason
        assert resting(trading) == []

    trade(story)


LOST = [
    {"effect": "reset_after"},
    {"effect": "truncated"},
    {"effect": "bad_json"},
    {"effect": "http_5xx", "executed": True},
    {"effect": "timeout_unknown", "executed": True},
    {"effect": "unknown_1006", "executed": True},
    {"effect": "rate_429", "seconds": 1},
]


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: str(fault["effect"]))
@pytest.mark.parametrize("nth", [1, 2])
def test_an_order_whose_answer_is_lost_is_found_and_never_doubled(
    trade: Callable[[Work], None], fault: dict[str, Any], nth: int
) -> None:
    async def story(trading: Trading) -> None:
        match = {"route": "POST /api/v3/order", "account": trading.account}
        trading.fault(**fault, match=match, nth=nth)
        await trading.entered()
        refused = fault["effect"] == "rate_429" and nth == 1
        held = trading.books.position(SYMBOL)
        assert (held is None) == refused
        assert len(resting(trading)) == (0 if refused else 1)
        buys = [each for each in trading.truth("orders") if each["side"] == "BUY"]
        assert len(buys) == (0 if refused else 1)
        assert trading.desk.settled

    trade(story)


def test_a_restart_in_the_middle_protects_what_the_entry_bought(
    trade: Callable[[Work], None],
) -> None:
    async def story(trading: Trading) -> None:
        intent = await trading.entry()
        await sending.send(trading.venue, intent)  # and then the process dies
        await trading.open()
        await trading.desk.recover()
        assert [kind for _, kind, _ in resting(trading)] == ["STOP_LOSS"]
        report = await trading.desk.recover()
        assert report.clean, report.words

    trade(story)


def test_queries_that_lag_do_not_lead_to_a_second_order(trade: Callable[[Work], None]) -> None:
    async def story(trading: Trading) -> None:
        lag = {"effect": "not_found_lag", "ms": 1500, "match": {"account": trading.account}}
        trading.fault(**lag)
        match = {"route": "POST /api/v3/order", "account": trading.account}
        trading.fault(effect="reset_after", match=match, nth=1)
        await trading.entered()
        buys = [each for each in trading.truth("orders") if each["side"] == "BUY"]
        assert len(buys) == 1
        assert len(resting(trading)) == 1

    trade(story)


def test_a_halted_symbol_is_waited_for(trade: Callable[[Work], None]) -> None:
    async def story(trading: Trading) -> None:
        await trading.entered()
        trading.fault(effect="symbol_halt", symbol=SYMBOL, ms=2000)
        await trading.close("signal")
        assert await trading.desk.tend(SYMBOL)
        assert trading.books.position(SYMBOL) is None
        assert resting(trading) == []

    trade(story)


def test_coins_sold_by_hand_end_the_position_and_nothing_else_is_sold(
    trade: Callable[[Work], None],
) -> None:
    async def story(trading: Trading) -> None:
        await trading.desk.recover()
        await trading.entered()
        held = trading.books.position(SYMBOL)
        assert held is not None
        (stop,) = trading.books.open_orders(SYMBOL)
        await trading.venue.cancel(SYMBOL, stop.client_order_id)
        hand = OrderRequest(
            SYMBOL, Side.SELL, OrderType.MARKET, "by-hand", Quantity(Decimal("0.0099"))
        )
        await trading.venue.place(hand)
        await trading.open()
        await trading.desk.recover()
        await trading.desk.recover()
        assert trading.books.position(SYMBOL) is None
        assert resting(trading) == []
        sells = [each for each in trading.truth("orders") if each["status"] == "FILLED"]
        assert {each["clientOrderId"] for each in sells if each["side"] == "SELL"} == {"by-hand"}

    trade(story)


def test_foreign_coins_are_never_sold(trade: Callable[[Work], None]) -> None:
    async def story(trading: Trading) -> None:
        trading.fault(effect="deposit", account=trading.account, asset="BTC", amount="1")
        await trading.desk.recover()
        await trading.entered()
        await trading.close("signal")
        assert await trading.desk.tend(SYMBOL)
        btc = trading.emulator.sim("GET", "state")["accounts"][trading.account]["balances"]["BTC"]
        assert Decimal(btc["free"]) >= 1

    trade(story)
