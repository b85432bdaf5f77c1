"""A socket that brings its messages slowly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from uvicorn import Config
from uvicorn.server import ServerState

from leeward.emulator.connections import SocketLink


class Turns:
    """Stands for a loop, and knows how many turns are to come."""

    def __init__(self) -> None:
        self.to_come = 0

    def call_later(self, delay: float, callback: Callable[[], None]) -> Turns:
        del delay, callback
        self.to_come += 1
        return self

    def cancel(self) -> None:
        self.to_come -= 1


async def nothing(scope: object, receive: object, send: object) -> None:
    del scope, receive, send


def test_a_socket_that_is_slow_again_at_once_has_one_turn_and_not_two() -> None:
    turns = Turns()
    loop = cast("asyncio.AbstractEventLoop", turns)
    link = SocketLink(Config(nothing), ServerState(), {}, loop)
    for bytes_s in (1.0, 0.0, 1.0, 0.0, 1.0):
        link.slow_down(bytes_s)
    assert turns.to_come == 1
