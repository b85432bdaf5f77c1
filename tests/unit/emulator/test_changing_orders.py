"""Cancel, cancel-replace in both modes, amend keep-priority: the outcome tables."""

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
    told,
    user_events,
)

from leeward.emulator.exchange import Exchange
from leeward.emulator.rejections import Rejection
from leeward.emulator.requests import AmendRequest, CancelRequest, OrderRequest, ReplaceRequest

OVER = "Too many new orders; current limit is 1 orders per 10 SECOND."
UNKNOWN = {"code": -2011, "msg": "Unknown order sent."}
TAKES = {"code": -2010, "msg": "Order would immediately match and take."}


def replace(exchange: Exchange, cancel: int, order: OrderRequest, mode: str, **more: Any) -> Any:
    asked = ReplaceRequest(CancelRequest(SYMBOL, cancel), order, mode, **more)
    try:
        return exchange.cancel_replace(ME, asked)
    except Rejection as refused:
        return refused


GOOD = ask("BUY", "LIMIT", "1", price="98")
BAD = ask("BUY", "LIMIT_MAKER", "1", price="105")


@pytest.mark.parametrize(
    ("cancel", "order", "mode", "status", "code", "results"),
    [
        (9, GOOD, "STOP_ON_FAILURE", 400, -2022, ("FAILURE", "NOT_ATTEMPTED")),
        (1, BAD, "STOP_ON_FAILURE", 409, -2021, ("SUCCESS", "FAILURE")),
        (1, BAD, "ALLOW_FAILURE", 409, -2021, ("SUCCESS", "FAILURE")),
        (9, GOOD, "ALLOW_FAILURE", 409, -2021, ("FAILURE", "SUCCESS")),
        (9, BAD, "ALLOW_FAILURE", 400, -2022, ("FAILURE", "FAILURE")),
    ],
)
def test_a_failed_cancel_replace_says_which_half_failed(
    cancel: int, order: OrderRequest, mode: str, status: int, code: int, results: tuple[str, str]
) -> None:
    exchange = exchange_of()
    place(exchange, "BUY", "LIMIT", "1", price="99")
    refused = replace(exchange, cancel, order, mode)
    assert (refused.http_status, refused.code) == (status, code)
    data = refused.data
    assert list(data) == ["cancelResult", "newOrderResult", "cancelResponse", "newOrderResponse"]
    assert (data["cancelResult"], data["newOrderResult"]) == results
    if results[0] == "FAILURE":
        assert data["cancelResponse"] == UNKNOWN
    if results[1] == "FAILURE":
        assert data["newOrderResponse"] == TAKES
        assert "REJECTED REJECTED 0" in told(user_events(exchange))
    if results[1] == "NOT_ATTEMPTED":
        assert data["newOrderResponse"] is None
    assert exchange.invariants() == []


def test_a_cancel_replace_that_works_answers_both() -> None:
    exchange = exchange_of()
    place(exchange, "BUY", "LIMIT", "1", price="99")
    answer = replace(exchange, 1, GOOD, "STOP_ON_FAILURE")
    assert (answer["cancelResult"], answer["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    assert answer["cancelResponse"]["status"] == "CANCELED"
    assert answer["newOrderResponse"]["orderId"] == 2
    assert balance(exchange, "USDT")[1] == Decimal(98)


@pytest.mark.parametrize(
    ("cancel", "mode", "exceeded", "status", "code"),
    [
        (1, "STOP_ON_FAILURE", "DO_NOTHING", 429, -1015),
        (1, "ALLOW_FAILURE", "DO_NOTHING", 429, -1015),
        (1, "STOP_ON_FAILURE", "CANCEL_ONLY", 429, -2021),
        (9, "STOP_ON_FAILURE", "CANCEL_ONLY", 429, -2022),
        (1, "ALLOW_FAILURE", "CANCEL_ONLY", 409, -2021),
        (9, "ALLOW_FAILURE", "CANCEL_ONLY", 400, -2022),
    ],
)
def test_over_the_order_count_only_the_cancel_may_still_happen(
    cancel: int, mode: str, exceeded: str, status: int, code: int
) -> None:
    exchange = exchange_of()
    place(exchange, "BUY", "LIMIT", "1", price="99")
    refused = replace(exchange, cancel, GOOD, mode, exceeded_mode=exceeded, limit_exceeded=OVER)
    assert (refused.http_status, refused.code) == (status, code)
    gone = exceeded == "CANCEL_ONLY" and cancel == 1
    assert state(exchange, 1)["status"] == ("CANCELED" if gone else "NEW")
    assert len(exchange.all_orders(ME, SYMBOL)) == 1


def test_filters_are_checked_before_anything_is_cancelled() -> None:
    exchange = exchange_of()
    place(exchange, "BUY", "LIMIT", "1", price="99")
    refused = replace(exchange, 1, ask("BUY", "LIMIT", "1", price="1"), "ALLOW_FAILURE")
    assert (refused.code, refused.msg) == (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE")
    assert state(exchange, 1)["status"] == "NEW"


def test_a_cancel_names_itself_and_releases_the_lock() -> None:
    exchange = exchange_of()
    place(exchange, "BUY", "LIMIT", "1", price="99", client_order_id="mine")
    user_events(exchange)
    asked = CancelRequest(SYMBOL, client_order_id="mine", new_client_order_id="stop")
    answer = exchange.cancel(ME, asked)
    assert list(answer)[:5] == [
        "symbol", "origClientOrderId", "orderId", "orderListId", "clientOrderId",
    ]  # fmt: skip
    assert (answer["origClientOrderId"], answer["clientOrderId"]) == ("mine", "stop")
    event = user_events(exchange)[0]
    assert (event["c"], event["C"], event["x"], event["w"]) == ("stop", "mine", "CANCELED", False)
    assert balance(exchange, "USDT") == (Decimal(100000), Decimal(0))
    assert exchange.order(ME, SYMBOL, client_order_id="mine")["status"] == "CANCELED"


def test_cancels_of_what_is_not_open_or_not_so_are_refused() -> None:
    exchange = exchange_of()
    place(exchange, "BUY", "MARKET", "1")
    place(exchange, "BUY", "LIMIT", "1", price="99")
    unknown = (-2011, "Unknown order sent.")
    assert refusal(exchange.cancel, ME, CancelRequest(SYMBOL, 1)) == unknown
    assert refusal(exchange.cancel, ME, CancelRequest(SYMBOL, 2, "not its id")) == unknown
    assert refusal(exchange.cancel, ME, CancelRequest(SYMBOL))[0] == -1102
    restricted = CancelRequest(SYMBOL, 2, restrictions="ONLY_PARTIALLY_FILLED")
    assert refusal(exchange.cancel, ME, restricted) == (
        -2011, "Order was not canceled due to cancel restrictions.",
    )  # fmt: skip
    spelt = CancelRequest(SYMBOL, 2, restrictions="only_new")
    assert refusal(exchange.cancel, ME, spelt) == (-1145, "Invalid cancelRestrictions")
    exchange.cancel(ME, CancelRequest(SYMBOL, 2, restrictions="ONLY_NEW"))


def test_cancelling_everything_mixes_orders_and_lists() -> None:
    exchange = exchange_of()
    assert refusal(exchange.cancel_open_orders, ME, SYMBOL) == (-2011, "Unknown order sent.")
    place(exchange, "BUY", "LIMIT", "1", price="99")
    place_list(
        exchange,
        "OCO",
        ask("SELL", "LIMIT_MAKER", "1", price="105", prefix="above"),
        ask("SELL", "STOP_LOSS", "1", stop_price="95", prefix="below"),
    )
    answers = exchange.cancel_open_orders(ME, SYMBOL)
    assert ["orderReports" in answer for answer in answers] == [False, True]
    assert exchange.open_orders(ME) == []
    assert exchange.invariants() == []


def test_cancel_only_lets_orders_leave_and_none_enter() -> None:
    exchange = exchange_of()
    place(exchange, "BUY", "LIMIT", "1", price="99")
    closed = "Market is closed."
    exchange.set_symbol_status(SYMBOL, "BREAK")
    assert refusal(exchange.cancel, ME, CancelRequest(SYMBOL, 1)) == (-2011, closed)
    exchange.set_symbol_status(SYMBOL, "CANCEL_ONLY")
    assert refusal(place, exchange, "BUY", "MARKET", "1") == (-2010, closed)
    exchange.cancel(ME, CancelRequest(SYMBOL, 1))


def test_an_amended_order_keeps_its_place_and_releases_funds() -> None:
    exchange = exchange_of((100.0, 101.0, 95.0, 100.0, 1000.0), participation=Decimal("0.001"))
    place(exchange, "BUY", "LIMIT", "5", price="99", client_order_id="first")
    place(exchange, "BUY", "LIMIT", "5", price="99")
    user_events(exchange)
    asked = AmendRequest(SYMBOL, Decimal(3), order_id=1, new_client_order_id="smaller")
    answer = exchange.amend(ME, asked)
    amended = answer["amendedOrder"]
    assert isinstance(amended, dict)
    assert (amended["origClientOrderId"], amended["clientOrderId"]) == ("first", "smaller")
    assert amended["qty"] == "3.00000000"
    event = user_events(exchange)[0]
    assert (event["x"], event["X"], event["c"], event["C"]) == (
        "REPLACED", "NEW", "smaller", "first",
    )  # fmt: skip
    assert balance(exchange, "USDT")[1] == Decimal(99 * 8)
    rows = exchange.amendments(ME, SYMBOL, 1)
    assert [(row["origQty"], row["newQty"]) for row in rows] == [("5.00000000", "3.00000000")]
    play(exchange)
    assert Decimal(str(state(exchange, 1)["executedQty"])) > 0
    assert state(exchange, 2)["executedQty"] == "0.00000000"
    assert exchange.invariants() == []


@pytest.mark.parametrize("quantity", ["5", "6", "0"])
def test_an_amendment_must_make_the_order_smaller(quantity: str) -> None:
    exchange = exchange_of()
    place(exchange, "BUY", "LIMIT", "5", price="99")
    assert refusal(exchange.amend, ME, AmendRequest(SYMBOL, Decimal(quantity), 1))[0] == -2038


def test_an_order_can_be_amended_ten_times() -> None:
    exchange = exchange_of()
    place(exchange, "BUY", "LIMIT", "50", price="99")
    for n in range(10):
        exchange.amend(ME, AmendRequest(SYMBOL, Decimal(49 - n), 1))
    assert refusal(exchange.amend, ME, AmendRequest(SYMBOL, Decimal(10), 1))[0] == -2038
