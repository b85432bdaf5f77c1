"""A process that dies at a named point, and what is left of what it wrote."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from leeward.domain.orders import Side
from leeward.engine.records import (
    FillBooked,
    IntentMade,
    OrderMoved,
    PlanChanged,
    PositionClosed,
    PositionOpened,
    Record,
    SessionEnded,
    SessionStarted,
    StateMoved,
    TransferBooked,
)
from leeward.venues.timing import Clock
from tests.harness.store import Kept


class Killed(BaseException):
    """The process is gone: nothing it would still do reaches anything."""


@dataclass
class Fate:
    """Where a process dies: at the `countdown`-th passing of `point`, or of any point where that
    is None; never where `countdown` is 0. Points are named with the phase they are passed in."""

    point: str | None = None
    countdown: int = 0
    phase: str = "recovering"
    dead: bool = False
    passed: Counter[str] = field(default_factory=Counter)
    at: str | None = None
    _died: asyncio.Event = field(default_factory=asyncio.Event)

    def passing(self, name: str) -> None:
        """Counts a point, and dies there if it is the one. A dead process gets no further."""
        if self.dead:
            raise Killed
        point = f"{self.phase}: {name}"
        self.passed[point] += 1
        if self.countdown and self.point in {None, point}:
            self.countdown -= 1
            if not self.countdown:
                self.die(point)
                raise Killed(point)

    def die(self, point: str | None = None) -> None:
        self.dead, self.at = True, point
        self._died.set()

    def clock(self, clock: Clock) -> Clock:
        """Returns a clock on which the dead wait no more."""

        async def sleep(seconds: float) -> None:
            if self.dead:
                raise Killed
            await clock.sleep(seconds)

        return Clock(clock.now_ms, clock.monotonic_s, sleep)

    async def met(self) -> None:
        await self._died.wait()


async def run_process(main: Callable[[Fate], Coroutine[Any, Any, None]], fate: Fate) -> bool:
    """Runs `main` until it ends or dies, all its tasks with it; returns whether it lived."""
    others = asyncio.all_tasks()
    running = asyncio.ensure_future(main(fate))
    meeting = asyncio.ensure_future(fate.met())
    await asyncio.wait({running, meeting}, return_when=asyncio.FIRST_COMPLETED)
    lived = not fate.dead
    error = running.exception() if running.done() and not running.cancelled() else None
    fate.dead = True
    for _ in range(100):
        left = asyncio.all_tasks() - others - {asyncio.current_task()}
        if not left:
            break
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=1)
    if lived and error is not None:
        raise error
    return lived


@dataclass
class CrashingStore:
    """A store whose process may die before a commit, after it, and in a loss of power that takes
    what was not synced."""

    store: Kept
    fate: Fate

    def record(self, account: str, epoch: int, records: Sequence[Record]) -> None:
        if not records:  # it asks whose the account is
            self.store.record(account, epoch, records)
            return
        kind = kind_of(records)
        self.fate.passing(f"commit of {kind}: before")
        self.store.record(account, epoch, records)
        self.fate.passing(f"commit of {kind}: after")

    def load(self, account: str) -> list[Record]:
        self.fate.passing("loading")
        return self.store.load(account)


def kind_of(records: Sequence[Record]) -> str:
    """Returns what a transaction is about, by its weightiest record."""
    for record in records:
        if isinstance(record, IntentMade):
            lists = " list" if record.client_list_id else ""
            return f"an intent to {record.purpose.value}{lists}"
    for kind, name in _KINDS:
        if any(isinstance(record, kind) for record in records):
            return name
    moved = [record for record in records if isinstance(record, OrderMoved)]
    fills = [record for record in records if isinstance(record, FillBooked)]
    if fills:
        return "a purchase" if fills[0].fill.side is Side.BUY else "a sale"
    return f"an order now {moved[0].state.value}" if moved else "a note"


_KINDS: Sequence[tuple[type, str]] = (
    (SessionEnded, "a swap"),
    (SessionStarted, "a session"),
    (PositionClosed, "a closed position"),
    (PositionOpened, "a new position"),
    (PlanChanged, "a plan"),
    (StateMoved, "a trading state"),
    (TransferBooked, "a transfer"),
)


def drawn_fate(chance: Random, points: Sequence[str]) -> Fate:
    """Returns a fate: at any point soon, or at one of `points`, so that rare ones have their turn.

    Half of them strike blindly; the named ones are drawn evenly."""
    if points and chance.random() < 0.5:
        return Fate(chance.choice(points), chance.randint(1, 3))
    return Fate(None, int(2 ** chance.uniform(0, 7)))
