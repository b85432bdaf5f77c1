"""`leeward drill`: the real engine, killed and struck by faults before it trades for real."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from leeward.runtime.drill import Line, Sheet


def drill(
    quick: Annotated[bool, typer.Option("--quick", help="A minute or two; the default.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Every kill and every fault.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the sheet as JSON.")] = False,
) -> None:
    """Rehearse crashes and faults with the real engine on an emulated exchange.

    Nothing leaves this machine and no setting of yours is used. Prints what was tried and what was
    seen; exit code 0 only where every line passed. Read it before going live.
    """
    from leeward.domain.errors import BadUsage
    from leeward.runtime.drill import run_drill

    if quick and full:
        raise BadUsage("drill: --quick and --full contradict each other; give one")

    def say(line: Line) -> None:
        word = "pass" if line.passed else "FAIL"
        seen = "" if line.passed else f": {line.seen}"
        typer.echo(f"{word}  {line.tried} ({line.took_s:.0f} s){seen}", err=True)

    sheet = run_drill("full" if full else "quick", say)
    if as_json:
        told = {"passed": sheet.passed, **asdict(sheet)}
        typer.echo(json.dumps(told, indent=2))
    else:
        _show(sheet)
    if not sheet.passed:
        raise typer.Exit(1)


def _show(sheet: Sheet) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", "tried", "seen", "s")
    for line in sheet.lines:
        word = "[green]pass[/]" if line.passed else "[bold red]FAIL[/]"
        table.add_row(word, line.tried, line.seen, f"{line.took_s:.0f}")
    console = Console()
    console.print(table)
    failed = sum(not line.passed for line in sheet.lines)
    verdict = "all passed" if sheet.passed else f"{failed} failed: do not go live with this"
    console.print(f"{len(sheet.lines)} lines on {sheet.market}: {verdict}")
