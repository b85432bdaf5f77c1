"""The last door before an entry: nothing passes that could take the account beyond its limits.

`LEEWARD_CAMPAIGN=200` makes it a million orders.
"""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal

import pytest
from tests.trading import rules_for

from leeward.domain.instrument import Instrument
from leeward.domain.money import Money, Price, Quantity
from leeward.domain.orders import Fill, OrderType, Side, TimeInForce
from leeward.domain.rules import SymbolStatus
from leeward.engine.books import Books
from leeward.engine.gate import Door, admit, room
from leeward.engine.intents import client_order_id, intent_id
from leeward.engine.records import (
    DecisionKey,
    FillBooked,
    IntentMade,
    OrderMoved,
    OrderState,
    Plan,
    PlanChanged,
    PlannedOrder,
    PositionClosed,
    PositionOpened,
    Purpose,
    Role,
    TradingState,
    TransferBooked,
    TransferKind,
)
from leeward.risk.limits import RiskLimits

CAMPAIGN = int(os.environ.get("LEEWARD_CAMPAIGN", "1"))
ORDERS = 5_000
SYMBOLS = ("AUSDT", "BUSDT", "CUSDT", "DUSDT", "EUSDT", "FUSDT")
LIMITS = RiskLimits(max_orders_per_hour=1_000_000)
RULES = {symbol: rules_for(symbol) for symbol in SYMBOLS}
TOO_MUCH = {"max_position", "max_exposure"}
PRICES = dict.fromkeys(SYMBOLS, Decimal(100))


def opening(amount: str = "10000") -> TransferBooked:
    return TransferBooked("opening/USDT", TransferKind.OPENING, Money(Decimal(amount), "USDT"), 0)


def books_with(amount: str = "10000") -> Books:
    books = Books("paper:binance:main", "USDT")
    books.apply(opening(amount))
    return books


def entry(
    symbol: str, quantity: Decimal, cap: Decimal, at_ms: int = 1_000, stop: str | None = "90"
) -> IntentMade:
    key = DecisionKey("paper:binance:main", symbol, at_ms, "entry")
    order = PlannedOrder(
        client_order_id(key, 1, Role.ENTRY),
        Role.ENTRY,
        Side.BUY,
        OrderType.LIMIT,
        Quantity(quantity),
        price=Price(cap),
        time_in_force=TimeInForce.IOC,
    )
    return IntentMade(
        intent_id(key),
        key,
        "session",
        1,
        Purpose.ENTRY,
        intent_id(key),
        "ema_cross",
        "0",
        (order,),
        Money(quantity * cap * Decimal("1.001"), "USDT"),
        at_ms,
        plan=Plan(None if stop is None else Price(Decimal(stop)), None),
    )


def door(prices: Mapping[str, Decimal] = PRICES, now_ms: int = 2_000) -> Door:
    return Door(TradingState.ACTIVE, LIMITS, prices, RULES, now_ms)


def small(symbol: str = "AUSDT") -> IntentMade:
    return entry(symbol, Decimal(5), Decimal("100.5"))


def test_an_entry_within_all_limits_passes() -> None:
    assert admit(books_with(), small(), door()) is None


@pytest.mark.parametrize("state", [s for s in TradingState if s is not TradingState.ACTIVE])
def test_only_an_active_account_enters(state: TradingState) -> None:
    assert admit(books_with(), small(), replace(door(), state=state)) == state.value.lower()


def test_what_is_not_on_the_list_or_does_not_trade_is_refused() -> None:
    closed = {**RULES, "AUSDT": replace(RULES["AUSDT"], status=SymbolStatus.BREAK)}
    assert admit(books_with(), small(), replace(door(), rules={})) == "not_allowed"
    assert admit(books_with(), small(), replace(door(), rules=closed)) == "symbol_closed"
    ending = {**RULES, "AUSDT": replace(RULES["AUSDT"], ends_ms=1_700_000_000_000)}
    assert admit(books_with(), small(), replace(door(), rules=ending)) == "delisting"


def test_an_entry_without_a_stop_is_refused_where_one_is_required() -> None:
    bare = entry("AUSDT", Decimal(5), Decimal(100), stop=None)
    assert admit(books_with(), bare, door()) == "no_stop"
    loose = replace(door(), limits=replace(LIMITS, require_stop=False))
    assert admit(books_with(), bare, loose) is None


def test_a_sale_does_not_pass_as_an_entry() -> None:
    sale = replace(small(), purpose=Purpose.EXIT)
    assert admit(books_with(), sale, door()) == "no_entry"


def test_a_second_entry_of_a_symbol_is_refused_while_the_first_may_still_fill() -> None:
    books, first = books_with(), small()
    books.apply(first)
    second = entry("AUSDT", Decimal(1), Decimal(100), at_ms=1_500)
    assert admit(books, second, door()) == "already_held"
    assert admit(books_with(), second, door(), [first]) == "already_held"


def test_the_orders_of_an_hour_are_counted_with_those_of_the_same_step() -> None:
    few = replace(door(), limits=replace(LIMITS, max_orders_per_hour=2))
    books = books_with()
    books.apply(small("BUSDT"))
    assert admit(books, small(), few) is None
    assert admit(books, small(), few, [small("CUSDT")]) == "max_orders_per_hour"
    assert admit(books, small(), replace(few, now_ms=3_700_000), [small("CUSDT")]) is None


def test_size_is_valued_at_the_last_close_and_not_at_the_price_cap() -> None:
    whole = entry("AUSDT", Decimal(10), Decimal("100.5"))
    assert admit(books_with(), whole, door()) is None
    above = entry("AUSDT", Decimal("10.001"), Decimal("100.5"))
    assert admit(books_with(), above, door()) == "max_position"


def test_buys_of_unknown_outcome_count_as_filled() -> None:
    books = books_with()
    for symbol in SYMBOLS[:5]:
        made = entry(symbol, Decimal(9), Decimal("100.5"))
        books.apply(made)
        name = made.orders[0].client_order_id
        books.apply(OrderMoved(name, OrderState.UNKNOWN, Quantity(Decimal(0)), 1_001))
    assert admit(books, entry("FUSDT", Decimal(6), Decimal("100.5")), door()) == "max_exposure"
    assert admit(books, entry("FUSDT", Decimal(5), Decimal("100.5")), door()) is None


def test_an_entry_beyond_free_cash_is_refused() -> None:
    all_in = replace(LIMITS, max_position_fraction=1.0, max_exposure_fraction=1.0)
    books, made = books_with(), entry("AUSDT", Decimal(100), Decimal(100))
    assert admit(books, made, replace(door(), limits=all_in)) == "insufficient_cash"


def test_dust_of_an_earlier_position_does_not_stand_in_the_way_of_the_next() -> None:
    """The core sizes to the cap exactly and knows no dust."""
    books, made = books_with(), entry("AUSDT", Decimal(1), Decimal(100))
    books.apply(made)
    fill_entry(books, made, PRICES, Decimal(1), 1)
    fill = Fill("AUSDT", 2, 2, Side.SELL, Price(Decimal(100)), Quantity(Decimal("0.999")), None, 2)
    booked = FillBooked(fill, None, made.position_id, Role.EXIT)
    books.apply(PlanChanged(made.position_id, Plan(None, None), "signal", 2))
    trade = books.trade_of(made.position_id, "signal", [booked])
    books.apply(booked)
    books.apply(PositionClosed(trade, 2))
    assert books.dust("AUSDT") == Quantity(Decimal("0.001"))
    cap = books.equity(PRICES).equity / 1000
    assert admit(books, entry("AUSDT", cap, Decimal(100), 3_000), door()) is None
    beyond = entry("AUSDT", cap + Decimal("0.001"), Decimal(100), 3_000)
    assert admit(books, beyond, door()) == "max_position"
    dear = PRICES | {"AUSDT": Decimal(10_000)}
    cap = books.equity(dear).equity / 10 / 10_000
    small_again = entry("AUSDT", cap, Decimal(10_000), 3_000)
    assert admit(books, small_again, door(dear)) == "max_position"


def test_no_adversarial_order_takes_the_worst_case_beyond_its_caps() -> None:
    chance = random.Random(9)  # noqa: S311 - chance for tests, not for secrets
    admitted = 0
    for run in range(CAMPAIGN * ORDERS // 250):
        admitted += attack(chance, run)
    assert admitted > CAMPAIGN * ORDERS // 100


def attack(chance: random.Random, run: int) -> int:
    """Throws 250 orders at the gate while outcomes come in any order; returns how many passed."""
    books, admitted, trade_id = books_with(str(chance.randint(100, 100_000))), 0, 0
    prices = {symbol: Decimal(chance.randint(1, 100_000)) / 100 for symbol in SYMBOLS}
    for number in range(250):
        trade_id = disturb(chance, books, prices, trade_id)
        symbol = chance.choice(SYMBOLS)
        equity = books.equity(prices).equity
        size = max(Decimal(0), equity) * Decimal(chance.choice([1, 50, 99, 100, 101, 500])) / 1000
        quantity = (size / prices[symbol]).quantize(Decimal("0.00001"))
        cap = prices[symbol] * Decimal(chance.choice(["1", "1.005", "1.05"]))
        cap = cap.quantize(Decimal("0.01"))
        intent = entry(symbol, quantity, cap, at_ms=1_000 * run + number)
        now = door(prices, 1_000 * run + number)
        reason = admit(books, intent, now)
        if reason in TOO_MUCH:
            most = room(books, symbol, now) / prices[symbol]
            most = max(Decimal(0), most).quantize(Decimal("0.00001"), ROUND_DOWN)
            assert most < quantity
            assert not most or admit(books, replace_size(intent, most), now) not in TOO_MUCH
        if reason is None:
            admitted += 1
            books.apply(intent)
            assert books.worst_case({symbol: prices[symbol]}) <= equity * Decimal("0.1000001")
            assert books.worst_case(prices) <= equity * Decimal("0.5000001")
            assert books.reserved <= books.cash
    return admitted


def replace_size(intent: IntentMade, quantity: Decimal) -> IntentMade:
    return replace(intent, orders=(replace(intent.orders[0], quantity=Quantity(quantity)),))


def disturb(chance: random.Random, books: Books, prices: dict[str, Decimal], trade_id: int) -> int:
    """Lets something happen to an open entry, a position or a price; returns the last trade id."""
    for order in books.live_orders():
        match chance.randrange(5):
            case 0:
                dead = chance.choice([OrderState.VOID, OrderState.REFUSED, OrderState.EXPIRED])
                books.apply(OrderMoved(order.client_order_id, dead, order.executed, 1))
            case 1:
                books.apply(
                    OrderMoved(order.client_order_id, OrderState.UNKNOWN, order.executed, 1)
                )
            case 2 | 3:
                trade_id += 1
                ordered = order.planned.quantity
                assert ordered is not None
                part = (ordered - order.booked).value
                if chance.random() < 0.5:
                    part = (part / 3).quantize(Decimal("0.00001"))
                if part > 0:
                    fill_entry(books, order.intent, prices, part, trade_id)
    for held in books.positions():
        if chance.random() < 0.1:
            trade_id += 1
            sell(books, held.position_id, held.symbol, prices, trade_id)
    symbol = chance.choice(SYMBOLS)
    prices[symbol] *= Decimal(chance.choice(["0.9", "0.99", "1", "1.01", "1.1"]))
    return trade_id


def fill_entry(
    books: Books, intent: IntentMade, prices: Mapping[str, Decimal], part: Decimal, trade_id: int
) -> None:
    symbol, name = intent.key.symbol, intent.orders[0].client_order_id
    assert intent.plan is not None
    money = Money(part * prices[symbol] / 1000, "USDT")
    fill = Fill(
        symbol, trade_id, 1, Side.BUY, Price(prices[symbol]), Quantity(part), money, trade_id
    )
    books.apply(FillBooked(fill, name, intent.position_id, Role.ENTRY))
    books.apply(PositionOpened(intent.position_id, symbol, 0, intent.plan, "s", "", trade_id))


def sell(
    books: Books, position_id: str, symbol: str, prices: Mapping[str, Decimal], trade_id: int
) -> None:
    held = books.position(symbol)
    assert held is not None
    if books.live_orders(symbol) or held.quantity.is_zero:
        return
    fill = Fill(
        symbol, trade_id, 2, Side.SELL, Price(prices[symbol]), held.quantity, None, trade_id
    )
    books.apply(PlanChanged(position_id, held.plan, "signal", trade_id))
    booked = FillBooked(fill, None, position_id, Role.EXIT)
    trade = books.trade_of(position_id, "signal", [booked])
    books.apply(booked)
    books.apply(PositionClosed(trade, trade_id))


def test_the_rules_of_tests_have_the_default_steps() -> None:
    assert rules_for("AUSDT").instrument() == Instrument("AUSDT", 0.00001, 0.01, 5.0)
