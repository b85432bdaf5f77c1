"""`leeward access`: the password and the tokens of the dashboard."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from leeward.dashboard.access import AccessFile

Config = Annotated[Path | None, typer.Option(help="Settings file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

app = typer.Typer(
    help="Who may use the dashboard: its password, tokens for programs.", no_args_is_help=True
)
tokens = typer.Typer(help="Tokens of the REST API.", no_args_is_help=True)
app.add_typer(tokens, name="tokens")


@app.command("password")
def password(
    own: Annotated[
        bool, typer.Option("--own", help="Ask for one of your own, or read it from a pipe.")
    ] = False,
    config: Config = None,
) -> None:
    """Set a new password, a random one unless --own; shown once. Everybody is logged out."""
    access = _access(config)
    if own:
        access.set_password(_asked())
        typer.echo("the password is set; who was logged in is logged out")
        return
    typer.echo("The password of the dashboard, shown this once:", err=True)
    typer.echo(access.set_password())


@tokens.command("create")
def create(
    name: Annotated[str, typer.Argument(help="As it appears in the audit trail.")],
    role: Annotated[
        str, typer.Option(help="viewer: looks only; operator: also halts, resumes, swaps.")
    ] = "viewer",
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Make a token; it is shown once and kept nowhere in clear."""
    from leeward.dashboard.access import Role
    from leeward.domain.errors import BadUsage, unknown_name
    from leeward.runtime.clock import now_ms

    roles = [each.value for each in Role]
    if role not in roles:
        raise unknown_name("role", role, roles)
    if not name.replace("-", "").replace("_", "").isalnum() or len(name) > 40:
        raise BadUsage(f"'{name}': a token's name has letters, digits, - and _, at most 40")
    secret = _access(config).add_token(name, Role(role), now_ms())
    if as_json:
        typer.echo(json.dumps({"name": name, "role": role, "token": secret}))
        return
    typer.echo(f"Token {name} ({role}), shown this once:", err=True)
    typer.echo(secret)


@tokens.command("list")
def list_(as_json: AsJson = False, config: Config = None) -> None:
    """List the tokens: who they are and what they may do."""
    from leeward.domain.times import iso

    found = _access(config).read().tokens
    if as_json:
        rows = [
            {"name": each.name, "role": each.role.value, "created": iso(each.created_ms)}
            for each in found
        ]
        typer.echo(json.dumps({"tokens": rows}, indent=2))
        return
    for each in found:
        typer.echo(f"{each.name:<24}{each.role.value:<10}{iso(each.created_ms)}")
    if not found:
        typer.echo("no tokens; `leeward access tokens create NAME` makes one")


@tokens.command("revoke")
def revoke(
    name: Annotated[str, typer.Argument(help="As in the list.")], config: Config = None
) -> None:
    """End a token at once, also on connections that are open."""
    _access(config).revoke_token(name)
    typer.echo(f"token {name} is revoked")


def _access(config: Path | None) -> AccessFile:
    from leeward.dashboard.access import access_of
    from leeward.domain.errors import Failed
    from leeward.runtime.settings import load_settings

    try:
        import argon2  # noqa: F401 - is the extra there
    except ModuleNotFoundError:
        raise Failed(
            "the dashboard needs argon2; install it: pip install 'leeward[dashboard]'"
        ) from None
    return access_of(load_settings(config))


def _asked() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    given: str = typer.prompt("New password", hide_input=True, confirmation_prompt=True, err=True)
    return given
