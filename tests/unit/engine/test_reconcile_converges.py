"""Books that lost any part of what happened agree with the venue again, or halt.

`LEEWARD_CAMPAIGN=250` makes it 50,000 cases.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest
from tests.accounts import ACCOUNT, HOUR, fill, intent, money, opening, quantity, report

from leeward.domain.money import Money
from leeward.domain.orders import Fill, OrderReport, OrderStatus, Side
from leeward.domain.timeframe import Timeframe
from leeward.engine.books import Books, books_of
from leeward.engine.facts import Doubt, Findings, VenueFacts
from leeward.engine.filling import Beside, fill_records
from leeward.engine.order_table import state_of
from leeward.engine.reconcile import reconcile
from leeward.engine.records import (
    IntentMade,
    OrderMoved,
    OrderState,
    PlanChanged,
    Record,
    Role,
    StateMoved,
    TradingState,
)

CAMPAIGN = int(os.environ.get("LEEWARD_CAMPAIGN", "1"))
PARTS, CASES = 20, 10
UNSETTLED = 99
SYMBOLS = ("BTCUSDT", "BNBUSDT")
ASSETS = ("USDT", "BTC", "BNB")
H1 = Timeframe.parse("1h")
START: tuple[Record, ...] = (
    opening("100000"),
    opening("2", "BTCUSDT", "BTC"),
    opening("5", "BNBUSDT", "BNB"),
)


class Exchange:
    """The truth: what each order, trade and balance really is."""

    def __init__(self) -> None:
        self.held = {"USDT": Decimal(100000), "BTC": Decimal(2), "BNB": Decimal(5)}
        self.orders: dict[str, OrderReport] = {}
        self.trades: dict[str, list[Fill]] = defaultdict(list)
        self.now_ms = HOUR
        self.last_id = 0

    def place(self, made: IntentMade, status: OrderStatus = OrderStatus.NEW) -> str:
        self.last_id += 1
        told = replace(report(made, status, order_id=self.last_id), time_ms=self.now_ms)
        self.orders[told.client_order_id] = told
        return told.client_order_id

    def end(self, name: str, status: OrderStatus) -> None:
        self.orders[name] = replace(self.orders[name], status=status, time_ms=self.now_ms)

    def fill(self, name: str, size: Decimal, fee: Money | None) -> Fill:
        order = self.orders[name]
        done = order.executed + quantity(size)
        whole = order.quantity is not None and done >= order.quantity
        status = OrderStatus.FILLED if whole else OrderStatus.PARTIALLY_FILLED
        self.orders[name] = replace(order, executed=done, status=status, time_ms=self.now_ms)
        return self.trade(order.symbol, order.side, size, order.order_id, fee)

    def trade(
        self, symbol: str, side: Side, size: Decimal, order_id: int, fee: Money | None
    ) -> Fill:
        self.last_id += 1
        made = fill(
            self.last_id,
            str(size),
            side=side,
            order_id=order_id,
            fee=fee,
            symbol=symbol,
            time_ms=self.now_ms,
        )
        self.trades[symbol].append(made)
        sign = 1 if side is Side.BUY else -1
        self.held[symbol.removesuffix("USDT")] += sign * size
        self.held["USDT"] -= sign * size * 100
        if fee is not None:
            self.held[fee.currency] -= fee.amount
        return made

    def facts(self, books: Books, doubts: dict[str, Doubt]) -> VenueFacts:
        asked = [*books.live_orders(), *books.void_orders()]
        names = {order.client_order_id for order in asked}
        return VenueFacts(
            self.now_ms,
            {
                symbol: tuple(
                    each
                    for each in self.trades[symbol]
                    if each.trade_id >= books.next_trade_id(symbol)
                )
                for symbol in SYMBOLS
            },
            tuple(each for each in self.orders.values() if not each.status.is_final),
            (),
            tuple(self.orders[name] for name in sorted(names & self.orders.keys())),
            frozenset(names - self.orders.keys()),
            {asset: held for asset, held in self.held.items() if held},
            doubts,
        )


class Life:
    """An account that trades, beside other hands, and whose books hear of some of it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - chance that can be repeated
        self.exchange = Exchange()
        self.records = list(START)
        self.books = books_of(START, ACCOUNT, "USDT")
        self.stops: dict[str, str] = {}
        self.intents: dict[str, IntentMade] = {}
        self.made = 0

    def put(self, *records: Record) -> None:
        for record in records:
            self.books.apply(record)
            self.records.append(record)

    def live(self) -> None:
        for _ in range(self.random.randrange(1, 25)):
            self.exchange.now_ms += self.random.choice([1000, HOUR // 3])
            symbol = self.random.choice(SYMBOLS)
            if self.ours(symbol) < Decimal("0.1"):
                often = [self.enter]
            else:
                often = [self.protect, self.stop_out, self.leave, self.cancel_by_hand]
            act = self.random.choice([*often, *often, self.trade_by_hand, self.transfer])
            act(symbol)

    def ours(self, symbol: str) -> Decimal:
        """What own orders bought and did not sell, as far as it is there."""
        own = {order.order_id for order in self.exchange.orders.values()}
        base, net = symbol.removesuffix("USDT"), Decimal(0)
        for each in self.exchange.trades[symbol]:
            if each.order_id in own:
                size = each.quantity.value
                net += size if each.side is Side.BUY else -size
                if each.commission is not None and each.commission.currency == base:
                    net -= each.commission.amount
        return max(Decimal(0), min(net, self.exchange.held[base]))

    def intend(self, symbol: str, role: Role, size: Decimal) -> IntentMade:
        self.made += 1
        position = self.books.position(symbol)
        leg = "entry" if role is Role.ENTRY else f"{role}/{self.made}"
        made = replace(
            intent(
                leg,
                (role,),
                str(size),
                symbol=symbol,
                open_time_ms=self.made,
                position_id=None
                if role is Role.ENTRY or position is None
                else position.position_id,
            ),
            made_ms=self.exchange.now_ms,
        )
        self.put(made)
        return made

    def hear(self, made: IntentMade, fills: list[Fill]) -> None:
        """The answer, or a part of it, or nothing."""
        name = made.orders[0].client_order_id
        told = self.exchange.orders.get(name)
        heard = self.random.random()
        if heard < 0.25:
            return
        if told is None or heard < 0.35:
            self.put(OrderMoved(name, OrderState.UNKNOWN, quantity("0"), self.exchange.now_ms))
            return
        self.put(
            OrderMoved(name, state_of(told), told.executed, told.time_ms, "", told.order_id, None)
        )
        if heard < 0.8 and fills:
            self.put(*fill_records(self.books, fills[:1], H1, Beside(reports=(told,))))

    def fee(self, symbol: str) -> Money | None:
        asset = self.random.choice([None, "USDT", "BNB", symbol.removesuffix("USDT")])
        return None if asset is None else money("0.0007", asset)

    def enter(self, symbol: str) -> None:
        made = self.intend(symbol, Role.ENTRY, Decimal(1))
        fills = []
        if self.random.random() < 0.85:
            name = self.exchange.place(made)
            sizes = [Decimal("0.5")] * self.random.randrange(3)
            fills += [self.exchange.fill(name, size, self.fee(symbol)) for size in sizes]
            if self.exchange.orders[name].status is not OrderStatus.FILLED:
                self.exchange.end(name, OrderStatus.EXPIRED)
        self.hear(made, fills)

    def protect(self, symbol: str) -> None:
        if symbol in self.stops or self.books.position(symbol) is None:
            return
        made = self.intend(symbol, Role.STOP, self.ours(symbol))
        if self.random.random() < 0.85:
            self.stops[symbol] = self.exchange.place(made)
            self.intents[symbol] = made
        self.hear(made, [])

    def stop_out(self, symbol: str) -> None:
        name = self.stops.get(symbol)
        if name is None:
            return
        order = self.exchange.orders[name]
        assert order.quantity is not None
        left = order.quantity.value - order.executed.value
        size = min(left if self.random.random() < 0.5 else left / 2, self.ours(symbol))
        if not size:
            return
        sold = self.exchange.fill(name, size, self.random.choice([None, money("0.05")]))
        if self.exchange.orders[name].status is OrderStatus.FILLED:
            del self.stops[symbol]
        self.hear(self.intents[symbol], [sold])

    def cancel_by_hand(self, symbol: str) -> None:
        name = self.stops.pop(symbol, None)
        if name is not None:
            self.exchange.end(name, OrderStatus.CANCELED)

    def leave(self, symbol: str) -> None:
        position = self.books.position(symbol)
        if position is None:
            return
        self.cancel_by_hand(symbol)
        self.put(PlanChanged(position.position_id, position.plan, "signal", self.exchange.now_ms))
        size = self.ours(symbol)
        made = self.intend(symbol, Role.EXIT, size)
        fills = []
        if self.random.random() < 0.85:
            fills.append(self.exchange.fill(self.exchange.place(made), size, money("0.05")))
        self.hear(made, fills)

    def trade_by_hand(self, symbol: str) -> None:
        side = self.random.choice([Side.BUY, Side.SELL])
        there = self.exchange.held[symbol.removesuffix("USDT")]
        locked = self.ours(symbol) if symbol in self.stops else Decimal(0)
        most = there - locked - Decimal("0.01") if side is Side.SELL else Decimal(3)
        if most > 0:
            size = min(most, Decimal(self.random.choice(["0.3", "2", "9"])))
            self.exchange.trade(symbol, side, size, 0, self.random.choice([None, money("0.1")]))

    def transfer(self, symbol: str) -> None:
        asset = self.random.choice(["USDT", symbol.removesuffix("USDT")])
        self.exchange.held[asset] += Decimal(self.random.choice(["0.5", "3"]))


def follow(life: Life, books: Books, found: Findings) -> None:
    """Does what the desk does with findings, and gives up orders proven absent."""
    exchange = life.exchange
    if found.tighten is not None:
        books.apply(StateMoved(*found.tighten, "test", exchange.now_ms))
    for each in found.cancel:
        exchange.end(each.client_order_id, OrderStatus.CANCELED)
    for order in books.unresolved():
        if order.client_order_id not in exchange.orders:
            books.apply(
                OrderMoved(
                    order.client_order_id, OrderState.VOID, quantity("0"), exchange.now_ms, "absent"
                )
            )


def converge(life: Life, books: Books) -> int:
    """Returns how many passes had something to write down or to cancel, until all was clean: those
    before the last order of unknown fate was settled count as one with the next, since trades that
    it may have made wait for it."""
    doubts: dict[str, Doubt] = {}
    wrote = 0
    for _ in range(5):
        life.exchange.now_ms += HOUR
        facts = life.exchange.facts(books, doubts)
        found = reconcile(books, facts, 1, H1)
        for record in found.records:
            books.apply(record)
        again = reconcile(books, facts, 1, H1)
        assert again.records == ()
        if found.is_clean and not found.records and not found.cancel:
            return wrote
        wrote += bool(found.records or found.cancel)
        if books.unresolved():
            wrote = 0
        follow(life, books, found)
        doubts = dict(found.doubts)
    return UNSETTLED


@pytest.mark.parametrize("part", range(PARTS))
def test_books_agree_with_the_venue_again_within_a_few_cycles(part: int) -> None:
    took: Counter[int] = Counter()
    for number in range(CASES * CAMPAIGN):
        life = Life(part + PARTS * number)
        life.live()
        backup = life.random.random() < 0.3
        kept = life.random.randrange(len(START), len(life.records) + 1)
        records = life.records[:kept] if backup else life.records
        if life.random.random() < 0.05:
            records = []
        books = books_of(records, ACCOUNT, "USDT")
        cycles = converge(life, books)
        halted = books.state is not None and books.state.state is TradingState.HALTED
        assert cycles <= 2 or halted, f"seed {part + PARTS * number}: {cycles} cycles"
        took[cycles] += 1
        for asset in ASSETS if cycles < UNSETTLED else ():
            assert books.balance(asset) == life.exchange.held[asset]
        if not backup and records:
            for symbol in SYMBOLS:
                held = books.position(symbol)
                ours = Decimal(0) if held is None else held.quantity.value
                assert ours + books.dust(symbol).value == life.ours(symbol)
    assert took
