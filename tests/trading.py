"""Small parts of trading sessions for tests."""

from __future__ import annotations

from decimal import Decimal

from leeward.domain.orders import OrderType
from leeward.domain.rules import Features, Grid, NotionalRule, OrderCaps, SymbolRules, SymbolStatus


def rules_for(symbol: str, *, opo: bool = False, tick: str = "0.01") -> SymbolRules:
    """Returns the rules of a USDT pair: five decimals of quantity, at least 5 USDT an order."""
    lot = Grid(Decimal("0.00001"), Decimal(9_000_000), Decimal("0.00001"))
    return SymbolRules(
        symbol=symbol,
        status=SymbolStatus.TRADING,
        base=symbol.removesuffix("USDT"),
        quote="USDT",
        order_types=frozenset(OrderType) - {OrderType.UNKNOWN},
        features=Features(
            oco=True,
            oto=True,
            opo=opo,
            cancel_replace=True,
            amend=True,
            trailing=False,
            market_by_quote=True,
        ),
        price=Grid(Decimal(tick), Decimal(1_000_000), Decimal(tick)),
        lot=lot,
        market_lot=lot,
        notional=NotionalRule(Decimal(5), None, least_for_market=True, most_for_market=False),
        price_band=None,
        most_position=None,
        caps=OrderCaps(),
    )
