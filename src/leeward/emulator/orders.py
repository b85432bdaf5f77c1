"""Orders and order lists as the exchange keeps them. Numbers are units."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from leeward.emulator.book import BUY

OPEN: Final = frozenset({"NEW", "PARTIALLY_FILLED", "PENDING_NEW"})
STOP_TYPES: Final = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})
#: Types that trade at the market, at once or when triggered.
MARKET_TYPES: Final = frozenset({"MARKET", "STOP_LOSS", "TAKE_PROFIT"})


#: Types whose limit may be pegged to the book.
PEGGED_TYPES: Final = frozenset({"LIMIT", "LIMIT_MAKER", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"})
#: Pegged to the best price of the order's own side, and of the other.
PRIMARY_PEG: Final = "PRIMARY_PEG"
MARKET_PEG: Final = "MARKET_PEG"
#: The trade group of an account that is in none.
NO_GROUP: Final = -1


class Peg(NamedTuple):
    """To which side of the book an order's price is pegged, and how many levels deep."""

    price_type: str
    offset_type: str | None
    offset: int


class Fill(NamedTuple):
    """One trade of an account."""

    trade_id: int
    order_id: int
    list_id: int
    price: int
    qty: int
    quote: int
    commission: int
    commission_asset: str
    time_ms: int
    is_buyer: bool
    is_maker: bool


class Amendment(NamedTuple):
    execution_id: int
    old_client_id: str
    new_client_id: str
    old_qty: int
    new_qty: int
    time_ms: int


class Prevented(NamedTuple):
    """A match that self-trade prevention stopped."""

    match_id: int
    taker_id: int
    maker_id: int
    mode: str
    trade_group: int
    price: int
    taker_qty: int
    maker_qty: int
    time_ms: int


@dataclass(slots=True, eq=False)
class Order:
    """One order. `price` is the limit it trades at; a pegged order gets it from the book, never
    beyond its `asked_price` (0 if none), and then shows it as `pegged_price`. `lock_price` is what
    each unit of a BUY locks; `locked` is held in the asset it pays with. `sequence` is the order in
    time in which resting orders came onto the book, and waiting ones were placed."""

    symbol: str
    order_id: int
    account: str
    client_id: str
    side: str
    type: str
    tif: str
    qty: int
    price: int
    created_ms: int
    sequence: int
    stp: str
    trade_group: int = NO_GROUP
    stop_price: int = 0
    iceberg: int = 0
    quote_qty: int = 0
    trailing: int = 0
    strategy_id: int | None = None
    strategy_type: int | None = None
    list_id: int = -1
    status: str = "NEW"
    executed: int = 0
    cum_quote: int = 0
    prevented: int = 0
    prevented_match: int = -1
    updated_ms: int = 0
    working_ms: int = -1
    working: bool = False
    trailing_ms: int = -1
    extreme: int = 0
    lock_price: int = 0
    locked: int = 0
    queue_ahead: int = 0
    visible: int = 0
    expiry: str = ""
    size_pending: bool = False
    peg: Peg | None = None
    asked_price: int = 0
    pegged_price: int = 0
    fills: list[Fill] = field(default_factory=list)
    prevented_matches: list[Prevented] = field(default_factory=list)
    amendments: list[Amendment] = field(default_factory=list)

    @property
    def remaining(self) -> int:
        return self.qty - self.executed - self.prevented

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def shown_price(self) -> int:
        """The price as the client sent it."""
        return self.price if self.peg is None else self.asked_price

    def is_own(self, other: Order) -> bool:
        """Whether a trade between the two would be a self-trade."""
        in_group = self.trade_group != NO_GROUP and self.trade_group == other.trade_group
        return self.account == other.account or in_group

    def prevents(self, maker: Order) -> bool:
        """Whether this order, as the taker, may not trade with `maker`."""
        return self.stp != "NONE" and self.is_own(maker)

    def transfers(self, maker: Order) -> bool:
        """Whether a prevented trade of this order with `maker` moves the assets all the same."""
        return self.stp == maker.stp == "TRANSFER" and self.account != maker.account

    @property
    def is_stop(self) -> bool:
        return self.type in STOP_TYPES

    @property
    def at_market(self) -> bool:
        return self.type in MARKET_TYPES

    @property
    def triggers_above(self) -> bool:
        """Whether a stop waits for a rise to its price."""
        return (self.side == BUY) == self.type.startswith("STOP_LOSS")


class PreventedMatch(NamedTuple):
    """One order's side of a prevented match: what it lost, and what would have been traded."""

    match_id: int
    prevented: int
    counter: Order
    qty: int
    price: int


@dataclass(slots=True, eq=False)
class OrderList:
    """`legs` in the order of their ids. `pair` are the two legs of an OCO, of which the first to
    execute expires the other; `locked` is what both hold together until then."""

    list_id: int
    account: str
    symbol: str
    kind: str
    client_id: str
    legs: list[Order]
    pair: list[Order]
    created_ms: int
    status: str = "EXECUTING"
    status_type: str = "EXEC_STARTED"
    locked: int = 0
    bought: int = 0

    @property
    def contingency(self) -> str:
        return "OCO" if self.kind == "OCO" else "OTO"

    @property
    def working_leg(self) -> Order | None:
        """The leg that must fill before the others enter; None for an OCO."""
        return None if self.kind == "OCO" else self.legs[0]
