"""`leeward live`: trade real money, after a confirmation."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def live(  # noqa: PLR0913 - one argument an option of the command
    strategy: Annotated[str, typer.Argument(help="A name, or path/to/file.py:Class.")],
    symbols: Annotated[str, typer.Option(help="As in BTCUSDT,ETHUSDT; one account for all.")],
    timeframe: Annotated[
        str | None, typer.Option(help="As in 1h; else the strategy's own.")
    ] = None,
    venue: Annotated[
        str | None, typer.Option(help="binance, testnet, demo or emulator; else the configured.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="The emulator's REST address.")
    ] = None,
    param: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="SECTION.NAME=VALUE", help="A setting.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="UTC time of the venue to end at.")
    ] = None,
    candles: Annotated[int | None, typer.Option(help="End after so many candles.")] = None,
    log: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where notes go; else standard error.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON a candle.")] = False,
    i_understand_the_risks: Annotated[
        bool, typer.Option("--i-understand-the-risks", help="Without it nothing starts.")
    ] = False,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
) -> None:
    """Trade for real: orders at the exchange, with your key and your money.

    Tells what it may lose and asks for a typed confirmation; a service sets
    LEEWARD_LIVE_CONFIRMATION instead. Ctrl-C ends it and leaves what is held protected.
    """
    from leeward.cli.trading import asked_for, run_trading, settings_of
    from leeward.engine.records import Mode
    from leeward.runtime.trading.trade import Talk

    asked = asked_for(
        Mode.LIVE, strategy, symbols, timeframe, param, until, candles,
        acknowledged=i_understand_the_risks,
    )  # fmt: skip
    talk = Talk(lambda words: typer.echo(words, err=True), _confirm)
    run_trading(settings_of(venue, url, set_, config), asked, talk, log, as_json=as_json)


def _confirm(words: str, phrase: str) -> str | None:
    """Returns the service's confirmation, or what is typed on a terminal; None without either."""
    from leeward.runtime.settings import live_confirmation

    typer.echo(words, err=True)
    given = live_confirmation()
    if given is not None:
        return given
    if not sys.stdin.isatty():
        return None
    typer.echo(f"Type '{phrase}' to begin, anything else to leave: ", err=True, nl=False)
    return sys.stdin.readline()
