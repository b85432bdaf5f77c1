"""Whatever a client sends, the emulator answers as the exchange would, and lives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.sync.client import ClientConnection, connect

from leeward.emulator.catalogue import BY_METHOD, BY_ROUTE
from tests.served import Served, Trader, generated, served, trader

#: Words that the exchange knows, so that a request gets past the first check now and then.
WORDS = st.sampled_from([
    "BTCUSDT", "ETHUSDT", "BUY", "SELL", "LIMIT", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT",
    "LIMIT_MAKER", "TAKE_PROFIT", "GTC", "IOC", "FOK", "1", "0.01", "0", "30000", "-1", "1e5", "",
    "STOP_ON_FAILURE", "ALLOW_FAILURE", "1m", '["BTCUSDT"]', "FULL", "true", "99999999999999999999",
    "PRIMARY_PEG", "MARKET_PEG", "PRICE_LEVEL",
])  # fmt: skip
NAMES = st.sampled_from([
    "symbol", "symbols", "side", "type", "timeInForce", "quantity", "price", "stopPrice", "orderId",
    "trailingDelta", "icebergQty", "quoteOrderQty", "newClientOrderId", "newOrderRespType", "limit",
    "origClientOrderId", "interval", "startTime", "endTime", "fromId", "cancelReplaceMode",
    "newQty", "cancelOrderId", "aboveType", "belowType", "abovePrice", "belowStopPrice",
    "workingType",
    "workingSide", "workingPrice", "workingQuantity", "workingTimeInForce", "pendingSide",
    "pendingType", "pendingQuantity", "pendingAboveType", "pendingBelowType", "orderListId",
    "timeZone", "windowSize", "selfTradePreventionMode", "strategyType", "recvWindow",
    "pegPriceType", "pegOffsetType", "pegOffsetValue", "workingPegPriceType",
])  # fmt: skip
VALUES = WORDS | st.text(max_size=12)
PARAMS = st.dictionaries(NAMES, VALUES, max_size=9)
RELAXED = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def emulator() -> Iterator[Served]:
    with served(generated(), mode="stepped", auth="off") as running:
        yield running


@pytest.fixture(scope="module")
def me(emulator: Served) -> Iterator[Trader]:
    with trader(emulator, "fuzz") as one:
        yield one


@pytest.fixture(scope="module")
def socket(emulator: Served) -> Iterator[ClientConnection]:
    with connect(emulator.addresses.ws_api) as one:
        yield one


@given(route=st.sampled_from(sorted(BY_ROUTE)), params=PARAMS)
@RELAXED
def test_signed_rest_requests(me: Trader, route: str, params: dict[str, str]) -> None:
    me.running.sim("POST", "step", ms="1m")
    method, path = route.split(" ")
    query = str(httpx.QueryParams({**params, "timestamp": "1700000000000"}))
    answer = me.http.request(
        method, f"{path}?{query}&signature={me.sign(query)}", headers={"X-MBX-APIKEY": me.api_key}
    )
    body = answer.json()
    if answer.status_code != 200:
        assert answer.status_code in {400, 401, 409, 429}
        assert isinstance(body["code"], int)
        assert isinstance(body["msg"], str)


@given(method=st.sampled_from(sorted(BY_METHOD)), params=PARAMS)
@RELAXED
def test_signed_frames(
    me: Trader, socket: ClientConnection, method: str, params: dict[str, str]
) -> None:
    me.running.sim("POST", "step", ms="1m")
    named: dict[str, Any] = {**params, "timestamp": "1700000000000"}
    socket.send(me.frame(method, "fuzz", **named))
    answer = json.loads(socket.recv(timeout=60))
    assert answer["id"] == "fuzz"
    assert ("result" in answer) == (answer["status"] == 200)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(frame=JSON.map(json.dumps) | st.text(max_size=40))
@RELAXED
def test_any_frame_is_answered(emulator: Served, socket: ClientConnection, frame: str) -> None:
    emulator.sim("POST", "step", ms="1m")
    socket.send(frame)
    answer = json.loads(socket.recv(timeout=60))
    assert answer["status"] in {200, 400, 401}
