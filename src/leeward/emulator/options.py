"""How the exchange behaves where the real one's rule is a matter of market or of account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, TypeAlias

#: seeded: the first extreme by coin; ohlc: low first in a rising bar, high first in a falling one;
#: low_first, high_first: always; adverse: the extreme that hurts the open orders of the accounts.
PathMode: TypeAlias = Literal["seeded", "ohlc", "low_first", "high_first", "adverse"]


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of a session; all are part of the log header. Rates are fractions.

    `shift_ms` is added to every candle's open time (history replayed as if it were now);
    `ticks_per_bar` at least 4; `participation` is the share of a tick's volume that resting orders
    of accounts can take; `touch_fills` fills at the mere touch of a limit; `depth_levels` a side;
    `bnb_prices` by quote asset price BNB for fees where it is not a symbol of the session;
    `log_lines` of the log stay readable.
    """

    path: PathMode = "seeded"
    ticks_per_bar: int = 4
    participation: Decimal = Decimal("0.1")
    touch_fills: bool = False
    spread_bps: Decimal = Decimal("0.5")
    depth_levels: int = 100
    depth_fraction: Decimal = Decimal(1)
    close_delay_ms: tuple[int, int] = (5, 80)
    shift_ms: int = 0
    bnb_prices: Mapping[str, Decimal] = field(default_factory=lambda: {"USDT": Decimal(600)})
    log_lines: int = 50_000


@dataclass(frozen=True, slots=True)
class FeeRates:
    """Fractions of the received amount. `discount` is the part of the standard commission that
    remains when it is paid in BNB (0.75 = 25 % off)."""

    maker: Decimal = Decimal("0.001")
    taker: Decimal = Decimal("0.001")
    buyer: Decimal = Decimal(0)
    seller: Decimal = Decimal(0)
    special_maker: Decimal = Decimal(0)
    special_taker: Decimal = Decimal(0)
    tax_maker: Decimal = Decimal(0)
    tax_taker: Decimal = Decimal(0)
    discount: Decimal = Decimal("0.75")
    pay_in_bnb: bool = False
