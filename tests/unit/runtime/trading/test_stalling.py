"""A loop that stands still: told of from outside, and ended where it does not come back."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

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


def stood(for_s: float) -> tuple[list[str], list[str]]:
    """Returns what is told of a loop that stands still for so long, and how it is ended."""
    told: list[str] = []
    ended: list[str] = []

    async def work() -> None:
        with StallAlarm(told.append, CLOCK, lambda: ended.append("died")) as alarm:
            beating = asyncio.create_task(alarm.keep_beating())
            await asyncio.sleep(0.1)
            time.sleep(for_s)
            await asyncio.sleep(0.1)
            beating.cancel()

    asyncio.run(work())
    return told, ended


@pytest.fixture
def haste(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stalling, "PATIENCE_S", 0.2)
    monkeypatch.setattr(stalling, "END_S", 0.8)


@pytest.mark.usefixtures("haste")
def test_a_loop_that_comes_back_is_told_of_once_and_goes_on() -> None:
    told, ended = stood(0.5)
    (words,) = told
    assert "has stood still for 0.2 s, in work at" in words
    assert ended == []


@pytest.mark.usefixtures("haste")
def test_a_loop_that_does_not_come_back_is_ended() -> None:
    told, ended = stood(1.2)
    assert len(told) == 2
    assert "this process ends itself" in told[1]
    assert ended == ["died"]


def test_a_process_that_hangs_for_ever_is_gone_with_a_failure() -> None:
    command = [sys.executable, "-c", HANGS_FOR_EVER]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stdout.count("stood still") == 2
