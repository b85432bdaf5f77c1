"""The pages of the dashboard, one module each, over the feed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import Request
from nicegui import ui

from leeward.dashboard.pages import overview
from leeward.dashboard.pages.frame import Seat, framed
from leeward.dashboard.pages.navigation import PLACES
from leeward.dashboard.state import Dashboard, user_of

_BUILDERS: Final[dict[str, Callable[[Seat], Awaitable[None]]]] = {
    "/": overview.build,
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
        await framed(Seat(dashboard, chosen, user_of(request)), path, _BUILDERS[path])
