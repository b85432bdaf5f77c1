"""An account on paper for tests: rules of one symbol, a market that answers four questions, and a
hand that offers it candles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import cast

from leeward.domain.answers import Asked, Found, Unavailable
from leeward.domain.candle import Candle
from leeward.domain.instrument import Instrument
from leeward.domain.money import Money, Price, Quantity
from leeward.domain.order_requests import OrderRequest
from leeward.domain.orders import OrderType, Side, TimeInForce
from leeward.domain.rules import (
    Features,
    Grid,
    NotionalRule,
    OrderCaps,
    SymbolRules,
    SymbolStatus,
)
from leeward.domain.timeframe import Timeframe
from leeward.venues.paper import PaperVenue
from leeward.venues.paper_fills import PaperTerms
from leeward.venues.venue import Venue

SYMBOL = "BTCUSDT"
HOUR = Timeframe.parse("1h")
#: An open time; `hour(k)` counts from it.
FIRST_MS = 1_760_000_400_000
TERMS = PaperTerms(Money(Decimal(10_000), "USDT"), Decimal("0.001"), 0.0005, patience_s=5.0)
RULES = SymbolRules(
    symbol=SYMBOL,
    status=SymbolStatus.TRADING,
    base="BTC",
    quote="USDT",
    order_types=frozenset(OrderType) - {OrderType.UNKNOWN},
    features=Features(
        oco=True,
        oto=True,
        opo=True,
        cancel_replace=True,
        amend=True,
        trailing=False,
        market_by_quote=True,
    ),
    price=Grid(Decimal("0.01"), Decimal(1_000_000), Decimal("0.01")),
    lot=Grid(Decimal("0.00001"), Decimal(9000), Decimal("0.00001")),
    market_lot=Grid(Decimal(0), Decimal(0), Decimal(0)),
    notional=NotionalRule(Decimal(5), None, least_for_market=True, most_for_market=False),
    price_band=None,
    most_position=None,
    caps=OrderCaps(),
)


def rules_of(instrument: Instrument) -> SymbolRules:
    """Returns rules with the steps of an instrument."""
    tick, lot = Decimal(repr(instrument.tick_size)), Decimal(repr(instrument.lot_step))
    zero = Decimal(0)
    return replace(
        RULES,
        symbol=instrument.symbol,
        price=Grid(zero, zero, tick),
        lot=Grid(zero, zero, lot),
        notional=NotionalRule(
            Decimal(repr(instrument.min_notional)),
            None,
            least_for_market=False,
            most_for_market=False,
        ),
    )


@dataclass
class StillMarket:
    """The public side of an exchange: a time that stands, and the rules it is given."""

    known: dict[str, SymbolRules] = field(default_factory=lambda: {SYMBOL: RULES})
    now_ms: int = FIRST_MS
    reachable: bool = True

    async def server_time_ms(self) -> Asked[int]:
        return Found(self.now_ms)

    async def rules(self, symbols: Sequence[str]) -> Asked[dict[str, SymbolRules]]:
        if not self.reachable:
            return Unavailable("no answer")
        if not set(symbols) <= self.known.keys():
            return Unavailable("-1121 Invalid symbol.", code=-1121)
        return Found(dict(self.known))

    async def candles(
        self, symbol: str, timeframe: Timeframe, start_ms: int, end_ms: int
    ) -> Asked[tuple[Candle, ...]]:
        del symbol, timeframe, start_ms, end_ms
        return Found(())

    async def last_price(self, symbol: str) -> Asked[Price]:
        del symbol
        return Found(Price(Decimal(100)))


def venue_in(
    folder: Path, terms: PaperTerms = TERMS, market: StillMarket | None = None
) -> PaperVenue:
    still = market or StillMarket()
    return PaperVenue(cast("Venue", still), folder, terms, lambda: still.now_ms)


def hour(k: int) -> int:
    return FIRST_MS + k * HOUR.length_ms


def candle(k: int, open_: float, high: float, low: float, close: float) -> Candle:
    """Returns the k-th hour."""
    return Candle(SYMBOL, HOUR, hour(k), open_, high, low, close, 1.0, close, 1, 0.5)


def buy(
    name: str, quantity: str = "1", limit: str = "200", tif: TimeInForce = TimeInForce.IOC
) -> OrderRequest:
    """Returns an entry as the desk sends it: a limit far above, at once or not at all."""
    return OrderRequest(
        SYMBOL, Side.BUY, OrderType.LIMIT, name, Quantity(Decimal(quantity)),
        price=Price(Decimal(limit)), time_in_force=tif,
    )  # fmt: skip


def sell(name: str, quantity: str = "1") -> OrderRequest:
    return OrderRequest(SYMBOL, Side.SELL, OrderType.MARKET, name, Quantity(Decimal(quantity)))


def stop_at(name: str, price: str, quantity: str = "1") -> OrderRequest:
    return OrderRequest(
        SYMBOL, Side.SELL, OrderType.STOP_LOSS, name, Quantity(Decimal(quantity)),
        stop_price=Price(Decimal(price)),
    )  # fmt: skip
