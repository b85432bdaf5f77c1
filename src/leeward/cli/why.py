"""`leeward why`: the chain of one decision in plain words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leeward.domain.errors import BadUsage


def why(  # noqa: PLR0913 - one argument an option of the command
    symbol: Annotated[str, typer.Argument(help="As in BTCUSDT.")],
    time: Annotated[
        str | None,
        typer.Argument(
            metavar="[TIME]", help="When the candle opens, as in 2024-03-05T10:00Z; else the last."
        ),
    ] = None,
    session: Annotated[
        str | None, typer.Option(metavar="ID", help="Of a session; else the one that decided it.")
    ] = None,
    backtest: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help="Of a backtest's result.")
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option(metavar="FILE.py:CLASS", help="Where a backtest's own strategy is."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the chain as JSON.")] = False,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
) -> None:
    """Tell why a candle was decided as it was: data, strategy, gate, size, orders, fills, profit.

    Of the newest paper or live session that trades the symbol, of the one named, or of a backtest's
    result, whose candles are read from the store.
    """
    from leeward.domain.times import parse_time
    from leeward.research.reading import newest_of, read_sessions, session_of
    from leeward.research.why import why_in_session
    from leeward.research.why_backtest import why_in_backtest
    from leeward.runtime.database import opened_to_read
    from leeward.runtime.settings import load_settings

    if backtest is not None and session is not None:
        raise BadUsage("--session and --backtest: a decision is of one of the two; name one")
    if strategy is not None and backtest is None:
        raise BadUsage("--strategy goes with --backtest; a session knows where its strategy is")
    settings, name = load_settings(config), symbol.strip().upper()
    time_ms = None if time is None else parse_time(time, "TIME")
    if backtest is not None:
        chain = why_in_backtest(backtest, settings, name, time_ms, strategy)
    else:
        with opened_to_read(settings) as database:
            if session is None and time_ms is not None:
                session = session_of(database, name, time_ms)
            session = session or newest_of(database, name)
            recorded = read_sessions(database, settings, session)
        chain = why_in_session(recorded, name, time_ms)
    _show(chain, as_json)


def _show(chain: object, as_json: bool) -> None:
    import json

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from leeward.report.why import Chain, as_json_object, tell

    assert isinstance(chain, Chain)
    if as_json:
        typer.echo(json.dumps(as_json_object(chain), indent=2, ensure_ascii=False))
        return
    console = Console()
    console.print(Text(chain.source, style="dim"))
    table = Table.grid(padding=(0, 1))
    table.add_column(width=10, style="dim")
    table.add_column(overflow="fold")
    for label, text in tell(chain):
        table.add_row(Text(label), Text(text))
    console.print(table)
