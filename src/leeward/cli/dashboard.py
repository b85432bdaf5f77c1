"""`leeward dashboard`: the pages and the REST API, over the database alone."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Final

import typer

from leeward.cli.trading import Changes, Config, LogFile

if TYPE_CHECKING:
    from leeward.dashboard.access import AccessFile

#: Whatever trades on the same machine comes first.
_NICE: Final = 5


def dashboard(
    host: Annotated[str | None, typer.Option(help="Where to listen; else this machine.")] = None,
    port: Annotated[int | None, typer.Option(help="0 for a free one.")] = None,
    log: LogFile = None,
    set_: Changes = None,
    config: Config = None,
) -> None:
    """Serve the pages and the REST API: see how trading does, and halt, resume, flatten or swap.

    It reads and writes the database only, and may be stopped and started while something trades.
    The first start makes a password and shows it once; `leeward access password` makes another.
    """
    with suppress(AttributeError):  # Windows has no such thing
        os.nice(_NICE)  # first of all: a library's threads keep what they began with

    from leeward.domain.errors import Failed
    from leeward.monitoring.logs import open_log
    from leeward.runtime.clock import now_ms
    from leeward.runtime.settings import load_settings, secrets_in

    changes = list(set_ or [])
    changes += [f"dashboard.host={host}"] if host is not None else []
    changes += [f"dashboard.port={port}"] if port is not None else []
    settings = load_settings(config, changes)
    try:
        import argon2  # noqa: F401 - is the extra there
        import nicegui  # noqa: F401 - is the extra there
    except ModuleNotFoundError as error:
        raise Failed(
            f"the dashboard needs {error.name}; install it: pip install 'leeward[dashboard]'"
        ) from None
    from leeward.dashboard.marker import only_one
    from leeward.dashboard.server import house_of, serve
    from leeward.dashboard.state import dashboard_of

    house = house_of(settings.dashboard)
    with only_one(settings) as marker:
        notes = open_log(log, now_ms, secrets_in(settings))
        try:
            made = dashboard_of(settings, notes)
            _show_first_password(made.access)

            def told(address: str) -> None:
                marker(address)
                typer.echo(f"dashboard: {address}")
                sys.stdout.flush()

            serve(made, house, settings.dashboard, told)
        finally:
            notes.close()


def _show_first_password(access: AccessFile) -> None:
    """Makes the first password and shows it on a terminal: elsewhere it would end in a log."""
    from leeward.domain.errors import Refused

    if access.read().password is not None:
        return
    if not sys.stderr.isatty():
        raise Refused(
            "dashboard refused: it has no password yet, and no terminal to show one on; run "
            "`leeward access password` once"
        )
    password = access.set_password()
    typer.echo(f"The password of the dashboard, shown this once: {password}", err=True)
