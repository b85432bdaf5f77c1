"""Order words, requests and rules."""

from __future__ import annotations

from decimal import Decimal

import pytest

from leeward.domain.errors import BadUsage
from leeward.domain.instrument import Instrument
from leeward.domain.money import Money, Quantity
from leeward.domain.order_requests import OrderRequest
from leeward.domain.orders import Balance, OrderStatus, OrderType, Side
from leeward.domain.rules import (
    Features,
    Grid,
    NotionalRule,
    OrderCaps,
    SymbolRules,
    SymbolStatus,
)


def test_only_what_the_exchange_calls_final_is_final() -> None:
    assert {status for status in OrderStatus if status.is_final} == {
        OrderStatus.FILLED,
        OrderStatus.CANCELED,
        OrderStatus.REJECTED,
        OrderStatus.EXPIRED,
        OrderStatus.EXPIRED_IN_MATCH,
    }
    assert not OrderStatus.UNKNOWN.is_final


@pytest.mark.parametrize("both", [True, False])
def test_an_order_has_exactly_one_size(both: bool) -> None:
    quantity, quote = (Quantity(Decimal(1)), Decimal(10)) if both else (None, None)
    with pytest.raises(BadUsage, match="give exactly one"):
        OrderRequest("BTCUSDT", Side.BUY, OrderType.MARKET, "id-1", quantity, quote)


def test_a_balance_is_named_after_its_currency() -> None:
    assert Balance(Money(Decimal(1), "BTC"), Money(Decimal(0), "BTC")).asset == "BTC"


@pytest.mark.parametrize(
    ("value", "allowed"),
    [
        ("0.1", True),
        ("0.3", True),
        ("0.05", False),
        ("0.15", False),
        ("10.0", True),
        ("10.1", False),
    ],
)
def test_a_grid_has_bounds_and_an_exact_step(value: str, allowed: bool) -> None:
    grid = Grid(Decimal("0.1"), Decimal(10), Decimal("0.1"))
    assert grid.allows(Decimal(value)) is allowed
    assert Grid(Decimal(0), Decimal(0), Decimal(0)).allows(Decimal(value))


@pytest.mark.parametrize("least", [None, "10"])
def test_rules_give_the_core_its_instrument(least: str | None) -> None:
    notional = (
        None
        if least is None
        else NotionalRule(Decimal(least), None, least_for_market=True, most_for_market=False)
    )
    off = Grid(Decimal(0), Decimal(0), Decimal(0))
    rules = SymbolRules(
        symbol="BTCUSDT",
        status=SymbolStatus.TRADING,
        base="BTC",
        quote="USDT",
        order_types=frozenset(),
        features=Features(*[True] * 7),
        price=Grid(Decimal(0), Decimal(0), Decimal("0.01")),
        lot=Grid(Decimal(0), Decimal(0), Decimal("0.00001")),
        market_lot=off,
        notional=notional,
        price_band=None,
        most_position=None,
        caps=OrderCaps(),
    )
    assert rules.instrument() == Instrument("BTCUSDT", 0.00001, 0.01, float(least or 0))
