"""Every record of an account in the order of its commits: what was known when."""

from __future__ import annotations

import json
from collections.abc import Iterator
from operator import itemgetter

from sqlalchemy import Connection, select

from leeward.database import tables
from leeward.database.reading import executed
from leeward.domain.errors import BadUsage
from leeward.engine.record_codec import record_of
from leeward.engine.records import Record


def history(connection: Connection, account: str, session_id: str | None = None) -> list[Record]:
    """Returns every record in the order of their commits, from the start of a session on where one
    is named. Executions of one commit are in the order of their symbols."""
    first = 0
    if session_id is not None:
        table = tables.trading_sessions
        where = (table.c.session_id == session_id, table.c.account == account)
        found_at = connection.execute(select(table.c.seq).where(*where)).scalar_one_or_none()
        if found_at is None:
            raise BadUsage(f"{account}: there is no session '{session_id}' of this account")
        first = found_at
    found = list(_recorded(connection, account, first))
    return [record for *_, record in sorted(found, key=itemgetter(0, 1, 2))]


def _recorded(
    connection: Connection, account: str, first: int
) -> Iterator[tuple[int, bool, str, Record]]:
    event, execution = tables.events, tables.strategy_executions
    trail = select(event.c.seq, event.c.payload).where(
        event.c.account == account, event.c.seq >= first
    )
    for row in connection.execute(trail):
        yield row.seq, False, "", record_of(json.loads(row.payload))
    said = select(execution).where(execution.c.account == account, execution.c.seq >= first)
    for row in connection.execute(said):
        yield row.seq, True, row.symbol, executed(row)
