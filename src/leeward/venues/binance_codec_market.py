"""Binance's market data: candles, prices, trades, depth, over REST and over streams."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import TypeAlias

from leeward.domain.candle import Candle
from leeward.domain.errors import BadUsage
from leeward.domain.money import Price, Quantity
from leeward.domain.timeframe import Timeframe
from leeward.venues.binance_codec import Record, Unreadable, as_decimal, as_list, shown

_KLINE_COLUMNS = 12


@dataclass(frozen=True, slots=True)
class BestPrices:
    """The best bid and ask of a symbol, None for a side without orders."""

    symbol: str
    bid: Price | None
    bid_quantity: Quantity
    ask: Price | None
    ask_quantity: Quantity


@dataclass(frozen=True, slots=True)
class PublicTrade:
    """One trade (or aggregate of trades) of the market; `buyer_is_maker` means a seller took."""

    symbol: str
    trade_id: int
    price: Price
    quantity: Quantity
    time_ms: int
    buyer_is_maker: bool


@dataclass(frozen=True, slots=True)
class Depth:
    """A book, or the change of one: levels are (price, quantity), quantity zero removes. A
    snapshot has equal ids and, on streams, no symbol."""

    symbol: str | None
    first_id: int
    last_id: int
    bids: tuple[tuple[Price, Quantity], ...]
    asks: tuple[tuple[Price, Quantity], ...]


@dataclass(frozen=True, slots=True)
class CandleUpdate:
    """The state of a candle; only a closed one will not change."""

    candle: Candle
    closed: bool


@dataclass(frozen=True, slots=True)
class LastPrice:
    """A symbol's last price, from any of the ticker messages."""

    symbol: str
    price: Price


@dataclass(frozen=True, slots=True)
class ServerShutdown:
    """The server will close this connection soon: connect anew at once."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """A message that is readable and of no use here; `kind` is the exchange's word for it."""

    kind: str


MarketEvent: TypeAlias = (
    CandleUpdate | PublicTrade | BestPrices | Depth | LastPrice | ServerShutdown | Ignored
)


def server_time(value: object) -> int:
    """Returns the exchange's UTC time in ms."""
    return Record.of(value).integer("serverTime")


def candles(value: object, symbol: str, timeframe: Timeframe) -> tuple[Candle, ...]:
    """Returns the rows of klines, oldest first as sent; the last one may still be running."""
    found = tuple(_candle_row(row, symbol, timeframe) for row in as_list(value))
    if any(b.open_time_ms <= a.open_time_ms for a, b in pairwise(found)):
        raise Unreadable(f"{symbol} {timeframe}: the rows of klines are not in time order")
    return found


def _candle_row(row: object, symbol: str, timeframe: Timeframe) -> Candle:
    if not isinstance(row, list) or len(row) < _KLINE_COLUMNS:
        raise Unreadable(f"{symbol} {timeframe}: a row of 12 is needed, not {shown(row)}")
    names = ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V")
    return _candle(Record(dict(zip(names, row, strict=False)), "kline"), symbol, timeframe)


def _candle(row: Record, symbol: str, timeframe: Timeframe) -> Candle:
    candle = Candle(
        symbol=symbol,
        timeframe=timeframe,
        open_time_ms=row.integer("t"),
        open=float(row.price("o").value),
        high=float(row.price("h").value),
        low=float(row.price("l").value),
        close=float(row.price("c").value),
        volume=float(row.quantity("v").value),
        quote_volume=float(row.quantity("q").value),
        trades=row.integer("n"),
        taker_buy_volume=float(row.quantity("V").value),
    )
    bounds = (candle.open, candle.close)
    if not candle.low <= min(bounds) <= max(bounds) <= candle.high:
        raise Unreadable(f"{symbol} {timeframe}: low, open, close and high of {shown(row)} cross")
    if timeframe.floor(candle.open_time_ms) != candle.open_time_ms:
        raise Unreadable(f"{symbol} {timeframe}: {candle.open_time_ms} is off the grid")
    return candle


def last_price(value: object) -> LastPrice:
    """Returns the price of one ticker: price, 24hr, trading day, rolling window or average."""
    record = Record.of(value)
    name = "price" if "price" in record else "lastPrice"
    return LastPrice(record.filled_text("symbol"), record.price(name))


def last_prices(value: object) -> tuple[LastPrice, ...]:
    """Returns the prices of an array of tickers, without symbols that never traded."""
    found = []
    for record in map(Record.of, as_list(value)):
        price = record.price_or_none("price" if "price" in record else "lastPrice")
        if price is not None:
            found.append(LastPrice(record.filled_text("symbol"), price))
    return tuple(found)


def average_price(value: object) -> Price:
    """Returns the average price of the last minutes that filters refer to."""
    return Record.of(value).price("price")


def reference_price(value: object) -> Price | None:
    """Returns the symbol's reference price, None while it has none."""
    record = Record.of(value)
    if record.values.get("referencePrice", "") is None:
        return None
    return record.price("referencePrice")


def best_prices(value: object) -> BestPrices:
    """Returns ticker/bookTicker of one symbol."""
    return _best_prices(Record.of(value), ("symbol", "bidPrice", "bidQty", "askPrice", "askQty"))


def all_best_prices(value: object) -> tuple[BestPrices, ...]:
    """Returns ticker/bookTicker of several symbols."""
    return tuple(best_prices(each) for each in as_list(value))


def public_trades(value: object, symbol: str) -> tuple[PublicTrade, ...]:
    """Returns trades, historicalTrades, historicalBlockTrades or aggTrades."""
    return tuple(_public_trade(Record.of(each), symbol) for each in as_list(value))


def _public_trade(record: Record, symbol: str) -> PublicTrade:
    names = ("a", "p", "q", "T", "m") if "a" in record else ("id", "price", "qty", "time",
                                                             "isBuyerMaker")  # fmt: skip
    number, price, quantity, time, maker = names
    return PublicTrade(
        symbol,
        record.integer(number),
        record.price(price),
        record.quantity(quantity),
        record.integer(time),
        record.flag(maker),
    )


def depth(value: object) -> Depth:
    """Returns the snapshot of a book."""
    record = Record.of(value)
    last = record.integer("lastUpdateId")
    return Depth(None, last, last, _levels(record, "bids"), _levels(record, "asks"))


def _levels(record: Record, name: str) -> tuple[tuple[Price, Quantity], ...]:
    return tuple(_level(record, name, level) for level in record.list(name))


def _level(record: Record, name: str, level: object) -> tuple[Price, Quantity]:
    parts = level if isinstance(level, list) else []
    price, quantity = (as_decimal(part) for part in parts[:2]) if len(parts) > 1 else (None, None)
    if price is None or quantity is None or price <= 0 or quantity < 0:
        raise record.fails(name, "levels of price and quantity")
    return Price(price), Quantity(quantity)


def market_event(value: object) -> tuple[MarketEvent, ...]:
    """Returns the events of one stream frame, raw or combined; arrays hold several."""
    stream = ""
    if isinstance(value, dict) and isinstance(value.get("stream"), str) and "data" in value:
        stream, value = value["stream"], value["data"]
    if isinstance(value, list):
        return tuple(_market_event(Record.of(each, stream), stream) for each in value)
    return (_market_event(Record.of(value, stream), stream),)


def _market_event(record: Record, stream: str) -> MarketEvent:
    kind = record.text("e") if "e" in record else ""
    match kind:
        case "kline":
            return _candle_update(record)
        case "trade":
            return _stream_trade(record, "t")
        case "aggTrade":
            return _stream_trade(record, "a")
        case "depthUpdate":
            return _depth_update(record)
        case "24hrMiniTicker" | "24hrTicker" | "1hTicker" | "4hTicker" | "1dTicker":
            return _ticker(record, kind)
        case "serverShutdown":
            return ServerShutdown()
        case "":
            return _nameless(record, stream)
        case _:
            return Ignored(kind)


def _candle_update(record: Record) -> MarketEvent:
    row = record.record("k")
    try:
        timeframe = Timeframe.parse(row.text("i"))
    except BadUsage:
        return Ignored(f"kline_{row.text('i')}")
    if timeframe.floor(row.integer("t")) != row.integer("t"):
        return Ignored("kline with a time zone")
    closed = row.flag("x")
    if not closed and row.decimal("c") == 0:
        return Ignored("kline before the first trade")
    return CandleUpdate(_candle(row, record.filled_text("s"), timeframe), closed)


def _stream_trade(record: Record, number: str) -> PublicTrade:
    return PublicTrade(
        record.filled_text("s"),
        record.integer(number),
        record.price("p"),
        record.quantity("q"),
        record.integer("T"),
        record.flag("m"),
    )


def _depth_update(record: Record) -> Depth:
    return Depth(
        record.filled_text("s"),
        record.integer("U"),
        record.integer("u"),
        _levels(record, "b"),
        _levels(record, "a"),
    )


def _ticker(record: Record, kind: str) -> MarketEvent:
    if record.decimal("c") == Decimal(0):
        return Ignored(f"{kind} before the first trade")
    return LastPrice(record.filled_text("s"), record.price("c"))


def _nameless(record: Record, stream: str) -> MarketEvent:
    """Reads the two messages that carry no event name: best prices and partial books."""
    if "lastUpdateId" in record:
        symbol = stream.partition("@")[0].upper() or None
        last = record.integer("lastUpdateId")
        return Depth(symbol, last, last, _levels(record, "bids"), _levels(record, "asks"))
    return _best_prices(record, ("s", "b", "B", "a", "A"))


def _best_prices(record: Record, names: tuple[str, str, str, str, str]) -> BestPrices:
    symbol, bid = record.filled_text(names[0]), record.price_or_none(names[1])
    ask = record.price_or_none(names[3])
    if bid is not None and ask is not None and bid.value > ask.value:
        raise Unreadable(f"{symbol}: the best bid {bid.value} is above the best ask {ask.value}")
    return BestPrices(symbol, bid, record.quantity(names[2]), ask, record.quantity(names[4]))
