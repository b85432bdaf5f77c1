"""A loop that stands still: told of from outside, and ended where it does not come back."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from leeward.runtime.trading import stalling
from leeward.runtime.trading.stalling import StallAlarm
from leeward.venues.timing import Clock

CLOCK = Clock(lambda: 0, time.perf_counter)
HANGS_FOR_EVER = """
import asyncio, time
from leeward.runtime.trading import stalling
from leeward.venues.timing import Clock
stalling.PATIENCE_S, stalling.END_S = 0.1, 0.3
async def main():
    clock = Clock(lambda: 0, time.perf_counter)
    with stalling.StallAlarm(lambda words: print(words, flush=True), clock) as alarm:
        beating = asyncio.create_task(alarm.keep_beating())
        await asyncio.sleep(0.05)
        while True:
            time.sleep(0.05)
asyncio.run(main())
"""


@dataclass
class Stood:
    """What is told of a loop that stands still, and how it is ended."""

    words: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    @property
    def told(self) -> list[str]:
        """What is told of the place where it stands: a busy machine may hold it up elsewhere."""
        return [each for each in self.words if "in work at" in each]


def stood(enough: Callable[[Stood], bool]) -> Stood:
    """Returns what became of a loop that stood still until it was `enough`."""
    found = Stood()

    async def work() -> None:
        with StallAlarm(found.words.append, CLOCK, lambda: found.ended.append("died")) as alarm:
            beating = asyncio.create_task(alarm.keep_beating())
            await asyncio.sleep(0.1)
            while not enough(found):
                time.sleep(0.05)
            time.sleep(0.5)
            await asyncio.sleep(0.1)
            beating.cancel()

    asyncio.run(work())
    return found


@pytest.fixture
def haste(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stalling, "PATIENCE_S", 0.2)


@pytest.mark.usefixtures("haste")
def test_a_loop_that_comes_back_is_told_of_once_and_goes_on() -> None:
    found = stood(lambda found: bool(found.told))
    (words,) = found.told
    assert "has stood still for 0.2 s, in work at" in words
    assert found.ended == []


@pytest.mark.usefixtures("haste")
def test_a_loop_that_does_not_come_back_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stalling, "END_S", 0.8)
    found = stood(lambda found: bool(found.ended))
    assert len(found.told) == 2
    assert "this process ends itself" in found.told[1]
    assert found.ended == ["died"]


def test_a_process_that_hangs_for_ever_is_gone_with_a_failure() -> None:
    command = [sys.executable, "-c", HANGS_FOR_EVER]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    *_, told, last = done.stdout.splitlines()
    assert "stood still for 0.1 s" in told
    assert "this process ends itself" in last
