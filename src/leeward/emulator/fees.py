"""The commission of a trade. Source: the exchange's commission FAQ."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from leeward.emulator.options import FeeRates
from leeward.emulator.units import UNIT


class Commission(NamedTuple):
    """`amount` units of `asset`."""

    amount: int
    asset: str


def rates(fees: FeeRates, *, maker: bool, buyer: bool) -> tuple[int, int]:
    """Returns the standard rate and the other rates together, in units of a fraction."""
    standard = (fees.maker if maker else fees.taker) + (fees.buyer if buyer else fees.seller)
    other = fees.special_maker + fees.tax_maker if maker else fees.special_taker + fees.tax_taker
    return _units(standard), _units(other)


def commission(
    fees: FeeRates, received: tuple[str, int], *, maker: bool, buyer: bool,
    bnb: tuple[int, int] | None,
) -> Commission:  # fmt: skip
    """Returns what a trade costs its owner. `received` is the asset and amount of the trade;
    `bnb` the free BNB and the BNB worth of one unit's UNIT-th of the received asset, None where
    BNB has no price. Cut to eight decimals; paid in BNB only where enough of it is free."""
    asset, amount = received
    standard, other = rates(fees, maker=maker, buyer=buyer)
    if fees.pay_in_bnb and bnb is not None:
        free, price = bnb
        cut = standard * _units(fees.discount) // UNIT
        cost = amount * (cut + other) * price // UNIT**2
        if free >= cost:
            return Commission(cost, "BNB")
    return Commission(amount * standard // UNIT + amount * other // UNIT, asset)


def _units(fraction: Decimal) -> int:
    return int(fraction * UNIT)
