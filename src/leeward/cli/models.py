"""`leeward models`: which there are, what they are worth, and which one is used."""

from __future__ import annotations

import getpass
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Models: list, show, verify, promote, roll back, challenge, compare.",
    no_args_is_help=True,
)

Config = Annotated[Path | None, typer.Option(help="Settings file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Name = Annotated[str, typer.Argument(help="As in btcusdt_price.")]
Version = Annotated[str | None, typer.Option(help="An archived one; else the active one.")]


@app.command("list")
def list_(as_json: AsJson = False, config: Config = None) -> None:
    """List the models that are active, archived, or come with the program, and how those fare that
    running sessions use."""
    from leeward.runtime.models_in_use import models_in_use
    from leeward.runtime.settings import load_settings
    from leeward.training.listing import list_models

    settings = load_settings(config)
    found, used = list_models(settings), models_in_use(settings)
    if as_json:
        listed = [each._asdict() for each in found]
        in_use = [asdict(each) for each in used]
        typer.echo(json.dumps({"models": listed, "in_use": in_use}, indent=2))
        return
    for each in found:
        state = "active" if each.active else each.place
        typer.echo(f"{each.name:<24}{each.version:<28}{each.status:<10}{state:<9}{each.note}")
    for one in used:
        typer.echo(f"{one.name:<24}{one.version:<28}{one.words}")
    if not found:
        typer.echo("no models; `leeward train price --symbol BTCUSDT` makes one")


@app.command("show")
def show(
    name: Name,
    version: Version = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as a page.")] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Show the card of a model: how it fared, beside what, which gates it failed, and how it fares
    in the sessions that use it now."""
    from rich.console import Console

    from leeward.report.files import write_whole
    from leeward.runtime.models_in_use import models_in_use
    from leeward.runtime.settings import load_settings
    from leeward.training.card import print_card
    from leeward.training.card_page import card_page
    from leeward.training.listing import find_model, promotion_of

    settings = load_settings(config)
    bundle = find_model(settings, name, version)
    metadata, promotion = bundle.metadata, promotion_of(settings, bundle)
    used = [each for each in models_in_use(settings) if each.sha256 == bundle.sha256]
    if html is not None:
        write_whole(html, card_page(metadata).encode())
    if as_json:
        promoted = None if promotion is None else asdict(promotion)
        in_use = [asdict(each) for each in used]
        shown = {**metadata, "promotion": promoted, "in_use": in_use}
        typer.echo(json.dumps(shown, indent=1, sort_keys=True))
        return
    print_card(metadata, Console())
    if promotion is not None:
        typer.echo(promotion.words)
    for each in used:
        typer.echo(each.words)


@app.command("verify")
def verify(
    name: Name, version: Version = None, as_json: AsJson = False, config: Config = None
) -> None:
    """Check every byte of a model, and that it answers as it did when it was made.

    Of the active one also that the files in the folder are its own.

    Exit code 1 where anything is not as it should be.
    """
    from leeward.runtime.settings import load_settings
    from leeward.training.listing import verify_model

    found = verify_model(load_settings(config), name, version)
    if as_json:
        typer.echo(
            json.dumps({"name": found.name, "version": found.version, "sha256": found.sha256})
        )
        return
    typer.echo(f"{found.name} {found.version}: whole, sha256 {found.sha256}")


@app.command("promote")
def promote(
    name: Name,
    version: Annotated[str | None, typer.Option(help="Else the newest archived one.")] = None,
    status: Annotated[
        str, typer.Option(help="research, shadow, paper or live: how far it may be used.")
    ] = "research",
    override: Annotated[
        str, typer.Option(metavar="REASON", help="Go above what the gates allow; recorded.")
    ] = "",
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Make an archived model the one that is used, and record who did it.

    Ends with 3 where the gates do not allow that status.
    """
    from leeward.domain.errors import BadUsage
    from leeward.runtime.clock import now_ms
    from leeward.runtime.database import open_configured
    from leeward.runtime.settings import load_settings
    from leeward.training.bundle import archived, read_bundle
    from leeward.training.promote import Asked
    from leeward.training.promote import promote as run

    settings = load_settings(config)
    folder = settings.models_dir
    versions = archived(folder, name)
    if not versions:
        raise BadUsage(f"{name}: nothing archived in {folder}; `leeward train` makes one")
    bundle = read_bundle(folder, name, version or versions[-1])
    asked = Asked(status, getpass.getuser(), now_ms(), override)
    done = run(folder, open_configured(settings), bundle, asked)
    if as_json:
        typer.echo(json.dumps(done._asdict()))
        return
    typer.echo(f"{name}: {bundle.version} is active with status {done.status}")


@app.command("rollback")
def rollback(name: Name, as_json: AsJson = False, config: Config = None) -> None:
    """Make the model that was used before the active one active again."""
    from leeward.runtime.clock import now_ms
    from leeward.runtime.database import open_configured
    from leeward.runtime.settings import load_settings
    from leeward.training.promote import rollback as run

    settings = load_settings(config)
    done = run(settings.models_dir, open_configured(settings), name, now_ms())
    if as_json:
        typer.echo(json.dumps(done._asdict()))
        return
    typer.echo(f"{name}: back to {done.sha256[:12]} with status {done.status}")


@app.command("challenge")
def challenge(
    name: Name,
    version: Annotated[str | None, typer.Option(help="Else the newest archived one.")] = None,
    end: Annotated[bool, typer.Option("--end", help="Let nothing challenge it any more.")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Let an archived version predict beside the one in use, in every session that uses it.

    Nothing follows from what it predicts: it is written down, and `leeward models compare` shows
    which of the two forecasts better. Running sessions begin within half a minute.
    """
    from leeward.database.challenges import set_challenge
    from leeward.runtime.clock import now_ms
    from leeward.runtime.database import open_configured
    from leeward.runtime.predictions import model_use
    from leeward.runtime.rivals import name_challenger
    from leeward.runtime.settings import load_settings

    settings = load_settings(config)
    database = open_configured(settings)
    if end:
        set_challenge(database, name, None)
        typer.echo(json.dumps({"name": name}) if as_json else f"{name}: nothing challenges it")
        return
    use = model_use(settings)
    made, chosen = name_challenger(use, name, version, getpass.getuser(), now_ms())
    set_challenge(database, name, made)
    if as_json:
        typer.echo(json.dumps({"name": name, "version": chosen, "sha256": made.sha256}))
        return
    typer.echo(f"{name}: {chosen} challenges the one in use; see `leeward models compare {name}`")


@app.command("compare")
def compare(name: Name, as_json: AsJson = False, config: Config = None) -> None:
    """Show which forecast better on the same candles: the model in use or its challenger."""
    from leeward.cli.comparisons import comparison_json, print_comparison
    from leeward.runtime.database import open_configured
    from leeward.runtime.model_comparison import compared
    from leeward.runtime.settings import load_settings

    database = open_configured(load_settings(config), create=False, examine=False)
    found = compared(database, name)
    if as_json:
        shown = [comparison_json(each) for each in found]
        typer.echo(json.dumps({"name": name, "comparisons": shown}, indent=2))
        return
    for each in found:
        print_comparison(each)
