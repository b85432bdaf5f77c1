"""What a venue offers a trader: the real exchange, the emulator and paper trading alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from leeward.domain.answers import Asked, Outcome, Replacement
from leeward.domain.candle import Candle
from leeward.domain.money import Price, Quantity
from leeward.domain.order_requests import OcoRequest, OrderRequest, TriggerRequest
from leeward.domain.orders import AmendReport, Balance, Fill, OrderListReport, OrderReport
from leeward.domain.rules import SymbolRules
from leeward.domain.timeframe import Timeframe
from leeward.venues.governor import Lane


class Venue(Protocol):
    """Asks and sends. Nothing here raises for what an exchange or a network does: every such thing
    is an answer (`leeward.domain.answers`), and every call ends within a bounded time."""

    async def server_time_ms(self) -> Asked[int]: ...

    async def rules(self, symbols: Sequence[str]) -> Asked[dict[str, SymbolRules]]:
        """Returns the rules of each symbol, of all where none is named."""
        ...

    async def candles(
        self, symbol: str, timeframe: Timeframe, start_ms: int, end_ms: int
    ) -> Asked[tuple[Candle, ...]]:
        """Returns the closed candles that open in [start_ms, end_ms), oldest first, as many as one
        request brings."""
        ...

    async def last_price(self, symbol: str) -> Asked[Price]: ...

    async def balances(self) -> Asked[tuple[Balance, ...]]:
        """Returns the balances that are not zero."""
        ...

    async def place(self, request: OrderRequest, lane: Lane) -> Outcome[OrderReport]: ...

    async def place_oco(self, request: OcoRequest, lane: Lane) -> Outcome[OrderListReport]: ...

    async def place_trigger(
        self, request: TriggerRequest, lane: Lane
    ) -> Outcome[OrderListReport]: ...

    async def cancel(
        self, symbol: str, client_order_id: str, lane: Lane
    ) -> Outcome[OrderReport | OrderListReport]:
        """Cancels an order; where it is part of a list, the whole list."""
        ...

    async def cancel_list(
        self, symbol: str, client_list_id: str, lane: Lane
    ) -> Outcome[OrderListReport]: ...

    async def cancel_all(
        self, symbol: str, lane: Lane
    ) -> Outcome[tuple[OrderReport | OrderListReport, ...]]: ...

    async def replace(
        self, client_order_id: str, request: OrderRequest, lane: Lane
    ) -> Outcome[Replacement[OrderReport | OrderListReport]]:
        """Cancels one order and places another; places nothing where the cancel fails."""
        ...

    async def amend(
        self, symbol: str, client_order_id: str, quantity: Quantity, new_client_order_id: str
    ) -> Outcome[AmendReport]:
        """Lowers the quantity of an open order, which keeps its place in the book."""
        ...

    async def order(self, symbol: str, client_order_id: str) -> Asked[OrderReport]: ...

    async def order_behind(self, symbol: str, order_id: int) -> Asked[OrderReport]:
        """Returns the order that a trade names: it says whose the trade is."""
        ...

    async def open_orders(self, symbol: str | None) -> Asked[tuple[OrderReport, ...]]: ...

    async def order_list(self, client_list_id: str) -> Asked[OrderListReport]: ...

    async def open_order_lists(self) -> Asked[tuple[OrderListReport, ...]]: ...

    async def trades(self, symbol: str, from_id: int) -> Asked[tuple[Fill, ...]]:
        """Returns own fills with trade ids from `from_id` on, oldest first, as many as one request
        brings."""
        ...

    async def order_trades(self, symbol: str, order_id: int) -> Asked[tuple[Fill, ...]]: ...
