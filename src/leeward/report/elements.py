"""HTML in which every text is escaped unless it was made here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape


class Html(str):
    """Markup. Any other text is data and is escaped where it enters an element."""

    __slots__ = ()


def element(name: str, *children: str | None, **attributes: str | bool) -> Html:
    """Returns an element; children that are not `Html` are escaped, None is left out.

    An underscore after a Python keyword is dropped and others become hyphens; True gives an
    attribute without a value, False none.

    >>> element("td", "a < b", class_="name", data_sort="1")
    '<td class="name" data-sort="1">a &lt; b</td>'
    """
    given = "".join(
        f" {key.rstrip('_').replace('_', '-')}"
        + ("" if value is True else f'="{escape(str(value))}"')
        for key, value in attributes.items()
        if value is not False
    )
    return Html(f"<{name}{given}>{join(children)}</{name}>")


def join(children: Iterable[str | None]) -> Html:
    """Returns the children one after another, escaped unless they are `Html`."""
    return Html("".join(c if isinstance(c, Html) else escape(c) for c in children if c is not None))


def number_table(headers: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "") -> Html:
    """Returns a table whose first column names the row and whose others hold numbers.

    A cell that starts with a sign is coloured as gain or loss.
    """
    head = [
        element("th", header, scope="col", class_=False if i == 0 else "number")
        for i, header in enumerate(headers)
    ]
    body = [
        element("tr", element("th", row[0], scope="row"), *[_number_cell(c) for c in row[1:]])
        for row in rows
    ]
    title = element("caption", caption) if caption else None
    table = element("table", title, element("thead", element("tr", *head)), element("tbody", *body))
    return element("div", table, class_="scroll")


def _number_cell(text: str) -> Html:
    return element("td", typeset(text), class_=f"number {tone(text)}".strip())


def tone(text: str) -> str:
    """Returns the class of a signed number: "gain", "loss", or "" for none or zero.

    >>> tone("-4.2 %"), tone("+0.0 %")
    ('loss', '')
    """
    worth = any(digit in "123456789" for digit in text)
    return {"+": "gain", "-": "loss"}.get(text[:1], "") if worth else ""


def typeset(text: str) -> str:
    """Returns the text with true minus signs, and per cent signs that stay with their number.

    >>> typeset("-4.2 % from 2021-01-05")
    '−4.2\xa0% from 2021-01-05'
    """
    return re.sub(r"(?<!\w)-(?=\d)", "−", text).replace(" %", "\xa0%")


def pairs(rows: Iterable[tuple[str, str]], wide: bool = False) -> Html:
    """Returns a list of names and what they stand for, one a line where `wide`."""
    items = [element("div", element("dt", n), element("dd", typeset(value))) for n, value in rows]
    return element("dl", *items, class_="pairs wide" if wide else "pairs")


def folded(summary: str, *children: str | None, open_: bool = False) -> Html:
    """Returns children that a click unfolds."""
    return element("details", element("summary", summary), *children, open=open_)
