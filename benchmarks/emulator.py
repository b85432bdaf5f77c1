"""`python -m benchmarks.emulator [--quick] [--minutes N]`: the emulator through real sockets.

The emulator runs in a process of its own, the client in this one. Orders are signed, placed one
by one on each connection, and fill. Candles are the frames of two symbols' minute streams while
the clock runs as fast as it can. `--minutes` replays that long and tells how memory grew.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import websockets

from benchmarks.table import describe_machine

_CONNECTIONS = 4
#: What is sold is a little less than what was bought: the fee is taken from it.
_SIDES = (("BUY", "0.0004"), ("SELL", "0.00039"))
_STREAMS = "btcusdt@kline_1m/ethusdt@kline_1m"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.emulator", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the orders")
    parser.add_argument("--minutes", type=float, default=0.0, help="of replay, to watch memory")
    asked = parser.parse_args()
    print(describe_machine())
    count = 500 if asked.quick else 5_000
    with running("--stepped") as (told, _):
        print(
            f"signed REST orders a second:            {asyncio.run(rest_orders(told, count)):,.0f}"
        )
    with running("--stepped") as (told, _):
        print(
            f"signed WebSocket API orders a second:   {asyncio.run(api_orders(told, count)):,.0f}"
        )
    with running("--speed", "1000000") as (told, process):
        frames, closed = asyncio.run(candles(told))
        print(f"candle frames a second (closed ones):   {frames:,.0f} ({closed:,.0f})")
    if asked.minutes:
        with running("--speed", "3600") as (told, process):
            print(
                f"memory over {asked.minutes:g} minutes of replay: {memory(process, asked.minutes)}"
            )


@contextmanager
def running(*options: str) -> Iterator[tuple[dict[str, str], subprocess.Popen[str]]]:
    """Yields what an emulator prints with --json, and its process."""
    command = [str(Path(sys.executable).with_name("leeward")), "emulator", "--json", *options]
    with TemporaryDirectory(prefix="leeward-bench-") as folder:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=folder
        )
        try:
            yield json.loads(process.stdout.readline()), process
        finally:
            process.terminate()
            process.wait(10)


async def rest_orders(told: dict[str, str], count: int) -> float:
    """Returns orders a second over a few connections that are kept alive."""
    now_ms = httpx.get(f"{told['rest']}/api/v3/time").json()["serverTime"]
    host, port = told["rest"].removeprefix("http://").split(":")
    requests = [_request(told, now_ms, number) for number in range(count)]

    async def place(part: list[bytes]) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        for request in part:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            await reader.readexactly(int(re.search(rb"content-length: (\d+)", head)[1]))
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(place(requests[each::_CONNECTIONS]) for each in range(_CONNECTIONS)))
    return count / (time.perf_counter() - started)


async def api_orders(told: dict[str, str], count: int) -> float:
    """Returns orders a second on one WebSocket, several in flight."""
    now_ms = httpx.get(f"{told['rest']}/api/v3/time").json()["serverTime"]
    frames = [_frame(told, now_ms, number) for number in range(count)]
    async with websockets.connect(told["ws_api"], max_queue=None, compression=None) as socket:
        started = time.perf_counter()

        async def hear() -> None:
            for _ in frames:
                answer = json.loads(await socket.recv())
                assert answer["status"] == 200, answer

        hearing = asyncio.create_task(hear())
        for frame in frames:
            await socket.send(frame)
        await hearing
        return count / (time.perf_counter() - started)


async def candles(told: dict[str, str]) -> tuple[float, float]:
    """Returns frames and closed candles a second over a day of the exchange's time."""
    frames = closed = 0
    address = f"{told['ws']}/ws/{_STREAMS}"
    async with websockets.connect(address, max_queue=None, compression=None) as socket:
        started = time.perf_counter()
        async for frame in socket:  # ends after a day, as the exchange has it
            frames += 1
            closed += '"x":true' in frame
        seconds = time.perf_counter() - started
    return frames / seconds, closed / seconds


def memory(process: subprocess.Popen[str], minutes: float) -> str:
    """Returns how the resident memory of a process went, in MiB, at ten moments."""
    seen = []
    for _ in range(10):
        time.sleep(minutes * 6)
        status = Path(f"/proc/{process.pid}/status").read_text()
        seen.append(int(re.search(r"VmRSS:\s+(\d+)", status)[1]) // 1024)
    return " ".join(str(each) for each in seen) + " MiB"


def _request(told: dict[str, str], now_ms: int, number: int) -> bytes:
    side, quantity = _SIDES[number // _CONNECTIONS % 2]
    query = f"symbol=BTCUSDT&side={side}&type=MARKET&quantity={quantity}&timestamp={now_ms}"
    return (
        f"POST /api/v3/order?{query}&signature={_signature(told, query)} HTTP/1.1\r\nhost: here\r\n"
        f"content-length: 0\r\nx-mbx-apikey: {told['api_key']}\r\n\r\n"
    ).encode()


def _frame(told: dict[str, str], now_ms: int, number: int) -> str:
    side, quantity = _SIDES[number % 2]
    params = {
        "apiKey": told["api_key"],
        "quantity": quantity,
        "side": side,
        "symbol": "BTCUSDT",
        "timestamp": now_ms,
        "type": "MARKET",
    }
    params["signature"] = _signature(told, "&".join(f"{k}={v}" for k, v in params.items()))
    return json.dumps({"id": number, "method": "order.place", "params": params})


def _signature(told: dict[str, str], payload: str) -> str:
    return hmac.new(told["api_secret"].encode(), payload.encode(), hashlib.sha256).hexdigest()


if __name__ == "__main__":
    main()
