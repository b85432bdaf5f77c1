"""Where a drill takes place: an emulator in this process, and the real engine in another one."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import httpx

from leeward.domain.errors import Failed
from leeward.emulator.rejections import Json
from leeward.emulator.server import Addresses, Emulator
from leeward.runtime.clock import monotonic_s
from leeward.runtime.emulator import Market, compose

T = TypeVar("T")
#: Seconds of the exchange in one of ours: a minute candle every few seconds.
SPEED: Final = 20.0
_POLL_S: Final = 0.05


@dataclass(frozen=True)
class Exchange:
    """A running emulator, and the calls of its administration."""

    addresses: Addresses
    admin: httpx.Client

    def sim(self, method: str, call: str, **body: object) -> object:
        """Returns the answer of one call; raises Failed for a refused one."""
        answer = self.admin.request(method, f"/sim/{call}", json=body or None)
        if answer.status_code != httpx.codes.OK:
            raise Failed(f"drill: the emulator refused {call}: {answer.text}")
        return answer.json()

    def truth(self) -> Json:
        return cast("Json", self.sim("GET", "state"))

    def faults(self) -> list[Json]:
        return cast("list[Json]", self.sim("GET", "faults"))

    def strike(self, effect: str, **settings: object) -> str:
        """Puts a fault on the board and returns its id."""
        made = cast("Json", self.sim("POST", "faults", effect=effect, **settings))
        return str(made["id"])

    def strikes(self, fault_id: str) -> int:
        """Returns how often a fault struck."""
        found = [each["applied"] for each in self.faults() if each["id"] == fault_id]
        return int(str(found[0])) if found else 0

    def calm(self) -> None:
        """Takes every fault that is still to strike off the board."""
        for each in self.faults():
            self.sim("DELETE", f"faults/{each['id']}")


@contextmanager
def exchange_of(market: Market, seed: int, speed: float = SPEED) -> Iterator[Exchange]:
    """Yields an emulator that runs in a thread of this process until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="emulator", daemon=True)
    thread.start()
    setup = {"seed": seed, "mode": "accelerated", "speed": speed, "auth": "scaled"}
    emulator = Emulator(compose(market, None, setup), monotonic_s)
    addresses: Addresses = _on(loop, emulator.start())
    try:
        with httpx.Client(base_url=addresses.admin, timeout=20) as admin:
            yield Exchange(addresses, admin)
    finally:
        _on(loop, emulator.stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


def _on(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run_coroutine_threadsafe(work, loop).result(20)


@dataclass
class Engine:
    """The real engine as a process of its own: started, killed, started again on what it left."""

    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    starts: int = 0
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it; its output goes to a file of the folder, one for each start."""
        self.starts += 1
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(self.environment),
                cwd=self.folder,
            )

    @property
    def _log(self) -> Path:
        return self.folder / f"engine-{self.starts}.log"

    def said(self) -> str:
        """Returns what it said since the last start."""
        return self._log.read_text(errors="replace") if self.starts else ""

    def kill(self) -> None:
        """Kills it without warning."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ends it as a service manager does; returns its exit code."""
        return self._end(signal.SIGTERM)

    def ended(self) -> int | None:
        """Returns the exit code where it ended by itself, None while it runs."""
        return None if self._process is None else self._process.poll()

    def _end(self, how: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(how)
        try:
            return process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait(20)


def until(met: Callable[[], bool], patience_s: float) -> float | None:
    """Returns after how many seconds something was met, None where it was not in time."""
    began_s = monotonic_s()
    while (waited_s := monotonic_s() - began_s) < patience_s:
        if met():
            return waited_s
        threading.Event().wait(_POLL_S)
    return None
