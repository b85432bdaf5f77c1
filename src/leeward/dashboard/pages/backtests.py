"""The page of backtests: run one, watch it, compare them, open their reports."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from nicegui import ui

from leeward.dashboard.backtests import Run, Wish
from leeward.dashboard.pages import parts
from leeward.dashboard.pages.drawing import Chart
from leeward.dashboard.pages.frame import Said, Seat
from leeward.dashboard.pages.parts import Column
from leeward.dashboard.pages.steering import params_of
from leeward.data.store import CandleStore
from leeward.domain.errors import BadUsage, LeewardError, Refused
from leeward.report.elements import Html, element, join, typeset
from leeward.report.words import percent, ratio
from leeward.runtime.clock import now_ms
from leeward.runtime.settings import Settings

_LOOK_S: Final = 0.5
_STATES: Final = {"waiting": "unknown", "running": "warning", "done": "ok", "failed": "bad",
                  "stopped": "unknown"}  # fmt: skip
_COLUMNS: Final = (
    Column("Backtest"),
    Column("State"),
    Column("Return", number=True),
    Column("Holding", number=True),
    Column("Drawdown", number=True),
    Column("Sharpe", number=True),
    Column("Trades", number=True),
    Column("Won", number=True),
    Column("Fees", number=True),
    Column(""),
)
_TIMEFRAMES: Final = ("", "1m", "5m", "15m", "30m", "1h", "4h", "1d")


async def build(seat: Seat) -> None:
    """Builds the page."""
    seat.still(parts.title("Backtests", "Each runs in a process of its own, one after the other."))
    stored = await asyncio.to_thread(stored_symbols, seat.feed.settings)
    answer: ui.html

    async def start(said: Said) -> None:
        if "strategy" not in said:
            return
        try:
            _may(seat)
            run = seat.dashboard.backtests.start(wish_of(said), seat.user.actor)
        except LeewardError as error:
            answer.set_content(parts.banner("bad", "Not started.", element("span", str(error))))
            return
        answer.set_content(parts.banner("ok", f"{run.wish.strategy} is started."))
        await listed.refresh()

    with Chart.carded("Run one", "Candles come from the store; leeward data download adds some."):
        # Whole or not yet: a form drawn anew would lose what was typed into it.
        form = seat.still(parts.waiting("Looking which strategies there are …"), start)
        answer = seat.still(Html(""))

    async def stop(said: Said) -> None:
        if said.get("act") == "stop":
            _may(seat)
            seat.dashboard.backtests.stop(said.get("run", ""))
            await listed.refresh()

    async def runs() -> Html:
        return draw_runs(seat.dashboard.backtests.all(), now_ms())

    with Chart.carded("Runs", "Beside each other, the newest first."):
        listed = await seat.part(runs, stop)
    seen = seat.dashboard.backtests.version

    async def look() -> None:
        nonlocal seen
        if seen != seat.dashboard.backtests.version:
            seen = seat.dashboard.backtests.version
            await listed.refresh()

    async def name_strategies() -> None:
        form.set_content(draw_form(await strategies(seat), stored))

    ui.timer(_LOOK_S, look)
    seat.later(name_strategies)


def _may(seat: Seat) -> None:
    if not (seat.user.holds() and seat.user.is_operator):
        raise Refused("your session has ended; sign in again")


async def strategies(seat: Seat) -> list[str]:
    """Returns the names of the strategies, the simplest where they cannot be listed."""
    try:
        answer = await seat.dashboard.asking.ask("strategies", "list")
    except LeewardError:
        return ["ema_cross"]
    found = answer.get("strategies", []) if isinstance(answer, dict) else []
    return [str(each["name"]) for each in found] or ["ema_cross"]


def stored_symbols(settings: Settings) -> list[str]:
    """Returns the symbols that the store has candles of."""
    return list(dict.fromkeys(symbol for symbol, _ in CandleStore(settings.data.dir).series()))


def wish_of(said: Said) -> Wish:
    """Returns what the form asks for; raises BadUsage where it cannot be read."""
    named = said.get("symbols", "").upper().replace(",", " ").split()
    params = {name: str(value) for name, value in params_of(said.get("params", "")).items()}
    return Wish(
        strategy=said.get("strategy", ""),
        symbols=tuple(dict.fromkeys(named)),
        timeframe=said.get("timeframe") or None,
        start=said.get("start") or None,
        end=said.get("end") or None,
        balance=_amount(said.get("balance", ""), "balance"),
        params=params,
    )


def _amount(text: str, name: str) -> float | None:
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e12:
        raise BadUsage(f"{name} '{text[:40]}' is no amount above zero")
    return value


def draw_form(names: Sequence[str], stored: Sequence[str]) -> Html:
    """Returns what a backtest is asked for with."""
    lengths = [(each, each or "The strategy's own") for each in _TIMEFRAMES]
    hint = ", ".join(stored[:6]) or "none stored yet"
    return element(
        "form",
        parts.field("Strategy", parts.select("strategy", [(name, name) for name in names])),
        parts.field(
            f"Symbols (stored: {hint})",
            parts.text_input("symbols", stored[0] if stored else "", required=True,
                             placeholder="BTCUSDT, ETHUSDT"),
            wide=True,
        ),
        parts.field("Timeframe", parts.select("timeframe", lengths)),
        parts.field("From", parts.text_input("start", type="date")),
        parts.field("To", parts.text_input("end", type="date")),
        parts.field("Balance", parts.text_input("balance", inputmode="decimal",
                                                placeholder="10000")),
        parts.field("Parameters", parts.text_input("params", placeholder="fast=8, slow=21")),
        element("button", "Run", type="submit", class_="button main"),
        class_="controls",
    )  # fmt: skip


def draw_runs(runs: Sequence[Run], at_ms: int) -> Html:
    """Returns the runs beside each other."""
    if not runs:
        return parts.empty("No backtest yet.", "Its figures and its report show here.")
    return parts.table(_COLUMNS, [_row(run, at_ms) for run in runs], label="Backtests")


def _row(run: Run, at_ms: int) -> list[str | None]:
    found = run.metrics or {}
    symbols = ", ".join(run.wish.symbols)
    name = join((run.wish.strategy, element("small", f" {symbols} {run.wish.timeframe or ''}",
                                            class_="quiet")))  # fmt: skip
    trades = found.get("trades")
    known = run.metrics is not None
    return [
        name,
        _state(run, at_ms),
        parts.share(found.get("return_fraction"), sign=True) if known else "",
        parts.share(found.get("buy_and_hold_fraction"), sign=True) if known else "",
        parts.share(found.get("max_drawdown_fraction")) if known else "",
        typeset(ratio(found.get("sharpe"))) if known else "",
        "" if trades is None else f"{trades:,.0f}",
        percent(found.get("win_rate")) if known else "",
        parts.money(found.get("fees_paid")) if known else "",
        _action(run),
    ]


def _state(run: Run, at_ms: int) -> Html:
    badge = parts.badge(run.state, _STATES[run.state])
    if run.state in {"waiting", "running"}:
        bar = element("div", element("span"), class_="progress", role="progressbar",
                      aria_label=f"{run.wish.strategy} {run.state}")  # fmt: skip
        return join((badge, " ", parts.age((at_ms - run.asked_ms) / 1000), bar))
    took = "" if run.took_s is None else f" {run.took_s:g} s"
    words = run.words if run.state == "failed" else took
    return join((badge, " ", element("small", words, class_="quiet")))


def _action(run: Run) -> Html | None:
    if run.state in {"waiting", "running"}:
        return parts.button("Stop", act="stop", kind="small", data_run=run.run_id,
                            data_key=f"stop-{run.run_id}")  # fmt: skip
    if run.has_report:
        return element("a", "Report", href=f"/reports/{run.run_id}", target="_blank",
                       rel="noopener", class_="button small")  # fmt: skip
    return None
