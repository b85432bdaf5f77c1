"""What leaves the emulator's sockets has the fields, order and types of recorded messages."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.documented import documented, shape
from tests.served import Served, Trader, ask, fresh_names, hear

_PEM = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
BTC = {"symbol": "BTCUSDT"}
TWO = {"symbols": '["BTCUSDT","ETHUSDT"]'}
MARKET = {**BTC, "side": "BUY", "type": "MARKET", "quantity": "0.01"}


PUBLIC: list[tuple[str, str, dict[str, Any], str]] = [
    ("Check server time", "time", {}, ""),
    ("> Order book", "depth", {**BTC, "limit": 5}, ""),
    ("Recent trades list", "trades", BTC, ""),
    ("Compressed/Aggregate", "aggTrades", BTC, ""),
    ("> Kline/Candlestick", "klines", {**BTC, "interval": "1m", "limit": 1}, ""),
    ("> UIKlines", "uiKlines", {**BTC, "interval": "1m", "limit": 1}, ""),
    ("Current average price", "avgPrice", BTC, ""),
    ("24hr ticker", "ticker/24hr", BTC, "FULL"),
    ("24hr ticker", "ticker/24hr", {**BTC, "type": "MINI"}, "MINI"),
    ("24hr ticker", "ticker/24hr", TWO, "OR"),
    ("Trading Day Ticker", "ticker/tradingDay", BTC, "With symbol:"),
    ("Trading Day Ticker", "ticker/tradingDay", TWO, "With symbols:"),
    ("Symbol price ticker", "ticker/price", BTC, "Response"),
    ("Symbol price ticker", "ticker/price", TWO, "OR"),
    ("Symbol order book ticker", "ticker/bookTicker", BTC, "Response"),
    ("Symbol order book ticker", "ticker/bookTicker", TWO, "OR"),
    ("Rolling window", "ticker", {**BTC, "windowSize": "1h"}, "using symbol:"),
    ("Rolling window", "ticker", {**TWO, "windowSize": "1h"}, "using symbols:"),
]


def test_public_answers_over_rest_have_the_documented_fields(
    binance_samples: Path, emulator: Served, me: Trader
) -> None:
    me.order(**MARKET)
    emulator.sim("POST", "step", ms="2m")
    for section, path, params, caption in PUBLIC:
        answer = me.http.get(f"/api/v3/{path}", params=params).json()
        want = documented(binance_samples, "rest-api", section, caption)
        assert shape(answer) == shape(want), (section, caption)


def test_exchange_information_has_the_recorded_fields(binance_samples: Path, me: Trader) -> None:
    file = binance_samples / "recorded" / "exchangeInfo_mainnet_2026-09-25_4symbols.json"
    want = json.loads(file.read_text())
    answer = me.http.get("/api/v3/exchangeInfo", params=BTC).json()
    assert [name for name in want if name in answer] == list(answer)
    assert shape(answer["rateLimits"]) == shape(want["rateLimits"])
    [live] = [each for each in want["symbols"] if each["symbol"] == "BTCUSDT"]
    [shown] = answer["symbols"]
    assert list(shown) == list(live)
    assert {each["filterType"]: list(each) for each in shown["filters"]} == {
        each["filterType"]: list(each) for each in live["filters"]
    }


def test_signed_answers_over_rest_have_the_documented_fields(
    binance_samples: Path, emulator: Served, me: Trader
) -> None:
    limit = {**BTC, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    price = f"{emulator.price() * 0.9:.2f}"
    first = "Trading endpoints > "
    cases: list[tuple[str, str, str, str, dict[str, Any]]] = [
        (first + "New order", "ACK", "POST", "order", {**MARKET, "newOrderRespType": "ACK"}),
        (first + "New order", "RESULT", "POST", "order", {**MARKET, "newOrderRespType": "RESULT"}),
        (first + "Test new order", "With compute", "POST", "order/test",
         {**MARKET, "computeCommissionRates": "true"}),
        (first + "Test new order", "Without", "POST", "order/test", MARKET),
        ("> Query order (", "", "GET", "order", {**BTC, "orderId": None}),
        ("> Current open orders", "", "GET", "openOrders", BTC),
        ("> All orders", "", "GET", "allOrders", BTC),
        ("> Account trade list", "", "GET", "myTrades", BTC),
        ("> Account information", "", "GET", "account", {}),
        ("Query Unfilled Order Count", "", "GET", "rateLimit/order", {}),
        ("Query Commission Rates", "", "GET", "account/commission", BTC),
        (first + "Cancel order", "Response", "DELETE", "order", {**BTC, "orderId": None}),
    ]  # fmt: skip
    resting = me.order(**limit, price=price).json()
    for section, caption, method, path, params in cases:
        filled = {k: resting["orderId"] if v is None else v for k, v in params.items()}
        answer = me.call(method, f"/api/v3/{path}", **filled)
        assert answer.status_code == 200, answer.text
        want = documented(binance_samples, "rest-api", section, caption)
        assert shape(answer.json()) == shape(want), section


def test_pegged_orders_and_filters_of_an_account_have_the_documented_fields(
    binance_samples: Path, emulator: Served, me: Trader
) -> None:
    pegged = {**BTC, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    answer = me.call("POST", "/api/v3/order", **pegged, pegPriceType="PRIMARY_PEG").json()
    assert shape(answer) == shape(
        documented(binance_samples, "faqs__pegged_orders", "Pegged orders")
    )
    emulator.sim("POST", "filters", filters=[
        {"filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": 1000},
        {"filterType": "MAX_ASSET", "asset": "BTC", "limit": "1000000.00000000"},
    ])  # fmt: skip
    shown = me.call("GET", "/api/v3/myFilters", **BTC).json()
    want = documented(binance_samples, "rest-api", "Query relevant filters")
    for kind in ("exchangeFilters", "assetFilters"):
        assert shape(shown[kind]) == shape(want[kind])
    assert list(shown) == list(want)


def test_refusals_have_the_documented_fields(binance_samples: Path, me: Trader) -> None:
    refused = me.http.get("/api/v3/depth", params={"symbol": "NOTHING"})
    assert refused.status_code == 400
    assert shape(refused.json()) == shape(documented(binance_samples, "rest-api", "Error Codes"))


WS_PUBLIC: list[tuple[str, str, dict[str, Any], str]] = [
    ("Test connectivity", "ping", {}, ""),
    ("Check server time", "time", {}, ""),
    ("> Order book", "depth", {**BTC, "limit": 5}, ""),
    ("> Recent trades", "trades.recent", BTC, ""),
    ("> Aggregate trades", "trades.aggregate", BTC, ""),
    ("> Klines", "klines", {**BTC, "interval": "1m", "limit": 1}, ""),
    ("Current average price", "avgPrice", BTC, ""),
    ("24hr ticker", "ticker.24hr", BTC, "FULL type"),
    ("24hr ticker", "ticker.24hr", {**BTC, "type": "MINI"}, "MINI type"),
    ("Symbol price ticker", "ticker.price", BTC, "Response"),
    ("Symbol order book ticker", "ticker.book", BTC, "Response"),
]


def test_websocket_api_answers_have_the_documented_envelope_and_fields(
    binance_samples: Path, emulator: Served, me: Trader
) -> None:
    signed: list[tuple[str, str, str, dict[str, Any]]] = [
        ("Place new order", "ACK", "order.place", {**MARKET, "newOrderRespType": "ACK"}),
        ("Place new order", "RESULT", "order.place", {**MARKET, "newOrderRespType": "RESULT"}),
        ("> Account trade history", "", "myTrades", BTC),
        ("Unfilled Order Count (", "", "account.rateLimits.orders", {}),
    ]

    async def run() -> None:
        async with websockets.connect(emulator.addresses.ws_api) as socket:
            for section, method, params, caption in WS_PUBLIC:
                answer = await ask(socket, {"id": "a", "method": method, "params": params})
                want = documented(binance_samples, "web-socket-api", section, caption)
                assert shape(answer) == shape(want), section
            for section, caption, method, params in signed:
                answer = await ask(socket, me.frame(method, "a", **params))
                want = documented(binance_samples, "web-socket-api", section, caption)
                assert list(answer) == list(want), section
                assert shape(answer["result"]) == shape(want["result"]), section
                assert shape(answer["rateLimits"]) == shape(want["rateLimits"])
            account = (await ask(socket, me.frame("account.status")))["result"]
            want = documented(binance_samples, "web-socket-api", "> Account information")["result"]
            # The documentation puts commissionRates elsewhere here than over REST.
            assert sorted(shape(account)) == sorted(shape(want))  # type: ignore[call-overload] # a list of pairs
            refused = await ask(socket, me.frame("order.cancel", "a", **BTC, orderId=10**9))
            failed = documented(binance_samples, "web-socket-api", "Response format", "failed")
            assert shape(refused) == shape(failed)

    asyncio.run(run())


def test_recorded_oco_answer_has_the_fields_that_are_sent(
    binance_samples: Path, emulator: Served, me: Trader
) -> None:
    file = (
        binance_samples / "recorded" / "wsapi_orderList_place_oco_testnet_2025-08-06_first_leg.json"
    )
    want = json.loads(file.read_text())["response_part"]["result"]
    price = emulator.price()
    params = {
        **BTC, "side": "SELL", "quantity": "0.01", "aboveType": "LIMIT_MAKER",
        "abovePrice": f"{price * 1.1:.2f}", "belowType": "STOP_LOSS_LIMIT",
        "belowStopPrice": f"{price * 0.9:.2f}", "belowPrice": f"{price * 0.89:.2f}",
        "belowTimeInForce": "GTC", "newOrderRespType": "FULL",
    }  # fmt: skip

    async def run() -> Any:
        async with websockets.connect(emulator.addresses.ws_api) as socket:
            return (await ask(socket, me.frame("orderList.place.oco", "a", **params)))["result"]

    answer = asyncio.run(run())
    [stop] = [each for each in answer["orderReports"] if each["type"] == "STOP_LOSS_LIMIT"]
    assert list(answer) == list(want)
    assert shape(answer["orders"]) == shape(want["orders"])
    assert shape(stop) == shape(want["orderReports"][0])


def test_user_events_come_in_the_documented_wrapper_with_the_recorded_fields(
    binance_samples: Path, emulator: Served, me: Trader
) -> None:
    account = emulator.sim("GET", "state")["keys"][-1]["account"]
    file = binance_samples / "recorded" / "executionReport_NEW_BNBUSDT_2025-10-20.json"
    recorded = json.loads(file.read_text())
    sections = {
        "outboundAccountPosition": "Account Update",
        "balanceUpdate": "Balance Update",
        "externalLockUpdate": "External Lock Update",
        "eventStreamTerminated": "Event Stream Terminated",
    }

    async def run() -> list[Any]:
        async with websockets.connect(emulator.addresses.ws_api) as socket:
            await ask(socket, me.frame("userDataStream.subscribe.signature"))
            me.order(
                side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01",
                price=f"{emulator.price() * 0.9:.2f}",
            )  # fmt: skip
            for effect in ("deposit", "external_lock"):
                emulator.sim(
                    "POST", "faults", effect=effect, account=account, asset="USDT", amount=1
                )
            emulator.sim("POST", "faults", effect="uds_terminated")
            return [await hear(socket) for _ in range(7)]

    heard = asyncio.run(run())
    assert shape(heard[0]["event"]) == shape(recorded)
    told = {each["event"]["e"]: each for each in heard}
    assert told.keys() == {"executionReport", *sections}
    for kind, section in sections.items():
        assert shape(told[kind]) == shape(
            documented(binance_samples, "user-data-stream", section)
        ), kind


def test_stream_frames_have_the_recorded_fields_raw_and_combined(
    binance_samples: Path, emulator: Served
) -> None:
    frames = json.loads((binance_samples / "recorded" / "ws_frames_spot.json").read_text())
    wanted = {entry["case"]: entry["frame"] for entry in frames}
    cases = {"aggTrade_single": "aggTrade", "kline_1m": "kline_1m", "ticker_single": "ticker",
             "miniTicker_single": "miniTicker"}  # fmt: skip

    async def run() -> None:
        for case, name in cases.items():
            want = wanted[case].get("data", wanted[case])
            stream = f"btcusdt@{name}"
            ws = emulator.addresses.ws
            async with (
                websockets.connect(f"{ws}/ws/{stream}") as raw,
                websockets.connect(f"{ws}/stream?streams={stream}") as combined,
            ):
                for socket in (raw, combined):
                    await ask(socket, {"method": "LIST_SUBSCRIPTIONS", "id": 1})
                await asyncio.to_thread(emulator.sim, "POST", "step", bars=1)
                plain, wrapped = await hear(raw), await hear(combined)
                assert shape(plain) == shape(want), case
                assert list(wrapped) == ["stream", "data"]
                assert wrapped == {"stream": stream, "data": plain}

    asyncio.run(run())


def _rsa() -> tuple[str, Callable[[bytes], bytes]]:
    """Returns the public key and what signs with the private one."""
    private = rsa.generate_private_key(65537, 2048)
    public = private.public_key().public_bytes(*_PEM).decode()
    return public, lambda payload: private.sign(payload, padding.PKCS1v15(), SHA256())


def _ed25519() -> tuple[str, Callable[[bytes], bytes]]:
    private = Ed25519PrivateKey.generate()
    return private.public_key().public_bytes(*_PEM).decode(), private.sign


@pytest.mark.parametrize("made", [_rsa, _ed25519])
def test_private_keys_sign_rest_requests(
    made: Callable[[], tuple[str, Callable[[bytes], bytes]]], emulator: Served
) -> None:
    public, sign = made()
    account = next(fresh_names)
    emulator.account(account)
    key = {"api_key": f"key-of-{account}", "public_key": public}
    emulator.sim("POST", f"accounts/{account}/keys", **key)
    with httpx.Client(base_url=emulator.addresses.rest) as http:
        now = http.get("/api/v3/time").json()["serverTime"]
        query = str(httpx.QueryParams({**MARKET, "timestamp": now}))
        raw = base64.b64encode(sign(query.encode())).decode()
        signature = str(httpx.QueryParams({"signature": raw}))
        headers = {"X-MBX-APIKEY": key["api_key"]}
        placed = http.post(f"/api/v3/order?{query}&{signature}", headers=headers)
        assert placed.json()["status"] == "FILLED"
        other = http.post(f"/api/v3/order?{query}&newClientOrderId=x&{signature}", headers=headers)
        assert (other.status_code, other.json()["code"]) == (400, -1022)
