"""The way between the pages: names, signs and the choice of account and theme."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from leeward.dashboard.pages import parts
from leeward.report.elements import Html, element, join


@dataclass(frozen=True, slots=True)
class Place:
    """A page: `icon` is what is drawn in a square of 24; `first` whether a phone shows it at
    once."""

    path: str
    name: str
    icon: str
    first: bool = False


PLACES: Final = (
    Place("/", "Overview", "M4 4h7v9H4zM13 4h7v5h-7zM13 11h7v9h-7zM4 15h7v5H4z", first=True),
    Place("/chart", "Chart", "M7 3v4M5 7h4v8H5zM7 15v5M16 4v5M14 9h4v6h-4zM16 15v4", first=True),
    Place("/trades", "Trades", "M4 7h13l-4-4M20 17H7l4 4", first=True),
    Place("/performance", "Performance", "M3 20h18M4 16l5-6 4 4 7-9"),
    Place("/risk", "Risk", "M12 3l8 3v6c0 5-3.5 8-8 9-4.5-1-8-4-8-9V6z"),
    Place("/models", "Models", "M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9"),
    Place("/backtests", "Backtests", "M4 12a8 8 0 1 0 3-6.2M4 4v4h4M12 8v4l3 2"),
    Place("/log", "Log", "M5 5h14M5 10h14M5 15h14M5 20h8"),
    Place(
        "/control",
        "Control",
        "M6 4v6M6 14v6M4 12h4M12 4v2M12 10v10M10 8h4M18 4v9M18 17v3M16 15h4",
        first=True,
    ),
)
_SAIL: Final = Html(
    '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M11 2v15H3zM13 6l8 11h-8z"/>'
    '<path d="M2 19h20l-3 3H5z"/></svg>'
)
_THEMES: Final = (("system", "Auto"), ("light", "Light"), ("dark", "Dark"))


def side(path: str, account: str, accounts: Sequence[str], csrf: str) -> Html:
    """Returns the navigation: beside the page, or below it on a narrow screen."""
    query = f"?{urlencode({'account': account})}" if len(accounts) > 1 else ""
    links = [_link(place, path, query) for place in PLACES]
    more = element(
        "button", _icon("M5 12h.01M12 12h.01M19 12h.01"), "More", type="button",
        class_="menu-button", data_menu=True, aria_expanded="false",
    )  # fmt: skip
    return join((
        element("a", "Skip to the page", href="#content", class_="skip"),
        element(
            "div",
            element("a", brand(), href=f"/{query}", class_="brand"),
            element("nav", *links, more, class_="nav", aria_label="Pages"),
            element(
                "div", _accounts(account, accounts), _theme(), _leave(csrf), class_="side-foot"
            ),
            class_="side",
        ),
    ))  # fmt: skip


def brand() -> Html:
    return join((_SAIL, "Leeward"))


def _link(place: Place, path: str, query: str) -> Html:
    return element(
        "a", _icon(place.icon), place.name, href=f"{place.path}{query}",
        aria_current="page" if place.path == path else False,
        class_=False if place.first else "more",
    )  # fmt: skip


def _icon(drawn: str) -> Html:
    path = element("path", d=drawn)
    return element(
        "svg", path, viewBox="0 0 24 24", fill="none", stroke="currentColor", stroke_width="1.8",
        stroke_linecap="round", stroke_linejoin="round", aria_hidden="true",
    )  # fmt: skip


def _accounts(account: str, accounts: Sequence[str]) -> Html | None:
    if len(accounts) < 2:
        return None
    options = [(name, name) for name in accounts]
    return parts.field("Account", parts.select("account", options, account, data_goes="account"))


def _theme() -> Html:
    buttons = [
        element(
            "button", words, type="button", class_="button small", data_theme_choice=name,
            aria_pressed="false",
        )
        for name, words in _THEMES
    ]  # fmt: skip
    return element("div", *buttons, class_="group", role="group", aria_label="Theme")


def _leave(csrf: str) -> Html:
    hidden = parts.text_input("csrf", csrf, type="hidden")
    leave = element("button", "Sign out", type="submit", class_="button small")
    return element("form", hidden, leave, method="post", action="/logout")
