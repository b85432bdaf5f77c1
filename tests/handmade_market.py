"""A market of handmade replies in the exchange's own form, just large enough for the venue suite:
one symbol, one account, a price moved by hand, orders that fill whole at it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal
from itertools import count
from typing import Any

from tests.fake_exchange import KEY, Asked, FakeClock, Given, error

Order = dict[str, Any]
SYMBOL = "BTCUSDT"
FEE = Decimal("0.001")
LOT, TICK, LEAST = Decimal("0.00001"), Decimal("0.01"), Decimal(5)
OPEN = {"NEW", "PENDING_NEW"}
INFO = {
    "symbol": SYMBOL, "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT",
    "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT",
                   "TAKE_PROFIT_LIMIT"],
    "ocoAllowed": True, "otoAllowed": True, "opoAllowed": True,
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000.00",
         "tickSize": "0.01"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000.0", "stepSize": "0.00001"},
        {"filterType": "NOTIONAL", "minNotional": "5.0", "applyMinToMarket": True,
         "maxNotional": "9000000.0", "applyMaxToMarket": False, "avgPriceMins": 5},
    ],
}  # fmt: skip


class Refusal(Exception):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


@dataclass
class HandmadeMarket:
    time: FakeClock
    price: Decimal = Decimal(60_000)
    free: dict[str, Decimal] = field(
        default_factory=lambda: {"USDT": Decimal(100_000), "BTC": Decimal(2), "ETH": Decimal(0)}
    )
    orders: list[Order] = field(default_factory=list)
    lists: list[dict[str, Any]] = field(default_factory=list)
    trades: list[dict[str, Any]] = field(default_factory=list)
    _ids: count[int] = field(default_factory=lambda: count(1))

    def answer(self, asked: Asked) -> Given:
        """Returns the reply to one request, as the exchange would word it."""
        path = asked.path.removeprefix("/api/v3/")
        if "x-mbx-apikey" in asked.headers:
            payload, _, signature = asked.payload.rpartition("&signature=")
            if signature != KEY.sign(payload.encode()):
                return error(-1022, "Signature for this request is not valid.")
        try:
            return Given(self._route(asked.method, path)(asked.parameters))
        except Refusal as refusal:
            return error(refusal.code, refusal.text)
        except _Steps as steps:
            code = -2022 if steps.result["cancelResult"] == "FAILURE" else -2021
            body = {"code": code, "msg": "Order cancel-replace failed.", "data": steps.result}
            return Given(body, 400 if code == -2022 else 409)

    def _route(self, method: str, path: str) -> Callable[[Mapping[str, str]], Any]:
        table: dict[tuple[str, str], Callable[[Mapping[str, str]], Any]] = {
            ("GET", "exchangeInfo"): self._info,
            ("GET", "klines"): self._klines,
            ("GET", "ticker/price"): self._ticker,
            ("GET", "account"): self._account,
            ("GET", "order"): lambda p: self._order(
                p.get("origClientOrderId") or p["orderId"], -2013
            ),
            ("GET", "openOrders"): lambda _: self._open(),
            ("GET", "orderList"): lambda p: self._list(p["origClientOrderId"]),
            ("GET", "openOrderList"): lambda _: [
                each for each in self.lists if each["listOrderStatus"] == "EXECUTING"
            ],
            ("GET", "myTrades"): self._trades,
            ("POST", "order"): self._place,
            ("DELETE", "order"): lambda p: self._cancel(p["origClientOrderId"]),
            ("DELETE", "openOrders"): self._cancel_all,
            ("DELETE", "orderList"): lambda p: self._end_list(self._list(p["listClientOrderId"])),
            ("POST", "order/cancelReplace"): self._replace,
            ("PUT", "order/amend/keepPriority"): self._amend,
            ("POST", "orderList/oco"): self._oco,
            ("POST", "orderList/opo"): self._trigger,
            ("POST", "orderList/opoco"): self._trigger,
        }
        return table[method, path]

    # Market data.

    def _info(self, p: Mapping[str, str]) -> Any:
        if "symbols" in p and json.loads(p["symbols"]) != [SYMBOL]:
            raise Refusal(-1121, "Invalid symbol.")
        return {"serverTime": self.time.now_ms, "rateLimits": [], "symbols": [INFO]}

    def _klines(self, p: Mapping[str, str]) -> Any:
        self._known(p)
        first = -(-int(p["startTime"]) // 60_000) * 60_000
        times = range(first, min(int(p["endTime"]), self.time.now_ms) + 1, 60_000)
        return [[t, "1", "2", "1", "2", "5", t + 59_999, "9", 3, "1", "1", "0"] for t in times]

    def _ticker(self, p: Mapping[str, str]) -> Any:
        self._known(p)
        return {"symbol": SYMBOL, "price": str(self.price)}

    def _known(self, p: Mapping[str, str]) -> None:
        if p["symbol"] != SYMBOL:
            raise Refusal(-1121, "Invalid symbol.")

    # The account.

    def _account(self, _: Mapping[str, str]) -> Any:
        locked = dict.fromkeys(self.free, Decimal(0))
        for order in self._holding():
            asset, amount = _cost(order)
            locked[asset] += amount
        balances = [
            {"asset": asset, "free": f"{free - locked[asset]:f}", "locked": f"{locked[asset]:f}"}
            for asset, free in self.free.items()
        ]
        return {"canTrade": True, "balances": balances}

    def _holding(self) -> Iterable[Order]:
        """Yields the open orders that lock something: of a pair, the first leg locks for both."""
        seen = set()
        for order in self.orders:
            if order["status"] == "NEW":
                if order["orderListId"] == -1 or order["orderListId"] not in seen:
                    yield order
                seen.add(order["orderListId"])

    def _afford(self, order: Order) -> None:
        asset, amount = _cost(order)
        held = sum((_cost(o)[1] for o in self._holding() if _cost(o)[0] == asset), Decimal(0))
        if self.free[asset] - held < amount:
            raise Refusal(-2010, "Account has insufficient balance for requested action.")

    def _order(self, named: str, code: int) -> Order:
        for order in reversed(self.orders):
            if named in {order["clientOrderId"], str(order["orderId"])}:
                return order
        raise Refusal(code, "Unknown order sent." if code == -2011 else "Order does not exist.")

    def _open(self) -> list[Order]:
        return [order for order in self.orders if order["status"] in OPEN]

    def _list(self, client_id: str) -> dict[str, Any]:
        for each in self.lists:
            if each["listClientOrderId"] == client_id:
                return each
        raise Refusal(-2018, "Order list does not exist.")

    def _trades(self, p: Mapping[str, str]) -> Any:
        if "orderId" in p:
            return [each for each in self.trades if each["orderId"] == int(p["orderId"])]
        return [each for each in self.trades if each["id"] >= int(p["fromId"])]

    # Orders.

    def _new(self, p: Mapping[str, str], list_id: int = -1, **changes: Any) -> Order:
        self._known(p)
        order = {
            "symbol": SYMBOL, "orderId": next(self._ids), "orderListId": list_id,
            "clientOrderId": p["newClientOrderId"], "transactTime": self.time.now_ms,
            "price": p.get("price", "0.00"), "origQty": p.get("quantity", "0"),
            "executedQty": "0.00", "cummulativeQuoteQty": "0.00", "status": "NEW",
            "timeInForce": p.get("timeInForce", "GTC"), "type": p["type"], "side": p["side"],
            "fills": [],
        } | changes  # fmt: skip
        if "stopPrice" in p:
            order["stopPrice"] = p["stopPrice"]
        if "quoteOrderQty" in p:
            spent = Decimal(p["quoteOrderQty"]) / self.price
            order["origQty"] = f"{_floor(spent):f}"
        return order

    def _place(self, p: Mapping[str, str]) -> Order:
        order = self._new(p)
        self._check(order)
        self._afford(order)
        self.orders.append(order)
        self._take(order)
        return order

    def _check(self, order: Order) -> None:
        quantity, price = Decimal(order["origQty"]), Decimal(order["price"])
        if len(order["origQty"].partition(".")[2]) > 8:
            raise Refusal(-1111, "Parameter 'quantity' has too much precision.")
        if quantity % LOT or not quantity:
            raise Refusal(-1013, "Filter failure: LOT_SIZE")
        if price % TICK:
            raise Refusal(-1013, "Filter failure: PRICE_FILTER")
        if quantity * (price or self.price) < LEAST:
            raise Refusal(-1013, "Filter failure: NOTIONAL")
        if any(each["clientOrderId"] == order["clientOrderId"] for each in self._open()):
            raise Refusal(-2010, "Duplicate order sent.")
        if order["type"] == "LIMIT_MAKER" and self._crosses(order):
            raise Refusal(-2010, "Order would immediately match and take.")
        if "stopPrice" in order and self._triggers(order):
            raise Refusal(-2010, "Order would trigger immediately.")

    def _crosses(self, order: Order) -> bool:
        price = Decimal(order["price"])
        return price >= self.price if order["side"] == "BUY" else price <= self.price

    def _triggers(self, order: Order) -> bool:
        stop = Decimal(order["stopPrice"])
        below = order["type"].startswith("STOP") == (order["side"] == "SELL")
        return self.price <= stop if below else self.price >= stop

    def _take(self, order: Order) -> None:
        """Fills an order that meets the market, or ends one that had to."""
        if order["type"] == "MARKET" or (order["type"] == "LIMIT" and self._crosses(order)):
            self._fill(order, self.price)
        elif order["timeInForce"] in {"IOC", "FOK"}:
            self._end(order, "EXPIRED")

    def _fill(self, order: Order, price: Decimal) -> None:
        quantity, bought = Decimal(order["origQty"]), order["side"] == "BUY"
        asset, amount = ("BTC", quantity) if bought else ("USDT", quantity * price)
        paid = amount * FEE
        sign = 1 if bought else -1
        self.free["BTC"] += sign * quantity
        self.free["USDT"] -= sign * quantity * price
        self.free[asset] -= paid
        trade = {
            "price": f"{price:f}", "qty": f"{quantity:f}", "commission": f"{paid:f}",
            "commissionAsset": asset, "tradeId": next(self._ids),
        }  # fmt: skip
        order |= {"executedQty": order["origQty"], "status": "FILLED", "fills": [trade],
                  "cummulativeQuoteQty": f"{quantity * price:f}"}  # fmt: skip
        self.trades.append(
            trade | {"symbol": SYMBOL, "id": trade["tradeId"], "orderId": order["orderId"],
                     "time": self.time.now_ms, "isBuyer": bought, "isMaker": False}
        )  # fmt: skip
        self._siblings(order, net=quantity - paid)

    def _siblings(self, order: Order, net: Decimal) -> None:
        """Places what waited for this order, or ends what it excludes."""
        others = [each for each in self._legs(order["orderListId"]) if each is not order]
        waiting = [each for each in others if each["status"] == "PENDING_NEW"]
        for each in waiting:
            each |= {"status": "NEW", "origQty": f"{_floor(net):f}"}
        if not waiting:
            for each in others:
                self._end(each, "EXPIRED")

    def _legs(self, list_id: int) -> list[Order]:
        return [each for each in self.orders if each["orderListId"] == list_id != -1]

    def _end(self, order: Order, status: str) -> None:
        if order["status"] not in OPEN:
            return
        order["status"] = status
        for each in self._legs(order["orderListId"]):
            if each["status"] in OPEN:
                each["status"] = status
        self._settle()

    def _settle(self) -> None:
        for each in self.lists:
            if not any(o["status"] in OPEN for o in self._legs(each["orderListId"])):
                each |= {"listOrderStatus": "ALL_DONE", "listStatusType": "ALL_DONE"}

    def move_to(self, price: Decimal) -> None:
        """Moves the price, and fills what it meets."""
        self.price = price
        for order in list(self.orders):
            if order["status"] != "NEW":
                continue
            if "stopPrice" in order:
                if self._triggers(order):
                    self._fill(order, price)
            elif self._crosses(order):
                self._fill(order, Decimal(order["price"]))
        self._settle()

    # Cancels, replacements, amends.

    def _cancel(self, client_id: str) -> Any:
        order = self._order(client_id, -2011)
        if order["status"] not in OPEN:
            raise Refusal(-2011, "Unknown order sent.")
        for each in self.lists:
            if each["orderListId"] == order["orderListId"]:
                return self._end_list(each)
        self._end(order, "CANCELED")
        return order | {"origClientOrderId": client_id, "clientOrderId": "a-cancel"}

    def _end_list(self, each: dict[str, Any]) -> Any:
        legs = self._legs(each["orderListId"])
        for order in legs:
            self._end(order, "CANCELED")
        return each | {"orderReports": legs}

    def _cancel_all(self, _: Mapping[str, str]) -> Any:
        if not (open_orders := self._open()):
            raise Refusal(-2011, "Unknown order sent.")
        return [self._cancel(each["clientOrderId"]) for each in open_orders]

    def _replace(self, p: Mapping[str, str]) -> Any:
        result: dict[str, Any] = {"cancelResult": "FAILURE", "newOrderResult": "NOT_ATTEMPTED",
                                  "newOrderResponse": None}  # fmt: skip
        try:
            result["cancelResponse"] = self._cancel(p["cancelOrigClientOrderId"])
            result |= {"cancelResult": "SUCCESS", "newOrderResult": "FAILURE"}
            result["newOrderResponse"] = self._place(p)
        except Refusal as refusal:
            done = result["cancelResult"] == "SUCCESS"
            step = "newOrderResponse" if done else "cancelResponse"
            result[step] = {"code": refusal.code, "msg": refusal.text}
            raise _Steps(result) from None
        return result | {"newOrderResult": "SUCCESS"}

    def _amend(self, p: Mapping[str, str]) -> Any:
        order = self._order(p["origClientOrderId"], -2013)
        if Decimal(p["newQty"]) >= Decimal(order["origQty"]):
            raise Refusal(-2038, "The requested order amendment is not valid.")
        order |= {"origQty": p["newQty"], "clientOrderId": p["newClientOrderId"]}
        after = order | {"qty": order["origQty"], "cumulativeQuoteQty": "0.00"}
        return {"transactTime": 1, "executionId": 1, "amendedOrder": after}

    # Order lists.

    def _listed(self, kind: str, client_id: str, list_id: int, legs: list[Order]) -> Any:
        self.orders += legs
        made = {
            "orderListId": list_id, "contingencyType": kind, "listStatusType": "EXEC_STARTED",
            "listOrderStatus": "EXECUTING", "listClientOrderId": client_id, "symbol": SYMBOL,
            "transactionTime": self.time.now_ms,
            "orders": [
                {"symbol": SYMBOL, "orderId": each["orderId"],
                 "clientOrderId": each["clientOrderId"]}
                for each in legs
            ],
        }  # fmt: skip
        self.lists.append(made)
        return made

    def _oco(self, p: Mapping[str, str]) -> Any:
        list_id = next(self._ids)
        legs = [
            self._new(_leg(p, prefix, p["side"], p["quantity"]), list_id)
            for prefix in ("below", "above")
        ]
        for leg in legs:
            self._check(leg)
        self._afford(legs[0])
        made = self._listed("OCO", p["listClientOrderId"], list_id, legs)
        return made | {"orderReports": legs}

    def _trigger(self, p: Mapping[str, str]) -> Any:
        list_id = next(self._ids)
        working = self._new(_leg(p, "working", p["workingSide"], p["workingQuantity"]), list_id)
        self._check(working)
        self._afford(working)
        pair = "pendingBelowType" in p
        prefixes = ("pendingBelow", "pendingAbove") if pair else ("pending",)
        pending = [
            self._new(_leg(p, prefix, p["pendingSide"], "0"), list_id, status="PENDING_NEW")
            for prefix in prefixes
        ]
        for each in pending:
            del each["origQty"]
        made = self._listed("OTO", p["listClientOrderId"], list_id, [working, *pending])
        self._take(working)
        return made | {"orderReports": [working, *pending]}


class _Steps(Exception):
    def __init__(self, result: dict[str, Any]) -> None:
        super().__init__("cancel-replace")
        self.result = result


def _leg(p: Mapping[str, str], prefix: str, side: str, quantity: str) -> dict[str, str]:
    """Returns the parameters of one leg of a list as those of a single order."""
    names = {"Type": "type", "ClientOrderId": "newClientOrderId", "Price": "price",
             "StopPrice": "stopPrice", "TimeInForce": "timeInForce"}  # fmt: skip
    leg = {own: p[prefix + name] for name, own in names.items() if prefix + name in p}
    return leg | {"symbol": p["symbol"], "side": side, "quantity": quantity}


def _cost(order: Order) -> tuple[str, Decimal]:
    """Returns what an order locks: the asset and how much of it."""
    quantity = Decimal(order["origQty"])
    if order["side"] == "SELL":
        return "BTC", quantity
    return "USDT", quantity * Decimal(order["price"])


def _floor(quantity: Decimal) -> Decimal:
    return (quantity / LOT).to_integral_value(ROUND_FLOOR) * LOT
