"""The pages of the dashboard, one module each, over the feed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from fastapi import Request
from nicegui import ui

from leeward.dashboard.pages import (
    backtests,
    chart,
    control,
    log,
    models,
    overview,
    performance,
    risk,
    trades,
)
from leeward.dashboard.pages.frame import Seat, framed
from leeward.dashboard.pages.navigation import PLACES
from leeward.dashboard.pages.steering import add_order
from leeward.dashboard.state import Dashboard, user_of

_Build: TypeAlias = Callable[[Seat], Awaitable[None]]

_BUILDERS: Final[dict[str, _Build]] = {
    "/": overview.build,
    "/chart": chart.build,
    "/trades": trades.build,
    "/performance": performance.build,
    "/risk": risk.build,
    "/models": models.build,
    "/backtests": backtests.build,
    "/log": log.build,
    "/control": control.build,
}


def register(dashboard: Dashboard) -> None:
    """Declares every page; they are served once NiceGUI runs."""
    for place in PLACES:
        if place.path in _BUILDERS:
            _declare(dashboard, place.path, place.name)


def _declare(dashboard: Dashboard, path: str, name: str) -> None:
    @ui.page(path, title=f"{name} · Leeward", language="en-US", response_timeout=10.0)
    async def page(request: Request, account: str = "") -> None:
        known = dashboard.feed.accounts()
        chosen = account if account in known else next(iter(known), "")
        seat = Seat(dashboard, chosen, user_of(request))
        await framed(seat, path, _whole(_BUILDERS[path]))


def _whole(build: _Build) -> _Build:
    """Returns a page that can also halt: that is never further than one click."""

    async def whole(seat: Seat) -> None:
        await build(seat)
        await add_order(seat, "halt")

    return whole
