"""Orders, order lists, fills and balances as an exchange reports them.

The enums are closed. `UNKNOWN` stands for a word of the exchange that this version does not know:
such an order is never taken for open, filled or gone; the exchange is asked again.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from leeward.domain.money import Money, Price, Quantity


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"


class OrderType(StrEnum):
    LIMIT = "LIMIT"
    LIMIT_MAKER = "LIMIT_MAKER"
    MARKET = "MARKET"
    STOP_LOSS = "STOP_LOSS"
    STOP_LOSS_LIMIT = "STOP_LOSS_LIMIT"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT"
    UNKNOWN = "UNKNOWN"


class TimeInForce(StrEnum):
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    UNKNOWN = "UNKNOWN"


class OrderStatus(StrEnum):
    NEW = "NEW"
    PENDING_NEW = "PENDING_NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    PENDING_CANCEL = "PENDING_CANCEL"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"
    UNKNOWN = "UNKNOWN"

    @property
    def is_final(self) -> bool:
        """Whether the exchange will not change this order any more; false for UNKNOWN."""
        return self in _FINAL


_FINAL = frozenset(
    {
        OrderStatus.FILLED,
        OrderStatus.CANCELED,
        OrderStatus.REJECTED,
        OrderStatus.EXPIRED,
        OrderStatus.EXPIRED_IN_MATCH,
    }
)


class Contingency(StrEnum):
    """How the orders of a list depend on each other. Lists whose pending part is a pair count as
    OTO too."""

    OCO = "OCO"
    OTO = "OTO"
    UNKNOWN = "UNKNOWN"


class ListStatus(StrEnum):
    EXECUTING = "EXECUTING"
    ALL_DONE = "ALL_DONE"
    REJECT = "REJECT"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Fill:
    """One trade of an order. (`symbol`, `trade_id`) is its identity on the exchange; `is_maker` is
    None where the message does not say, `commission` where nothing was charged in any asset.
    `time_ms` is the exchange's."""

    symbol: str
    trade_id: int
    order_id: int
    side: Side
    price: Price
    quantity: Quantity
    commission: Money | None
    time_ms: int
    is_maker: bool | None = None


@dataclass(frozen=True, slots=True)
class OrderReport:
    """What the exchange says of one order at `time_ms`.

    `quantity` and `executed` are base units, `executed_quote` quote units; `quantity` is None
    while another order's fill is to set it. `price` is None for
    market orders, `stop_price` for orders without a trigger; `client_order_id` is the order's own,
    also where the message is about its cancel. `fills` holds those the message carries, which
    need not be all. `expiry_reason` is the exchange's word, where it gives one.
    """

    symbol: str
    order_id: int
    client_order_id: str
    order_list_id: int | None
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    status: OrderStatus
    quantity: Quantity | None
    executed: Quantity
    executed_quote: Decimal
    price: Price | None
    stop_price: Price | None
    time_ms: int
    fills: tuple[Fill, ...] = ()
    expiry_reason: str | None = None


@dataclass(frozen=True, slots=True)
class ListedOrder:
    """A member of an order list."""

    order_id: int
    client_order_id: str


@dataclass(frozen=True, slots=True)
class OrderListReport:
    """What the exchange says of one order list; `reports` may be empty in answers to a query."""

    symbol: str
    list_id: int
    client_list_id: str
    contingency: Contingency
    status: ListStatus
    time_ms: int
    orders: tuple[ListedOrder, ...]
    reports: tuple[OrderReport, ...] = ()


@dataclass(frozen=True, slots=True)
class AmendReport:
    """The order after its quantity was lowered in place, under its new client id."""

    order: OrderReport
    execution_id: int


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account holds of one asset: free to use, and locked in open orders."""

    free: Money
    locked: Money

    @property
    def asset(self) -> str:
        return self.free.currency
