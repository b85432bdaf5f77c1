"""The first page: is it well, what is it worth, what does it hold, how near are its limits."""

from __future__ import annotations

import numpy as np

from leeward.dashboard.charts import Curve, curve_options
from leeward.dashboard.pages import parts
from leeward.dashboard.pages.drawing import Chart
from leeward.dashboard.pages.frame import Seat
from leeward.dashboard.pages.parts import Column
from leeward.dashboard.pages.words import GROWING, STOPPING, limit_words
from leeward.database import browsing
from leeward.engine.records import EquityMarked
from leeward.report.elements import Html, element, join
from leeward.report.reasons import EXIT_WORDS
from leeward.runtime.overview import Overview, Position
from leeward.runtime.trading.limits_in_use import LimitUse

_HELD = (
    Column("Symbol"),
    Column("Quantity", number=True),
    Column("Entry", number=True),
    Column("Last", number=True),
    Column("Profit", number=True),
    Column("Stop", number=True),
    Column("To stop", number=True),
    Column("Target", number=True),
    Column("Without stop", number=True),
    Column("Since"),
)
_POINTS = 600


async def build(seat: Seat) -> None:
    """Builds the page."""
    seat.still(parts.title("Overview"))

    async def figures() -> Html:
        return draw_figures(seat.overview())

    async def below() -> Html:
        return draw_rest(seat.overview())

    await seat.live(figures)
    await _equity(seat)
    await seat.live(below)


async def _equity(seat: Seat) -> None:
    marks = await _marks(seat)
    with Chart.carded("Equity", "Each point is a candle's close, after costs."):
        chart = Chart(equity_chart(marks), equity_words(marks)).classes("low")

    async def redraw() -> Html:
        found = await _marks(seat)
        chart.show(equity_chart(found), equity_words(found))
        return Html("")

    await seat.live(redraw)


async def _marks(seat: Seat) -> list[EquityMarked]:
    return await seat.feed.read(
        ("overview", _POINTS),
        lambda connection: browsing.equity_points(connection, seat.account, most=_POINTS),
        seat.account,
    )


def equity_chart(marks: list[EquityMarked]) -> dict[str, object]:
    """Returns the line of the account's equity."""
    time = np.array([mark.open_time_ms for mark in marks], dtype=np.int64)
    value = np.array([float(mark.equity) for mark in marks], dtype=np.float64)
    options = curve_options([Curve("equity", time, value)])
    grid = {"left": 12, "right": 20, "top": 10, "bottom": 4, "containLabel": True}
    return {**options, "legend": {"show": False}, "grid": [grid]}


def equity_words(marks: list[EquityMarked]) -> str:
    """Returns what the line shows, for who cannot see it."""
    if not marks:
        return "Equity: nothing to draw yet"
    first, last = marks[0].equity, marks[-1].equity
    return f"Equity over {len(marks)} candles, from {first:,.2f} to {last:,.2f}"


def draw_figures(found: Overview) -> Html:
    """Returns the account in eight figures."""
    quote = found.quote
    exposure = None
    if found.exposure is not None and found.equity:
        exposure = float(found.exposure / found.equity)
    naked = max((each.unprotected_s for each in found.positions), default=0.0)
    return parts.tiles((
        ("Equity", _kept("equity", parts.money(found.equity, quote)),
         join(("peak ", parts.money(found.peak)))),
        ("Today", parts.money(found.today_pnl, quote, sign=True), "since 00:00 UTC"),
        ("Drawdown", parts.share(found.drawdown_fraction), "below the peak"),
        ("Cash", _kept("cash", parts.money(found.cash, quote)), None),
        ("Invested", parts.money(found.exposure, quote),
         join((parts.share(exposure, 1), " of equity"))),
        ("Open positions", str(len(found.positions)), _unrealised(found)),
        ("Without a stop", f"{naked:.1f} s", "longest of what is held now"),
        ("Last candle", _candle_age(found), parts.when(found.last_candle_ms)),
    ))  # fmt: skip


def _kept(name: str, value: Html) -> Html:
    return element("span", value, data_figure=f"tile-{name}")


def _candle_age(found: Overview) -> Html:
    if found.last_candle_age_s is None:
        return Html("none yet")
    return join((parts.age(found.last_candle_age_s), " ago"))


def _unrealised(found: Overview) -> Html | str:
    known = [each.unrealised for each in found.positions if each.unrealised is not None]
    if not known:
        return "nothing is held" if not found.positions else "no price yet"
    return join((parts.money(sum(known), found.quote, sign=True), " not realised"))


def draw_rest(found: Overview) -> Html:
    """Returns positions, limits, health and the last alerts."""
    return parts.cards(
        parts.card("Open positions", draw_positions(found.positions, found.quote)),
        parts.card("Limits", draw_limits(found.limits), span=7,
                   head=element("a", "All of risk", href="/risk")),
        parts.card("Health", draw_health(found), span=5),
        parts.card("Last alerts", draw_alerts(found), head=element("a", "The log", href="/log")),
    )  # fmt: skip


def draw_positions(positions: tuple[Position, ...], quote: str) -> Html:
    """Returns the table of what is held."""
    if not positions:
        return parts.empty(
            "Nothing is held.", "A position appears here within two seconds of its first fill."
        )
    rows = [_position(each) for each in positions]
    return parts.table(_HELD, rows, label=f"Open positions, amounts in {quote}")


def _position(held: Position) -> list[str | None]:
    naked = held.unprotected_s > 0 or held.stop is None
    closing = None if held.closing is None else parts.badge(
        f"closing: {EXIT_WORDS.get(held.closing, held.closing)}", "warning"
    )  # fmt: skip
    protected = f"{held.unprotected_s:.1f} s"
    return [
        join((held.symbol, " ", closing)) if closing else held.symbol,
        parts.quantity(held.quantity),
        parts.price(held.entry_price),
        parts.price(held.last_price),
        parts.money(held.unrealised, sign=True),
        parts.price(held.stop),
        parts.share(held.stop_distance_fraction),
        parts.price(held.target),
        parts.badge(protected, "bad") if naked else protected,
        parts.when(held.entry_time_ms),
    ]


def draw_limits(limits: tuple[LimitUse, ...]) -> Html:
    """Returns each limit with its present value as a bar."""
    if not limits:
        return parts.empty("No value to compare yet.", "Limits show after the first candle.")
    items = []
    for each in limits:
        name, value, limit = limit_words(each.name, each.value, each.limit)
        line = element("div", element("span", name),
                       element("span", element("b", value), f" of {limit}", class_="nowrap"),
                       class_="line")  # fmt: skip
        bar = parts.meter(each.fraction, f"{name}: {value} of {limit}", grave=each.name in STOPPING)
        note = element("p", "grown since its entry", class_="note") if _has_grown(each) else None
        items.append(element("li", line, bar, note, data_limit=each.name))
    return element("ul", *items, class_="limits")


def _has_grown(each: LimitUse) -> bool:
    return each.name in GROWING and each.fraction > 1


def draw_health(found: Overview) -> Html:
    """Returns how feed, exchange, database and models do."""
    shown = {"ok": "well", "warning": "look", "bad": "wrong", "unknown": "unknown"}
    items = [
        element(
            "li",
            element("span", name.capitalize()),
            element("span", parts.badge(shown[each.level], each.level)),
            element("span", each.words, class_="quiet"),
        )
        for name, each in found.health
    ]
    return element("ul", *items, class_="health")


def draw_alerts(found: Overview) -> Html:
    """Returns the newest warnings."""
    if not found.alerts:
        return parts.empty("No alerts.", "Warnings and worse are listed here.")
    items = [
        element(
            "li",
            parts.when(each.at_ms, seconds=True),
            element("span", parts.badge(str(each.severity), _grave(each.severity))),
            element("span", str(each.record.get("words", each.kind))),
        )
        for each in found.alerts[:5]
    ]
    return element("ul", *items, class_="events")


def _grave(severity: str | None) -> str:
    return {"critical": "bad", "warning": "warning"}.get(severity or "", "unknown")
