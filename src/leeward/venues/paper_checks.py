"""What the exchange checks before it takes an order, with the codes and words of Binance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from leeward.domain.answers import Refused
from leeward.domain.money import Money
from leeward.domain.order_requests import Leg, OrderRequest
from leeward.domain.orders import OrderType, Side
from leeward.domain.rules import SymbolRules, SymbolStatus
from leeward.venues.binance_errors import reaction_to
from leeward.venues.paper_books import PaperBooks, PaperOrder
from leeward.venues.paper_fills import STOP_TYPES, Prices

_LIMIT_SIDE = frozenset({OrderType.LIMIT_MAKER, OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT})
_STOP_SIDE = frozenset({OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT})
_MARKET_TYPES = frozenset({OrderType.MARKET, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT})
_TIMED = frozenset({OrderType.LIMIT, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT})
_MOST_DECIMALS = 8


class Refusal(Exception):
    """A definite no; `refused` is the answer."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.refused = Refused(code, text, reaction_to(code, text))


DUPLICATE = (-2010, "Duplicate order sent.")
FUNDS = (-2010, "Account has insufficient balance for requested action.")
RELATION = (-2010, "The relationship of the prices for the orders is not correct.")
UNKNOWN_ORDER = (-2011, "Unknown order sent.")


def check_parameters(request: OrderRequest | Leg, rules: SymbolRules) -> None:
    """Refuses what the order's type needs and has not, or has and may not have."""
    kind = request.type
    limited = kind not in _MARKET_TYPES
    wanted: Mapping[str, tuple[bool, object]] = {
        "price": (limited, request.price),
        "stopPrice": (kind in STOP_TYPES, request.stop_price),
        "timeInForce": (kind in _TIMED, request.time_in_force),
    }
    for name, (needed, given) in wanted.items():
        if needed and given is None:
            words = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
            raise Refusal(-1102, words)
        if given is not None and not needed:
            raise Refusal(-1106, f"Parameter '{name}' sent when not required.")
    by_quote = isinstance(request, OrderRequest) and request.quote_amount is not None
    if by_quote and kind is not OrderType.MARKET:
        raise Refusal(-1106, "Parameter 'quoteOrderQty' sent when not required.")
    if kind not in rules.order_types:
        words = kind.value.replace("_", " ").capitalize()
        raise Refusal(-2010, f"{words} orders are not supported for this symbol.")
    if request.trailing_bips is not None:
        raise Refusal(-2010, "Trailing stop orders are not supported for this symbol.")


def check_filters(order: PaperOrder, rules: SymbolRules, prices: Prices | None) -> None:
    """Refuses an order whose own numbers break a rule of its symbol. Rules that are measured by
    the market's price are passed over while there is none."""
    if rules.status is not SymbolStatus.TRADING:
        raise Refusal(-2010, "Market is closed.")
    given = {
        "quantity": order.quantity,
        "price": order.price,
        "stopPrice": order.stop_price,
        "quoteOrderQty": order.quote_amount,
    }
    for name, value in given.items():
        if value is not None and _decimals(value) > _MOST_DECIMALS:
            raise Refusal(-1111, f"Parameter '{name}' has too much precision.")
    if not all(rules.price.allows(each) for each in (order.price, order.stop_price) if each):
        raise _filter_failure("PRICE_FILTER")
    _check_lot(order, rules)
    reference = None if prices is None else Decimal(repr(prices.of(order.side)))
    if order.price is not None and reference is not None and rules.price_band is not None:
        band, buys = rules.price_band, order.side is Side.BUY
        down, up = (band.buy_down, band.buy_up) if buys else (band.sell_down, band.sell_up)
        if not reference * down <= order.price <= reference * up:
            raise _filter_failure("PERCENT_PRICE_BY_SIDE")
    _check_notional(order, rules, order.price or reference)


def _check_lot(order: PaperOrder, rules: SymbolRules) -> None:
    if order.quantity is None:
        return
    if order.quantity == 0 or not rules.lot.allows(order.quantity):
        raise _filter_failure("LOT_SIZE")
    if order.type is OrderType.MARKET and not rules.market_lot.allows(order.quantity):
        raise _filter_failure("MARKET_LOT_SIZE")


def _check_notional(order: PaperOrder, rules: SymbolRules, price: Decimal | None) -> None:
    rule = rules.notional
    worth = order.quote_amount
    if worth is None and price is not None and order.quantity is not None:
        worth = price * order.quantity
    if rule is None or worth is None:
        return
    market = order.type in _MARKET_TYPES
    too_small = worth < rule.least and (rule.least_for_market or not market)
    too_large = rule.most is not None and worth > rule.most and (rule.most_for_market or not market)
    if too_small or (too_large and rule.most):
        raise _filter_failure("NOTIONAL")


def check_counts(
    books: PaperBooks, new: Sequence[PaperOrder], rules: SymbolRules, *, lists: int = 0
) -> None:
    """Refuses doubled client ids, and more orders, lists or position than the symbol allows."""
    symbol = new[0].symbol
    mine = list(books.open_orders(symbol))
    names = [order.client_id for order in (*mine, *new)]
    if len(set(names)) < len(names):
        raise Refusal(*DUPLICATE)
    caps, both = rules.caps, [*mine, *new]
    if caps.orders is not None and len(both) > caps.orders:
        raise _filter_failure("MAX_NUM_ORDERS")
    stops = sum(order.type in STOP_TYPES for order in both)
    adds_stop = any(order.type in STOP_TYPES for order in new)
    if caps.stops is not None and adds_stop and stops > caps.stops:
        raise _filter_failure("MAX_NUM_ALGO_ORDERS")
    open_lists = sum(each.symbol == symbol for each in books.open_lists())
    if caps.lists is not None and lists and open_lists + lists > caps.lists:
        raise _filter_failure("MAX_NUM_ORDER_LISTS")
    if rules.most_position and any(order.side is Side.BUY for order in new):
        held = books.totals.get(rules.base, Money(Decimal(0), rules.base)).amount
        buying = sum((o.quantity or Decimal(0) for o in both if o.side is Side.BUY), Decimal(0))
        if held + buying > rules.most_position:
            raise _filter_failure("MAX_POSITION")


def check_prices(order: PaperOrder, prices: Prices | None) -> None:
    """Refuses a stop that the market has passed and a maker order that would take. Where the
    market stands between two candles nothing is known to be passed."""
    if prices is None:
        return
    price, sells = Decimal(repr(prices.of(order.side))), order.side is Side.SELL
    if order.stop_price is not None:
        falls = sells == (order.type in _STOP_SIDE)
        if price <= order.stop_price if falls else price >= order.stop_price:
            raise Refusal(-2010, "Order would trigger immediately.")
    if order.type is OrderType.LIMIT_MAKER and crosses(order, prices):
        raise Refusal(-2010, "Order would immediately match and take.")


def crosses(order: PaperOrder, prices: Prices) -> bool:
    """Returns whether a limit order meets the market."""
    assert order.price is not None, "a limit order has a price"
    price = Decimal(repr(prices.of(order.side)))
    return order.price <= price if order.side is Side.SELL else order.price >= price


def check_pair(above: PaperOrder, below: PaperOrder) -> None:
    """Refuses two orders that cannot stand above and below the market together."""
    sells = above.side is Side.SELL
    target, stop = (above, below) if sells else (below, above)
    if target.type not in _LIMIT_SIDE or stop.type not in _STOP_SIDE:
        raise Refusal(-1158, "Order type not supported in OCO.")
    level = target.price if target.type is OrderType.LIMIT_MAKER else target.stop_price
    assert level is not None, "checked with the parameters"
    assert stop.stop_price is not None, "checked with the parameters"
    if level <= stop.stop_price if sells else level >= stop.stop_price:
        raise Refusal(*RELATION)


def check_funds(books: PaperBooks, lock: Money) -> None:
    if books.free(lock.currency) < lock:
        raise Refusal(*FUNDS)


def _filter_failure(name: str) -> Refusal:
    return Refusal(-1013, f"Filter failure: {name}")


def _decimals(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
