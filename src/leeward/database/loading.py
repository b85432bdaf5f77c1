"""Rows back into the records they were written from."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import itemgetter
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, Row, Select, Table, bindparam, select

from leeward.database import tables
from leeward.domain.money import Money, Price, Quantity
from leeward.domain.orders import Fill, OrderType, Side, TimeInForce
from leeward.engine.books import takes_over
from leeward.engine.record_codec import record_of
from leeward.engine.records import (
    DecisionKey,
    EquityMarked,
    FeesValued,
    FillBooked,
    IntentMade,
    Noted,
    OrderMoved,
    OrderState,
    Plan,
    PlanChanged,
    PlannedOrder,
    PositionClosed,
    PositionOpened,
    Purpose,
    Record,
    Role,
    SessionStarted,
    StateMoved,
    Trade,
    TradingState,
    TransferBooked,
    TransferKind,
)

#: A record and its place in the account's history.
Numbered: TypeAlias = tuple[int, Record]


def _of(table: Table) -> Select[Any]:
    return select(table).where(table.c.account == bindparam("of_account"))


def _last(kind: type[Record], most: int = 1) -> Select[Any]:
    events = _of(tables.events).where(tables.events.c.kind == kind.__name__)
    return events.order_by(tables.events.c.seq.desc()).limit(most)


_INTENTS = _of(tables.intents)
_ORDERS = _of(tables.orders).order_by(tables.orders.c.place)


@dataclass(frozen=True, slots=True)
class Fetched:
    """Rows as the database gave them: a reader that goes on working on them holds up no commit."""

    orders: Sequence[Row[Any]]
    intents: Sequence[Row[Any]]
    others: Sequence[tuple[Sequence[Row[Any]], Callable[[Row[Any]], Record]]]

    def numbered(self) -> list[Numbered]:
        """Returns the records in the order in which they were committed."""
        orders: dict[str, list[PlannedOrder]] = {}
        for row in self.orders:
            orders.setdefault(row.intent_id, []).append(planned_order(row))
        found: list[Numbered] = [
            (row.seq, _intent(row, tuple(orders.get(row.intent_id, ())))) for row in self.intents
        ]
        for rows, read in self.others:
            found += [(row.seq, read(row)) for row in rows]
        return sorted(found, key=itemgetter(0))


def fetched(connection: Connection, account: str, *, all_marks: bool = False) -> Fetched:
    """Returns the rows of what the books of the account are made of.

    Of its states and sessions only the last, of its equity marks too unless all are asked for: the
    ones before say nothing to the books.
    """
    of_account = {"of_account": account}
    others: list[tuple[Sequence[Row[Any]], Callable[[Row[Any]], Record]]] = [
        (connection.execute(statement, of_account).all(), read)
        for statement, read in (*_RECORDS, _LAST_SESSION)
    ]
    if all_marks:
        others.append((connection.execute(_ALL_MARKS, of_account).all(), equity_marked))
    else:
        others.append((_last_mark(connection, of_account), _written))
    return Fetched(
        connection.execute(_ORDERS, of_account).all(),
        connection.execute(_INTENTS, of_account).all(),
        others,
    )


def _last_mark(connection: Connection, of_account: dict[str, str]) -> list[Row[Any]]:
    """Returns the row of the mark that the books go on from, or nothing."""
    last: Row[Any] | None = None
    known: EquityMarked | None = None
    for row in reversed(connection.execute(_LAST_MARKS, of_account).all()):
        mark = _written(row)
        assert isinstance(mark, EquityMarked)
        if takes_over(mark, known):
            last, known = row, mark
    return [] if last is None else [last]


def planned_order(row: Row[Any]) -> PlannedOrder:
    """Returns the order as it was planned, from a row of `orders`."""
    return PlannedOrder(
        row.client_order_id,
        Role(row.role),
        Side(row.side),
        OrderType(row.type),
        _quantity(row.quantity),
        _price(row.price),
        _price(row.stop_price),
        None if row.time_in_force is None else TimeInForce(row.time_in_force),
    )


def _intent(row: Row[Any], orders: tuple[PlannedOrder, ...]) -> IntentMade:
    return IntentMade(
        row.intent_id,
        DecisionKey(row.account, row.symbol, row.open_time_ms, row.leg),
        row.session_id,
        row.epoch,
        Purpose(row.purpose),
        row.position_id,
        row.strategy,
        row.strategy_version,
        orders,
        Money(row.reserved, row.quote),
        row.made_ms,
        row.client_list_id,
        row.replaces,
        plan_of(row) if row.has_plan else None,
        row.tag,
    )


def order_moved(row: Row[Any]) -> OrderMoved:
    """Returns the record that a row of `order_moves` was written from."""
    return OrderMoved(
        row.client_order_id,
        OrderState(row.state),
        Quantity(row.executed),
        row.at_ms,
        row.why,
        row.venue_order_id,
        row.venue_list_id,
    )


def fill_booked(row: Row[Any]) -> FillBooked:
    """Returns the record that a row of `fills` was written from."""
    fill = Fill(
        row.symbol,
        row.trade_id,
        row.order_id,
        Side(row.side),
        Price(row.price),
        Quantity(row.quantity),
        None if row.commission is None else Money(row.commission, row.commission_asset),
        row.time_ms,
        row.is_maker,
    )
    role = None if row.role is None else Role(row.role)
    return FillBooked(fill, row.client_order_id, row.position_id, role)


def _transfer_booked(row: Row[Any]) -> TransferBooked:
    money = Money(row.amount, row.asset)
    return TransferBooked(row.transfer_id, TransferKind(row.kind), money, row.at_ms, row.note)


def _position_opened(row: Row[Any]) -> PositionOpened:
    return PositionOpened(
        row.position_id,
        row.symbol,
        row.entry_time_ms,
        Plan(_price(row.entry_stop), _price(row.entry_target)),
        row.strategy,
        row.tag,
        row.opened_ms,
    )


def plan_of(row: Row[Any]) -> Plan:
    return Plan(_price(row.stop), _price(row.target))


def _plan_changed(row: Row[Any]) -> PlanChanged:
    return PlanChanged(row.position_id, plan_of(row), row.closing, row.at_ms, row.why)


def position_closed(row: Row[Any]) -> PositionClosed:
    """Returns the record that a row of `trades` was written from."""
    trade = Trade(
        row.position_id,
        row.symbol,
        row.entry_time_ms,
        row.exit_time_ms,
        Quantity(row.quantity),
        Price(row.entry_price),
        Price(row.exit_price),
        Money(row.cost, row.quote),
        Money(row.proceeds, row.quote),
        tuple(Money(Decimal(amount), asset) for amount, asset in row.fees),
        Money(row.pnl, row.quote),
        row.exit_reason,
        row.tag,
        Quantity(row.dust),
    )
    return PositionClosed(trade, row.closed_ms, row.unprotected_ms)


def _written(row: Row[Any]) -> Record:
    return record_of(json.loads(row.payload))


def state_moved(row: Row[Any]) -> StateMoved:
    """Returns the last move of the account's state, from its row of `accounts`."""
    return StateMoved(
        TradingState(row.state),
        row.state_reason,
        row.state_actor,
        row.state_at_ms,
        row.state_until_ms,
    )


def equity_marked(row: Row[Any]) -> EquityMarked:
    """Returns the record that a row of `account_history` was written from."""
    return EquityMarked(
        row.session_id,
        row.open_time_ms,
        row.equity,
        row.cash,
        row.exposure,
        row.peak,
        row.day_base,
        row.day_ends_ms,
        row.daily_loss,
        row.halted,
        row.at_ms,
    )


def _price(value: Decimal | None) -> Price | None:
    return None if value is None else Price(value)


def _quantity(value: Decimal | None) -> Quantity | None:
    return None if value is None else Quantity(value)


_RECORDS: Final[Sequence[tuple[Select[Any], Callable[[Row[Any]], Record]]]] = (
    (_of(tables.order_moves), order_moved),
    (_of(tables.fills), fill_booked),
    (_of(tables.transfers), _transfer_booked),
    (_of(tables.positions), _position_opened),
    (_of(tables.plan_changes), _plan_changed),
    (_of(tables.trades), position_closed),
    (_of(tables.events).where(tables.events.c.kind == Noted.__name__), _written),
    (_of(tables.events).where(tables.events.c.kind == FeesValued.__name__), _written),
    (
        select(tables.accounts, tables.accounts.c.state_seq.label("seq")).where(
            tables.accounts.c.account == bindparam("of_account"),
            tables.accounts.c.state_seq.is_not(None),
        ),
        state_moved,
    ),
)
_LAST_SESSION: Final = _last(SessionStarted), _written
#: Of these the last step of the session that was marked last counts: a candle of a longer
#: timeframe opens before one of a shorter, and a commit may come late.
_LAST_MARKS: Final = _last(EquityMarked, 100)
_ALL_MARKS: Final = _of(tables.account_history)
