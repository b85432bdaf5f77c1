"""The exchange: every order, balance and price of a session, advanced by hand.

Synchronous and deterministic: no clock, no socket, no thread. The same seed, candles and calls
give the same answers, events and log hash, in any process. A caller advances time, asks, and
drains `outbox` after every call. Money and quantities come in as Decimal; answers are JSON-ready
dicts in the field order of the exchange's documentation, times in ms. What the exchange refuses
raises `Rejection`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from leeward.domain.candles import Candles
from leeward.emulator.account_data import AccountData
from leeward.emulator.floor import Floor
from leeward.emulator.market_data import MarketData
from leeward.emulator.options import Options
from leeward.emulator.rejections import Json
from leeward.emulator.requests import (
    AmendRequest,
    CancelRequest,
    Emitted,
    ListRequest,
    OrderRequest,
    ReplaceRequest,
)
from leeward.emulator.symbols import SymbolRules
from leeward.emulator.truth import Truth


class Exchange(MarketData, AccountData, Truth):
    """One session. `candles` are the finest known of each symbol: bars that end by `start_ms` are
    history, later ones are replayed tick by tick. Larger intervals, tickers and the book follow
    from the same ticks. Answers of market data are in `MarketData`, of accounts in `AccountData`,
    what an administrator may do in `Truth`."""

    def __init__(
        self,
        rules: Sequence[SymbolRules],
        candles: Mapping[str, Candles],
        seed: int,
        start_ms: int,
        options: Options | None = None,
    ) -> None:
        self._floor = Floor(rules, candles, seed, start_ms, options or Options())

    @property
    def time_us(self) -> int:
        """The exchange's time in microseconds since the epoch."""
        raise NotImplementedError

    def next_event_us(self) -> int | None:
        """Returns when something happens next by itself; None when all candles are replayed."""
        raise NotImplementedError

    def advance(self, until_us: int) -> int:
        """Processes every event up to and including `until_us`, in order, then sets the time to
        it; an earlier time changes nothing. Returns the number of events."""
        raise NotImplementedError

    @property
    def outbox(self) -> list[Emitted]:
        """Messages since the last drain, in order."""
        raise NotImplementedError

    def drain(self) -> list[Emitted]:
        """Returns the messages since the last drain and forgets them."""
        raise NotImplementedError

    def watch(self, stream: str) -> bool:
        """Starts messages of a market stream ("btcusdt@kline_1m", "!miniTicker@arr"); user events
        are always sent. Returns False for a name that never sends anything."""
        raise NotImplementedError

    def unwatch(self, stream: str) -> None:
        """Stops messages of a market stream."""
        raise NotImplementedError

    def place(self, account: str, request: OrderRequest) -> Json:
        """Returns the ACK, RESULT or FULL answer of a new order."""
        raise NotImplementedError

    def test_order(self, account: str, request: OrderRequest, *, rates: bool = False) -> Json:
        """Returns `{}` (or the commission rates) for an order that would pass, without placing."""
        raise NotImplementedError

    def cancel(self, account: str, request: CancelRequest) -> Json:
        """Returns the cancelled order; for a leg of a list, the whole cancelled list."""
        raise NotImplementedError

    def cancel_open_orders(self, account: str, symbol: str) -> list[Json]:
        """Returns every cancelled order and list of the symbol; refuses (-2011) where none is."""
        raise NotImplementedError

    def cancel_replace(self, account: str, request: ReplaceRequest) -> Json:
        """Returns both answers; a failure raises -2021 (409) or -2022 (400) with `data`."""
        raise NotImplementedError

    def amend(self, account: str, request: AmendRequest) -> Json:
        """Returns the amended order, which keeps its place in the queue."""
        raise NotImplementedError

    def place_list(self, account: str, request: ListRequest) -> Json:
        """Returns the list with its order reports."""
        raise NotImplementedError

    def cancel_list(
        self,
        account: str,
        symbol: str,
        *,
        list_id: int | None = None,
        list_client_order_id: str | None = None,
        new_client_order_id: str | None = None,
    ) -> Json:
        """Returns the cancelled list with its order reports."""
        raise NotImplementedError
