"""Prices, quantities and amounts of money as exact decimals that do not mix.

An operation exists only where it means something: quantities add, prices do not; money adds to
money of its own currency. Everything else raises TypeError, and mypy says so before. None of them
has a truth value: "is it zero" and "is it there" are different questions.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import (
    MAX_EMAX,
    MAX_PREC,
    MIN_EMIN,
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
)
from functools import total_ordering
from typing import Literal, NoReturn

from leeward.domain.errors import Failed

#: Arithmetic here never rounds: the default context would, at 28 digits.
_EXACT = Context(prec=400, Emax=MAX_EMAX, Emin=MIN_EMIN)
assert _EXACT.prec < MAX_PREC

_ASK = "compare it, or ask `is None`"

Toward = Literal["down", "up", "nearest"]
_ROUNDING = {"down": ROUND_FLOOR, "up": ROUND_CEILING, "nearest": ROUND_HALF_EVEN}


def _checked(kind: str, value: object) -> Decimal:
    if not isinstance(value, Decimal):
        raise TypeError(f"{kind} is made of a Decimal, not of {type(value).__name__} {value!r}")
    if not value.is_finite():
        raise Failed(f"{kind}: {value} is not a number; a finite amount is needed")
    return value


@total_ordering
@dataclass(frozen=True, slots=True)
class Price:
    """Quote units for one base unit, above zero. Raises Failed where it is not.

    >>> Price(Decimal("100")).scaled(Decimal("1.01"))
    Price('101.00')
    """

    value: Decimal

    def __post_init__(self) -> None:
        if _checked("price", self.value) <= 0:
            raise Failed(f"price: {self.value} is not above zero")

    def scaled(self, factor: Decimal) -> Price:
        """Returns this price times a plain number, unrounded: quantize it before it is sent."""
        return Price(_EXACT.multiply(self.value, _checked("factor", factor)))

    def __lt__(self, other: Price) -> bool:
        if not isinstance(other, Price):
            return NotImplemented
        return self.value < other.value

    def __bool__(self) -> NoReturn:
        raise TypeError(f"a price is neither true nor false; {_ASK}")

    def __str__(self) -> str:
        return f"{self.value:f}"

    def __repr__(self) -> str:
        return f"Price('{self}')"


@total_ordering
@dataclass(frozen=True, slots=True)
class Quantity:
    """Base units, zero or more. Raises Failed for less, also as the result of a subtraction."""

    value: Decimal

    def __post_init__(self) -> None:
        if _checked("quantity", self.value) < 0:
            raise Failed(f"quantity: {self.value} is below zero")

    @property
    def is_zero(self) -> bool:
        return self.value == 0

    def __add__(self, other: Quantity) -> Quantity:
        if not isinstance(other, Quantity):
            return NotImplemented
        return Quantity(_EXACT.add(self.value, other.value))

    def __sub__(self, other: Quantity) -> Quantity:
        if not isinstance(other, Quantity):
            return NotImplemented
        return Quantity(_EXACT.subtract(self.value, other.value))

    def __lt__(self, other: Quantity) -> bool:
        if not isinstance(other, Quantity):
            return NotImplemented
        return self.value < other.value

    def __bool__(self) -> NoReturn:
        raise TypeError(f"a quantity is neither true nor false; {_ASK}")

    def __str__(self) -> str:
        return f"{self.value:f}"

    def __repr__(self) -> str:
        return f"Quantity('{self}')"


@total_ordering
@dataclass(frozen=True, slots=True)
class Money:
    """An amount of one currency, of either sign. Mixing two currencies raises TypeError.

    >>> Money(Decimal("1.5"), "USDT") + Money(Decimal("-2"), "USDT")
    Money('-0.5', 'USDT')
    """

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        _checked("money", self.amount)
        if not self.currency:
            raise TypeError("money needs the name of its currency")

    @property
    def is_zero(self) -> bool:
        return self.amount == 0

    def __add__(self, other: Money) -> Money:
        if not isinstance(other, Money):
            return NotImplemented
        return Money(_EXACT.add(self.amount, self._same(other)), self.currency)

    def __sub__(self, other: Money) -> Money:
        if not isinstance(other, Money):
            return NotImplemented
        return Money(_EXACT.subtract(self.amount, self._same(other)), self.currency)

    def __neg__(self) -> Money:
        return Money(_EXACT.minus(self.amount), self.currency)

    def scaled(self, factor: Decimal) -> Money:
        """Returns this amount times a plain number, unrounded."""
        return Money(_EXACT.multiply(self.amount, _checked("factor", factor)), self.currency)

    def __lt__(self, other: Money) -> bool:
        if not isinstance(other, Money):
            return NotImplemented
        return self.amount < self._same(other)

    def _same(self, other: Money) -> Decimal:
        if other.currency != self.currency:
            raise TypeError(f"{self.currency} and {other.currency} do not mix; convert one first")
        return other.amount

    def __bool__(self) -> NoReturn:
        raise TypeError(f"a sum of money is neither true nor false; {_ASK}")

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"

    def __repr__(self) -> str:
        return f"Money('{self.amount:f}', '{self.currency}')"


def notional(price: Price, quantity: Quantity, currency: str) -> Money:
    """Returns what `quantity` costs at `price`, in the quote currency, exact."""
    for value, kind in ((price, Price), (quantity, Quantity)):
        if not isinstance(value, kind):
            raise TypeError(
                f"notional is a Price times a Quantity; {value!r} is no {kind.__name__}"
            )
    return Money(_EXACT.multiply(price.value, quantity.value), currency)


def quantity_of(amount: float | Decimal, lot_step: Decimal) -> Quantity:
    """Returns the largest multiple of `lot_step` (above zero) that is not above `amount`.

    A float counts as the shortest decimal that reads back as it: 0.3 is three steps of 0.1, though
    the binary number lies a little below. Raises Failed for an amount that is negative or not
    finite.

    >>> quantity_of(0.3, Decimal("0.1"))
    Quantity('0.3')
    """
    return Quantity(_multiple("quantity", amount, lot_step, "down"))


def quantize_price(price: float | Decimal, tick_size: Decimal, toward: Toward) -> Price:
    """Returns `price` on the grid of `tick_size` (above zero); `nearest` takes the even neighbour
    of a tie. Raises Failed where the result is not above zero.

    >>> quantize_price(100.017, Decimal("0.01"), "down")
    Price('100.01')
    """
    return Price(_multiple("price", price, tick_size, toward))


def _multiple(kind: str, value: float | Decimal, step: Decimal, toward: Toward) -> Decimal:
    if _checked("step", step) <= 0:
        raise Failed(f"{kind}: the step {step} is not above zero")
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise TypeError(f"{kind}: {value!r} is neither a float nor a Decimal")
    exact = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
    whole = _EXACT.divide(_checked(kind, exact), step).to_integral_value(_ROUNDING[toward])
    return _EXACT.multiply(whole, step)
