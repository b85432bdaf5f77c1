"""Account questions and the wallet's answers: parameters, weights and answers."""

from __future__ import annotations

from typing import Final

from leeward.emulator.list_operations import check_day
from leeward.emulator.market_operations import page
from leeward.emulator.operations import Call, Operation, costs
from leeward.emulator.rejections import Json, Rejection, mandatory
from leeward.emulator.rest_parameters import Parameters

_COMBINATION: Final = "Combination of optional parameters invalid."


def account_operations() -> list[Operation]:
    """Returns every operation that tells an account about itself, and the wallet's stubs."""
    v3 = "GET /api/v3/"
    asked = [
        ("account", "account.status", costs(20), _account),
        ("account/commission", "account.commission", costs(20), _commission),
        ("order", "order.status", costs(4), _order),
        ("openOrders", "openOrders.status", _open_orders_weight, _open_orders),
        ("allOrders", "allOrders", costs(20), _all_orders),
        ("myTrades", "myTrades", _my_trades_weight, _my_trades),
        ("rateLimit/order", "account.rateLimits.orders", costs(40), _order_counts),
        ("order/amendments", "order.amendments", costs(4), _amendments),
        ("myPreventedMatches", "myPreventedMatches", _prevented_weight, _prevented),
        ("myAllocations", "myAllocations", costs(20), _allocations),
        ("myFilters", "myFilters", costs(40), _my_filters),
    ]
    sapi = "GET /sapi/v1/"
    wallet = [
        ("account/apiRestrictions", _restrictions),
        ("asset/tradeFee", _trade_fee),
        ("capital/config/getall", lambda _: []),
        ("margin/allPairs", lambda _: []),
        ("margin/isolated/allPairs", lambda _: []),
    ]
    return [
        *(
            Operation(v3 + path, method, "USER_DATA", weight, answer)
            for path, method, weight, answer in asked
        ),
        *(Operation(sapi + path, None, "USER_DATA", costs(1), answer) for path, answer in wallet),
        Operation(
            f"{sapi}spot/delist-schedule",
            None,
            "USER_DATA",
            costs(100),
            lambda call: call.exchange.delistings(),
        ),
        Operation(
            f"{sapi}system/status", None, "NONE", costs(1), lambda _: {"status": 0, "msg": "normal"}
        ),
    ]


def _account(call: Call) -> Json:
    omit = call.parameters.flag("omitZeroBalances", default=False)
    return call.exchange.account_info(call.account, omit_zero=omit)


def _commission(call: Call) -> Json:
    return call.exchange.commission(call.account, call.parameters.symbol())


def _order(call: Call) -> Json:
    read = call.parameters
    symbol = read.symbol()
    order_id, client_id = read.integer("orderId"), read.text("origClientOrderId")
    if order_id is None and client_id is None:
        raise mandatory("orderId")
    return call.exchange.order(call.account, symbol, order_id=order_id, client_order_id=client_id)


def _open_orders(call: Call) -> list[Json]:
    symbol = call.parameters.symbol() if "symbol" in call.parameters else None
    return call.exchange.open_orders(call.account, symbol)


def _open_orders_weight(read: Parameters) -> int:
    return 6 if "symbol" in read else 80


def _all_orders(call: Call) -> list[Json]:
    symbol = call.parameters.symbol()
    found = page(call.parameters, "orderId")
    check_day(found.start_ms, found.end_ms)
    return call.exchange.all_orders(call.account, symbol, found)


def _my_trades(call: Call) -> list[Json]:
    read = call.parameters
    symbol = read.symbol()
    order_id = read.integer("orderId")
    found = page(read, "fromId")
    times = (found.start_ms, found.end_ms)
    if times != (None, None) and (order_id is not None or found.from_id is not None):
        raise Rejection(-1128, _COMBINATION)
    check_day(*times)
    return call.exchange.my_trades(call.account, symbol, found, order_id=order_id)


def _my_trades_weight(read: Parameters) -> int:
    return 5 if "orderId" in read else 20


def _order_counts(call: Call) -> list[Json]:
    return [window.json(call.now_ms) for window in call.order_windows]


def _amendments(call: Call) -> list[Json]:
    read = call.parameters
    symbol = read.symbol()
    order_id = read.required_integer("orderId")
    return call.exchange.amendments(call.account, symbol, order_id, page(read, "fromExecutionId"))


def _prevented(call: Call) -> list[Json]:
    read = call.parameters
    symbol = read.symbol()
    order_id, match_id = read.integer("orderId"), read.integer("preventedMatchId")
    if order_id is None and match_id is None:
        raise mandatory("orderId")
    return call.exchange.prevented_matches(
        call.account,
        symbol,
        page(read, "fromPreventedMatchId"),
        order_id=order_id,
        prevented_match_id=match_id,
    )


def _prevented_weight(read: Parameters) -> int:
    return 20 if "orderId" in read else 2


def _allocations(call: Call) -> list[Json]:
    call.exchange.commission(call.account, call.parameters.symbol())
    return []


def _my_filters(call: Call) -> Json:
    return call.exchange.my_filters(call.account, call.parameters.symbol())


def _restrictions(call: Call) -> Json:
    if call.key is None:
        return {}
    rights: Json = dict(call.key.rights)
    ip_restrict = rights.pop("ipRestrict")
    return {"ipRestrict": ip_restrict, "createTime": call.key.created_ms, **rights}


def _trade_fee(call: Call) -> list[Json]:
    wanted = [call.parameters.symbol()] if "symbol" in call.parameters else None
    prices = call.exchange.ticker_price(wanted)
    answer: list[Json] = []
    for price in prices:
        rates = call.exchange.commission(call.account, str(price["symbol"]))["standardCommission"]
        found = rates if isinstance(rates, dict) else {}
        answer.append(
            {
                "symbol": price["symbol"],
                "makerCommission": found.get("maker"),
                "takerCommission": found.get("taker"),
            }
        )
    return answer
