"""What a client can ask for: one entry serves a REST route and its WebSocket method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from leeward.emulator.exchange import Exchange
from leeward.emulator.limits import Window
from leeward.emulator.rejections import Rejection
from leeward.emulator.rest_parameters import Parameters
from leeward.emulator.signatures import Key

Security: TypeAlias = Literal["NONE", "TRADE", "USER_DATA"]
Weight: TypeAlias = Callable[[Parameters], int]


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way through an operation. `account` and `key` are empty for public ones;
    `order_limit` is the refusal of one more order where the account is over its count; `off_us` is
    how far the time is off that the exchange tells."""

    exchange: Exchange
    parameters: Parameters
    account: str
    key: Key | None
    order_windows: list[Window]
    order_limit: Rejection | None = None
    off_us: int = 0

    @property
    def now_ms(self) -> int:
        return self.exchange.time_us // 1000

    @property
    def told_ms(self) -> int:
        """The time that a client is told."""
        return (self.exchange.time_us + self.off_us) // 1000


@dataclass(frozen=True, slots=True)
class Operation:
    """A route ("GET /api/v3/klines") and a method ("klines"); either may be missing.

    `weight` is charged for every request, but not for one that succeeds where `free` says so.
    `orders` is how many unfilled orders one success adds; `replaces` says that the operation
    itself deals with an account over its count.
    """

    route: str | None
    method: str | None
    security: Security
    weight: Weight
    answer: Callable[[Call], object]
    free: bool = False
    orders: int = 0
    replaces: bool = False

    @property
    def name(self) -> str:
        return self.method or self.route or ""


def costs(weight: int) -> Weight:
    """Returns a weight that is always the same."""
    return lambda _: weight
