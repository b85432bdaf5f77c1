"""Rolling statistics of a symbol: 24 hours, the trading day, any window."""

from __future__ import annotations

from typing import NamedTuple

from leeward.emulator.bars import Row
from leeward.emulator.market import Market
from leeward.emulator.rejections import Json
from leeward.emulator.units import UNIT, text


class Window(NamedTuple):
    """Totals from `open_ms` to `close_ms`; `before` is the close just before it."""

    row: Row
    before: int
    open_ms: int
    close_ms: int


def window(market: Market, open_ms: int, close_ms: int) -> Window:
    """Returns the statistics of the bars that open in a window (the running one included); a
    window finer than the replayed bars holds the whole running bar."""
    bars = market.bars
    market.flush_bar()
    last = min(max(market.row, 0), bars.size - 1)
    first = min(max(0, bars.index(open_ms + bars.length_ms - 1)), last)
    row = bars.row(first, last, open_ms, close_ms)
    before = int(bars.columns["close"][first - 1]) if first else row.open
    if market.row < 0:  # nothing has traded yet
        price = market.last_price
        row = Row(open_ms, close_ms, price, price, price, price, 0, 0, 0, 0, 0)
        before = price
    return Window(row, before, open_ms, close_ms)


def percent(change: int, base: int) -> str:
    """Returns a change in percent with three decimals.

    >>> percent(-1, 3)
    '-33.333'
    """
    thousandths = (abs(change) * 100_000 + base // 2) // base if base else 0
    sign = "-" if change < 0 and thousandths else ""
    return f"{sign}{thousandths // 1000}.{thousandths % 1000:03d}"


def weighted(row: Row) -> int:
    """Returns the volume-weighted price of a bar, its close without volume."""
    return row.quote * UNIT // row.volume if row.volume else row.close


def statistics(market: Market, found: Window, *, mini: bool) -> Json:
    """Returns the FULL or MINI form that trading-day and window tickers share."""
    row = found.row
    answer: Json = {"symbol": market.rules.symbol}
    if not mini:
        answer |= {
            "priceChange": text(row.close - row.open),
            "priceChangePercent": percent(row.close - row.open, row.open),
            "weightedAvgPrice": text(weighted(row)),
        }
    return answer | {
        "openPrice": text(row.open),
        "highPrice": text(row.high),
        "lowPrice": text(row.low),
        "lastPrice": text(row.close),
        "volume": text(row.volume),
        "quoteVolume": text(row.quote),
        "openTime": found.open_ms,
        "closeTime": found.close_ms,
        "firstId": row.first_id,
        "lastId": row.last_id,
        "count": row.trades,
    }


def best(market: Market) -> tuple[str, str, str, str]:
    """Returns best bid price and quantity, best ask price and quantity."""
    found = []
    for side in ("BUY", "SELL"):
        price, quantity = next(iter(levels(market, side, 1)), (0, 0))
        found += [text(price), text(quantity)]
    return found[0], found[1], found[2], found[3]


def levels(market: Market, side: str, limit: int) -> list[tuple[int, int]]:
    """Returns the book's side, best first: what is displayed and accounts' orders together."""
    shown = dict(market.book.side(side, limit))
    for order in market.resting.values():
        if order.side == side:
            visible = min(order.iceberg or order.remaining, order.remaining)
            shown[order.price] = shown.get(order.price, 0) + visible
    return sorted(shown.items(), reverse=side == "BUY")[:limit]


def day_ticker(market: Market, found: Window) -> Json:
    """Returns the FULL form of the 24 hour ticker."""
    row = found.row
    bid, bid_qty, ask, ask_qty = best(market)
    return {
        "symbol": market.rules.symbol,
        "priceChange": text(row.close - row.open),
        "priceChangePercent": percent(row.close - row.open, row.open),
        "weightedAvgPrice": text(weighted(row)),
        "prevClosePrice": text(found.before),
        "lastPrice": text(row.close),
        "lastQty": text(market.last_qty),
        "bidPrice": bid,
        "bidQty": bid_qty,
        "askPrice": ask,
        "askQty": ask_qty,
        "openPrice": text(row.open),
        "highPrice": text(row.high),
        "lowPrice": text(row.low),
        "volume": text(row.volume),
        "quoteVolume": text(row.quote),
        "openTime": found.open_ms,
        "closeTime": found.close_ms,
        "firstId": row.first_id,
        "lastId": row.last_id,
        "count": row.trades,
    }


def ticker_event(market: Market, found: Window, now_ms: int) -> Json:
    """Returns the 24hrTicker event."""
    row = found.row
    bid, bid_qty, ask, ask_qty = best(market)
    return {
        "e": "24hrTicker",
        "E": now_ms,
        "s": market.rules.symbol,
        "p": text(row.close - row.open),
        "P": percent(row.close - row.open, row.open),
        "w": text(weighted(row)),
        "x": text(found.before),
        "c": text(row.close),
        "Q": text(market.last_qty),
        "b": bid,
        "B": bid_qty,
        "a": ask,
        "A": ask_qty,
        **_event_tail(found),
    }


def window_event(market: Market, found: Window, name: str, now_ms: int) -> Json:
    """Returns the event of a rolling window ticker, `name` such as 1h."""
    row = found.row
    tail = _event_tail(found)
    return {
        "e": f"{name}Ticker",
        "E": now_ms,
        "s": market.rules.symbol,
        "p": text(row.close - row.open),
        "P": percent(row.close - row.open, row.open),
        **{key: tail[key] for key in ("o", "h", "l")},
        "c": text(row.close),
        "w": text(weighted(row)),
        **{key: value for key, value in tail.items() if key not in {"o", "h", "l"}},
    }


def _event_tail(found: Window) -> Json:
    row = found.row
    return {
        "o": text(row.open),
        "h": text(row.high),
        "l": text(row.low),
        "v": text(row.volume),
        "q": text(row.quote),
        "O": found.open_ms,
        "C": found.close_ms,
        "F": row.first_id,
        "L": row.last_id,
        "n": row.trades,
    }


def mini_event(market: Market, found: Window, now_ms: int) -> Json:
    """Returns the 24hrMiniTicker event."""
    row = found.row
    return {
        "e": "24hrMiniTicker",
        "E": now_ms,
        "s": market.rules.symbol,
        "c": text(row.close),
        "o": text(row.open),
        "h": text(row.high),
        "l": text(row.low),
        "v": text(row.volume),
        "q": text(row.quote),
    }
