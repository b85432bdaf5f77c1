"""What the exchange says about its symbols: rules, filters and the exchangeInfo answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from leeward.emulator.rejections import Json
from leeward.emulator.units import text, units

ORDER_TYPES: Final = (
    "LIMIT",
    "LIMIT_MAKER",
    "MARKET",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
)
STP_MODES: Final = ("EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER")
STATUSES: Final = ("TRADING", "END_OF_DAY", "HALT", "BREAK", "CANCEL_ONLY")
RATE_LIMITS: Final = (
    ("REQUEST_WEIGHT", "MINUTE", 1, 6000),
    ("ORDERS", "SECOND", 10, 100),
    ("ORDERS", "DAY", 1, 200_000),
    ("RAW_REQUESTS", "MINUTE", 5, 300_000),
)
_QUOTES: Final = ("FDUSD", "USDT", "USDC", "TUSD", "BUSD", "BTC", "ETH", "BNB", "BRL", "EUR", "TRY")


@dataclass(frozen=True, slots=True)
class SymbolRules:
    """One symbol as exchangeInfo shows it. Filters are dicts in the exchange's own form, in the
    exchange's order; `status` is one of STATUSES."""

    symbol: str
    base: str
    quote: str
    filters: tuple[Json, ...]
    status: str = "TRADING"
    order_types: tuple[str, ...] = ORDER_TYPES
    iceberg: bool = True
    oco: bool = True
    oto: bool = True
    opo: bool = True
    quote_order_qty: bool = True
    trailing: bool = True
    cancel_replace: bool = True
    amend: bool = True
    peg: bool = True
    margin: bool = True
    default_stp: str = "EXPIRE_MAKER"
    allowed_stp: tuple[str, ...] = STP_MODES
    permission_sets: tuple[tuple[str, ...], ...] = (("SPOT",),)

    def filter(self, name: str) -> Json | None:
        """Returns the filter of type `name`, or None where the symbol has none."""
        return next((entry for entry in self.filters if entry["filterType"] == name), None)

    def amount(self, name: str, key: str) -> int:
        """Returns value `key` of filter `name` in units; 0 where there is no such filter."""
        entry = self.filter(name)
        return 0 if entry is None else units(Decimal(str(entry[key])), key)

    def with_filter(self, entry: Json) -> SymbolRules:
        """Returns these rules with the filter of that type replaced, or added at the end."""
        names = [old["filterType"] for old in self.filters]
        if entry["filterType"] not in names:
            return replace(self, filters=(*self.filters, entry))
        changed = (entry if old["filterType"] == entry["filterType"] else old
                   for old in self.filters)  # fmt: skip
        return replace(self, filters=tuple(changed))

    def with_status(self, status: str) -> SymbolRules:
        return replace(self, status=status)

    def json(self) -> Json:
        """Returns the symbol's entry of exchangeInfo, fields in the exchange's order."""
        return {
            "symbol": self.symbol,
            "status": self.status,
            "baseAsset": self.base,
            "baseAssetPrecision": 8,
            "quoteAsset": self.quote,
            "quotePrecision": 8,
            "quoteAssetPrecision": 8,
            "baseCommissionPrecision": 8,
            "quoteCommissionPrecision": 8,
            "orderTypes": list(self.order_types),
            "icebergAllowed": self.iceberg,
            "ocoAllowed": self.oco,
            "otoAllowed": self.oto,
            "opoAllowed": self.opo,
            "quoteOrderQtyMarketAllowed": self.quote_order_qty,
            "allowTrailingStop": self.trailing,
            "cancelReplaceAllowed": self.cancel_replace,
            "amendAllowed": self.amend,
            "pegInstructionsAllowed": self.peg,
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": self.margin,
            "filters": [dict(entry) for entry in self.filters],
            "permissions": [],
            "permissionSets": [list(names) for names in self.permission_sets],
            "defaultSelfTradePreventionMode": self.default_stp,
            "allowedSelfTradePreventionModes": list(self.allowed_stp),
        }


#: price min, max, tick; lot min, max, step; market max; minimum notional (live, 2026-09-25).
_KNOWN: Final = {
    "BTCUSDT": ("0.01 1000000 0.01", "0.00001 9000 0.00001", "119.27356195", "5"),
    "ETHUSDT": ("0.01 1000000 0.01", "0.0001 9000 0.0001", "2446.53886333", "5"),
    "SOLUSDT": ("0.01 10000 0.01", "0.001 90000 0.001", "70751.52192083", "5"),
    "BTCBRL": ("1 10000000 1", "0.00001 9000 0.00001", "1.62764504", "10"),
}


def symbol_rules(symbol: str, price: float = 100.0) -> SymbolRules:
    """Returns the live rules of a known symbol; for others, rules that fit a price of `price`
    (about five digits of tick, lots worth about a cent)."""
    quote = next((end for end in _QUOTES if symbol.endswith(end) and symbol != end), symbol[-4:])
    base = symbol[: -len(quote)]
    prices, lots, market, notional = _KNOWN.get(symbol) or _fitting(price)
    low, high, tick = (_eight(value) for value in prices.split())
    least, most, step = (_eight(value) for value in lots.split())
    filters: tuple[Json, ...] = (
        {"filterType": "PRICE_FILTER", "minPrice": low, "maxPrice": high, "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": least, "maxQty": most, "stepSize": step},
        {"filterType": "ICEBERG_PARTS", "limit": 100},
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": "0.00000000",
            "maxQty": _eight(market),
            "stepSize": "0.00000000",
        },
        {
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": 10,
            "maxTrailingAboveDelta": 2000,
            "minTrailingBelowDelta": 10,
            "maxTrailingBelowDelta": 2000,
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": "1.2",
            "bidMultiplierDown": "0.5",
            "askMultiplierUp": "2",
            "askMultiplierDown": "0.8",
            "avgPriceMins": 5,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": _eight(notional),
            "applyMinToMarket": True,
            "maxNotional": "9000000.00000000",
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
        {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 20},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
        {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": 10},
    )
    return SymbolRules(symbol, base, quote, filters, margin=quote != "BRL")


def _eight(value: str) -> str:
    return text(units(Decimal(value), "filter"))


def _fitting(price: float) -> tuple[str, str, str, str]:
    digits = Decimal(repr(price)).adjusted()
    tick = Decimal(1).scaleb(max(-8, digits - 4))
    step = Decimal(1).scaleb(min(0, max(-5, -digits - 2)))
    most = Decimal(10**7) if digits < 1 else Decimal(90_000)
    return f"{tick} {tick * 1_000_000} {tick}", f"{step} {most} {step}", f"{most}", "5"


def rate_limits() -> list[Json]:
    """Returns the limits as exchangeInfo lists them."""
    names = ("rateLimitType", "interval", "intervalNum", "limit")
    return [dict(zip(names, limit, strict=True)) for limit in RATE_LIMITS]
