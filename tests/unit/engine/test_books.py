from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.accounts import (
    ACCOUNT,
    HOUR,
    PLAN,
    SYMBOL,
    books,
    fill,
    held_books,
    intent,
    money,
    moved,
    opened,
    opening,
    own,
    quantity,
)

from leeward.domain.errors import BadUsage, Failed
from leeward.domain.money import Price
from leeward.domain.orders import Side
from leeward.engine.books import Equity, FeesElsewhere, books_of
from leeward.engine.records import (
    CommandDone,
    EquityMarked,
    FeesValued,
    FillBooked,
    Noted,
    OrderState,
    Plan,
    PlanChanged,
    PositionClosed,
    Record,
    Role,
    Severity,
    StateMoved,
    TradingState,
    TransferBooked,
    TransferKind,
)

ENTRY = intent()
STOP = intent("protection/1", (Role.STOP,), "1", position_id=ENTRY.position_id)
EXIT = intent("exit/1", (Role.EXIT,), "1", position_id=ENTRY.position_id)
CLOSES = {SYMBOL: Decimal(110)}


def stranger(trade_id: int, size: str, side: Side, price: str = "100") -> FillBooked:
    return FillBooked(fill(trade_id, size, price, side=side, order_id=77), None, None, None)


def transfer(name: str, amount: str, asset: str = "USDT", at_ms: int = HOUR) -> TransferBooked:
    return TransferBooked(name, TransferKind.DEPOSIT, money(amount, asset), at_ms)


def taken(amount: str, position_id: str = ENTRY.position_id) -> TransferBooked:
    name = f"taken/{SYMBOL}/9/{position_id}"
    return TransferBooked(name, TransferKind.TAKEN, money(f"-{amount}", "BTC"), 9)


def sold(trade_id: int, size: str, price: str) -> FillBooked:
    return own(EXIT, Role.EXIT, fill(trade_id, size, price, side=Side.SELL))


# Orders


def test_an_intent_is_decided_once_and_its_orders_wait_for_an_answer() -> None:
    kept = books(ENTRY, ENTRY)
    assert kept.is_decided(ENTRY.key)
    assert not kept.is_decided(STOP.key)
    assert kept.intent(ENTRY.intent_id) == ENTRY
    assert [order.state for order in kept.unresolved()] == [OrderState.COMMITTED]
    assert kept.legs(ENTRY.position_id) == 1
    assert kept.orders_last_hour(ENTRY.made_ms + HOUR - 1) == 1
    assert kept.orders_last_hour(ENTRY.made_ms + HOUR) == 0


def test_a_late_report_does_not_open_a_filled_order_again() -> None:
    kept = books(
        ENTRY, moved(ENTRY, OrderState.FILLED, "1", order_id=9), moved(ENTRY, OrderState.OPEN)
    )
    order = kept.order_by_venue_id(SYMBOL, 9)
    assert order is not None
    assert (order.state, order.executed) == (OrderState.FILLED, quantity("1"))


def test_executions_run_ahead_of_fills_until_those_are_booked() -> None:
    kept = books(ENTRY, moved(ENTRY, OrderState.FILLED, "1", order_id=9))
    (order,) = kept.live_orders(SYMBOL)
    assert (order.missing, order.is_done) == (quantity("1"), False)
    assert kept.buying(SYMBOL) == 1
    kept.apply(opened(ENTRY))
    kept.apply(own(ENTRY, Role.ENTRY, fill(1, "1", order_id=9)))
    assert kept.live_orders(SYMBOL) == []
    assert kept.buying(SYMBOL) == 0


def test_a_partial_fill_that_expires_keeps_its_fills() -> None:
    kept = books(
        opening("1000"),
        ENTRY,
        opened(ENTRY),
        own(ENTRY, Role.ENTRY, fill(1, "0.4")),
        moved(ENTRY, OrderState.EXPIRED, "0.4"),
    )
    assert kept.orders[ENTRY.orders[0].client_order_id].state is OrderState.EXPIRED
    held = kept.position(SYMBOL)
    assert held is not None
    assert held.quantity == quantity("0.4")
    assert kept.live_orders() == []


def test_a_fill_shows_that_an_order_arrived_but_not_that_it_is_still_open() -> None:
    some = own(ENTRY, Role.ENTRY, fill(1, "0.4"))
    name = ENTRY.orders[0].client_order_id
    assert books(ENTRY, some).orders[name].state is OrderState.COMMITTED
    void = moved(ENTRY, OrderState.VOID)
    assert books(ENTRY, void).void_orders()[0].client_order_id == name
    appeared = books(ENTRY, void, some)
    assert (appeared.orders[name].state, appeared.void_orders()) == (OrderState.PARTIAL, [])
    rest = own(ENTRY, Role.ENTRY, fill(2, "0.6"))
    assert books(ENTRY, some, rest).orders[name].state is OrderState.FILLED


def test_a_void_order_that_appears_is_open() -> None:
    kept = books(ENTRY, moved(ENTRY, OrderState.VOID), moved(ENTRY, OrderState.OPEN, order_id=3))
    assert [order.state for order in kept.open_orders(SYMBOL)] == [OrderState.OPEN]
    assert kept.void_orders() == []


def test_an_overfill_is_booked_and_said() -> None:
    kept = books(ENTRY, opened(ENTRY), own(ENTRY, Role.ENTRY, fill(1, "1.5")))
    held = kept.position(SYMBOL)
    assert held is not None
    assert held.quantity == quantity("1.5")
    assert "filled 1.5 of 1 ordered" in kept.anomalies[0]


def test_what_becomes_of_an_order_nobody_meant_is_refused() -> None:
    with pytest.raises(Failed, match="its intent is not in the books"):
        books(moved(ENTRY, OrderState.OPEN))
    with pytest.raises(Failed, match="its intent is not in the books"):
        books(own(ENTRY, Role.ENTRY, fill(1, "1")))


# Balances: what came by transfers and fills is what is there, in every asset


def test_a_fill_arriving_again_by_stream_and_query_is_booked_once() -> None:
    once = own(ENTRY, Role.ENTRY, fill(1, "1", fee=money("0.1")))
    kept = books(opening("1000"), ENTRY, opened(ENTRY), once, once, opening("1000"))
    assert kept.cash == Decimal("899.9")
    assert kept.has_fill(SYMBOL, 1)
    assert not kept.has_fill("ETHUSDT", 1)


def test_commission_in_the_base_asset_lowers_what_is_held() -> None:
    kept = books(
        opening("1000"),
        ENTRY,
        opened(ENTRY),
        own(ENTRY, Role.ENTRY, fill(1, "1", fee=money("0.001", "BTC"))),
    )
    held = kept.position(SYMBOL)
    assert held is not None
    assert (held.quantity, held.cost) == (quantity("0.999"), money("100"))
    assert (kept.balance("BTC"), kept.cash) == (Decimal("0.999"), Decimal(900))


def test_commission_in_another_asset_lowers_its_balance_and_not_the_profit() -> None:
    fee = money("0.002", "BNB")
    kept = books(
        opening("1000"),
        opening("1", "BNB"),
        ENTRY,
        opened(ENTRY),
        own(ENTRY, Role.ENTRY, fill(1, "1", fee=fee)),
        EXIT,
        own(EXIT, Role.EXIT, fill(2, "1", "110", side=Side.SELL, fee=fee)),
    )
    trade = kept.trade_of(ENTRY.position_id, "signal")
    assert (trade.pnl, trade.fees) == (money("10"), (money("0.004", "BNB"),))
    assert (kept.balance("BNB"), kept.cash) == (Decimal("0.996"), Decimal(1010))


def test_commission_in_another_asset_lowers_equity_once_it_is_valued() -> None:
    fee = money("0.002", "BNB")
    sold = own(EXIT, Role.EXIT, fill(2, "1", "110", side=Side.SELL, fee=fee))
    kept = books(opening("1000"), ENTRY, own(ENTRY, Role.ENTRY, fill(1, "1", fee=fee)), EXIT, sold)
    unvalued = FeesElsewhere("BNB", Decimal("0.004"), Decimal(0), Decimal(0))
    assert kept.fees_elsewhere() == [unvalued]
    assert kept.equity({}).equity == 1010
    half = FeesValued("BNB", Decimal("0.002"), money("1.2"), 5)
    for record in (half, half):
        kept.apply(record)
    assert kept.equity({}) == Equity(Decimal("1008.8"), Decimal(0), Decimal("1008.8"))
    assert (kept.cash, kept.net_cash) == (Decimal(1010), Decimal("1008.8"))
    assert kept.fees_elsewhere()[0].unvalued == Decimal("0.002")
    kept.apply(FeesValued("BNB", Decimal("0.004"), money("2.3"), 6))
    kept.apply(half)
    assert kept.equity({}).equity == Decimal("1007.7")
    assert kept.fees_elsewhere()[0].unvalued == 0


def test_fees_of_other_symbols_eat_foreign_coins_first_and_then_ours() -> None:
    bnb = intent(symbol="BNBUSDT")
    kept = books(
        opening("1000"),
        opening("0.001", "BNBUSDT", "BNB"),
        bnb,
        opened(bnb),
        own(bnb, Role.ENTRY, fill(1, "1", symbol="BNBUSDT")),
        ENTRY,
        opened(ENTRY),
        own(ENTRY, Role.ENTRY, fill(1, "1", fee=money("0.003", "BNB"))),
    )
    held = kept.position("BNBUSDT")
    assert held is not None
    assert (held.quantity, kept.foreign("BNBUSDT")) == (quantity("0.998"), quantity("0"))


def test_sums_never_round() -> None:
    tiny = "0.000000000000000000000000000001"
    kept = books(opening("1000000000000000"), transfer("d", tiny))
    assert kept.cash == Decimal(1000000000000000) + 0 or str(kept.cash).endswith("1")
    assert str(kept.cash) == "1000000000000000.000000000000000000000000000001"


def test_deposits_are_flows_and_the_opening_is_not() -> None:
    kept = books(opening("1000"), transfer("a", "5"), transfer("a", "5"), transfer("b", "-2"))
    assert kept.unmarked_flow == 3


def test_what_another_hand_trades_is_a_flow_but_for_what_it_sold_of_ours() -> None:
    bought = held_books("1", stranger(9, "0.5", Side.BUY))
    assert bought.unmarked_flow == -50
    assert bought.equity(CLOSES).equity == held_books("1").equity(CLOSES).equity - 50
    own_coins = held_books("1", transfer("coins", "3", "BTC"), stranger(9, "3", Side.SELL))
    assert own_coins.unmarked_flow == 300
    with_ours = held_books("1", transfer("coins", "3", "BTC"), stranger(9, "4", Side.SELL))
    assert with_ours.unmarked_flow == 300


def test_a_mark_takes_the_flows_before_it_whatever_their_times() -> None:
    some = Decimal(1005)
    marked = EquityMarked("s", 60, some, some, some, some, some, 99, False, False, 70)  # noqa: FBT003 - in order
    kept = books(opening("1000"), transfer("a", "5", at_ms=80), marked, transfer("b", "-2"))
    assert kept.unmarked_flow == -2


def test_a_symbol_of_another_quote_is_refused() -> None:
    with pytest.raises(BadUsage, match="ETHBTC is not quoted in USDT"):
        books().foreign("ETHBTC")


# Whose the coins are


def test_foreign_coins_of_the_same_asset_are_never_ours() -> None:
    kept = held_books("1", transfer("coins", "5", "BTC"), stranger(9, "2", Side.BUY))
    held = kept.position(SYMBOL)
    assert held is not None
    assert (held.quantity, kept.foreign(SYMBOL)) == (quantity("1"), quantity("7"))
    assert kept.equity(CLOSES).exposure == 110


def test_a_strangers_sale_eats_foreign_coins_first_and_then_ours() -> None:
    kept = held_books("1", transfer("coins", "5", "BTC"), stranger(9, "5.25", Side.SELL))
    held = kept.position(SYMBOL)
    assert held is not None
    assert (held.quantity, kept.foreign(SYMBOL)) == (quantity("0.75"), quantity("0"))


@pytest.mark.parametrize("by_trade", [True, False])
def test_what_another_hand_took_stays_taken_whatever_comes_later(by_trade: bool) -> None:
    gone = stranger(9, "0.25", Side.SELL, "95") if by_trade else transfer("out", "-0.25", "BTC")
    kept = held_books("1", gone, taken("0.25"))
    for later in (transfer("coins", "5", "BTC"), stranger(10, "2", Side.BUY)):
        kept.apply(later)
    held = kept.position(SYMBOL)
    assert held is not None
    assert (held.quantity, kept.foreign(SYMBOL)) == (quantity("0.75"), quantity("7"))
    assert kept.balance("BTC") == Decimal("7.75")
    trade = kept.trade_of(ENTRY.position_id, "operator")
    assert trade.proceeds == money(Decimal("0.25") * 95 if by_trade else "0")


def test_dust_that_another_hand_took_stays_taken() -> None:
    kept = held_books("1", EXIT)
    kept.apply(own(EXIT, Role.EXIT, fill(5, "0.99", "110", side=Side.SELL, order_id=3)))
    kept.apply(PositionClosed(kept.trade_of(ENTRY.position_id, "signal"), HOUR))
    assert kept.dust(SYMBOL) == quantity("0.01")
    for each in (transfer("out", "-0.01", "BTC"), taken("0.01", ""), transfer("in", "3", "BTC")):
        kept.apply(each)
    assert (kept.dust(SYMBOL), kept.foreign(SYMBOL)) == (quantity("0"), quantity("3"))


def test_what_a_stranger_sold_of_ours_ends_in_the_trade_at_the_strangers_price() -> None:
    kept = held_books("1", stranger(9, "1", Side.SELL, "95"))
    held = kept.position(SYMBOL)
    assert held is not None
    assert held.quantity == quantity("0")
    trade = kept.trade_of(ENTRY.position_id, "operator")
    assert (trade.exit_price, trade.pnl, trade.dust) == (
        Price(Decimal(95)),
        money("-5"),
        quantity("0"),
    )
    kept.apply(PositionClosed(trade, HOUR * 2))
    assert kept.cash == 1000 + trade.pnl.amount
    kept.apply(stranger(10, "3", Side.BUY))  # what they buy now is theirs
    assert (kept.dust(SYMBOL), kept.foreign(SYMBOL)) == (quantity("0"), quantity("3"))


def test_only_our_part_of_a_strangers_sale_is_in_our_trade() -> None:
    kept = held_books("1", transfer("coins", "5", "BTC"))
    kept.apply(
        FillBooked(
            fill(9, "5.25", "95", side=Side.SELL, order_id=77, fee=money("1")), None, None, None
        )
    )
    rest = own(EXIT, Role.EXIT, fill(10, "0.75", "110", side=Side.SELL))
    kept.apply(EXIT)
    trade = kept.trade_of(ENTRY.position_id, "operator", [rest])
    assert trade.proceeds == money(Decimal("0.25") * 95 + Decimal("0.75") * 110)
    assert trade.fees == ()


def test_a_strangers_sale_that_was_all_ours_brings_its_fee() -> None:
    sale = fill(9, "1", "95", side=Side.SELL, order_id=77, fee=money("0.5"))
    trade = held_books("1", FillBooked(sale, None, None, None)).trade_of(
        ENTRY.position_id, "operator"
    )
    assert (trade.fees, trade.pnl) == ((money("0.5"),), money("-5.5"))


def test_what_a_stranger_sold_before_we_bought_was_not_ours() -> None:
    before = fill(9, "2", "95", side=Side.SELL, order_id=77, time_ms=HOUR)
    kept = held_books("1", transfer("coins", "2", "BTC"), FillBooked(before, None, None, None))
    kept.apply(transfer("out", "-1", "BTC"))
    assert kept.trade_of(ENTRY.position_id, "operator").proceeds == money("0")


def test_coins_withdrawn_bring_nothing() -> None:
    kept = held_books("1", transfer("out", "-1", "BTC"))
    trade = kept.trade_of(ENTRY.position_id, "operator")
    assert (trade.proceeds, trade.pnl, trade.exit_price) == (
        money("0"),
        money("-100"),
        Price(Decimal(100)),
    )


# Positions


def test_a_position_is_the_sum_of_its_fills() -> None:
    kept = books(
        opening("1000"),
        ENTRY,
        opened(ENTRY),
        own(ENTRY, Role.ENTRY, fill(2, "0.5", "102")),
        own(ENTRY, Role.ENTRY, fill(1, "0.5", "100")),
    )
    held = kept.position(SYMBOL)
    assert held is not None
    assert (held.quantity, held.entry_price, held.cost) == (
        quantity("1"),
        Price(Decimal(101)),
        money("101"),
    )
    assert kept.positions() == [held]
    assert kept.position("ETHUSDT") is None
    assert kept.symbols() == [SYMBOL]


def test_a_plan_changes_and_a_closing_position_stays_closing() -> None:
    raised = Plan(Price(Decimal(95)), None)
    kept = held_books()
    kept.apply(PlanChanged(ENTRY.position_id, raised, "signal", HOUR))
    kept.apply(PlanChanged(ENTRY.position_id, PLAN, None, HOUR))
    kept.apply(PlanChanged(ENTRY.position_id, PLAN, "time", HOUR))
    held = kept.position(SYMBOL)
    assert held is not None
    assert (held.plan, held.closing) == (PLAN, "signal")
    kept.apply(PlanChanged("never opened", PLAN, None, HOUR))


def test_a_trade_counts_the_closing_fills_that_are_not_booked_yet() -> None:
    kept = held_books("1", EXIT)
    last = sold(5, "1", "110")
    trade = kept.trade_of(ENTRY.position_id, "signal", [last])
    assert (trade.pnl, trade.quantity, trade.exit_time_ms) == (
        money("10"),
        quantity("1"),
        last.fill.time_ms,
    )
    assert kept.cash == 900
    kept.apply(last)
    assert kept.trade_of(ENTRY.position_id, "signal") == trade
    assert kept.trade_of(ENTRY.position_id, "signal", [last]) == trade


def test_dust_is_carried_and_sold_with_the_next_exit() -> None:
    kept = held_books("1", EXIT, sold(5, "0.9", "110"))
    trade = kept.trade_of(ENTRY.position_id, "signal")
    assert (trade.dust, trade.pnl) == (quantity("0.1"), money("-1"))
    kept.apply(PositionClosed(trade, HOUR))
    assert (kept.position(SYMBOL), kept.dust(SYMBOL)) == (None, quantity("0.1"))
    assert kept.is_closed(ENTRY.position_id)
    again = intent(open_time_ms=5 * HOUR)
    leave = intent(
        "exit/1", (Role.EXIT,), "1.1", open_time_ms=6 * HOUR, position_id=again.position_id
    )
    for record in (again, opened(again), own(again, Role.ENTRY, fill(6, "1"))):
        kept.apply(record)
    held = kept.position(SYMBOL)
    assert held is not None
    assert (held.quantity, kept.dust(SYMBOL)) == (quantity("1"), quantity("0.1"))
    kept.apply(leave)
    kept.apply(own(leave, Role.EXIT, fill(7, "1.1", "110", side=Side.SELL)))
    after = kept.trade_of(again.position_id, "signal")
    kept.apply(PositionClosed(after, HOUR))
    assert (after.dust, kept.dust(SYMBOL)) == (quantity("0"), quantity("0"))
    assert kept.cash == 1000 + trade.pnl.amount + after.pnl.amount


def test_a_stop_that_fills_while_an_exit_is_committed_is_counted_once() -> None:
    name = {order.role: order for order in (*STOP.orders, *EXIT.orders)}
    stopped = FillBooked(
        fill(5, "1", "90", side=Side.SELL, order_id=2),
        name[Role.STOP].client_order_id,
        ENTRY.position_id,
        Role.STOP,
    )
    kept = held_books("1", PlanChanged(ENTRY.position_id, PLAN, "signal", HOUR), EXIT, stopped)
    held = kept.position(SYMBOL)
    assert held is not None
    assert held.quantity == quantity("0")
    kept.apply(moved(EXIT, OrderState.VOID))
    trade = kept.trade_of(ENTRY.position_id, "stop")
    kept.apply(PositionClosed(trade, HOUR))
    kept.apply(PositionClosed(trade, HOUR))
    assert kept.stop_outs == {SYMBOL: stopped.fill.time_ms}
    assert (trade.pnl, kept.cash) == (money("-10"), Decimal(990))


def test_a_sale_seen_before_its_purchase_is_no_debt() -> None:
    early = sold(5, "1", "110")
    kept = books(opening("1000"), ENTRY, EXIT, early)
    assert kept.equity(CLOSES) == Equity(Decimal(1110), Decimal(0), Decimal(1110))
    kept.apply(opened(ENTRY))
    kept.apply(own(ENTRY, Role.ENTRY, fill(1, "1")))
    held = kept.position(SYMBOL)
    assert held is not None
    assert (held.quantity, kept.cash) == (quantity("0"), Decimal(1010))


def test_no_trade_is_made_of_a_position_that_is_not_open() -> None:
    with pytest.raises(Failed, match="is not open"):
        books().trade_of("x", "signal")
    with pytest.raises(Failed, match="has no fill"):
        books(ENTRY, opened(ENTRY)).trade_of(ENTRY.position_id, "signal")
    only_sold = books(ENTRY, EXIT, opened(ENTRY), sold(5, "1", "110"))
    with pytest.raises(Failed, match="no fill of its entry"):
        only_sold.trade_of(ENTRY.position_id, "signal")
    assert only_sold.position(SYMBOL) == books(ENTRY, opened(ENTRY)).position(SYMBOL)


# Equity and what may still be bought


def test_equity_is_cash_and_our_coins_at_the_close() -> None:
    assert held_books().equity(CLOSES) == Equity(Decimal(900), Decimal(110), Decimal(1010))
    with pytest.raises(Failed, match="BTCUSDT: its coins cannot be valued"):
        held_books().equity({})


@pytest.mark.parametrize(
    ("reports", "exposure"),
    [
        ([], 110),  # committed
        ([moved(ENTRY, OrderState.UNKNOWN)], 110),
        ([moved(ENTRY, OrderState.OPEN)], 110),
        ([moved(ENTRY, OrderState.PARTIAL, "0.5")], 110),
        ([moved(ENTRY, OrderState.EXPIRED, "0.5")], 55),  # its fills are on the way
        ([moved(ENTRY, OrderState.EXPIRED)], 0),
        ([moved(ENTRY, OrderState.VOID)], 0),
        ([moved(ENTRY, OrderState.REFUSED)], 0),
    ],
)
def test_the_worst_case_counts_every_buy_that_may_fill(
    reports: list[Record], exposure: int
) -> None:
    kept = books(opening("1000"), ENTRY, *reports)
    assert kept.worst_case(CLOSES) == exposure
    assert kept.worst_case({"ETHUSDT": Decimal(1)}) == 0


def test_the_worst_case_does_not_count_a_fill_twice() -> None:
    kept = books(
        opening("1000"),
        ENTRY,
        opened(ENTRY),
        own(ENTRY, Role.ENTRY, fill(1, "0.4")),
        moved(ENTRY, OrderState.PARTIAL, "0.4"),
    )
    assert kept.worst_case(CLOSES) == 110


def test_cash_is_reserved_until_the_entry_is_over() -> None:
    made = intent(reserved="101")
    kept = books(opening("1000"), made)
    assert kept.reserved == 101
    kept.apply(own(made, Role.ENTRY, fill(1, "0.4")))
    assert kept.reserved == 61
    kept.apply(moved(made, OrderState.EXPIRED, "0.4"))
    assert kept.reserved == 0


def test_sells_reserve_nothing_and_lower_no_worst_case() -> None:
    kept = held_books("1", EXIT)
    assert (kept.reserved, kept.worst_case(CLOSES)) == (Decimal(0), Decimal(110))


# The rest of what is written down


def test_the_last_state_and_the_last_mark_count() -> None:
    halted = StateMoved(TradingState.HALTED, "drawdown", "risk", 5)
    mark = EquityMarked(
        "s",
        HOUR,
        Decimal(1),
        Decimal(1),
        Decimal(0),
        Decimal(1),
        Decimal(1),
        0,
        daily_loss=False,
        halted=False,
        at_ms=1,
    )
    # A candle of a longer timeframe opens before the shorter one that was decided on last.
    longer = replace(mark, session_id="longer", open_time_ms=0)
    kept = books(halted, mark, longer, CommandDone(1, "done", 5))
    assert (kept.state, kept.marked) == (halted, longer)
    late = replace(mark, open_time_ms=0)  # its commit was given up and came after the next step's
    kept = books(mark, transfer("b", "-2"), late)
    assert (kept.marked, kept.unmarked_flow) == (mark, Decimal(-2))


def test_the_same_note_is_known_until_the_books_are_opened_again() -> None:
    note = Noted("taken", "words", Severity.CRITICAL, 5, "x")
    assert books(note).is_noted(Noted("taken", "words", Severity.CRITICAL, 9, "x"))
    assert not books().is_noted(note)
    assert books(note) == books()


def test_a_position_opens_once_and_not_after_it_was_closed() -> None:
    kept = held_books("1", EXIT, sold(5, "1", "110"))
    kept.apply(PositionClosed(kept.trade_of(ENTRY.position_id, "signal"), HOUR))
    kept.apply(opened(ENTRY))
    assert kept.position(SYMBOL) is None


def test_books_are_made_of_records_alone() -> None:
    records: list[Record] = [opening("1000"), ENTRY, opened(ENTRY)]
    assert books_of(records, ACCOUNT, "USDT") == books(*records)
    assert books_of(records[:2], ACCOUNT, "USDT") != books(*records)


# The cursor of trades


def test_trades_are_read_again_for_an_hour_back_and_since_the_oldest_order_not_done() -> None:
    kept = books(opening("0", SYMBOL, "BTC"), ENTRY, moved(ENTRY, OrderState.EXPIRED))
    assert kept.next_trade_id(SYMBOL) == 0
    for trade_id, minute in ((10, 0), (20, 30), (30, 59), (40, 70)):
        kept.apply(own(ENTRY, Role.ENTRY, fill(trade_id, "0.1", time_ms=HOUR + minute * 60_000)))
    assert kept.next_trade_id(SYMBOL) == 11
    kept.apply(moved(ENTRY, OrderState.EXPIRED, "0.6"))  # more than is booked
    assert kept.next_trade_id(SYMBOL) == 0


def test_trades_from_before_the_account_was_first_seen_do_not_count() -> None:
    first = TransferBooked(f"opening/{SYMBOL}/500", TransferKind.OPENING, money("2", "BTC"), 0)
    kept = books(first)
    assert (kept.next_trade_id(SYMBOL), kept.foreign(SYMBOL)) == (500, quantity("2"))
    assert kept.next_trade_id("ETHUSDT") == 0
