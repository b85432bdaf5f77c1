"""`leeward demo`: what Leeward does, in one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A folder with BTCUSDT 1h candles.")
    ] = None,
    report: Annotated[Path, typer.Option(metavar="FILE.html")] = Path("leeward-demo.html"),
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
) -> None:
    """Backtest three strategies side by side and write the report.

    On real BTCUSDT candles from --data, the store or Binance; else on a generated market.
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
    console.print("Next:   leeward data download BTCUSDT --timeframe 1h")
    console.print("        leeward backtest ema_cross --symbols BTCUSDT --timeframe 1h")
