"""`leeward paper`: trade with prices that are real and money that is not."""

from __future__ import annotations

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


def paper(  # noqa: PLR0913 - one argument an option of the command
    strategy: StrategyName,
    symbols: Symbols,
    timeframe: Timeframe = None,
    venue: Annotated[
        str | None, typer.Option(help="Whose prices: binance, testnet, demo or emulator.")
    ] = None,
    url: Address = None,
    param: Params = None,
    set_: Changes = None,
    until: Until = None,
    candles: Candles = None,
    log: LogFile = None,
    as_json: AsJson = False,
    no_dashboard: NoDashboard = False,
    i_understand_the_risks: Annotated[
        bool, typer.Option("--i-understand-the-risks", help="Allow limits above the safe ones.")
    ] = False,
    config: Config = None,
) -> None:
    """Trade on paper: real candles, the backtest's fills, the order path of live trading.

    No key is needed. Ctrl-C ends it; what is held stays in the paper account, and goes on with the
    next start.
    """
    from leeward.engine.records import Mode
    from leeward.runtime.trading.trade import Talk

    asked = asked_for(
        Mode.PAPER, strategy, symbols, timeframe, param, until, candles,
        acknowledged=i_understand_the_risks,
    )  # fmt: skip
    talk = Talk(lambda words: typer.echo(words, err=True), lambda *_: None)
    settings = settings_of(venue, url, set_, config)
    lines = partial(Lines, as_json=as_json)
    run_trading(settings, asked, talk, log, lines, dashboard=not no_dashboard)
