"""Public market data of the exchange, as its documentation shows it."""

from __future__ import annotations

from collections.abc import Sequence

from leeward.emulator.floor import Floor
from leeward.emulator.rejections import Json
from leeward.emulator.requests import EVERYTHING, Page


class MarketData:
    """Answers about prices and symbols. Unknown symbols are refused with -1121, intervals with
    -1120. Times are ms; `symbols` None means all."""

    _floor: Floor

    def exchange_info(
        self, symbols: Sequence[str] | None = None, status: str | None = None
    ) -> Json:
        """Returns exchangeInfo of those symbols."""
        raise NotImplementedError

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
        raise NotImplementedError

    def depth(self, symbol: str, limit: int = 100) -> Json:
        """Returns the book with its last update id."""
        raise NotImplementedError

    def trades(self, symbol: str, limit: int = 500, from_id: int | None = None) -> list[Json]:
        """Returns the newest trades, or those from `from_id` on."""
        raise NotImplementedError

    def agg_trades(
        self,
        symbol: str,
        page: Page = EVERYTHING,
    ) -> list[Json]:
        """Returns aggregate trades, oldest first; one tick of the replay is one aggregate."""
        raise NotImplementedError

    def avg_price(self, symbol: str) -> Json:
        """Returns the volume-weighted price of the last five minutes."""
        raise NotImplementedError

    def ticker_24hr(
        self, symbols: Sequence[str] | None = None, *, mini: bool = False
    ) -> list[Json]:
        """Returns 24 hour statistics, one object a symbol."""
        raise NotImplementedError

    def ticker_trading_day(
        self, symbols: Sequence[str], *, offset_ms: int = 0, mini: bool = False
    ) -> list[Json]:
        """Returns statistics of the calendar day."""
        raise NotImplementedError

    def ticker_window(
        self, symbols: Sequence[str], window: str, *, mini: bool = False
    ) -> list[Json]:
        """Returns statistics of a rolling window such as 1m, 4h, 7d."""
        raise NotImplementedError

    def ticker_price(self, symbols: Sequence[str] | None = None) -> list[Json]:
        """Returns last prices."""
        raise NotImplementedError

    def ticker_book(self, symbols: Sequence[str] | None = None) -> list[Json]:
        """Returns best bids and asks."""
        raise NotImplementedError

    def execution_rules(self, symbols: Sequence[str] | None = None) -> Json:
        """Returns the price range rules (none)."""
        raise NotImplementedError

    def reference_price(self, symbol: str) -> Json:
        """Refuses with -2043: no symbol here has a reference price."""
        raise NotImplementedError
