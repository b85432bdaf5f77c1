"""Orders that meet the book at once: market, IOC, FOK, maker, self-trade prevention, fees."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.emulated import (
    ME,
    SYMBOL,
    ask,
    balance,
    dec,
    exchange_of,
    place,
    refusal,
    state,
    told,
    user_events,
)

from leeward.emulator.exchange import Exchange
from leeward.emulator.options import FeeRates
from leeward.emulator.symbols import symbol_rules
from leeward.emulator.units import text

OTHER = "other"


def with_other(exchange: Exchange) -> Exchange:
    fees = FeeRates(maker=Decimal(0), taker=Decimal(0))
    exchange.add_account(OTHER, {"USDT": Decimal(100000), "TST": Decimal(1000)}, fees)
    return exchange


def test_a_market_order_walks_the_levels_one_fill_each() -> None:
    exchange = exchange_of(spread_bps=Decimal(10))
    asks = exchange.depth(SYMBOL, 2)["asks"]
    assert isinstance(asks, list)
    first = Decimal(asks[0][1])
    answer = place(exchange, "BUY", "MARKET", str(first + 1))
    fills = answer["fills"]
    assert isinstance(fills, list)
    assert [fill["price"] for fill in fills] == [asks[0][0], asks[1][0]]
    assert [fill["qty"] for fill in fills] == [asks[0][1], "1.00000000"]
    assert told(user_events(exchange)) == [
        "NEW NEW 1", "TRADE PARTIALLY_FILLED 1", "TRADE FILLED 1", "OAP",
    ]  # fmt: skip
    assert exchange.depth(SYMBOL, 1)["asks"] == [[asks[1][0], text_minus(asks[1][1], 1)]]


def text_minus(quantity: str, taken: int) -> str:
    return f"{Decimal(quantity) - taken:.8f}"


def test_a_market_order_larger_than_the_book_expires_with_the_rest() -> None:
    exchange = exchange_of(depth_levels=2, balances={"TST": "89999"}, depth_fraction=Decimal("0.1"))
    answer = place(exchange, "SELL", "MARKET", "5000")
    assert answer["status"] == "EXPIRED"
    assert answer["expiryReason"] == "INSUFFICIENT_LIQUIDITY"
    assert 0 < dec(answer["executedQty"]) < 5000
    assert exchange.invariants() == []


def test_a_quote_quantity_buys_the_largest_lot_it_can_pay() -> None:
    exchange = exchange_of()
    answer = place(exchange, "BUY", "MARKET", quote_order_qty="50.005")
    assert (answer["origQuoteOrderQty"], answer["origQty"]) == ("50.00500000", "0.50000000")
    assert dec(answer["cummulativeQuoteQty"]) <= dec("50.005")
    assert user_events(exchange)[0]["q"] == "0.50000000"


def test_ioc_takes_what_there_is_and_fok_all_or_nothing() -> None:
    exchange = exchange_of(spread_bps=Decimal(10))
    asks = exchange.depth(SYMBOL, 1)["asks"]
    assert isinstance(asks, list)
    price, size = asks[0]
    more = str(Decimal(size) + 1)
    none = place(exchange, "BUY", "LIMIT", more, price=price, time_in_force="FOK")
    assert (none["status"], none["executedQty"]) == ("EXPIRED", "0.00000000")
    assert none["expiryReason"] == "UNFILLED_FOK_ORDER_EXPIRED"
    part = place(exchange, "BUY", "LIMIT", more, price=price, time_in_force="IOC")
    assert (part["status"], part["executedQty"]) == ("EXPIRED", size)
    assert part["expiryReason"] == "UNFILLED_IOC_QUANTITY_EXPIRED"
    assert balance(exchange, "USDT")[1] == 0
    assert exchange.invariants() == []


def test_a_crossing_limit_fills_at_the_makers_price_and_releases_the_difference() -> None:
    exchange = exchange_of()
    answer = place(exchange, "BUY", "LIMIT", "1", price="105")
    assert (answer["status"], answer["cummulativeQuoteQty"]) == ("FILLED", "100.01000000")
    assert balance(exchange, "USDT") == (Decimal("99899.99"), Decimal(0))


def test_a_limit_maker_that_would_take_is_refused() -> None:
    exchange = exchange_of()
    wrong = (-2010, "Order would immediately match and take.")
    assert refusal(place, exchange, "BUY", "LIMIT_MAKER", "1", price="100.01") == wrong
    assert place(exchange, "BUY", "LIMIT_MAKER", "1", price="99").keys() == {
        "symbol", "orderId", "orderListId", "clientOrderId", "transactTime",
    }  # fmt: skip


def test_two_accounts_trade_with_each_other_inside_the_spread() -> None:
    exchange = with_other(exchange_of(spread_bps=Decimal(100)))
    asks = exchange.depth(SYMBOL, 1)["asks"]
    assert isinstance(asks, list)
    inside = str(Decimal(asks[0][0]) - Decimal("0.5"))
    exchange.place(OTHER, ask("SELL", "LIMIT", "2", price=inside))
    answer = place(exchange, "BUY", "MARKET", "2")
    fills = answer["fills"]
    assert isinstance(fills, list)
    assert [(dec(f["price"]), f["qty"]) for f in fills] == [(dec(inside), "2.00000000")]
    assert exchange.my_trades(OTHER, SYMBOL)[0]["isMaker"] is True
    assert exchange.my_trades(OTHER, SYMBOL)[0]["id"] == fills[0]["tradeId"]
    assert exchange.invariants() == []


@pytest.mark.parametrize(
    ("mode", "maker", "taker", "taken"),
    [
        ("EXPIRE_MAKER", "EXPIRED_IN_MATCH", "FILLED", "3.00000000"),
        ("EXPIRE_TAKER", "NEW", "EXPIRED_IN_MATCH", "0.00000000"),
        ("EXPIRE_BOTH", "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH", "0.00000000"),
        ("DECREMENT", "EXPIRED_IN_MATCH", "FILLED", "1.00000000"),
        ("TRANSFER", "EXPIRED_IN_MATCH", "FILLED", "1.00000000"),
    ],
)
def test_self_trade_prevention_by_the_takers_mode(
    mode: str, maker: str, taker: str, taken: str
) -> None:
    exchange = exchange_of(spread_bps=Decimal(100))
    asks = exchange.depth(SYMBOL, 1)["asks"]
    assert isinstance(asks, list)
    inside = str(Decimal(asks[0][0]) - Decimal("0.5"))
    place(exchange, "SELL", "LIMIT", "2", price=inside)
    user_events(exchange)
    answer = place(exchange, "BUY", "MARKET", "3", stp_mode=mode)
    assert state(exchange, 1)["status"] == maker
    assert answer["executedQty"] == taken
    assert (answer["status"] == taker) or mode in {"DECREMENT", "TRANSFER"}
    prevented = exchange.prevented_matches(ME, SYMBOL)
    assert len(prevented) == 1
    assert prevented[0]["selfTradePreventionMode"] == mode
    assert "TRADE_PREVENTION" in " ".join(told(user_events(exchange)))
    assert exchange.invariants() == []


def test_a_mode_the_symbol_does_not_allow_is_refused() -> None:
    exchange = exchange_of()
    assert refusal(place, exchange, "BUY", "MARKET", "1", stp_mode="NONE") == (
        -1013,
        "This symbol does not allow the specified self-trade prevention mode.",
    )


def test_the_commission_is_taken_from_what_is_received() -> None:
    exchange = exchange_of(fees=FeeRates())
    place(exchange, "BUY", "MARKET", "1")
    assert balance(exchange, "TST") == (Decimal("1000.999"), Decimal(0))
    place(exchange, "SELL", "MARKET", "1")
    trades = exchange.my_trades(ME, SYMBOL)
    assert [(t["commission"], t["commissionAsset"]) for t in trades] == [
        ("0.00100000", "TST"),
        (text(int(dec(trades[1]["quoteQty"]) * 100_000)), "USDT"),
    ]
    assert exchange.invariants() == []


def test_bnb_pays_the_discounted_commission_until_it_runs_out() -> None:
    held = {"USDT": "1000", "TST": "10", "BNB": "0.0002"}
    exchange = exchange_of(balances=held, fees=FeeRates(pay_in_bnb=True))
    place(exchange, "BUY", "MARKET", "1")
    place(exchange, "BUY", "MARKET", "1")
    trades = exchange.my_trades(ME, SYMBOL)
    # 100.01 USDT * 0.1 % * 0.75 / 600 USDT a BNB = 0.0001250125 BNB; too much for the second one.
    assert [(t["commission"], t["commissionAsset"]) for t in trades] == [
        ("0.00012501", "BNB"),
        ("0.00100000", "TST"),
    ]
    assert exchange.invariants() == []


def test_more_than_is_free_is_refused_and_locks_nothing() -> None:
    exchange = exchange_of(balances={"USDT": "100", "TST": "1"})
    poor = (-2010, "Account has insufficient balance for requested action.")
    assert refusal(place, exchange, "BUY", "LIMIT", "1.1", price="99") == poor
    assert refusal(place, exchange, "BUY", "MARKET", "1.1") == poor
    assert refusal(place, exchange, "SELL", "MARKET", "1.1") == poor
    assert refusal(place, exchange, "SELL", "LIMIT", "1.1", price="103") == poor
    assert balance(exchange, "USDT") == (Decimal(100), Decimal(0))
    assert exchange.open_orders(ME) == []


def test_client_ids_are_unique_among_open_orders_only() -> None:
    exchange = exchange_of()
    place(exchange, "BUY", "LIMIT", "1", price="99", client_order_id="mine")
    assert refusal(place, exchange, "BUY", "LIMIT", "1", price="99", client_order_id="mine") == (
        -2010,
        "Duplicate order sent.",
    )
    place(exchange, "BUY", "MARKET", "1", client_order_id="done")
    second = place(exchange, "BUY", "MARKET", "1", client_order_id="done")
    found = exchange.order(ME, SYMBOL, client_order_id="done")
    assert found["orderId"] == second["orderId"]


def test_test_orders_are_checked_and_change_nothing() -> None:
    exchange = exchange_of(rules=symbol_rules(SYMBOL, 100.0))
    before = exchange.account_info(ME)
    assert exchange.test_order(ME, ask("BUY", "LIMIT", "1", price="99")) == {}
    rates = exchange.test_order(ME, ask("BUY", "MARKET", "1"), rates=True)
    assert list(rates) == [
        "standardCommissionForOrder", "specialCommissionForOrder", "taxCommissionForOrder",
        "discount",
    ]  # fmt: skip
    assert refusal(exchange.test_order, ME, ask("BUY", "MARKET", "1001"))[0] == -2010
    assert exchange.account_info(ME) == before
    assert exchange.open_orders(ME) == []
