"""The REST client over real sockets: what an answer means, and what is never sent twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fake_exchange import (
    KEY,
    NOW_MS,
    Asked,
    FakeExchange,
    Given,
    client_of,
    error,
    exchange_at,
    run,
)

from leeward.domain.answers import (
    Acked,
    ConfirmedAbsent,
    Found,
    NotAttempted,
    NotSent,
    Reaction,
    Refused,
    Replacement,
    Unavailable,
    Unknown,
)
from leeward.domain.money import Price, Quantity
from leeward.domain.order_requests import Leg, OcoRequest, OrderRequest, TriggerRequest
from leeward.domain.orders import OrderStatus, OrderType, Side, TimeInForce
from leeward.domain.timeframe import Timeframe
from leeward.venues import binance_codec_orders as orders
from leeward.venues import binance_http
from leeward.venues.addresses import Addresses
from leeward.venues.binance_http import Reply
from leeward.venues.binance_replies import asked_of, outcome_of, replacement_of
from leeward.venues.binance_rest import BinanceRest
from leeward.venues.governor import BanFile, Lane

BUY = OrderRequest(
    symbol="BTCUSDT",
    side=Side.BUY,
    type=OrderType.LIMIT,
    client_order_id="lw-1",
    quantity=Quantity(Decimal("0.001")),
    price=Price(Decimal("60000.10")),
    time_in_force=TimeInForce.IOC,
)
ORDER = {
    "symbol": "BTCUSDT", "orderId": 28, "orderListId": -1, "clientOrderId": "lw-1",
    "transactTime": NOW_MS, "price": "60000.10000000", "origQty": "0.00100000",
    "executedQty": "0.00000000", "cummulativeQuoteQty": "0.00000000", "status": "NEW",
    "timeInForce": "IOC", "type": "LIMIT", "side": "BUY", "fills": [],
}  # fmt: skip
STOP = Leg(OrderType.STOP_LOSS, "lw-stop", stop_price=Price(Decimal(50_000)))
TARGET = Leg(OrderType.LIMIT_MAKER, "lw-target", price=Price(Decimal(70_000)))


def asking(
    act: Callable[[BinanceRest], Awaitable[Any]],
    exchange: FakeExchange | None = None,
    bans: BanFile | None = None,
) -> Any:
    """Returns what `act` comes to against `exchange`."""

    async def work() -> Any:
        async with exchange_at(exchange or FakeExchange()) as served:
            client = client_of(served, bans=bans)
            try:
                return await act(client)
            finally:
                await client.aclose()

    return run(work)


def answering(path: str, *replies: Given) -> FakeExchange:
    exchange = FakeExchange()
    exchange.script(path, *replies)
    return exchange


def test_an_order_is_sent_signed_and_acknowledged() -> None:
    exchange = answering("/api/v3/order", Given(ORDER))
    outcome = asking(lambda client: client.place(BUY), exchange)
    assert isinstance(outcome, Acked)
    assert outcome.report.status is OrderStatus.NEW
    (asked,) = exchange.requests("/order")
    payload, _, signature = asked.payload.rpartition("&signature=")
    assert asked.method == "POST"
    assert asked.headers["x-mbx-apikey"] == "fake-key"
    assert signature == KEY.sign(payload.encode())
    assert payload == (
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=IOC&quantity=0.001&price=60000.10"
        f"&newClientOrderId=lw-1&newOrderRespType=FULL&recvWindow=5000&timestamp={NOW_MS}"
    )


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (error(-2010, "Account has insufficient balance for requested action."), Reaction.FUNDS),
        (error(-2010, "Duplicate order sent."), Reaction.DUPLICATE),
        (error(-1013, "Filter failure: LOT_SIZE"), Reaction.FIX_REQUEST),
        (error(-1015, "Too many new orders.", 429, Retry_After="3"), Reaction.WAIT),
        (error(-2015, "Invalid API-key, IP, or permissions for action.", 401), Reaction.STOP),
        (Given(b"<html>slow down</html>", 429), Reaction.WAIT),
    ],
)
def test_a_definite_no_is_a_refusal_with_its_reaction(reply: Given, expected: Reaction) -> None:
    outcome = asking(lambda client: client.place(BUY), answering("/order", reply))
    assert isinstance(outcome, Refused)
    assert outcome.reaction is expected


@pytest.mark.parametrize(
    "reply",
    [
        error(-1006, "An unexpected response was received from the message bus.", 500),
        error(-1007, "Timeout waiting for response from backend server.", 504),
        error(-1008, "Request throttled by system-level protection.", 503),
        error(-1000, "An unknown error occurred while processing the request."),
        error(-1006, "An unexpected response was received from the message bus."),
        error(-2010, "Account has insufficient balance for requested action.", 500),
        error(-7777, "A code of tomorrow."),
        Given(b"<html>502 Bad Gateway</html>", 502),
        Given(b"<html>403 Forbidden</html>", 403),
        Given(b"", 500),
        Given(b"", 200),
        Given(b"<html>welcome</html>", 200),
        Given({**ORDER, "executedQty": "lots"}, 200),
        Given({"code": -1013, "msg": "Filter failure"}, 200),
        Given(ORDER, 202),
        Given(b"moved", 302, {"Location": "/elsewhere"}),
        Given(ORDER, cut=50),
        Given(b"not gzip", 200, {"Content-Encoding": "gzip"}),
        Given(ORDER, headers={"Content-Length": "1"}),
        Given(reset=True),
    ],
)
def test_an_order_that_may_have_been_carried_out_is_unknown_and_never_sent_again(
    reply: Given,
) -> None:
    exchange = answering("/order", reply, Given(ORDER), Given(ORDER))
    outcome = asking(lambda client: client.place(BUY), exchange)
    assert isinstance(outcome, Unknown), outcome
    assert len(exchange.requests("/order")) == 1


def test_no_answer_in_time_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binance_http, "_ORDER_S", 0.2)
    outcome = asking(lambda client: client.place(BUY), answering("/order", Given(hang=True)))
    assert outcome == Unknown("POST /api/v3/order: no whole answer within 0 s")


def test_orders_are_waited_for_longer_than_the_exchange_takes_to_give_up() -> None:
    assert binance_http._ORDER_S > 10


def test_an_order_that_could_not_leave_was_not_sent() -> None:
    async def act(client: BinanceRest) -> Any:
        await client.http.sync()
        closed = Addresses("x", "http://127.0.0.1:9", "", "", wallet=True)
        client.http.addresses = closed
        return await client.place(BUY)

    outcome = asking(act)
    assert isinstance(outcome, NotSent)
    assert "ConnectError" in outcome.why


def test_a_broken_address_is_no_exception() -> None:
    async def act(client: BinanceRest) -> Any:
        client.http.addresses = Addresses("x", "gopher://there", "", "", wallet=True)
        return await client.last_price("BTCUSDT"), await client.place(BUY)

    price, order = asking(act)
    assert isinstance(price, Unavailable)
    assert isinstance(order, NotSent)


def test_without_a_key_nothing_signed_is_sent() -> None:
    async def work() -> Any:
        async with exchange_at(FakeExchange()) as served:
            client = client_of(served, key=None)
            return await client.place(BUY), await client.balances(), served.asked

    order, balances, asked = run(work)
    assert isinstance(order, NotSent)
    assert isinstance(balances, Unavailable)
    assert "venue.api_key" in order.why
    assert asked == []


def test_a_timestamp_refused_is_corrected_and_the_order_sent_once_more() -> None:
    late = error(-1021, "Timestamp for this request is outside of the recvWindow.")
    exchange = answering("/order", late, Given(ORDER))
    outcome = asking(lambda client: client.place(BUY), exchange)
    assert isinstance(outcome, Acked)
    first, second = exchange.requests("/order")
    assert first.parameters["newClientOrderId"] == second.parameters["newClientOrderId"]
    assert len(exchange.requests("/time")) == 6


@pytest.mark.parametrize("asleep", [True, False])
def test_what_was_held_up_on_the_way_is_not_sent_once_more(asleep: bool) -> None:
    exchange = FakeExchange()
    time = exchange.time

    def held_up(_: Asked) -> Given:
        """The computer slept, or only this process, while the order was on its way."""
        time.now_ms += 3_600_000
        time.monotonic_s += 0 if asleep else 3600
        return error(-1021, "Timestamp for this request is outside of the recvWindow.")

    exchange.answer = held_up
    outcome = asking(lambda client: client.place(BUY), exchange)
    assert isinstance(outcome, Refused)
    assert len(exchange.requests("/order")) == 1


def test_a_timestamp_refused_twice_is_a_refusal() -> None:
    late = error(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    exchange = answering("/order", late, late, Given(ORDER))
    outcome = asking(lambda client: client.place(BUY), exchange)
    assert isinstance(outcome, Refused)
    assert outcome.reaction is Reaction.RESYNC
    assert len(exchange.requests("/order")) == 2


def test_a_timestamp_code_under_a_server_error_is_unknown() -> None:
    exchange = answering("/order", error(-1021, "Timestamp.", 500), Given(ORDER))
    assert isinstance(asking(lambda client: client.place(BUY), exchange), Unknown)
    assert len(exchange.requests("/order")) == 1


def test_without_the_exchanges_time_nothing_signed_is_sent() -> None:
    exchange = answering("/time", *[Given(b"", 503)] * 3)
    outcome = asking(lambda client: client.place(BUY), exchange)
    assert outcome == NotSent("the exchange's time could not be asked for")
    assert exchange.requests("/order") == []


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Given({**ORDER, "time": 1}), Found),
        (error(-2013, "Order does not exist."), ConfirmedAbsent),
        (error(-2026, "Order was canceled or expired with no executed qty."), ConfirmedAbsent),
        (error(-2013, "Order does not exist.", 500), Unavailable),
        (error(-1121, "Invalid symbol."), Unavailable),
        (error(-1003, "Too many requests.", 429), Unavailable),
        (Given(b"", 200), Unavailable),
        (Given(b"null", 200), Unavailable),
        (Given([], 200), Unavailable),
        (Given(b"<html>", 404), Unavailable),
        (Given(reset=True), Unavailable),
        (Given(ORDER, cut=9), Unavailable),
    ],
)
def test_a_question_is_found_absent_or_unavailable(reply: Given, kind: type) -> None:
    found = asking(lambda client: client.order("BTCUSDT", "lw-1"), answering("/order", reply))
    assert isinstance(found, kind), found


def test_no_open_orders_is_an_answer_and_a_failure_is_not() -> None:
    exchange = answering("/openOrders", Given([]), error(-1001, "Internal error.", 500))

    async def twice(client: BinanceRest) -> Any:
        return await client.open_orders("BTCUSDT"), await client.open_orders("BTCUSDT")

    first, second = asking(twice, exchange)
    assert first == Found(())
    assert isinstance(second, Unavailable)


def test_after_a_429_nothing_is_sent_until_it_may_be() -> None:
    exchange = answering(
        "/price", error(-1003, "Too much request weight used.", 429, Retry_After="7")
    )
    exchange.answer = lambda _: Given({"symbol": "BTCUSDT", "price": "5"})

    async def act(client: BinanceRest) -> Any:
        return (
            await client.last_price("BTCUSDT"),
            await client.order("BTCUSDT", "x"),
            await client.place(BUY),
            await client.last_price("BTCUSDT"),
        )

    first, _, entry, later = asking(act, exchange)
    assert (first.reaction, first.retry_after_s) == (Reaction.WAIT, 7.0)
    assert isinstance(entry, NotSent | Unknown | Refused)
    assert isinstance(later, Found)
    assert sum(exchange.time.waited) == pytest.approx(7.0)


def test_an_entry_does_not_wait_for_the_limits_and_says_so() -> None:
    exchange = answering("/price", error(-1003, "Too much.", 429, Retry_After="7"))

    async def act(client: BinanceRest) -> Any:
        await client.last_price("BTCUSDT")
        return await client.place(BUY)

    outcome = asking(act, exchange)
    assert isinstance(outcome, NotSent)
    assert outcome.retry_after_s == pytest.approx(7.0)
    assert exchange.requests("/order") == []


@pytest.mark.parametrize("status", [418, 429])
def test_an_address_that_is_kept_out_does_not_ask_for_the_time_either(status: int) -> None:
    exchange = answering("/price", error(-1003, "Way too much.", status, Retry_After="600"))

    async def act(client: BinanceRest) -> list[bool]:
        known = [await client.http.sync()]
        await client.last_price("BTCUSDT")
        known += [await client.http.sync() for _ in range(20)]  # as a session does all the time
        exchange.time.pass_s(601)
        return [*known, await client.http.sync()]

    assert all(asking(act, exchange))
    assert len(exchange.requests("/time")) == 2 * 3


def test_a_ban_holds_across_restarts(tmp_path: Path) -> None:
    bans = BanFile(tmp_path / "bans.json")
    exchange = answering("/price", error(-1003, "Way too much.", 418, Retry_After="600"))

    async def work() -> Any:
        async with exchange_at(exchange) as served:
            first = client_of(served, bans=bans)
            await first.last_price("BTCUSDT")
            await first.aclose()
            second = client_of(served, bans=bans)
            held = await second.place(BUY, Lane.EXIT)
            served.time.pass_s(601)
            exchange.script("/order", Given(ORDER))
            sent = await second.place(BUY, Lane.EXIT)
            await second.aclose()
            return held, sent

    held, sent = run(work)
    assert isinstance(held, NotSent)
    assert held.retry_after_s == pytest.approx(600)
    assert isinstance(sent, Acked)
    assert len(exchange.requests("/price")) == 1


def test_the_limits_come_from_the_exchange_and_leave_room_for_exits() -> None:
    limit = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1}
    exchange = answering(
        "/exchangeInfo",
        Given(
            {"serverTime": 1, "rateLimits": [{**limit, "limit": 100}], "symbols": []},
            headers={"X-MBX-USED-WEIGHT-1M": "90"},
        ),
    )
    exchange.answer = lambda _: Given(ORDER)

    async def act(client: BinanceRest) -> Any:
        await client.http.sync()
        await client.rules([])
        return (
            await client.place(BUY),
            await client.place(BUY, Lane.EXIT),
        )

    entry, exit_ = asking(act, exchange)
    assert isinstance(entry, NotSent)
    assert isinstance(exit_, Acked)


def test_a_list_of_symbols_is_asked_for_as_the_exchange_wants_it() -> None:
    exchange = answering("/exchangeInfo", Given({"serverTime": 1, "rateLimits": [], "symbols": []}))
    asking(lambda client: client.rules(["BTCUSDT", "ETHUSDT"]), exchange)
    assert exchange.requests("/exchangeInfo")[0].parameters == {"symbols": '["BTCUSDT","ETHUSDT"]'}


def kline(open_ms: int) -> list[object]:
    return [open_ms, "1", "2", "1", "2", "5", open_ms + 59_999, "9", 3, "1", "1", "0"]


def test_the_running_candle_is_left_out() -> None:
    minute = NOW_MS - NOW_MS % 60_000
    exchange = answering("/klines", Given([kline(minute - 60_000), kline(minute)]))
    found = asking(
        lambda client: client.candles("BTCUSDT", Timeframe.parse("1m"), 0, NOW_MS), exchange
    )
    assert [candle.open_time_ms for candle in found.value] == [minute - 60_000]
    assert exchange.requests("/klines")[0].parameters["endTime"] == str(NOW_MS - 1)


def test_a_candle_that_closes_while_its_answer_is_under_way_was_still_running() -> None:
    minute = NOW_MS - NOW_MS % 60_000
    exchange = FakeExchange()

    def slowly(_: Asked) -> Given:
        exchange.time.pass_s(60)
        return Given([kline(minute - 60_000), kline(minute)])

    exchange.answer = slowly
    found = asking(
        lambda client: client.candles("BTCUSDT", Timeframe.parse("1m"), 0, NOW_MS), exchange
    )
    assert [candle.open_time_ms for candle in found.value] == [minute - 60_000]


def test_a_candle_that_may_have_closed_by_a_doubtful_clock_was_still_running() -> None:
    minute = NOW_MS - NOW_MS % 60_000
    exchange = answering("/klines", *[Given([kline(minute - 60_000), kline(minute)])] * 2)
    client_s = minute / 1000 + 60 - NOW_MS / 1000

    async def act(client: BinanceRest) -> list[int]:
        clock, sent_s = client.http.server_clock, exchange.time.monotonic_s
        exchange.time.pass_s(client_s + 0.05)
        clock.offer(sent_s + client_s - 0.15, sent_s + client_s + 0.05, minute + 60_000 - 50)
        counts = []
        for wait_s in (0.0, 0.1):
            exchange.time.pass_s(wait_s)
            found = await client.candles("BTCUSDT", Timeframe.parse("1m"), 0, minute + 60_000)
            assert isinstance(found, Found)
            counts.append(len(found.value))
        return counts

    # Half of the round trip of 200 ms lies between the close and what is certain.
    assert asking(act, exchange) == [1, 2]


def test_without_the_exchanges_time_the_last_candle_is_left_out() -> None:
    exchange = answering("/klines", Given([kline(0), kline(60_000)]))
    exchange.script("/time", Given(b"", 503))
    found = asking(
        lambda client: client.candles("BTCUSDT", Timeframe.parse("1m"), 0, NOW_MS), exchange
    )
    assert [candle.open_time_ms for candle in found.value] == [0]


@pytest.mark.parametrize(
    ("act", "method", "path", "names"),
    [
        (
            lambda c: c.place_oco(
                OcoRequest(
                    "BTCUSDT", Side.SELL, Quantity(Decimal("0.001")), "lw-list", TARGET, STOP
                )
            ),
            "POST",
            "/api/v3/orderList/oco",
            {"aboveType": "LIMIT_MAKER", "abovePrice": "70000", "belowType": "STOP_LOSS",
             "belowStopPrice": "50000", "belowClientOrderId": "lw-stop", "side": "SELL"},
        ),
        (
            lambda c: c.place_trigger(TriggerRequest(BUY, "lw-list", Side.SELL, STOP)),
            "POST",
            "/api/v3/orderList/opo",
            {"workingType": "LIMIT", "workingTimeInForce": "IOC", "pendingType": "STOP_LOSS",
             "pendingSide": "SELL", "pendingClientOrderId": "lw-stop"},
        ),
        (
            lambda c: c.place_trigger(TriggerRequest(BUY, "lw-list", Side.SELL, TARGET, STOP)),
            "POST",
            "/api/v3/orderList/opoco",
            {"pendingAboveType": "LIMIT_MAKER", "pendingBelowType": "STOP_LOSS"},
        ),
        (
            lambda c: c.place_trigger(
                TriggerRequest(BUY, "l", Side.SELL, STOP, None, Quantity(Decimal("0.001")))
            ),
            "POST",
            "/api/v3/orderList/oto",
            {"pendingQuantity": "0.001"},
        ),
        (
            lambda c: c.place_trigger(
                TriggerRequest(BUY, "l", Side.SELL, TARGET, STOP, Quantity(Decimal("0.001")))
            ),
            "POST",
            "/api/v3/orderList/otoco",
            {"pendingQuantity": "0.001"},
        ),
        (lambda c: c.cancel("BTCUSDT", "lw-1"), "DELETE", "/api/v3/order",
         {"origClientOrderId": "lw-1"}),
        (lambda c: c.cancel_list("BTCUSDT", "lw-list"), "DELETE", "/api/v3/orderList",
         {"listClientOrderId": "lw-list"}),
        (lambda c: c.cancel_all("BTCUSDT"), "DELETE", "/api/v3/openOrders", {}),
        (lambda c: c.replace("lw-1", BUY), "POST", "/api/v3/order/cancelReplace",
         {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrigClientOrderId": "lw-1"}),
        (lambda c: c.amend("BTCUSDT", "lw-1", Quantity(Decimal("1E-3")), "lw-2"), "PUT",
         "/api/v3/order/amend/keepPriority", {"newQty": "0.001", "newClientOrderId": "lw-2"}),
        (lambda c: c.test_order(BUY), "POST", "/api/v3/order/test", {"symbol": "BTCUSDT"}),
        (lambda c: c.account(), "GET", "/api/v3/account", {"omitZeroBalances": "true"}),
        (lambda c: c.commission("BTCUSDT"), "GET", "/api/v3/account/commission", {}),
        (lambda c: c.order_counts(), "GET", "/api/v3/rateLimit/order", {}),
        (lambda c: c.key_rights(), "GET", "/sapi/v1/account/apiRestrictions", {}),
        (lambda c: c.delistings(), "GET", "/sapi/v1/spot/delist-schedule", {}),
        (lambda c: c.open_orders(), "GET", "/api/v3/openOrders", {}),
        (lambda c: c.order_list("lw-list"), "GET", "/api/v3/orderList",
         {"origClientOrderId": "lw-list"}),
        (lambda c: c.open_order_lists(), "GET", "/api/v3/openOrderList", {}),
        (lambda c: c.order_behind("BTCUSDT", 7), "GET", "/api/v3/order", {"orderId": "7"}),
        (lambda c: c.trades("BTCUSDT", 7), "GET", "/api/v3/myTrades", {"fromId": "7"}),
        (lambda c: c.order_trades("BTCUSDT", 7), "GET", "/api/v3/myTrades", {"orderId": "7"}),
    ],
)  # fmt: skip
def test_each_call_asks_for_what_it_says(
    act: Callable[[BinanceRest], Awaitable[Any]], method: str, path: str, names: dict[str, str]
) -> None:
    exchange = FakeExchange()
    asking(act, exchange)
    asked = next(asked for asked in exchange.asked if asked.path != "/api/v3/time")
    assert (asked.method, asked.path) == (method, path)
    assert names.items() <= asked.parameters.items()
    payload, _, signature = asked.payload.rpartition("&signature=")
    assert signature == KEY.sign(payload.encode())


STEPS = {
    "cancelResult": "FAILURE",
    "newOrderResult": "NOT_ATTEMPTED",
    "cancelResponse": {"code": -2011, "msg": "Unknown order sent."},
    "newOrderResponse": None,
}


def test_a_replacement_that_failed_in_part_tells_both_steps() -> None:
    body = {"code": -2022, "msg": "Order cancel-replace failed.", "data": STEPS}
    outcome = asking(
        lambda client: client.replace("lw-0", BUY), answering("/cancelReplace", Given(body, 400))
    )
    refused = Refused(-2011, "Unknown order sent.", Reaction.ASK)
    assert outcome == Acked(Replacement(refused, NotAttempted()))


def test_a_replacement_refused_before_its_first_step_is_a_refusal() -> None:
    outcome = asking(
        lambda client: client.replace("lw-0", BUY),
        answering("/cancelReplace", error(-1015, "Too many new orders.", 429)),
    )
    assert isinstance(outcome, Refused)


def test_a_replacement_whose_steps_cannot_be_read_is_unknown() -> None:
    body = {"code": -2021, "msg": "Order cancel-replace partially failed.", "data": {}}
    outcome = asking(
        lambda client: client.replace("lw-0", BUY), answering("/cancelReplace", Given(body, 409))
    )
    assert isinstance(outcome, Unknown)


def test_an_exit_is_not_kept_waiting_by_market_data() -> None:
    exchange = FakeExchange(answer=lambda asked: Given(ORDER) if "order" in asked.path
                            else Given(hang=True))  # fmt: skip

    async def act(client: BinanceRest) -> Any:
        slow = [asyncio.create_task(client.last_price("BTCUSDT")) for _ in range(20)]
        await asyncio.sleep(0.05)
        outcome = await client.place(BUY, Lane.EXIT)
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        return outcome

    assert isinstance(asking(act, exchange), Acked)


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
bodies = st.binary(max_size=60) | st.builds(
    lambda value: Given(value).bytes(),
    st.builds(
        lambda changes: ORDER | changes, st.dictionaries(st.sampled_from(list(ORDER)), json_like)
    )
    | st.builds(
        lambda code, text: {"code": code, "msg": text, "data": STEPS}, st.integers(), json_like
    )
    | json_like,
)
statuses = st.sampled_from([200, 200, 201, 302, 400, 401, 403, 404, 409, 418, 429, 500, 502, 504])


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(bodies, statuses)
def test_no_reply_however_malformed_escapes_as_an_exception(body: bytes, status: int) -> None:
    reply = Reply(status, body)
    for reader in (orders.order, orders.order_list, orders.cancelled, orders.all_cancelled):
        outcome = outcome_of(reply, reader)
        assert isinstance(outcome, Acked | Refused | Unknown)
        assert status < 500 or isinstance(outcome, Unknown)
        assert status == 200 or not isinstance(outcome, Acked)
    assert isinstance(replacement_of(reply, orders.replacement), Acked | Refused | Unknown)
    for question in (orders.order, orders.orders, orders.trades, orders.order_lists):
        asked = asked_of(reply, question)
        assert isinstance(asked, Found | ConfirmedAbsent | Unavailable)
        assert status == 200 or not isinstance(asked, Found)


@settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(st.binary(max_size=80), statuses, st.sampled_from(["", "7", "-1", "x", "9" * 20]))
def test_no_bytes_on_the_wire_escape_as_an_exception(
    body: bytes, status: int, retry_after: str
) -> None:
    given_ = Given(body, status, {"Retry-After": retry_after, "X-MBX-USED-WEIGHT-1M": retry_after})
    outcome = asking(lambda client: client.place(BUY), answering("/order", given_))
    assert isinstance(outcome, Refused | Unknown)
