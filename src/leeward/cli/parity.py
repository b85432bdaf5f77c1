"""`leeward parity`: a paper or live session beside a backtest of the candles it saw."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def parity(
    session: Annotated[
        str | None, typer.Argument(metavar="[SESSION]", help="Its id; else the newest.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
) -> None:
    """Replay the candles a session saw, and explain what it did otherwise than a backtest.

    Each decision is taken again from the account as it was; trades are matched with those of an
    unconditional backtest, and the gap between the two profits is split into parts that sum to it
    exactly. Sessions that went on after a restart are one chain. Exit code 1 where a decision or a
    part of the gap is not explained.
    """
    from rich.console import Console

    from leeward.research.parity import check_parity
    from leeward.research.parity_table import print_parity
    from leeward.research.reading import read_sessions
    from leeward.runtime.database import opened_to_read
    from leeward.runtime.settings import load_settings

    settings = load_settings(config)
    with opened_to_read(settings) as database:
        recorded = read_sessions(database, settings, session)
    found = check_parity(recorded)
    if as_json:
        typer.echo(json.dumps(found.as_json(), indent=2, ensure_ascii=False))
    else:
        print_parity(found, Console())
    if not found.is_clean:
        raise typer.Exit(1)
