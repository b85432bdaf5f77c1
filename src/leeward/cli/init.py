"""`leeward init`: the settings file to start from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from leeward.runtime.first_settings import Question


def init(
    path: Annotated[Path, typer.Argument(metavar="FILE")] = Path("leeward.toml"),
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; take every default.")] = False,
) -> None:
    """Write a commented settings file, by a few questions.

    Enter takes what stands in brackets. Secrets are not asked for: they come by the environment.
    """
    from leeward.domain.errors import BadUsage
    from leeward.runtime.first_settings import QUESTIONS, write_first_settings

    if path.exists():
        raise BadUsage(f"{path} exists already and is left as it is; edit it, or name another file")
    if not yes and not sys.stdin.isatty():
        raise BadUsage("nobody is there to answer; --yes takes every default")
    answers = {} if yes else {each.setting: _asked(each) for each in QUESTIONS}
    write_first_settings(path, answers)
    typer.echo(f"{path} written; every setting stands in it with its meaning.")
    typer.echo("Next:  leeward data download BTCUSDT --timeframe 1h")
    typer.echo("       leeward backtest ema_cross --symbols BTCUSDT")
    typer.echo("       leeward paper ema_cross --symbols BTCUSDT --timeframe 1h")


def _asked(question: Question) -> object:
    """Returns the answer to a question, asked until it is one."""
    from leeward.domain.errors import BadUsage
    from leeward.runtime.first_settings import check_answer

    while True:
        text = typer.prompt(question.words, default=str(question.default))
        try:
            return check_answer(question, text)
        except BadUsage as error:
            typer.echo(f"  {error}")
