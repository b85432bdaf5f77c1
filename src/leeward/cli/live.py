"""`leeward live`: trade real money, after a confirmation."""

from __future__ import annotations

import signal
import sys
from functools import partial
from typing import Annotated

import typer

from leeward.cli.trading import (
    Address,
    AsJson,
    Candles,
    Changes,
    Config,
    Lines,
    LogFile,
    NoDashboard,
    Params,
    StrategyName,
    Symbols,
    Timeframe,
    Until,
    asked_for,
    run_trading,
    settings_of,
)


def live(  # noqa: PLR0913 - one argument an option of the command
    strategy: StrategyName,
    symbols: Symbols,
    timeframe: Timeframe = None,
    venue: Annotated[
        str | None, typer.Option(help="binance, testnet, demo or emulator; else the configured.")
    ] = None,
    url: Address = None,
    param: Params = None,
    set_: Changes = None,
    until: Until = None,
    candles: Candles = None,
    log: LogFile = None,
    as_json: AsJson = False,
    no_dashboard: NoDashboard = False,
    no_alerts: Annotated[
        bool, typer.Option("--no-alerts", help="Trade though nobody would hear of trouble.")
    ] = False,
    i_understand_the_risks: Annotated[
        bool, typer.Option("--i-understand-the-risks", help="Without it nothing starts.")
    ] = False,
    config: Config = None,
) -> None:
    """Trade for real: orders at the exchange, with your key and your money.

    Tells what it may lose and asks for a typed confirmation; a service sets
    LEEWARD_LIVE_CONFIRMATION instead. Real money needs a channel of alerts that answers a test
    message, unless told --no-alerts. Ctrl-C ends it and leaves what is held protected.
    """
    from leeward.engine.records import Mode
    from leeward.runtime.trading.trade import Talk

    asked = asked_for(
        Mode.LIVE, strategy, symbols, timeframe, param, until, candles,
        acknowledged=i_understand_the_risks, no_alerts=no_alerts,
    )  # fmt: skip
    talk = Talk(lambda words: typer.echo(words, err=True), _confirm)
    settings = settings_of(venue, url, set_, config)
    lines = partial(Lines, as_json=as_json)
    run_trading(settings, asked, talk, log, lines, dashboard=not no_dashboard)


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
    # The loop's own handler would wait for the line before it ends anything.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return sys.stdin.readline()
    finally:
        signal.signal(signal.SIGINT, before)
