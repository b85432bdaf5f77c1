"""Writes down how the models of a session fare."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol, TypeVar

from leeward.database.errors import DatabaseDown
from leeward.runtime.trading.start import Ready

T = TypeVar("T")


class Aside(Protocol):
    """Returns what a blocking call to the database returns, made where commits are made."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]: ...


async def write_figures(ready: Ready, aside: Aside) -> None:
    """Writes the figures of the models that are due as performance metrics of the session; where
    the database is down they stay due."""
    due, session_id = ready.models.care.due, ready.started.session_id
    while due:
        try:
            await aside(partial(ready.database.measure, session_id, *due[0]))
        except DatabaseDown:  # the watchdogs say so
            return
        due.popleft()
