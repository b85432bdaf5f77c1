from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import websockets
from websockets.sync.client import connect

from tests.served import MARKET, generated, served, trader

FAULTS: list[dict[str, Any]] = [
    {"effect": "symbol_halt", "symbol": "ETHUSDT", "at": "2m", "ms": "1m"},
    {"effect": "timeout_unknown", "match": {"route": "POST */order"}, "probability": 0.5},
    {"effect": "event_dup", "match": {"event": "executionReport"}, "probability": 0.5},
    {"effect": "price_jump", "symbol": "BTCUSDT", "price": 20_000, "at": "4m"},
]


def session_hash(seed: int, *, quantity: str = "0.01") -> str:
    """Returns the log hash of a short scripted session."""
    setup: dict[str, Any] = {"mode": "stepped", "seed": seed, "faults": FAULTS}
    with (
        served(generated(), **setup) as running,
        trader(running, "me") as me,
        trader(running, "other") as other,
    ):
        running.sim("POST", "step", events=5)
        for number in range(6):
            me.order(**{**MARKET, "quantity": quantity})
            price = f"{running.price() * 0.9:.2f}"
            other.order(side="SELL", type="STOP_LOSS", quantity="0.1", stopPrice=price)
            running.sim("POST", "step", bars=1)
            if number == 3:
                other.call("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
        hashed: str = running.sim("GET", "health")["hash"]
        return hashed


def test_same_seed_and_requests_give_the_same_hash() -> None:
    first = session_hash(1)
    assert session_hash(1) == first
    assert session_hash(2) != first
    assert session_hash(1, quantity="0.02") != first


def test_other_processes_with_other_hash_seeds_give_the_same_hash() -> None:
    code = "from tests.integration.test_emulator_clock import session_hash; print(session_hash(1))"
    root = Path(__file__).parents[2]
    found = [
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": f"{root}/src"},
        ).stdout.strip()
        for seed in ("1", "2")
    ]
    assert found == [session_hash(1)] * 2


def test_stepped_time_stands_still_between_steps() -> None:
    with served(generated(), mode="stepped") as running:
        before = running.sim("GET", "clock")
        time.sleep(0.05)
        assert running.sim("GET", "clock") == before
        later = running.sim("POST", "step", ms="90s")
        assert later["time"] == before["time"] + 90_000
        refused = running.admin.post("/sim/step", json={"bars": 0})
        assert refused.status_code == 400


def test_accelerated_time_runs_ahead_and_requests_follow_it() -> None:
    setup: dict[str, Any] = {"mode": "accelerated", "speed": 600.0, "auth": "scaled"}
    with served(generated(), **setup) as running, trader(running, "me") as me:
        first = me.now_ms()
        time.sleep(0.2)
        assert me.now_ms() - first > 60_000
        assert me.order(**MARKET).json()["status"] == "FILLED"
        shown = running.sim("POST", "clock", mode="stepped")
        assert shown["mode"] == "stepped"


def test_lockstep_waits_for_the_client() -> None:
    with served(generated(), mode="lockstep") as running:

        async def run() -> None:
            address = f"{running.addresses.ws}/ws/btcusdt@trade"
            async with websockets.connect(address) as socket:
                await socket.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": 1}))
                await socket.recv()
                stepped = await asyncio.to_thread(running.sim, "POST", "step", bars=1)
                assert stepped["seq"] > 0
                waiting = asyncio.create_task(
                    asyncio.to_thread(running.sim, "POST", "step", events=1)
                )
                await asyncio.sleep(0.1)
                assert not waiting.done()
                with httpx.Client(base_url=running.addresses.admin) as other:
                    other.post("/sim/ack", json={"seq": stepped["seq"]})
                await asyncio.wait_for(waiting, 60)

        asyncio.run(run())


def test_lockstep_waits_for_every_client_that_takes_part() -> None:
    with (
        served(generated(), mode="lockstep") as running,
        connect(f"{running.addresses.ws}/ws/btcusdt@trade") as one,
        connect(f"{running.addresses.ws}/ws/ethusdt@trade") as two,
        ThreadPoolExecutor(1) as pool,
    ):
        for name, socket in (("one", one), ("two", two)):
            socket.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": 1}))
            socket.recv(timeout=60)
            running.sim("POST", "ack", seq=0, client=name)
        last = running.sim("POST", "step", bars=1)["seq"]
        running.sim("POST", "ack", seq=last, client="one")
        assert running.sim("GET", "clock")["acknowledged"] == 0 < last
        waiting = pool.submit(running.sim, "POST", "step", events=1)
        time.sleep(0.1)
        assert not waiting.done()
        running.sim("POST", "ack", seq=last, client="two")
        assert waiting.result(60)["acknowledged"] == last


def test_snapshot_and_restore_bring_back_orders_balances_and_hash() -> None:
    with served(generated(), mode="stepped") as running, trader(running, "me") as me:
        me.order(**MARKET)
        saved = running.sim("POST", "snapshot", id="before")
        me.order(**MARKET)
        running.sim("POST", "step", bars=2)
        back = running.sim("POST", "restore", id="before")
        assert back["hash"] == saved["hash"]
        assert len(me.call("GET", "/api/v3/allOrders", symbol="BTCUSDT").json()) == 1


def test_reset_begins_another_session() -> None:
    with served(generated(), mode="stepped") as running, trader(running, "me") as me:
        first = running.sim("GET", "health")
        me.order(**MARKET)
        running.sim("POST", "reset", seed=first["seed"])
        assert running.sim("GET", "health")["requests"] == 0
        assert me.call("GET", "/api/v3/account").json()["code"] == -2015


def test_candles_that_run_out_are_told_in_health_and_trace() -> None:
    with served(generated(), mode="stepped") as running:
        assert running.sim("GET", "health")["candles_used_up"] == []
        running.sim("POST", "step", ms="11d")
        assert running.sim("GET", "health")["candles_used_up"] == ["BTCUSDT", "ETHUSDT"]
        lines = running.sim("GET", "trace")["lines"]
        assert "ETHUSDT: the candles are used up at" in lines[-1]
        price = running.price()
        running.sim("POST", "step", ms="1d")
        assert running.price() == price
