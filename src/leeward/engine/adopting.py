"""Orders of ours that the books do not know: the database was lost or is an old backup, or another
instance trades the account. What they protect is taken over; an operator decides on the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from leeward.domain.money import Money, Quantity
from leeward.domain.orders import Fill, OrderReport, Side
from leeward.engine.books import Books
from leeward.engine.intents import epoch_of, intent_id, is_ours, role_of
from leeward.engine.ledger import changes, total
from leeward.engine.order_table import state_of
from leeward.engine.own_orders import BookedOrder
from leeward.engine.records import (
    DecisionKey,
    IntentMade,
    Noted,
    OrderMoved,
    OrderState,
    Plan,
    PlanChanged,
    PlannedOrder,
    Purpose,
    Record,
    Role,
    Severity,
)

_ZERO = Decimal(0)
#: In the place of the strategy, of a position that nobody wrote down.
ADOPTED = "adopted"
#: Begins what stands for the name of a list that was taken over: the venue tells its number only,
#: so that it can be cancelled by one of its orders alone.
NAMELESS_LIST = "adopted-"


@dataclass(frozen=True, slots=True)
class Adopted:
    """What was taken over. `orders` by the venue's order id; `positions` the trades that bought a
    position nobody wrote down, with its plan, by trade id. `halts` says why only an operator may go
    on; `left` whether orders rest that nobody accounts for; `cancel` are buys of an earlier life of
    this instance."""

    records: tuple[Record, ...] = ()
    orders: Mapping[int, BookedOrder] = field(default_factory=dict)
    positions: Mapping[int, tuple[str, Plan]] = field(default_factory=dict)
    cancel: tuple[OrderReport, ...] = ()
    halts: str = ""
    left: bool = False


NOTHING_ADOPTED = Adopted()


def adopt(
    books: Books, reports: Iterable[OrderReport], fills: Mapping[str, Sequence[Fill]], epoch: int
) -> Adopted:
    """Returns how to take over the open orders of ours that the books do not know.

    Sells protect the position of their symbol: the open one, or the one that trades not booked yet
    open. Without one they prove a position, bought by the latest trades that nobody else explains.
    Sells that nothing explains are left as they rest. Buys of epochs up to ours are cancelled;
    those of later epochs are another instance's.
    """
    told = tuple(reports)
    found = _strays(books, told)
    if not found:
        return NOTHING_ADOPTED
    records: list[Record] = []
    orders: dict[int, BookedOrder] = {}
    positions: dict[int, tuple[str, Plan]] = {}
    left = [each for each in found if each.side is Side.BUY and _epoch(each) > epoch]
    for symbol in sorted({each.symbol for each in found}):
        sells = [each for each in found if each.symbol == symbol and each.side is Side.SELL]
        position_id = _present(books, symbol, told, fills.get(symbol, ()))
        bought = [] if position_id else _bought(books, symbol, sells, fills.get(symbol, ()))
        if position_id is None and not bought:
            left += sells
            continue
        position_id = position_id or _position_id(books, bought)
        positions |= {fill.trade_id: (position_id, _plan(sells)) for fill in bought}
        for intent in _intents(books, sells, position_id, epoch):
            records.append(intent)
            orders |= _placed(intent, sells)
        records += _raised(books, symbol, sells)
    records += [_moved(each) for each in found if each.order_id in orders]
    records += [_noted(books, each, each.order_id in orders) for each in found]
    later = max(_epoch(each) for each in found)
    halts = (
        f"{len(found)} open orders of ours are not in the books"
        + (f", from epoch {later} while this is {epoch}" if later > epoch else "")
        + ": another instance, a lost database or an old backup"
    )
    cancel = tuple(each for each in found if each.side is Side.BUY and _epoch(each) <= epoch)
    return Adopted(tuple(records), orders, positions, cancel, halts, bool(left))


def owners(books: Books, symbol: str, reports: Iterable[OrderReport]) -> dict[int, BookedOrder]:
    """Returns our orders in the books that `reports` name, by the venue's order id."""
    return {
        report.order_id: order
        for report in reports
        if report.symbol == symbol
        and (order := books.orders.get(report.client_order_id)) is not None
    }


def bought_position_id(books: Books, order: BookedOrder) -> str:
    """Returns the position that a new fill of this buy opens: the order's, and where that one is
    closed already, a position of its own."""
    position_id = order.intent.position_id
    return f"{position_id}-late" if books.is_closed(position_id) else position_id


def _strays(books: Books, reports: Iterable[OrderReport]) -> list[OrderReport]:
    return [
        report
        for report in {report.client_order_id: report for report in reports}.values()
        if is_ours(report.client_order_id)
        and report.client_order_id not in books.orders
        and not state_of(report).is_final
    ]


def _present(
    books: Books, symbol: str, reports: Iterable[OrderReport], fills: Sequence[Fill]
) -> str | None:
    """Returns the position of a symbol that is open, or that known orders have bought."""
    held = books.position(symbol)
    if held is not None:
        return held.position_id
    named = owners(books, symbol, reports)
    for fill in sorted(fills, key=lambda fill: fill.trade_id):
        order = books.order_by_venue_id(symbol, fill.order_id) or named.get(fill.order_id)
        new = not books.has_fill(symbol, fill.trade_id) and fill.side is Side.BUY
        if order is not None and new:
            return bought_position_id(books, order)
    return None


def _epoch(report: OrderReport) -> int:
    return epoch_of(report.client_order_id)


def _remaining(report: OrderReport) -> Decimal:
    ordered = _ZERO if report.quantity is None else report.quantity.value
    return max(_ZERO, ordered - report.executed.value)


def _lists(sells: Sequence[OrderReport]) -> dict[tuple[str, int], list[OrderReport]]:
    """Returns the sells by the list, or the order, they belong to."""
    lists: dict[tuple[str, int], list[OrderReport]] = {}
    for sell in sells:
        alone = sell.order_list_id is None
        key = ("order", sell.order_id) if alone else ("list", sell.order_list_id or 0)
        lists.setdefault(key, []).append(sell)
    return lists


def _bought(
    books: Books, symbol: str, sells: Sequence[OrderReport], fills: Sequence[Fill]
) -> list[Fill]:
    """Returns the latest unexplained buys that cover what `sells` would sell, oldest first; none
    where they do not."""
    needed = total(max(map(_remaining, group)) for group in _lists(sells).values())
    taken: list[Fill] = []
    net = _ZERO
    for fill in sorted(fills, key=lambda fill: -fill.trade_id):
        if net >= needed:
            break
        known = books.has_fill(symbol, fill.trade_id)
        if fill.side is Side.SELL or known or books.order_by_venue_id(symbol, fill.order_id):
            continue
        base = books.ledger.base(symbol)
        moved = changes(fill, base, books.quote)
        net = total((net, *(change for asset, change in moved if asset == base)))
        taken.append(fill)
    return taken[::-1] if needed and net >= needed else []


def _position_id(books: Books, bought: Sequence[Fill]) -> str:
    first = bought[0]
    leg = f"adopted/{first.trade_id}"
    return intent_id(DecisionKey(books.account, first.symbol, first.time_ms, leg))


def _plan(sells: Sequence[OrderReport]) -> Plan:
    stops = [each.stop_price for each in sells if each.stop_price is not None]
    targets = [
        each.price
        for each in sells
        if each.price is not None and role_of(each.client_order_id) is Role.TARGET
    ]
    return Plan(max(stops, default=None), min(targets, default=None))


def _raised(books: Books, symbol: str, sells: Sequence[OrderReport]) -> list[PlanChanged]:
    """Returns the plan of a known position whose stop rests higher than its books say: it was
    raised after the backup was made, and is not lowered again."""
    held, rests = books.position(symbol), _plan(sells).stop
    if held is None or held.plan.stop is None or rests is None or rests <= held.plan.stop:
        return []
    at_ms = max(each.time_ms for each in sells)
    plan = Plan(rests, held.plan.target)
    why = "the stop that rests is higher than the books say"
    return [PlanChanged(held.position_id, plan, held.closing, at_ms, why)]


def _intents(
    books: Books, sells: Sequence[OrderReport], position_id: str, epoch: int
) -> list[IntentMade]:
    """Returns an intent for each list or single order, as if it had been written down."""
    made = []
    for (kind, _), group in sorted(_lists(sells).items()):
        first = min(group, key=lambda each: each.order_id)
        key = DecisionKey(
            books.account, first.symbol, first.time_ms, f"adopted/{first.client_order_id}"
        )
        made.append(
            IntentMade(
                intent_id=intent_id(key),
                key=key,
                session_id="",
                epoch=epoch,
                purpose=Purpose.PROTECTION,
                position_id=position_id,
                strategy="",
                strategy_version="",
                orders=tuple(map(_planned, group)),
                reserved=Money(_ZERO, books.quote),
                made_ms=first.time_ms,
                client_list_id=None if kind == "order" else f"{NAMELESS_LIST}{first.order_list_id}",
            )
        )
    return made


def _planned(report: OrderReport) -> PlannedOrder:
    return PlannedOrder(
        report.client_order_id,
        role_of(report.client_order_id),
        report.side,
        report.type,
        report.quantity,
        report.price,
        report.stop_price,
        report.time_in_force,
    )


def _placed(intent: IntentMade, sells: Sequence[OrderReport]) -> dict[int, BookedOrder]:
    ids = {each.client_order_id: each.order_id for each in sells}
    return {
        ids[planned.client_order_id]: BookedOrder(
            intent, planned, OrderState.COMMITTED, intent.made_ms, Quantity(_ZERO)
        )
        for planned in intent.orders
    }


def _moved(report: OrderReport) -> OrderMoved:
    return OrderMoved(
        report.client_order_id,
        state_of(report),
        report.executed,
        report.time_ms,
        "adopted",
        report.order_id,
        report.order_list_id,
    )


def _noted(books: Books, report: OrderReport, adopted: bool) -> Noted:
    what = "taken over" if adopted else "left" if report.side is Side.SELL else "not wanted"
    words = (
        f"{report.symbol}: our order {report.client_order_id} is not in the books of "
        f"{books.account}: {what}"
    )
    return Noted("stray_order", words, Severity.CRITICAL, report.time_ms, report.client_order_id)
