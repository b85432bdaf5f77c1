"""One intent on its way: what is written before it is sent, and what its outcome says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from leeward.domain.answers import Acked, NotAttempted, NotSent, Refused, Replacement, Unknown
from leeward.domain.errors import Failed
from leeward.domain.money import Money, Price, Quantity, quantize_price
from leeward.domain.order_requests import OcoRequest, OrderRequest, TriggerRequest
from leeward.domain.orders import OrderListReport, OrderReport, OrderType, Side, TimeInForce
from leeward.domain.rules import SymbolRules
from leeward.engine.intents import client_order_id, intent_id, list_id, request_of
from leeward.engine.order_table import state_of
from leeward.engine.records import (
    DecisionKey,
    IntentMade,
    OrderMoved,
    OrderState,
    PlannedOrder,
    Purpose,
    Role,
)
from leeward.venues.governor import Lane
from leeward.venues.venue import Venue

Answer: TypeAlias = (
    Acked[OrderReport]
    | Acked[OrderListReport]
    | Acked[OrderReport | OrderListReport]
    | Acked[Replacement[OrderReport | OrderListReport]]
    | Refused
    | Unknown
    | NotSent
)
_LANES = {
    Purpose.ENTRY: Lane.ENTRY,
    Purpose.EXIT: Lane.EXIT,
    Purpose.PROTECTION: Lane.PROTECTION,
}


@dataclass(frozen=True, slots=True)
class Author:
    """In whose name the desk makes an intent; `leg` is its number within the position."""

    account: str
    symbol: str
    position_id: str
    open_time_ms: int
    session_id: str
    strategy: str
    strategy_version: str
    leg: int
    epoch: int
    made_ms: int

    def key(self, purpose: Purpose) -> DecisionKey:
        leg = f"{purpose.value}/{self.leg}"
        return DecisionKey(self.account, self.symbol, self.open_time_ms, leg)


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of sending: the records to commit; orders whose word is in `reports`; orders that
    have to be asked for; and the refusal, where there was one."""

    records: tuple[OrderMoved, ...] = ()
    reports: tuple[OrderReport, ...] = ()
    doubted: tuple[str, ...] = ()
    refused: Refused | None = None
    not_sent: NotSent | None = None


def protection(
    author: Author,
    rules: SymbolRules,
    quantity: Quantity,
    prices: tuple[Price | None, Price | None],
    replaces: str | None = None,
) -> IntentMade:
    """Returns the intent of a stop, a target, or both with one cancelling the other; `prices` are
    the stop's and the target's, put on the tick: the stop down, the target up."""
    key = author.key(Purpose.PROTECTION)
    stop, target = prices
    orders = []
    if target is not None:
        orders.append(_target(key, author.epoch, rules, quantity, target, alone=stop is None))
    if stop is not None:
        orders.append(_stop(key, author.epoch, rules, quantity, stop))
    listed = list_id(key, author.epoch) if len(orders) > 1 else None
    return _intent(author, Purpose.PROTECTION, tuple(orders), rules, listed, replaces)


def sale(author: Author, rules: SymbolRules, quantity: Quantity) -> IntentMade:
    """Returns the intent of a sale at the market."""
    key = author.key(Purpose.EXIT)
    order = PlannedOrder(
        client_order_id(key, author.epoch, Role.EXIT),
        Role.EXIT,
        Side.SELL,
        OrderType.MARKET,
        quantity,
    )
    return _intent(author, Purpose.EXIT, (order,), rules)


def _intent(
    author: Author,
    purpose: Purpose,
    orders: tuple[PlannedOrder, ...],
    rules: SymbolRules,
    client_list_id: str | None = None,
    replaces: str | None = None,
) -> IntentMade:
    key = author.key(purpose)
    return IntentMade(
        intent_id=intent_id(key),
        key=key,
        session_id=author.session_id,
        epoch=author.epoch,
        purpose=purpose,
        position_id=author.position_id,
        strategy=author.strategy,
        strategy_version=author.strategy_version,
        orders=orders,
        reserved=Money(Decimal(0), rules.quote),
        made_ms=author.made_ms,
        client_list_id=client_list_id,
        replaces=replaces,
    )


def _stop(
    key: DecisionKey, epoch: int, rules: SymbolRules, quantity: Quantity, stop: Price
) -> PlannedOrder:
    return PlannedOrder(
        client_order_id(key, epoch, Role.STOP),
        Role.STOP,
        Side.SELL,
        OrderType.STOP_LOSS,
        quantity,
        stop_price=on_tick(stop, rules, "down"),
    )


def _target(
    key: DecisionKey,
    epoch: int,
    rules: SymbolRules,
    quantity: Quantity,
    target: Price,
    *,
    alone: bool,
) -> PlannedOrder:
    return PlannedOrder(
        client_order_id(key, epoch, Role.TARGET),
        Role.TARGET,
        Side.SELL,
        OrderType.LIMIT if alone else OrderType.LIMIT_MAKER,
        quantity,
        price=on_tick(target, rules, "up"),
        time_in_force=TimeInForce.GTC if alone else None,
    )


def on_tick(price: Price, rules: SymbolRules, toward: str) -> Price:
    """Returns the price on the symbol's grid; as it is where the symbol has none."""
    if not rules.price.step:
        return price
    return quantize_price(price.value, rules.price.step, "up" if toward == "up" else "down")


async def send(venue: Venue, intent: IntentMade) -> Answer:
    """Sends a committed intent once and returns the outcome."""
    lane = _LANES[intent.purpose]
    match request_of(intent):
        case OrderRequest() as request if intent.replaces is not None:
            return await venue.replace(intent.replaces, request, lane)
        case OrderRequest() as request:
            return await venue.place(request, lane)
        case OcoRequest() as request:
            return await venue.place_oco(request, lane)
        case TriggerRequest() as request:
            return await venue.place_trigger(request, lane)


Report: TypeAlias = OrderReport | OrderListReport


def outcome(intent: IntentMade, answer: Answer, at_ms: int) -> Sent:
    """Returns what an answer says of the orders of an intent."""
    names = tuple(order.client_order_id for order in intent.orders)
    match answer:
        case Acked():
            report = answer.report
            if isinstance(report, Replacement):
                return _replaced(intent, report, at_ms)
            return _acked(names, report, at_ms)
        case Refused() as refused:
            return _refused(names, refused, at_ms)
        case Unknown(why):
            doubted = names if intent.replaces is None else (*names, intent.replaces)
            return Sent(ended(names, OrderState.UNKNOWN, at_ms, why), doubted=doubted)
        case NotSent(why):
            return Sent(ended(names, OrderState.VOID, at_ms, why), not_sent=answer)
    raise Failed(f"{intent.intent_id}: {answer!r} is no outcome of an order")


def _refused(names: tuple[str, ...], refused: Refused, at_ms: int) -> Sent:
    why = f"{refused.code} {refused.text}"
    if refused.text.startswith("Duplicate order sent"):
        # An order with this id is open: it is ours, and its news has to be asked for.
        return Sent(ended(names, OrderState.UNKNOWN, at_ms, why), doubted=names)
    return Sent(ended(names, OrderState.REFUSED, at_ms, why), refused=refused)


def _acked(names: tuple[str, ...], report: Report, at_ms: int) -> Sent:
    reports = reports_in(report)
    told = {each.client_order_id for each in reports}
    silent = tuple(name for name in names if name not in told)
    # An answer without the order's report proves that it arrived, and nothing else.
    records = (
        *(moved(each, at_ms) for each in reports if each.client_order_id in names),
        *ended(silent, OrderState.UNKNOWN, at_ms, "the answer does not say what became of it"),
    )
    return Sent(records, reports, silent)


def _replaced(intent: IntentMade, answer: Replacement[Report], at_ms: int) -> Sent:
    names = tuple(order.client_order_id for order in intent.orders)
    old = intent.replaces
    assert old is not None
    cancelled = Sent(doubted=(old,))
    if isinstance(answer.cancelled, Acked):
        reports = reports_in(answer.cancelled.report)
        cancelled = Sent(tuple(moved(each, at_ms) for each in reports), reports)
    match answer.placed:
        case Acked(report):
            placed = _acked(names, report, at_ms)
        case Refused() as refused:
            placed = _refused(names, refused, at_ms)
        case NotAttempted():
            why = "not attempted: what it was to replace could not be cancelled"
            placed = Sent(ended(names, OrderState.REFUSED, at_ms, why))
    return Sent(
        (*cancelled.records, *placed.records),
        (*cancelled.reports, *placed.reports),
        (*cancelled.doubted, *placed.doubted),
        placed.refused,
    )


def moved(report: OrderReport, at_ms: int) -> OrderMoved:
    """Returns the record of what a report says of its order."""
    return OrderMoved(
        client_order_id=report.client_order_id,
        state=state_of(report),
        executed=report.executed,
        at_ms=at_ms,
        why=report.expiry_reason or "",
        venue_order_id=report.order_id,
        venue_list_id=report.order_list_id,
    )


def ended(names: Iterable[str], state: OrderState, at_ms: int, why: str) -> tuple[OrderMoved, ...]:
    """Returns one state for all of the orders."""
    return tuple(OrderMoved(name, state, Quantity(Decimal(0)), at_ms, why) for name in names)


def reports_in(report: Report) -> tuple[OrderReport, ...]:
    """Returns the orders a report tells of."""
    return report.reports if isinstance(report, OrderListReport) else (report,)
