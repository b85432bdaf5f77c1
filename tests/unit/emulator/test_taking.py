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
from leeward.emulator.requests import ListRequest
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
    # A transfer needs two orders that ask for it; the maker has the symbol's default.
    assert prevented[0]["selfTradePreventionMode"] == mode.replace("TRANSFER", "DECREMENT")
    assert "TRADE_PREVENTION" in " ".join(told(user_events(exchange)))
    assert exchange.invariants() == []


def in_group(maker: int, taker: int) -> tuple[Exchange, str]:
    """Returns an exchange whose accounts are in those trade groups, and a price in the spread."""
    exchange = with_other(exchange_of(spread_bps=Decimal(100), fees=FeeRates()))
    exchange.set_trade_group(OTHER, maker)
    exchange.set_trade_group(ME, taker)
    asks = exchange.depth(SYMBOL, 1)["asks"]
    assert isinstance(asks, list)
    return exchange, str(Decimal(asks[0][0]) - Decimal("0.5"))


def test_a_transfer_moves_what_was_prevented_between_accounts_of_a_group() -> None:
    exchange, price = in_group(1, 1)
    held = {name: [balance(exchange, asset, name)[0] for asset in ("TST", "USDT")]
            for name in (ME, OTHER)}  # fmt: skip
    exchange.place(OTHER, ask("BUY", "LIMIT", "0.6", price=price, stp_mode="TRANSFER"))
    user_events(exchange)
    answer = place(exchange, "SELL", "LIMIT", "0.2", price=price, stp_mode="TRANSFER")
    worth = Decimal(price)

    assert (answer["status"], answer["fills"]) == ("EXPIRED_IN_MATCH", [])
    assert list(answer)[-4:] == [
        "preventedMatches", "selfTradePreventionMode", "tradeGroupId", "preventedQuantity",
    ]  # fmt: skip
    assert (answer["tradeGroupId"], answer["preventedQuantity"]) == (1, "0.20000000")
    assert answer["preventedMatches"] == [{
        "preventedMatchId": 1, "makerSymbol": SYMBOL, "makerOrderId": 1,
        "price": f"{worth:.8f}", "takerPreventedQuantity": "0.20000000",
        "makerPreventedQuantity": "0.20000000",
    }]  # fmt: skip
    maker = exchange.order(OTHER, SYMBOL, order_id=1)
    assert (maker["status"], maker["preventedQuantity"]) == ("NEW", "0.20000000")
    tst, usdt = held[OTHER]
    left = Decimal("0.4") * worth
    assert balance(exchange, "TST", OTHER) == (tst + Decimal("0.2"), Decimal(0))
    assert balance(exchange, "USDT", OTHER) == (usdt - Decimal("0.6") * worth, left)
    tst, usdt = held[ME]
    assert balance(exchange, "TST") == (tst - Decimal("0.2"), Decimal(0))
    assert balance(exchange, "USDT") == (usdt + Decimal("0.2") * worth, Decimal(0))
    for name in (ME, OTHER):
        assert exchange.my_trades(name, SYMBOL) == []
        [record] = exchange.prevented_matches(name, SYMBOL)
        assert (record["selfTradePreventionMode"], record["tradeGroupId"]) == ("TRANSFER", 1)
    event = next(each for each in user_events(exchange) if each.get("x") == "TRADE_PREVENTION")
    shown = {key: event[key] for key in ("v", "A", "B", "u", "U", "Cs", "pl", "pL", "pY", "l")}
    assert shown == {
        "v": 1, "A": "0.20000000", "B": "0.20000000", "u": 1, "U": 1, "Cs": SYMBOL,
        "pl": "0.20000000", "pL": f"{worth:.8f}", "pY": f"{worth / 5:.8f}", "l": "0.00000000",
    }  # fmt: skip
    assert exchange.account_info(ME)["tradeGroupId"] == 1
    assert exchange.invariants() == []


def test_a_market_order_pays_for_what_it_is_transferred() -> None:
    exchange, price = in_group(1, 1)
    exchange.place(OTHER, ask("SELL", "LIMIT", "2", price=price, stp_mode="TRANSFER"))
    exchange.set_balance(ME, "USDT", 2 * Decimal(price) - Decimal("0.01"))
    refused = refusal(place, exchange, "BUY", "MARKET", "2", stp_mode="TRANSFER")
    assert refused == (-2010, "Account has insufficient balance for requested action.")
    exchange.set_balance(ME, "USDT", 2 * Decimal(price))
    answer = place(exchange, "BUY", "MARKET", "2", stp_mode="TRANSFER")
    assert answer["status"] == "EXPIRED_IN_MATCH"
    assert balance(exchange, "USDT") == (Decimal(0), Decimal(0))
    assert exchange.order(OTHER, SYMBOL, order_id=1)["status"] == "EXPIRED_IN_MATCH"
    assert exchange.invariants() == []


def test_a_transfer_to_a_leg_of_an_oco_expires_the_other_leg() -> None:
    exchange, price = in_group(1, 1)
    legs = (
        ask("SELL", "LIMIT_MAKER", "1", price=price, prefix="above"),
        ask("SELL", "STOP_LOSS", "1", stop_price="95", prefix="below"),
    )
    exchange.place_list(OTHER, ListRequest("OCO", SYMBOL, legs, stp_mode="TRANSFER"))
    place(exchange, "BUY", "LIMIT", "0.4", price=price, stp_mode="TRANSFER")
    statuses = [exchange.order(OTHER, SYMBOL, order_id=number)["status"] for number in (1, 2)]
    assert statuses == ["EXPIRED", "NEW"]
    assert balance(exchange, "TST", OTHER)[1] == Decimal("0.6")
    assert exchange.invariants() == []


@pytest.mark.parametrize(
    ("groups", "modes", "effective"),
    [
        ((1, 1), ("EXPIRE_MAKER", "TRANSFER"), "DECREMENT"),
        ((1, 1), ("TRANSFER", "EXPIRE_MAKER"), "EXPIRE_MAKER"),
        ((1, 1), ("TRANSFER", "DECREMENT"), "DECREMENT"),
        ((1, 2), ("TRANSFER", "TRANSFER"), None),
        ((-1, -1), ("TRANSFER", "TRANSFER"), None),
    ],
)
def test_the_mode_between_accounts_follows_both_orders_and_their_groups(
    groups: tuple[int, int], modes: tuple[str, str], effective: str | None
) -> None:
    exchange, price = in_group(*groups)
    exchange.place(OTHER, ask("SELL", "LIMIT", "2", price=price, stp_mode=modes[0]))
    held = balance(exchange, "TST")
    place(exchange, "BUY", "LIMIT", "1", price=price, stp_mode=modes[1])
    found = [each["selfTradePreventionMode"] for each in exchange.prevented_matches(ME, SYMBOL)]
    assert found == ([] if effective is None else [effective])
    traded = effective is None
    assert (balance(exchange, "TST") != held) == traded
    assert ("tradeGroupId" in exchange.account_info(ME)) == (groups[1] != -1)
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
