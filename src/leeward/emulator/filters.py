"""The filters of a symbol and of the exchange, checked in the order they are listed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

from leeward.domain.errors import BadUsage
from leeward.emulator.book import BUY
from leeward.emulator.floor import Floor
from leeward.emulator.orders import Order
from leeward.emulator.rejections import Json, filter_failure
from leeward.emulator.symbols import SymbolRules
from leeward.emulator.units import UNIT, product, units

#: Returns the average price over that many minutes.
Average = Callable[[int], int]
#: The fields of a filter that binds an account on the whole exchange.
_EXCHANGE: Final = {
    "EXCHANGE_MAX_NUM_ORDERS": {"maxNumOrders"},
    "EXCHANGE_MAX_NUM_ALGO_ORDERS": {"maxNumAlgoOrders"},
    "EXCHANGE_MAX_NUM_ICEBERG_ORDERS": {"maxNumIcebergOrders"},
    "EXCHANGE_MAX_NUM_ORDER_LISTS": {"maxNumOrderLists"},
    "MAX_ASSET": {"asset", "limit"},
}
#: Over how many minutes the price is averaged that values an order without one.
_AVERAGE_MINUTES: Final = 5


def check_order(floor: Floor, order: Order) -> None:
    """Refuses an order whose own numbers break a filter of its symbol or of an asset. Counts are
    `check_counts`."""
    market = floor.markets[order.symbol]

    def average(minutes: int) -> int:
        return market.average(minutes, floor.now_ms)

    for entry in market.rules.filters:
        name = str(entry["filterType"])
        passes = _CHECKS.get(name)
        if passes is not None and not passes(order, entry, average):
            raise filter_failure(name)
    _check_assets(order, market.rules, floor.asset_limits(), average)


def exchange_filter(entry: Json) -> tuple[str, str]:
    """Returns name and asset (empty where it has none) of a filter of the exchange, given in the
    exchange's form; raises BadUsage for another one."""
    name = str(entry.get("filterType"))
    fields = _EXCHANGE.get(name)
    if fields is None:
        known = ", ".join(_EXCHANGE)
        raise BadUsage(f"{name} is not a filter of the exchange ({known}); name its symbol")
    if entry.keys() != {"filterType", *fields} or entry.get("asset") == "":
        raise BadUsage(f"filter {name} needs exactly the fields {sorted(fields)}")
    for field in fields - {"asset"}:
        if not re.fullmatch(r"\d+(\.\d{1,8})?" if field == "limit" else r"\d+", str(entry[field])):
            raise BadUsage(f"filter {name}: {field} is {entry[field]!r}; give a number")
    return name, str(entry.get("asset", ""))


def is_of_exchange(name: str) -> bool:
    """Returns whether a filter of that type belongs to the exchange, not to a symbol."""
    return name in _EXCHANGE


def _check_assets(
    order: Order, rules: SymbolRules, limits: Iterable[Json], average: Average
) -> None:
    """Refuses an order of more than MAX_ASSET allows of its base or its quote asset."""
    for entry in limits:
        if order.size_pending or entry["asset"] not in {rules.base, rules.quote}:
            continue
        price = order.price or average(_AVERAGE_MINUTES)
        worth = order.quote_qty or product(price, order.qty)
        amount = worth if entry["asset"] == rules.quote else order.qty or worth * UNIT // price
        if amount > _amount(entry, "limit"):
            raise filter_failure("MAX_ASSET")


def check_counts(
    entries: Iterable[Json], open_orders: list[Order], new: list[Order], lists: int
) -> None:
    """Refuses orders (`new`, not in `open_orders`) that are too many for filters of their symbol
    or of the exchange; `lists` is how many lists would be open, 0 where none is new."""
    both = [*open_orders, *new]
    counts = {
        "MAX_NUM_ORDERS": ("maxNumOrders", len(both)),
        "MAX_NUM_ALGO_ORDERS": (
            "maxNumAlgoOrders",
            sum(order.is_stop for order in both) if any(order.is_stop for order in new) else 0,
        ),
        "MAX_NUM_ICEBERG_ORDERS": (
            "maxNumIcebergOrders",
            sum(bool(order.iceberg) for order in both) if any(o.iceberg for o in new) else 0,
        ),
        "MAX_NUM_ORDER_LISTS": ("maxNumOrderLists", lists),
    }
    for entry in entries:
        name = str(entry["filterType"])
        counted = counts.get(name.removeprefix("EXCHANGE_"))
        if counted is not None and counted[1] > int(str(entry[counted[0]])):
            raise filter_failure(name)


def check_position(rules: SymbolRules, held: int, buying: int) -> None:
    """Refuses a BUY with which the account would hold more than MAX_POSITION of the base asset;
    `held` is free and locked, `buying` what open BUY orders and this one would add."""
    most = rules.amount("MAX_POSITION", "maxPosition")
    if most and held + buying > most:
        raise filter_failure("MAX_POSITION")


def _amount(entry: Json, key: str) -> int:
    return units(Decimal(str(entry[key])), key)


def _price(order: Order, entry: Json, average: Average) -> bool:
    del average
    low, high = _amount(entry, "minPrice"), _amount(entry, "maxPrice")
    tick = _amount(entry, "tickSize")
    return all(
        price >= low and (not high or price <= high) and (not tick or price % tick == 0)
        for price in (order.price, order.stop_price)
        if price
    )


def _lot(order: Order, entry: Json, average: Average) -> bool:
    del average
    return all(
        _sized(quantity, entry) for quantity in (order.qty, order.iceberg) if quantity
    ) and bool(order.qty or order.quote_qty or order.size_pending)


def _sized(quantity: int, entry: Json) -> bool:
    low, high = _amount(entry, "minQty"), _amount(entry, "maxQty")
    step = _amount(entry, "stepSize")
    return quantity >= low and (not high or quantity <= high) and not (step and quantity % step)


def _market_lot(order: Order, entry: Json, average: Average) -> bool:
    del average
    return order.type != "MARKET" or not order.qty or _sized(order.qty, entry)


def _percent_price_by_side(order: Order, entry: Json, average: Average) -> bool:
    side = "bid" if order.side == BUY else "ask"
    return _within(order, entry, average, f"{side}MultiplierUp", f"{side}MultiplierDown")


def _percent_price(order: Order, entry: Json, average: Average) -> bool:
    return _within(order, entry, average, "multiplierUp", "multiplierDown")


def _within(order: Order, entry: Json, average: Average, up: str, down: str) -> bool:
    if not order.price:
        return True
    mean = average(int(str(entry["avgPriceMins"])))
    price = order.price
    return product(mean, _amount(entry, down)) <= price <= product(mean, _amount(entry, up))


def _notional(order: Order, entry: Json, average: Average) -> bool:
    worth = _worth(order, entry, average)
    market = order.at_market
    if worth is None:
        return True
    if (not market or entry["applyMinToMarket"]) and worth < _amount(entry, "minNotional"):
        return False
    most = _amount(entry, "maxNotional")
    return (market and not entry["applyMaxToMarket"]) or not most or worth <= most


def _min_notional(order: Order, entry: Json, average: Average) -> bool:
    worth = _worth(order, entry, average)
    if worth is None or (order.at_market and not entry["applyToMarket"]):
        return True
    return worth >= _amount(entry, "minNotional")


def _worth(order: Order, entry: Json, average: Average) -> int | None:
    if order.quote_qty:
        return order.quote_qty
    if order.size_pending:
        return None
    mean = order.price or average(int(str(entry["avgPriceMins"])))
    return product(mean, order.qty)


def _iceberg_parts(order: Order, entry: Json, average: Average) -> bool:
    del average
    return not order.iceberg or -(-order.qty // order.iceberg) <= int(str(entry["limit"]))


def _trailing(order: Order, entry: Json, average: Average) -> bool:
    del average
    if not order.trailing:
        return True
    which = "Above" if order.triggers_above else "Below"
    low = int(str(entry[f"minTrailing{which}Delta"]))
    return low <= order.trailing <= int(str(entry[f"maxTrailing{which}Delta"]))


_CHECKS: Final[dict[str, Callable[[Order, Json, Average], bool]]] = {
    "PRICE_FILTER": _price,
    "LOT_SIZE": _lot,
    "MARKET_LOT_SIZE": _market_lot,
    "PERCENT_PRICE_BY_SIDE": _percent_price_by_side,
    "PERCENT_PRICE": _percent_price,
    "NOTIONAL": _notional,
    "MIN_NOTIONAL": _min_notional,
    "ICEBERG_PARTS": _iceberg_parts,
    "TRAILING_DELTA": _trailing,
}
