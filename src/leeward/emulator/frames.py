"""Messages of the market streams that somebody watches, at the exchange's pace.

Trades and best prices go out at once; klines, depth and tickers at most once per interval and
only when something changed, on a grid of whole intervals. Nothing here changes the market.
"""

from __future__ import annotations

import re
from typing import Final

from leeward.emulator import klines, tickers
from leeward.emulator.bars import INTERVALS, Row, bin_close, bin_open
from leeward.emulator.floor import TIMER, Floor
from leeward.emulator.market import Market, Trade
from leeward.emulator.rejections import Json
from leeward.emulator.units import text

_NAME: Final = re.compile(
    r"(?P<symbol>[^@!]+)@(?P<kind>trade|aggTrade|bookTicker|ticker|miniTicker|avgPrice|"
    r"kline_(?P<interval>\w+?)(?:@(?P<zone>[+-]\d\d?:\d\d))?|ticker_(?P<window>1h|4h|1d)|"
    r"depth(?P<levels>5|10|20)?(?P<fast>@100ms|@1000ms)?)"
)
_ALL: Final = re.compile(r"!(?P<kind>miniTicker|ticker_(?P<window>1h|4h|1d))@arr")
WINDOWS: Final = {"1h": 3_600_000, "4h": 14_400_000, "1d": 86_400_000}
_SECOND: Final = 1_000_000
_CLOSE_DELAY_US: Final = 40_000
_MOST_LEVELS: Final = 5000


class Stream:
    """One watched stream. `pending` while a timer is set for it; `shown` and `update_id` are the
    book it last told, `recheck` prices that a snapshot told since."""

    def __init__(self, name: str, kind: str, symbol: str, pace_us: int) -> None:
        self.name = name
        self.kind = kind
        self.symbol = symbol
        self.pace_us = pace_us
        self.interval = ""
        self.offset_ms = 0
        self.levels = 0
        self.pending = False
        self.changed = False
        self.due_us = 0
        self.shown: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self.recheck: tuple[set[int], set[int]] = (set(), set())
        self.update_id = 0
        self.best: tuple[str, str, str, str] | None = None


def parse(name: str) -> Stream | None:
    """Returns the stream of that name, None for one that never sends anything here."""
    if found := _ALL.fullmatch(name):
        stream = Stream(name, "window" if found["window"] else "miniTicker", "", _SECOND)
        stream.interval = found["window"] or ""
        return stream
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    kind, symbol = found["kind"], found["symbol"].upper()
    if found["interval"]:
        if found["interval"] not in INTERVALS:
            return None
        pace = _SECOND if found["interval"] == "1s" else 2 * _SECOND
        stream = Stream(name, "kline", symbol, pace)
        stream.interval, stream.offset_ms = found["interval"], zone_ms(found["zone"])
        return stream
    if kind.startswith("depth"):
        pace = _SECOND // 10 if found["fast"] == "@100ms" else _SECOND
        stream = Stream(name, "partial" if found["levels"] else "depth", symbol, pace)
        stream.levels = int(found["levels"] or _MOST_LEVELS)
        return stream
    stream = Stream(name, "window" if found["window"] else kind, symbol, _SECOND)
    stream.interval = found["window"] or ""
    return stream


def zone_ms(zone: str | None) -> int:
    """Returns a time zone such as +08:00, -1:00 or 5 in milliseconds.

    >>> zone_ms("-1:30")
    -5400000
    """
    if not zone:
        return 0
    sign = -1 if zone.startswith("-") else 1
    hours, _, minutes = zone.lstrip("+-").partition(":")
    return sign * (int(hours) * 60 + int(minutes or 0)) * 60_000


class Wire:
    """The watched streams of a session, by symbol."""

    def __init__(self) -> None:
        self.streams: dict[str, Stream] = {}
        self.by_symbol: dict[str, list[Stream]] = {}
        self.told: dict[str, int] = {}

    def watch(self, floor: Floor, name: str) -> bool:
        """Starts a stream; False where it will never send anything."""
        if name in self.streams:
            return True
        stream = parse(name)
        if stream is None or (stream.symbol and stream.symbol not in floor.markets):
            return False
        self.streams[name] = stream
        for symbol in [stream.symbol] if stream.symbol else floor.markets:
            self.by_symbol.setdefault(symbol, []).append(stream)
        if stream.kind == "depth":
            market = floor.markets[stream.symbol]
            stream.shown, stream.update_id = _book(market, stream), market.book.update_id
        if _is_fine(floor, stream):
            self._schedule_fine(floor, stream)
        return True

    def unwatch(self, name: str) -> None:
        stream = self.streams.pop(name, None)
        for listed in self.by_symbol.values():
            if stream in listed:
                listed.remove(stream)

    def changed(self, floor: Floor, market: Market, trade: Trade | None) -> None:
        """Tells what goes out at once and sets timers for the rest; `trade` is None where only
        the book changed."""
        for stream in self.by_symbol.get(market.rules.symbol, ()):
            if stream.kind == "trade":
                if trade is not None:
                    floor.emit_market(stream.name, _trade(market, trade, floor.now_ms))
            elif stream.kind == "aggTrade":
                if trade is not None:
                    floor.emit_market(stream.name, _agg_trade(market, trade, floor.now_ms))
            elif stream.kind == "bookTicker":
                _book_ticker(floor, market, stream)
            elif not stream.pending and (trade is not None or stream.kind in {"depth", "partial"}):
                stream.pending = True
                due = (floor.time_us // stream.pace_us + 1) * stream.pace_us
                floor.schedule(due, TIMER, stream.name)

    def book_moved(self, floor: Floor, market: Market) -> None:
        """Tells of orders that changed the book since the last tick or call."""
        streams = self.by_symbol.get(market.rules.symbol)
        if streams and self.told.get(market.rules.symbol) != market.book.update_id:
            self.told[market.rules.symbol] = market.book.update_id
            self.changed(floor, market, None)

    def timer(self, floor: Floor, name: str) -> None:
        """Sends what a timer was set for."""
        stream = self.streams.get(name)
        if stream is None:
            return
        if stream.due_us and floor.time_us >= stream.due_us:
            self._close_fine(floor, stream)
        if not stream.pending or floor.time_us % stream.pace_us:
            return
        stream.pending = False
        if stream.symbol:
            payload = _throttled(floor, floor.markets[stream.symbol], stream)
            if payload is not None:
                floor.emit_market(name, payload)
        else:
            floor.emit_market(name, [
                payload for market in floor.markets.values()
                if (payload := _throttled(floor, market, stream)) is not None
            ])  # fmt: skip

    def closed(self, floor: Floor, market: Market, bar: Row) -> None:
        """Sends the final kline of every interval that ended with this bar, shortest first."""
        ended = []
        for stream in self.by_symbol.get(market.rules.symbol, ()):
            if stream.kind != "kline" or _is_fine(floor, stream):
                continue
            open_ms = bin_open(bar.open_ms, stream.interval, stream.offset_ms)
            close_ms = bin_close(open_ms, stream.interval, stream.offset_ms)
            if close_ms <= bar.close_ms:
                ended.append((close_ms - open_ms, open_ms, stream))
        for _, open_ms, stream in sorted(ended, key=lambda entry: entry[:2]):
            if stream.interval == market.bars.interval and not stream.offset_ms:
                whole = bar
            else:
                whole = klines.bar_at(market, stream.interval, open_ms, stream.offset_ms)
            event = klines.as_event(
                market.rules.symbol, stream.interval, whole, floor.now_ms, final=True
            )
            floor.emit_market(stream.name, event)

    def seen(self, symbol: str, bids: list[int], asks: list[int]) -> None:
        """Notes the prices of a snapshot, so that the next difference settles each of them."""
        for stream in self.by_symbol.get(symbol, ()):
            if stream.kind == "depth":
                stream.recheck[0].update(bids)
                stream.recheck[1].update(asks)

    def _schedule_fine(self, floor: Floor, stream: Stream) -> None:
        open_ms = bin_open(floor.now_ms, stream.interval, stream.offset_ms)
        if stream.due_us:
            open_ms = bin_open(stream.due_us // 1000, stream.interval, stream.offset_ms)
        close_ms = bin_close(open_ms, stream.interval, stream.offset_ms)
        stream.due_us = (close_ms + 1) * 1000 + _CLOSE_DELAY_US
        floor.schedule(stream.due_us, TIMER, stream.name)

    def _close_fine(self, floor: Floor, stream: Stream) -> None:
        """Sends the final kline of an interval finer than the replayed bars, and waits for the
        next one while there is anything to replay."""
        market = floor.markets[stream.symbol]
        end_ms = (stream.due_us - _CLOSE_DELAY_US) // 1000 - 1
        bar = klines.bar_at(
            market, stream.interval, bin_open(end_ms, stream.interval, stream.offset_ms)
        )
        event = klines.as_event(stream.symbol, stream.interval, bar, floor.now_ms, final=True)
        floor.emit_market(stream.name, event)
        if not market.ended or market.prepared:
            self._schedule_fine(floor, stream)


def _is_fine(floor: Floor, stream: Stream) -> bool:
    if stream.kind != "kline":
        return False
    return 0 < INTERVALS[stream.interval] < floor.markets[stream.symbol].bars.length_ms


def _throttled(floor: Floor, market: Market, stream: Stream) -> object | None:
    """Returns the payload of a paced stream; None where there is nothing new to say."""
    now = floor.now_ms
    match stream.kind:
        case "kline":
            open_ms = bin_open(now, stream.interval, stream.offset_ms)
            bar = klines.bar_at(market, stream.interval, open_ms, stream.offset_ms)
            if not bar.trades:
                return None
            return klines.as_event(market.rules.symbol, stream.interval, bar, now, final=False)
        case "depth":
            return _difference(market, stream, now)
        case "partial":
            return snapshot(market, stream.levels)
        case "avgPrice":
            return average_event(market, now)
        case "miniTicker":
            found = tickers.window(market, now - WINDOWS["1d"], now)
            return tickers.mini_event(market, found, now)
        case "window":
            found = tickers.window(market, now - WINDOWS[stream.interval], now)
            return tickers.window_event(market, found, stream.interval, now)
    return tickers.ticker_event(market, tickers.window(market, now - WINDOWS["1d"], now), now)


def average_event(market: Market, now_ms: int) -> Json:
    """Returns the avgPrice event."""
    last = market.trades[-1].time_ms if market.trades else now_ms
    return {
        "e": "avgPrice",
        "E": now_ms,
        "s": market.rules.symbol,
        "i": "5m",
        "w": text(market.average(5, now_ms)),
        "T": last,
    }


def _trade(market: Market, trade: Trade, now_ms: int) -> Json:
    return {
        "e": "trade",
        "E": now_ms,
        "s": market.rules.symbol,
        "t": trade.trade_id,
        "p": text(trade.price),
        "q": text(trade.qty),
        "T": trade.time_ms,
        "m": trade.buyer_maker,
        "M": True,
    }


def _agg_trade(market: Market, trade: Trade, now_ms: int) -> Json:
    return {"e": "aggTrade", "E": now_ms, "s": market.rules.symbol} | agg_trade(trade)


def agg_trade(trade: Trade) -> Json:
    """Returns a trade as an aggregate of one."""
    return {
        "a": trade.agg_id,
        "p": text(trade.price),
        "q": text(trade.qty),
        "f": trade.trade_id,
        "l": trade.trade_id,
        "T": trade.time_ms,
        "m": trade.buyer_maker,
        "M": True,
    }


def _book_ticker(floor: Floor, market: Market, stream: Stream) -> None:
    best = tickers.best(market)
    if best == stream.best:
        return
    stream.best = best
    payload: Json = {"u": market.book.update_id, "s": market.rules.symbol}
    floor.emit_market(stream.name, payload | dict(zip("bBaA", best, strict=True)))


def snapshot(market: Market, limit: int) -> Json:
    """Returns the book as REST and the partial streams show it."""
    bids, asks = (
        [[text(price), text(quantity)] for price, quantity in tickers.levels(market, side, limit)]
        for side in ("BUY", "SELL")
    )
    return {"lastUpdateId": market.book.update_id, "bids": bids, "asks": asks}


def _book(market: Market, stream: Stream) -> tuple[dict[int, int], dict[int, int]]:
    bids, asks = (dict(tickers.levels(market, side, stream.levels)) for side in ("BUY", "SELL"))
    return bids, asks


def _difference(market: Market, stream: Stream, now_ms: int) -> Json | None:
    """Returns the depthUpdate from what the stream last told to the book of now."""
    book, now = market.book, _book(market, stream)
    if book.update_id == stream.update_id:
        return None
    sides = []
    for old, new, again in zip(stream.shown, now, stream.recheck, strict=True):
        prices = {price for price in old.keys() | new.keys() if old.get(price) != new.get(price)}
        rows = sorted(prices | again, reverse=old is stream.shown[0])
        sides.append([[text(price), text(new.get(price, 0))] for price in rows])
        again.clear()
    first, stream.update_id, stream.shown = stream.update_id + 1, book.update_id, now
    return {
        "e": "depthUpdate",
        "E": now_ms,
        "s": market.rules.symbol,
        "U": first,
        "u": book.update_id,
        "b": sides[0],
        "a": sides[1],
    }
