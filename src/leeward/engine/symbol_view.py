"""One symbol as it is known, and the steps of `leeward.engine.keeping`."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from leeward.domain.money import Price, Quantity
from leeward.engine.records import OrderState, Plan, Role

_ZERO = Decimal(0)
_UNRESOLVED = frozenset({OrderState.COMMITTED, OrderState.UNKNOWN})
_RESTING = frozenset({OrderState.OPEN, OrderState.PARTIAL})


@dataclass(frozen=True, slots=True)
class OwnOrder:
    """One of our orders that is not done, or whose fills are not all booked.

    `quantity` is None while another order's fill is to set it; `executed` is the venue's sum,
    `booked` that of the fills in the books. `doubted`: what the books say may be out of date, ask
    first. `lost`: of unknown fate, cancelled in vain, and given up to protect in another way.
    `awaited`: the answer to it is still to come, however long the venue takes to carry it out.
    `ask_at_s` is when it may be asked for next.
    """

    client_order_id: str
    role: Role
    state: OrderState
    quantity: Decimal | None
    executed: Decimal = _ZERO
    booked: Decimal = _ZERO
    stop_price: Price | None = None
    price: Price | None = None
    client_list_id: str | None = None
    replaces: str | None = None
    doubted: bool = False
    lost: bool = False
    awaited: bool = False
    ask_at_s: float = 0.0

    @property
    def sells(self) -> bool:
        return self.role is not Role.ENTRY

    @property
    def unresolved(self) -> bool:
        return self.state in _UNRESOLVED

    @property
    def rests(self) -> bool:
        return self.state in _RESTING

    @property
    def remaining(self) -> Decimal:
        return _ZERO if self.quantity is None else max(_ZERO, self.quantity - self.executed)

    @property
    def unbooked(self) -> Decimal:
        return max(_ZERO, self.executed - self.booked)


@dataclass(frozen=True, slots=True)
class Ground:
    """What the venue allows for the symbol. `most_at_market` is None for no bound."""

    lot_step: Decimal
    least: Decimal
    most_at_market: Decimal | None
    least_notional: Decimal
    tick: Decimal
    replaces: bool
    trades: bool
    cancels: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """The position: `quantity` is what its fills leave, with the dust of earlier ones where it is
    sold along; `price` is what one unit is taken to be worth where only the size matters. `sold`
    is why it ends once no more of it can be sold: the reason of what was sold already."""

    quantity: Decimal
    plan: Plan
    closing: str | None
    price: Decimal
    sold: str | None = None


@dataclass(frozen=True, slots=True)
class SymbolView:
    """All that the next step depends on. Times are seconds of a clock that never steps back.

    `most` caps what may be sold where the account holds less than the books say, None for no such
    doubt. `crossed` is "stop", "stop_gap" or "target" where the market is already beyond one that
    was to be placed. `deadline_s` is until when a position without a stop may wait for one.
    `*_at_s` are when a refused step may be tried again. `unsellable`: the venue takes no sale of so
    little.
    """

    now_s: float
    ground: Ground
    orders: tuple[OwnOrder, ...] = ()
    kept: Kept | None = None
    most: Decimal | None = None
    crossed: str | None = None
    deadline_s: float = float("inf")
    protect_at_s: float = 0.0
    raise_at_s: float = 0.0
    sell_at_s: float = 0.0
    cancel_at_s: float = 0.0
    unsellable: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the venue for one order."""

    client_order_id: str


@dataclass(frozen=True, slots=True)
class FetchFills:
    """Ask for the fills of an order that the books miss."""

    client_order_id: str


@dataclass(frozen=True, slots=True)
class Protect:
    stop: Price | None
    target: Price | None
    quantity: Quantity


@dataclass(frozen=True, slots=True)
class Raise:
    """Replace the resting stop `old` in one step of the venue."""

    old: str
    stop: Price
    quantity: Quantity


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel an order, or the list where `client_list_id` names one. `gives_up`: its fate is open
    and time is up; where the venue does not know it either, go on without it."""

    client_order_id: str
    client_list_id: str | None
    why: str
    gives_up: bool = False


@dataclass(frozen=True, slots=True)
class Sell:
    quantity: Quantity
    reason: str


@dataclass(frozen=True, slots=True)
class Close:
    """Only dust is left: the position ends."""

    reason: str


@dataclass(frozen=True, slots=True)
class Wait:
    until_s: float
    why: str


@dataclass(frozen=True, slots=True)
class Settled:
    """The venue holds what is wanted."""


Doing: TypeAlias = Ask | FetchFills | Protect | Raise | Cancel | Sell | Close
Step: TypeAlias = Doing | Wait | Settled
