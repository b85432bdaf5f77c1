"""An alarm from outside the event loop: a strategy that hangs holds up every task that could tell.

While the loop stands nothing is decided or sent; the stops that rest at the venue hold, and on
paper nothing moves. Where it stands for long the process ends, as if it had been killed: whoever
watches over it starts it again, and the start protects what is held and does what is due.
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Callable
from types import TracebackType

from leeward.venues.timing import Clock

_BEAT_S = 1.0
PATIENCE_S = 10.0
END_S = 180.0


def _die() -> None:
    os._exit(1)  # the loop hangs: nobody is left to end anything gracefully


class StallAlarm:
    """Within its block, calls `tell` from a thread of its own once `keep_beating`, a task of the
    loop, has not had its turn for `PATIENCE_S`: once a stall, with the line that holds it up; and
    after `END_S` a last time, before it ends the process by `die`."""

    def __init__(
        self, tell: Callable[[str], None], clock: Clock, die: Callable[[], None] = _die
    ) -> None:
        self._tell, self._clock, self._die = tell, clock, die
        self._loop_thread = threading.get_ident()
        self._beaten, self._over = threading.Event(), False
        self._thread = threading.Thread(target=self._watch, name="stalls", daemon=True)

    def __enter__(self) -> StallAlarm:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over = True
        self._beaten.set()
        self._thread.join()

    async def keep_beating(self) -> None:
        while True:
            self._beaten.set()
            await self._clock.sleep(min(_BEAT_S, PATIENCE_S / 3))

    def _watch(self) -> None:
        while not self._over:
            if not self._beaten.wait(PATIENCE_S):
                self._tell(
                    f"the event loop has stood still for {PATIENCE_S:g} s{self._place()}; nothing "
                    "is decided or sent meanwhile, stops at rest hold"
                )
                if not self._beaten.wait(END_S - PATIENCE_S):
                    self._tell(
                        f"the event loop has stood still for {END_S:g} s{self._place()}; this "
                        "process ends itself, start it again: stops at rest hold"
                    )
                    self._die()
                    self._beaten.wait()
            self._beaten.clear()

    def _place(self) -> str:
        frame = sys._current_frames().get(self._loop_thread)  # noqa: SLF001 - the one way to see it
        if frame is None:
            return ""
        last = traceback.extract_stack(frame)[-1]
        return f", in {last.name} at {last.filename}:{last.lineno}"
