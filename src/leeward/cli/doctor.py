"""`leeward doctor`: is everything there that trading needs?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from leeward.runtime.doctor import Finding
    from leeward.runtime.settings import Settings
    from leeward.venues.addresses import Addresses


def doctor(
    venue: Annotated[
        str | None, typer.Option(help="binance, testnet, demo or emulator; else the configured.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="The emulator's REST address.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
) -> None:
    """Check clock, connections, keys, filters, limits, disk and data folder, and say what to do.

    Nothing is ordered and nothing is changed. Exit code 1 where something failed.
    """
    import asyncio

    from leeward.runtime.doctor import Level
    from leeward.runtime.settings import load_settings
    from leeward.venues.addresses import addresses_of

    settings = load_settings(config)
    name = venue or ("emulator" if url is not None else settings.venue.name)
    address = url or (settings.venue.url if name == settings.venue.name else None)
    addresses = addresses_of(name, address)
    findings = asyncio.run(_examined(settings, addresses, quiet=as_json))
    failed = any(each.level is Level.FAILED for each in findings)
    if as_json:
        _print_json(addresses.name, findings, ok=not failed)
    elif not failed:
        typer.echo("nothing is missing")
    if failed:
        raise typer.Exit(1)


async def _examined(settings: Settings, addresses: Addresses, *, quiet: bool) -> list[Finding]:
    from leeward.runtime.doctor import examine

    findings = []
    async for finding in examine(settings, addresses):
        findings.append(finding)
        if not quiet:
            typer.echo(f"{finding.level:>8}  {finding.check}: {finding.found}")
            if finding.advice:
                typer.echo(f"{'':>10}{finding.advice}")
    return findings


def _print_json(venue: str, findings: list[Finding], *, ok: bool) -> None:
    rows = [
        {
            "check": each.check,
            "level": each.level.value,
            "found": each.found,
            "advice": each.advice or None,
        }
        for each in findings
    ]
    typer.echo(json.dumps({"venue": venue, "ok": ok, "findings": rows}, indent=2))
