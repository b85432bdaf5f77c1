"""Our orders, by client id: what was meant, what was reported, what was filled."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from leeward.domain.errors import Failed
from leeward.domain.money import Quantity
from leeward.domain.orders import Fill, Side
from leeward.engine.ledger import difference, total
from leeward.engine.order_table import next_state
from leeward.engine.records import (
    DecisionKey,
    FillBooked,
    IntentMade,
    OrderMoved,
    OrderState,
    PlannedOrder,
    Record,
    Role,
)

_ZERO = Decimal(0)
_HOUR_MS = 3_600_000
_NOTHING = Quantity(_ZERO)
#: Why an order on paper ended for which no open came: a quiet market, and nobody's haste.
_NO_OPEN = "NO_OPEN"
_UNSEEN = frozenset({OrderState.COMMITTED, OrderState.UNKNOWN})
_ALONE = frozenset({Role.ENTRY, Role.EXIT})
_RESTING = frozenset({OrderState.PENDING, OrderState.OPEN, OrderState.PARTIAL})
_ONLY_OPEN = frozenset({OrderState.VOID, OrderState.REFUSED, OrderState.PENDING, OrderState.OPEN})


@dataclass(frozen=True, slots=True)
class BookedOrder:
    """One of our orders. `reported` is the furthest state reported; `executed` the venue's sum, or
    what its fills prove where that is more, and `booked` that of the fills, in base units;
    `moved_ms` when it was last heard of."""

    intent: IntentMade
    planned: PlannedOrder
    reported: OrderState
    moved_ms: int
    executed: Quantity = _NOTHING
    booked: Quantity = _NOTHING
    venue_order_id: int | None = None
    venue_list_id: int | None = None
    why: str = field(default="", compare=False)

    @property
    def client_order_id(self) -> str:
        return self.planned.client_order_id

    @property
    def symbol(self) -> str:
        return self.intent.key.symbol

    @property
    def state(self) -> OrderState:
        """The state, with what the fills prove. A fill of an order whose fate is open does not
        say that it is still open: it has to be asked for."""
        ordered = self.planned.quantity
        if ordered is not None and not ordered.is_zero and self.booked >= ordered:
            return OrderState.FILLED
        if not self.booked.is_zero and self.reported in _ONLY_OPEN:
            return OrderState.PARTIAL
        return self.reported

    @property
    def unresolved(self) -> bool:
        return self.state in _UNSEEN

    @property
    def missing(self) -> Quantity:
        """What the venue executed and no fill in the books explains yet."""
        return self.executed - self.booked if self.executed > self.booked else _NOTHING

    @property
    def is_done(self) -> bool:
        """Whether nothing can come of it any more: final, and every fill booked."""
        return self.state.is_final and self.missing.is_zero

    @property
    def may_buy(self) -> Decimal:
        """Base units that may still be bought, or were and are not booked."""
        if self.planned.side is Side.SELL or self.is_done:
            return _ZERO
        if self.state.is_final or self.planned.quantity is None:
            return self.missing.value
        return max(difference(self.planned.quantity.value, self.booked.value), self.missing.value)


@dataclass
class OwnOrders:
    """Every order of the account that we meant, with the few that are not done at hand."""

    #: The latest lease epoch in which a session began or an order was meant.
    highest_epoch: int = field(default=0, init=False)
    orders: dict[str, BookedOrder] = field(default_factory=dict, init=False)
    _intents: dict[str, IntentMade] = field(default_factory=dict, init=False)
    _decided: set[DecisionKey] = field(default_factory=set, init=False)
    _made_ms: list[int] = field(default_factory=list, init=False)
    _of_position: dict[str, list[str]] = field(default_factory=dict, init=False)
    _legs: dict[str, int] = field(default_factory=dict, init=False)
    _lapsed: set[str] = field(default_factory=set, init=False)
    _live: dict[str, set[str]] = field(default_factory=dict, init=False)
    _void: set[str] = field(default_factory=set, init=False)
    _venue_ids: dict[tuple[str, int], str] = field(default_factory=dict, init=False)
    _anomalies: dict[str, str] = field(default_factory=dict, init=False)

    def intent(self, intent_id: str) -> IntentMade | None:
        return self._intents.get(intent_id)

    def is_decided(self, key: DecisionKey) -> bool:
        return key in self._decided

    def legs(self, position_id: str) -> int:
        """Returns how many intents were made for a position: the last N of its legs' names, or
        more."""
        return self._legs.get(position_id, 0)

    def orders_of(self, position_id: str) -> list[BookedOrder]:
        """Returns the orders that were made for a position, in the order they became known."""
        return [self.orders[name] for name in self._of_position.get(position_id, ())]

    def orders_last_hour(self, now_ms: int) -> int:
        """Returns the intents made in the hour up to now, those left out for which the market
        never opened."""
        since_ms = now_ms - _HOUR_MS
        lapsed = sum(self.orders[name].intent.made_ms > since_ms for name in self._lapsed)
        return len(self._made_ms) - bisect_right(self._made_ms, since_ms) - lapsed

    def order_by_venue_id(self, symbol: str, order_id: int) -> BookedOrder | None:
        name = self._venue_ids.get((symbol, order_id))
        return None if name is None else self.orders[name]

    def live_orders(self, symbol: str | None = None) -> list[BookedOrder]:
        """Returns our orders that are not final, or whose fills are not all booked."""
        names = self._live.get(symbol, ()) if symbol is not None else self._all_live()
        return [self.orders[name] for name in sorted(names)]

    def open_orders(self, symbol: str | None = None) -> list[BookedOrder]:
        """Returns our orders that the venue has and that are not done."""
        return [order for order in self.live_orders(symbol) if order.state in _RESTING]

    def unresolved(self, symbol: str | None = None) -> list[BookedOrder]:
        """Returns our orders of which nobody knows whether the venue has them."""
        return [order for order in self.live_orders(symbol) if order.unresolved]

    def void_orders(self) -> list[BookedOrder]:
        """Returns our orders that are taken never to have arrived."""
        return [self.orders[name] for name in sorted(self._void)]

    def buying(self, symbol: str) -> Decimal:
        """Returns base units that open, committed and unknown buys may still bring, and those
        bought whose fills are not booked yet."""
        return total(order.may_buy for order in self.live_orders(symbol))

    def _all_live(self) -> list[str]:
        return [name for names in self._live.values() for name in names]

    def _make_intent(self, intent: IntentMade) -> None:
        if intent.intent_id in self._intents:
            return
        self._intents[intent.intent_id] = intent
        self._decided.add(intent.key)
        insort(self._made_ms, intent.made_ms)
        self._legs[intent.position_id] = self._legs.get(intent.position_id, 0) + 1
        self.highest_epoch = max(self.highest_epoch, intent.epoch)
        names = self._of_position.setdefault(intent.position_id, [])
        names += [planned.client_order_id for planned in intent.orders]
        for planned in intent.orders:
            self._put(BookedOrder(intent, planned, OrderState.COMMITTED, intent.made_ms))

    def _move_order(self, record: OrderMoved) -> None:
        order = self._own(record.client_order_id)
        if record.why == _NO_OPEN and order.planned.role in _ALONE:
            self._lapsed.add(order.client_order_id)
        self._put(moved(order, record))

    def _fill_order(self, booked: FillBooked) -> None:
        if booked.client_order_id is None:
            return
        order = self._own(booked.client_order_id)
        after = filled(order, booked.fill)
        ordered = order.planned.quantity
        if ordered is not None and after.booked > ordered:
            self._anomalies[order.client_order_id] = (
                f"{order.symbol} {order.client_order_id}: filled {after.booked} of {ordered} "
                "ordered"
            )
        self._put(after)

    def _put(self, order: BookedOrder) -> None:
        name, symbol = order.client_order_id, order.symbol
        self.orders[name] = order
        live = self._live.setdefault(symbol, set())
        if order.is_done:
            live.discard(name)
        else:
            live.add(name)
        if order.state is OrderState.VOID:
            self._void.add(name)
        else:
            self._void.discard(name)
        if order.venue_order_id is not None:
            self._venue_ids[symbol, order.venue_order_id] = name

    def _own(self, client_order_id: str) -> BookedOrder:
        order = self.orders.get(client_order_id)
        if order is None:
            raise Failed(
                f"order {client_order_id}: its intent is not in the books; "
                "an intent is applied before what becomes of it"
            )
        return order


def moved(order: BookedOrder, record: OrderMoved) -> BookedOrder:
    """Returns the order after a report of it."""
    state = next_state(order.reported, record.state)
    return replace(
        order,
        reported=state,
        moved_ms=max(order.moved_ms, record.at_ms),
        executed=max(order.executed, record.executed),
        venue_order_id=_either(record.venue_order_id, order.venue_order_id),
        venue_list_id=_either(record.venue_list_id, order.venue_list_id),
        why=order.why if state is order.reported and order.why else record.why,
    )


def filled(order: BookedOrder, fill: Fill) -> BookedOrder:
    """Returns the order after a fill of it: what is booked was executed, whoever reported it."""
    booked = order.booked + fill.quantity
    executed = max(order.executed, booked)
    return replace(order, booked=booked, executed=executed, venue_order_id=fill.order_id)


def misses_fills(orders: Iterable[BookedOrder], records: Iterable[Record]) -> bool:
    """Returns whether one of the orders is, after these records, of unknown fate, or executed
    beyond its fills."""
    after = {order.client_order_id: order for order in orders}
    for record in records:
        match record:
            case OrderMoved() if record.client_order_id in after:
                after[record.client_order_id] = moved(after[record.client_order_id], record)
            case FillBooked() if record.client_order_id in after:
                order = after[record.client_order_id]
                after[record.client_order_id] = filled(order, record.fill)
            case _:
                pass
    return any(not order.missing.is_zero or order.unresolved for order in after.values())


def _either(new: int | None, old: int | None) -> int | None:
    return old if new is None else new
