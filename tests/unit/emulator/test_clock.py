from __future__ import annotations

import pytest

from leeward.domain.errors import BadUsage
from leeward.emulator.clock import EARLY, LATE, Clock

START = 1_700_000_000_000_000


class Wall:
    """Wall time in microseconds, moved by hand."""

    def __init__(self) -> None:
        self.us = 5_000_000

    def __call__(self) -> int:
        return self.us


def test_shifted_time_passes_like_wall_time_and_accelerated_faster() -> None:
    wall = Wall()
    clock = Clock(wall, START)
    wall.us += 1_000_000
    assert clock.now_us() == START + 1_000_000
    clock.change(mode="accelerated", speed=60)
    wall.us += 1_000_000
    assert clock.now_us() == START + 61_000_000
    assert clock.wait_s(START + 121_000_000) == pytest.approx(1.0)


def test_stepped_time_stands_still_but_for_a_step() -> None:
    wall = Wall()
    clock = Clock(wall, START, mode="stepped")
    wall.us += 9_000_000
    assert clock.now_us() == START
    clock.hold(START + 5)
    assert clock.now_us() == START + 5


def test_pause_holds_the_time_and_resuming_goes_on_from_there() -> None:
    wall = Wall()
    clock = Clock(wall, START)
    clock.change(paused=True)
    wall.us += 7_000_000
    assert clock.now_us() == START
    clock.change(paused=False)
    wall.us += 1
    assert clock.now_us() == START + 1


@pytest.mark.parametrize(
    ("offset_ms", "window_ms", "text"),
    [
        (0, 5000, None),
        (999, 5000, None),
        (1000, 5000, EARLY),
        (-5000, 5000, None),
        (-5001, 5000, LATE),
        (-1, 0.5, LATE),
    ],
)
def test_timestamps_are_judged_exactly(offset_ms: int, window_ms: float, text: str | None) -> None:
    clock = Clock(Wall(), START)
    refused = clock.refuse(START, START / 1000 + offset_ms, window_ms)
    assert (None if refused is None else refused.msg) == text


def test_auth_clocks_widen_or_drop_the_rule() -> None:
    wall = Wall()
    clock = Clock(wall, START, mode="accelerated", speed=60)
    late = START / 1000 - 200_000
    assert clock.refuse(START, late, 5000) is not None
    clock.change(auth="scaled")
    assert clock.refuse(START, late, 5000) is None
    clock.change(auth="either")
    assert clock.refuse(START, wall.us / 1000, 5000) is None
    assert clock.refuse(START, late, 5000) is not None
    clock.change(auth="off")
    assert clock.refuse(START, 0, 1) is None


def test_skew_makes_honest_timestamps_late() -> None:
    clock = Clock(Wall(), START)
    clock.skew_ms = 6000
    refused = clock.refuse(START, START / 1000, 5000)
    assert refused is not None
    assert refused.msg == LATE


def test_unknown_modes_are_refused_by_name() -> None:
    clock = Clock(Wall(), START)
    with pytest.raises(BadUsage, match="did you mean 'stepped'"):
        clock.change(mode="steped")
    with pytest.raises(BadUsage, match="unknown auth clock"):
        clock.change(auth="never")
