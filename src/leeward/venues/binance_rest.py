"""Binance spot over REST: one method a question or an order."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from leeward.domain.answers import Asked, Found, Outcome, Replacement
from leeward.domain.candle import Candle
from leeward.domain.money import Price, Quantity
from leeward.domain.order_requests import OcoRequest, OrderRequest, TriggerRequest
from leeward.domain.orders import AmendReport, Balance, Fill, OrderListReport, OrderReport
from leeward.domain.rules import SymbolRules
from leeward.domain.timeframe import Timeframe
from leeward.venues import binance_codec_market as market
from leeward.venues import binance_codec_orders as orders
from leeward.venues import binance_codec_requests as requests
from leeward.venues import binance_codec_rules as rule_codec
from leeward.venues.binance_http import BinanceHttp, Call
from leeward.venues.binance_replies import Reader, T, asked_of, outcome_of, replacement_of
from leeward.venues.governor import Lane

_MOST_CANDLES = 1000
_MOST_TRADES = 1000
_HEADER_SUFFIX = {10: "10S", 86_400: "1D"}


@dataclass
class BinanceRest:
    """A `leeward.venues.venue.Venue` on Binance spot, its testnet, its demo or the emulator."""

    http: BinanceHttp

    async def aclose(self) -> None:
        await self.http.aclose()

    # Public data.

    async def server_time_ms(self) -> Asked[int]:
        """Returns the exchange's time, freshly asked for; the estimate that stamps requests is
        `http.server_clock`."""
        call = Call("GET", "/api/v3/time", lane=Lane.QUERY, signed=False)
        return asked_of(await self.http.send(call), market.server_time)

    async def rules(self, symbols: Sequence[str] = ()) -> Asked[dict[str, SymbolRules]]:
        found = await self.exchange_info(symbols)
        return Found(dict(found.value.symbols)) if isinstance(found, Found) else found

    async def exchange_info(self, symbols: Sequence[str] = ()) -> Asked[rule_codec.ExchangeInfo]:
        """Returns limits and rules; the governor takes the limits over."""
        names = {"symbols": json.dumps(list(symbols), separators=(",", ":"))} if symbols else {}
        found = await self._public("exchangeInfo", names, 20, rule_codec.exchange_info, Lane.QUERY)
        if isinstance(found, Found):
            self._take_limits(found.value)
        return found

    def _take_limits(self, info: rule_codec.ExchangeInfo) -> None:
        weights = [
            limit.limit
            for limit in info.limits
            if limit.kind == "REQUEST_WEIGHT" and limit.window_s == 60
        ]
        counts = {
            _HEADER_SUFFIX[limit.window_s]: limit.limit
            for limit in info.limits
            if limit.kind == "ORDERS" and limit.window_s in _HEADER_SUFFIX
        }
        self.http.governor.set_limits(weights[0] if weights else None, counts)

    async def candles(
        self, symbol: str, timeframe: Timeframe, start_ms: int, end_ms: int
    ) -> Asked[tuple[Candle, ...]]:
        if not self.http.server_clock.known:
            await self.http.sync()
        span = {
            "symbol": symbol,
            "interval": timeframe.name,
            "startTime": str(start_ms),
            "endTime": str(end_ms - 1),
            "limit": str(_MOST_CANDLES),
        }
        # The last row may still be running when the exchange answers: it is as old as the question,
        # by a clock that may be ahead. Without the exchange's time none is known to be closed but
        # those with another one after them.
        clock = self.http.server_clock
        closed_ms = clock.now_ms() - clock.doubt_ms() * clock.speed if clock.known else 0
        found = await self._public(
            "klines", span, 2, lambda value: market.candles(value, symbol, timeframe)
        )
        if not isinstance(found, Found):
            return found
        last_ms = found.value[-1].open_time_ms if found.value else 0
        return Found(
            tuple(
                candle
                for candle in found.value
                if start_ms <= candle.open_time_ms < end_ms
                and (candle.close_time_ms <= closed_ms or candle.open_time_ms < last_ms)
            )
        )

    async def last_price(self, symbol: str) -> Asked[Price]:
        return await self._public(
            "ticker/price", {"symbol": symbol}, 2, lambda value: market.last_price(value).price
        )

    async def best_prices(self, symbol: str) -> Asked[market.BestPrices]:
        return await self._public(
            "ticker/bookTicker", {"symbol": symbol}, 2, market.best_prices, Lane.QUERY
        )

    async def average_price(self, symbol: str) -> Asked[Price]:
        """Returns the price that filters measure a market order and a price band by."""
        return await self._public("avgPrice", {"symbol": symbol}, 2, market.average_price)

    async def _public(
        self,
        path: str,
        parameters: Mapping[str, str],
        weight: int,
        reader: Reader[T],
        lane: Lane = Lane.MARKET,
    ) -> Asked[T]:
        call = Call("GET", f"/api/v3/{path}", parameters, weight, lane, signed=False)
        return asked_of(await self.http.send(call), reader)

    # The account.

    async def account(self) -> Asked[rule_codec.Account]:
        return await self._private("account", {"omitZeroBalances": "true"}, 20, rule_codec.account)

    async def balances(self) -> Asked[tuple[Balance, ...]]:
        found = await self.account()
        return Found(found.value.balances) if isinstance(found, Found) else found

    async def commission(self, symbol: str) -> Asked[rule_codec.Commission]:
        return await self._private(
            "account/commission", {"symbol": symbol}, 20, rule_codec.commission
        )

    async def order_counts(self) -> Asked[tuple[rule_codec.RateLimit, ...]]:
        """Returns the limits of unfilled orders and how far each is used."""
        return await self._private("rateLimit/order", {}, 40, rule_codec.rate_limits)

    async def key_rights(self) -> Asked[Mapping[str, bool]]:
        call = Call("GET", "/sapi/v1/account/apiRestrictions")
        return asked_of(await self.http.send(call), rule_codec.key_rights)

    async def delistings(self) -> Asked[Mapping[str, int]]:
        """Returns when the exchange will stop trading symbols, as far as it has announced it."""
        answer = await self.http.send(Call("GET", "/sapi/v1/spot/delist-schedule", weight=100))
        clock = self.http.server_clock  # known by now: the call was signed
        return asked_of(answer, lambda value: rule_codec.delistings(value, clock.now_ms()))

    async def order(self, symbol: str, client_order_id: str) -> Asked[OrderReport]:
        named = {"symbol": symbol, "origClientOrderId": client_order_id}
        return await self._private("order", named, 4, orders.order)

    async def order_behind(self, symbol: str, order_id: int) -> Asked[OrderReport]:
        named = {"symbol": symbol, "orderId": str(order_id)}
        return await self._private("order", named, 4, orders.order)

    async def open_orders(self, symbol: str | None = None) -> Asked[tuple[OrderReport, ...]]:
        named = {} if symbol is None else {"symbol": symbol}
        return await self._private("openOrders", named, 6 if named else 80, orders.orders)

    async def order_list(self, client_list_id: str) -> Asked[OrderListReport]:
        named = {"origClientOrderId": client_list_id}
        return await self._private("orderList", named, 4, orders.order_list)

    async def open_order_lists(self) -> Asked[tuple[OrderListReport, ...]]:
        return await self._private("openOrderList", {}, 6, orders.order_lists)

    async def trades(self, symbol: str, from_id: int) -> Asked[tuple[Fill, ...]]:
        span = {"symbol": symbol, "fromId": str(from_id), "limit": str(_MOST_TRADES)}
        return await self._private("myTrades", span, 20, orders.trades)

    async def order_trades(self, symbol: str, order_id: int) -> Asked[tuple[Fill, ...]]:
        span = {"symbol": symbol, "orderId": str(order_id), "limit": str(_MOST_TRADES)}
        return await self._private("myTrades", span, 5, orders.trades)

    async def _private(
        self, path: str, parameters: Mapping[str, str], weight: int, reader: Reader[T]
    ) -> Asked[T]:
        call = Call("GET", f"/api/v3/{path}", parameters, weight)
        return asked_of(await self.http.send(call), reader)

    # Orders.

    async def place(self, request: OrderRequest, lane: Lane = Lane.ENTRY) -> Outcome[OrderReport]:
        call = Call("POST", "/api/v3/order", requests.place(request), 1, lane, orders=1)
        return outcome_of(await self.http.send(call), orders.order)

    async def test_order(self, request: OrderRequest) -> Outcome[None]:
        """Has an order checked without placing it."""
        call = Call("POST", "/api/v3/order/test", requests.place(request), 1, Lane.QUERY)
        return outcome_of(await self.http.send(call), orders.nothing)

    async def place_oco(
        self, request: OcoRequest, lane: Lane = Lane.PROTECTION
    ) -> Outcome[OrderListReport]:
        parameters = requests.place_oco(request)
        call = Call("POST", "/api/v3/orderList/oco", parameters, 1, lane, orders=2)
        return outcome_of(await self.http.send(call), orders.order_list)

    async def place_trigger(
        self, request: TriggerRequest, lane: Lane = Lane.ENTRY
    ) -> Outcome[OrderListReport]:
        endpoint, parameters = requests.place_trigger(request)
        count = 2 if request.pending_below is None else 3
        call = Call("POST", f"/api/v3/orderList/{endpoint}", parameters, 1, lane, orders=count)
        return outcome_of(await self.http.send(call), orders.order_list)

    async def cancel(
        self, symbol: str, client_order_id: str, lane: Lane = Lane.PROTECTION
    ) -> Outcome[orders.Report]:
        named = {"symbol": symbol, "origClientOrderId": client_order_id}
        call = Call("DELETE", "/api/v3/order", named, 1, lane)
        return outcome_of(await self.http.send(call), orders.cancelled)

    async def cancel_list(
        self, symbol: str, client_list_id: str, lane: Lane = Lane.PROTECTION
    ) -> Outcome[OrderListReport]:
        named = {"symbol": symbol, "listClientOrderId": client_list_id}
        call = Call("DELETE", "/api/v3/orderList", named, 1, lane)
        return outcome_of(await self.http.send(call), orders.order_list)

    async def cancel_all(
        self, symbol: str, lane: Lane = Lane.EXIT
    ) -> Outcome[tuple[orders.Report, ...]]:
        call = Call("DELETE", "/api/v3/openOrders", {"symbol": symbol}, 1, lane)
        return outcome_of(await self.http.send(call), orders.all_cancelled)

    async def replace(
        self, client_order_id: str, request: OrderRequest, lane: Lane = Lane.PROTECTION
    ) -> Outcome[Replacement[orders.Report]]:
        parameters = {
            **requests.place(request),
            "cancelReplaceMode": "STOP_ON_FAILURE",
            "cancelOrigClientOrderId": client_order_id,
        }
        call = Call("POST", "/api/v3/order/cancelReplace", parameters, 1, lane, orders=1)
        return replacement_of(await self.http.send(call), orders.replacement)

    async def amend(
        self, symbol: str, client_order_id: str, quantity: Quantity, new_client_order_id: str
    ) -> Outcome[AmendReport]:
        parameters = {
            "symbol": symbol,
            "origClientOrderId": client_order_id,
            "newClientOrderId": new_client_order_id,
            "newQty": str(quantity),
        }
        call = Call("PUT", "/api/v3/order/amend/keepPriority", parameters, 4, Lane.PROTECTION)
        return outcome_of(await self.http.send(call), orders.amended)
