"""What is written down of an account: every fact once, in the order it became known.

A record is committed to the database and only then applied to the books in memory
(`leeward.engine.books`); where the database is down it goes to the emergency journal instead. All
state follows from records: there is no second copy of a position, a balance or an order. Times are
UTC ms; `open_time_ms` names a candle by its open time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from leeward.domain.money import Money, Price, Quantity
from leeward.domain.orders import Fill, OrderType, Side, TimeInForce


class Mode(StrEnum):
    PAPER = "paper"
    LIVE = "live"


class TradingState(StrEnum):
    """What the account may do. Automatic moves only tighten, but for the end of a recovery."""

    RECOVERING = "RECOVERING"  #: at every boot: protect and exit only, until books and venue agree
    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"  #: only what lowers the worst-case exposure
    HALTED = "HALTED"  #: no new risk until an operator resumes


class Purpose(StrEnum):
    ENTRY = "entry"  #: buys; alone, or with the protection that its fill places
    EXIT = "exit"  #: sells the position at the market
    PROTECTION = "protection"  #: a resident stop, or stop and target of which one cancels the other


class Role(StrEnum):
    """What one order is for."""

    ENTRY = "entry"
    EXIT = "exit"
    STOP = "stop"
    TARGET = "target"


class OrderState(StrEnum):
    """Where an order is, as far as is known. The lattice is in `leeward.engine.order_table`."""

    COMMITTED = "COMMITTED"  #: written down; possibly sent
    UNKNOWN = "UNKNOWN"  #: sent, or perhaps sent, and the answer says nothing: ask
    PENDING = "PENDING"  #: known to the venue, waits for another order of its list to fill
    OPEN = "OPEN"
    PARTIAL = "PARTIAL"  #: filled in part and open
    FILLED = "FILLED"
    CANCELED = "CANCELED"  #: may have fills, as EXPIRED may
    EXPIRED = "EXPIRED"
    REFUSED = "REFUSED"  #: a definite no: nothing was done
    VOID = "VOID"  #: never left, or proven never to have arrived

    @property
    def is_final(self) -> bool:
        return self in _FINAL


_FINAL = frozenset(
    {
        OrderState.FILLED,
        OrderState.CANCELED,
        OrderState.EXPIRED,
        OrderState.REFUSED,
        OrderState.VOID,
    }
)


@dataclass(frozen=True, slots=True)
class DecisionKey:
    """One decision of an account: never ordered twice, also across restarts and swaps.

    `open_time_ms` is the candle the decision was taken on; `leg` is "entry", "exit/N" or
    "protection/N", N counting from 1 within the position.
    """

    account: str
    symbol: str
    open_time_ms: int
    leg: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a position is to end: None for no stop, or no target."""

    stop: Price | None
    target: Price | None


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """One order of an intent. `quantity` is None where the fill of the entry sets it."""

    client_order_id: str
    role: Role
    side: Side
    type: OrderType
    quantity: Quantity | None
    price: Price | None = None
    stop_price: Price | None = None
    time_in_force: TimeInForce | None = None


@dataclass(frozen=True, slots=True)
class IntentMade:
    """A decision to send orders, committed before the first byte leaves.

    `position_id` is the position the orders belong to: the intent's own id for an entry.
    `client_list_id` is set for order lists. `replaces` names the order, or the list, that the
    venue cancels in the same step. `reserved` is the most it may cost in quote units, fee
    included; zero for sells. `plan` is set for entries.
    """

    intent_id: str
    key: DecisionKey
    session_id: str
    epoch: int
    purpose: Purpose
    position_id: str
    strategy: str
    strategy_version: str
    orders: tuple[PlannedOrder, ...]
    reserved: Money
    made_ms: int
    client_list_id: str | None = None
    replaces: str | None = None
    plan: Plan | None = None
    tag: str = ""


@dataclass(frozen=True, slots=True)
class OrderMoved:
    """What became of an order. `executed` is the venue's own sum, which may run ahead of the fills
    that are booked: then fills are missing and have to be asked for."""

    client_order_id: str
    state: OrderState
    executed: Quantity
    at_ms: int
    why: str = ""
    venue_order_id: int | None = None
    venue_list_id: int | None = None


@dataclass(frozen=True, slots=True)
class FillBooked:
    """A trade of the account, booked once by (symbol, trade id). `client_order_id`, `position_id`
    and `role` are None for a trade that is not ours: somebody else's hand on the account."""

    fill: Fill
    client_order_id: str | None
    position_id: str | None
    role: Role | None


class TransferKind(StrEnum):
    OPENING = "opening"  #: what the account held when it was first seen
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    ADJUSTMENT = "adjustment"  #: a difference to the venue that nothing explains
    #: Coins of ours (negative) that an adjustment or a stranger's sale turned out to be: they are
    #: not ours any more, whatever comes later. It changes no balance.
    TAKEN = "taken"


@dataclass(frozen=True, slots=True)
class TransferBooked:
    """An asset that came or went (negative) without a trade, booked once by `transfer_id`."""

    transfer_id: str
    kind: TransferKind
    money: Money
    at_ms: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class PositionOpened:
    """The first fill of an entry; committed together with it. `entry_time_ms` is the open time of
    the candle in which it was filled. How much is held follows from the fills."""

    position_id: str
    symbol: str
    entry_time_ms: int
    plan: Plan
    strategy: str
    tag: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class PlanChanged:
    """A stop that was raised, or the decision to close: `closing` is the exit reason, None while
    the position is to be kept. A closing position never opens again."""

    position_id: str
    plan: Plan
    closing: str | None
    at_ms: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Trade:
    """A closed position, from its fills. `cost` and `proceeds` are quote units without fees,
    `fees` one amount an asset, `pnl` the change of the quote balance; prices are averages.
    `dust` is what could not be sold."""

    position_id: str
    symbol: str
    entry_time_ms: int
    exit_time_ms: int
    quantity: Quantity
    entry_price: Price
    exit_price: Price
    cost: Money
    proceeds: Money
    fees: tuple[Money, ...]
    pnl: Money
    exit_reason: str
    tag: str
    dust: Quantity


@dataclass(frozen=True, slots=True)
class PositionClosed:
    """Committed together with the last fill; `unprotected_ms` is how long it had no stop."""

    trade: Trade
    at_ms: int
    unprotected_ms: int = 0


@dataclass(frozen=True, slots=True)
class StateMoved:
    """`actor` is "operator", "command:ID" or the part that moved it; `until_ms` is when a pause
    ends by itself, None where its cause has to go."""

    state: TradingState
    reason: str
    actor: str
    at_ms: int
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class EquityMarked:
    """The account at the close of a step, in quote units; the last one is the state that the loss
    limits go on from. `day_ends_ms` as in `leeward.engine.state`."""

    session_id: str
    open_time_ms: int
    equity: Decimal
    cash: Decimal
    exposure: Decimal
    peak: Decimal
    day_base: Decimal
    day_ends_ms: int
    daily_loss: bool
    halted: bool
    at_ms: int


@dataclass(frozen=True, slots=True)
class Executed:
    """What the strategy and the gate said of one closed candle of one symbol.

    `data_state` is "ok", or why there was no decision ("missing", "gap", "warming_up").
    `candle` is (open, high, low, close, volume). `decision` is one of "enter", "exit", "hold",
    "refused", "none", "skipped"; `reason` the refusal, the exit reason or why it was skipped.
    `columns` holds the row of the strategy's numeric columns.
    """

    session_id: str
    symbol: str
    open_time_ms: int
    data_state: str
    candle: tuple[float, float, float, float, float] | None
    decision: str
    reason: str
    entry_tag: str = ""
    exit_tag: str = ""
    size: float | None = None
    stop: float | None = None
    target: float | None = None
    confidence: float | None = None
    prediction: float | None = None
    quantity: float | None = None
    intent_id: str | None = None
    trend: str = ""
    columns: Mapping[str, float | None] = field(default_factory=dict)
    at_ms: int = 0


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Noted:
    """Something worth keeping in the audit trail; warnings and worse are alerts."""

    kind: str
    words: str
    severity: Severity
    at_ms: int
    subject: str = ""


@dataclass(frozen=True, slots=True)
class FeesValued:
    """Of all commissions paid in `asset`, which is neither side of its symbol, the first `amount`
    count as `value`, by the prices when they were paid."""

    asset: str
    amount: Decimal
    value: Money
    at_ms: int


@dataclass(frozen=True, slots=True)
class CommandDone:
    """An operator's command was carried out, or refused; `command_id` as in the database."""

    command_id: int
    outcome: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """`facts` are shown and hashed: symbols, parameters, limits, costs, versions, addresses."""

    session_id: str
    account: str
    mode: Mode
    venue: str
    strategy: str
    strategy_version: str
    timeframe: str
    symbols: tuple[str, ...]
    facts: Mapping[str, object]
    epoch: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class SessionEnded:
    session_id: str
    reason: str
    at_ms: int


Record: TypeAlias = (
    IntentMade
    | OrderMoved
    | FillBooked
    | TransferBooked
    | PositionOpened
    | PlanChanged
    | PositionClosed
    | StateMoved
    | EquityMarked
    | Executed
    | Noted
    | FeesValued
    | CommandDone
    | SessionStarted
    | SessionEnded
)
