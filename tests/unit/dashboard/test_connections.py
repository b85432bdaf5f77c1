"""Connections on which an answer is not taken."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from leeward.dashboard.connections import Connection


class Wire:
    """A transport that still has so many bytes to send, each time it is asked."""

    def __init__(self, *unsent: int) -> None:
        self.unsent, self.is_cut = list(unsent), False

    def get_write_buffer_size(self) -> int:
        return self.unsent.pop(0)

    def abort(self) -> None:
        self.is_cut = True


class Timers:
    """A loop whose timers ring when they are told to."""

    def __init__(self) -> None:
        self.due: list[object] = []

    def time(self) -> float:
        return 0.0

    def call_later(self, _seconds: float, what: object) -> asyncio.Handle:
        self.due.append(what)
        return asyncio.Handle(lambda: None, (), cast("asyncio.AbstractEventLoop", self))

    def get_debug(self) -> bool:
        return False


@pytest.mark.parametrize(
    ("unsent", "looks"), [((0, 0), 1), ((500, 500), 1), ((500, 300, 100, 100), 3), ((500, 0), 1)]
)
def test_an_answer_that_is_taken_slowly_is_not_cut_off_and_one_that_is_not_taken_is(
    unsent: tuple[int, ...], looks: int
) -> None:
    wire, timers = Wire(*unsent), Timers()
    connection = Connection.__new__(Connection)
    connection.transport = cast("asyncio.Transport", wire)
    connection.loop = cast("asyncio.AbstractEventLoop", timers)
    connection.connections = set()
    connection._expect()
    for _ in range(looks):
        assert not wire.is_cut
        connection._look_again()
    assert wire.is_cut
