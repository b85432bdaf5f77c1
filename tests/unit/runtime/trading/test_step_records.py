"""What a step writes down: marks, rows, plans and the entries that pass the gate."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.trading import rules_for

from leeward.domain.candle import Candle
from leeward.domain.money import Money, Price, Quantity
from leeward.domain.order_requests import TriggerRequest
from leeward.domain.orders import Fill, OrderType, Side, TimeInForce
from leeward.domain.timeframe import Timeframe
from leeward.engine.books import Books
from leeward.engine.gate import Door
from leeward.engine.intents import request_of
from leeward.engine.records import (
    EquityMarked,
    Executed,
    FillBooked,
    IntentMade,
    Plan,
    PlanChanged,
    PositionClosed,
    PositionOpened,
    Role,
    StateMoved,
    TradingState,
    TransferBooked,
    TransferKind,
)
from leeward.risk.limits import RiskLimits
from leeward.runtime.trading.entering import Entering, Identity, entry_intent
from leeward.runtime.trading.step_records import account_view, step_records
from leeward.runtime.trading.views import Choice, Marks, StepChoices

HOUR = Timeframe.parse("1h")
T = 400_000 * HOUR.length_ms
NOW = T + HOUR.length_ms + 5
WHO = Identity("paper:binance:main", "session", "ema_cross", "0" * 64, 3)
HOW = Entering("ioc", Decimal("0.005"), Decimal("0.001"))
SYMBOLS = ("BTCUSDT", "ETHUSDT")
PRICES = {"BTCUSDT": Decimal(100), "ETHUSDT": Decimal(10)}


def books_with(cash: str = "10000") -> Books:
    books = Books(WHO.account, "USDT")
    money = Money(Decimal(cash), "USDT")
    books.apply(TransferBooked("opening/USDT", TransferKind.OPENING, money, 0))
    return books


def hold(books: Books, symbol: str = "BTCUSDT", stop: str = "90") -> str:
    """Lets the books hold one base unit, bought at the close before."""
    made = entry_intent(WHO, choice(symbol, quantity=1.0), rules_for(symbol), HOW, T)
    made = replace(made, key=replace(made.key, open_time_ms=T - HOUR.length_ms))
    books.apply(made)
    fill = Fill(symbol, 1, 1, Side.BUY, Price(PRICES[symbol]), Quantity(Decimal(1)), None, T)
    name = made.orders[0].client_order_id
    books.apply(FillBooked(fill, name, made.position_id, Role.ENTRY))
    plan = Plan(Price(Decimal(stop)), None)
    books.apply(PositionOpened(made.position_id, symbol, T, plan, "ema_cross", "", T))
    return made.position_id


def choice(symbol: str, decision: str = "enter", **fields: object) -> Choice:
    price = float(PRICES[symbol])
    candle = Candle(symbol, HOUR, T, price, price, price, price, 1.0, 0.0, 0, 0.0)
    given = {"quantity": 2.0, "stop": 0.9 * price} if decision == "enter" else {}
    return Choice(symbol, "ok", candle, decision, **{**given, **fields})  # type: ignore[arg-type] # by name


def step(*choices: Choice) -> StepChoices:
    marks = Marks(10_000.0, 9_000.0, 1_000.0, 10_500.0, 10_100.0, T * 2, False, False)  # noqa: FBT003 - in order
    return StepChoices(T, marks, choices, halted_now=False)


def door(**changes: object) -> Door:
    rules = {symbol: rules_for(symbol) for symbol in SYMBOLS}
    made = Door(TradingState.ACTIVE, RiskLimits(), PRICES, rules, NOW)
    return replace(made, **changes)  # type: ignore[arg-type] # by name


def test_a_step_is_marked_then_every_symbol_then_plans_then_entries_by_rank() -> None:
    books = books_with()
    position_id = hold(books)
    made = step(choice("BTCUSDT", "exit", reason="signal", exit_tag="x"), choice("ETHUSDT", rank=0))
    decision = step_records(made, books, WHO, door(), HOW)
    kinds = [type(record) for record in decision.records]
    assert kinds == [EquityMarked, Executed, Executed, PlanChanged, IntentMade]
    changed, entry = decision.records[3:]
    assert isinstance(changed, PlanChanged)
    assert (changed.position_id, changed.closing) == (position_id, "signal")
    assert decision.entries == (entry,)
    assert decision.changed == ("BTCUSDT",)
    row = decision.records[2]
    assert isinstance(row, Executed)
    assert isinstance(entry, IntentMade)
    assert (row.intent_id, row.decision) == (entry.intent_id, "enter")


def test_the_mark_is_exact_where_the_books_are() -> None:
    books = books_with("10000.123456789")
    hold(books)
    marked = step_records(step(), books, WHO, door(), HOW).records[0]
    assert isinstance(marked, EquityMarked)
    assert marked.equity == Decimal("10000.123456789")
    assert (marked.exposure, marked.peak) == (Decimal(100), Decimal("10500.0"))


def test_a_raised_stop_is_a_change_of_plan_that_keeps_the_target() -> None:
    books = books_with()
    hold(books)
    made = step(choice("BTCUSDT", "hold", raised_to=95.5))
    (changed,) = step_records(made, books, WHO, door(), HOW).records[2:]
    assert isinstance(changed, PlanChanged)
    assert changed.plan == Plan(Price(Decimal("95.50")), None)
    assert changed.closing is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"state": TradingState.REDUCING}, "reducing"),
        ({"late": True}, "late"),
        ({"rules": {}}, "not_allowed"),
        ({"limits": RiskLimits(max_position_fraction=0.0001)}, "max_position"),
        ({"limits": RiskLimits(max_exposure_fraction=0.0001)}, "max_exposure"),
    ],
)
def test_what_the_gate_refuses_is_a_row_with_the_reason(
    changes: dict[str, object], reason: str
) -> None:
    decision = step_records(step(choice("BTCUSDT")), books_with(), WHO, door(**changes), HOW)
    row = decision.records[1]
    assert isinstance(row, Executed)
    assert (row.decision, row.reason, row.intent_id) == ("refused", reason, None)
    assert decision.entries == ()


def test_entries_of_one_step_count_beside_each_other() -> None:
    limits = RiskLimits(max_exposure_fraction=0.02)
    made = step(choice("BTCUSDT", rank=1), choice("ETHUSDT", quantity=20.0, rank=0))
    decision = step_records(made, books_with(), WHO, door(limits=limits), HOW)
    assert [entry.key.symbol for entry in decision.entries] == ["ETHUSDT"]
    row = decision.records[1]
    assert isinstance(row, Executed)
    assert row.reason == "max_exposure"


def dust_in(books: Books, amount: str) -> None:
    """Lets the books hold what a stop left of an earlier position."""
    earlier = hold(books)
    sold = Quantity(1 - Decimal(amount))
    fill = Fill("BTCUSDT", 2, 2, Side.SELL, Price(PRICES["BTCUSDT"]), sold, None, T)
    booked = FillBooked(fill, None, earlier, Role.STOP)
    trade = books.trade_of(earlier, "stop", [booked])
    books.apply(booked)
    books.apply(PositionClosed(trade, T))


def test_an_entry_is_cut_to_what_the_limits_leave_beside_dust_that_could_be_sold() -> None:
    books = books_with()
    dust_in(books, "0.06")  # a USDT more than the 5 of an order
    decision = step_records(step(choice("BTCUSDT", quantity=10.0)), books, WHO, door(), HOW)
    (entry,) = decision.entries
    assert entry.orders[0].quantity == Quantity(Decimal("9.99000"))  # 999 + 6 = 1000 + 5
    row = decision.records[1]
    assert isinstance(row, Executed)
    assert (row.decision, row.quantity) == ("enter", 10.0)  # what the core decided on


def test_an_entry_is_cut_to_what_those_before_it_leave_of_the_exposure() -> None:
    limits = RiskLimits(max_position_fraction=0.04, max_exposure_fraction=0.05)
    first, second = choice("BTCUSDT", quantity=4.0), choice("ETHUSDT", quantity=40.0, rank=1)
    decision = step_records(step(first, second), books_with(), WHO, door(limits=limits), HOW)
    bought = [entry.orders[0].quantity for entry in decision.entries]
    assert bought == [Quantity(Decimal(4)), Quantity(Decimal(10))]


def test_an_entry_is_cut_to_what_cash_allows() -> None:
    limits = RiskLimits(max_position_fraction=1.0, max_exposure_fraction=1.0)
    made = step(choice("BTCUSDT", quantity=100.0))
    (entry,) = step_records(made, books_with(), WHO, door(limits=limits), HOW).entries
    assert entry.reserved.amount <= 10_000
    assert entry.orders[0].quantity == Quantity(Decimal("99.40308"))


def test_an_entry_alone_is_an_ioc_order_with_a_price_cap() -> None:
    made = entry_intent(WHO, choice("BTCUSDT", stop=89.999999), rules_for("BTCUSDT"), HOW, NOW)
    (buy,) = made.orders
    assert (buy.type, buy.time_in_force) == (OrderType.LIMIT, TimeInForce.IOC)
    assert buy.price == Price(Decimal("100.50"))
    assert made.plan == Plan(Price(Decimal("90.00")), None)
    assert made.reserved == Money(Decimal("201.201"), "USDT")


@pytest.mark.parametrize(("target", "roles"), [(None, "entry stop"), (120.0, "entry target stop")])
def test_where_lists_are_supported_the_fill_places_the_protection(
    target: float | None, roles: str
) -> None:
    how, rules = replace(HOW, entry="auto"), rules_for("BTCUSDT", opo=True)
    made = entry_intent(WHO, choice("BTCUSDT", target=target), rules, how, NOW)
    assert " ".join(order.role for order in made.orders) == roles
    assert made.orders[0].time_in_force is TimeInForce.FOK
    assert made.client_list_id is not None
    assert isinstance(request_of(made), TriggerRequest)
    bare = entry_intent(WHO, choice("BTCUSDT", stop=None), rules, how, NOW)
    assert len(bare.orders) == 1


@pytest.mark.parametrize("flow", ["0", "5000", "-9000", "-10000"])
def test_deposits_and_withdrawals_change_no_drawdown(flow: str) -> None:
    books = books_with()
    hold(books)
    marked = step_records(step(), books, WHO, door(), HOW).records[0]
    assert isinstance(marked, EquityMarked)
    books.apply(marked)
    came = Money(Decimal(flow), "USDT")
    books.apply(TransferBooked("later", TransferKind.ADJUSTMENT, came, marked.at_ms - 1))
    view = account_view(books, SYMBOLS, HOUR, PRICES)
    assert view.positions["BTCUSDT"].quantity == 1.0
    assert view.positions["BTCUSDT"].stop == 90.0
    before, equity = view.before, float(marked.equity + came.amount)
    assert before is not None
    assert (view.cash, view.equity, before.equity) == (9_900.0 + float(flow), equity, equity)
    assert before.peak * float(marked.equity) == pytest.approx(float(marked.peak) * equity)
    assert before.day_base * float(marked.equity) == pytest.approx(float(marked.day_base) * equity)


def test_what_came_before_a_restart_is_no_profit_after_it() -> None:
    books = books_with()
    books.apply(step_records(step(), books, WHO, door(), HOW).records[0])
    books.apply(TransferBooked("d", TransferKind.DEPOSIT, Money(Decimal(5000), "USDT"), NOW))
    # A new process counts from its start: what was booked before it is in no mark either.
    books.apply(StateMoved(TradingState.RECOVERING, "boot", "boot", NOW + 1))
    view = account_view(books, SYMBOLS, HOUR, PRICES)
    assert view.before is not None
    assert view.before.equity == view.equity == 15_000.0
