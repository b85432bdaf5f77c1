"""The page of models: what each is worth, how those in use fare, and who challenges them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from nicegui import ui
from sqlalchemy import Connection, select

from leeward.dashboard.charts import Curve, Options, curve_options
from leeward.dashboard.pages import parts
from leeward.dashboard.pages.drawing import Chart
from leeward.dashboard.pages.frame import Said, Seat
from leeward.dashboard.pages.parts import Column
from leeward.database import reading, tables
from leeward.domain.errors import LeewardError
from leeward.inference.metadata import LEAST_COVERAGE, MOST_DRIFT
from leeward.report.elements import Html, element, join, typeset
from leeward.report.words import percent
from leeward.runtime.clock import now_ms
from leeward.runtime.health import mapping, number
from leeward.runtime.overview import Overview

_CARD: Final = "card"
#: A comparison grows with the candles: it is kept for so long.
_COMPARED_MS: Final = 60_000
_LEVELS: Final = {"sound": "ok", "silent": "unknown", "old": "warning", "drifted": "warning",
                  "misses": "warning"}  # fmt: skip
_LISTED: Final = (Column("Model"), Column("Version"), Column("Status"), Column("Where"),
                  Column("Read first"), Column(""))  # fmt: skip
_GATES: Final = (Column("Gate"), Column("Found", number=True), Column("Asked", number=True),
                 Column("Passed"))  # fmt: skip


async def build(seat: Seat) -> None:
    """Builds the page."""
    seat.still(parts.title("Models"))

    async def in_use() -> Html:
        note = "Checked at every candle; a model that is not sound has no say."
        return parts.card("In use now", draw_signs(seat.overview()), note=note)

    await seat.live(in_use)
    await _curves(seat)
    with Chart.carded("Champion against challenger", "Both on the same candles, in shadow."):
        rivals = seat.still(parts.waiting("Comparisons are being read …"))
    told: ui.html

    async def heard(said: Said) -> None:
        if said.get("act") == "card":
            await _show_card(seat, told, said.get("name", ""), said.get("version", ""))

    with Chart.carded("All models", "Shipped, trained here, or archived."):
        listed = seat.still(parts.waiting("Models are being listed …"), heard)
    told = seat.dialog(_CARD, "Model card")

    async def first() -> None:
        rivals.set_content(await _compared(seat))
        await _list(seat, listed)

    seat.later(first)


def draw_signs(found: Overview) -> Html:
    """Returns how the models of the running session do."""
    signs = [mapping(each) for each in mapping(found.facts.get("models")).values()]
    if not signs:
        return parts.empty(
            "No model is in use.", "Strategies such as ml_basic ask one; its state shows here."
        )
    return join(_signs(each) for each in signs)


def _signs(each: Mapping[str, object]) -> Html:
    state = str(each.get("state"))
    coverage, drift = number(each.get("coverage")), number(each.get("psi"))
    age, oldest = number(each.get("age_days")), number(each.get("max_age_days"))
    confidence = number(each.get("confidence"))
    heading = element(
        "p", parts.badge(state, _LEVELS.get(state, "unknown")), " ",
        element("b", str(each.get("name"))), f" {each.get('version')} for {each.get('symbol')}",
    )  # fmt: skip
    why = str(each.get("why") or "")
    return element(
        "div", heading, element("p", why, class_="quiet") if why else None,
        parts.tiles((
            ("Drift", "too early" if drift is None else f"{drift:.3f}",
             f"stability index; no say above {MOST_DRIFT:g}"),
            ("Coverage", percent(coverage) if coverage is not None else "too early",
             f"of moves within the 90 % bounds; no say below {percent(LEAST_COVERAGE, 0)}"),
            ("Confidence", "none" if confidence is None else f"{confidence:.2f}", "0 to 1"),
            # A model is newer than candles of years ago, as the emulator replays them.
            ("Age", "unknown" if age is None else f"{max(0.0, age):.0f} days",
             None if oldest is None else f"no say after {oldest:.0f} days"),
        )),
        class_="stacked",
    )  # fmt: skip


async def _curves(seat: Seat) -> None:
    """Draws how drift and coverage went in this session, where a model was asked."""
    if not mapping(seat.overview().facts.get("models")):
        return
    with Chart.carded("Drift and coverage", "Once an hour, and at every change."):
        chart = Chart(await _history(seat), "Drift and coverage of the models over time")

    async def redraw() -> Html:
        chart.show(await _history(seat), "Drift and coverage of the models over time")
        return Html("")

    await seat.live(redraw)


async def _history(seat: Seat) -> Options:
    found = seat.overview()
    names = tuple(mapping(found.facts.get("models")))
    session = "" if found.session is None else found.session.started.session_id
    curves = await seat.feed.read(
        ("models", session, names), lambda c: _measured(c, session, names), seat.account
    )
    return curve_options(curves, form="price")


def _measured(connection: Connection, session: str, names: Sequence[str]) -> list[Curve]:
    curves = []
    for place, (name, what) in enumerate((n, w) for n in names for w in ("psi", "coverage")):
        rows = reading.measured(connection, session, f"{name} {what}")
        time = np.array([at for at, _ in rows], dtype=np.int64)
        value = np.array([each for _, each in rows], dtype=np.float64)
        label = f"{name} {'drift' if what == 'psi' else what}"
        curves.append(Curve(label, time, value, f"var(--line-{place % 5})", what == "coverage"))
    return curves


async def _list(seat: Seat, listed: ui.html) -> None:
    """Shows all models."""
    try:
        answer = await seat.dashboard.asking.ask("models", "list", stamp=seat.feed.stamp(""))
    except LeewardError as error:
        listed.set_content(parts.banner("warning", "They cannot be listed now.", str(error)))
        return
    found = mapping(answer).get("models")
    models = [mapping(each) for each in found] if isinstance(found, list) else []
    listed.set_content(draw_list(models))


def draw_list(models: Sequence[Mapping[str, object]]) -> Html:
    """Returns the table of models."""
    if not models:
        return parts.empty("No models.", "leeward train price --symbol BTCUSDT makes one.")
    rows: list[Sequence[str | None]] = [
        [
            str(each.get("name")),
            element("code", str(each.get("version"))),
            str(each.get("status")),
            parts.badge("active", "ok") if each.get("active") else str(each.get("place")),
            str(each.get("note") or ""),
            parts.button(
                "Card", act="card", kind="small", data_name=str(each.get("name")),
                data_version=str(each.get("version")) if each.get("place") == "archived" else "",
                data_key=f"card-{each.get('name')}-{each.get('version')}",
                aria_label=f"Card of {each.get('name')}",
            ),
        ]
        for each in models
    ]  # fmt: skip
    return parts.table(_LISTED, rows, label="Models")


async def _compared(seat: Seat) -> Html:
    """Returns the comparisons that were made; in words where there are none."""
    drawn: list[Html] = []
    query = select(tables.shadow_forecasts.c.name).distinct()
    for name in await seat.feed.read("compared", lambda c: list(c.execute(query).scalars())):
        try:
            answer = await seat.dashboard.asking.ask(
                "models", "compare", "--", name, stamp=now_ms() // _COMPARED_MS
            )
        except LeewardError:
            continue
        found = mapping(answer).get("comparisons", answer)
        pairs = found if isinstance(found, list) else [found]
        drawn += [draw_comparison(mapping(each)) for each in pairs]
    if drawn:
        return join(drawn)
    return parts.empty(
        "No challenger.",
        "leeward models challenge NAME lets another version predict beside the one in use, "
        "without a say.",
    )


def draw_comparison(found: Mapping[str, object]) -> Html:
    """Returns one comparison: who, on how many candles, both means, and the verdict."""
    means = mapping(found.get("means"))
    ours, theirs = mapping(means.get("champion")), mapping(means.get("challenger"))
    rows: list[Sequence[str | None]] = [
        [words, *(f"{number(side.get(key)) or 0.0:.4f}" for side in (ours, theirs))]
        for key, words in (("squared_error", "Squared error"), ("brier", "Brier score"),
                           ("right", "Side right"))
    ]  # fmt: skip
    columns = (Column("Mean"), Column("Champion", number=True), Column("Challenger", number=True))
    head = f"{found.get('name')}: {found.get('candles')} candles"
    who = (
        f"champion {str(found.get('champion'))[:12]}, challenger "
        f"{str(found.get('challenger'))[:12]}"
    )
    return element(
        "div", element("h3", head), element("p", who, class_="note"),
        parts.table(columns, rows, label=head),
        element("p", element("b", "Verdict: "), str(found.get("verdict"))), class_="stacked",
    )  # fmt: skip


async def _show_card(seat: Seat, told: ui.html, name: str, version: str) -> None:
    told.set_content(parts.waiting("The card is being read …"))
    ui.run_javascript(f"leewardDialog.open('{_CARD}')")
    chosen = [f"--version={version}"] if version else []
    try:
        answer = await seat.dashboard.asking.ask(
            "models", "show", *chosen, "--", name, stamp=seat.feed.stamp("")
        )
    except LeewardError as error:
        told.set_content(parts.banner("warning", "The card cannot be read now.", str(error)))
        return
    told.set_content(draw_card(mapping(answer)))


def draw_card(card: Mapping[str, object]) -> Html:
    """Returns what a model is made of and how it was judged, from its metadata."""
    data, target = mapping(card.get("data")), mapping(card.get("target"))
    proven = card.get("status_cap") == "live"
    told = parts.banner(
        "ok" if proven else "warning",
        "Its edge is proven by all gates." if proven else "No demonstrated edge.",
        element("span", f"It may be used up to status {card.get('status_cap')}."),
    )
    accuracy = mapping(mapping(card.get("metrics")).get("accuracy"))
    share, windows = percent(number(accuracy.get("value"))), accuracy.get("n")
    right = f"{share} of {windows} windows that it was not trained on"
    pairs = parts.pairs([
        ("model", f"{card.get('model_id')} {card.get('version')}"),
        ("learns", f"{target.get('kind')} of {card.get('symbol')} {card.get('timeframe')}"),
        ("candles", f"{str(data.get('first'))[:10]} to {str(data.get('last'))[:10]}"),
        ("right", right),
    ])  # fmt: skip
    gates = card.get("gates")
    rows = [_gate(mapping(each)) for each in gates] if isinstance(gates, list) else []
    gate_table = parts.table(_GATES, rows, label="Gates")
    return element("div", told, pairs, element("h3", "Gates"), gate_table, class_="stacked")


def _gate(gate: Mapping[str, object]) -> list[str | None]:
    value = number(gate.get("value"))
    passed = bool(gate.get("pass"))
    return [
        f"{gate.get('gate')} {str(gate.get('name')).replace('_', ' ')}",
        "unknown" if value is None else typeset(f"{value:.4g}"),
        str(gate.get("threshold")),
        parts.badge("yes", "ok") if passed else parts.badge("no", "bad"),
    ]
