"""`leeward swap`: another strategy for a session that goes on, from any process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from leeward.cli.backtest import read_pairs


def swap(  # noqa: PLR0913 - one argument an option of the command
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[STRATEGY|MODEL]",
            help="A strategy, path/to/file.py:Class, or a model: the present strategy on what is "
            "promoted now or, if it reads no model, ml_basic (ml_with_sentiment) in its place.",
        ),
    ] = None,
    param: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE")] = None,
    positions: Annotated[
        str,
        typer.Option(
            help="What is held: adopt (keeps its stop, gets the new exits), manage_out (the old "
            "strategy manages it to its end), close (sold at the swap)."
        ),
    ] = "adopt",
    shadow: Annotated[
        int, typer.Option(help="Candles that the new one is tried on first, without orders.")
    ] = 0,
    rollback: Annotated[
        bool,
        typer.Option("--rollback", help="Back to the strategy before; calls off one that waits."),
    ] = False,
    account: Annotated[
        str | None,
        typer.Option(help="As in paper:binance:main; else the only one, or the one running."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="SECTION.NAME=VALUE", help="A setting.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
) -> None:
    """Exchange the strategy of a running session at a candle close; positions stay protected.

    The new one is loaded and checked beside the one that trades, which goes on if it is not fit.
    Killed at any moment, the account has the old one or the new one. Limits stay as they are.
    """
    from leeward.runtime.operating import swap as ask
    from leeward.runtime.operating import wish_for
    from leeward.runtime.settings import load_settings

    settings = load_settings(config, set_ or [])
    wish = wish_for(settings, name, read_pairs(param or []), positions, shadow, rollback=rollback)
    answer = ask(settings, wish, account)
    words = answer.outcome or answer.planned
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "account": answer.account,
                    "command": answer.command_id,
                    "running": answer.running,
                    "done": answer.outcome is not None,
                    "words": words,
                }
            )
        )
    elif words is not None:
        typer.echo(f"{answer.account}: {words}")
    elif not answer.running:
        typer.echo(
            f"{answer.account}: no process trades it; swap is written down (command "
            f"{answer.command_id}) and is begun first thing when one starts"
        )
    if words is None and answer.running:
        typer.echo(
            f"leeward: {answer.account}: swap was sent (command {answer.command_id}), and nothing "
            "was heard of it yet; see `leeward status`",
            err=True,
        )
        raise typer.Exit(1)
