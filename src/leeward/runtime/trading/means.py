"""What the desk of every symbol works with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from leeward.domain.answers import Asked, Unavailable
from leeward.domain.timeframe import Timeframe
from leeward.engine.books import Books
from leeward.engine.records import Noted, Severity, TradingState
from leeward.runtime.trading.bookkeeper import Bookkeeper
from leeward.venues.timing import Clock
from leeward.venues.venue import Venue

T = TypeVar("T")
#: How long a symbol waits for one answer before it looks at what else there is to do.
ANSWER_S = 2.5


async def started(clock: Clock, work: Coroutine[Any, Any, T], seconds: float) -> asyncio.Task[T]:
    """Returns `work` as a task, done or so many seconds after its start. Whoever is cancelled while
    waiting takes it along."""
    task = asyncio.ensure_future(work)
    timer = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({task, timer}, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        task.cancel()
        raise
    finally:
        timer.cancel()
    return task


async def answered(clock: Clock, question: Coroutine[Any, Any, Asked[T]]) -> Asked[T]:
    """Returns the answer; Unavailable where it takes long: what waits for it must not."""
    task = await started(clock, question, ANSWER_S)
    if task.done():
        return task.result()
    task.cancel()
    return Unavailable(f"no answer within {ANSWER_S:g} s")


@dataclass(frozen=True)
class Means:
    """The venue, the books, the clocks; `audit` asks for a comparison of books and venue."""

    venue: Venue
    keeper: Bookkeeper
    clock: Clock
    server_now_ms: Callable[[], int]
    timeframe: Timeframe
    alarm: Callable[[Noted], None]
    audit: Callable[[], None]
    protection_deadline_s: float
    receive_window_ms: int
    tighten: Callable[[TradingState, str], Awaitable[None]]
    may_enter: Callable[[], bool]
    default_stop_fraction: Decimal

    async def asked(self, question: Coroutine[Any, Any, Asked[T]]) -> Asked[T]:
        return await answered(self.clock, question)

    @property
    def books(self) -> Books:
        return self.keeper.books

    @property
    def now_s(self) -> float:
        return self.clock.monotonic_s()

    def note(self, symbol: str, kind: str, words: str, severity: Severity) -> None:
        """Tells an operator."""
        self.alarm(Noted(kind, words, severity, self.server_now_ms(), symbol))
