"""`leeward demo`: what Leeward does, in one command."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Annotated

import typer

from leeward.cli.trading import Lines, decided, parts_of
from leeward.domain.times import iso

if TYPE_CHECKING:
    from leeward.monitoring.logs import Log
    from leeward.runtime.settings import Settings
    from leeward.runtime.trading.session import Shown

#: What the start says of the dashboard.
_ADDRESS, _PASSWORD = "dashboard: ", "The password of the dashboard"
#: Candles between two lines of what the account is worth: half a minute.
_STEPS = 60
#: Where nobody is there to press Ctrl-C.
_UNATTENDED_CANDLES = 60


def demo(
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A folder with BTCUSDT 1h candles.")
    ] = None,
    report: Annotated[Path, typer.Option(metavar="FILE.html")] = Path("leeward-demo.html"),
    no_paper: Annotated[
        bool, typer.Option("--no-paper", help="End after the backtests, without paper trading.")
    ] = False,
    candles: Annotated[
        int | None,
        typer.Option(help="End paper trading after so many; else 60, on a terminal by Ctrl-C."),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
) -> None:
    """Backtest three strategies side by side, write the report, then trade on paper to watch.

    The backtests are on real BTCUSDT candles from --data, the store or Binance; else on a generated
    market. Paper trading is on a local exchange with a generated market, at 120 times the speed of
    a real one, in a folder of its own that is gone afterwards.
    """
    from rich.console import Console

    from leeward.report.files import check_writable
    from leeward.report.html import write_report
    from leeward.report.terminal import print_comparison
    from leeward.runtime.demo import STRATEGIES, find_market, run_demo
    from leeward.runtime.settings import load_settings

    check_writable(report)
    settings = load_settings(config)
    notes = Console(stderr=True)
    market = find_market(settings, data, notes.print)
    results = []
    with notes.status("Compiling; only the first run takes a while") as status:
        runs = run_demo(market, settings)
        for name in STRATEGIES:
            status.update(f"Backtesting {name}")
            results.append(next(runs))
        status.update("Writing the report")
        write_report(report, results)
    console = Console()
    print_comparison(results, console)
    console.print(f"Market: {market.source}")
    console.print(f"Report: {report.absolute()}", soft_wrap=True)
    if not no_paper:
        _trade_on_paper(settings, candles)
    command = typed_as(sys.argv[0])
    console.print(f"Next:   {command} init", soft_wrap=True)
    console.print(f"        {command} data download BTCUSDT --timeframe 1h", soft_wrap=True)
    console.print(f"        {command} backtest ema_cross --symbols BTCUSDT --timeframe 1h")


def typed_as(program: str) -> str:
    """Returns what to type: `make demo` runs the program by its path, and a shell that did not
    activate the environment finds it by nothing else."""
    return "leeward" if which("leeward") else program


def _trade_on_paper(settings: Settings, candles: int | None) -> None:
    from leeward.cli.trading import run_trading
    from leeward.runtime.demo_trading import trading_stage
    from leeward.runtime.trading.trade import Talk

    attended = sys.stdout.isatty() and candles is None
    typer.echo(
        "\nPaper trading on a local exchange with a generated market (SYNTHETIC): two candles a "
        "second, settings that trade often and earn nothing." + " Ctrl-C ends it." * attended
    )
    if not attended and candles is None:
        candles = _UNATTENDED_CANDLES
    told: list[str] = []

    def say(words: str) -> None:
        typer.echo(words)
        if words.startswith((_ADDRESS, _PASSWORD)):
            told.append(words)

    talk = Talk(say, lambda *_: None)
    with trading_stage(settings, candles) as (used, asked):
        log = used.data.dir.parent / "notes.jsonl"
        # Its folder has no password yet, and only a terminal is shown a new one.
        shown = sys.stderr.isatty()
        if not shown:
            typer.echo("No dashboard: its password would end in a log; run this on a terminal")
        run_trading(used, asked, talk, log, partial(FewLines, told), dashboard=shown)


class FewLines(Lines):
    """Prints what is bought and sold, and every so often what the account is worth and, as `told`
    at the start, where it can be watched: a line a candle would carry that off the screen."""

    def __init__(self, told: Sequence[str], log: Log) -> None:
        super().__init__(log, as_json=False)
        self._told, self._steps = told, 0

    def show(self, shown: Shown) -> None:
        marked, rows = parts_of(shown)
        at = iso(marked.open_time_ms)
        for row in rows:
            if row.decision == "enter":
                self.print(f"{at}  {decided(row)}")
        self._steps += 1
        if self._steps % _STEPS == 0:
            self.print(f"{at}  equity {marked.equity:,.2f}")
            for words in self._told:
                self.print(f"  {words.replace(', shown this once', '')}")
