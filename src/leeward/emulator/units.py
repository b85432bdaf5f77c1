"""Prices, quantities and amounts as whole numbers of 0.00000001, the exchange's smallest unit.

Inside the exchange every number is an int, so that sums are exact; outside it is a Decimal on the
way in and text with eight decimals on the way out.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from leeward.domain.columns import FloatColumn
from leeward.emulator.rejections import Rejection

UNIT = 10**8
#: The largest float whose product with UNIT still rounds to the right unit.
_EXACT_BELOW = 2**50 / UNIT


def units(value: Decimal, name: str) -> int:
    """Returns `value` in units; refuses (-1111) more decimals than eight, naming parameter `name`.

    >>> units(Decimal("0.10"), "quantity")
    10000000
    """
    scaled = value.scaleb(8)
    whole = int(scaled)
    if whole != scaled:
        raise Rejection(-1111, f"Parameter '{name}' has too much precision.")
    return whole


def text(amount: int) -> str:
    """Returns `amount` units as the exchange writes them.

    >>> text(123), text(-150_000_000)
    ('0.00000123', '-1.50000000')
    """
    if amount < 0:
        return "-" + text(-amount)
    whole, part = divmod(amount, UNIT)
    return f"{whole}.{part:08d}"


def decimal(amount: int) -> Decimal:
    """Returns `amount` units as a Decimal."""
    return Decimal(amount).scaleb(-8)


def product(price: int, quantity: int) -> int:
    """Returns price times quantity in quote units, cut to the unit."""
    return price * quantity // UNIT


def column_units(column: FloatColumn) -> NDArray[np.int64]:
    """Returns a column of candles in units: the shortest decimal of each float, exactly; NaN is 0.

    Python ints in an object array where 64 bits are too few.
    """
    known = np.nan_to_num(column)
    small = known < _EXACT_BELOW
    amounts: NDArray[np.int64] = np.rint(np.where(small, known, 0.0) * UNIT).astype(np.int64)
    if small.all():
        return amounts
    large = [int(Decimal(repr(value)).scaleb(8)) for value in known[~small].tolist()]
    if max(large) >= 2**63:
        amounts = amounts.astype(object)
    amounts[~small] = large
    return amounts
