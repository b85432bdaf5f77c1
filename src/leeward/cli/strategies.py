"""`leeward strategies`: list them, write a new one, check one against the contract."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leeward.cli.backtest import read_pairs

if TYPE_CHECKING:
    from leeward.runtime.checking import Checked
    from leeward.runtime.strategies import Description

app = typer.Typer(help="List, write and check strategies.", no_args_is_help=True)

Config = Annotated[Path | None, typer.Option(help="Settings file.")]


@app.command("list")
def list_(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """List the built-in and installed strategies with their parameters."""
    from leeward.domain.errors import LeewardError
    from leeward.runtime.strategies import describe, strategy_names

    described, broken = [], []
    for name in strategy_names():
        try:
            described.append(describe(name))
        except LeewardError as error:
            broken.append(str(error))
    if as_json:
        typer.echo(json.dumps({"strategies": [asdict(each) for each in described]}, indent=2))
    else:
        typer.echo("\n\n".join(_as_text(each) for each in described))
        typer.echo("\n`leeward strategies new NAME` writes one of your own to start from.")
    for message in broken:
        typer.echo(f"leeward: {message}", err=True)
    if broken:
        raise typer.Exit(1)


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="As in my_trend: the file is my_trend.py.")],
    folder: Annotated[Path, typer.Option("--dir", help="Where to write it.")] = Path(),
) -> None:
    """Write a commented strategy that works, to start from."""
    from leeward.runtime.writing import write_strategy

    path = write_strategy(name, folder)
    typer.echo(f"{path} written. Next:")
    typer.echo(f"  leeward strategies check {path}")
    typer.echo(f"  leeward backtest {path} --symbols BTCUSDT --timeframe 1h")


@app.command("check")
def check(
    target: Annotated[str, typer.Argument(help="A name, or path/to/file.py:Class.")],
    param: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE")] = None,
    symbols: Annotated[
        str, typer.Option(help="Stored candles to check on, as in BTCUSDT,ETHUSDT.")
    ] = "",
    timeframe: Annotated[
        str | None, typer.Option(help="As in 1h; else the strategy's own.")
    ] = None,
    config: Config = None,
) -> None:
    """Check that a strategy neither looks ahead nor breaks another rule of the contract.

    On stored candles where there are any, else on a generated market. Ends with 3 when it looks
    ahead, with 1 when it is broken otherwise.
    """
    from leeward.domain.errors import Failed, LooksAhead
    from leeward.runtime.checking import check_on_candles
    from leeward.runtime.settings import load_settings
    from leeward.runtime.strategies import load_strategy
    from leeward.strategies.contract import LOOKS_AHEAD

    strategy = load_strategy(target)(**read_pairs(param or []))
    settings = load_settings(config)
    names = [name.strip().upper() for name in symbols.split(",") if name.strip()]
    kinds = set()
    for checked in check_on_candles(strategy, settings, names, timeframe):
        typer.echo(_as_table(type(strategy).__name__, checked))
        kinds |= {finding.kind for finding in checked.findings}
    if LOOKS_AHEAD in kinds:
        raise LooksAhead(f"{target} looks ahead, as shown above; no backtest of it means anything")
    if kinds:
        raise Failed(f"{target} {' and '.join(sorted(kinds))}, as shown above")


def _as_text(strategy: Description) -> str:
    others = [f"{symbol} {timeframe}" for symbol, timeframe in strategy.informative]
    needs = f"decides after {strategy.warm_up:,}, needs {strategy.history:,}"
    since = f", from {strategy.anchor} on" if strategy.anchor else ""
    lines = [
        f"{strategy.name}  {strategy.summary}",
        f"  {strategy.timeframe} candles; {needs}{since}",
        *([f"  also reads {', '.join(others)}"] if others else []),
    ]
    width = max(map(len, strategy.parameters), default=0)
    lines += [
        f"  {name.ljust(width)}  {each.default!r:>6}  ({each.low} to {each.high})"
        for name, each in strategy.parameters.items()
    ]
    return "\n".join(lines)


def _as_table(name: str, checked: Checked) -> str:
    from leeward.strategies.suite import CHECKS

    candles = checked.candles
    source = "SYNTHETIC candles, generated" if checked.synthetic else "stored candles"
    lines = [f"{name} on {candles.name}: {len(candles):,} {source}"]
    for kind, promise in CHECKS.items():
        findings = [finding for finding in checked.findings if finding.kind == kind]
        lines.append(f"  {'FAILED' if findings else 'ok    '}  {promise}")
        lines += [f"          {finding}" for finding in findings]
    return "\n".join(lines)
