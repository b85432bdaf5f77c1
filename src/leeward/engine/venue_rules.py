"""Whether the exchange would take an entry and the protection that follows it, told beforehand: a
refusal after the fact costs a request, and one of the protection leaves coins without a stop."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from leeward.domain.orders import OrderType
from leeward.domain.rules import SymbolRules
from leeward.engine.books import Books
from leeward.engine.records import IntentMade, OrderState, Plan, PlannedOrder, Role

#: Orders that one position may have open at once: its entry, stop and target, and a stop more while
#: one of unknown fate is looked for. Caps are told apart from the account's other symbols.
_ORDERS: Final = 3
_STOPS: Final = 1
_REST: Final = frozenset({OrderState.PENDING, OrderState.OPEN, OrderState.PARTIAL})
_STOP_ROLES: Final = frozenset({Role.STOP})


def objection(books: Books, intent: IntentMade, rules: SymbolRules, last: Decimal) -> str | None:
    """Returns why the exchange would not take the entry, or the protection of what it buys; None
    where nothing known speaks against it. `last` is the last price, in quote units.

    The bands of order prices are measured by an average price that only the exchange knows; the
    last price stands for it. A stop is a market order with a trigger, which no band binds.
    """
    entries = [each for each in intent.orders if each.role is Role.ENTRY]
    if len(entries) != 1 or entries[0].quantity is None or entries[0].price is None:
        return None
    return (
        _of_entry(entries[0], rules, last)
        or _of_protection(entries[0].quantity.value, intent.plan, rules, last)
        or _of_counts(books, intent, rules, entries[0].quantity.value)
    )


def _of_entry(entry: PlannedOrder, rules: SymbolRules, last: Decimal) -> str | None:
    assert entry.quantity is not None
    assert entry.price is not None
    quantity, price = entry.quantity.value, entry.price.value
    if quantity <= 0 or not rules.lot.allows(quantity):
        return "lot_size"
    worth = rules.notional
    if worth is not None and quantity * price < worth.least:
        return "below_minimum"
    if worth is not None and worth.most is not None and 0 < worth.most < quantity * price:
        return "above_max_notional"
    if not rules.price.allows(price):
        return "price_grid"
    band = rules.price_band
    if band is not None and not last * band.buy_down <= price <= last * band.buy_up:
        return "price_band"
    return None


def _of_protection(
    quantity: Decimal, plan: Plan | None, rules: SymbolRules, last: Decimal
) -> str | None:
    if plan is None:
        return None
    if plan.stop is not None:
        stop = plan.stop.value
        if OrderType.STOP_LOSS not in rules.order_types:
            return "no_stop_orders"
        if stop <= 0 or not rules.price.allows(stop):
            return "stop_price"
        # What is sold at the stop has to be worth an order there.
        if rules.notional is not None and quantity * stop < rules.notional.least:
            return "below_minimum"
    if plan.target is not None:
        target, band = plan.target.value, rules.price_band
        if not rules.price.allows(target):
            return "target_price"
        if band is not None and not last * band.sell_down <= target <= last * band.sell_up:
            return "target_price"
        if plan.stop is not None and not rules.features.oco:
            return "no_order_lists"
    return None


def _of_counts(
    books: Books, intent: IntentMade, rules: SymbolRules, quantity: Decimal
) -> str | None:
    symbol, caps = intent.key.symbol, rules.caps
    resting = [order for order in books.live_orders(symbol) if order.state in _REST]
    stops = sum(order.planned.role in _STOP_ROLES for order in resting)
    lists = {order.intent.client_list_id for order in resting} - {None}
    if caps.orders is not None and len(resting) + _ORDERS > caps.orders:
        return "max_open_orders"
    if caps.stops is not None and stops + _STOPS > caps.stops:
        return "max_open_orders"
    if caps.lists is not None and len(lists) + 1 > caps.lists:
        return "max_open_orders"
    if rules.most_position:
        there = books.balance(rules.base) + books.buying(symbol)
        if there + quantity > rules.most_position:
            return "max_position_of_exchange"
    return None
