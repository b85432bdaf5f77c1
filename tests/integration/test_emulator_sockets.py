from __future__ import annotations

import asyncio
import base64
import itertools
import json
from contextlib import suppress
from typing import Any

import pytest
import websockets
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from websockets.sync.client import connect

from tests.running import wait_for
from tests.served import Served, Trader, ask, fresh_names, hear, trader


async def step(emulator: Served, **body: object) -> Any:
    return await asyncio.to_thread(emulator.sim, "POST", "step", **body)


def test_combined_and_raw_streams_carry_the_same_candle(emulator: Served) -> None:
    async def run() -> None:
        ws = emulator.addresses.ws
        address = f"{ws}/stream?streams=btcusdt@kline_1m/ethusdt@trade"
        combined = websockets.connect(address, max_queue=None)
        async with (
            combined as one,
            websockets.connect(f"{ws}/ws/btcusdt@kline_1m", max_queue=None) as other,
        ):
            await ask(other, {"method": "LIST_SUBSCRIPTIONS", "id": 1})
            await step(emulator, bars=2)
            first: dict[str, Any] = {}
            while first.keys() != {"btcusdt@kline_1m", "ethusdt@trade"}:
                wrapped = await hear(one)
                first.setdefault(wrapped["stream"], wrapped["data"])
            assert first["btcusdt@kline_1m"] == await hear(other)
            assert first["btcusdt@kline_1m"]["e"] == "kline"

    asyncio.run(run())


def test_every_candle_closes_exactly_once_and_in_order(emulator: Served) -> None:
    async def run() -> list[int]:
        address = f"{emulator.addresses.ws}/ws/btcusdt@kline_1m"
        async with websockets.connect(address) as socket:
            await ask(socket, {"method": "LIST_SUBSCRIPTIONS", "id": 1})
            await step(emulator, bars=20)
            await socket.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": "end"}))
            closed = []
            while (message := await hear(socket)).get("id") != "end":
                if message["k"]["x"]:
                    closed.append(message["k"]["t"])
            return closed

    closed = asyncio.run(run())
    assert len(closed) >= 19
    assert {b - a for a, b in itertools.pairwise(closed)} == {60_000}


def test_streams_are_controlled_by_messages(emulator: Served) -> None:
    async def run() -> None:
        async with websockets.connect(f"{emulator.addresses.ws}/ws") as socket:
            params = ["btcusdt@trade", "nothing@atall"]
            subscribed = await ask(socket, {"method": "SUBSCRIBE", "params": params, "id": "a"})
            assert subscribed == {"result": None, "id": "a"}
            listed = await ask(socket, {"method": "LIST_SUBSCRIPTIONS", "id": 2})
            assert listed == {"result": params, "id": 2}
            change = {"method": "SET_PROPERTY", "params": ["combined", True], "id": 3}
            assert await ask(socket, change) == {"result": None, "id": 3}
            await step(emulator, bars=1)
            assert (await hear(socket))["stream"] == "btcusdt@trade"
        async with websockets.connect(f"{emulator.addresses.ws}/stream?streams=") as socket:
            asked = {"method": "GET_PROPERTY", "params": ["combined"], "id": 4}
            assert await ask(socket, asked) == {"result": True, "id": 4}
            gone = {"method": "UNSUBSCRIBE", "params": ["btcusdt@trade"], "id": None}
            assert await ask(socket, gone) == {"result": None, "id": None}

    asyncio.run(run())


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", 3),
        ("[]", 2),
        ('{"method": "DANCE", "id": 1}', 2),
        ('{"params": [], "id": 1}', 2),
        ('{"method": "SUBSCRIBE", "id": 1}', 2),
        ('{"method": "SUBSCRIBE", "params": [1], "id": 1}', 2),
        ('{"method": "SUBSCRIBE", "params": [], "id": 1, "more": 1}', 2),
        ('{"method": "SUBSCRIBE", "params": [], "id": 1.5}', 2),
        ('{"method": "SET_PROPERTY", "params": ["combined", 1], "id": 1}', 1),
        ('{"method": "SET_PROPERTY", "params": ["volume", true], "id": 1}', 0),
    ],
)
def test_bad_control_messages_are_refused(emulator: Served, message: str, code: int) -> None:
    async def run() -> Any:
        async with websockets.connect(f"{emulator.addresses.ws}/ws") as socket:
            return await ask(socket, message)

    assert asyncio.run(run())["code"] == code


def test_more_than_five_messages_a_second_cut_the_stream(emulator: Served) -> None:
    async def run() -> None:
        async with websockets.connect(f"{emulator.addresses.ws}/ws") as socket:
            for number in range(5):
                await socket.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
            answers = [await hear(socket) for _ in range(5)]
            assert [each["id"] for each in answers] == [0, 1, 2, 3, 4]
            with suppress(websockets.ConnectionClosed):
                for number in range(20):
                    await socket.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
            await asyncio.wait_for(socket.wait_closed(), 60)

    asyncio.run(run())


def test_user_events_come_wrapped_in_documented_order(emulator: Served, me: Trader) -> None:
    async def run() -> None:
        async with websockets.connect(emulator.addresses.ws_api) as socket:
            subscribed = await ask(socket, me.frame("userDataStream.subscribe.signature", "s"))
            assert subscribed["result"] == {"subscriptionId": 0}
            again = await ask(socket, me.frame("userDataStream.subscribe.signature"))
            assert again["error"]["code"] == -2035
            order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
            await socket.send(me.frame("order.place", 7, **order))
            heard = [await hear(socket) for _ in range(4)]
            answer = next(each for each in heard if "id" in each)
            assert (answer["status"], answer["result"]["status"]) == (200, "FILLED")
            limits = [(each["rateLimitType"], each["intervalNum"]) for each in answer["rateLimits"]]
            assert limits == [("ORDERS", 10), ("ORDERS", 1), ("REQUEST_WEIGHT", 1)]
            events = [each for each in heard if "event" in each]
            assert {each["subscriptionId"] for each in events} == {0}
            kinds = [(each["event"]["e"], each["event"].get("x")) for each in events]
            assert kinds == [
                ("executionReport", "NEW"),
                ("executionReport", "TRADE"),
                ("outboundAccountPosition", None),
            ]
            ended = await ask(socket, {"id": 9, "method": "userDataStream.unsubscribe"})
            assert ended["result"] == {}
            last = await hear(socket)
            assert (last["subscriptionId"], last["event"]["e"]) == (0, "eventStreamTerminated")
            none = await ask(socket, {"id": 9, "method": "userDataStream.unsubscribe"})
            assert none["error"]["code"] == -2036

    asyncio.run(run())


def test_public_methods_need_no_key_and_hide_limits_when_asked(emulator: Served) -> None:
    async def run() -> None:
        async with websockets.connect(f"{emulator.addresses.ws_api}?returnRateLimits=false") as ws:
            assert await ask(ws, {"id": None, "method": "ping"}) == {
                "id": None, "status": 200, "result": {},
            }  # fmt: skip
            asked = {"symbol": "BTCUSDT", "interval": "1m", "limit": 2}
            rows = await ask(ws, {"id": 1, "method": "v3/klines", "params": asked})
            assert len(rows["result"]) == 2
            shown = {"id": 2, "method": "time", "params": {"returnRateLimits": True}}
            assert "rateLimits" in await ask(ws, shown)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("frame", "status", "code"),
    [
        ("{", 400, -1135),
        ("[1]", 400, -1135),
        ('{"id": 1}', 400, -1102),
        ('{"id": 1, "method": "fly"}', 400, -1130),
        ('{"id": [], "method": "ping"}', 400, -1100),
        ('{"id": 1, "method": "ping", "params": []}', 400, -1135),
        ('{"id": 1, "method": "depth"}', 400, -1102),
        ('{"id": 1, "method": "account.status"}', 401, -2014),
        ('{"id": 1, "method": "userDataStream.subscribe"}', 401, -1002),
    ],
)
def test_bad_frames_are_refused_and_the_socket_lives(
    emulator: Served, frame: str, status: int, code: int
) -> None:
    async def run() -> None:
        async with websockets.connect(emulator.addresses.ws_api) as socket:
            refused = await ask(socket, frame)
            assert (refused["status"], refused["error"]["code"]) == (status, code)
            assert (await ask(socket, {"id": 2, "method": "ping"}))["status"] == 200

    asyncio.run(run())


def test_hmac_keys_cannot_log_on(emulator: Served, me: Trader) -> None:
    async def run() -> None:
        async with websockets.connect(emulator.addresses.ws_api) as socket:
            refused = await ask(socket, me.frame("session.logon"))
            assert (refused["status"], refused["error"]["code"]) == (400, -1022)
            status = await ask(socket, {"id": 1, "method": "session.status"})
            assert status["result"]["apiKey"] is None

    asyncio.run(run())


def test_a_session_needs_no_signature_until_it_ends(emulator: Served) -> None:
    private = Ed25519PrivateKey.generate()
    form = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    account, api_key = next(fresh_names), "ed25519-session"
    emulator.account(account)
    public = private.public_key().public_bytes(*form).decode()
    emulator.sim("POST", f"accounts/{account}/keys", api_key=api_key, public_key=public)

    async def run() -> None:
        async with websockets.connect(emulator.addresses.ws_api) as socket:
            now = (await ask(socket, {"id": 0, "method": "time"}))["result"]["serverTime"]
            payload = f"apiKey={api_key}&timestamp={now}".encode()
            signature = base64.b64encode(private.sign(payload)).decode()
            params = {"apiKey": api_key, "timestamp": now, "signature": signature}
            logged = await ask(socket, {"id": 1, "method": "session.logon", "params": params})
            assert logged["result"]["apiKey"] == api_key
            subscribed = await ask(socket, {"id": 2, "method": "userDataStream.subscribe"})
            assert subscribed["result"] == {"subscriptionId": 0}
            plain = {"id": 3, "method": "account.status", "params": {"timestamp": now}}
            assert (await ask(socket, plain))["status"] == 200
            out = await ask(socket, {"id": 4, "method": "session.logout"})
            assert out["result"]["apiKey"] is None
            assert (await hear(socket))["event"]["e"] == "eventStreamTerminated"
            assert (await ask(socket, plain))["error"]["code"] == -2014
            await ask(socket, {"id": 5, "method": "session.logon", "params": params})
            emulator.sim("POST", "faults", effect="key_revoked", account=account)
            assert (await ask(socket, plain))["error"]["code"] == -2015
            told = await hear(socket)
            assert (told["id"], told["status"], told["error"]["code"]) == (None, 401, -2015)

    asyncio.run(run())


def test_two_accounts_hear_only_their_own_events(emulator: Served, me: Trader) -> None:
    async def run() -> None:
        with trader(emulator, next(fresh_names)) as other:
            async with websockets.connect(emulator.addresses.ws_api) as socket:
                for each in (me, other):
                    await ask(socket, each.frame("userDataStream.subscribe.signature"))
                await asyncio.to_thread(other.order, side="BUY", type="MARKET", quantity="0.01")
                heard = [await hear(socket) for _ in range(3)]
                assert {each["subscriptionId"] for each in heard} == {1}

    asyncio.run(run())


def test_client_that_does_not_read_is_cut_and_stops_nobody(emulator: Served) -> None:
    names = [f"{s}@{kind}" for s in ("btcusdt", "ethusdt") for kind in ("trade", "depth@100ms")]
    names += [f"{s}@depth20@100ms" for s in ("btcusdt", "ethusdt")]
    with connect(f"{emulator.addresses.ws}/stream?streams=", close_timeout=0.1) as socket:
        socket.send(json.dumps({"method": "SUBSCRIBE", "params": names, "id": 1}))
        assert json.loads(socket.recv()) == {"result": None, "id": 1}
        for _ in range(12):
            emulator.sim("POST", "step", ms="1h")
            if not emulator.sim("GET", "connections"):
                break
        wait_for(lambda: emulator.sim("GET", "connections") == [])


def test_sockets_live_for_a_day_of_the_exchanges_time(emulator: Served) -> None:
    async def run() -> None:
        async with websockets.connect(f"{emulator.addresses.ws}/ws") as socket:
            await ask(socket, {"method": "LIST_SUBSCRIPTIONS", "id": 1})
            await step(emulator, ms="24h")
            with pytest.raises(websockets.ConnectionClosed):
                await hear(socket)

    asyncio.run(run())
