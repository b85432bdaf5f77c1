"""Admin calls that move time: clock modes, steps, acknowledgements and new sessions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.requests import Request

from leeward.domain.errors import BadUsage, Failed
from leeward.domain.times import parse_time
from leeward.emulator.faults import duration_ms, read_timeline
from leeward.emulator.rejections import Json

if TYPE_CHECKING:
    from leeward.emulator.server import Emulator

_PATIENCE_S = 10.0
_STANDING = ("stepped", "lockstep")


class ClockDesk:
    """Moves the exchange's time by hand."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self._heard = asyncio.Event()

    def show(self, _: Request, __: Json) -> Json:
        session = self.emulator.session
        clock = session.clock
        return {
            "time": session.now_ms,
            "mode": clock.mode,
            "speed": clock.speed,
            "auth_clock": clock.auth,
            "paused": clock.paused,
            "next_event_us": session.next_us(),
            "seq": session.delivery.last_seq,
            "acknowledged": self._seen_by_all(),
            "hash": session.exchange.log_hash,
        }

    def change(self, request: Request, body: Json) -> Json:
        """Changes `mode`, `speed`, `auth_clock` or `paused`."""
        speed, mode, auth = (body.get(name) for name in ("speed", "mode", "auth_clock"))
        paused = body.get("paused")
        self.emulator.session.clock.change(
            None if mode is None else str(mode),
            None if speed is None else _speed(speed),
            None if auth is None else str(auth),
            None if paused is None else bool(paused),
        )
        return self.show(request, body)

    def acknowledge(self, request: Request, body: Json) -> Json:
        """Notes that a `client` (a name of its own where there are several) has seen everything up
        to `seq`; lockstep goes on when all clients that ever said so have."""
        seq = body.get("seq")
        if not isinstance(seq, int):
            raise BadUsage(f"seq is {seq!r}; give the number of the last message seen")
        session = self.emulator.session
        client = str(body.get("client", ""))
        session.acknowledged[client] = max(session.acknowledged.get(client, 0), seq)
        self._heard.set()
        return self.show(request, body)

    def reset(self, request: Request, body: Json) -> Json:
        """Begins a new session: `seed`, `start`, `mode`, `speed`, `auth_clock` and `faults` (a list
        or YAML text) where given, else as before."""
        changes: dict[str, object] = {}
        if "seed" in body:
            changes["seed"] = int(str(body["seed"]))
        if "start" in body:
            changes["start_ms"] = _moment(body["start"])
        if "speed" in body:
            changes["speed"] = _speed(body["speed"])
        changes |= {
            name: str(body[given])
            for given, name in (("mode", "mode"), ("auth_clock", "auth"))
            if given in body
        }
        if "faults" in body:
            given = body["faults"]
            changes["faults"] = read_timeline(given, "faults") if isinstance(given, str) else given
        self.emulator.reset_with(**changes)
        return self.show(request, body)

    async def step(self, request: Request, body: Json) -> Json:
        """Moves a standing clock: `events` (default 1), `bars`, `ms` or `until`. In lockstep it
        waits until everything sent before was acknowledged."""
        session = self.emulator.session
        if session.clock.mode not in _STANDING:
            raise BadUsage(
                f"the clock is {session.clock.mode} and moves by itself; "
                "set mode stepped or lockstep first"
            )
        if session.clock.mode == "lockstep":
            await self._wait_for_acknowledgement()
        for until_us in self._steps(body):
            session.step(until_us)
        return self.show(request, body)

    def _steps(self, body: Json) -> list[int] | _Events:
        session = self.emulator.session
        now_us = session.exchange.time_us
        if "until" in body:
            return [_moment(body["until"]) * 1000]
        if "ms" in body:
            return [now_us + duration_ms(body["ms"], "ms") * 1000]
        if "bars" in body:
            bar = min(each.timeframe.length_ms for each in session.setup.candles.values())
            slowest = session.setup.options.close_delay_ms[1]
            ends_ms = (now_us // 1000 // bar + _count(body["bars"], "bars")) * bar + slowest
            return [ends_ms * 1000]
        return _Events(self.emulator, _count(body.get("events", 1), "events"))

    async def _wait_for_acknowledgement(self) -> None:
        session = self.emulator.session
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while self._seen_by_all() < session.delivery.last_seq:
                    self._heard.clear()
                    await self._heard.wait()
        except TimeoutError:
            raise Failed(
                f"lockstep: message {session.delivery.last_seq} was not acknowledged within "
                f"{_PATIENCE_S:g} s; the last one that was is {self._seen_by_all()}"
            ) from None

    def _seen_by_all(self) -> int:
        return min(self.emulator.session.acknowledged.values(), default=0)


class _Events:
    """The times of the next events, each found when the one before is done."""

    def __init__(self, emulator: Emulator, count: int) -> None:
        self.emulator = emulator
        self.left = count

    def __iter__(self) -> _Events:
        return self

    def __next__(self) -> int:
        coming = self.emulator.session.next_us()
        if self.left == 0 or coming is None:
            raise StopIteration
        self.left -= 1
        return coming


def _count(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadUsage(f"{name} is {value!r}; give a whole number from 1 on")
    return value


def _speed(value: object) -> float:
    try:
        speed = float(str(value))
    except ValueError:
        speed = 0.0
    if not 0 < speed <= 1e6:
        raise BadUsage(f"speed is {value!r}; give a number above 0, up to 1000000")
    return speed


def _moment(value: object) -> int:
    return value if isinstance(value, int) else parse_time(str(value), "time")
