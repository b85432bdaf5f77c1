"""The page of events: what happened, searchable, and whether the audit trail is whole."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from nicegui import ui

from leeward.dashboard.pages import parts
from leeward.dashboard.pages.drawing import Chart
from leeward.dashboard.pages.frame import Part, Said, Seat
from leeward.database import browsing
from leeward.database.browsing import SCANNED, EventQuery
from leeward.database.reading import Event
from leeward.domain.errors import LeewardError
from leeward.engine.record_codec import record_of
from leeward.engine.records import (
    CommandDone,
    EquityMarked,
    FillBooked,
    IntentMade,
    Noted,
    PositionClosed,
    PositionOpened,
    Record,
    SessionEnded,
    SessionStarted,
    StateMoved,
    TransferBooked,
)
from leeward.report.elements import Html, element, join
from leeward.report.why import story
from leeward.runtime.health import mapping

_PAGE: Final = 60
_CLOCK: Final = re.compile(r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2} ")
_ORDERS: Final = ("IntentMade", "OrderMoved", "FillBooked", "PositionOpened", "PlanChanged",
                  "PositionClosed")  # fmt: skip
_STATES: Final = ("StateMoved", "CommandDone", "SessionStarted", "SessionEnded", "TransferBooked")
_KINDS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "most": ("All but the marks of equity", ("Noted", *_ORDERS, *_STATES)),
    "notes": ("Notes and alerts", ("Noted",)),
    "orders": ("Orders, fills and positions", _ORDERS),
    "states": ("States, sessions and operators", _STATES),
    "all": ("Everything", ()),
}
_SEVERITIES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "": ("Any", ()),
    "alerts": ("Warnings and worse", ("warning", "critical")),
    "critical": ("Critical only", ("critical",)),
}
_LEVELS: Final = {"critical": "bad", "warning": "warning", "info": "unknown"}


@dataclass
class _View:
    query: EventQuery


async def build(seat: Seat) -> None:
    """Builds the page."""
    seat.still(parts.title("Log", "Everything that changed the account, as it was written down."))
    view = _View(EventQuery(kinds=_KINDS["most"][1], limit=_PAGE))
    events: Part

    async def heard(said: Said) -> None:
        query = asked(view.query, said)
        if query is not view.query:
            view.query = query
            await events.refresh()

    async def listed() -> Html:
        query = view.query
        found, floor = await seat.feed.read(
            query,
            lambda c: (
                browsing.events_page(c, seat.account, query),
                browsing.events_floor(c, seat.account, query),
            ),
            seat.account,
        )
        return draw_events(found, query, floor)

    with Chart.carded("The audit trail", "Each line follows from the one before it by its hash."):
        shown = seat.still(parts.waiting("The trail is being checked …"))
        again = element("div", parts.button("Check again", act="audit", kind="small"))

        async def check(said: Said) -> None:
            if said.get("act") == "audit":
                await _audit(seat, shown)

        seat.still(again, check)
    with ui.element("section").classes("card"):
        seat.still(draw_filters(), heard)
        events = await seat.live(listed, heard)

    async def first() -> None:
        await _audit(seat, shown)

    seat.later(first)


async def _audit(seat: Seat, shown: ui.html) -> None:
    shown.set_content(parts.waiting("The trail is being checked …"))
    try:
        answer = await seat.dashboard.asking.audit()
    except LeewardError as error:
        shown.set_content(parts.banner("warning", "It could not be checked now.", str(error)))
        return
    shown.set_content(draw_audit(mapping(answer)))


def draw_audit(found: Mapping[str, object]) -> Html:
    """Returns the verdict on the trail, and what was found by each check."""
    findings = found.get("findings")
    checks = [mapping(each) for each in findings] if isinstance(findings, list) else []
    lines = [
        element("li", f"{each.get('check')}: {int(str(each.get('seen'))):,} looked at, "
                      f"{_wrong(each.get('wrong'))}")
        for each in checks
    ]  # fmt: skip
    verdict = (
        parts.banner("ok", "Whole and unchanged: every line follows from the one before it, and "
                           "every table says what the lines say.")
        if found.get("ok")
        else parts.banner("bad", "NOT as it should be. Stop trading, keep a copy of the database, "
                                 "and see below.")
    )  # fmt: skip
    return join((verdict, element("details", element("summary", "What was checked"),
                                  element("ul", *lines))))  # fmt: skip


def _wrong(wrong: object) -> str:
    if not isinstance(wrong, list) or not wrong:
        return "all well"
    return "; ".join(str(each) for each in wrong[:3])


def asked(query: EventQuery, said: Said) -> EventQuery:
    """Returns what the viewer asks to see, the same object where nothing changes."""
    value = said.get("value", "")
    match said.get("act", "search" if "search" in said else ""):
        case "kinds" if value in _KINDS:
            return replace(query, kinds=_KINDS[value][1], limit=_PAGE, before=None)
        case "severity" if value in _SEVERITIES:
            return replace(query, severities=_SEVERITIES[value][1], limit=_PAGE, before=None)
        case "search":
            words = (said.get("search") or value).strip()[:100]
            return replace(query, search=words or None, limit=_PAGE, before=None)
        case "back" if said.get("by", "").isdecimal():
            return replace(query, before=int(said["by"]), limit=_PAGE)
        case "newest":
            return replace(query, before=None, limit=_PAGE)
        case "more":
            return replace(query, limit=query.limit + _PAGE)
        case _:
            return query


def draw_filters() -> Html:
    """Returns the choice of what is shown."""
    kinds = [(name, words) for name, (words, _) in _KINDS.items()]
    severities = [(name, words) for name, (words, _) in _SEVERITIES.items()]
    return element(
        "form",
        parts.field("Kind", parts.select("kinds", kinds, data_act="kinds")),
        parts.field("Severity", parts.select("severity", severities, data_act="severity")),
        parts.field(
            "Search",
            parts.text_input("search", type="search", maxlength="100", placeholder="a word"),
            wide=True,
        ),
        element("button", "Search", type="submit", class_="button"),
        class_="controls",
    )


def draw_events(found: Sequence[Event], query: EventQuery, floor: int | None = None) -> Html:
    """Returns the lines, the newest first; `floor` is the line down to which a search looked, None
    where it looked at all."""
    looked = _looked(query, floor, len(found) >= query.limit)
    if not found:
        return join(
            (parts.empty("Nothing is like that.", "Take a filter away to see more."), looked)
        )
    items = [
        element(
            "li",
            parts.when(each.at_ms, seconds=True),
            _sign(each),
            element("span", event_words(each), " ",
                    element("small", f"line {each.seq}", class_="quiet nowrap")),
        )
        for each in found
    ]  # fmt: skip
    return join((element("ul", *items, class_="events"), looked))


def _looked(query: EventQuery, floor: int | None, is_cut: bool) -> Html:
    """Returns where a search has looked, and the ways to what is older and newer."""
    buttons = []
    if is_cut:
        buttons.append(parts.button("Show more", act="more", kind="small"))
    elif floor is not None:
        further = f"Search {SCANNED:,} lines further back"
        buttons.append(parts.button(further, act="back", kind="small", data_by=str(floor)))
    if query.before is not None:
        buttons.append(parts.button("Back to the newest", act="newest", kind="small"))
    told = None if query.search is None else element("p", _reach(query, floor), class_="note")
    return join((told, element("div", *buttons, class_="controls") if buttons else None))


def _reach(query: EventQuery, floor: int | None) -> str:
    before = "" if query.before is None else f" before line {query.before:,}"
    if floor is None:
        return f"Searched was all that is written down{before}."
    newest = f"the {SCANNED:,} lines{before}" if before else f"the newest {SCANNED:,} lines"
    return f"Searched were {newest}, down to line {floor:,}; there are older ones."


def _sign(event: Event) -> Html:
    if event.severity is not None:
        return element("span", parts.badge(event.severity, _LEVELS.get(event.severity, "unknown")))
    return element("span", _NAMES.get(event.kind, event.kind), class_="quiet")


_NAMES: Final = {
    "IntentMade": "intent",
    "OrderMoved": "order",
    "FillBooked": "fill",
    "PositionOpened": "position",
    "PlanChanged": "plan",
    "PositionClosed": "closed",
    "StateMoved": "state",
    "CommandDone": "operator",
    "SessionStarted": "session",
    "SessionEnded": "session",
    "TransferBooked": "transfer",
    "EquityMarked": "equity",
    "FeesValued": "fees",
}


def event_words(event: Event) -> str:
    """Returns what a line of the trail says."""
    try:
        record = record_of(event.record)
    except (LeewardError, ValueError, TypeError, KeyError):
        return f"{event.kind} {event.subject}"
    told = _state_words(record)
    if told is not None:
        return told
    lines = [text for _, text in story([record])]
    if not lines:
        return f"{event.kind} {event.subject}"
    # The line's own time stands beside it.
    return f"{_symbol(record)}{_CLOCK.sub('', lines[0])}"


def _symbol(record: Record) -> str:
    match record:
        case IntentMade():
            return f"{record.key.symbol}: "
        case FillBooked():
            return f"{record.fill.symbol}: "
        case PositionOpened():
            return f"{record.symbol}: "
        case PositionClosed():
            return f"{record.trade.symbol}: "
        case _:
            return ""


def _state_words(record: Record) -> str | None:
    match record:
        case Noted():
            subject = f"{record.subject}: " if record.subject else ""
            return f"{subject}{record.words} ({record.kind})"
        case StateMoved():
            return f"{record.state.value}: {record.reason} (by {record.actor})"
        case CommandDone():
            return f"command {record.command_id}: {record.outcome}"
        case SessionStarted():
            return (
                f"{record.session_id} begins: {record.strategy} on {', '.join(record.symbols)} "
                f"{record.timeframe}, {record.mode}"
            )
        case SessionEnded():
            return f"{record.session_id} ends: {record.reason}"
        case TransferBooked():
            note = f": {record.note}" if record.note else ""
            money = record.money
            return f"{record.kind} of {parts.quantity(money.amount)} {money.currency}{note}"
        case EquityMarked():
            return f"equity {record.equity:,.2f}, cash {record.cash:,.2f}"
        case _:
            return None
