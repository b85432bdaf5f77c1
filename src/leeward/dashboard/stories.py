"""What became of one position, as records, in the order in which it became known."""

from __future__ import annotations

import json
from collections.abc import Iterator

from sqlalchemy import Connection, select

from leeward.database import tables
from leeward.engine.record_codec import record_of
from leeward.engine.records import Record


def story_of(connection: Connection, account: str, position_id: str) -> list[Record]:
    """Returns the intents, orders, fills and plans of a position, and its end; nothing for one
    that is not there."""
    places = sorted(set(_places(connection, account, position_id)))
    c = tables.events.c
    query = select(c.payload).where(c.account == account, c.seq.in_(places)).order_by(c.seq)
    return [record_of(json.loads(payload)) for payload in connection.execute(query).scalars()]


def _places(connection: Connection, account: str, position_id: str) -> Iterator[int]:
    """Yields the numbers of the records, by indexes alone."""
    for table in (tables.positions, tables.trades, tables.fills, tables.plan_changes):
        own = table.c.account == account, table.c.position_id == position_id
        yield from connection.execute(select(table.c.seq).where(*own)).scalars()
    intents, orders, moves = tables.intents.c, tables.orders.c, tables.order_moves.c
    first = select(intents.symbol, intents.open_time_ms).where(
        intents.account == account, intents.intent_id == position_id
    )
    entry = connection.execute(first).one_or_none()
    if entry is None:
        return
    own_intents = select(intents.intent_id, intents.seq).where(
        intents.account == account,
        intents.symbol == entry.symbol,
        intents.open_time_ms >= entry.open_time_ms,
        intents.position_id == position_id,
    )
    for intent in connection.execute(own_intents).all():
        yield intent.seq
        names = select(orders.client_order_id).where(
            orders.account == account, orders.intent_id == intent.intent_id
        )
        told = select(moves.seq).where(moves.account == account, moves.client_order_id.in_(names))
        yield from connection.execute(told).scalars()
