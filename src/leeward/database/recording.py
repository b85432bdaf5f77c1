"""Records into rows, all of a batch or none, behind the check that we still trade the account."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Column, Connection, Row, bindparam, insert, select, update

from leeward.database import tables
from leeward.database.chain import link, payload_of, subject_of, time_of
from leeward.database.errors import AlreadyDecided, DatabaseReplaced, LeaseLost
from leeward.database.rows import Write, writes_of
from leeward.engine.order_table import next_state
from leeward.engine.records import (
    DecisionKey,
    EquityMarked,
    Executed,
    FillBooked,
    IntentMade,
    Noted,
    OrderMoved,
    OrderState,
    PositionClosed,
    PositionOpened,
    Purpose,
    Record,
    SessionStarted,
    TransferBooked,
)

#: Most values of one IN (...): far below what the databases take.
_CHUNK = 500

_HEAD = (
    select(
        tables.accounts.c.epoch,
        tables.accounts.c.events,
        tables.accounts.c.chain_head,
        tables.accounts.c.holder,
    )
    .where(tables.accounts.c.account == bindparam("of_account"))
    .with_for_update()
)
_NEW_HEAD = update(tables.accounts).where(tables.accounts.c.account == bindparam("of_account"))
_EVENT = insert(tables.events)
_DECIDED = (
    select(tables.intents.c.purpose, tables.events.c.payload)
    .join(
        tables.events,
        (tables.events.c.account == tables.intents.c.account)
        & (tables.events.c.seq == tables.intents.c.seq),
    )
    .where(
        tables.intents.c.account == bindparam("of_account"),
        tables.intents.c.symbol == bindparam("of_symbol"),
        tables.intents.c.open_time_ms == bindparam("of_time"),
        tables.intents.c.leg == bindparam("of_leg"),
    )
)
_ORDER_NOW = select(
    *(
        tables.orders.c[name]
        for name in (
            "client_order_id", "state", "executed", "moved_ms", "venue_order_id", "venue_list_id",
        )
    )
).where(
    tables.orders.c.account == bindparam("of_account"),
    tables.orders.c.client_order_id.in_(bindparam("of_orders", expanding=True)),
)  # fmt: skip
_MOVE_ORDER = update(tables.orders).where(
    tables.orders.c.account == bindparam("of_account"),
    tables.orders.c.client_order_id == bindparam("of_order"),
)


def write(connection: Connection, account: str, epoch: int, records: Sequence[Record]) -> None:
    """Writes the records that are not there yet, and their events, within the caller's transaction.

    Raises LeaseLost where `epoch` is not the account's, AlreadyDecided where a decision was taken
    before, DatabaseReplaced for news of an order that is not there. Holds the account's row until
    the transaction ends, so what is looked up stays true.
    """
    head = connection.execute(_HEAD, {"of_account": account}).one_or_none()
    if head is None or head.epoch != epoch:
        raise LeaseLost(_lost(account, epoch, head))
    seq, chain = head.events, head.chain_head
    rows: list[dict[str, object]] = []
    writes: list[Write] = []
    fresh = list(_fresh(connection, account, records))
    for record in fresh:
        if isinstance(record, Executed):  # many, and not about money: a row, but no event
            writes.extend(writes_of(account, seq, record))
            continue
        seq += 1
        payload = payload_of(record)
        chain = link(chain, payload)
        rows.append(_event(account, seq, record, payload) | {"hash": chain})
        writes.extend(writes_of(account, seq, record))
    if rows:
        connection.execute(_EVENT, rows)
        connection.execute(_NEW_HEAD, {"of_account": account, "events": seq, "chain_head": chain})
    for statement, group in groupby(writes, key=lambda each: each[0]):
        connection.execute(statement, [values for _, values in group])
    _move_orders(connection, account, fresh)


def replaced(account: str, lacks: str) -> str:
    """Returns what to say of a database that is not the one which was written to before."""
    return (
        f"{account}: nothing is written: the database lacks what was written to it before "
        f"({lacks}): it is new, or an older copy; end the session and start it again: a start asks "
        "the exchange"
    )


def _lost(account: str, epoch: int, head: Row[*tuple[Any, ...]] | None) -> str:
    if head is None:
        return f"{account}: nobody has taken this account in this database; take its lease first"
    return (
        f"{account}: nothing is written: it is traded under epoch {head.epoch} by "
        f"{head.holder or 'a process that has ended'}, and this process is of epoch {epoch}; "
        "one process trades an account, this one has to stop"
    )


def _event(account: str, seq: int, record: Record, payload: str) -> dict[str, object]:
    return {
        "account": account,
        "seq": seq,
        "at_ms": time_of(record),
        "kind": type(record).__name__,
        "subject": subject_of(record),
        "severity": record.severity.value if isinstance(record, Noted) else None,
        "payload": payload,
    }


#: Records that are written once, however often they come: where they are kept, and the columns that
#: tell them apart, the last of them first to be asked for in numbers.
_ONCE: Final[Mapping[type, Sequence[Column[Any]]]] = {
    FillBooked: [tables.fills.c[name] for name in ("account", "symbol", "trade_id")],
    TransferBooked: [tables.transfers.c[name] for name in ("account", "transfer_id")],
    PositionOpened: [tables.positions.c[name] for name in ("account", "position_id")],
    PositionClosed: [tables.trades.c[name] for name in ("account", "position_id")],
    EquityMarked: [
        tables.account_history.c[name] for name in ("account", "session_id", "open_time_ms")
    ],
    Executed: [
        tables.strategy_executions.c[name]
        for name in ("account", "session_id", "open_time_ms", "symbol")
    ],
    SessionStarted: [tables.trading_sessions.c[name] for name in ("account", "session_id")],
}
_LOOK_UP: Final = {
    kind: select(columns[-1]).where(
        *(column == bindparam(f"of_{column.name}") for column in columns[:-1]),
        columns[-1].in_(bindparam("of_these", expanding=True)),
    )
    for kind, columns in _ONCE.items()
}


def _key(account: str, record: Record) -> tuple[object, ...] | None:
    """Returns the values of the record's columns in `_ONCE`, None for one that may come again."""
    match record:
        case FillBooked():
            return account, record.fill.symbol, record.fill.trade_id
        case TransferBooked():
            return account, record.transfer_id
        case PositionOpened():
            return account, record.position_id
        case PositionClosed():
            return account, record.trade.position_id
        case EquityMarked():
            return account, record.session_id, record.open_time_ms
        case Executed():
            return account, record.session_id, record.open_time_ms, record.symbol
        case SessionStarted():
            return account, record.session_id
        case _:
            return None


def _fresh(connection: Connection, account: str, records: Sequence[Record]) -> Iterator[Record]:
    keys = [_key(account, record) for record in records]
    decided: set[DecisionKey] = set()
    known = set(_known(connection, zip(map(type, records), keys, strict=True)))
    for record, key in zip(records, keys, strict=True):
        if isinstance(record, IntentMade):
            if _is_decided(connection, record):
                continue
            if record.key in decided:
                raise _decided_before(record)
            decided.add(record.key)
        elif key is not None:
            if (type(record), key) in known:
                continue
            known.add((type(record), key))
        yield record


def _known(
    connection: Connection, wanted: Iterable[tuple[type, tuple[object, ...] | None]]
) -> Iterator[tuple[type, tuple[object, ...]]]:
    """Yields those of the wanted keys that are in the database."""
    places: dict[tuple[type, tuple[object, ...]], list[object]] = {}
    for kind, key in wanted:
        if key is not None:
            places.setdefault((kind, key[:-1]), []).append(key[-1])
    for (kind, place), lasts in places.items():
        where = {f"of_{c.name}": value for c, value in zip(_ONCE[kind][:-1], place, strict=True)}
        for start in range(0, len(lasts), _CHUNK):
            these = {"of_these": lasts[start : start + _CHUNK]}
            for found in connection.execute(_LOOK_UP[kind], where | these).scalars():
                yield kind, (*place, found)


def _is_decided(connection: Connection, intent: IntentMade) -> bool:
    """Returns whether this very intent is there already: a journal that is replayed once more.

    Raises AlreadyDecided for another intent of the same decision, and for every entry: those are
    never journalled, so a second one is a second decision.
    """
    key = intent.key
    found = connection.execute(
        _DECIDED,
        {
            "of_account": key.account,
            "of_symbol": key.symbol,
            "of_time": key.open_time_ms,
            "of_leg": key.leg,
        },
    ).one_or_none()
    if found is None:
        return False
    if intent.purpose is Purpose.ENTRY or found.payload != payload_of(intent):
        raise _decided_before(intent)
    return True


def _decided_before(intent: IntentMade) -> AlreadyDecided:
    key = intent.key
    return AlreadyDecided(
        f"{key.symbol}: the decision {key.leg} on the candle {key.open_time_ms} was taken before; "
        "a decision is ordered once, so nothing is written of this one"
    )


def _move_orders(connection: Connection, account: str, records: Sequence[Record]) -> None:
    """Brings the furthest that is reported of the orders up to date; late news change nothing."""
    moves = [each for each in records if isinstance(each, OrderMoved)]
    names: set[str | None] = {each.client_order_id for each in moves}
    names |= {each.client_order_id for each in records if isinstance(each, FillBooked)}
    ids = sorted(name for name in names if name is not None)
    known: dict[str, Mapping[Any, Any]] = {
        row.client_order_id: row
        for start in range(0, len(ids), _CHUNK)
        for row in connection.execute(
            _ORDER_NOW, {"of_account": account, "of_orders": ids[start : start + _CHUNK]}
        ).mappings()
    }
    for name in ids:
        if name not in known:  # with it no books could be made of the database any more
            raise DatabaseReplaced(replaced(account, f"order {name}"))
    changed: dict[str, Mapping[Any, Any]] = {}
    for move in moves:
        now = changed.get(move.client_order_id, known[move.client_order_id])
        changed[move.client_order_id] = reported(now, move)
    if changed:
        connection.execute(
            _MOVE_ORDER,
            [
                {"of_account": account, "of_order": name, **values}
                for name, values in changed.items()
            ],
        )


def reported(now: Mapping[Any, Any], move: OrderMoved) -> dict[str, object]:
    """Returns the columns of `orders` that say how it stands, after one more report."""
    state = OrderState(now["state"])
    after = next_state(state, move.state)
    kept = {name: now[name] for name in ("moved_ms", "venue_order_id", "venue_list_id")}
    if move.venue_order_id is not None:
        kept["venue_order_id"] = move.venue_order_id
    if move.venue_list_id is not None:
        kept["venue_list_id"] = move.venue_list_id
    if after is not state or move.executed.value > now["executed"]:
        kept["moved_ms"] = move.at_ms
    executed = max(now["executed"], move.executed.value)
    return {"state": after.value, "executed": executed, **kept}
