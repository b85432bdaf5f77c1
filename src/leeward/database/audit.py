"""Is what the database holds whole, unchanged, and in agreement with itself?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Connection, exists, select

from leeward.database import loading, schema, tables
from leeward.database.backup import copy_file
from leeward.database.chain import CHAIN_START, link
from leeward.database.connecting import without_deadline
from leeward.database.engine import Database, connect_database
from leeward.database.errors import DatabaseCorrupt
from leeward.database.recording import reported
from leeward.domain.errors import CannotWrite, Failed
from leeward.engine.books import Books
from leeward.engine.record_codec import record_of
from leeward.engine.records import (
    CommandDone,
    OrderState,
    PositionClosed,
    Record,
    SessionEnded,
    SessionStarted,
    StateMoved,
    Trade,
)

#: Events whose records have no row of their own, or not for ever.
_NO_ROW = {kind.__name__ for kind in (SessionStarted, SessionEnded, CommandDone, StateMoved)}

#: As many wrong things as one line of the result names.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: `wrong` says what is not as it has to be, and is empty where all is well."""

    check: str
    seen: int
    wrong: tuple[str, ...]

    @property
    def is_ok(self) -> bool:
        return not self.wrong

    def __str__(self) -> str:
        if self.is_ok:
            return f"{self.check}: {self.seen:,} looked at, all well"
        more = len(self.wrong) - _NAMED
        named = "; ".join(self.wrong[:_NAMED]) + (f"; and {more:,} more" if more > 0 else "")
        return f"{self.check}: {len(self.wrong):,} wrong of {self.seen:,}: {named}"


def audit(database: Database) -> Iterator[Finding]:
    """Yields the findings of every check, all on one state of the database: a SQLite file is copied
    beside itself first, so that whoever trades commits meanwhile.

    A file that SQLite finds damaged, or tables of another version, end it: what else would be
    found there says nothing. Raises DatabaseDown, and CannotWrite where there is no room to copy.
    """
    with ExitStack() as stack:
        try:
            database = stack.enter_context(_as_it_is(database))
        except DatabaseCorrupt as error:
            yield Finding("file", 1, (str(error),))
            return
        yield from _of_database(database)


@contextmanager
def _as_it_is(database: Database) -> Iterator[Database]:
    """Yields the database, or a copy of its file for as long as it is looked at."""
    file = database.file
    if file is None:
        yield database
        return
    try:
        folder = TemporaryDirectory(dir=file.parent, prefix=f"{file.name}.checked-")
    except OSError as error:
        raise CannotWrite(f"{file.parent}: cannot be written: {error.strerror}") from None
    with folder as place:
        draft = Path(place) / file.name
        copy_file(database, file, draft)
        copy = connect_database(f"sqlite:///{draft}")
        try:
            yield copy
        finally:
            copy.close()


def _of_database(database: Database) -> Iterator[Finding]:
    with database.reading() as connection:
        without_deadline(connection)
        problem = schema.judge(schema.version_of(connection))
        if problem is not None and schema.is_empty(connection):
            problem = "there are none yet; a paper or live session makes them"
        yield Finding("tables", 1, () if problem is None else (problem,))
        if problem is not None:
            return
        yield _references(connection)
        for account in connection.execute(select(tables.accounts.c.account)).scalars().all():
            yield from _of_account(connection, account)


def _of_account(connection: Connection, account: str) -> Iterator[Finding]:
    yield _chain(connection, account)
    try:
        found = dict(loading.fetched(connection, account, all_marks=True).numbered())
    except (Failed, ArithmeticError, TypeError, ValueError) as error:
        yield Finding(f"{account} rows", 0, (f"a row cannot be read: {error}",))
        return
    yield _rows(connection, account, found)
    yield _orders(connection, account)
    yield _positions(connection, account)
    yield _trades(account, found)


def _chain(connection: Connection, account: str) -> Finding:
    """Every event follows from the one before it, none is missing, the last is the account's."""
    table = tables.events
    rows = connection.execute(
        select(table.c.seq, table.c.payload, table.c.hash)
        .where(table.c.account == account)
        .order_by(table.c.seq)
    )
    wrong: list[str] = []
    before, count = CHAIN_START, 0
    for count, row in enumerate(rows, start=1):
        if row.seq != count:
            wrong.append(f"event {count} is missing")
            break
        if row.hash != link(before, row.payload):
            wrong.append(f"event {row.seq} was changed, or one before it")
            break
        before = row.hash
    head = connection.execute(
        select(tables.accounts.c.events, tables.accounts.c.chain_head).where(
            tables.accounts.c.account == account
        )
    ).one()
    if not wrong and (head.events, head.chain_head) != (count, before):
        wrong.append(f"{head.events} events were written, {count} are there")
    return Finding(f"{account} chain of events", count, tuple(wrong))


def _rows(connection: Connection, account: str, found: Mapping[int, Record]) -> Finding:
    """What the tables say is what the events say: no row changed, gone or added by hand."""
    table = tables.events
    rows = connection.execute(
        select(table.c.seq, table.c.kind, table.c.payload).where(table.c.account == account)
    ).all()
    said = {row.seq: row for row in rows}
    wrong = [f"{type(found[seq]).__name__} {seq} has no event" for seq in found.keys() - said]
    for seq, row in sorted(said.items()):
        if seq not in found:
            if row.kind not in _NO_ROW:
                wrong.append(f"{row.kind} {seq} is gone")
        elif not _says(row.payload, found[seq]):
            wrong.append(f"{row.kind} {seq} differs from its event")
    states = [seq for seq, row in said.items() if row.kind == StateMoved.__name__]
    if states and max(states) not in found:
        wrong.append("the account's state is not the last it moved to")
    return Finding(f"{account} rows", len(said), tuple(wrong))


def _says(payload: str, record: Record) -> bool:
    try:
        return record_of(json.loads(payload)) == record
    except (Failed, ValueError, TypeError):
        return False


def _orders(connection: Connection, account: str) -> Finding:
    """Each order stands as its moves left it."""
    order, move = tables.orders, tables.order_moves
    expected: dict[str, Mapping[Any, Any]] = {}
    present: dict[str, Mapping[Any, Any]] = {}
    for row in connection.execute(select(order).where(order.c.account == account)).mappings():
        name = row["client_order_id"]
        nothing = {"venue_order_id": None, "venue_list_id": None, "moved_ms": row["made_ms"]}
        fresh = {"state": OrderState.COMMITTED.value, "executed": Decimal(0), **nothing}
        expected[name] = fresh
        present[name] = {key: row[key] for key in fresh}
    moves = select(move).where(move.c.account == account).order_by(move.c.seq)
    for told in connection.execute(moves):
        if told.client_order_id in expected:
            now = expected[told.client_order_id]
            expected[told.client_order_id] = reported(now, loading.order_moved(told))
    wrong = [name for name, now in expected.items() if present[name] != now]
    return Finding(f"{account} orders", len(expected), tuple(wrong))


def _positions(connection: Connection, account: str) -> Finding:
    """One open position a symbol, its plan the last that was made, closed where it has a trade."""
    position, change, trade = tables.positions, tables.plan_changes, tables.trades
    changes = select(change).where(change.c.account == account).order_by(change.c.seq)
    last = {row.position_id: row for row in connection.execute(changes)}
    done = select(trade.c.position_id, trade.c.closed_ms).where(trade.c.account == account)
    ended = {row.position_id: row.closed_ms for row in connection.execute(done)}
    wrong: list[str] = []
    opened: set[str] = set()
    rows = connection.execute(select(position).where(position.c.account == account)).all()
    for row in rows:
        change_ = last.get(row.position_id)
        plan = (row.entry_stop, row.entry_target, None)
        if change_ is not None:
            plan = (change_.stop, change_.target, change_.closing)
        if (row.stop, row.target, row.closing) != plan:
            wrong.append(f"{row.position_id}: its plan is not the last that was made")
        if row.closed_ms != ended.get(row.position_id):
            wrong.append(f"{row.position_id}: closed without its trade, or the other way round")
        if row.closed_ms is None and row.symbol in opened:
            wrong.append(f"{row.symbol}: more than one open position")
        if row.closed_ms is None:
            opened.add(row.symbol)
    return Finding(f"{account} positions", len(rows), tuple(wrong))


def _trades(account: str, found: Mapping[int, Record]) -> Finding:
    """Every trade is what the fills of its position make."""
    closings = [each for each in found.values() if isinstance(each, PositionClosed)]
    if not closings:
        return Finding(f"{account} trades", 0, ())
    books = Books(account, closings[0].trade.pnl.currency)
    wrong: list[str] = []
    for _, record in sorted(found.items()):
        try:
            if isinstance(record, PositionClosed) and not _adds_up(books, record.trade):
                wrong.append(f"{record.trade.position_id}: the trade is not what its fills make")
            books.apply(record)
        except Failed as error:
            wrong.append(str(error))
    return Finding(f"{account} trades", len(closings), tuple(wrong))


def _adds_up(books: Books, trade: Trade) -> bool:
    return books.trade_of(trade.position_id, trade.exit_reason) == trade


def _references(connection: Connection) -> Finding:
    """What an exchange said refers to an order that is known."""
    order, move, fill = tables.orders, tables.order_moves, tables.fills
    wrong: list[str] = []
    seen = 0
    for table in (move, fill):
        of_order = (order.c.account == table.c.account) & (
            order.c.client_order_id == table.c.client_order_id
        )
        named = select(table.c.client_order_id).where(table.c.client_order_id.is_not(None))
        seen += len(connection.execute(named).all())
        lost = named.where(~exists().where(of_order)).distinct()
        names = connection.execute(lost).scalars()
        wrong.extend(f"{table.name}: order {name} is not known" for name in names)
    return Finding("references", seen, tuple(wrong))
