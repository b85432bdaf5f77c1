"""What an account may ask about its own orders, trades and balances."""

from __future__ import annotations

from typing import TypeVar

from leeward.emulator import reports
from leeward.emulator.accounts import commission_rates, discount, rate_text
from leeward.emulator.floor import Floor
from leeward.emulator.orders import NO_GROUP, Order
from leeward.emulator.rejections import Json, Rejection, mandatory
from leeward.emulator.requests import EVERYTHING, Page
from leeward.emulator.units import text

Entry = TypeVar("Entry")


class AccountData:
    """Answers about one account. Unknown symbols are refused with -1121."""

    _floor: Floor

    def order(
        self,
        account: str,
        symbol: str,
        *,
        order_id: int | None = None,
        client_order_id: str | None = None,
    ) -> Json:
        """Returns one order; refuses with -2013, or -2039 where the two ids do not match."""
        return reports.queried(self._find(account, symbol, order_id, client_order_id), single=True)

    def _find(
        self, account: str, symbol: str, order_id: int | None, client_id: str | None
    ) -> Order:
        holder = self._floor.account(account)
        market = self._floor.market(symbol)
        if order_id is None and client_id is None:
            raise mandatory("orderId")
        if order_id is None:
            assert client_id is not None
            found = holder.by_client.get((symbol, client_id))
        else:
            found = market.orders.get(order_id)
            if found is not None and found.account != account:
                found = None
        if found is None:
            raise Rejection(-2013, "Order does not exist.")
        if client_id is not None and found.client_id != client_id:
            raise Rejection(-2039, "Client order ID is not correct for this order ID")
        return found

    def open_orders(self, account: str, symbol: str | None = None) -> list[Json]:
        """Returns open orders, oldest first."""
        holder = self._floor.account(account)
        if symbol is not None:
            self._floor.market(symbol)
        found = [order for order in holder.open.values() if symbol in {None, order.symbol}]
        found.sort(key=lambda order: (order.created_ms, order.symbol, order.order_id))
        return [reports.queried(order, single=False) for order in found]

    def all_orders(self, account: str, symbol: str, page: Page = EVERYTHING) -> list[Json]:
        """Returns orders in any state, oldest first; `page.from_id` is an order id."""
        self._floor.market(symbol)
        orders = self._floor.account(account).orders.get(symbol, [])
        chosen = _page([(order.order_id, order.created_ms, order) for order in orders], page)
        return [reports.queried(order, single=False) for order in chosen]

    def my_trades(
        self,
        account: str,
        symbol: str,
        page: Page = EVERYTHING,
        *,
        order_id: int | None = None,
    ) -> list[Json]:
        """Returns the account's trades, oldest first; `page.from_id` is a trade id."""
        self._floor.market(symbol)
        trades = self._floor.account(account).trades.get(symbol, [])
        kept = [
            (trade.trade_id, trade.time_ms, trade)
            for trade in trades
            if order_id in {None, trade.order_id}
        ]
        return [reports.my_trade(trade, symbol) for trade in _page(kept, page)]

    def account_info(self, account: str, *, omit_zero: bool = False) -> Json:
        """Returns balances, rates and permissions."""
        holder = self._floor.account(account)
        fees = holder.fees
        rates = {"maker": fees.maker, "taker": fees.taker, "buyer": fees.buyer,
                 "seller": fees.seller}  # fmt: skip
        answer: Json = {f"{name}Commission": int(rate * 10_000) for name, rate in rates.items()}
        return answer | {
            "commissionRates": {name: rate_text(rate) for name, rate in rates.items()},
            "canTrade": holder.can_trade,
            "canWithdraw": True,
            "canDeposit": True,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": holder.updated_ms,
            "accountType": "SPOT",
            "balances": [
                {"asset": asset, "free": text(held.free), "locked": text(held.locked)}
                for asset, held in holder.balances.items()
                if held.free or held.locked or not omit_zero
            ],
            "permissions": ["SPOT"],
            "uid": holder.uid,
            **({} if holder.trade_group == NO_GROUP else {"tradeGroupId": holder.trade_group}),
        }

    def commission(self, account: str, symbol: str) -> Json:
        """Returns the commission rates of a symbol."""
        self._floor.market(symbol)
        rates = commission_rates(self._floor.account(account))
        answer: Json = {"symbol": symbol}
        answer |= {f"{name}Commission": rate for name, rate in rates.items()}
        answer["discount"] = discount(self._floor.account(account))
        return answer

    def order_list(
        self,
        account: str,
        *,
        list_id: int | None = None,
        list_client_order_id: str | None = None,
    ) -> Json:
        """Returns one order list; refuses with -2018 where there is none."""
        self._floor.account(account)
        if list_id is None and list_client_order_id is None:
            raise mandatory("orderListId")
        for found in reversed(self._floor.lists.values()):
            if (
                found.account == account
                and list_id in {None, found.list_id}
                and list_client_order_id in {None, found.client_id}
            ):
                return reports.order_list(found, found.created_ms)
        raise Rejection(-2018, "Order list does not exist.")

    def all_order_lists(self, account: str, page: Page = EVERYTHING) -> list[Json]:
        """Returns order lists, oldest first; `page.from_id` is a list id."""
        self._floor.account(account)
        lists = [
            (found.list_id, found.created_ms, found)
            for found in self._floor.lists.values()
            if found.account == account
        ]
        return [reports.order_list(found, found.created_ms) for found in _page(lists, page)]

    def open_order_lists(self, account: str) -> list[Json]:
        """Returns the order lists that are executing."""
        self._floor.account(account)
        return [
            reports.order_list(found, found.created_ms)
            for found in self._floor.lists.values()
            if found.account == account and found.status == "EXECUTING"
        ]

    def amendments(
        self,
        account: str,
        symbol: str,
        order_id: int,
        page: Page = EVERYTHING,
    ) -> list[Json]:
        """Returns the amendments of one order; `page.from_id` is an execution id."""
        order = self._find(account, symbol, order_id, None)
        kept = [(entry.execution_id, entry.time_ms, entry) for entry in order.amendments]
        return [
            {
                "symbol": symbol,
                "orderId": order_id,
                "executionId": entry.execution_id,
                "origClientOrderId": entry.old_client_id,
                "newClientOrderId": entry.new_client_id,
                "origQty": text(entry.old_qty),
                "newQty": text(entry.new_qty),
                "time": entry.time_ms,
            }
            for entry in _page(kept, page)
        ]

    def prevented_matches(
        self,
        account: str,
        symbol: str,
        page: Page = EVERYTHING,
        *,
        order_id: int | None = None,
        prevented_match_id: int | None = None,
    ) -> list[Json]:
        """Returns matches that self-trade prevention stopped; `page.from_id` is a match id."""
        self._floor.market(symbol)
        kept = [
            (match.match_id, match.time_ms, match)
            for match in self._floor.account(account).prevented.get(symbol, [])
            if order_id in {None, match.taker_id, match.maker_id}
            and prevented_match_id in {None, match.match_id}
        ]
        return [
            {
                "symbol": symbol,
                "preventedMatchId": match.match_id,
                "takerOrderId": match.taker_id,
                "makerSymbol": symbol,
                "makerOrderId": match.maker_id,
                "tradeGroupId": match.trade_group,
                "selfTradePreventionMode": match.mode,
                "price": text(match.price),
                **reports.prevented_quantities(match),
                "transactTime": match.time_ms,
            }
            for match in _page(kept, page)
        ]

    def my_filters(self, account: str, symbol: str) -> Json:
        """Returns the filters that bind the account on a symbol."""
        self._floor.account(account)
        rules = self._floor.market(symbol).rules
        kept = [dict(entry) for entry in rules.filters if "MAX_NUM" in str(entry["filterType"])]
        limits = self._floor.asset_limits()
        return {
            "exchangeFilters": self._floor.account_filters(),
            "symbolFilters": kept,
            "assetFilters": [
                dict(entry) for entry in limits if entry["asset"] in {rules.base, rules.quote}
            ],
        }


def _page(entries: list[tuple[int, int, Entry]], page: Page) -> list[Entry]:
    """Returns the entries (id, time, value), oldest first, that a page asks for."""
    kept = [
        value
        for number, time_ms, value in entries
        if (page.from_id is None or number >= page.from_id)
        and (page.start_ms is None or time_ms >= page.start_ms)
        and (page.end_ms is None or time_ms <= page.end_ms)
    ]
    forward = page.from_id is not None or page.start_ms is not None
    return kept[: page.limit] if forward else kept[max(0, len(kept) - page.limit) :]
