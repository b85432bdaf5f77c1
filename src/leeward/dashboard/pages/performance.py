"""The page of results: equity, drawdown, months, trades, and the same time in a backtest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from nicegui import ui
from sqlalchemy import Connection

from leeward.dashboard.charts import Curve, Options, curve_options, histogram_options
from leeward.dashboard.figures import Performance, performance
from leeward.dashboard.pages import parts
from leeward.dashboard.pages.drawing import Chart
from leeward.dashboard.pages.frame import Said, Seat
from leeward.dashboard.pages.parts import Column
from leeward.database import browsing
from leeward.domain.columns import FloatColumn, IntColumn
from leeward.domain.errors import LeewardError
from leeward.engine.records import EquityMarked
from leeward.report.elements import Html, element, join, typeset
from leeward.report.words import percent, ratio
from leeward.runtime.health import mapping

_POINTS: Final = 1_500
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
_STRONGEST: Final = 0.10
_PARTS: Final = {
    "data": "Other candles",
    "signal": "Other signals",
    "timing": "Filled at another candle",
    "fill_price": "Other prices at the fill",
    "fee": "Other fees",
    "refusal": "Refused in one of the two",
    "missed": "Missed by the session",
}


@dataclass(frozen=True, slots=True, eq=False)
class _Curves:
    time: IntColumn
    equity: FloatColumn
    drawdown: FloatColumn
    held: FloatColumn


async def build(seat: Seat) -> None:
    """Builds the page."""
    seat.still(
        parts.title(
            "Performance",
            "All sessions, after costs. What was paid in or out is neither gain nor loss.",
        )
    )

    async def figures() -> Html:
        return draw_figures(await _figures(seat), seat.overview().quote)

    async def months() -> Html:
        found = await _figures(seat)
        return parts.card("Months", draw_months(found.monthly),
                          note="Change of equity over each month, UTC.")  # fmt: skip

    await seat.live(figures)
    with Chart.carded(
        "Equity and drawdown",
        "Equity is what was there, paid in or out too. "
        "Holding is of all symbols in equal parts, no costs.",
    ):
        curves = Chart(curve_chart(await _curves(seat)), "Equity, holding and drawdown over time")
    await seat.live(months)
    with Chart.carded("Returns of trades", "What each trade returned on what it cost."):
        bars = Chart(*_distribution(await _figures(seat))).classes("low")
        none_yet = await seat.part(lambda: _no_trades(seat))

    async def redraw() -> Html:
        curves.show(curve_chart(await _curves(seat)), "Equity, holding and drawdown over time")
        bars.show(*_distribution(await _figures(seat)))
        await none_yet.refresh()
        return Html("")

    await seat.live(redraw)
    _add_parity(seat)


async def _figures(seat: Seat) -> Performance:
    return await seat.feed.read("performance", lambda c: performance(c, seat.account), seat.account)


async def _no_trades(seat: Seat) -> Html:
    if (await _figures(seat)).trades:
        return Html("")
    return parts.empty("No trades yet.", "The first appears within two seconds of its exit.")


async def _curves(seat: Seat) -> _Curves:
    return await seat.feed.read("curves", lambda c: _read_curves(c, seat.account), seat.account)


def _read_curves(connection: Connection, account: str) -> _Curves:
    marks = browsing.equity_points(connection, account, most=_POINTS)
    time = np.array([mark.open_time_ms for mark in marks], dtype=np.int64)
    equity = _amounts(marks, "equity")
    peak = np.maximum(_amounts(marks, "peak"), equity)
    held = _held(connection, account, time, float(equity[0])) if len(time) else equity
    return _Curves(time, equity, equity / peak - 1.0, held)


def _amounts(marks: Sequence[EquityMarked], name: str) -> FloatColumn:
    return np.array([float(getattr(mark, name)) for mark in marks], dtype=np.float64)


def _held(connection: Connection, account: str, time: IntColumn, balance: float) -> FloatColumn:
    """Returns what the first equity would be worth, held in equal parts of all symbols."""
    growth = []
    for closes in browsing.closes_at(connection, account, time.tolist()).values():
        times = np.array(sorted(closes), dtype=np.int64)
        values = np.array([closes[at] for at in times.tolist()])
        last = np.searchsorted(times, time, side="right") - 1
        growth.append(values[np.maximum(0, last)] / values[0])
    return balance * np.mean(growth, axis=0) if growth else np.full(len(time), np.nan)


def curve_chart(found: _Curves) -> Options:
    """Returns equity beside holding, and the drawdown beneath."""
    lines = [
        Curve("equity", found.time, found.equity),
        Curve("holding", found.time, found.held, "var(--hold)", dashed=True),
    ]
    return curve_options(lines, Curve("drawdown", found.time, found.drawdown, "var(--loss)"))


def _distribution(found: Performance) -> tuple[Options, str]:
    returns = found.trade_returns
    return histogram_options(returns), f"How the returns of {len(returns)} trades are spread"


def draw_figures(found: Performance, quote: str) -> Html:
    """Returns the figures of the account."""
    held = found.buy_and_hold_fraction
    return parts.tiles((
        ("Return", parts.share(found.return_fraction, sign=True),
         join(("holding ", parts.share(held, sign=True)))),
        ("Profit of trades", parts.money(found.pnl, quote, sign=True), f"{found.trades} trades"),
        ("Largest drawdown", parts.share(found.max_drawdown_fraction), "below the peak"),
        ("Sharpe ratio", typeset(ratio(found.sharpe)),
         typeset(f"of days; Sortino {ratio(found.sortino)}")),
        ("Won", percent(found.win_rate),
         f"profit factor {ratio(found.profit_factor)}"),
        ("Average trade", parts.money(found.expectancy, quote, sign=True), None),
        ("Fees paid", parts.money(found.fees, quote), "of closed trades, in the prices then"),
        ("Growth a year", parts.share(found.cagr, sign=True), "if it went on so; from two days on"),
    ))  # fmt: skip


def draw_months(monthly: Mapping[str, float]) -> Html:
    """Returns years by months; how strong the ground is says how large the change was."""
    if not monthly:
        return parts.empty("Too short yet.", "The first month shows once a whole day was traded.")
    years = sorted({month[:4] for month in monthly})
    head = element("tr", element("th", "Year", scope="col"),
                   *[element("th", name, scope="col", class_="number") for name in _MONTHS],
                   element("th", "Year", scope="col", class_="number"))  # fmt: skip
    rows = []
    for year in years:
        cells = [monthly.get(f"{year}-{number:02}") for number in range(1, 13)]
        total = float(np.prod([1.0 + each for each in cells if each is not None]) - 1.0)
        drawn = [_heat(each) for each in (*cells, total)]
        rows.append(element("tr", element("th", year, scope="row"), *drawn))
    table = element(
        "table", element("caption", "Change by month", class_="hidden-label"),
        element("thead", head), element("tbody", *rows), class_="heat",
    )  # fmt: skip
    return element("div", table, class_="scroll", tabindex="0", role="region",
                   aria_label="Change by month")  # fmt: skip


def _heat(change: float | None) -> Html:
    if change is None:
        return element("td", "")
    color = "var(--gain)" if change >= 0 else "var(--loss)"
    strength = min(1.0, abs(change) / _STRONGEST) * 30
    return element(
        "td", percent(change, 1, sign=True).replace("-", "−"),
        style=f"--cell:color-mix(in srgb, {color} {strength:.0f}%, transparent)",
    )  # fmt: skip


def _add_parity(seat: Seat) -> None:
    """Adds the comparison with a backtest: made only when it is asked for, in a process of its
    own."""
    ask = element(
        "div", parts.button("Compare now", act="parity"),
        element("p", "Replays the newest session's candles; that may take a minute.",
                class_="note"),
        class_="controls",
    )  # fmt: skip
    shown: ui.html

    async def compare(said: Said) -> None:
        if said.get("act") != "parity":
            return
        session = seat.overview().session
        if session is None:
            shown.set_content(parts.empty("No session yet.", "There is nothing to compare."))
            return
        shown.set_content(parts.waiting("The session's candles are being replayed …"))
        name = session.started.session_id
        try:
            stamp = seat.feed.stamp(seat.account)
            answer = await seat.dashboard.asking.ask("parity", "--", name, stamp=stamp)
        except LeewardError as error:
            shown.set_content(parts.banner("bad", "The comparison failed.", str(error)))
            return
        shown.set_content(draw_parity(mapping(answer)))

    with Chart.carded("Beside a backtest", "The same candles, replayed by the same rules."):
        seat.still(ask, compare)
        shown = seat.still(Html(""))


def draw_parity(found: Mapping[str, object]) -> Html:
    """Returns how a session compares with the replay of its candles."""
    decisions, pnl = mapping(found.get("decisions")), mapping(found.get("pnl"))
    quote = str(pnl.get("currency", ""))
    level, verdict = (
        ("ok", "Every decision and the whole difference are explained.")
        if found.get("clean")
        else ("bad", "Something is not explained: leeward parity lists each decision.")
    )
    rows = [("Session", _exact(pnl.get("session"))), ("Backtest", _exact(pnl.get("backtest"))),
            ("Difference", _exact(pnl.get("gap")))]  # fmt: skip
    rows += [(f"of it: {_PARTS.get(name, name)}", _exact(value))
             for name, value in mapping(pnl.get("parts")).items()]  # fmt: skip
    columns = (Column("Profit"), Column(quote, number=True))
    given = found.get("notes")
    notes = given if isinstance(given, list) else []
    return element(
        "div",
        parts.banner(level, verdict),
        element("p", f"{decisions.get('compared')} decisions compared, {decisions.get('alike')} "
                     f"alike, {decisions.get('unexplained')} unexplained."),
        parts.table(columns, [[name, value] for name, value in rows], label="Where profit differs"),
        *[element("p", str(note), class_="note") for note in notes],
        class_="stacked",
    )  # fmt: skip


def _exact(text: object) -> Html:
    return parts.money(None if text is None else float(str(text)), sign=True)
