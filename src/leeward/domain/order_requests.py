"""What a trader asks an exchange for: one order, or orders that depend on each other."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from leeward.domain.errors import BadUsage
from leeward.domain.money import Price, Quantity
from leeward.domain.orders import OrderType, Side, TimeInForce


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """One order. `quantity` is base units; a market order may give `quote_amount` instead: quote
    units to spend or to receive. `client_order_id` is never left to the exchange: without it a
    lost answer could not be asked for. Raises BadUsage unless exactly one size is given."""

    symbol: str
    side: Side
    type: OrderType
    client_order_id: str
    quantity: Quantity | None = None
    quote_amount: Decimal | None = None
    price: Price | None = None
    stop_price: Price | None = None
    time_in_force: TimeInForce | None = None
    trailing_bips: int | None = None

    def __post_init__(self) -> None:
        if (self.quantity is None) == (self.quote_amount is None):
            raise BadUsage(
                f"{self.symbol} {self.client_order_id}: an order has either a quantity or, at the "
                "market, a quote amount; give exactly one"
            )


@dataclass(frozen=True, slots=True)
class Leg:
    """One order of a list that takes side and quantity from the list."""

    type: OrderType
    client_order_id: str
    price: Price | None = None
    stop_price: Price | None = None
    time_in_force: TimeInForce | None = None
    trailing_bips: int | None = None


@dataclass(frozen=True, slots=True)
class OcoRequest:
    """Two orders of which the first to work cancels the other: `above` and `below` the market."""

    symbol: str
    side: Side
    quantity: Quantity
    client_list_id: str
    above: Leg
    below: Leg


@dataclass(frozen=True, slots=True)
class TriggerRequest:
    """A working order whose complete fill places the pending ones: one leg, or two of which the
    first to work cancels the other.

    With `pending_quantity` None the pending side sells exactly what the working order bought, net
    of commission (OPO, OPOCO); with a number it is that number (OTO, OTOCO), which fails for lack
    of funds where the commission was taken from what was bought.
    """

    working: OrderRequest
    client_list_id: str
    pending_side: Side
    pending: Leg
    pending_below: Leg | None = None
    pending_quantity: Quantity | None = None
