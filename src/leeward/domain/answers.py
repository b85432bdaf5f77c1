"""What comes of asking an exchange, and of sending it an order. Closed: `match` on them.

Asking:   Found | ConfirmedAbsent | Unavailable
Sending:  Acked | Refused | Unknown | NotSent
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")


class Reaction(StrEnum):
    """What a refusal asks of the one who sent it."""

    FIX_REQUEST = "fix_request"  #: our mistake, or a rule of the symbol: never again unchanged
    FUNDS = "funds"  #: too little free balance: read balances again, reconcile
    DUPLICATE = "duplicate"  #: an order with this client id is open: adopt it
    PRICE_MOVED = "price_moved"  #: the market is on the other side of the price asked for
    SYMBOL_CLOSED = "symbol_closed"  #: the symbol does not trade now: wait for its status
    ASK = "ask"  #: the order may have been filled or cancelled: ask for it
    ABSENT = "absent"  #: the exchange does not know it; right after sending it may not know it yet
    ARCHIVED = "archived"  #: never filled and long gone
    WAIT = "wait"  #: too fast: nothing was done; after the time it names
    RESYNC = "resync"  #: our clock was off: nothing was done; once more with the right time
    STOP = "stop"  #: key, signature or account: nothing will work until an operator acts
    READ_LEGS = "read_legs"  #: a replacement done in part: each leg has its own result
    UNKNOWN = "unknown"  #: done or not done, the exchange does not know


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    value: T


@dataclass(frozen=True, slots=True)
class ConfirmedAbsent:
    """The exchange answered that there is none. One such answer soon after an order was sent does
    not prove that it never arrives."""

    why: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Nothing is known. Never "none" and never "flat"."""

    why: str
    reaction: Reaction | None = None
    code: int | None = None
    retry_after_s: float | None = None


Asked: TypeAlias = Found[T] | ConfirmedAbsent | Unavailable


@dataclass(frozen=True, slots=True)
class Acked(Generic[T]):
    report: T


@dataclass(frozen=True, slots=True)
class Refused:
    """A definite no: nothing was done. `code` and `text` are the exchange's."""

    code: int
    text: str
    reaction: Reaction
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have been done. Left only by asking."""

    why: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """No byte left for the exchange."""

    why: str
    retry_after_s: float | None = None


Outcome: TypeAlias = Acked[T] | Refused | Unknown | NotSent


@dataclass(frozen=True, slots=True)
class NotAttempted:
    """The exchange did not try, because the step before failed."""


@dataclass(frozen=True, slots=True)
class Replacement(Generic[T]):
    """The two steps of a cancel-replace, each with its own result."""

    cancelled: Acked[T] | Refused
    placed: Acked[T] | Refused | NotAttempted
