"""An event loop in virtual time: whenever nothing is ready, the clock jumps to the next timer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from leeward.venues.timing import Clock

T = TypeVar("T")
#: Rounds without any time passing after which a task is taken to spin.
_MOST_ROUNDS = 200_000


class Stuck(Exception):
    """Nothing is scheduled and nothing ready: whoever waits, waits for ever; or a task spins."""


class VirtualLoop(asyncio.BaseEventLoop):
    """No sockets, no threads, no chance: the same coroutines take the same turns every time."""

    def __init__(self) -> None:
        super().__init__()
        self._now_s = 0.0
        self._rounds = 0
        self._selector = self
        #: What ended tasks that nobody waited for.
        self.failures: list[BaseException] = []
        self.set_exception_handler(self._note)

    def _note(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if isinstance(error := context.get("exception"), Exception):
            self.failures.append(error)

    def time(self) -> float:
        return self._now_s

    @property
    def timers(self) -> int:
        """How many timers are set."""
        return len(self._scheduled)  # type: ignore[attr-defined] # the heap of CPython

    def select(self, timeout: float | None) -> list[object]:
        """Takes the place of waiting for sockets: passes the time until the next timer."""
        if timeout is None:
            raise Stuck("nothing is scheduled: every task waits for something that never comes")
        self._rounds = 0 if timeout else self._rounds + 1
        if self._rounds > _MOST_ROUNDS:
            raise Stuck(f"{_MOST_ROUNDS} rounds without time passing: a task spins")
        self._now_s += timeout
        return []

    def _process_events(self, event_list: list[object]) -> None:
        """There are none."""

    def clock(self, start_ms: int) -> Clock:
        """Returns the clock of what runs here, which reads `start_ms` at the loop's beginning."""
        return Clock(lambda: start_ms + int(self._now_s * 1000), self.time, asyncio.sleep)


def run_virtual(main: Callable[[VirtualLoop], Coroutine[Any, Any, T]]) -> T:
    """Returns what `main` returns, run to its end on a loop of its own."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main(loop))
    finally:
        for task in asyncio.all_tasks(loop):
            task._log_destroy_pending = False  # type: ignore[attr-defined] # a switch of CPython
        loop.close()
