"""The page of the chart: candles, what the strategy saw, entries, exits, stops and targets."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
from nicegui import ui
from sqlalchemy import Connection

from leeward.dashboard import market
from leeward.dashboard.charts import FIRST_VIEW, candle_options, rows_of
from leeward.dashboard.market import Candles, Held
from leeward.dashboard.pages import parts
from leeward.dashboard.pages.drawing import Chart
from leeward.dashboard.pages.frame import Part, Said, Seat
from leeward.database import browsing, reading
from leeward.database.browsing import ExecutionQuery
from leeward.domain.columns import FloatColumn, IntColumn
from leeward.domain.timeframe import DAY_MS
from leeward.engine.records import Executed, FillBooked
from leeward.report.elements import Html, element
from leeward.report.reasons import DATA_WORDS, EXIT_WORDS, GATE_WORDS

#: Rows by column: numbers, NaN where there are none, or words.
Shown: TypeAlias = dict[str, FloatColumn | IntColumn | list[str | None]]

_SPANS: Final = ((200, "200"), (1_000, "1,000"), (5_000, "5,000"), (0, "All"))
_MOST_LINES: Final = 4
_DECISIONS: Final = {
    "enter": "Bought",
    "exit": "Sold",
    "hold": "Held",
    "refused": "Entry refused",
    "none": "Nothing to do",
    "skipped": "No decision",
}


@dataclass
class _View:
    """What one viewer looks at, and what was sent of it."""

    symbol: str
    lines: set[str] | None = None
    lower: str = "volume"
    candles: Candles = field(default_factory=Candles)
    sent: Shown = field(default_factory=dict)
    drawn: tuple[object, ...] = ()


async def build(seat: Seat) -> None:
    """Builds the page."""
    session = seat.overview().session
    if session is None:
        seat.still(parts.title("Chart"))
        seat.still(parts.empty("No session yet.", "The chart begins with the first one."))
        return
    symbols = session.started.symbols
    view = _View(symbols[0])
    seat.still(parts.title("Chart", f"{session.started.timeframe} candles"))
    chart: Chart
    decision: Part

    async def heard(said: Said) -> None:
        await _heard(seat, view, chart, said)
        await decision.refresh()
        await choices.refresh()

    async def last() -> Html:
        return await _last_decision(seat, view.symbol)

    async def chosen() -> Html:
        return draw_lines(view)

    with ui.element("section").classes("card"):
        seat.still(draw_controls(symbols), heard)
        chart = Chart(candle_options([], "volume", predicted=False), "Candles are being read")
        chart.classes("tall")
        choices = await seat.part(chosen, heard)
    decision = await seat.live(last)

    async def follow() -> Html:
        if view.drawn:
            await _draw(seat, view, chart)
        return Html("")

    async def first() -> None:
        await _draw(seat, view, chart)
        chart.zoom(FIRST_VIEW)
        await choices.refresh()

    await seat.live(follow)
    seat.later(first)


async def _heard(seat: Seat, view: _View, chart: Chart, said: Said) -> None:
    value = said.get("value", "")
    match said.get("act"):
        case "symbol":
            view.symbol, view.candles, view.sent, view.drawn = value, Candles(), {}, ()
            await _draw(seat, view, chart)
            chart.zoom(FIRST_VIEW)
        case "span":
            chart.zoom(int(said.get("rows", "0")) or None)
        case "line":
            lines = set(_lines(view)) ^ {said.get("name", "")}
            view.lines = lines
            await _draw(seat, view, chart)
        case "lower":
            view.lower = value
            await _draw(seat, view, chart)
        case _:
            return


def _lines(view: _View) -> list[str]:
    """Returns the columns that are drawn over the candles."""
    near, _ = market.overlays_of(view.candles)
    return near[:_MOST_LINES] if view.lines is None else [n for n in near if n in view.lines]


async def _draw(seat: Seat, view: _View, chart: Chart) -> None:
    """Reads what is new, and sends what of it the browser does not have yet."""
    symbol = view.symbol
    started = await seat.feed.read(
        "chart sessions", lambda c: market.sessions_of(c, seat.account), seat.account
    )
    if not len(view.candles.time):
        view.candles = await asyncio.to_thread(market.before, seat.feed.settings, started, symbol)
        read_after = None
    else:
        read_after = int(view.candles.time[-1])
    # What is kept under a name is replaced: the long answers have names that stay.
    names = [each.session_id for each in started if each.timeframe == started[0].timeframe]
    candles = await seat.feed.read(
        ("chart candles", symbol, read_after),
        lambda c: market.decided(c, names, symbol, read_after),
        seat.account,
    )
    shown = market.merged(view.candles, candles)
    # By days, so that the name stays while candles come.
    since_ms = int(shown.time[0]) // DAY_MS * DAY_MS if len(shown.time) else 0
    done = await seat.feed.read(
        ("chart done", symbol, since_ms),
        lambda c: _read_done(c, seat.account, symbol, since_ms),
        seat.account,
    )
    if view.symbol != symbol:
        return
    view.candles = market.merged(view.candles, candles)
    _send(view, chart, done)


@dataclass(frozen=True, slots=True)
class _Done:
    fills: list[FillBooked]
    held: list[Held]


def _read_done(connection: Connection, account: str, symbol: str, since_ms: int) -> _Done:
    return _Done(
        reading.fills(connection, account, symbol, since_ms),
        market.held_of(connection, account, symbol, since_ms),
    )


def _send(view: _View, chart: Chart, done: _Done) -> None:
    lines, told = _lines(view), market.predictions(view.candles)
    time = view.candles.time
    names = (*market.PRICES, *lines, view.lower)
    known = view.candles.columns
    wanted = {name: known[name] for name in names if name in known}
    columns: Shown = {"time": time, **wanted, **told}
    columns |= market.plan_columns(time, done.held)
    columns |= market.fill_columns(time, done.fills, done.held)
    look = (view.symbol, tuple(lines), view.lower, bool(told))
    first = 0 if look != view.drawn else first_difference(view.sent, columns)
    if look != view.drawn:
        chart.show(
            candle_options(lines, view.lower, predicted=bool(told)),
            f"{view.symbol}: {len(time):,} candles with indicators, entries, exits, stops and "
            "targets; the trades page and the decision below tell the same in words",
        )
    if first < len(time) or look != view.drawn:
        chart.load(rows_from(columns, first), first)
    view.sent, view.drawn = columns, look


def first_difference(sent: Shown, columns: Shown) -> int:
    """Returns the first row in which anything differs from what was sent.

    >>> first_difference({"stop": np.array([1.0, 2.0])}, {"stop": np.array([1.0, 5.0, 5.0])})
    1
    """
    if sent.keys() != columns.keys():
        return 0
    first = len(next(iter(columns.values()), ()))
    for name, column in columns.items():
        before = sent[name]
        alike = min(len(before), len(column))
        if isinstance(before, list) or isinstance(column, list):
            differs = [i for i in range(alike) if before[i] != column[i]]
        else:
            here, there = column[:alike], before[:alike]
            unknown = np.isnan(here) & np.isnan(there)
            differs = np.flatnonzero((here != there) & ~unknown).tolist()
        first = min(first, differs[0] if differs else alike)
    return first


def rows_from(columns: Shown, first: int) -> dict[str, list[object]]:
    """Returns the rows from `first` on as JSON knows them; times as text, for they name rows."""
    rows: dict[str, list[object]] = {}
    for name, column in columns.items():
        part = column[first:]
        if isinstance(part, list):
            rows[name] = [*part]
        elif name == "time":
            rows[name] = [str(each) for each in part.tolist()]
        else:
            rows[name] = [*rows_of({name: part.astype(np.float64)})[name]]
    return rows


def draw_controls(symbols: tuple[str, ...]) -> Html:
    """Returns the choice of symbol and of how many candles are in view."""
    spans = [
        parts.button(words, act="span", kind="small", data_rows=str(rows),
                     aria_label=f"Show {words} candles", data_key=f"span-{rows}")
        for rows, words in _SPANS
    ]  # fmt: skip
    options = [(name, name) for name in symbols]
    return element(
        "div",
        parts.field("Symbol", parts.select("symbol", options, data_act="symbol")),
        element("div", *spans, class_="group", role="group", aria_label="Candles in view"),
        element(
            "p",
            "Wheel or pinch to zoom, drag to move. A stop far from the price is out of view.",
            class_="note",
        ),
        class_="controls",
    )


def draw_lines(view: _View) -> Html:
    """Returns the choice of indicators."""
    near, far = market.overlays_of(view.candles)
    if not near and not far:
        return Html("")
    drawn = _lines(view)
    boxes = [
        element(
            "label",
            parts.text_input(f"line-{name}", type="checkbox", checked=name in drawn,
                             data_act="line", data_name=name, data_key=f"line-{name}"),
            element("span", name), class_="choice",
        )
        for name in near
    ]  # fmt: skip
    below = [("volume", "volume"), *((name, name) for name in far)]
    lower = parts.select("lower", below, view.lower, data_act="lower", data_key="lower")
    return element(
        "details",
        element("summary", "Indicators"),
        element("div", *boxes, parts.field("Below the candles", lower), class_="controls"),
    )


async def _last_decision(seat: Seat, symbol: str) -> Html:
    query = ExecutionQuery(symbol=symbol, limit=8)
    found = await seat.feed.read(
        query, lambda c: browsing.executions_page(c, seat.account, query), seat.account
    )
    return parts.card("The last decisions", draw_decisions(found))


def draw_decisions(found: list[Executed]) -> Html:
    """Returns what was said of the newest candles, in words."""
    if not found:
        return parts.empty("Nothing was decided yet.", "The first candle to close is.")
    items = [
        element(
            "li",
            parts.when(each.open_time_ms),
            element("b", _DECISIONS.get(each.decision, each.decision)),
            element("span", decision_words(each)),
        )
        for each in found
    ]
    return element("ul", *items, class_="events")


def decision_words(said: Executed) -> str:
    """Returns why it was decided so, and the close it was decided on."""
    close = "" if said.candle is None else f"close {parts.price(said.candle[3])}"
    match said.decision:
        case "refused":
            why = GATE_WORDS.get(said.reason, said.reason)
        case "exit" | "hold":
            why = EXIT_WORDS.get(said.reason, said.reason)
        case "skipped":
            why = DATA_WORDS.get(said.reason, said.reason)
        case "enter":
            why = f"{parts.quantity(said.quantity or 0.0)} of {said.symbol}"
        case _:
            why = ""
    return "; ".join(each for each in (why, close) if each)
