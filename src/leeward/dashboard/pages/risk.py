"""The page of risk: each limit with its present value, the ladder, refusals, correlation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from sqlalchemy import Connection

from leeward.dashboard.pages import parts
from leeward.dashboard.pages.frame import Seat
from leeward.dashboard.pages.overview import draw_limits
from leeward.dashboard.pages.parts import Column
from leeward.dashboard.pages.words import LIMITS
from leeward.database import browsing
from leeward.domain.columns import FloatColumn
from leeward.report.elements import Html, element
from leeward.report.reasons import GATE_WORDS
from leeward.report.words import percent
from leeward.runtime.health import mapping, number
from leeward.runtime.overview import Overview

#: Returns that correlation is taken over, as the risk gate does.
_WINDOW: Final = 720
_FEWEST: Final = 30
_MOST_SYMBOLS: Final = 20
#: Limits that have no present value: they are rules.
_RULES: Final = ("trend_gate", "require_stop", "default_stop_fraction", "cooldown_candles",
                 "correlation_threshold")  # fmt: skip


async def build(seat: Seat) -> None:
    """Builds the page."""
    seat.still(parts.title("Risk", "Limits are set where a session starts; here they are watched."))

    async def limits() -> Html:
        found = seat.overview()
        risk = _risk(found)
        return parts.cards(
            parts.card("Limits and where they stand", draw_limits(found.limits)),
            parts.card(
                "Drawdown ladder", draw_ladder(risk, found.drawdown_fraction or 0.0), span=6,
                note="The deeper below the peak, the smaller new positions are.",
            ),
            parts.card("Rules", draw_rules(risk), span=6),
        )  # fmt: skip

    async def looked_back() -> Html:
        refused = await seat.feed.read(
            "refusals", lambda c: browsing.refusals(c, seat.account), seat.account
        )
        session = seat.overview().session
        symbols = () if session is None else session.started.symbols[:_MOST_SYMBOLS]
        matrix = await seat.feed.read(
            ("correlation", symbols), lambda c: correlations(c, seat.account, symbols), seat.account
        )
        threshold = number(_risk(seat.overview()).get("correlation_threshold")) or 1.0
        return parts.cards(
            parts.card("Refused entries", draw_refusals(refused), span=6,
                       note="How often each rule kept the strategy from buying."),
            parts.card("Correlation", draw_correlation(symbols, matrix, threshold), span=6,
                       note=f"Of the last {_WINDOW} returns at most. From {threshold:g} on two "
                            "symbols count as moving alike."),
        )  # fmt: skip

    await seat.live(limits)
    await seat.live(looked_back)


def _risk(found: Overview) -> Mapping[str, object]:
    return {} if found.session is None else mapping(found.session.started.facts.get("risk"))


def draw_ladder(risk: Mapping[str, object], drawdown: float) -> Html:
    """Returns the rungs; the one that applies now is marked."""
    ladder = risk.get("drawdown_ladder")
    if not isinstance(ladder, list) or not ladder:
        return parts.empty("No ladder.", "Positions are sized alike at every drawdown.")
    rungs = [(0.0, 1.0), *((float(at), float(factor)) for at, factor in ladder)]
    here = max(at for at, _ in rungs if drawdown >= at)
    rows: list[Sequence[str | None]] = [
        [
            f"from {at * 100:g} %",
            f"{factor * 100:g} %",
            parts.badge("here now", "ok" if at == 0 else "warning") if at == here else "",
        ]
        for at, factor in rungs
    ]
    limit = number(risk.get("max_drawdown_fraction"))
    if limit is not None:
        rows.append([f"from {limit * 100:g} %", "halt", ""])
    columns = (Column("Drawdown"), Column("Size of new positions", number=True), Column("Now"))
    return parts.table(columns, rows, label="Drawdown ladder")


def draw_rules(risk: Mapping[str, object]) -> Html:
    """Returns the limits that are rules rather than amounts."""
    if not risk:
        return parts.empty("No session yet.", "Its rules show once it has begun.")
    return parts.pairs([(LIMITS[name], _rule(name, risk[name])) for name in _RULES if name in risk])


def _rule(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    known = number(value)
    if name.endswith("_fraction") and known is not None:
        return f"{known * 100:g} %"
    return f"{known:g}" if known is not None else str(value)


def draw_refusals(refused: Mapping[str, int]) -> Html:
    """Returns reasons with how often each refused, as bars."""
    if not refused:
        return parts.empty("No entry was refused.", "Each refusal is counted here by its reason.")
    total = sum(refused.values())
    items = []
    for reason, count in refused.items():
        words = GATE_WORDS.get(reason, reason.replace("_", " "))
        told = f"{count:,} ({percent(count / total, 0)})"
        line = element("div", element("span", words), element("b", told, class_="nowrap"),
                       class_="line")  # fmt: skip
        bar = element("div", element("span", style=f"width:{count / total * 100:.1f}%"),
                      class_="meter", aria_hidden="true")  # fmt: skip
        items.append(element("li", line, bar))
    return element("ul", *items, class_="limits one")


def correlations(
    connection: Connection, account: str, symbols: Sequence[str]
) -> FloatColumn | None:
    """Returns Pearson's r of each pair of symbols, NaN where too few returns are known of both;
    None for fewer than two symbols."""
    if len(symbols) < 2:
        return None
    times = browsing.newest_steps(connection, account, _WINDOW + 1)
    if not times:
        return None
    known = browsing.closes_at(connection, account, times)
    closes = np.array(
        [[known.get(symbol, {}).get(time, np.nan) for time in times] for symbol in symbols]
    )
    return matrix_of(np.diff(np.log(closes), axis=1))


def matrix_of(returns: FloatColumn) -> FloatColumn:
    """Returns r of every pair of rows over the columns that both know.

    >>> matrix_of(np.array([np.arange(40.0), -np.arange(40.0)])).round(2).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    count = len(returns)
    found = np.full((count, count), np.nan)
    for i in range(count):
        for j in range(count):
            both = np.isfinite(returns[i]) & np.isfinite(returns[j])
            a, b = returns[i][both], returns[j][both]
            if len(a) >= _FEWEST and a.std() > 0 and b.std() > 0:
                found[i, j] = np.corrcoef(a, b)[0, 1]
    return found


def draw_correlation(symbols: Sequence[str], matrix: FloatColumn | None, threshold: float) -> Html:
    """Returns the matrix; pairs that count as moving alike are marked."""
    if matrix is None:
        return parts.empty("Nothing to compare.", "It takes two symbols and thirty candles.")
    names = [name.removesuffix("USDT") for name in symbols]
    heads = [element("th", name, scope="col", class_="number") for name in names]
    head = element("tr", element("td"), *heads)
    rows = [
        element("tr", element("th", name, scope="row"),
                *[_pair(float(matrix[i, j]), i == j, threshold) for j in range(len(names))])
        for i, name in enumerate(names)
    ]  # fmt: skip
    table = element(
        "table", element("caption", "Correlation of returns", class_="hidden-label"),
        element("thead", head), element("tbody", *rows), class_="matrix",
    )  # fmt: skip
    return element("div", table, class_="scroll", tabindex="0", role="region",
                   aria_label="Correlation of returns")  # fmt: skip


def _pair(r: float, own: bool, threshold: float) -> Html:
    if own:
        return element("td", "1", class_="quiet")
    if not np.isfinite(r):
        return element("td", "n/a", class_="quiet")
    alike = r >= threshold
    strength = min(1.0, abs(r)) * 30
    words = f"{'▲ ' * alike}{r:.2f}".replace("-", "−")
    return element(
        "td", element("b", words) if alike else words,
        style=f"--cell:color-mix(in srgb, var(--hold) {strength:.0f}%, transparent)",
    )  # fmt: skip
