"""No task dies in silence."""

from __future__ import annotations

import asyncio

import pytest

from leeward.database.errors import LeaseLost
from leeward.runtime.trading.supervision import first_cause, supervise
from leeward.venues.timing import Clock


class Hasty:
    """A clock whose waits take no time and are counted."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.clock = Clock(lambda: 0, lambda: self.now_s, self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        await asyncio.sleep(0)


def test_a_task_that_dies_is_told_of_and_begun_anew() -> None:
    told: list[tuple[str, str]] = []
    lives = 0

    async def mortal() -> None:
        nonlocal lives
        lives += 1
        if lives < 4:
            raise ZeroDivisionError(f"life {lives}")

    hasty = Hasty()
    asyncio.run(
        supervise({"mortal": mortal}, lambda name, e: told.append((name, str(e))), hasty.clock)
    )
    assert told == [("mortal", f"life {number}") for number in (1, 2, 3)]
    assert hasty.now_s == 1 + 2 + 4


def test_what_died_inside_a_group_is_told_by_its_own_words() -> None:
    told: list[Exception] = []

    async def mortal() -> None:
        if not told:
            raise ExceptionGroup("unhandled", [OSError("read-only file system")])

    asyncio.run(supervise({"mortal": mortal}, lambda _, e: told.append(e), Hasty().clock))
    assert [str(each) for each in told] == ["read-only file system"]


def test_the_others_go_on_meanwhile() -> None:
    steps: list[str] = []

    async def mortal() -> None:
        if "dead" not in steps:
            steps.append("dead")
            raise RuntimeError
        steps.append("again")

    async def steady() -> None:
        for _ in range(3):
            await asyncio.sleep(0)
        steps.append("steady")

    asyncio.run(supervise({"mortal": mortal, "steady": steady}, lambda *_: None, Hasty().clock))
    assert sorted(steps) == ["again", "dead", "steady"]


def test_a_lost_lease_stops_everything_at_once() -> None:
    async def loser() -> None:
        raise LeaseLost("another process has it")

    async def endless() -> None:
        await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(supervise({"loser": loser, "endless": endless}, lambda *_: None, Hasty().clock))
    assert isinstance(first_cause(caught.value), LeaseLost)
