"""Public market data of the exchange, as its documentation shows it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

from leeward.emulator import klines, tickers
from leeward.emulator.bars import bin_close, bin_open
from leeward.emulator.floor import Floor
from leeward.emulator.frames import WINDOWS, Wire, agg_trade, snapshot
from leeward.emulator.market import Market, Trade
from leeward.emulator.rejections import Json, Rejection
from leeward.emulator.requests import EVERYTHING, Page
from leeward.emulator.symbols import rate_limits
from leeward.emulator.units import text

_WINDOW = re.compile(r"(\d{1,2})([mhd])")
_UNITS = {"m": (60_000, 59), "h": (3_600_000, 23), "d": (86_400_000, 7)}


class MarketData:
    """Answers about prices and symbols. Unknown symbols are refused with -1121, intervals with
    -1120. Times are ms; `symbols` None means all."""

    _floor: Floor
    _wire: Wire

    def _markets(self, symbols: Sequence[str] | None) -> list[Market]:
        if symbols is None:
            return list(self._floor.markets.values())
        return [self._floor.market(symbol) for symbol in symbols]

    def exchange_info(
        self, symbols: Sequence[str] | None = None, status: str | None = None
    ) -> Json:
        """Returns exchangeInfo of those symbols, of those in `status` where given."""
        return {
            "timezone": "UTC",
            "serverTime": self._floor.now_ms,
            "rateLimits": rate_limits(),
            "exchangeFilters": self._floor.account_filters(),
            "symbols": [
                market.rules.json()
                for market in self._markets(symbols)
                if status in {None, market.rules.status}
            ],
        }

    def symbol_status(self, symbol: str) -> str:
        """Returns TRADING, HALT, BREAK, ... of a symbol."""
        return self._floor.market(symbol).rules.status

    def klines(
        self,
        symbol: str,
        interval: str,
        *,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
        offset_ms: int = 0,
    ) -> list[list[object]]:
        """Returns rows of twelve, the running bar last; `offset_ms` is the time zone's."""
        market = self._floor.market(symbol)
        bin_open(0, interval)
        found = klines.rows(
            market, interval, self._floor.now_ms, span=(start_ms, end_ms), limit=limit,
            offset_ms=offset_ms,
        )  # fmt: skip
        return [klines.as_row(bar) for bar in found]

    def depth(self, symbol: str, limit: int = 100) -> Json:
        """Returns the book with its last update id."""
        market = self._floor.market(symbol)
        sides = [
            [price for price, _ in tickers.levels(market, side, limit)] for side in ("BUY", "SELL")
        ]
        self._wire.seen(symbol, sides[0], sides[1])
        return snapshot(market, limit)

    def trades(self, symbol: str, limit: int = 500, from_id: int | None = None) -> list[Json]:
        """Returns the newest trades, or those from `from_id` on."""
        kept = self._floor.market(symbol).trades
        if from_id is None:
            found = list(islice(reversed(kept), limit))[::-1]
        else:
            found = list(islice((t for t in kept if t.trade_id >= from_id), limit))
        return [_recent(trade) for trade in found]

    def agg_trades(self, symbol: str, page: Page = EVERYTHING) -> list[Json]:
        """Returns aggregate trades, oldest first; one tick of the replay is one aggregate."""
        kept = self._floor.market(symbol).trades
        forward = page.from_id is not None or page.start_ms is not None
        first = page.from_id or 0
        start, end = page.start_ms or 0, page.end_ms
        chosen = (
            trade
            for trade in (kept if forward else reversed(kept))
            if trade.agg_id >= first
            and trade.time_ms >= start
            and (end is None or trade.time_ms <= end)
        )
        found = list(islice(chosen, page.limit))
        return [agg_trade(trade) for trade in (found if forward else found[::-1])]

    def avg_price(self, symbol: str) -> Json:
        """Returns the volume-weighted price of the last five minutes."""
        market = self._floor.market(symbol)
        now = self._floor.now_ms
        last = market.trades[-1].time_ms if market.trades else now
        return {"mins": 5, "price": text(market.average(5, now)), "closeTime": last}

    def ticker_24hr(
        self, symbols: Sequence[str] | None = None, *, mini: bool = False
    ) -> list[Json]:
        """Returns 24 hour statistics, one object a symbol."""
        now = self._floor.now_ms
        answers = []
        for market in self._markets(symbols):
            found = tickers.window(market, now - WINDOWS["1d"], now)
            short = tickers.statistics(market, found, mini=True)
            answers.append(short if mini else tickers.day_ticker(market, found))
        return answers

    def ticker_trading_day(
        self, symbols: Sequence[str], *, offset_ms: int = 0, mini: bool = False
    ) -> list[Json]:
        """Returns statistics of the calendar day."""
        start = bin_open(self._floor.now_ms, "1d", offset_ms)
        end = bin_close(start, "1d", offset_ms)
        return [
            tickers.statistics(market, tickers.window(market, start, end), mini=mini)
            for market in self._markets(symbols)
        ]

    def ticker_window(
        self, symbols: Sequence[str], window: str = "1d", *, mini: bool = False
    ) -> list[Json]:
        """Returns statistics of a rolling window such as 1m, 4h, 7d; refuses others (-1100)."""
        found = _WINDOW.fullmatch(window)
        count = int(found[1]) if found else 0
        unit, most = _UNITS[found[2]] if found else (0, 0)
        if not 1 <= count <= most:
            raise Rejection(-1130, "Data sent for parameter 'windowSize' is not valid.")
        now = self._floor.now_ms
        start = (now - count * unit) // 60_000 * 60_000
        return [
            tickers.statistics(market, tickers.window(market, start, now), mini=mini)
            for market in self._markets(symbols)
        ]

    def ticker_price(self, symbols: Sequence[str] | None = None) -> list[Json]:
        """Returns last prices."""
        return [
            {"symbol": market.rules.symbol, "price": text(market.last_price)}
            for market in self._markets(symbols)
        ]

    def ticker_book(self, symbols: Sequence[str] | None = None) -> list[Json]:
        """Returns best bids and asks."""
        names = ("bidPrice", "bidQty", "askPrice", "askQty")
        return [
            {"symbol": market.rules.symbol, **dict(zip(names, tickers.best(market), strict=True))}
            for market in self._markets(symbols)
        ]

    def execution_rules(self, symbols: Sequence[str] | None = None) -> Json:
        """Returns the price range rules: none."""
        return {
            "symbolRules": [
                {"symbol": market.rules.symbol, "rules": []} for market in self._markets(symbols)
            ]
        }

    def reference_price(self, symbol: str) -> Json:
        """Refuses with -2043: no symbol here has a reference price."""
        self._floor.market(symbol)
        raise Rejection(-2043, "This symbol doesn't have a reference price.")


def _recent(trade: Trade) -> Json:
    return {
        "id": trade.trade_id,
        "price": text(trade.price),
        "qty": text(trade.qty),
        "quoteQty": text(trade.quote),
        "time": trade.time_ms,
        "isBuyerMaker": trade.buyer_maker,
        "isBestMatch": True,
    }
