"""Exact amounts: what they refuse to do, and how a float becomes one."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeward.domain.errors import Failed
from leeward.domain.money import (
    Money,
    Price,
    Quantity,
    notional,
    quantity_of,
    quantize_price,
)

PRICE, QUANTITY, USDT = Price(Decimal(2)), Quantity(Decimal(3)), Money(Decimal(5), "USDT")

amounts = st.decimals(min_value=0, max_value=10**9, places=8)
steps = st.sampled_from(["0.00000001", "0.00001", "0.001", "0.1", "1", "5", "0.25"]).map(Decimal)


@pytest.mark.parametrize("value", [PRICE, QUANTITY, USDT])
def test_no_amount_is_true_or_false(value: Any) -> None:
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(value)


@pytest.mark.parametrize(
    "mixing",
    [
        lambda: PRICE + PRICE,  # type: ignore[operator] # mypy refuses it
        lambda: PRICE * QUANTITY,  # type: ignore[operator] # mypy refuses it
        lambda: PRICE < QUANTITY,  # type: ignore[operator] # mypy refuses it
        lambda: QUANTITY + PRICE,  # type: ignore[operator] # mypy refuses it
        lambda: QUANTITY - USDT,  # type: ignore[operator] # mypy refuses it
        lambda: QUANTITY >= PRICE,  # type: ignore[operator] # mypy refuses it
        lambda: USDT + QUANTITY,  # type: ignore[operator] # mypy refuses it
        lambda: USDT - 1,  # type: ignore[operator] # mypy refuses it
        lambda: USDT < PRICE,  # type: ignore[operator] # mypy refuses it
        lambda: USDT + Money(Decimal(1), "BTC"),
        lambda: Money(Decimal(1), "BTC") < USDT,
        lambda: PRICE.scaled(1.01),  # type: ignore[arg-type] # mypy refuses it
        lambda: USDT.scaled(2),  # type: ignore[arg-type] # mypy refuses it
        lambda: Price(2),  # type: ignore[arg-type] # mypy refuses it
        lambda: Price(2.0),  # type: ignore[arg-type] # mypy refuses it
        lambda: Quantity("2"),  # type: ignore[arg-type] # mypy refuses it
        lambda: Money(1.0, "USDT"),  # type: ignore[arg-type] # mypy refuses it
        lambda: Money(Decimal(1), ""),
        lambda: notional(QUANTITY, PRICE, "USDT"),  # type: ignore[arg-type] # mypy refuses it
        lambda: quantity_of(bool(QUANTITY.value), Decimal(1)),
        lambda: quantity_of("1", Decimal(1)),  # type: ignore[arg-type] # mypy refuses it
        lambda: quantity_of(1.0, 0.1),  # type: ignore[arg-type] # mypy refuses it
    ],
)
def test_what_has_no_meaning_is_a_type_error(mixing: Callable[[], object]) -> None:
    with pytest.raises(TypeError):
        mixing()


@pytest.mark.parametrize(
    "bad",
    [
        lambda: Price(Decimal(0)),
        lambda: Price(Decimal(-1)),
        lambda: Price(Decimal("NaN")),
        lambda: Quantity(Decimal(-1)),
        lambda: Quantity(Decimal("Infinity")),
        lambda: Money(Decimal("sNaN"), "USDT"),
        lambda: QUANTITY - Quantity(Decimal("3.00000001")),
        lambda: PRICE.scaled(Decimal(0)),
        lambda: quantity_of(-0.1, Decimal("0.1")),
        lambda: quantity_of(math.nan, Decimal("0.1")),
        lambda: quantity_of(math.inf, Decimal("0.1")),
        lambda: quantity_of(1.0, Decimal(0)),
        lambda: quantize_price(0.004, Decimal("0.01"), "down"),
    ],
)
def test_amounts_that_cannot_be_are_refused(bad: Callable[[], object]) -> None:
    with pytest.raises(Failed):
        bad()


def test_amounts_compare_and_add_within_their_kind() -> None:
    assert Price(Decimal("1.0")) == Price(Decimal("1.00"))
    assert hash(Price(Decimal("1.0"))) == hash(Price(Decimal("1.00")))
    assert Price(Decimal(1)) < PRICE <= PRICE
    assert Quantity(Decimal(6)) == QUANTITY + QUANTITY
    assert Quantity(Decimal(0)) == QUANTITY - QUANTITY
    assert (QUANTITY - QUANTITY).is_zero
    assert USDT - USDT - USDT == -USDT
    assert max(USDT, -USDT) == USDT
    assert not USDT.is_zero
    assert Money(Decimal(5), "USDT") != Money(Decimal(5), "BTC")
    assert PRICE.scaled(Decimal("1.5")) == Price(Decimal(3))
    assert USDT.scaled(Decimal("-0.5")) == Money(Decimal("-2.5"), "USDT")


def test_amounts_are_shown_without_exponents() -> None:
    assert str(Price(Decimal("1E-8"))) == "0.00000001"
    assert str(Quantity(Decimal("1E+3"))) == "1000"
    assert str(Money(Decimal("1E-7"), "BTC")) == "0.0000001 BTC"
    assert (repr(PRICE), repr(QUANTITY), repr(USDT)) == (
        "Price('2')",
        "Quantity('3')",
        "Money('5', 'USDT')",
    )


def test_an_amount_does_not_change() -> None:
    with pytest.raises(AttributeError):
        PRICE.value = Decimal(3)  # type: ignore[misc] # the point of it


@given(amounts, amounts)
def test_what_is_added_and_taken_away_leaves_no_trace(a: Decimal, b: Decimal) -> None:
    assert Quantity(a) + Quantity(b) - Quantity(b) == Quantity(a)
    money = Money(a, "USDT")
    assert money + Money(b, "USDT") - Money(b, "USDT") == money


@given(amounts.filter(bool), amounts)
def test_notional_is_exact(price: Decimal, quantity: Decimal) -> None:
    money = notional(Price(price), Quantity(quantity), "USDT").amount
    assert Fraction(money) == Fraction(price) * Fraction(quantity)


@given(st.floats(min_value=0, max_value=1e12) | amounts, steps)
def test_a_quantity_is_rounded_down_to_the_lot(amount: float | Decimal, step: Decimal) -> None:
    exact = amount if isinstance(amount, Decimal) else Decimal(repr(amount))
    quantity = quantity_of(amount, step).value
    assert quantity % step == 0
    assert quantity <= exact < quantity + step


@given(st.integers(min_value=1, max_value=10**9), st.integers(min_value=0, max_value=8))
def test_a_float_that_names_a_lot_keeps_it(count: int, places: int) -> None:
    step = Decimal(1).scaleb(-places)
    assert quantity_of(float(count * step), step).value == count * step


@given(st.floats(min_value=0.01, max_value=1e9), steps)
def test_a_price_is_rounded_the_way_it_is_asked(price: float, tick: Decimal) -> None:
    exact = Decimal(repr(price))
    up = quantize_price(price, tick, "up").value
    assert up % tick == 0
    assert up - tick < exact <= up
    if exact >= tick:
        down = quantize_price(price, tick, "down").value
        nearest = quantize_price(price, tick, "nearest").value
        assert nearest in {down, up}
        assert abs(nearest - exact) <= tick / 2
