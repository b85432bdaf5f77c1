"""The pieces that pages are made of: data in, escaped HTML out. Nothing here reads or waits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from leeward.domain.times import iso
from leeward.report.elements import Html, element, join, tone, typeset
from leeward.report.words import amount, percent

#: A shape beside every colour, so that neither has to be told apart alone.
_SHAPES: Final = {"ok": "●", "warning": "▲", "bad": "■", "unknown": "○"}
_LEVELS: Final = {"ok": "ok", "warning": "warning", "bad": "bad", "unknown": "", "info": ""}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; `key` names what a click on its heading sorts by."""

    head: str
    number: bool = False
    key: str = ""


@dataclass(frozen=True, slots=True)
class Sorted:
    """What a table is sorted by."""

    key: str
    descending: bool


def when(time_ms: int | None, *, seconds: bool = False) -> Html:
    """Returns a time, which the browser writes in its own zone with UTC beside it."""
    if time_ms is None:
        return element("span", "never", class_="quiet")
    fallback = f"{iso(time_ms)[:19].replace('T', ' ')} UTC"
    return element("lw-time", fallback, ms=str(time_ms), seconds=seconds)


def age(seconds: float | None) -> Html:
    """Returns a span of time that goes on growing in the browser."""
    if seconds is None:
        return Html("n/a")
    return element("lw-age", f"{seconds:.0f} s", s=f"{seconds:.1f}")


def money(value: Decimal | float | None, quote: str = "", *, sign: bool = False) -> Html:
    """Returns an amount; with a sign it is also coloured as gain or loss."""
    text = amount(None if value is None else float(value), sign=sign)
    words = element("span", typeset(text), class_=(tone(text) if sign else "") or False)
    if not quote or value is None:
        return words
    return join((words, "\xa0", element("span", quote, class_="unit")))


def share(fraction: float | None, digits: int = 2, *, sign: bool = False) -> Html:
    """Returns a fraction in per cent; with a sign it is also coloured."""
    text = percent(fraction, digits, sign=sign)
    return element("span", typeset(text), class_=(tone(text) if sign else "") or False)


def price(value: Decimal | float | None) -> str:
    """Returns a price to as many digits as its size asks for.

    >>> price(64250.1234), price(0.000012345), price(1.5), price(None)
    ('64,250.12', '0.000012345', '1.50', 'none')
    """
    if value is None:
        return "none"
    if abs(float(value)) >= 100:
        return f"{value:,.2f}"
    text = f"{Decimal(f'{value:.6g}'):f}"
    whole, _, part = text.partition(".")
    return f"{whole}.{part.rstrip('0').ljust(2, '0')}"


def quantity(value: Decimal | float) -> str:
    """Returns a quantity without an exponent or zeros at its end.

    >>> quantity(Decimal("0.50000000")), quantity(Decimal("1200"))
    ('0.5', '1,200')
    """
    text = f"{Decimal(str(value)):,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def badge(words: str, level: str, *, big: bool = False) -> Html:
    """Returns a word on a ground of its level's colour, with the level's shape."""
    shape = element("span", _SHAPES.get(level, "○"), aria_hidden="true")
    return element("span", shape, words, class_=f"badge {level_class(level)}{' big' * big}".strip())


def level_class(level: str) -> str:
    return _LEVELS.get(level, "")


def card(
    title: str, *children: str | None, note: str = "", span: int = 12, head: Html | None = None
) -> Html:
    """Returns a titled box, `span` of twelve columns wide; `head` stands right of the title."""
    return element(
        "section",
        element("div", element("h2", title), head, class_="card-head"),
        element("p", note, class_="note") if note else None,
        *children,
        class_=f"card span-{span}",
    )


def cards(*children: str | None) -> Html:
    return element("div", *children, class_="cards")


def title(words: str, note: str = "") -> Html:
    """Returns the heading of a page."""
    return element(
        "div", element("h1", words), element("p", note) if note else None, class_="title"
    )


def tiles(rows: Iterable[tuple[str, str | None, str | None]]) -> Html:
    """Returns figures: name, value and a note beneath."""
    found = [
        element(
            "dl",
            element("dt", name),
            element("dd", value if value is not None else "n/a"),
            None if note is None else element("dd", note, class_="note"),
            class_="tile",
        )
        for name, value, note in rows
    ]
    return element("div", *found, class_="tiles")


def pairs(rows: Iterable[tuple[str, str | None]]) -> Html:
    """Returns names and what they stand for."""
    items = [element("div", element("dt", name), element("dd", value)) for name, value in rows]
    return element("dl", *items, class_="pairs")


def table(
    columns: Sequence[Column],
    rows: Iterable[Sequence[str | None]],
    *,
    label: str,
    sorted_by: Sorted | None = None,
) -> Html:
    """Returns a table whose first cell names its row; on narrow screens each row is a block."""
    head = element("tr", *[_heading(column, sorted_by) for column in columns])
    body = [
        element("tr", *[_cell(column, cell, first=i == 0)
                        for i, (column, cell) in enumerate(zip(columns, row, strict=True))])
        for row in rows
    ]  # fmt: skip
    found = element(
        "table",
        element("caption", label, class_="hidden-label"),
        element("thead", head),
        element("tbody", *body),
        class_="stack",
    )
    return element("div", found, class_="scroll", tabindex="0", role="region", aria_label=label)


def _heading(column: Column, sorted_by: Sorted | None) -> Html:
    kind = "number" if column.number else False
    if not column.head:
        return element("td", class_=kind)
    if not column.key:
        return element("th", column.head, scope="col", class_=kind)
    active = sorted_by is not None and sorted_by.key == column.key
    descending = sorted_by is not None and sorted_by.descending
    arrow = ("▼" if descending else "▲") if active else "↕"
    button = element(
        "button", column.head, element("span", arrow, aria_hidden="true"), type="button",
        class_="sort", data_act="sort", data_by=column.key, data_key=f"sort-{column.key}",
    )  # fmt: skip
    order = ("descending" if descending else "ascending") if active else False
    return element("th", button, scope="col", class_=kind, aria_sort=order)


def _cell(column: Column, cell: str | None, *, first: bool) -> Html:
    kind = "number" if column.number else False
    # On narrow screens the heading stands above the cell, and the cell has to be one thing.
    held = element("div", cell)
    if first:
        return element("th", held, scope="row", class_=kind)
    return element("td", held, class_=kind, data_head=column.head or False)


def empty(words: str, way_out: str = "") -> Html:
    """Returns what stands where nothing is: that it is so, and what changes it."""
    return element("p", element("b", words), way_out or None, class_="empty")


def banner(level: str, words: str, *more: str | None) -> Html:
    """Returns what has to be read first."""
    role = "alert" if level == "bad" else "status"
    return element(
        "div", element("b", words), *more, class_=f"banner {level_class(level)}".strip(), role=role
    )


def meter(fraction: float, words: str, *, grave: bool = True) -> Html:
    """Returns a bar for the part that is used; above four fifths it warns, at its end it is bad
    where that is `grave`."""
    used = min(1.0, max(0.0, fraction))
    level = "bad" if fraction >= 1 and grave else "warning" if fraction >= 0.8 else ""
    return element(
        "div",
        element("span", style=f"width:{used * 100:.1f}%"),
        class_=f"meter {level}".strip(), role="meter", aria_label=words, aria_valuemin="0",
        aria_valuemax="100", aria_valuenow=f"{used * 100:.0f}",
    )  # fmt: skip


def field(label: str, control: Html, *, wide: bool = False) -> Html:
    """Returns a control with its name above it."""
    return element(
        "label", element("span", label), control, class_="field wide" if wide else "field"
    )


def text_input(name: str, value: str = "", **attributes: str | bool) -> Html:
    given: dict[str, str | bool] = {"type": "text", "autocomplete": "off", **attributes}
    return Html(element("input", name_=name, value=value, **given).removesuffix("</input>"))


def select(name: str, options: Iterable[tuple[str, str]], chosen: str = "", **more: str) -> Html:
    """Returns a choice of (value, words)."""
    items = [
        element("option", words, value=value, selected=value == chosen) for value, words in options
    ]
    return element("select", *items, name_=name, **more)


def button(words: str, *, act: str = "", kind: str = "", **data: str | bool) -> Html:
    """Returns a button; `act` is what it asks the server to do."""
    given: dict[str, str | bool] = {"data_act": act, "data_key": act, **data} if act else {**data}
    return element("button", words, type="button", class_=f"button {kind}".strip(), **given)


def dialog(name: str, title_words: str, *children: str | None, wide: bool = False) -> Html:
    """Returns a dialog that a button with `data-open` of its name opens."""
    heading = element("h2", title_words, id=f"{name}-title")
    body = element("div", heading, *children, class_="dialog")
    return element(
        "dialog", body, id=name, aria_labelledby=f"{name}-title", class_="wide" if wide else False
    )


def waiting(words: str) -> Html:
    """Returns what stands while an answer is on its way."""
    bar = element("div", element("span"), class_="progress")
    said = element("p", words, class_="quiet")
    return element("div", said, bar, role="status", class_="waiting")
