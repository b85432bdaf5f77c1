"""What `leeward paper` and `leeward live` share: settings of a run, and its lines."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leeward.cli.backtest import read_pairs
from leeward.domain.errors import BadUsage

if TYPE_CHECKING:
    from leeward.engine.records import EquityMarked, Executed, Mode, Noted, Trade
    from leeward.monitoring.logs import Log
    from leeward.runtime.settings import Settings
    from leeward.runtime.trading.facts import Asked
    from leeward.runtime.trading.session import Shown
    from leeward.runtime.trading.trade import Talk

# The options of both commands.
StrategyName = Annotated[str, typer.Argument(help="A name, or path/to/file.py:Class.")]
Symbols = Annotated[str, typer.Option(help="As in BTCUSDT,ETHUSDT; one account for all.")]
Timeframe = Annotated[str | None, typer.Option(help="As in 1h; else the strategy's own.")]
Address = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="The emulator's REST address.")
]
Params = Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE")]
Changes = Annotated[
    list[str] | None, typer.Option("--set", metavar="SECTION.NAME=VALUE", help="A setting.")
]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="UTC time of the venue to end at.")]
Candles = Annotated[int | None, typer.Option(help="End after so many candles.")]
LogFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Where notes go; else standard error.")
]
NoDashboard = Annotated[bool, typer.Option("--no-dashboard", help="Trade without pages.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="A line of JSON a candle, and a closed position.")
]
Config = Annotated[Path | None, typer.Option(help="Settings file.")]


def settings_of(
    venue: str | None, url: str | None, changes: list[str] | None, config: Path | None
) -> Settings:
    """Returns the settings of a run; `--venue` and `--url` win over them."""
    from leeward.runtime.settings import load_settings

    chosen = list(changes or [])
    if venue is not None or url is not None:
        chosen.append(f"venue.name={venue or 'emulator'}")
    if url is not None:
        chosen.append(f"venue.url={url}")
    return load_settings(config, chosen)


def asked_for(  # noqa: PLR0913 - one argument an option of the commands
    mode: Mode,
    strategy: str,
    symbols: str,
    timeframe: str | None,
    param: list[str] | None,
    until: str | None,
    candles: int | None,
    *,
    acknowledged: bool,
    no_alerts: bool = False,
) -> Asked:
    """Returns the options as one thing; raises BadUsage for what no exchange has."""
    from leeward.domain import timeframe as candle_lengths
    from leeward.domain.times import parse_time
    from leeward.runtime.trading.facts import Asked

    if timeframe is not None:
        candle_lengths.Timeframe.parse(timeframe)
    names = tuple(name.strip().upper() for name in symbols.split(",") if name.strip())
    for name in names:
        if not re.fullmatch(r"[\w.-]+", name):
            raise BadUsage(
                f"symbols: '{name}' is not written as an exchange does; use letters and digits, "
                "and a comma between two, as in --symbols BTCUSDT,ETHUSDT"
            )
    return Asked(
        mode,
        strategy,
        names,
        timeframe,
        read_pairs(param or []),
        None if until is None else parse_time(until, "--until"),
        candles,
        acknowledged,
        no_alerts,
    )


def run_trading(
    settings: Settings,
    asked: Asked,
    talk: Talk,
    log_file: Path | None,
    lines_of: Callable[[Log], Lines],
    *,
    dashboard: bool,
) -> None:
    """Trades until the end and prints the lines of its steps; notes go to the log."""
    import asyncio
    from contextlib import ExitStack
    from dataclasses import replace

    from leeward.cli.companions import companions
    from leeward.monitoring.logs import open_log
    from leeward.runtime.clock import now_ms
    from leeward.runtime.settings import secrets_in
    from leeward.runtime.trading.start import Watcher
    from leeward.runtime.trading.trade import trade

    log = open_log(log_file, now_ms, secrets_in(settings))
    lines = lines_of(log)
    beside = ExitStack()

    def begun() -> None:
        beside.enter_context(companions(settings, talk.say, dashboard=dashboard))

    try:
        with beside:
            watcher = Watcher(lines.show, lines.note, lines.closed)
            words = asyncio.run(trade(settings, asked, watcher, replace(talk, begun=begun)))
        log.event("session_ended", words=words)
        lines.end(words)
    finally:
        lines.close()
        log.close()


def plain(amount: Decimal) -> str:
    """Returns an exact amount without trailing zeros.

    >>> plain(Decimal("9985.1300")), plain(Decimal("1E+3"))
    ('9985.13', '1000')
    """
    return f"{amount.normalize():f}"


class Lines:
    """Prints steps on standard output: a line of words each, or of JSON. An output that takes no
    more, a terminal or a pipe that was closed or stopped, loses the lines; the session goes on."""

    def __init__(self, log: Log, *, as_json: bool) -> None:
        from leeward.monitoring.outlet import Outlet

        self._log, self._as_json, self._outlet = log, as_json, Outlet(sys.stdout, keep_open=True)

    def note(self, noted: Noted) -> None:
        self._log.noted(noted)

    def show(self, shown: Shown) -> None:
        self.print(_json_line(shown) if self._as_json else _line(shown))

    def closed(self, trade: Trade) -> None:
        self.print(_json_closed(trade) if self._as_json else _closed(trade))

    def end(self, words: str) -> None:
        self.print(json.dumps({"ended": words}) if self._as_json else words)

    def close(self) -> None:
        self._outlet.close()

    def print(self, text: str) -> None:
        self._outlet.write(f"{text}\n")


def _json_line(shown: Shown) -> str:
    from leeward.domain.times import iso

    marked, rows = parts_of(shown)
    decisions = [
        {
            "symbol": each.symbol,
            "data": each.data_state,
            "close": None if each.candle is None else each.candle[3],
            "decision": each.decision,
            "reason": each.reason,
            "quantity": each.quantity,
            "stop": each.stop,
            "intent_id": each.intent_id,
        }
        for each in rows
    ]
    return json.dumps(
        {
            "candle": iso(marked.open_time_ms),
            "state": shown.state.value,
            "equity": plain(marked.equity),
            "cash": plain(marked.cash),
            "took_ms": round(shown.took_s * 1000, 3),
            "decisions": decisions,
        }
    )


def _line(shown: Shown) -> str:
    from leeward.domain.times import iso

    marked, rows = parts_of(shown)
    said = "  ".join(decided(each) for each in rows if each.decision != "none")
    quiet = sum(each.decision == "none" for each in rows)
    if quiet:
        said += f"{'  ' * bool(said)}{quiet} without a signal" if len(rows) > 1 else "no signal"
    state = "" if shown.state.value == "ACTIVE" else f"[{shown.state}] "
    return f"{iso(marked.open_time_ms)}  {marked.equity:,.2f}  {state}{said}"


def _json_closed(trade: Trade) -> str:
    from leeward.domain.times import iso

    closed = {
        "symbol": trade.symbol,
        "time": iso(trade.exit_time_ms),
        "reason": trade.exit_reason,
        "quantity": plain(_sold(trade)),
        "price": plain(trade.exit_price.value),
        "pnl": plain(trade.pnl.amount),
        "currency": trade.pnl.currency,
    }
    return json.dumps({"closed": closed})


def _closed(trade: Trade) -> str:
    from leeward.domain.times import iso

    at, pnl = iso(trade.exit_time_ms // 1000 * 1000), trade.pnl
    price = Decimal(f"{trade.exit_price.value:.8g}").normalize()
    sold = f"{plain(_sold(trade))} at {price:,f} ({trade.exit_reason})"
    earned = f"{pnl.amount:+,.2f} {pnl.currency} after fees"
    return f"{at}  {trade.symbol} SOLD {sold}: {earned}"


def _sold(trade: Trade) -> Decimal:
    """Returns how much was sold: less than was bought, where a commission took coins or what was
    left is too little to sell."""
    return round(trade.proceeds.amount / trade.exit_price.value, 8)


def decided(row: Executed) -> str:
    """Returns in words what was decided on a symbol."""
    match row.decision:
        case "enter":
            stop = "" if row.stop is None else f", stop {row.stop:g}"
            return f"{row.symbol} BUY {row.quantity:g}{stop}"
        case "exit":
            return f"{row.symbol} SELL ({row.reason})"
        case "hold":
            return f"{row.symbol} hold{f' ({row.reason})' * bool(row.reason)}"
        case _:
            return f"{row.symbol} {row.decision}: {row.reason}"


def parts_of(shown: Shown) -> tuple[EquityMarked, list[Executed]]:
    """Returns the account at the step, and what was decided on each symbol."""
    from leeward.engine.records import EquityMarked, Executed

    records = shown.decision.records
    marked = next(each for each in records if isinstance(each, EquityMarked))
    return marked, [each for each in records if isinstance(each, Executed)]
