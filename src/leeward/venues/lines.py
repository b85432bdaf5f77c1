"""Keeps one subscription alive over sockets that end: a new one before the old one is cut."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import NoReturn

from leeward.venues.sockets import SocketEnded
from leeward.venues.timing import Clock


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds of our time: how long a candle may be overdue before its stream counts as stale, how
    long one far from the last close waits to be contradicted, how long a socket is used (the
    exchange cuts it at 24 h), how long the old one goes on beside the new one, how long a
    subscription may take, the first and last wait between attempts, and how long a socket of market
    data may bring nothing at all, None where its silence is found by other means."""

    stale_s: float = 10.0
    doubt_s: float = 2.0
    life_s: float = 23.5 * 3600
    overlap_s: float = 2.0
    subscribe_s: float = 10.0
    first_retry_s: float = 0.25
    last_retry_s: float = 30.0
    silent_s: float | None = None


@dataclass
class LineHealth:
    """Counts since the start, and why the last socket ended."""

    connects: int = 0
    failures: int = 0
    unreadable: int = 0
    last_failure: str = ""


@dataclass
class Line:
    """One socket's life: `subscribed` once it brings events, `leave` when it is to be replaced."""

    subscribed: asyncio.Event = field(default_factory=asyncio.Event)
    leave: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Lines:
    """Runs `serve` on one line after another. `serve` opens a socket, sets `line.subscribed`, and
    goes on until the socket ends, which it tells by raising SocketEnded."""

    serve: Callable[[Line], Awaitable[NoReturn]]
    clock: Clock
    patience: Patience
    health: LineHealth
    _tasks: set[asyncio.Task[NoReturn]] = field(default_factory=set)
    _current: Line | None = None

    def redial(self) -> None:
        """Replaces the present socket; it goes on until the new one has taken over."""
        if self._current is not None:
            self._current.leave.set()

    async def keep(self) -> NoReturn:
        retry_s = self.patience.first_retry_s
        try:
            while True:
                line = self._current = Line()
                started_s = self.clock.monotonic_s()
                task = self._start(line)
                handing_over = asyncio.create_task(self._hand_over(line, self._tasks - {task}))
                try:
                    await self._until_over(task, line)
                finally:
                    handing_over.cancel()
                if not task.done():
                    continue
                self._note_end(task)
                # One that is cut at once is a failure too: the exchange counts connections.
                if self.clock.monotonic_s() - started_s > self.patience.last_retry_s:
                    retry_s = self.patience.first_retry_s
                await self.clock.sleep(retry_s)
                retry_s = min(2 * retry_s, self.patience.last_retry_s)
        finally:
            for each in list(self._tasks):
                self._end(each)
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, line: Line) -> asyncio.Task[NoReturn]:
        async def served() -> NoReturn:
            await self.serve(line)

        self.health.connects += 1
        task = asyncio.create_task(served())
        self._tasks.add(task)
        task.add_done_callback(self._over)
        return task

    def _over(self, task: asyncio.Task[NoReturn]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # of a socket that was replaced already, nobody else asks

    async def _hand_over(self, line: Line, older: Iterable[asyncio.Task[NoReturn]]) -> None:
        """Ends all older sockets a while after the new one brings events."""
        await line.subscribed.wait()
        await asyncio.sleep(self.patience.overlap_s)
        for each in older:
            self._end(each)

    async def _until_over(self, task: asyncio.Task[NoReturn], line: Line) -> None:
        leaving = asyncio.create_task(line.leave.wait())
        try:
            await asyncio.wait(
                {task, leaving},
                timeout=self.patience.life_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            leaving.cancel()

    def _end(self, task: asyncio.Task[NoReturn]) -> None:
        # A socket that is closing already would be left open by a second cancellation.
        if not task.cancelling():
            task.cancel()

    def _note_end(self, task: asyncio.Task[NoReturn]) -> None:
        error = task.exception()
        if not isinstance(error, SocketEnded):
            assert error is not None, "a line never ends but by an error"
            raise error
        self.health.failures += 1
        self.health.last_failure = str(error)
