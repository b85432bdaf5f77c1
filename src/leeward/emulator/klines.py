"""Bars of any interval: rows for queries, the kline event."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import takewhile

from leeward.emulator.bars import INTERVALS, Row, bin_close, bin_open
from leeward.emulator.market import Market, Trade
from leeward.emulator.rejections import Json
from leeward.emulator.units import text


def bar_at(market: Market, interval: str, open_ms: int, offset_ms: int = 0) -> Row:
    """Returns the bar of `interval` that opens at `open_ms`, as far as it has traded."""
    bars = market.bars
    if market.prepared and interval == bars.interval and open_ms == bars.open_ms(market.row):
        return market.running()
    market.flush_bar()
    close_ms = bin_close(open_ms, interval, offset_ms)
    if _is_fine(market, interval):
        newest = takewhile(lambda trade: trade.time_ms >= open_ms, reversed(market.trades))
        trades = [trade for trade in newest if trade.time_ms <= close_ms][::-1]
        return _from_trades(market, trades, open_ms, close_ms)
    return _from_grid(market, open_ms, close_ms)


def _is_fine(market: Market, interval: str) -> bool:
    """Returns whether an interval is finer than the replayed bars."""
    return 0 < INTERVALS[interval] < market.bars.length_ms


def _from_grid(market: Market, open_ms: int, close_ms: int) -> Row:
    bars = market.bars
    first = max(0, bars.index(open_ms))
    last = min(bars.index(close_ms), market.row)
    if last < first:
        price = market.last_price
        return Row(open_ms, close_ms, price, price, price, price, 0, 0, 0, 0, 0)
    return bars.row(first, last, open_ms, close_ms)


def _from_trades(market: Market, trades: list[Trade], open_ms: int, close_ms: int) -> Row:
    """Returns a bar finer than the replayed ones from its trades; before the oldest trade still
    kept, and without trades, it is flat."""
    if not trades:
        price = _price_before(market, open_ms)
        return Row(open_ms, close_ms, price, price, price, price, 0, 0, 0, 0, 0)
    prices = [trade.price for trade in trades]
    taken = [trade for trade in trades if not trade.buyer_maker]
    return Row(
        open_ms,
        close_ms,
        prices[0],
        max(prices),
        min(prices),
        prices[-1],
        sum(trade.qty for trade in trades),
        sum(trade.quote for trade in trades),
        len(trades),
        sum(trade.qty for trade in taken),
        sum(trade.quote for trade in taken),
        trades[0].trade_id,
        trades[-1].trade_id,
    )


def _price_before(market: Market, time_ms: int) -> int:
    oldest = market.trades[0].time_ms if market.trades else time_ms
    if oldest < time_ms:
        return next(trade.price for trade in reversed(market.trades) if trade.time_ms < time_ms)
    bars = market.bars
    row = min(max(0, bars.index(time_ms) - 1), bars.size - 1)
    return int(bars.columns["close"][row])


def rows(
    market: Market, interval: str, now_ms: int, *, span: tuple[int | None, int | None], limit: int,
    offset_ms: int = 0,
) -> list[Row]:  # fmt: skip
    """Returns up to `limit` bars whose open time lies in `span`, the running bar last."""
    start_ms, end_ms = span
    running = bin_open(now_ms, interval, offset_ms)
    oldest = bin_open(market.bars.start_ms, interval, offset_ms)
    if not market.prepared and market.row < 0:
        return []
    newest_row = market.bars.open_ms(max(market.row, 0))
    running = min(running, bin_open(newest_row + market.bars.length_ms - 1, interval, offset_ms))
    last = running if end_ms is None else min(running, bin_open(end_ms, interval, offset_ms))
    if start_ms is None:
        opens = _backward(last, oldest, interval, limit, offset_ms)
    else:
        first = bin_open(start_ms, interval, offset_ms)
        if first < start_ms:
            first = bin_close(first, interval, offset_ms) + 1
        opens = _forward((max(first, oldest), last), interval, limit, offset_ms)
    market.flush_bar()
    ends = [(open_ms, bin_close(open_ms, interval, offset_ms)) for open_ms in opens]
    if not _is_fine(market, interval):
        return [_from_grid(market, open_ms, close_ms) for open_ms, close_ms in ends]
    trades = list(market.trades)
    times = [trade.time_ms for trade in trades]
    return [
        _from_trades(market, trades[bisect_left(times, a) : bisect_right(times, b)], a, b)
        for a, b in ends
    ]


def _backward(last: int, oldest: int, interval: str, limit: int, offset_ms: int) -> list[int]:
    opens: list[int] = []
    while last >= oldest and len(opens) < limit:
        opens.append(last)
        last = bin_open(last - 1, interval, offset_ms)
    return opens[::-1]


def _forward(span: tuple[int, int], interval: str, limit: int, offset_ms: int) -> list[int]:
    first, last = span
    opens: list[int] = []
    while first <= last and len(opens) < limit:
        opens.append(first)
        first = bin_close(first, interval, offset_ms) + 1
    return opens


def as_row(bar: Row) -> list[object]:
    """Returns a bar as the twelve values of a klines answer."""
    return [
        bar.open_ms,
        text(bar.open),
        text(bar.high),
        text(bar.low),
        text(bar.close),
        text(bar.volume),
        bar.close_ms,
        text(bar.quote),
        bar.trades,
        text(bar.taker),
        text(bar.taker_quote),
        "0",
    ]


def as_event(symbol: str, interval: str, bar: Row, now_ms: int, *, final: bool) -> Json:
    """Returns the kline event of a bar; `final` is its x."""
    return {
        "e": "kline",
        "E": now_ms,
        "s": symbol,
        "k": {
            "t": bar.open_ms,
            "T": bar.close_ms,
            "s": symbol,
            "i": interval,
            "f": bar.first_id,
            "L": bar.last_id,
            "o": text(bar.open),
            "c": text(bar.close),
            "h": text(bar.high),
            "l": text(bar.low),
            "v": text(bar.volume),
            "n": bar.trades,
            "x": final,
            "q": text(bar.quote),
            "V": text(bar.taker),
            "Q": text(bar.taker_quote),
            "B": "0",
        },
    }
