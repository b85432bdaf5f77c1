"""Pages of rows for those who look at an account: filtered, sorted, and never more than asked for.

Whoever reads a SQLite file keeps its writer, which trades, from committing: every query goes by an
index, and what searches events or decisions looks at no more than SCANNED rows, however long the
account has been traded. Trades, and the marks of all days, are gone through whole.

Spans of time are half open, [start_ms, end_ms), in UTC ms; None leaves a side open. A cursor is the
number of the last row that was read; the next page begins after it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import gcd
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Double,
    Row,
    Select,
    cast,
    func,
    or_,
    select,
)

from leeward.database import tables
from leeward.database.loading import equity_marked, position_closed
from leeward.database.reading import Event, executed
from leeward.domain.timeframe import DAY_MS
from leeward.engine.records import EquityMarked, Executed, PositionClosed

#: Rows that one query looks at, at most, where no index finds what is asked for.
SCANNED: Final = 20_000
#: What trades are sorted by.
TRADE_ORDERS: Final = ("exit_time", "entry_time", "symbol", "pnl", "quantity", "exit_reason")
_AMOUNTS = frozenset({"pnl", "quantity"})


@dataclass(frozen=True, slots=True)
class TradeQuery:
    """Which trades, sorted by what, and which part of them. `outcome` is "win" or "loss"."""

    symbol: str | None = None
    reason: str | None = None
    tag: str | None = None
    outcome: str | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    order_by: str = "exit_time"
    descending: bool = True
    offset: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which lines of the audit trail, the newest first; `before` is the cursor, `search` a part of
    their text."""

    kinds: Sequence[str] = ()
    severities: Sequence[str] = ()
    search: str | None = None
    before: int | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class ExecutionQuery:
    """Which candles were decided how, the newest first; `before_ms` is the cursor: a whole candle
    is never parted, so a page may hold some rows more than `limit`."""

    symbol: str | None = None
    decision: str | None = None
    session_id: str | None = None
    start_ms: int | None = None
    before_ms: int | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Moved:
    """Quote units that came (or went, negative) without a trade after the mark of a candle, whose
    `equity` lacks them, and before the next one."""

    open_time_ms: int
    equity: Decimal
    amount: Decimal


def stamps(connection: Connection) -> dict[str, tuple[object, ...]]:
    """Returns, by account, what changes whenever anything of it does but the heartbeat; "" stands
    for what belongs to no account."""
    c = tables.accounts.c
    columns = select(c.account, c.epoch, c.holder, c.events, c.chain_head, c.state_seq)
    found: dict[str, tuple[object, ...]] = {
        row.account: tuple(row[1:]) for row in connection.execute(columns)
    }
    commands = select(func.max(tables.commands.c.command_id), func.max(tables.commands.c.done_ms))
    models = select(func.count(), func.max(tables.models.c.promoted_ms))
    others = (*connection.execute(commands).one(), *connection.execute(models).one())
    return {**found, "": tuple(others)}


def trades_page(
    connection: Connection, account: str, query: TradeQuery
) -> tuple[list[PositionClosed], int]:
    """Returns the trades asked for, and how many there are in all pages."""
    table = tables.trades
    where = list(_trades_where(account, query))
    total = connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one()
    name = query.order_by if query.order_by in _AMOUNTS | {"symbol", "exit_reason"} else None
    column: ColumnElement[Any] = table.c[name or f"{query.order_by}_ms"]
    if query.order_by in _AMOUNTS:
        column = cast(column, Double)  # exact amounts are text on SQLite
    ordered = (column.desc(), table.c.seq.desc()) if query.descending else (column, table.c.seq)
    page = select(table).where(*where).order_by(*ordered).offset(query.offset).limit(query.limit)
    return [position_closed(row) for row in connection.execute(page)], int(total)


def _trades_where(account: str, query: TradeQuery) -> list[ColumnElement[bool]]:
    c = tables.trades.c
    where: list[ColumnElement[bool]] = [c.account == account]
    for column, value in (
        (c.symbol, query.symbol),
        (c.exit_reason, query.reason),
        (c.tag, query.tag),
    ):
        if value is not None:
            where.append(column == value)
    if query.outcome is not None:
        pnl = cast(c.pnl, Double)
        where.append(pnl > 0 if query.outcome == "win" else pnl <= 0)
    return where + _within(c.exit_time_ms, query.start_ms, query.end_ms)


def trade_of(connection: Connection, account: str, position_id: str) -> PositionClosed | None:
    c = tables.trades.c
    query = select(tables.trades).where(c.account == account, c.position_id == position_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else position_closed(row)


def events_page(connection: Connection, account: str, query: EventQuery) -> list[Event]:
    """Returns the newest events asked for, the newest first; the cursor is the last one's `seq`.
    A search looks at SCANNED events; `events_floor` tells where the next one begins."""
    c = tables.events.c
    found = select(tables.events).where(c.account == account)
    kinds = query.kinds or (("Noted",) if query.severities else ())  # no others have a severity
    if kinds:
        found = found.where(c.kind.in_(kinds))
    if query.severities:
        found = found.where(c.severity.in_(query.severities))
    if query.search is not None:
        part = query.search.lower()
        found = found.where(
            c.seq >= (events_floor(connection, account, query) or 0),
            or_(
                func.lower(c.payload).contains(part, autoescape=True),
                func.lower(c.subject).contains(part, autoescape=True),
            ),
        )
    if query.before is not None:
        found = found.where(c.seq < query.before)
    return [
        Event(row.seq, row.at_ms, row.kind, row.subject, row.severity, json.loads(row.payload))
        for row in connection.execute(found.order_by(c.seq.desc()).limit(query.limit))
    ]


def events_floor(connection: Connection, account: str, query: EventQuery) -> int | None:
    """Returns the `seq` down to which a search looks; None where that is all there are."""
    if query.search is None:
        return None
    newest = query.before
    if newest is None:
        c = tables.accounts.c
        newest = connection.execute(select(c.events).where(c.account == account)).scalar() or 0
    return newest - SCANNED if newest > SCANNED else None


def alerts(connection: Connection, account: str, limit: int = 20) -> list[Event]:
    """Returns the newest warnings and worse, the newest first."""
    return events_page(
        connection, account, EventQuery(("Noted",), ("warning", "critical"), limit=limit)
    )


def executions_page(connection: Connection, account: str, query: ExecutionQuery) -> list[Executed]:
    """Returns what was said of the newest candles asked for, the newest first; without symbol and
    session, of the newest session. One decision is looked for among SCANNED rows."""
    c = tables.strategy_executions.c
    session_id = query.session_id
    if session_id is None and query.symbol is None:
        session_id = _newest_session(connection, account)
    where: list[ColumnElement[bool]] = [c.account == account]
    named = ((c.symbol, query.symbol), (c.session_id, session_id))
    where += [column == value for column, value in named if value is not None]
    where += _within(c.open_time_ms, query.start_ms, query.before_ms)
    looked = select(c.open_time_ms, c.decision).where(*where).order_by(c.open_time_ms.desc())
    some = looked.limit(query.limit if query.decision is None else SCANNED).subquery()
    times = select(some.c.open_time_ms).limit(query.limit)
    if query.decision is not None:
        where.append(c.decision == query.decision)
        times = times.where(some.c.decision == query.decision)
    chosen = list(connection.execute(times).scalars())
    if not chosen:
        return []
    rows = select(tables.strategy_executions).where(
        *where, c.open_time_ms >= min(chosen), c.open_time_ms <= max(chosen)
    )
    ordered = rows.order_by(c.open_time_ms.desc(), c.symbol)
    return [executed(row) for row in connection.execute(ordered)]


def refusals(connection: Connection, account: str) -> dict[str, int]:
    """Returns how many entries were refused, by reason, the most frequent first: among the last
    SCANNED rows of the newest session."""
    c = tables.strategy_executions.c
    own = c.session_id == _newest_session(connection, account)
    last = select(c.decision, c.reason).where(own).order_by(c.open_time_ms.desc())
    some = last.limit(SCANNED).subquery()
    number = func.count().label("number")
    query = select(some.c.reason, number).where(some.c.decision == "refused")
    grouped = query.group_by(some.c.reason).order_by(number.desc(), some.c.reason)
    return {row.reason: row.number for row in connection.execute(grouped)}


def _newest_session(connection: Connection, account: str) -> str:
    c = tables.trading_sessions.c
    query = select(c.session_id).where(c.account == account)
    newest = query.order_by(c.started_ms.desc(), c.seq.desc()).limit(1)
    return str(connection.execute(newest).scalar() or "")


def equity_points(
    connection: Connection,
    account: str,
    start_ms: int | None = None,
    end_ms: int | None = None,
    most: int = 2_000,
) -> list[EquityMarked]:
    """Returns marks evenly spread over the span, by candle: at most about `most`, always the last
    one."""
    c = tables.account_history.c
    within = _within(c.open_time_ms, start_ms, end_ms)
    where: list[ColumnElement[bool]] = [c.account == account, *within]
    counted = select(func.count(), func.max(c.open_time_ms)).where(*where)
    number, last_ms = connection.execute(counted).one()
    query = select(tables.account_history).where(*where)
    if number > most:
        minute = c.open_time_ms.op("/")(60_000)
        step = _coprime(-(-number // most))
        query = query.where((minute.op("%")(step) == 0) | (c.open_time_ms == last_ms))
    rows = connection.execute(query.order_by(c.open_time_ms, c.seq))
    return [equity_marked(row) for row in rows]


def _coprime(step: int) -> int:
    """Returns the next number without a factor of any timeframe in minutes: every so-manieth
    minute is then every so-manieth candle too.

    >>> _coprime(15), _coprime(100)
    (17, 101)
    """
    while gcd(step, 10_080) > 1:
        step += 1
    return step


def last_mark(connection: Connection, account: str) -> EquityMarked | None:
    c = tables.account_history.c
    query = select(tables.account_history).where(c.account == account)
    newest: Select[Any] = query.order_by(c.open_time_ms.desc(), c.seq.desc()).limit(1)
    row = connection.execute(newest).one_or_none()
    return None if row is None else equity_marked(row)


def _within(
    time: Column[Any], start_ms: int | None, end_ms: int | None
) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if start_ms is not None:
        where.append(time >= start_ms)
    if end_ms is not None:
        where.append(time < end_ms)
    return where


def daily_marks_of(connection: Connection, account: str) -> list[EquityMarked]:
    """Returns the last mark of every UTC day, and the very first one before them."""
    c = tables.account_history.c
    day = c.open_time_ms.op("/")(DAY_MS)  # whole numbers: it rounds down on both
    ends = select(func.max(c.open_time_ms)).where(c.account == account).group_by(day)
    first = select(func.min(c.open_time_ms)).where(c.account == account)
    chosen = select(tables.account_history).where(
        c.account == account, c.open_time_ms.in_(ends.union(first))
    )
    return [
        equity_marked(row) for row in connection.execute(chosen.order_by(c.open_time_ms, c.seq))
    ]


def moved(connection: Connection, account: str, quote: str, since_ms: int = 0) -> list[Moved]:
    """Returns what was paid in and out from a time on, the oldest first. What the account began
    with, and what came before its first mark, is in the marks already."""
    t, c = tables.transfers.c, tables.account_history.c
    booked = select(t.seq, t.at_ms, t.amount).where(
        t.account == account, t.asset == quote, t.kind != "opening", t.at_ms >= since_ms
    )
    found: dict[int, Moved] = {}
    for row in connection.execute(booked.order_by(t.seq)).all():
        earlier = select(c.open_time_ms, c.equity).where(
            c.account == account, c.open_time_ms <= row.at_ms, c.seq < row.seq
        )
        newest = earlier.order_by(c.open_time_ms.desc(), c.seq.desc()).limit(1)
        mark = connection.execute(newest).one_or_none()
        if mark is not None:
            known = found.get(mark.open_time_ms)
            so_far = Decimal(0) if known is None else known.amount
            found[mark.open_time_ms] = Moved(mark.open_time_ms, mark.equity, so_far + row.amount)
    return [found[time] for time in sorted(found)]


def largest_drawdown(connection: Connection, account: str) -> float | None:
    """Returns the largest fraction below the peak at any candle: as sessions measured it, day by
    day, and of the marks of the last day, which may not be over."""
    sessions, metrics, c = (
        table.c
        for table in (tables.trading_sessions, tables.performance_metrics, tables.account_history)
    )
    own = select(sessions.session_id).where(sessions.account == account)
    measured = select(func.max(metrics.value)).where(
        metrics.session_id.in_(own), metrics.name == "max_drawdown"
    )
    found = [connection.execute(measured).scalar() or 0.0]
    last = last_mark(connection, account)
    if last is None:
        return None
    day_ms = last.open_time_ms // DAY_MS * DAY_MS
    today = select(c.equity, c.peak).where(c.account == account, c.open_time_ms >= day_ms)
    found += [float(1 - row.equity / row.peak) for row in connection.execute(today) if row.peak > 0]
    return max(found)


def newest_steps(connection: Connection, account: str, most: int) -> list[int]:
    """Returns the open times of the newest candles that were decided on, oldest first."""
    c = tables.account_history.c
    times = select(c.open_time_ms).where(c.account == account).distinct()
    newest = times.order_by(c.open_time_ms.desc()).limit(most)
    return list(connection.execute(newest).scalars())[::-1]


def closes_at(
    connection: Connection, account: str, times: Sequence[int]
) -> dict[str, dict[int, float]]:
    """Returns the closes that were decided on at the candles named, by symbol and candle, of all
    symbols that the account ever traded."""
    sessions, c = tables.trading_sessions.c, tables.strategy_executions.c
    traded = connection.execute(select(sessions.symbols).where(sessions.account == account))
    symbols = sorted({symbol for row in traded for symbol in row.symbols})
    # Not by account: SQLite would take that index, and look at every row of the account.
    query = select(c.account, c.symbol, c.open_time_ms, c.close).where(
        c.symbol.in_(symbols), c.open_time_ms.in_(times)
    )
    found: dict[str, dict[int, float]] = {}
    for row in connection.execute(query):
        if row.account == account and row.close is not None:
            found.setdefault(row.symbol, {})[row.open_time_ms] = row.close
    return found


def first_and_last_close(connection: Connection, account: str) -> dict[str, tuple[float, float]]:
    """Returns the closes, by symbol, of the first and the last candle that was decided on."""
    c = tables.account_history.c
    own = select(c.session_id, c.open_time_ms).where(c.account == account)
    ends = [own.order_by(c.open_time_ms).limit(1), own.order_by(c.open_time_ms.desc()).limit(1)]
    found: dict[str, tuple[float, float]] = {}
    for query in ends:
        mark = connection.execute(query).one_or_none()
        for symbol, close in _closes(connection, mark) if mark is not None else ():
            found[symbol] = found.get(symbol, (close, close))[0], close
    return found


def _closes(connection: Connection, mark: Row[*tuple[Any, ...]]) -> list[tuple[str, float]]:
    c = tables.strategy_executions.c
    query = select(c.symbol, c.close).where(
        c.session_id == mark.session_id, c.open_time_ms == mark.open_time_ms, c.close.is_not(None)
    )
    return [(row.symbol, row.close) for row in connection.execute(query)]
