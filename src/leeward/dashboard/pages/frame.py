"""What every page stands in: navigation, the account's state on top, and parts that follow the
database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from nicegui import background_tasks, ui
from nicegui.events import GenericEventArguments

from leeward.dashboard.feed import Feed
from leeward.dashboard.pages import parts
from leeward.dashboard.pages.navigation import side
from leeward.dashboard.pages.state import state_bar
from leeward.dashboard.state import Dashboard, Principal
from leeward.domain.errors import LeewardError
from leeward.report.elements import Html, element, join
from leeward.runtime.overview import Overview

Draw: TypeAlias = Callable[[], Awaitable[Html]]
#: What a click or a form says: the data attributes of what was clicked, and the form's fields.
Said: TypeAlias = Mapping[str, str]
Heard: TypeAlias = Callable[[Said], Awaitable[None]]

#: A page looks for news for so long before it asks again.
_WAIT_S: Final = 30.0
#: A page whose browser is away for a moment is looked at again after so long.
_AWAY_S: Final = 0.2

_HEAD: Final = (
    '<link rel="stylesheet" href="/assets/leeward.css">'
    '<script src="/assets/theme.js"></script>'
    '<script defer src="/assets/leeward.js"></script>'
)
_CLICK: Final = """(e) => {
    const b = e.target.closest('[data-act]');
    if (b && !b.disabled && b.tagName !== 'SELECT' && b.tagName !== 'INPUT') emit({...b.dataset});
}"""
_CHANGE: Final = """(e) => {
    const b = e.target.closest('[data-act]');
    if (!b) return;
    emit({...b.dataset, value: b.type === 'checkbox' ? String(b.checked) : b.value});
}"""
_SUBMIT: Final = """(e) => {
    e.preventDefault();
    emit({...e.target.dataset, ...Object.fromEntries(new FormData(e.target))});
}"""


@dataclass
class Part:
    """A piece of a page: drawn when it is made, and again whenever `refresh` is called."""

    shown: ui.html
    draw: Draw

    async def refresh(self) -> None:
        """Draws it again; what went wrong stands where it would be."""
        if self.shown.is_deleted:
            return
        try:
            drawn = await self.draw()
        except Exception as error:  # noqa: BLE001 - else the page would stand still and look well
            why = str(error) if isinstance(error, LeewardError) else repr(error)
            drawn = parts.banner("bad", "This cannot be shown now.", element("span", why))
        self.shown.set_content(drawn)


@dataclass
class Seat:
    """One open page of one viewer. `account` is "" where the database has none."""

    dashboard: Dashboard
    account: str
    user: Principal
    live_parts: list[Part] = field(default_factory=list)

    @property
    def feed(self) -> Feed:
        return self.dashboard.feed

    def overview(self) -> Overview:
        return self.feed.overview(self.account)

    async def live(self, draw: Draw, heard: Heard | None = None, *, classes: str = "") -> Part:
        """Adds a piece that is drawn again whenever the account changes."""
        part = await self.part(draw, heard, classes=classes)
        self.live_parts.append(part)
        return part

    async def part(self, draw: Draw, heard: Heard | None = None, *, classes: str = "") -> Part:
        """Adds a piece that is drawn now, and again only when it is told to."""
        part = Part(self.still(Html(""), heard, classes=classes), draw)
        await part.refresh()
        return part

    def later(self, work: Callable[[], Awaitable[None]]) -> None:
        """Does what takes a while once the page is there."""
        ui.timer(0.05, work, once=True)

    def still(self, shown: Html, heard: Heard | None = None, *, classes: str = "") -> ui.html:
        """Adds a piece that stays as it is; `heard` takes what is clicked, changed and sent in
        it."""
        found = ui.html(shown, sanitize=False).classes(classes)
        if heard is not None:
            for event, script in (("click", _CLICK), ("change", _CHANGE), ("submit", _SUBMIT)):
                found.on(event, _listener(heard), js_handler=script)
        return found

    def dialog(self, name: str, heading: str) -> ui.html:
        """Adds an empty dialog, to be opened by its name, and returns what is told in it."""
        # Both in one statement would be harder to read than one inside the other.
        with ui.element("dialog").props(f"id={name} aria-labelledby={name}-title").classes("wide"):  # noqa: SIM117
            with ui.element("div").classes("dialog"):
                self.still(element("h2", heading, id=f"{name}-title"))
                told = self.still(Html(""))
                close = element("button", "Close", type="button", class_="button", data_close=True)
                self.still(element("div", close, class_="dialog-end"))
        return told


def _listener(heard: Heard) -> Callable[[GenericEventArguments], Awaitable[None]]:
    async def listen(event: GenericEventArguments) -> None:
        said = event.args if isinstance(event.args, dict) else {}
        await heard({str(key): str(value) for key, value in said.items()})

    return listen


async def framed(seat: Seat, path: str, build: Callable[[Seat], Awaitable[None]]) -> None:
    """Builds a page: navigation, state, and what `build` adds; then follows the database."""
    version = seat.feed.version
    ui.add_head_html(_HEAD)
    with ui.element("div").classes("shell"):
        seat.still(side(path, seat.account, seat.feed.accounts(), seat.user.csrf))
        with ui.element("div").classes("work"):
            await seat.live(lambda: _bar(seat))
            with ui.element("div").classes("page").props("id=content tabindex=-1"):
                await (build if seat.account else _nothing)(seat)
    _follow(seat, version)


def _follow(seat: Seat, version: int) -> None:
    """Draws the live parts again whenever something changed, for as long as the page is open."""
    client = ui.context.client

    async def follow() -> None:
        seen = version
        while True:
            now = await seat.feed.changed(seen, _WAIT_S)
            if not client.has_socket_connection:
                await asyncio.sleep(_AWAY_S)
            elif now != seen:
                seen = now
                for part in list(seat.live_parts):
                    await part.refresh()

    task = background_tasks.create(follow(), name="follow")
    client.on_delete(task.cancel)


async def _bar(seat: Seat) -> Html:
    return state_bar(seat.overview() if seat.account else None, seat.feed.problem)


async def _nothing(seat: Seat) -> None:
    """Builds what stands where no account is; once there is one, the page is loaded again."""
    seat.still(parts.title("Nothing to show yet"))
    seat.still(
        parts.card(
            "No account",
            parts.empty(
                "Nothing has traded here.",
                join(
                    (
                        "Begin with play money: ",
                        element("code", "leeward paper ema_cross --symbols BTCUSDT --timeframe 1h"),
                        ". This page shows it as soon as it runs.",
                    )
                ),
            ),
        )
    )

    async def reload() -> Html:
        if seat.feed.accounts():
            ui.navigate.reload()
        return Html("")

    await seat.live(reload)
