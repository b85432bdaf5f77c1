"""The page of closed positions: filtered, sorted, and each with its story."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

from nicegui import ui

from leeward.dashboard.pages import parts
from leeward.dashboard.pages.frame import Part, Said, Seat
from leeward.dashboard.pages.parts import Column, Sorted
from leeward.dashboard.pages.words import EXITS
from leeward.dashboard.stories import story_of
from leeward.database import browsing
from leeward.database.browsing import TRADE_ORDERS, TradeQuery
from leeward.domain.errors import LeewardError
from leeward.domain.times import iso
from leeward.engine.records import IntentMade, PositionClosed, Purpose, Record
from leeward.report.elements import Html, element, join
from leeward.report.why import story
from leeward.report.words import span_words

_STORY: Final = "story"
_COLUMNS: Final = (
    Column("Symbol", key="symbol"),
    Column("Entry", key="entry_time"),
    Column("Exit", key="exit_time"),
    Column("Quantity", number=True, key="quantity"),
    Column("Bought at", number=True),
    Column("Sold at", number=True),
    Column("Profit", number=True, key="pnl"),
    Column("Return", number=True),
    Column("Why it ended", key="exit_reason"),
    Column(""),
)
_PAGE: Final = 50


@dataclass
class _Chosen:
    """What the viewer asked to see, and where the story of a trade is told."""

    query: TradeQuery
    story: ui.html | None = None


async def build(seat: Seat) -> None:
    """Builds the page."""
    chosen = _Chosen(TradeQuery(limit=_PAGE))
    csv = f"/api/v1/accounts/{quote(seat.account, safe=':')}/trades.csv"
    seat.still(parts.title("Trades", "Closed positions; what is held now is on the overview."))

    async def listed() -> Html:
        query = chosen.query
        found, total = await seat.feed.read(
            query, lambda c: browsing.trades_page(c, seat.account, query), seat.account
        )
        return draw_trades(found, total, query)

    table: Part

    async def asked(said: Said) -> None:
        await _heard(seat, chosen, table, said)

    with ui.element("section").classes("card"):
        symbols = await _symbols(seat)
        seat.still(draw_filters(symbols, csv), asked)
        table = await seat.live(listed, asked)
    chosen.story = seat.dialog(_STORY, "The story of a trade")


async def _symbols(seat: Seat) -> list[str]:
    session = seat.overview().session
    return [] if session is None else list(session.started.symbols)


async def _heard(seat: Seat, chosen: _Chosen, table: Part, said: Said) -> None:
    match said.get("act"):
        case "sort":
            chosen.query = sorted_by(chosen.query, said.get("by", ""))
        case "filter":
            chosen.query = filtered(chosen.query, said.get("by", ""), said.get("value", ""))
        case "turn":
            offset = max(0, chosen.query.offset + int(said.get("by", "0")))
            chosen.query = replace(chosen.query, offset=offset)
        case "story":
            await _tell(seat, chosen.story, said.get("position", ""))
            return
        case _:
            return
    await table.refresh()


def sorted_by(query: TradeQuery, key: str) -> TradeQuery:
    """Returns the query sorted by another column, or the other way round by the same one."""
    if key not in TRADE_ORDERS:
        return query
    descending = not query.descending if key == query.order_by else key != "symbol"
    return replace(query, order_by=key, descending=descending, offset=0)


def filtered(query: TradeQuery, name: str, value: str) -> TradeQuery:
    """Returns the query with one filter set, or taken away where the value is empty."""
    wanted = value or None
    match name:
        case "symbol":
            return replace(query, symbol=wanted, offset=0)
        case "outcome":
            return replace(query, outcome=wanted, offset=0)
        case "reason":
            return replace(query, reason=wanted, offset=0)
        case _:
            return query


def draw_filters(symbols: Sequence[str], csv: str) -> Html:
    """Returns the filters and the way to the CSV."""
    reasons = [("", "All"), *EXITS.items()]
    choices = (
        ("Symbol", "symbol", [("", "All"), *((name, name) for name in symbols)]),
        ("Outcome", "outcome", [("", "All"), ("win", "Profit"), ("loss", "Loss")]),
        ("Why it ended", "reason", reasons),
    )
    fields = [
        parts.field(label, parts.select(name, options, data_act="filter", data_by=name))
        for label, name, options in choices
    ]
    link = element("a", "Download CSV", href=csv, class_="button", download="trades.csv")
    return element("div", *fields, link, class_="controls")


def draw_trades(found: Sequence[PositionClosed], total: int, query: TradeQuery) -> Html:
    """Returns the table of one page of trades."""
    if not total:
        narrowed = (query.symbol, query.outcome, query.reason) != (None, None, None)
        if narrowed:
            return parts.empty("No trade is like that.", "Take a filter away to see more.")
        return parts.empty(
            "No trades yet.", "The first appears here within two seconds of its exit."
        )
    rows = [_row(each) for each in found]
    order = Sorted(query.order_by, query.descending)
    table = parts.table(_COLUMNS, rows, label="Closed positions", sorted_by=order)
    return join((table, _turning(total, query, len(found))))


def _row(closed: PositionClosed) -> list[str | None]:
    trade = closed.trade
    fraction = float(trade.pnl.amount / trade.cost.amount) if trade.cost.amount else None
    story_button = parts.button(
        "Story", act="story", kind="small", data_position=trade.position_id,
        data_key=f"story-{trade.position_id}",
        aria_label=f"Story of the {trade.symbol} trade",
    )  # fmt: skip
    return [
        trade.symbol,
        parts.when(trade.entry_time_ms),
        parts.when(trade.exit_time_ms),
        parts.quantity(trade.quantity.value),
        parts.price(trade.entry_price.value),
        parts.price(trade.exit_price.value),
        parts.money(trade.pnl.amount, trade.pnl.currency, sign=True),
        parts.share(fraction, sign=True),
        EXITS.get(trade.exit_reason, trade.exit_reason),
        story_button,
    ]


def _turning(total: int, query: TradeQuery, shown: int) -> Html:
    first = query.offset + 1
    words = f"{first:,} to {query.offset + shown:,} of {total:,}"
    earlier = parts.button(
        "Previous", act="turn", kind="small", data_by=str(-_PAGE), disabled=query.offset == 0,
        data_key="turn-back",
    )  # fmt: skip
    later = parts.button(
        "Next", act="turn", kind="small", data_by=str(_PAGE), data_key="turn-on",
        disabled=query.offset + shown >= total,
    )  # fmt: skip
    return element("div", element("span", words, class_="quiet"), earlier, later, class_="controls")


async def _tell(seat: Seat, shown: ui.html | None, position_id: str) -> None:
    """Opens the dialog with what is in the database, then adds why it was entered."""
    if shown is None:
        return
    records = await seat.feed.read(
        ("story", position_id), lambda c: story_of(c, seat.account, position_id), seat.account
    )
    told = draw_story(records)
    shown.set_content(join((told, parts.waiting("Asking why it was entered …"))))
    ui.run_javascript(f"leewardDialog.open('{_STORY}')")
    shown.set_content(join((told, await _why(seat, records))))


async def _why(seat: Seat, records: Sequence[Record]) -> Html:
    """Returns the decision behind the entry, worked out again in a process of its own."""
    intents = (each for each in records if isinstance(each, IntentMade))
    entry = next((each for each in intents if each.purpose is Purpose.ENTRY), None)
    if entry is None:
        return parts.empty("Who entered it is not known.", "It was not this program.")
    arguments = ("why", f"--session={entry.session_id}", "--", entry.key.symbol)
    try:
        answer = await seat.dashboard.asking.ask(*arguments, iso(entry.key.open_time_ms))
    except LeewardError as error:
        return parts.banner("warning", "Why it was entered cannot be told now.", str(error))
    words = answer.get("words", []) if isinstance(answer, dict) else []
    lines = [(str(each["about"]), str(each["text"])) for each in words]
    decided = lines[: next((i for i, (about, _) in enumerate(lines) if about == "intent"), None)]
    return element("div", element("h3", "Why it was entered"), _lines(decided), class_="stacked")


def draw_story(records: Sequence[Record]) -> Html:
    """Returns what became of a position: orders, fills, stops and its end, all times UTC."""
    closed = next((each for each in records if isinstance(each, PositionClosed)), None)
    head = None
    if closed is not None:
        trade = closed.trade
        lasted = span_words(max(0, trade.exit_time_ms - trade.entry_time_ms))
        head = parts.tiles((
            ("Symbol", trade.symbol, f"held for {lasted}"),
            ("Profit", parts.money(trade.pnl.amount, trade.pnl.currency, sign=True),
             "after fees"),
            ("Fees", ", ".join(f"{float(fee.amount):,.4g} {fee.currency}"
                               for fee in trade.fees) or "none", None),
            ("Without a stop", f"{closed.unprotected_ms / 1000:g} s", None),
        ))  # fmt: skip
    heading = element("h3", "What happened, times in UTC")
    return element("div", head, heading, _lines(list(story(records))), class_="stacked")


def _lines(lines: Sequence[tuple[str, str]]) -> Html:
    items = [element("div", element("dt", about), element("dd", text)) for about, text in lines]
    return element("dl", *items, class_="story")
