"""What an operator asks of the process that trades an account, from any process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from leeward.database.tables import accounts, commands
from leeward.domain.errors import unknown_name


@dataclass(frozen=True, slots=True)
class Command:
    """`outcome` and `done_ms` are None until it was carried out or refused."""

    command_id: int
    account: str
    kind: str
    argument: str
    actor: str
    sent_ms: int
    outcome: str | None
    done_ms: int | None


def send(connection: Connection, account: str, wish: tuple[str, str, str], at_ms: int) -> int:
    """Writes the command (kind, argument, actor) down and returns its id. Raises BadUsage for an
    account that this database does not know."""
    known = connection.execute(select(accounts.c.account)).scalars().all()
    if account not in known:
        raise unknown_name("account", account, known)
    kind, argument, actor = wish
    values = {"account": account, "kind": kind, "argument": argument, "actor": actor}
    row = insert(commands).values(sent_ms=at_ms, **values).returning(commands.c.command_id)
    return int(connection.execute(row).scalar_one())


def pending(connection: Connection, account: str) -> list[Command]:
    """Returns what is still to be done, the oldest first."""
    query = select(commands).where(commands.c.account == account, commands.c.done_ms.is_(None))
    return [_command(row) for row in connection.execute(query.order_by(commands.c.command_id))]


def find(connection: Connection, command_id: int) -> Command | None:
    query = select(commands).where(commands.c.command_id == command_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _command(row)


def newest(
    connection: Connection, account: str, before: int | None = None, limit: int = 50
) -> list[Command]:
    """Returns what was asked, the newest first; `before` is the id of the last one read."""
    query = select(commands).where(commands.c.account == account)
    if before is not None:
        query = query.where(commands.c.command_id < before)
    rows = connection.execute(query.order_by(commands.c.command_id.desc()).limit(limit))
    return [_command(row) for row in rows]


def _command(row: Row[Any]) -> Command:
    return Command(
        row.command_id,
        row.account,
        row.kind,
        row.argument,
        row.actor,
        row.sent_ms,
        row.outcome,
        row.done_ms,
    )
