"""Random lives of an account against a plain reference that adds everything up anew.

`LEEWARD_CAMPAIGN=500` makes it a million steps.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from random import Random
from zlib import crc32

import pytest
from tests.accounts import ACCOUNT, HOUR, PLAN, fill, intent, money, moved, opened, own

from leeward.domain.money import Money
from leeward.domain.orders import Fill, Side
from leeward.engine.books import Books, books_of
from leeward.engine.record_codec import record_json, record_of
from leeward.engine.records import (
    FillBooked,
    IntentMade,
    OrderState,
    PlanChanged,
    PositionClosed,
    Record,
    Role,
    TransferBooked,
    TransferKind,
)

CAMPAIGN = int(os.environ.get("LEEWARD_CAMPAIGN", "1"))
RUNS, STEPS = 20, 100
SYMBOLS = ("BTCUSDT", "BNBUSDT")
S = OrderState
#: What each state yields to, written out by hand: the reference's own idea of the lattice.
YIELDS = {
    S.COMMITTED: set(S) - {S.COMMITTED},
    S.UNKNOWN: set(S) - {S.COMMITTED, S.UNKNOWN},
    S.VOID: set(S) - {S.COMMITTED, S.UNKNOWN, S.VOID},
    S.REFUSED: {S.PENDING, S.OPEN, S.PARTIAL, S.FILLED, S.CANCELED, S.EXPIRED},
    S.PENDING: {S.OPEN, S.PARTIAL, S.FILLED, S.CANCELED, S.EXPIRED},
    S.OPEN: {S.PARTIAL, S.FILLED, S.CANCELED, S.EXPIRED},
    S.PARTIAL: {S.FILLED, S.CANCELED, S.EXPIRED},
    S.EXPIRED: {S.CANCELED, S.FILLED},
    S.CANCELED: {S.FILLED},
    S.FILLED: set(),
}


def base(symbol: str) -> str:
    return symbol.removesuffix("USDT")


@dataclass
class Plain:
    """Remembers everything and adds it up when asked."""

    fills: list[FillBooked] = field(default_factory=list)
    transfers: list[Money] = field(default_factory=list)
    states: dict[str, OrderState] = field(default_factory=dict)
    executed: dict[str, Fraction] = field(default_factory=dict)
    #: position → (symbol, what it had left by its fills, its dust, fills known) when closed
    closed: dict[str, tuple[Fraction, Fraction, int]] = field(default_factory=dict)
    current: dict[str, str] = field(default_factory=dict)

    def moves(self, fill: Fill) -> dict[str, Fraction]:
        change: dict[str, Fraction] = defaultdict(Fraction)
        sign = 1 if fill.side is Side.BUY else -1
        size, price = Fraction(fill.quantity.value), Fraction(fill.price.value)
        change[base(fill.symbol)] += sign * size
        change["USDT"] -= sign * size * price
        if fill.commission is not None:
            change[fill.commission.currency] -= Fraction(fill.commission.amount)
        return change

    def balance(self, asset: str) -> Fraction:
        return sum(
            (Fraction(came.amount) for came in self.transfers if came.currency == asset),
            sum((self.moves(each.fill)[asset] for each in self.fills), Fraction(0)),
        )

    def net(self, position_id: str, symbol: str, since: int = 0) -> Fraction:
        return sum(
            (
                self.moves(each.fill)[base(symbol)]
                for each in self.fills[since:]
                if each.position_id == position_id and each.fill.symbol == symbol
            ),
            Fraction(0),
        )

    def ours(self, symbol: str) -> Fraction:
        claim = Fraction(0)
        names = {
            each.position_id
            for each in self.fills
            if each.fill.symbol == symbol and each.position_id is not None
        }
        for name in names:
            if name in self.closed:
                had, dust, known = self.closed[name]
                claim += min(had, dust) + self.net(name, symbol, known)
            else:
                claim += self.net(name, symbol)
        return max(Fraction(0), min(claim, self.balance(base(symbol))))

    def held(self, symbol: str) -> Fraction:
        name = self.current.get(symbol)
        if name is None:
            return Fraction(0)
        return max(Fraction(0), min(self.net(name, symbol), self.ours(symbol)))


class Life:
    """One account's random records, each at once in the books and in the reference."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - chance that can be repeated
        self.plain = Plain()
        self.books = Books(ACCOUNT, "USDT")
        self.records: list[Record] = []
        self.intents: list[IntentMade] = []
        self.trades = 0
        self.pnl = Fraction(0)
        for number, name in enumerate(("USDT", "BNB", "BTC")):
            start = Money(money(self.random.choice(["0", "50", "100000"])).amount, name)
            self.put(TransferBooked(f"opening/{name}", TransferKind.OPENING, start, number))
            self.plain.transfers.append(start)

    def put(self, record: Record) -> None:
        self.books.apply(record)
        self.records.append(record)

    def step(self) -> None:
        often = [self.report, self.report, self.fill, self.fill, self.fill]
        seldom = [self.decide, self.again, self.stranger, self.transfer, self.plan, self.close]
        act = self.random.choice([*often, *seldom])
        act()

    def decide(self) -> None:
        symbol = self.random.choice(SYMBOLS)
        time_ms = len(self.intents) * HOUR
        held = self.plain.current.get(symbol)
        if held is None:
            roles = self.random.choice([(Role.ENTRY,), (Role.ENTRY, Role.STOP, Role.TARGET)])
            made = intent("entry", roles, "1", symbol=symbol, open_time_ms=time_ms)
        else:
            roles = self.random.choice([(Role.EXIT,), (Role.STOP,), (Role.STOP, Role.TARGET)])
            leg = f"{roles[0]}/{len(self.intents)}"
            made = intent(leg, roles, "1", symbol=symbol, open_time_ms=time_ms, position_id=held)
        self.put(made)
        self.intents.append(made)
        for order in made.orders:
            self.plain.states[order.client_order_id] = S.COMMITTED

    def report(self) -> None:
        if not self.intents:
            return
        made = self.random.choice(self.intents)
        order = self.random.choice(made.orders)
        state = self.random.choice(list(S))
        executed = self.random.choice(["0", "0.25", "0.5", "1", "1.5"])
        self.put(moved(made, state, executed, role=order.role, at_ms=self.random.randrange(9**9)))
        name = order.client_order_id
        if state in YIELDS[self.plain.states[name]]:
            self.plain.states[name] = state
        self.plain.executed[name] = max(
            self.plain.executed.get(name, Fraction(0)), Fraction(executed)
        )

    def size(self) -> str:
        return self.random.choice(["0.1", "0.25", "0.33333333", "1"])

    def fee(self, symbol: str) -> Money | None:
        asset = self.random.choice([None, "USDT", base(symbol), "BNB"])
        return None if asset is None else money(self.random.choice(["0.0001", "0.003"]), asset)

    def new_trade(self, symbol: str, side: Side, order_id: int) -> Fill:
        self.trades += 1
        price = self.random.choice(["100", "99.99", "110.00000001"])
        return fill(
            self.random.randrange(3) * 10**6 + self.trades,
            self.size(),
            price,
            side=side,
            order_id=order_id,
            fee=self.fee(symbol),
            symbol=symbol,
            time_ms=self.trades * 60_000,
        )

    def fill(self) -> None:
        if not self.intents:
            return
        made = self.random.choice(self.intents[-6:])
        order = self.random.choice(made.orders)
        symbol = made.key.symbol
        trade = self.new_trade(symbol, order.side, crc32(order.client_order_id.encode()))
        booked = own(made, order.role, trade)
        if order.role is Role.ENTRY and symbol not in self.plain.current:
            if made.position_id in self.plain.closed:
                return
            self.put(opened(made))
            self.plain.current[symbol] = made.position_id
        self.put(booked)
        self.plain.fills.append(booked)

    def again(self) -> None:
        """The same fill or transfer once more: no change."""
        known = [each for each in self.records if isinstance(each, FillBooked | TransferBooked)]
        self.books.apply(self.random.choice(known))

    def stranger(self) -> None:
        symbol = self.random.choice(SYMBOLS)
        side = self.random.choice([Side.BUY, Side.SELL])
        booked = FillBooked(self.new_trade(symbol, side, 7), None, None, None)
        self.put(booked)
        self.plain.fills.append(booked)

    def transfer(self) -> None:
        came = money(
            self.random.choice(["5", "-0.3", "0.00000001"]),
            self.random.choice(["USDT", "BTC", "BNB"]),
        )
        name = f"t{len(self.records)}"
        self.put(TransferBooked(name, TransferKind.ADJUSTMENT, came, len(self.records)))
        self.plain.transfers.append(came)

    def plan(self) -> None:
        for name in self.plain.current.values():
            self.put(PlanChanged(name, PLAN, self.random.choice([None, "signal"]), 1))

    def close(self) -> None:
        for symbol, name in list(self.plain.current.items()):
            bought = [
                each
                for each in self.plain.fills
                if each.position_id == name and each.fill.side is Side.BUY
            ]
            if not bought or self.random.random() < 0.5:
                continue
            trade = self.books.trade_of(name, self.random.choice(["stop", "signal"]))
            assert Fraction(trade.dust.value) == self.plain.held(symbol)
            paid = sum((Fraction(e.fill.price.value * e.fill.quantity.value) for e in bought), 0)
            assert Fraction(trade.cost.amount) == paid
            self.put(PositionClosed(trade, 1))
            had = self.plain.net(name, symbol)
            known = len(self.plain.fills)
            self.plain.closed[name] = (had, Fraction(trade.dust.value), known)
            del self.plain.current[symbol]

    def check(self) -> None:
        plain, kept = self.plain, self.books
        for asset in ("USDT", "BTC", "BNB"):
            assert Fraction(kept.balance(asset)) == plain.balance(asset)
        for symbol in SYMBOLS:
            held = kept.position(symbol)
            assert (None if held is None else held.position_id) == plain.current.get(symbol)
            mine, of_it = plain.ours(symbol), plain.held(symbol)
            if held is not None:
                assert Fraction(held.quantity.value) == of_it
            assert Fraction(kept.dust(symbol).value) == mine - of_it
            there = plain.balance(base(symbol))
            assert Fraction(kept.foreign(symbol).value) == max(Fraction(0), there - mine)
        for name, state in plain.states.items():
            order = kept.orders[name]
            assert order.reported is state
            booked = [each for each in plain.fills if each.client_order_id == name]
            filled = sum((Fraction(each.fill.quantity.value) for each in booked), Fraction(0))
            assert Fraction(order.booked.value) == filled
            # Whoever reported last: what fills prove was executed.
            assert Fraction(order.executed.value) == max(filled, plain.executed.get(name, 0))


@pytest.mark.parametrize("part", range(RUNS))
def test_books_agree_with_a_reference_that_adds_everything_up(part: int) -> None:
    for number in range(CAMPAIGN):
        life = Life(part + RUNS * number)
        for step in range(STEPS):
            life.step()
            if step % 10 == 9:
                life.check()
        read_back = [record_of(json.loads(json.dumps(record_json(r)))) for r in life.records]
        assert read_back == life.records
        assert books_of(read_back, ACCOUNT, "USDT") == life.books


@pytest.mark.parametrize("seed", range(20))
def test_books_do_not_depend_on_the_order_of_records(seed: int) -> None:
    life = Life(seed)
    for _ in range(STEPS):
        life.step()
    first = [record for record in life.records if isinstance(record, IntentMade)]
    bound = (IntentMade, PositionClosed, PlanChanged)
    loose = [record for record in life.records if not isinstance(record, bound)]
    plans = [record for record in life.records if isinstance(record, PlanChanged)]
    closed = [record for record in life.records if isinstance(record, PositionClosed)]
    if any(_fills_after_close(life.records, each) for each in closed):
        closed = []
        life.books = books_of([*first, *loose, *plans], ACCOUNT, "USDT")
    Random(seed).shuffle(loose)  # noqa: S311 - chance that can be repeated
    openings = [record for record in loose if type(record).__name__ == "PositionOpened"]
    by_time = sorted(openings, key=life.records.index)
    rest = [record for record in loose if type(record).__name__ != "PositionOpened"]
    again = books_of([*first, *rest, *by_time, *plans, *closed], ACCOUNT, "USDT")
    assert again == life.books


def _fills_after_close(records: list[Record], closed: PositionClosed) -> bool:
    """Whether a fill of the symbol came after: then what was left then is not what is left now."""
    after = records[records.index(closed) :]
    return any(isinstance(each, FillBooked | TransferBooked) for each in after)
