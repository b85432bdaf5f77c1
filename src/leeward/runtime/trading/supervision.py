"""Tasks that may not die in silence: what ends one is told, halts the account, and it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from leeward.database.errors import LeaseLost
from leeward.domain.errors import Refused
from leeward.venues.timing import Clock

Work: TypeAlias = Callable[[], Awaitable[None]]

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0


async def supervise(
    tasks: Mapping[str, Work], died: Callable[[str, Exception], None], clock: Clock
) -> None:
    """Runs every task until cancelled.

    One that raises is told to `died` and begun anew after a pause: protection and exits go on,
    while the account is halted. Raises LeaseLost and Refused at once: then this process has to
    stop. One that returns is done.
    """
    async with asyncio.TaskGroup() as group:
        for name, work in tasks.items():
            group.create_task(_kept_alive(name, work, died, clock), name=name)


async def _kept_alive(
    name: str, work: Work, died: Callable[[str, Exception], None], clock: Clock
) -> None:
    pause_s = _FIRST_PAUSE_S
    while True:
        begun_s = clock.monotonic_s()
        try:
            await work()
        except Exception as error:  # the driver's outer loop: all of it is told
            cause = first_cause(error)
            if isinstance(cause, LeaseLost | Refused):
                raise
            died(name, cause if isinstance(cause, Exception) else error)
        else:
            return
        if clock.monotonic_s() - begun_s > _LONGEST_PAUSE_S:
            pause_s = _FIRST_PAUSE_S
        await clock.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def first_cause(error: BaseException) -> BaseException:
    """Returns the first error inside nested groups, or the error itself."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
