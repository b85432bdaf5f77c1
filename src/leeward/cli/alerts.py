"""`leeward alerts`: try the channels, and list what may be told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Alerts to your channels.", no_args_is_help=True)

Config = Annotated[Path | None, typer.Option(help="Settings file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command("test")
def try_all(as_json: AsJson = False, config: Config = None) -> None:
    """Send a test message to every channel; exit code 1 where one does not answer."""
    from leeward.domain.errors import BadConfig
    from leeward.runtime.alerting import HOW_TO_NAME_ONE, configured_channels, try_channels
    from leeward.runtime.settings import load_settings

    settings = load_settings(config)
    channels = configured_channels(settings)
    if not channels:
        raise BadConfig(f"alerts.channels: there is none; {HOW_TO_NAME_ONE}")
    answered = try_channels(channels, settings.trading.account)
    if as_json:
        typer.echo(json.dumps(answered, indent=2))
    else:
        for name, heard in answered.items():
            typer.echo(f"{name}: {'answered' if heard else 'no answer'}")
    if not all(answered.values()):
        raise typer.Exit(1)


@app.command("list")
def list_(as_json: AsJson = False, config: Config = None) -> None:
    """List the channels, and every kind of alert with what it means."""
    from leeward.monitoring.meanings import KINDS
    from leeward.runtime.alerting import configured_channels
    from leeward.runtime.settings import load_settings

    settings = load_settings(config)
    names = [each.name for each in configured_channels(settings)]
    muted = set(settings.alerts.mute)
    if as_json:
        kinds = {
            kind: {
                "happened": it.happened,
                "done": it.done,
                "to_do": it.to_do,
                "muted": kind in muted,
            }
            for kind, it in KINDS.items()
        }
        typer.echo(json.dumps({"channels": names, "kinds": kinds}, indent=2))
        return
    typer.echo(f"channels: {', '.join(names) or 'none'}; from {settings.alerts.level} up")
    for kind, it in KINDS.items():
        typer.echo(f"{kind}{' (muted)' * (kind in muted)}: {it.happened}")
