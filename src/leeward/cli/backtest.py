"""`leeward backtest`: a strategy on past candles."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated

import typer

from leeward.domain.errors import BadUsage


def backtest(  # noqa: PLR0913 - one argument an option of the command
    strategy: Annotated[str, typer.Argument(help="A name, or path/to/file.py:Class.")],
    symbols: Annotated[str, typer.Option(help="As in BTCUSDT,ETHUSDT; one account for all.")],
    timeframe: Annotated[
        str | None, typer.Option(help="As in 1h; else the strategy's own.")
    ] = None,
    start: Annotated[str | None, typer.Option(help="First UTC date; earlier is history.")] = None,
    end: Annotated[str | None, typer.Option(help="UTC date to stop before.")] = None,
    balance: Annotated[float | None, typer.Option(help="Quote units to start with.")] = None,
    fee: Annotated[float | None, typer.Option(help="Fraction of price per side.")] = None,
    slippage: Annotated[float | None, typer.Option(help="Fraction of price per side.")] = None,
    param: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="SECTION.NAME=VALUE", help="A setting.")
    ] = None,
    detail: Annotated[
        str | None, typer.Option(help="Finer candles that tell what came first, as in 1m.")
    ] = None,
    json_: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the result; - prints it.")
    ] = None,
    report: Annotated[Path | None, typer.Option(metavar="FILE.html")] = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the trades.")] = None,
    i_understand_the_risks: Annotated[
        bool, typer.Option("--i-understand-the-risks", help="Allow limits above the safe ones.")
    ] = False,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
) -> None:
    """Run a strategy over past candles and say what it would have earned, and what to doubt."""
    from rich.console import Console

    from leeward.report.files import check_writable
    from leeward.report.terminal import print_summary
    from leeward.runtime.api import backtest as run
    from leeward.runtime.settings import load_settings

    to_stdout = json_ is not None and str(json_) == "-"
    paths = [path for path in (None if to_stdout else json_, report, csv) if path is not None]
    if len({path.absolute() for path in paths}) < len(paths):
        raise BadUsage("--json, --report, --csv: two of them name one file; name a file for each")
    for path in paths:
        check_writable(path)
    notes = Console(stderr=True)
    # What a strategy prints must not end up inside the JSON.
    with notes.status(f"{strategy} on {symbols}"), redirect_stdout(sys.stderr):
        result = run(
            strategy,
            symbols=[name.strip().upper() for name in symbols.split(",") if name.strip()],
            timeframe=timeframe,
            start=start,
            end=end,
            params=read_pairs(param or []),
            balance=balance,
            fee=fee,
            slippage=slippage,
            detail=detail,
            i_understand_the_risks=i_understand_the_risks,
            settings=load_settings(config, set_ or []),
        )
        if json_ is not None and not to_stdout:
            result.write_json(json_)
        if report is not None:
            from leeward.data.certificate import as_json_object, certificate

            result.report(report, [as_json_object(certificate(c)) for c in result.candles])
        if csv is not None:
            result.write_csv(csv)
    if to_stdout:
        typer.echo(result.to_json())
        return
    console = Console()
    print_summary(result, console)
    for path in paths:
        console.print(f"Written: {path}")


def read_pairs(texts: list[str]) -> dict[str, object]:
    """Returns `["fast=30"]` as `{"fast": "30"}`; raises BadUsage for a text without `=`."""
    pairs: dict[str, object] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise BadUsage(f"--param: '{text}' is not NAME=VALUE, as in fast=30")
        pairs[name.strip()] = value.strip()
    return pairs
