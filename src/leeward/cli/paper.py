"""`leeward paper`: trade with prices that are real and money that is not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def paper(  # noqa: PLR0913 - one argument an option of the command
    strategy: Annotated[str, typer.Argument(help="A name, or path/to/file.py:Class.")],
    symbols: Annotated[str, typer.Option(help="As in BTCUSDT,ETHUSDT; one account for all.")],
    timeframe: Annotated[
        str | None, typer.Option(help="As in 1h; else the strategy's own.")
    ] = None,
    venue: Annotated[
        str | None, typer.Option(help="Whose prices: binance, testnet, demo or emulator.")
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
        bool, typer.Option("--i-understand-the-risks", help="Allow limits above the safe ones.")
    ] = False,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
) -> None:
    """Trade on paper: real candles, the backtest's fills, the order path of live trading.

    No key is needed. Ctrl-C ends it; what is held stays in the paper account, and goes on with the
    next start.
    """
    from leeward.cli.trading import asked_for, run_trading, settings_of
    from leeward.engine.records import Mode
    from leeward.runtime.trading.trade import Talk

    asked = asked_for(
        Mode.PAPER, strategy, symbols, timeframe, param, until, candles,
        acknowledged=i_understand_the_risks,
    )  # fmt: skip
    talk = Talk(lambda words: typer.echo(words, err=True), lambda *_: None)
    run_trading(settings_of(venue, url, set_, config), asked, talk, log, as_json=as_json)
