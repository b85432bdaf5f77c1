"""Faults of market and account: what exchange and human do beside the bot."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import websockets

from leeward.emulator.faults import read_timeline
from tests.served import MARKET, Served, Trader, ask, generated, hear, served


def test_locks_from_outside_reduce_what_is_free_and_are_told(emulator: Served, me: Trader) -> None:
    account = emulator.sim("GET", "state")["keys"][-1]["account"]

    async def run() -> list[Any]:
        async with websockets.connect(emulator.addresses.ws_api) as socket:
            await ask(socket, me.frame("userDataStream.subscribe.signature"))
            lock = {"effect": "external_lock", "account": account, "asset": "USDT"}
            emulator.sim("POST", "faults", **lock, amount=400.25)
            return [(await hear(socket))["event"] for _ in range(2)]

    locked, position = asyncio.run(run())
    assert (locked["e"], locked["a"], locked["d"]) == ("externalLockUpdate", "USDT", "400.25000000")
    assert position["B"] == [{"a": "USDT", "f": "99599.75000000", "l": "400.25000000"}]


@pytest.mark.parametrize("effect", ["symbol_break", "symbol_halt"])
def test_closed_symbol_refuses_cancels_as_well(emulator: Served, me: Trader, effect: str) -> None:
    placed = me.resting()
    emulator.sim("POST", "faults", effect=effect, symbol="BTCUSDT", ms="1m")
    asked = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
    assert me.call("DELETE", "/api/v3/order", **asked).json()["code"] == -2011
    assert me.order(**MARKET).json()["code"] == -2010
    emulator.sim("POST", "step", ms="61s")
    assert me.call("DELETE", "/api/v3/order", **asked).json()["status"] == "CANCELED"


def test_human_cancels_the_bots_orders_and_the_bot_hears_of_it(
    emulator: Served, me: Trader
) -> None:
    account = emulator.sim("GET", "state")["keys"][-1]["account"]
    placed = me.resting()

    async def run() -> Any:
        async with websockets.connect(emulator.addresses.ws_api) as socket:
            await ask(socket, me.frame("userDataStream.subscribe.signature"))
            emulator.sim(
                "POST", "faults", effect="manual_cancel", account=account, symbol="BTCUSDT"
            )
            return (await hear(socket))["event"]

    event = asyncio.run(run())
    assert (event["x"], event["i"], event["C"]) == ("CANCELED", placed["orderId"], "rests")


def test_human_deposits_and_the_bot_hears_of_it(emulator: Served, me: Trader) -> None:
    account = emulator.sim("GET", "state")["keys"][-1]["account"]

    async def run() -> list[Any]:
        async with websockets.connect(emulator.addresses.ws_api) as socket:
            await ask(socket, me.frame("userDataStream.subscribe.signature"))
            for effect in ("deposit", "withdrawal"):
                emulator.sim(
                    "POST", "faults", effect=effect, account=account, asset="USDT", amount=12.5
                )
            return [(await hear(socket))["event"] for _ in range(4)]

    told = asyncio.run(run())
    moved = [each["d"] for each in told if each["e"] == "balanceUpdate"]
    assert moved == ["12.50000000", "-12.50000000"]


def test_exchange_expires_orders_and_says_why(emulator: Served, me: Trader) -> None:
    placed = me.resting()

    async def run() -> Any:
        async with websockets.connect(emulator.addresses.ws_api) as socket:
            await ask(socket, me.frame("userDataStream.subscribe.signature"))
            emulator.sim("POST", "faults", effect="exchange_cancel", symbol="BTCUSDT")
            return (await hear(socket))["event"]

    event = asyncio.run(run())
    assert (event["i"], event["x"], event["eR"]) == (
        placed["orderId"], "EXPIRED", "EXCHANGE_CANCELED",
    )  # fmt: skip


def test_partial_fill_then_expiry_leaves_older_orders_alone(emulator: Served, me: Trader) -> None:
    older, newer = me.resting("older"), me.resting("newer")
    emulator.sim("POST", "faults", effect="partial_then_expire", symbol="BTCUSDT", fraction=0.25)
    shown = [
        me.call("GET", "/api/v3/order", symbol="BTCUSDT", orderId=each["orderId"]).json()
        for each in (older, newer)
    ]
    assert [(each["status"], each["executedQty"]) for each in shown] == [
        ("NEW", "0.00000000"),
        ("EXPIRED", "0.00250000"),
    ]


def test_human_orders_by_hand_sizes_that_yaml_reads_as_1e_05() -> None:
    timeline = """
    - {effect: filter_change, symbol: BTCUSDT, at: 1s, filter: {
        filterType: NOTIONAL, minNotional: "0.1", applyMinToMarket: true, maxNotional: "9000000",
        applyMaxToMarket: false, avgPriceMins: 5}}
    - {id: tiny, effect: manual_order, at: 2s, order: {
        symbol: BTCUSDT, side: BUY, type: MARKET, quantity: 0.00001}}
    """
    faults = read_timeline(timeline, "faults.yaml")
    with served(generated(), mode="stepped", faults=faults) as running:
        running.sim("POST", "step", ms="3s")
        assert running.sim("GET", "faults")[-1]["error"] is None
        [order] = running.sim("GET", "state")["accounts"]["main"]["orders"]
        assert order["executedQty"] == "0.00001000"
