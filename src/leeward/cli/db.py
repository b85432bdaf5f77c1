"""`leeward db`: the database of sessions, orders and fills."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[Path | None, typer.Option(help="Settings file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

app = typer.Typer(help="The database: upgrade, check, back up, restore.", no_args_is_help=True)


@app.command("upgrade")
def upgrade(as_json: AsJson = False, config: Config = None) -> None:
    """Bring the tables to the version of this Leeward, or make them in an empty database.

    Stop what is trading first. Each step is a transaction: one that was interrupted is simply run
    again. A SQLite file is copied before.
    """
    from leeward.runtime import database
    from leeward.runtime.settings import load_settings

    done = database.upgrade(load_settings(config))
    backup = None if done.backup is None else str(done.backup)
    if as_json:
        _print_json(
            {
                "database": done.name,
                "version": done.version,
                "revisions": done.revisions,
                "backup": backup,
            }
        )
        return
    if not done.revisions:
        typer.echo(f"{done.name}: version {done.version} already")
        return
    copied = "" if backup is None else f"; the old one is kept as {backup}"
    typer.echo(f"{done.name}: now of version {done.version}{copied}")


@app.command("check")
def check(
    copy: Annotated[
        bool, typer.Option("--copy", help="Check a copy, so that trading goes on writing.")
    ] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Check that the database is whole, unchanged by other hands, and agrees with itself.

    The file, the chain of events, every row against its event, orders, positions, and each trade
    against its fills. Exit code 1 where something is wrong.
    """
    from leeward.database.audit import audit
    from leeward.runtime.database import connect_configured, opened_to_read
    from leeward.runtime.settings import load_settings

    findings, settings = [], load_settings(config)
    with closing(connect_configured(settings)) as live:
        name = live.name
    with opened_to_read(settings) if copy else closing(connect_configured(settings)) as database:
        for finding in audit(database):
            findings.append(finding)
            if not as_json:
                typer.echo(str(finding))
    ok = all(finding.is_ok for finding in findings)
    if as_json:
        rows = [
            {"check": each.check, "seen": each.seen, "wrong": list(each.wrong)} for each in findings
        ]
        _print_json({"database": name, "ok": ok, "findings": rows})
    if not ok:
        raise typer.Exit(1)


@app.command("backup")
def backup(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Ends in .jsonl for one that any database takes.")
    ],
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Copy the whole database to a file, also while it is traded on.

    A SQLite database becomes a SQLite file, or a portable dump where FILE ends in .jsonl; a
    PostgreSQL database always a portable dump. FILE.sha256 beside it belongs to it. An older backup
    of that name is replaced; any other file is left as it is.
    """
    from leeward.database.backup import back_up, check_place
    from leeward.runtime.database import connect_configured
    from leeward.runtime.settings import load_settings

    with closing(connect_configured(load_settings(config))) as database:
        check_place(database, file)
        copied = back_up(database, file)
    if as_json:
        _print_json(
            {
                "database": database.name,
                "file": str(copied.file),
                "sha256": copied.sha256,
                "size": copied.size,
                "rows": copied.rows,
            }
        )
        return
    rows = "" if copied.rows is None else f", {copied.rows:,} rows"
    typer.echo(f"{database.name}: copied to {copied.file}, {copied.size:,} bytes{rows}")


@app.command("restore")
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="As `leeward db backup` made it.")],
    yes: Annotated[
        bool, typer.Option("--yes", help="Replace the accounts that are there.")
    ] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Put a backup in the place of the database, after verifying its hash.

    What happened since the backup is caught up from the exchange when trading starts again. A
    SQLite file that is replaced stays as NAME.replaced.
    """
    from leeward.database import backup as backups
    from leeward.runtime.database import connect_configured
    from leeward.runtime.settings import load_settings

    with closing(connect_configured(load_settings(config), create=True)) as database:
        backups.restore(database, file, overwrite=yes)
    if as_json:
        _print_json({"database": database.name, "file": str(file), "restored": True})
        return
    typer.echo(f"{database.name}: restored from {file}")


def _print_json(result: dict[str, object]) -> None:
    typer.echo(json.dumps(result, indent=2, ensure_ascii=False))
