"""What becomes of an order: the states in the order of what is known of them.

Reports come late, twice and out of order, by answer, stream and query. So no report moves an order
by itself: an order is in the furthest state any report put it in, and a report that says less
changes nothing. The same reports in any order lead to the same state.
"""

from __future__ import annotations

from typing import Final

from leeward.domain.orders import OrderReport, OrderStatus
from leeward.engine.records import OrderState

#: From knowing nothing to knowing all. VOID and REFUSED are final, but say only that nobody has
#: seen the order: one that appears after all is believed. FILLED is never left: whoever saw it
#: cancelled saw it earlier, or did not look closely.
CERTAINTY: Final = (
    OrderState.COMMITTED,
    OrderState.UNKNOWN,
    OrderState.VOID,
    OrderState.REFUSED,
    OrderState.PENDING,
    OrderState.OPEN,
    OrderState.PARTIAL,
    OrderState.EXPIRED,
    OrderState.CANCELED,
    OrderState.FILLED,
)

#: (state, reported) -> the state after it, for every pair.
MOVES: Final = {
    (state, reported): CERTAINTY[max(known, told)]
    for known, state in enumerate(CERTAINTY)
    for told, reported in enumerate(CERTAINTY)
}

_STATES: Final = {
    OrderStatus.NEW: OrderState.OPEN,
    OrderStatus.PENDING_NEW: OrderState.PENDING,
    OrderStatus.PARTIALLY_FILLED: OrderState.PARTIAL,
    OrderStatus.FILLED: OrderState.FILLED,
    OrderStatus.CANCELED: OrderState.CANCELED,
    OrderStatus.PENDING_CANCEL: OrderState.OPEN,
    # The exchange has the order and ended it. REFUSED, which says that it has none, would lose
    # against an earlier report that it was open.
    OrderStatus.REJECTED: OrderState.EXPIRED,
    OrderStatus.EXPIRED: OrderState.EXPIRED,
    OrderStatus.EXPIRED_IN_MATCH: OrderState.EXPIRED,
    OrderStatus.UNKNOWN: OrderState.UNKNOWN,
}


def next_state(state: OrderState, reported: OrderState) -> OrderState:
    """Returns the state of an order in `state` of which `reported` becomes known.

    >>> next_state(OrderState.FILLED, OrderState.OPEN)
    <OrderState.FILLED: 'FILLED'>
    """
    return MOVES[state, reported]


def state_of(report: OrderReport) -> OrderState:
    """Returns what a report says; UNKNOWN for a word this version does not know, which is never
    taken for an end."""
    state = _STATES[report.status]
    if state is OrderState.OPEN and not report.executed.is_zero:
        return OrderState.PARTIAL
    return state
