"""Faults from a YAML timeline, and those of requests and sockets that need a longer look."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
import websockets

from leeward.emulator.faults import ACTIONS, EFFECTS, REQUEST_FAULTS, read_timeline
from tests.running import wait_for
from tests.served import MARKET, NEW_ORDER, Served, Trader, ask, generated, hear, served, trader

#: What actions need beside their name.
SETTINGS: dict[str, dict[str, object]] = {
    "key_revoked": {"account": "nobody"},
    "symbol_status": {"symbol": "ETHUSDT", "status": "TRADING"},
    "symbol_halt": {"symbol": "ETHUSDT", "ms": 1},
    "symbol_break": {"symbol": "ETHUSDT", "ms": 1},
    "cancel_only": {"symbol": "ETHUSDT", "ms": 1},
    "delist": {"symbol": "ETHUSDT", "ms": 1},
    "delist_announced": {"symbol": "ETHUSDT", "ms": 3_600_000},
    "filter_change": {
        "symbol": "ETHUSDT",
        "filter": {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 300},
    },
    "price_jump": {"symbol": "ETHUSDT", "price": [2000.5, 2001]},
    "book_empty": {"symbol": "ETHUSDT", "ms": 1},
    "spread_blowout": {"symbol": "ETHUSDT", "ms": 1},
    "partial_fill": {"symbol": "BTCUSDT", "fraction": 0.5},
    "partial_then_expire": {"symbol": "BTCUSDT", "fraction": 0.5},
    "deposit": {"asset": "USDT", "amount": 0.5},
    "withdrawal": {"asset": "USDT", "amount": 0.5},
    "external_lock": {"asset": "USDT", "amount": 0.5},
    "manual_order": {
        "order": {"symbol": "ETHUSDT", "side": "BUY", "type": "MARKET", "quantity": 0.01}
    },
    "manual_cancel": {"symbol": "BTCUSDT"},
    "maintenance": {"ms": 1, "cancel": True},
}


def test_every_action_of_a_timeline_happens_at_its_time_and_stands_in_the_trace() -> None:
    timeline = [
        {
            "id": f"a-{effect}",
            "effect": effect,
            "at": f"{(place + 1) * 5}s",
            **SETTINGS.get(effect, {}),
        }
        for place, effect in enumerate(ACTIONS)
    ]
    faults = read_timeline(json.dumps(timeline), "faults.yaml")  # JSON is YAML
    with served(generated(), mode="stepped", race=False, faults=faults) as running:
        at = running.addresses
        with httpx.Client(base_url=at.rest) as http:
            default = Trader(running, at.api_key, at.api_secret, http)
            for name in ("first", "second"):
                default.resting(name)
        running.sim("POST", "step", ms="4900ms")
        for number in range(len(ACTIONS)):
            shown = {each["id"]: each for each in running.sim("GET", "faults")}
            assert sum(shown[each["id"]]["applied"] for each in timeline) == number
            running.sim("POST", "step", ms="5s")
        shown = {each["id"]: each for each in running.sim("GET", "faults")}
        assert {each["error"] for each in shown.values()} == {None}
        lines = running.sim("GET", "trace")["lines"]
        for effect in ACTIONS:
            assert any(f"|N|fault a-{effect} {effect}" in line for line in lines), effect


@pytest.mark.usefixtures("me")
def test_every_fault_of_the_menu_is_taken_by_admin_call(emulator: Served) -> None:
    later = {"at": "300h"}
    for effect in EFFECTS:
        emulator.sim("POST", "faults", id=f"m-{effect}", effect=effect, **later)
    listed = [each["effect"] for each in emulator.sim("GET", "faults")]
    assert [each for each in listed if each in EFFECTS] == list(EFFECTS)
    for effect in EFFECTS:
        emulator.sim("DELETE", f"faults/m-{effect}")


def test_timeline_strikes_requests_and_messages_too() -> None:
    timeline = """
    - {id: twice, effect: event_dup, match: {execution: NEW}, at: 1s}
    - {id: lost, effect: reset_after, match: {route: "POST /api/v3/order"}, at: 1s, for: 10s}
    """
    faults = read_timeline(timeline, "faults.yaml")
    with (
        served(generated(), mode="stepped", race=False, faults=faults) as running,
        trader(running, "me") as me,
    ):
        assert me.order(**MARKET).status_code == 200
        running.sim("POST", "step", ms="2s")

        async def run() -> list[str | None]:
            async with websockets.connect(running.addresses.ws_api) as socket:
                await ask(socket, me.frame("userDataStream.subscribe.signature"))
                with pytest.raises(httpx.TransportError):
                    me.order(**MARKET)
                return [(await hear(socket))["event"].get("x") for _ in range(4)]

        assert asyncio.run(run()) == ["NEW", "NEW", "TRADE", None]
        running.sim("POST", "step", ms="10s")
        assert me.order(**MARKET).status_code == 200


def until_struck(emulator: Served, fault_id: str) -> None:
    """Waits until a fault has met a request, which a busy machine takes up later than its sender
    waits for an answer."""
    wait_for(
        lambda: any(
            each["applied"] for each in emulator.sim("GET", "faults") if each["id"] == fault_id
        )
    )


@pytest.mark.usefixtures("me")
def test_every_request_fault_stands_in_the_trace(emulator: Served) -> None:
    for effect in REQUEST_FAULTS:
        emulator.sim(
            "POST", "faults", id=f"t-{effect}", effect=effect, count=1, ms=1,
            seconds=1, match={"route": "GET /api/v3/ping"},
        )  # fmt: skip
        patience_s = 0.3 if effect == "no_answer" else 60
        with httpx.Client(base_url=emulator.addresses.rest, timeout=patience_s) as http:
            try:
                http.get("/api/v3/ping")
            except httpx.TransportError:
                until_struck(emulator, f"t-{effect}")
                assert effect in {"reset_before", "reset_after", "no_answer"}
            except httpx.DecodingError:
                assert effect == "gzip_broken"
        emulator.sim("POST", "step", ms="1s")
    lines = emulator.sim("GET", "trace")["lines"]
    for effect in REQUEST_FAULTS:
        assert any(f"fault t-{effect} {effect} ping" in line for line in lines), effect


@pytest.mark.parametrize("executed", [True, False])
def test_no_answer_leaves_the_request_open_executed_or_not(
    emulator: Served, me: Trader, executed: bool
) -> None:
    lost = {"effect": "no_answer", "match": NEW_ORDER, "count": 1, "executed": executed}
    emulator.sim("POST", "faults", id="lost", **lost)
    now, patience = me.now_ms(), me.http.timeout
    me.http.timeout = httpx.Timeout(60, read=0.3)
    with pytest.raises(httpx.ReadTimeout):
        me.order(**MARKET, timestamp=now)
    until_struck(emulator, "lost")
    me.http.timeout = patience
    found = me.call("GET", "/api/v3/allOrders", symbol="BTCUSDT").json()
    assert len(found) == int(executed)


def test_no_answer_over_the_websocket_api_leaves_the_socket_usable(
    emulator: Served, me: Trader
) -> None:
    emulator.sim("POST", "faults", effect="no_answer", match={"method": "order.place"}, count=1)

    async def run() -> None:
        async with websockets.connect(emulator.addresses.ws_api) as socket:
            await socket.send(me.frame("order.place", "lost", symbol="BTCUSDT", **MARKET))
            assert (await ask(socket, '{"id": "next", "method": "ping"}'))["id"] == "next"

    asyncio.run(run())
    assert len(me.call("GET", "/api/v3/allOrders", symbol="BTCUSDT").json()) == 1


def test_wrong_types_keep_the_fields_but_not_their_kinds(emulator: Served, me: Trader) -> None:
    emulator.sim("POST", "faults", effect="wrong_type", match=NEW_ORDER, count=1)
    wrong = me.order(**MARKET).json()
    right = me.order(**MARKET).json()
    assert list(wrong) == list(right)
    assert isinstance(right["orderId"], int)
    assert isinstance(wrong["orderId"], str)
    assert not isinstance(wrong["executedQty"], str)


def test_stale_klines_end_early_and_only_while_the_fault_lasts(
    emulator: Served, me: Trader
) -> None:
    emulator.sim("POST", "faults", effect="stale_klines", bars=2, count=1)
    asked = {"symbol": "BTCUSDT", "interval": "1m", "limit": "10"}
    stale, fresh = (me.http.get("/api/v3/klines", params=asked).json() for _ in range(2))
    assert stale == fresh[:-2]


def test_answer_that_is_not_compressed_as_it_claims_was_executed(
    emulator: Served, me: Trader
) -> None:
    emulator.sim("POST", "faults", effect="gzip_broken", match=NEW_ORDER, count=1)
    with pytest.raises(httpx.DecodingError):
        me.order(**MARKET)
    assert len(me.call("GET", "/api/v3/allOrders", symbol="BTCUSDT").json()) == 1


def test_empty_book_takes_no_market_order_until_it_is_over(emulator: Served, me: Trader) -> None:
    emulator.sim("POST", "faults", effect="book_empty", symbol="BTCUSDT", ms="1m")
    assert me.http.get("/api/v3/depth", params={"symbol": "BTCUSDT"}).json()["asks"] == []
    assert me.order(**MARKET).json()["status"] == "EXPIRED"
    emulator.sim("POST", "step", ms="61s")
    assert me.order(**MARKET).json()["status"] == "FILLED"


def test_spread_widens_and_is_what_it_was_afterwards(emulator: Served, me: Trader) -> None:
    def spread() -> float:
        shown = me.http.get("/api/v3/ticker/bookTicker", params={"symbol": "BTCUSDT"}).json()
        return float(shown["askPrice"]) / float(shown["bidPrice"]) - 1

    emulator.sim("POST", "faults", effect="spread_blowout", symbol="BTCUSDT", bps=300, ms="5m")
    emulator.sim("POST", "step", bars=2)
    assert spread() == pytest.approx(0.03, rel=0.05)
    emulator.sim("POST", "step", bars=6)
    assert spread() < 0.001


def test_order_fills_in_part_by_command_and_stays_open(emulator: Served, me: Trader) -> None:
    placed = me.resting()
    emulator.sim("POST", "faults", effect="partial_fill", symbol="BTCUSDT", fraction=0.3)
    asked = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
    order = me.call("GET", "/api/v3/order", **asked).json()
    assert (order["status"], order["executedQty"]) == ("PARTIALLY_FILLED", "0.00300000")


@pytest.mark.parametrize("status", [502, 504])
def test_gateway_errors_are_html_and_say_nothing_of_the_order(
    emulator: Served, me: Trader, status: int
) -> None:
    emulator.sim("POST", "faults", effect="http_5xx", status=status, match=NEW_ORDER, count=1)
    answer = me.order(**MARKET)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html")
    assert answer.text.startswith("<html>")


def test_firewall_refuses_with_403_and_html_and_executes_nothing(
    emulator: Served, me: Trader
) -> None:
    emulator.sim("POST", "faults", effect="waf_403", match=NEW_ORDER, count=1)
    answer = me.order(**MARKET)
    assert (answer.status_code, answer.headers["content-type"]) == (403, "text/html")
    assert me.call("GET", "/api/v3/allOrders", symbol="BTCUSDT").json() == []


def test_limits_on_command_name_the_seconds_to_wait(emulator: Served, me: Trader) -> None:
    emulator.sim("POST", "faults", effect="rate_429", seconds=9, match=NEW_ORDER, count=1)
    warned = me.order(**MARKET)
    assert (warned.status_code, warned.headers["retry-after"]) == (429, "9")
    emulator.sim("POST", "faults", effect="ban_418", seconds=30, match=NEW_ORDER, count=1)
    banned = me.order(**MARKET)
    assert (banned.status_code, banned.headers["retry-after"]) == (418, "30")
    assert banned.json()["code"] == -1003
    emulator.sim("POST", "step", ms="31s")


def test_timestamps_are_refused_with_either_text_on_command(emulator: Served, me: Trader) -> None:
    emulator.sim("POST", "faults", effect="timestamp_1021", match=NEW_ORDER, count=1)
    late = me.order(**MARKET).json()
    emulator.sim("POST", "faults", effect="timestamp_1021", early=True, match=NEW_ORDER, count=1)
    early = me.order(**MARKET).json()
    assert late["msg"] == "Timestamp for this request is outside of the recvWindow."
    assert early["msg"] == "Timestamp for this request was 1000ms ahead of the server's time."


def test_stalled_request_is_processed_late_a_late_answer_is_processed_at_once() -> None:
    with served(generated(), mode="shifted", race=False) as live, trader(live, "me") as me:
        for effect in ("stall", "latency"):
            live.sim("POST", "faults", effect=effect, ms=300, match=NEW_ORDER, count=1)
            sent = me.now_ms()
            processed = me.order(**MARKET, timestamp=sent).json()["transactTime"]
            late = processed - sent if effect == "stall" else me.now_ms() - processed
            assert late >= 300


def test_ended_user_data_stream_says_so_and_stays_silent_until_subscribed_again(
    emulator: Served, me: Trader
) -> None:
    async def run() -> None:
        async with websockets.connect(emulator.addresses.ws_api) as socket:
            subscribe = me.frame("userDataStream.subscribe.signature")
            await ask(socket, subscribe)
            emulator.sim("POST", "faults", effect="uds_terminated")
            ended = await hear(socket)
            assert (ended["subscriptionId"], ended["event"]["e"]) == (0, "eventStreamTerminated")
            me.order(**MARKET)
            assert (await ask(socket, '{"id": 5, "method": "ping"}'))["id"] == 5
            again = await ask(socket, subscribe)
            assert again["result"] == {"subscriptionId": 1}
            me.order(**MARKET)
            assert (await hear(socket))["event"]["x"] == "NEW"

    asyncio.run(run())


def test_refused_sockets_are_taken_again_when_the_fault_is_over(
    emulator: Served, me: Trader
) -> None:
    async def open_all() -> list[int | None]:
        found: list[int | None] = []
        for address in (f"{emulator.addresses.ws}/ws", emulator.addresses.ws_api):
            try:
                async with websockets.connect(address):
                    found.append(None)
            except websockets.InvalidStatus as refused:
                found.append(refused.response.status_code)
        return found

    emulator.sim("POST", "faults", effect="ws_refuse", ms="20s")
    assert asyncio.run(open_all()) == [503, 503]
    assert me.http.get("/api/v3/ping").status_code == 200
    emulator.sim("POST", "step", ms="20s")
    assert asyncio.run(open_all()) == [None, None]


def test_banned_address_opens_no_socket(emulator: Served, me: Trader) -> None:
    emulator.sim("POST", "faults", effect="ban_418", seconds=30, match=NEW_ORDER, count=1)
    me.order(**MARKET)

    async def refused() -> int:
        with pytest.raises(websockets.InvalidStatus) as told:
            await websockets.connect(f"{emulator.addresses.ws}/ws")
        return told.value.response.status_code

    assert asyncio.run(refused()) == 418
    emulator.sim("POST", "step", ms="31s")


def test_silent_stream_pushes_nothing_while_pings_and_answers_live(emulator: Served) -> None:
    async def run() -> None:
        async with websockets.connect(f"{emulator.addresses.ws}/ws/btcusdt@trade") as socket:
            await ask(socket, '{"method": "LIST_SUBSCRIPTIONS", "id": 1}')
            mute = {"id": "mute", "effect": "silent", "match": {"stream": "btcusdt@*"}}
            emulator.sim("POST", "faults", **mute)
            emulator.sim("POST", "step", bars=2)
            await asyncio.wait_for(await socket.ping(), 60)
            assert (await ask(socket, '{"method": "LIST_SUBSCRIPTIONS", "id": 2}'))["id"] == 2
            emulator.sim("DELETE", "faults/mute")
            emulator.sim("POST", "step", bars=1)
            assert (await hear(socket))["e"] == "trade"

    asyncio.run(run())


def test_delayed_events_come_when_their_time_has_passed(emulator: Served, me: Trader) -> None:
    async def run() -> list[str | None]:
        async with websockets.connect(emulator.addresses.ws_api) as socket:
            await ask(socket, me.frame("userDataStream.subscribe.signature"))
            late = {"effect": "event_delay", "ms": 500, "match": {"execution": "TRADE"}}
            emulator.sim("POST", "faults", **late)
            me.order(**MARKET)
            first = [await hear(socket) for _ in range(2)]
            emulator.sim("POST", "step", ms=500)
            return [each["event"].get("x") for each in (*first, await hear(socket))]

    assert asyncio.run(run()) == ["NEW", None, "TRADE"]
