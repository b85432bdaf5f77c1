"""What it costs a session to be looked at: `python -m benchmarks.dashboard`.

A paper session on 200 symbols steps at a steady pace; by turns nobody looks, and ten dashboards
are open while fifty questions a second come over the API. Told is the time from the last candle of
a step to its commit, the intents in it, with and without, and the memory of the dashboard. The
session is that of `trading_work`: without sockets to an exchange, whose cost is the same in both.
Those who look and ask sit elsewhere in life: here they run on the same processors, at the lowest
priority, so that what is measured is the dashboard's own weight.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

import httpx
from websockets.asyncio.client import connect

from leeward.dashboard.access import Role, access_of
from leeward.dashboard.guard import COOKIE
from leeward.runtime.settings import load_settings

#: Wall time of the end of each step, and how long it took.
Steps = Iterator[tuple[float, ...]]

_PASSWORD = "benchmark-password"  # noqa: S105 - of a database that is thrown away
_ACCOUNT = "paper:benchmark:main"
_PATHS = (
    f"/api/v1/accounts/{_ACCOUNT}/overview",
    f"/api/v1/accounts/{_ACCOUNT}/positions",
    f"/api/v1/accounts/{_ACCOUNT}/trades",
    f"/api/v1/accounts/{_ACCOUNT}/equity",
    f"/api/v1/accounts/{_ACCOUNT}/events",
    f"/api/v1/accounts/{_ACCOUNT}/executions?limit=200",
    f"/api/v1/accounts/{_ACCOUNT}/risk",
    f"/api/v1/accounts/{_ACCOUNT}/performance",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dashboard", description=__doc__)
    parser.add_argument("--symbols", type=int, default=200)
    parser.add_argument("--period", type=float, default=5.0, help="seconds between two candles")
    parser.add_argument("--steps", type=int, default=20, help="candles a turn")
    parser.add_argument("--turns", type=int, default=3, help="of each kind")
    parser.add_argument("--dashboards", type=int, default=10)
    parser.add_argument("--rate", type=float, default=50.0, help="questions a second")
    asked = parser.parse_args()
    with TemporaryDirectory(prefix="leeward-bench-dashboard-") as folder:
        _compare(Path(folder), asked)


def _compare(folder: Path, asked: argparse.Namespace) -> None:
    settings = load_settings(None, [f"data.dir={folder / 'data'}"])
    access = access_of(settings)
    access.set_password(_PASSWORD)
    token = access.add_token("benchmark", Role.VIEWER, 0)
    total = asked.turns * (2 * asked.steps + int(60 / asked.period) + 4)
    took: dict[str, list[float]] = {"alone": [], "watched": []}
    memory: list[float] = []
    shares: list[float] = []
    with _trading(folder, asked, total) as steps:
        for _ in range(asked.turns):
            alone = _next(steps, asked.steps)
            with _served(folder) as (address, pid), _watched(address, token, asked) as watch:
                watch.ready.wait(60)
                _next(steps, 1)
                begun_s, used_s = time.monotonic(), _used_s(pid)
                watched = _next(steps, asked.steps)
                shares.append((_used_s(pid) - used_s) / (time.monotonic() - begun_s))
                memory.append(_memory_mb(pid))
                print(watch.words(), _ratios(alone, watched), sep="; ", file=sys.stderr)
            took["alone"] += alone
            took["watched"] += watched
    for name, each in took.items():
        print(
            f"{name:<8} {len(each)} steps of {asked.symbols} symbols: "
            f"p50 {median(each) * 1e3:.1f} ms, p99 {_p99(each) * 1e3:.1f} ms, "
            f"worst {max(each) * 1e3:.1f} ms"
        )
    print(_ratios(took["alone"], took["watched"]))
    print(f"the dashboard: {max(memory):.0f} MB, {max(shares):.0%} of a core")


def _ratios(alone: list[float], watched: list[float]) -> str:
    return f"p99 {_p99(watched) / _p99(alone):.2f} times, p50 {median(watched) / median(alone):.2f}"


def _p99(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(0.99 * len(values)))]


@contextmanager
def _trading(folder: Path, asked: argparse.Namespace, steps: int) -> Iterator[Steps]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.dashboard_work", str(folder), str(asked.symbols),
         str(steps), str(asked.period)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield (tuple(map(float, line.split())) for line in process.stdout)
    finally:
        process.kill()
        process.wait()


def _next(steps: Steps, count: int) -> list[float]:
    """Returns how long the next steps took; those that were taken by now do not count."""
    now_s = time.time()
    later = (took for at_s, took in steps if at_s > now_s)
    return [next(later) for _ in range(count)]


@contextmanager
def _served(folder: Path) -> Iterator[tuple[str, int]]:
    process = subprocess.Popen(
        [sys.executable, "-c", "from leeward.cli.main import main; main()", "dashboard",
         "--port", "0"],
        stdout=subprocess.PIPE, text=True,
        env={**os.environ, "LEEWARD_DATA__DIR": str(folder / "data")},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[1], process.pid
    finally:
        process.terminate()
        process.wait()


class Watch:
    """Dashboards that are open and questions that are asked, from a thread of its own."""

    def __init__(self, address: str, token: str, asked: argparse.Namespace) -> None:
        self._address, self._token, self._asked = address, token, asked
        self.ready = threading.Event()
        self._over = threading.Event()
        self._took: list[float] = []
        self._statuses: dict[int, int] = {}
        self._told = 0
        self._open = 0
        self._thread = threading.Thread(target=self._give_way_and_run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join(10)

    def words(self) -> str:
        spread = sorted(self._took) or [0.0]
        return (
            f"{self._open} dashboards heard {self._told} messages; {len(spread)} questions "
            f"{self._statuses}, p50 {median(spread) * 1e3:.1f} ms, p99 {_p99(spread) * 1e3:.1f} ms"
        )

    def _give_way_and_run(self) -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        asyncio.run(self._run())

    async def _run(self) -> None:
        async with httpx.AsyncClient(base_url=self._address, timeout=30) as client:
            cookie = await self._log_in(client)
            looking = [
                asyncio.create_task(self._look(client, cookie))
                for _ in range(self._asked.dashboards)
            ]
            await self._ask(client)
            for task in looking:
                task.cancel()
            await asyncio.gather(*looking, return_exceptions=True)

    async def _log_in(self, client: httpx.AsyncClient) -> str:
        shown = (await client.get("/login")).text
        form = re.search(r'name="form" value="([^"]+)"', shown)
        assert form is not None
        await client.post("/login", data={"form": form[1], "password": _PASSWORD})
        return f"{COOKIE}={client.cookies[COOKIE]}"

    async def _look(self, client: httpx.AsyncClient, cookie: str) -> None:
        """Opens the overview as a browser does, and listens."""
        page = (await client.get("/")).text
        found = re.search(r"client_id['\"]: ['\"]([^'\"]+)", page)
        assert found is not None
        query = {
            "client_id": found[1], "document_id": found[1], "tab_id": found[1],
            "next_message_id": 0, "implicit_handshake": "true", "EIO": 4, "transport": "websocket",
        }  # fmt: skip
        url = f"{self._address.replace('http', 'ws', 1)}/_nicegui_ws/socket.io/?{urlencode(query)}"
        headers = {"cookie": cookie}
        async with connect(url, additional_headers=headers, origin=self._address) as socket:  # type: ignore[arg-type] # an origin is text
            self._open += 1
            if self._open == self._asked.dashboards:
                self.ready.set()
            async for message in socket:
                text = message if isinstance(message, str) else ""
                if text.startswith("0"):
                    await socket.send("40")
                elif text == "2":
                    await socket.send("3")
                else:
                    self._told += 1

    async def _ask(self, client: httpx.AsyncClient) -> None:
        headers = {"authorization": f"Bearer {self._token}"}
        asking: set[asyncio.Task[None]] = set()
        number, begun = 0, time.monotonic()
        while not self._over.is_set():
            task = asyncio.create_task(self._one(client, _PATHS[number % len(_PATHS)], headers))
            asking.add(task)
            task.add_done_callback(asking.discard)
            number += 1
            await asyncio.sleep(max(0.0, begun + number / self._asked.rate - time.monotonic()))
        await asyncio.gather(*asking, return_exceptions=True)

    async def _one(self, client: httpx.AsyncClient, path: str, headers: dict[str, str]) -> None:
        begun = time.perf_counter()
        with suppress(httpx.HTTPError):
            answer = await client.get(path, headers=headers)
            self._took.append(time.perf_counter() - begun)
            self._statuses[answer.status_code] = self._statuses.get(answer.status_code, 0) + 1


@contextmanager
def _watched(address: str, token: str, asked: argparse.Namespace) -> Iterator[Watch]:
    watch = Watch(address, token, asked)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()


def _used_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    main()
