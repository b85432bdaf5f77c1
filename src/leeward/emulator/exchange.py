"""The exchange: every order, balance and price of a session, advanced by hand.

Synchronous and deterministic: no clock, no socket, no thread. The same seed, candles and calls
give the same answers, events and log hash, in any process. A caller advances time, asks, and
drains `outbox` after every call. Money and quantities come in as Decimal; answers are JSON-ready
dicts in the field order of the exchange's documentation, times in ms. What the exchange refuses
raises `Rejection`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from leeward.domain.candles import Candles
from leeward.emulator import order_lists, passage, trading
from leeward.emulator.account_data import AccountData
from leeward.emulator.accounts import Account
from leeward.emulator.floor import Floor
from leeward.emulator.frames import Wire
from leeward.emulator.market_data import MarketData
from leeward.emulator.options import Options
from leeward.emulator.rejections import Json, Rejection
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

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


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
        self._wire = Wire()
        passage.advance(self._floor, self._wire, start_ms * 1000)

    @property
    def time_us(self) -> int:
        """The exchange's time in microseconds since the epoch."""
        return self._floor.time_us

    def next_event_us(self) -> int | None:
        """Returns when something happens next by itself; None when all candles are replayed."""
        return self._floor.queue[0][0] if self._floor.queue else None

    def advance(self, until_us: int) -> int:
        """Processes every event up to and including `until_us`, in order, then sets the time to
        it; an earlier time changes nothing. Returns the number of events."""
        return passage.advance(self._floor, self._wire, until_us)

    @property
    def outbox(self) -> list[Emitted]:
        """Messages since the last drain, in order."""
        return self._floor.outbox

    def drain(self) -> list[Emitted]:
        """Returns the messages since the last drain and forgets them."""
        found, self._floor.outbox = self._floor.outbox, []
        return found

    def watch(self, stream: str) -> bool:
        """Starts messages of a market stream ("btcusdt@kline_1m", "!miniTicker@arr"); user events
        are always sent. Returns False for a name that never sends anything."""
        return self._wire.watch(self._floor, stream)

    def unwatch(self, stream: str) -> None:
        """Stops messages of a market stream."""
        self._wire.unwatch(stream)

    def place(self, account: str, request: OrderRequest) -> Json:
        """Returns the ACK, RESULT or FULL answer of a new order."""
        return self._call(account, request, trading.place)

    def test_order(self, account: str, request: OrderRequest, *, rates: bool = False) -> Json:
        """Returns `{}` (or the commission rates) for an order that would pass, without placing."""

        def check(floor: Floor, holder: Account, asked: OrderRequest) -> Json:
            trading.test(floor, holder, asked)
            return trading.order_rates(holder) if rates else {}

        return self._call(account, request, check)

    def cancel(self, account: str, request: CancelRequest) -> Json:
        """Returns the cancelled order; for a leg of a list, the whole cancelled list."""
        return self._call(account, request, trading.cancel)

    def cancel_open_orders(self, account: str, symbol: str) -> list[Json]:
        """Returns every cancelled order and list of the symbol; refuses (-2011) where none is."""
        return self._call(account, symbol, trading.cancel_all)

    def cancel_replace(self, account: str, request: ReplaceRequest) -> Json:
        """Returns both answers; a failure raises -2021 (409) or -2022 (400) with `data`."""
        return self._call(account, request, trading.cancel_replace)

    def amend(self, account: str, request: AmendRequest) -> Json:
        """Returns the amended order, which keeps its place in the queue."""
        return self._call(account, request, trading.amend)

    def place_list(self, account: str, request: ListRequest) -> Json:
        """Returns the list with its order reports."""
        return self._call(account, request, order_lists.place_list)

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
        ids = (list_id, list_client_order_id)
        asked = (symbol, ids, new_client_order_id)
        return self._call(account, asked, _cancel_list)

    def _call(
        self, account: str, request: Asked, work: Callable[[Floor, Account, Asked], Answer]
    ) -> Answer:
        """Does one request: its log line, the work, the balances afterwards, or the refusal."""
        floor = self._floor
        holder = floor.account(account)
        floor.log.write(f"R|{floor.time_us}|{account}|{work.__name__}|{request}")
        try:
            return work(floor, holder, request)
        except Rejection as refusal:
            floor.log.write(f"X|{refusal.code}|{refusal.msg}")
            raise
        finally:
            floor.end_burst()
            for symbol in floor.markets:
                self._wire.book_moved(floor, floor.markets[symbol])


def _cancel_list(
    floor: Floor, account: Account, asked: tuple[str, tuple[int | None, str | None], str | None]
) -> Json:
    symbol, ids, cancel_id = asked
    return order_lists.cancel_list(floor, account, symbol, ids, cancel_id)
