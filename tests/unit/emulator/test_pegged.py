"""Pegged orders: limits that take their price from the book when they enter it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.emulated import (
    ME,
    SYMBOL,
    ask,
    balance,
    exchange_of,
    place,
    place_list,
    play,
    refusal,
    state,
    user_events,
)

from leeward.emulator.exchange import Exchange
from leeward.emulator.rejections import Json
from leeward.emulator.symbols import symbol_rules

PRIMARY = {"peg_price_type": "PRIMARY_PEG"}
MARKET = {"peg_price_type": "MARKET_PEG"}
OTHER = "other"


def level(exchange: Exchange, side: str, depth: int = 0) -> str:
    """Returns the price of a level of the book; `side` is bids or asks."""
    rows = exchange.depth(SYMBOL, depth + 1)[side]
    assert isinstance(rows, list)
    return str(rows[depth][0])


def deeper(levels: int) -> dict[str, Any]:
    return {"peg_offset_type": "PRICE_LEVEL", "peg_offset_value": levels}


@pytest.mark.parametrize(
    ("side", "fields", "book", "depth"),
    [
        ("BUY", PRIMARY, "bids", 0),
        ("SELL", PRIMARY, "asks", 0),
        ("BUY", {**PRIMARY, **deeper(3)}, "bids", 3),
        ("SELL", {**PRIMARY, **deeper(1)}, "asks", 1),
    ],
)
def test_a_primary_peg_rests_at_its_level_of_its_own_side(
    side: str, fields: dict[str, Any], book: str, depth: int
) -> None:
    exchange = exchange_of(spread_bps=Decimal(100))
    expected = level(exchange, book, depth)
    answer = place(exchange, side, "LIMIT", "1", **fields)
    assert (answer["status"], answer["price"]) == ("NEW", "0.00000000")
    assert (answer["pegPriceType"], answer["peggedPrice"]) == ("PRIMARY_PEG", expected)
    assert answer.get("pegOffsetValue") == fields.get("peg_offset_value")
    if side == "BUY":
        assert balance(exchange, "USDT")[1] == Decimal(expected)
    maker = place(exchange, side, "LIMIT_MAKER", "1", **fields, resp_type="RESULT")
    assert maker["peggedPrice"] == expected
    assert exchange.invariants() == []


def test_the_answer_and_the_event_have_the_documented_fields() -> None:
    exchange = exchange_of(spread_bps=Decimal(100))
    answer = place(exchange, "BUY", "LIMIT", "1", **PRIMARY, **deeper(2))
    assert list(answer) == [
        "symbol", "orderId", "orderListId", "clientOrderId", "transactTime", "price",
        "pegPriceType", "pegOffsetType", "pegOffsetValue", "peggedPrice", "origQty",
        "executedQty", "origQuoteOrderQty", "cummulativeQuoteQty", "status", "timeInForce", "type",
        "side", "workingTime", "fills", "selfTradePreventionMode",
    ]  # fmt: skip
    event = user_events(exchange)[0]
    assert {key: event[key] for key in ("p", "gP", "gOT", "gOV", "gp")} == {
        "p": "0.00000000", "gP": "PRIMARY_PEG", "gOT": "PRICE_LEVEL", "gOV": 2,
        "gp": answer["peggedPrice"],
    }  # fmt: skip
    shown = state(exchange, 1)
    assert (shown["peggedPrice"], shown["price"]) == (answer["peggedPrice"], "0.00000000")


def test_a_level_of_another_order_is_a_level_too() -> None:
    exchange = exchange_of(spread_bps=Decimal(100))
    inside = f"{Decimal(level(exchange, 'bids')) + Decimal('0.2'):.2f}"
    exchange.add_account(OTHER, {"USDT": Decimal(1000)})
    exchange.place(OTHER, ask("BUY", "LIMIT", "1", price=inside))
    answer = place(exchange, "BUY", "LIMIT", "1", **PRIMARY)
    assert answer["peggedPrice"] == f"{Decimal(inside):.8f}"


def test_a_market_peg_takes_the_best_offer_and_only_that() -> None:
    rich = {"USDT": "10000000"}
    exchange = exchange_of(spread_bps=Decimal(100), balances=rich)
    rows = exchange.depth(SYMBOL, 2)["asks"]
    assert isinstance(rows, list)
    more = str(Decimal(rows[0][1]) + 1)
    answer = place(exchange, "BUY", "LIMIT", more, time_in_force="IOC", **MARKET)
    assert (answer["status"], answer["executedQty"]) == ("EXPIRED", rows[0][1])
    assert answer["peggedPrice"] == rows[0][0]
    exchange = exchange_of(spread_bps=Decimal(100), balances=rich)
    answer = place(exchange, "BUY", "LIMIT", more, time_in_force="FOK", **MARKET, **deeper(1))
    assert (answer["status"], answer["peggedPrice"]) == ("FILLED", rows[1][0])


@pytest.mark.parametrize(("cap", "better"), [("99", False), ("110", True)])
def test_a_price_beside_the_peg_is_the_worst_that_is_paid(cap: str, better: bool) -> None:
    exchange = exchange_of(spread_bps=Decimal(100))
    best = level(exchange, "asks")
    answer = place(exchange, "BUY", "LIMIT", "1", price=cap, time_in_force="IOC", **MARKET)
    assert answer["price"] == f"{Decimal(cap):.8f}"
    assert answer["peggedPrice"] == (best if better else answer["price"])
    assert answer["status"] == ("FILLED" if better else "EXPIRED")


@pytest.mark.parametrize(
    ("kind", "fields", "code", "text"),
    [
        ("LIMIT", {"peg_price_type": "MIDDLE_PEG"}, -1210, "Invalid pegPriceType."),
        ("LIMIT", {**PRIMARY, "peg_offset_type": "BIPS", "peg_offset_value": 1}, -1211,
         "Invalid pegOffsetType."),
        ("LIMIT", {**PRIMARY, "peg_offset_type": "PRICE_LEVEL"}, -1128,
         "Fields [pegOffsetType, pegOffsetValue] must be sent together or omitted entirely."),
        ("LIMIT", {**PRIMARY, **deeper(101)}, -1130,
         "Data sent for parameter 'pegOffsetValue' is not valid."),
        ("LIMIT", {"price": "99", **deeper(1)}, -1106,
         "Parameter 'pegOffsetType' sent when not required."),
        ("LIMIT", {**PRIMARY, "time_in_force": "IOC"}, -2010, "Unsupported order combination"),
        ("LIMIT", {**PRIMARY, **deeper(100)}, -2010,
         "Order book liquidity is too low for this pegged order."),
        ("LIMIT_MAKER", MARKET, -2010, "This price peg cannot be used with this order type."),
        ("MARKET", MARKET, -2010, "This order type may not use pegged price."),
        ("STOP_LOSS", {**MARKET, "stop_price": "110"}, -2010,
         "This order type may not use pegged price."),
    ],
)  # fmt: skip
def test_what_cannot_be_pegged_is_refused(
    kind: str, fields: dict[str, Any], code: int, text: str
) -> None:
    exchange = exchange_of()
    assert refusal(place, exchange, "BUY", kind, "1", **fields) == (code, text)


def test_filters_bind_the_pegged_price_and_the_price_beside_it() -> None:
    rules = symbol_rules(SYMBOL, 100.0).with_filter(
        {"filterType": "PRICE_FILTER", "minPrice": "1", "maxPrice": "99", "tickSize": "0.01"}
    )
    exchange = exchange_of(rules=rules, spread_bps=Decimal(100))
    failed = (-1013, "Filter failure: PRICE_FILTER")
    assert refusal(place, exchange, "SELL", "LIMIT", "1", **PRIMARY) == failed
    named = {"price": "98.999", **PRIMARY, **deeper(3)}
    assert refusal(place, exchange, "BUY", "LIMIT", "1", **named) == failed


def test_a_pegged_stop_takes_its_price_when_it_is_triggered() -> None:
    exchange = exchange_of((100.0, 100.0, 95.0, 95.0, 1000.0), spread_bps=Decimal(100))
    stop = {"stop_price": "97", "resp_type": "RESULT"}
    answer = place(exchange, "SELL", "STOP_LOSS_LIMIT", "1", **stop, **PRIMARY)
    assert (answer["pegPriceType"], "peggedPrice" in answer) == ("PRIMARY_PEG", False)
    before = exchange.open_orders(ME, SYMBOL)[0]
    assert (before["price"], before["isWorking"]) == ("0.00000000", False)
    user_events(exchange)
    working = next(each for each in play(exchange) if each.get("x") == "NEW")
    # The stop is met on the way, where the best offer stands a spread above the price.
    assert Decimal(97) <= Decimal(str(working["gp"])) <= Decimal("97.98")
    assert exchange.invariants() == []


@pytest.mark.parametrize(("free", "status"), [("0", "EXPIRED"), ("10", "FILLED")])
def test_a_triggered_peg_locks_what_its_price_needs_or_expires(free: str, status: str) -> None:
    exchange = exchange_of((100.0, 105.0, 100.0, 105.0, 1000.0), spread_bps=Decimal(100))
    placed = place(exchange, "BUY", "STOP_LOSS_LIMIT", "1", stop_price="102", **MARKET, **deeper(5))
    assert balance(exchange, "USDT")[1] == 102
    exchange.set_balance(ME, "USDT", Decimal(free))
    play(exchange)
    ended = state(exchange, int(str(placed["orderId"])))
    assert ended["status"] == status
    assert ended.get("expiryReason") == ("REJECTED" if free == "0" else None)
    assert balance(exchange, "USDT")[1] == 0
    assert exchange.invariants() == []


def test_legs_of_lists_are_pegged_when_they_enter_the_book() -> None:
    exchange = exchange_of((100.0, 100.0, 98.0, 99.0, 1000.0), spread_bps=Decimal(100))
    answer = place_list(
        exchange, "OTOCO",
        ask("BUY", "LIMIT", "1", price="99", prefix="working"),
        ask("SELL", "LIMIT_MAKER", "1", prefix="pendingAbove", **PRIMARY, **deeper(2)),
        ask("SELL", "STOP_LOSS_LIMIT", "1", stop_price="90", prefix="pendingBelow", **PRIMARY),
    )  # fmt: skip
    reports = answer["orderReports"]
    assert isinstance(reports, list)
    assert ["peggedPrice" in each for each in reports] == [False] * 3
    play(exchange)
    _, stop, limit = (state(exchange, number) for number in (1, 2, 3))
    assert (stop["status"], "peggedPrice" in stop) == ("NEW", False)
    assert Decimal(str(limit["peggedPrice"])) > 98
    assert balance(exchange, "TST")[1] == 1
    assert exchange.invariants() == []


def test_both_legs_of_an_oco_can_be_pegged() -> None:
    exchange = exchange_of(spread_bps=Decimal(100))
    best = level(exchange, "asks")
    answer: Json = place_list(
        exchange, "OCO",
        ask("SELL", "LIMIT_MAKER", "1", prefix="above", **PRIMARY),
        ask("SELL", "STOP_LOSS_LIMIT", "1", stop_price="95", prefix="below", **MARKET),
    )  # fmt: skip
    reports = answer["orderReports"]
    assert isinstance(reports, list)
    assert [each.get("peggedPrice") for each in reports] == [None, best]
    assert exchange.invariants() == []
