"""Binance's exchangeInfo, order-rate limits, key rights, balances and commissions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from leeward.domain.money import Money
from leeward.domain.orders import Balance, OrderType
from leeward.domain.rules import (
    Features,
    Grid,
    NotionalRule,
    OrderCaps,
    PriceBand,
    SymbolRules,
    SymbolStatus,
)
from leeward.venues.binance_codec import Record, as_list

T = TypeVar("T")

_OFF = Grid(Decimal(0), Decimal(0), Decimal(0))

#: Filters that need nothing from a trader who places no iceberg orders.
_OF_NO_USE = frozenset(
    {"ICEBERG_PARTS", "TRAILING_DELTA", "MAX_NUM_ICEBERG_ORDERS", "MAX_ASSET", "PERCENT_PRICE"}
)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `limit` of a kind in a window of `window_s`; `count` where the answer has it."""

    kind: str
    window_s: int
    limit: int
    count: int | None = None


@dataclass(frozen=True, slots=True)
class ExchangeInfo:
    """The exchange's limits and each symbol's rules, by name."""

    server_time_ms: int
    limits: tuple[RateLimit, ...]
    symbols: Mapping[str, SymbolRules]


def exchange_info(value: object) -> ExchangeInfo:
    """Returns limits and rules; a symbol whose known filters are malformed fails the whole."""
    record = Record.of(value)
    rules = [_symbol(each) for each in record.records("symbols")]
    return ExchangeInfo(
        record.integer("serverTime"),
        tuple(limit for each in record.records("rateLimits") if (limit := _limit(each))),
        {each.symbol: each for each in rules},
    )


_WINDOWS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86_400}


def _limit(record: Record) -> RateLimit | None:
    if not record.values:  # the documentation's placeholder
        return None
    window = _WINDOWS.get(record.text("interval"))
    if window is None:
        raise record.fails("interval", "SECOND, MINUTE, HOUR or DAY")
    count = record.integer("count") if "count" in record else None
    return RateLimit(
        record.text("rateLimitType"),
        window * record.integer("intervalNum"),
        record.integer("limit"),
        count,
    )


def rate_limits(value: object) -> tuple[RateLimit, ...]:
    """Returns the array of rate limits of rateLimit/order and of WebSocket API answers."""
    return tuple(limit for each in as_list(value) if (limit := _limit(Record.of(each))))


def _symbol(record: Record) -> SymbolRules:
    # What a recent symbol has and an old recording lacks counts as not supported.
    def has(name: str) -> bool:
        return record.flag_or(name, otherwise=False)

    filters = {each.filled_text("filterType"): each for each in record.records("filters")}
    words = record.list("orderTypes")
    types = [each for each in OrderType if each in words]
    notices = [f"unknown filter {name}" for name in filters if name not in _KNOWN | _OF_NO_USE]
    status = record.word("status", SymbolStatus)
    if status is SymbolStatus.UNKNOWN:
        notices.append(f"unknown status {record.text('status')}")
    return SymbolRules(
        symbol=record.filled_text("symbol"),
        status=status,
        base=record.filled_text("baseAsset"),
        quote=record.filled_text("quoteAsset"),
        order_types=frozenset(types),
        features=Features(
            oco=has("ocoAllowed"),
            oto=has("otoAllowed"),
            opo=has("opoAllowed"),
            cancel_replace=has("cancelReplaceAllowed"),
            amend=has("amendAllowed"),
            trailing=has("allowTrailingStop"),
            market_by_quote=has("quoteOrderQtyMarketAllowed"),
        ),
        price=_grid(filters.get("PRICE_FILTER"), ("minPrice", "maxPrice", "tickSize")),
        lot=_grid(filters.get("LOT_SIZE"), ("minQty", "maxQty", "stepSize")),
        market_lot=_grid(filters.get("MARKET_LOT_SIZE"), ("minQty", "maxQty", "stepSize")),
        notional=_notional(filters),
        price_band=_read(filters.get("PERCENT_PRICE_BY_SIDE"), _price_band),
        most_position=_read(filters.get("MAX_POSITION"), lambda f: f.decimal("maxPosition")),
        caps=OrderCaps(
            _cap(filters, "MAX_NUM_ORDERS", "maxNumOrders"),
            _cap(filters, "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders"),
            _cap(filters, "MAX_NUM_ORDER_LISTS", "maxNumOrderLists"),
            _cap(filters, "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends"),
        ),
        notices=tuple(notices),
    )


_KNOWN = frozenset(
    {
        "PRICE_FILTER", "LOT_SIZE", "MARKET_LOT_SIZE", "NOTIONAL", "MIN_NOTIONAL",
        "PERCENT_PRICE_BY_SIDE", "MAX_POSITION", "MAX_NUM_ORDERS", "MAX_NUM_ALGO_ORDERS",
        "MAX_NUM_ORDER_LISTS", "MAX_NUM_ORDER_AMENDS",
    }
)  # fmt: skip


def _read(found: Record | None, reader: Callable[[Record], T]) -> T | None:
    return None if found is None else reader(found)


def _grid(found: Record | None, names: tuple[str, str, str]) -> Grid:
    """Returns the grid of a filter; a symbol without it, or with zeros, has no such rule."""
    if found is None:
        return _OFF
    least, most, step = (found.quantity(name).value for name in names)
    return Grid(least, most, step)


def _notional(filters: Mapping[str, Record]) -> NotionalRule | None:
    if found := filters.get("NOTIONAL"):
        return NotionalRule(
            found.quantity("minNotional").value,
            found.quantity("maxNotional").value,
            found.flag("applyMinToMarket"),
            found.flag("applyMaxToMarket"),
        )
    if found := filters.get("MIN_NOTIONAL"):  # the older form
        return NotionalRule(
            found.quantity("minNotional").value,
            None,
            found.flag("applyToMarket"),
            most_for_market=False,
        )
    return None


def _price_band(found: Record) -> PriceBand:
    return PriceBand(
        buy_down=found.quantity("bidMultiplierDown").value,
        buy_up=found.quantity("bidMultiplierUp").value,
        sell_down=found.quantity("askMultiplierDown").value,
        sell_up=found.quantity("askMultiplierUp").value,
    )


def _cap(filters: Mapping[str, Record], kind: str, name: str) -> int | None:
    return _read(filters.get(kind), lambda found: found.integer(name))


@dataclass(frozen=True, slots=True)
class Account:
    """What the key's account holds and may do; balances of zero are left out. `uid` is the
    exchange's number of the account, None where it tells none."""

    can_trade: bool
    balances: tuple[Balance, ...]
    uid: int | None = None


def account(value: object) -> Account:
    """Returns the spot account."""
    record = Record.of(value)
    balances = (balance(each, ("asset", "free", "locked")) for each in record.records("balances"))
    return Account(
        record.flag("canTrade"),
        tuple(each for each in balances if not (each.free.is_zero and each.locked.is_zero)),
        record.integer("uid") if "uid" in record else None,
    )


def balance(record: Record, names: tuple[str, str, str]) -> Balance:
    """Returns one balance whose asset, free and locked amounts lie under `names`."""
    asset, free, locked = names
    name = record.filled_text(asset)
    return Balance(
        Money(record.quantity(free).value, name), Money(record.quantity(locked).value, name)
    )


@dataclass(frozen=True, slots=True)
class Commission:
    """Fractions of what an order receives, standard, special and tax together."""

    maker: Decimal
    taker: Decimal


def commission(value: object) -> Commission:
    """Returns a symbol's commission without any discount: what is paid at most."""
    record = Record.of(value)
    parts = [
        record.record(name)
        for name in ("standardCommission", "specialCommission", "taxCommission")
        if name in record
    ]
    if not parts:
        raise record.fails("standardCommission", "an object")
    return Commission(
        sum((part.quantity("maker").value for part in parts), Decimal(0)),
        sum((part.quantity("taker").value for part in parts), Decimal(0)),
    )


def key_rights(value: object) -> Mapping[str, bool]:
    """Returns each right of the key (and `ipRestrict`) by the exchange's name for it."""
    record = Record.of(value)
    rights = {name: each for name, each in record.values.items() if isinstance(each, bool)}
    for name in ("ipRestrict", "enableReading", "enableWithdrawals"):
        if name not in rights:
            raise record.fails(name, "true or false")
    return rights


def delistings(value: object, now_ms: int) -> Mapping[str, int]:
    """Returns the earliest time (ms) after `now_ms` at which each symbol of the schedule is
    delisted. A symbol that was listed again may still stand there with a time gone by."""
    found: dict[str, int] = {}
    for each in as_list(value):
        row = Record.of(each, "delistings")
        at_ms = row.integer("delistTime")
        for symbol in row.list("symbols"):
            if not isinstance(symbol, str) or not symbol:
                raise row.fails("symbols", "a list of symbols")
            if at_ms > now_ms:
                found[symbol] = min(at_ms, found.get(symbol, at_ms))
    return found


def relevant_filters(value: object) -> tuple[str, ...]:
    """Returns the names of all filters that bind this account on a symbol."""
    record = Record.of(value)
    return tuple(
        each.filled_text("filterType")
        for group in ("exchangeFilters", "symbolFilters", "assetFilters")
        for each in record.records(group)
    )
