from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
import websockets

from tests.served import MARKET, NEW_ORDER, Served, Trader, hear


def orders(me: Trader) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = me.call("GET", "/api/v3/allOrders", symbol="BTCUSDT").json()
    return found


def test_lost_answer_leaves_the_order_executed(emulator: Served, me: Trader) -> None:
    emulator.sim("POST", "faults", effect="reset_after", match=NEW_ORDER, count=1)
    with pytest.raises(httpx.TransportError):
        me.order(**MARKET, newClientOrderId="lost-1")
    assert [each["clientOrderId"] for each in orders(me)] == ["lost-1"]


def test_reset_before_processing_leaves_nothing(emulator: Served, me: Trader) -> None:
    emulator.sim("POST", "faults", effect="reset_before", match=NEW_ORDER, count=1)
    with pytest.raises(httpx.TransportError):
        me.order(**MARKET)
    assert orders(me) == []


@pytest.mark.parametrize("executed", [True, False])
@pytest.mark.parametrize(
    ("effect", "status", "code"),
    [("timeout_unknown", 504, -1007), ("unknown_1006", 500, -1006), ("http_5xx", 502, None)],
)
def test_unknown_outcomes_are_executed_or_not(
    emulator: Served, me: Trader, effect: str, status: int, code: int | None, executed: bool
) -> None:
    emulator.sim("POST", "faults", effect=effect, match=NEW_ORDER, count=1, executed=executed)
    answer = me.order(**MARKET)
    assert answer.status_code == status
    if code is None:
        assert answer.headers["content-type"] == "text/html"
    else:
        assert answer.json()["code"] == code
    assert len(orders(me)) == int(executed)


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"effect": "busy_1008"}, 503, -1008),
        ({"effect": "internal_1001"}, 500, -1001),
        ({"effect": "rate_429", "seconds": 7}, 429, -1003),
        ({"effect": "orders_1015"}, 429, -1015),
        ({"effect": "timestamp_1021"}, 400, -1021),
        ({"effect": "bad_signature"}, 400, -1022),
        ({"effect": "key_refused"}, 401, -2015),
        ({"effect": "trade_disabled"}, 400, -2010),
        ({"effect": "refuse", "code": -1000, "status": 400}, 400, -1000),
    ],
)
def test_refusals_on_command_change_nothing(
    emulator: Served, me: Trader, fault: dict[str, Any], status: int, code: int
) -> None:
    emulator.sim("POST", "faults", **fault, match=NEW_ORDER, count=1)
    answer = me.order(**MARKET)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    if status == 429 and "seconds" in fault:
        assert answer.headers["retry-after"] == "7"
    assert orders(me) == []


def test_ban_lasts_and_says_until_when(emulator: Served, me: Trader) -> None:
    emulator.sim("POST", "faults", effect="ban_418", seconds=60, match=NEW_ORDER, count=1)
    now = me.now_ms()
    answer = me.order(**MARKET, timestamp=now)
    assert answer.status_code == 418
    assert f"IP banned until {now + 60_000}" in answer.json()["msg"]
    assert me.http.get("/api/v3/ping").status_code == 418
    emulator.sim("POST", "step", ms="60s")
    assert me.http.get("/api/v3/ping").status_code == 200


def test_garbled_answers_are_executed_and_unreadable(emulator: Served, me: Trader) -> None:
    for effect in ("bad_json", "truncated"):
        emulator.sim("POST", "faults", effect=effect, match=NEW_ORDER, count=1)
        answer = me.order(**MARKET)
        assert answer.status_code == 200
        with pytest.raises(json.JSONDecodeError):
            answer.json()
    assert len(orders(me)) == 2


def test_new_orders_are_not_known_for_a_while(emulator: Served, me: Trader) -> None:
    emulator.sim("POST", "faults", effect="not_found_lag", ms=500)
    placed = me.order(**MARKET).json()
    asked = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
    assert me.call("GET", "/api/v3/order", **asked).json()["code"] == -2013
    assert me.call("GET", "/api/v3/myTrades", symbol="BTCUSDT").json() == []
    emulator.sim("POST", "step", ms=501)
    assert me.call("GET", "/api/v3/order", **asked).json()["status"] == "FILLED"


def test_balance_is_shown_as_zero_once(emulator: Served, me: Trader) -> None:
    emulator.sim("POST", "faults", effect="zero_balance", match={"method": "account.*"}, count=1)
    shown = [me.call("GET", "/api/v3/account").json()["balances"][0]["free"] for _ in range(2)]
    assert shown == ["0.00000000", "100000.00000000"]


def test_balances_stay_as_they_were_when_the_fault_struck_first(
    emulator: Served, me: Trader
) -> None:
    def shown() -> list[dict[str, str]]:
        return list(me.call("GET", "/api/v3/account").json()["balances"])

    before = shown()
    emulator.sim("POST", "faults", effect="stale_account", match={"method": "account.*"}, count=2)
    first = shown()
    bought = me.order(**MARKET)
    assert bought.status_code == 200, bought.text
    assert first == shown() == before
    assert shown() != before


def test_a_delisting_is_announced_and_then_happens(emulator: Served, me: Trader) -> None:
    def schedule() -> list[dict[str, object]]:
        return list(me.call("GET", "/sapi/v1/spot/delist-schedule").json())

    assert schedule() == []
    now_ms = me.http.get("/api/v3/time").json()["serverTime"]
    emulator.sim("POST", "faults", effect="delist_announced", symbol="ETHUSDT", ms="2m")
    (row,) = schedule()
    assert row == {"delistTime": now_ms + 120_000, "symbols": ["ETHUSDT"]}
    emulator.sim("POST", "step", ms="2m")
    assert me.order(symbol="ETHUSDT", **MARKET).json()["msg"] == "Market is closed."
    emulator.sim("POST", "faults", effect="symbol_status", symbol="ETHUSDT", status="TRADING")


def test_chance_of_a_fault_may_be_a_fraction(emulator: Served, me: Trader) -> None:
    ping = {"effect": "busy_1008", "match": {"route": "*ping"}, "probability": 0.4}
    assert emulator.sim("POST", "faults", **ping)["probability"] == 0.4
    statuses = [me.http.get("/api/v3/ping").status_code for _ in range(30)]
    assert set(statuses) == {200, 503}


def test_slow_answers_come_late(emulator: Served, me: Trader) -> None:
    emulator.sim("POST", "faults", effect="latency", ms=150, match={"route": "*ping"}, count=1)
    assert me.http.get("/api/v3/ping").elapsed.total_seconds() >= 0.15


@pytest.mark.parametrize(
    ("fault", "kinds"),
    [
        ({"effect": "event_drop", "match": {"execution": "TRADE"}}, ["NEW", None]),
        ({"effect": "event_dup", "match": {"execution": "NEW"}}, ["NEW", "NEW", "TRADE", None]),
        ({"effect": "event_reorder", "match": {"execution": "NEW"}}, ["TRADE", "NEW", None]),
        ({"effect": "silent", "match": {"event": "executionReport"}}, [None]),
    ],
)
def test_user_events_are_dropped_doubled_and_reordered(
    emulator: Served, me: Trader, fault: dict[str, Any], kinds: list[str | None]
) -> None:
    async def run() -> list[str | None]:
        async with websockets.connect(emulator.addresses.ws_api) as socket:
            await socket.send(me.frame("userDataStream.subscribe.signature"))
            await socket.recv()
            emulator.sim("POST", "faults", **fault)
            me.order(**MARKET)
            await socket.send(json.dumps({"id": "end", "method": "ping"}))
            heard = []
            while (message := json.loads(await socket.recv())).get("id") != "end":
                heard.append(message["event"].get("x"))
            return heard

    assert asyncio.run(run()) == kinds


@pytest.mark.parametrize("effect", ["ws_cut", "ws_close", "ws_24h"])
def test_sockets_are_cut_on_command(emulator: Served, effect: str) -> None:
    async def run() -> None:
        async with websockets.connect(f"{emulator.addresses.ws}/ws/btcusdt@trade") as socket:
            emulator.sim("POST", "faults", effect=effect)
            with pytest.raises(websockets.ConnectionClosed):
                await hear(socket)

    asyncio.run(run())


def test_half_open_socket_neither_sends_nor_answers_pings(emulator: Served) -> None:
    async def run() -> None:
        address = f"{emulator.addresses.ws}/ws/btcusdt@trade"
        async with websockets.connect(address, close_timeout=0.1) as socket:
            emulator.sim("POST", "faults", effect="ws_half_open")
            emulator.sim("POST", "step", bars=1)
            pong = await socket.ping()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(pong, 0.3)
            assert emulator.sim("GET", "connections")[-1]["half_open"] is True
            emulator.sim("POST", "connections/cut")

    asyncio.run(run())


def test_shutdown_is_announced_before_the_cut(emulator: Served) -> None:
    async def run() -> None:
        async with websockets.connect(f"{emulator.addresses.ws}/stream?streams=") as socket:
            emulator.sim("POST", "faults", effect="server_shutdown", ms=500)
            announced = await hear(socket)
            assert announced["stream"] == "!serverShutdown"
            assert announced["data"]["e"] == "serverShutdown"
            emulator.sim("POST", "step", ms=500)
            with pytest.raises(websockets.ConnectionClosed):
                await hear(socket)

    asyncio.run(run())


def test_halted_symbol_takes_no_orders_until_it_trades_again(emulator: Served, me: Trader) -> None:
    emulator.sim("POST", "faults", effect="symbol_halt", symbol="BTCUSDT", ms="1m")
    assert me.order(**MARKET).json()["msg"] == "Market is closed."
    info = me.http.get("/api/v3/exchangeInfo", params={"symbol": "BTCUSDT"}).json()
    assert info["symbols"][0]["status"] == "HALT"
    emulator.sim("POST", "step", ms="61s")
    assert me.order(**MARKET).json()["status"] == "FILLED"


def test_symbol_takes_cancels_only_then_is_delisted(emulator: Served, me: Trader) -> None:
    price = f"{emulator.price('ETHUSDT') * 0.9:.2f}"
    resting = {
        "symbol": "ETHUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
        "quantity": "0.1", "price": price,
    }  # fmt: skip
    first, second = (me.order(**resting).json()["orderId"] for _ in range(2))
    emulator.sim("POST", "faults", effect="cancel_only", symbol="ETHUSDT")
    assert me.order(**resting).json()["code"] == -2010
    cancelled = me.call("DELETE", "/api/v3/order", symbol="ETHUSDT", orderId=first)
    assert cancelled.json()["status"] == "CANCELED"
    emulator.sim("POST", "faults", effect="delist", symbol="ETHUSDT")
    ended = me.call("GET", "/api/v3/order", symbol="ETHUSDT", orderId=second).json()
    assert ended["status"] == "EXPIRED"
    emulator.sim("POST", "faults", effect="symbol_status", symbol="ETHUSDT", status="TRADING")


def test_filters_change_while_running(emulator: Served, me: Trader) -> None:
    lot = {"filterType": "LOT_SIZE", "minQty": "0.1", "maxQty": "9000", "stepSize": "0.1"}
    emulator.sim("POST", "faults", effect="filter_change", symbol="BTCUSDT", filter=lot)
    assert me.order(**MARKET).json()["msg"] == "Filter failure: LOT_SIZE"
    old = {**lot, "minQty": "0.00001", "stepSize": "0.00001"}
    emulator.sim("POST", "symbols/BTCUSDT", filters=[old])
    assert me.order(**MARKET).json()["status"] == "FILLED"


def test_filters_of_the_exchange_change_by_fault_and_by_admin_call(
    emulator: Served, me: Trader
) -> None:
    most = {"filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": 1}
    emulator.sim("POST", "faults", effect="filter_change", filter=most)
    assert me.resting("first")["orderId"]
    assert me.resting("second")["msg"] == "Filter failure: EXCHANGE_MAX_NUM_ORDERS"
    raised = {**most, "maxNumOrders": 1000}
    assert emulator.sim("POST", "filters", filters=[raised]) == {"exchangeFilters": [raised]}
    assert me.http.get("/api/v3/exchangeInfo").json()["exchangeFilters"] == [raised]
    assert me.resting("second")["orderId"]
    shown = me.call("GET", "/api/v3/myFilters", symbol="BTCUSDT").json()
    assert shown["exchangeFilters"] == [raised]


def test_candle_that_never_closes(emulator: Served) -> None:
    async def run() -> list[bool]:
        address = f"{emulator.addresses.ws}/ws/btcusdt@kline_1m"
        async with websockets.connect(address, max_queue=None) as socket:
            await socket.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": 1}))
            await socket.recv()
            emulator.sim("POST", "faults", effect="event_drop", match={"closed": "true"})
            emulator.sim("POST", "step", bars=3)
            await socket.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": 2}))
            closed = []
            while "k" in (message := json.loads(await socket.recv())):
                closed.append(message["k"]["x"])
            return closed

    closed = asyncio.run(run())
    assert closed
    assert not any(closed)


def test_price_jump_runs_through_a_stop(emulator: Served, me: Trader) -> None:
    price = emulator.price()
    stop = me.order(
        side="SELL", type="STOP_LOSS", quantity="0.01", stopPrice=f"{price * 0.97:.2f}"
    ).json()
    emulator.sim(
        "POST", "faults", effect="price_jump", symbol="BTCUSDT", price=f"{price * 0.9:.2f}"
    )
    asked = {"symbol": "BTCUSDT", "orderId": stop["orderId"]}
    filled = me.call("GET", "/api/v3/order", **asked).json()
    assert filled["status"] == "FILLED"
    assert float(filled["cummulativeQuoteQty"]) < 0.01 * price * 0.91


def test_the_human_withdraws_and_trades_beside_the_bot(emulator: Served, me: Trader) -> None:
    account = emulator.sim("GET", "state")["keys"][-1]["account"]
    emulator.sim(
        "POST", "faults", effect="withdrawal", account=account, asset="USDT", amount="99000"
    )
    emulator.sim(
        "POST", "faults", effect="manual_order", account=account,
        order={"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": 0.5},
    )  # fmt: skip
    found = me.call("GET", "/api/v3/account").json()["balances"]
    free = {each["asset"]: float(each["free"]) for each in found}
    assert free["BTC"] == 1.5
    assert 1_000 < free["USDT"] < 99_000
    bad = emulator.admin.post(
        "/sim/faults", json={"effect": "withdrawal", "asset": "USDT", "amount": "1e9"}
    )
    assert bad.status_code == 400


def test_partial_fill_then_expiry(emulator: Served, me: Trader) -> None:
    price = f"{emulator.price() * 0.99:.2f}"
    placed = me.order(side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01", price=price)
    emulator.sim("POST", "faults", effect="partial_then_expire", symbol="BTCUSDT", fraction=0.4)
    asked = {"symbol": "BTCUSDT", "orderId": placed.json()["orderId"]}
    order = me.call("GET", "/api/v3/order", **asked).json()
    assert (order["status"], order["executedQty"]) == ("EXPIRED", "0.00400000")


def test_maintenance_answers_503_cuts_sockets_and_cancels(
    emulator: Served, me: Trader, caplog: pytest.LogCaptureFixture
) -> None:
    price = f"{emulator.price() * 0.9:.2f}"
    me.order(side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01", price=price)
    emulator.sim("POST", "faults", effect="maintenance", ms="30s", cancel=True)
    assert me.http.get("/api/v3/ping").status_code == 503

    async def refused() -> None:
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(f"{emulator.addresses.ws}/ws")

    asyncio.run(refused())
    assert "without completing handshake" not in caplog.text
    emulator.sim("POST", "step", ms="31s")
    assert me.call("GET", "/api/v3/openOrders", symbol="BTCUSDT").json() == []
    assert orders(me)[-1]["status"] == "EXPIRED"


def test_revoked_key_is_refused_from_then_on(emulator: Served, me: Trader) -> None:
    account = emulator.sim("GET", "state")["keys"][-1]["account"]
    emulator.sim("POST", "faults", effect="key_revoked", account=account)
    assert me.call("GET", "/api/v3/account").json()["code"] == -2015


def test_skewed_clock_refuses_honest_timestamps(emulator: Served, me: Trader) -> None:
    emulator.sim("POST", "faults", effect="clock_skew", ms=6000)
    assert me.call("GET", "/api/v3/account").json()["code"] == -1021
    emulator.sim("POST", "faults", effect="clock_skew", ms=0)
    assert me.call("GET", "/api/v3/account").status_code == 200


def test_every_request_is_recorded_with_its_outcome(emulator: Served, me: Trader) -> None:
    first = emulator.sim("GET", "requests")["seen"]
    emulator.sim("POST", "faults", id="busy", effect="busy_1008", match=NEW_ORDER, count=1)
    me.order(**MARKET)
    rows = emulator.sim("GET", f"requests?from={first + 1}")["requests"]
    last = rows[-1]
    assert (last["operation"], last["status"], last["code"]) == ("order.place", 503, -1008)
    assert last["fault"] == "busy"
    assert last["parameters"]["quantity"] == "0.01"
    trace = emulator.sim("GET", "trace")["lines"]
    assert any("fault busy busy_1008 order.place" in line for line in trace)
