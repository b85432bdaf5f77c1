from __future__ import annotations

import asyncio
import time

import pytest

from tests.harness.virtual_loop import Stuck, VirtualLoop, run_virtual


def test_a_day_passes_in_no_time() -> None:
    async def main(loop: VirtualLoop) -> float:
        await asyncio.sleep(86_400)
        return loop.time()

    began = time.monotonic()
    assert run_virtual(main) == pytest.approx(86_400)
    assert time.monotonic() - began < 1


def test_sleepers_wake_in_the_order_of_their_times() -> None:
    async def main(loop: VirtualLoop) -> list[tuple[float, float]]:
        woken: list[tuple[float, float]] = []

        async def sleeper(seconds: float) -> None:
            await asyncio.sleep(seconds)
            woken.append((seconds, loop.time()))

        await asyncio.gather(*(sleeper(each) for each in (3.0, 1.0, 2.5)))
        return woken

    assert run_virtual(main) == [(1.0, 1.0), (2.5, 2.5), (3.0, 3.0)]


def test_a_timeout_strikes_at_its_virtual_time() -> None:
    async def main(loop: VirtualLoop) -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(7):
                await asyncio.Event().wait()
        return loop.time()

    assert run_virtual(main) == 7


def test_waiting_for_ever_is_an_error_and_not_a_hang() -> None:
    async def main(_: VirtualLoop) -> None:
        await asyncio.Event().wait()

    with pytest.raises(Stuck, match="nothing is scheduled"):
        run_virtual(main)


def test_a_task_that_spins_is_an_error_and_not_a_hang() -> None:
    async def main(_: VirtualLoop) -> None:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(Stuck, match="spins"):
        run_virtual(main)
