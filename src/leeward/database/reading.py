"""What others want to know of an account: status, why, parity, dashboards. Nothing here writes.

Each function takes a connection of `Database.reading`, so what is asked together belongs together:

    with database.reading() as connection:
        held = positions(connection, account, open_only=True)

Spans of time are half open, [start_ms, end_ms), in UTC ms; None leaves a side open.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, Select, select

from leeward.database import tables
from leeward.database.loading import (
    equity_marked,
    fill_booked,
    order_moved,
    plan_of,
    planned_order,
    position_closed,
    state_moved,
)
from leeward.domain.money import Quantity
from leeward.engine.records import (
    EquityMarked,
    Executed,
    FillBooked,
    Mode,
    OrderMoved,
    OrderState,
    Plan,
    PlannedOrder,
    PositionClosed,
    SessionStarted,
    StateMoved,
)


@dataclass(frozen=True, slots=True)
class Account:
    """`holder` is None once its process gave the account back; `facts` came with the heartbeat."""

    account: str
    epoch: int
    holder: str | None
    heartbeat_ms: int | None
    facts: Mapping[str, object]
    state: StateMoved | None


@dataclass(frozen=True, slots=True)
class Session:
    """`ended_ms` and `end_reason` are None while it runs, and where its process was killed."""

    started: SessionStarted
    ended_ms: int | None
    end_reason: str | None


@dataclass(frozen=True, slots=True)
class Order:
    """An order, and the furthest that the venue reported of it; fills may prove more."""

    intent_id: str
    symbol: str
    planned: PlannedOrder
    made_ms: int
    state: OrderState
    executed: Quantity
    moved_ms: int
    venue_order_id: int | None


@dataclass(frozen=True, slots=True)
class Position:
    """`plan` is the present one; how much is held follows from the fills."""

    position_id: str
    symbol: str
    strategy: str
    tag: str
    entry_time_ms: int
    opened_ms: int
    plan: Plan
    closing: str | None
    closed_ms: int | None


@dataclass(frozen=True, slots=True)
class Event:
    """A line of the audit trail; `record` is its payload."""

    seq: int
    at_ms: int
    kind: str
    subject: str
    severity: str | None
    record: Mapping[str, object]


def accounts(connection: Connection) -> list[Account]:
    """Returns the accounts of this database, by name."""
    rows = connection.execute(select(tables.accounts).order_by(tables.accounts.c.account))
    return [
        Account(
            row.account,
            row.epoch,
            row.holder,
            row.heartbeat_ms,
            row.facts or {},
            None if row.state is None else state_moved(row),
        )
        for row in rows
    ]


def sessions(connection: Connection, account: str, limit: int = 50) -> list[Session]:
    """Returns the last sessions of an account, the newest first."""
    table = tables.trading_sessions
    query = select(table).where(table.c.account == account)
    newest = query.order_by(table.c.started_ms.desc(), table.c.seq.desc()).limit(limit)
    return [_session(row) for row in connection.execute(newest)]


def last_session(connection: Connection, account: str) -> SessionStarted | None:
    """Returns the session that was written down last, None before the first."""
    table = tables.trading_sessions
    query = select(table).where(table.c.account == account).order_by(table.c.seq.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else _session(row).started


def session(connection: Connection, session_id: str) -> Session | None:
    table = tables.trading_sessions
    row = connection.execute(select(table).where(table.c.session_id == session_id)).one_or_none()
    return None if row is None else _session(row)


def executions(
    connection: Connection,
    session_id: str | None = None,
    symbol: str | None = None,
    start_ms: int | None = None,
    end_ms: int | None = None,
) -> list[Executed]:
    """Returns what was said of each candle, by time and symbol; of all sessions without one."""
    table = tables.strategy_executions
    query = select(table).where(*_within(table.c.open_time_ms, start_ms, end_ms))
    if session_id is not None:
        query = query.where(table.c.session_id == session_id)
    if symbol is not None:
        query = query.where(table.c.symbol == symbol)
    rows = connection.execute(query.order_by(table.c.open_time_ms, table.c.symbol))
    return [executed(row) for row in rows]


def fills(
    connection: Connection,
    account: str,
    symbol: str,
    start_ms: int | None = None,
    end_ms: int | None = None,
) -> list[FillBooked]:
    """Returns the trades of a symbol by time, those of other hands too."""
    table = tables.fills
    query = select(table).where(table.c.account == account, table.c.symbol == symbol)
    span = query.where(*_within(table.c.time_ms, start_ms, end_ms))
    rows = connection.execute(span.order_by(table.c.time_ms, table.c.trade_id))
    return [fill_booked(row) for row in rows]


def fills_of(connection: Connection, account: str, position_id: str) -> list[FillBooked]:
    """Returns the trades that a position was made of, in the order they were booked."""
    table = tables.fills
    query = select(table).where(table.c.account == account, table.c.position_id == position_id)
    return [fill_booked(row) for row in connection.execute(query.order_by(table.c.seq))]


def orders(
    connection: Connection,
    account: str,
    symbol: str,
    start_ms: int | None = None,
    end_ms: int | None = None,
) -> list[Order]:
    """Returns the orders of a symbol that were made in the span, by time."""
    table = tables.orders
    query = select(table).where(table.c.account == account, table.c.symbol == symbol)
    span = query.where(*_within(table.c.made_ms, start_ms, end_ms))
    rows = connection.execute(span.order_by(table.c.made_ms, table.c.client_order_id))
    return [_order(row) for row in rows]


def orders_in(connection: Connection, account: str, states: Sequence[OrderState]) -> list[Order]:
    """Returns the orders that stand so, as far as the venue reported."""
    table = tables.orders
    query = select(table).where(
        table.c.account == account, table.c.state.in_([state.value for state in states])
    )
    rows = connection.execute(query.order_by(table.c.made_ms, table.c.client_order_id))
    return [_order(row) for row in rows]


def moves_of(connection: Connection, account: str, client_order_id: str) -> list[OrderMoved]:
    """Returns all that was reported of an order, in the order it became known."""
    table = tables.order_moves
    query = select(table).where(
        table.c.account == account, table.c.client_order_id == client_order_id
    )
    return [order_moved(row) for row in connection.execute(query.order_by(table.c.seq))]


def positions(connection: Connection, account: str, *, open_only: bool = True) -> list[Position]:
    """Returns the positions of an account, by the time they were opened."""
    table = tables.positions
    query = select(table).where(table.c.account == account)
    if open_only:
        query = query.where(table.c.closed_ms.is_(None))
    rows = connection.execute(query.order_by(table.c.opened_ms, table.c.position_id))
    return [
        Position(
            row.position_id,
            row.symbol,
            row.strategy,
            row.tag,
            row.entry_time_ms,
            row.opened_ms,
            plan_of(row),
            row.closing,
            row.closed_ms,
        )
        for row in rows
    ]


def trades(
    connection: Connection,
    account: str,
    symbol: str | None = None,
    start_ms: int | None = None,
    end_ms: int | None = None,
) -> list[PositionClosed]:
    """Returns the closed positions by the time of their exit."""
    table = tables.trades
    query = select(table).where(
        table.c.account == account, *_within(table.c.exit_time_ms, start_ms, end_ms)
    )
    if symbol is not None:
        query = query.where(table.c.symbol == symbol)
    rows = connection.execute(query.order_by(table.c.exit_time_ms, table.c.seq))
    return [position_closed(row) for row in rows]


def equity(
    connection: Connection, account: str, start_ms: int | None = None, end_ms: int | None = None
) -> list[EquityMarked]:
    """Returns the marks of an account by candle."""
    table = tables.account_history
    query = select(table).where(
        table.c.account == account, *_within(table.c.open_time_ms, start_ms, end_ms)
    )
    rows = connection.execute(query.order_by(table.c.open_time_ms, table.c.seq))
    return [equity_marked(row) for row in rows]


def equity_of(connection: Connection, session_id: str) -> list[EquityMarked]:
    """Returns the marks of one session by candle."""
    table = tables.account_history
    query = select(table).where(table.c.session_id == session_id)
    return [equity_marked(row) for row in connection.execute(query.order_by(table.c.open_time_ms))]


def measured(
    connection: Connection,
    session_id: str,
    name: str,
    start_ms: int | None = None,
    end_ms: int | None = None,
) -> list[tuple[int, float]]:
    """Returns (time, value) of one performance metric of a session."""
    table = tables.performance_metrics
    query = select(table.c.at_ms, table.c.value).where(
        table.c.session_id == session_id,
        table.c.name == name,
        *_within(table.c.at_ms, start_ms, end_ms),
    )
    return [(row.at_ms, row.value) for row in connection.execute(query.order_by(table.c.at_ms))]


def events(
    connection: Connection,
    account: str,
    after_seq: int = 0,
    kinds: Sequence[str] = (),
    limit: int = 1000,
) -> list[Event]:
    """Returns the audit trail after `after_seq`, of those kinds where some are named."""
    table = tables.events
    query = select(table).where(table.c.account == account, table.c.seq > after_seq)
    if kinds:
        query = query.where(table.c.kind.in_(kinds))
    return _events(connection, query.order_by(table.c.seq).limit(limit))


def last_events(
    connection: Connection, account: str, kinds: Sequence[str] = (), limit: int = 20
) -> list[Event]:
    """Returns the newest of the audit trail, the newest last."""
    table = tables.events
    query = select(table).where(table.c.account == account)
    if kinds:
        query = query.where(table.c.kind.in_(kinds))
    return _events(connection, query.order_by(table.c.seq.desc()).limit(limit))[::-1]


def _within(
    time: Column[Any], start_ms: int | None, end_ms: int | None
) -> Iterator[ColumnElement[bool]]:
    if start_ms is not None:
        yield time >= start_ms
    if end_ms is not None:
        yield time < end_ms


def _events(connection: Connection, query: Select[Any]) -> list[Event]:
    return [
        Event(row.seq, row.at_ms, row.kind, row.subject, row.severity, json.loads(row.payload))
        for row in connection.execute(query)
    ]


def _session(row: Row[Any]) -> Session:
    started = SessionStarted(
        row.session_id,
        row.account,
        Mode(row.mode),
        row.venue,
        row.strategy,
        row.strategy_version,
        row.timeframe,
        tuple(row.symbols),
        row.facts,
        row.epoch,
        row.started_ms,
    )
    return Session(started, row.ended_ms, row.end_reason)


def _order(row: Row[Any]) -> Order:
    return Order(
        row.intent_id,
        row.symbol,
        planned_order(row),
        row.made_ms,
        OrderState(row.state),
        Quantity(row.executed),
        row.moved_ms,
        row.venue_order_id,
    )


def executed(row: Row[*tuple[Any, ...]]) -> Executed:
    """Returns the record that a row of `strategy_executions` was written from."""
    candle = (row.open, row.high, row.low, row.close, row.volume)
    return Executed(
        row.session_id,
        row.symbol,
        row.open_time_ms,
        row.data_state,
        None if row.open is None else candle,
        row.decision,
        row.reason,
        row.entry_tag,
        row.exit_tag,
        row.size,
        row.stop,
        row.target,
        row.confidence,
        row.prediction,
        row.quantity,
        row.intent_id,
        row.trend,
        # JSONB knows numbers only: a large float would come back as an integer.
        {name: None if value is None else float(value) for name, value in row.columns.items()},
        row.at_ms,
    )
