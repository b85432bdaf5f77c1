"""The `leeward` command: groups, errors and exit codes.

0 ok, 1 failed, 2 usage, 3 refused by a safety rule, 130 interrupted.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from leeward import __version__
from leeward.cli import (
    access,
    alerts,
    backtest,
    dashboard,
    data,
    db,
    demo,
    doctor,
    drill,
    emulator,
    init,
    live,
    models,
    operate,
    paper,
    parity,
    strategies,
    swap,
    telegram,
    train,
    why,
)
from leeward.domain.errors import LeewardError

_INTERRUPTED = 130

app = typer.Typer(
    help="Backtest and trade with the trend; protect capital first.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("demo")(demo.demo)
app.command("init")(init.init)
app.command("backtest")(backtest.backtest)
app.command("train")(train.train)
app.command("paper")(paper.paper)
app.command("live")(live.live)
app.command("dashboard")(dashboard.dashboard)
app.command("telegram")(telegram.telegram)
app.command("status")(operate.status)
app.command("halt")(operate.halt)
app.command("resume")(operate.resume)
app.command("flatten")(operate.flatten)
app.command("swap")(swap.swap)
app.command("drill")(drill.drill)
app.command("emulator")(emulator.emulator)
app.command("parity")(parity.parity)
app.command("why")(why.why)
app.command("doctor")(doctor.doctor)
app.add_typer(access.app, name="access")
app.add_typer(alerts.app, name="alerts")
app.add_typer(data.app, name="data")
app.add_typer(db.app, name="db")
app.add_typer(models.app, name="models")
app.add_typer(strategies.app, name="strategies")


@app.callback(invoke_without_command=True)
def leeward(
    version: Annotated[bool, typer.Option("--version", help="Show the version and leave.")] = False,
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Runs the command line; a user's mistake ends in one message and an exit code."""
    try:
        app()
    except LeewardError as error:
        typer.echo(f"leeward: {error}", err=True)
        sys.exit(error.exit_code)
    except SystemExit as leaving:
        if leaving.code == _INTERRUPTED:
            typer.echo("leeward: interrupted; what was not finished was not written", err=True)
        raise
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        # Files name themselves where they are written; what is left is standard output.
        typer.echo(f"leeward: output cannot be written: {error.strerror}", err=True)
        sys.exit(1)
