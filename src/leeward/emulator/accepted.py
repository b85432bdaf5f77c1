"""Which parameters each operation knows; the exchange refuses any other."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Literal

from leeward.emulator.operations import Operation
from leeward.emulator.rejections import Rejection

_SIGNED: Final = ("recvWindow", "timestamp", "signature")
#: What any frame may carry beside the parameters of its method.
_FRAME: Final = ("apiKey", *_SIGNED, "returnRateLimits")

_PEG: Final = "pegPriceType pegOffsetType pegOffsetValue"
_STRATEGY: Final = "strategyId strategyType"
_ANSWER: Final = "newOrderRespType selfTradePreventionMode"
_SOR: Final = (
    f"symbol side type timeInForce quantity price newClientOrderId icebergQty {_STRATEGY} {_ANSWER}"
)
_ORDER: Final = f"{_SOR} quoteOrderQty stopPrice trailingDelta {_PEG}"
_SYMBOLS: Final = "symbol symbols symbolStatus"
_KLINES: Final = "symbol interval startTime endTime timeZone limit"


def _legs(words: str, *prefixes: str) -> str:
    """Returns the parameters of legs by their prefixes."""
    return " ".join(f"{p}{word[0].upper()}{word[1:]}" for p in prefixes for word in words.split())


_LIST: Final = f"symbol listClientOrderId {_ANSWER}"
_LIMIT_LEG: Final = f"type clientOrderId price timeInForce icebergQty {_STRATEGY} {_PEG}"
_ANY_LEG: Final = f"{_LIMIT_LEG} stopPrice trailingDelta"
_WORKING: Final = f"{_LIST} {_legs(f'{_LIMIT_LEG} side quantity', 'working')} pendingSide"
_PENDING: Final = _legs(_ANY_LEG, "pending")
_PENDING_PAIR: Final = _legs(_ANY_LEG, "pendingAbove", "pendingBelow")

_NAMES: Final = {
    "ping": "",
    "time": "",
    "exchangeInfo": f"{_SYMBOLS} permissions showPermissionSets",
    "klines": _KLINES,
    "uiKlines": _KLINES,
    "depth": "symbol limit symbolStatus",
    "trades.recent": "symbol limit",
    "trades.historical": "symbol limit fromId",
    "trades.aggregate": "symbol fromId startTime endTime limit",
    "blockTrades.historical": "symbol fromId limit",
    "avgPrice": "symbol",
    "ticker.24hr": f"{_SYMBOLS} type",
    "ticker.tradingDay": f"{_SYMBOLS} type timeZone",
    "ticker": f"{_SYMBOLS} type windowSize",
    "ticker.price": _SYMBOLS,
    "ticker.book": _SYMBOLS,
    "executionRules": _SYMBOLS,
    "referencePrice": "symbol",
    "referencePrice.calculation": "symbol symbolStatus",
    "order.place": _ORDER,
    "order.test": f"{_ORDER} computeCommissionRates",
    "order.cancel": "symbol orderId origClientOrderId newClientOrderId cancelRestrictions",
    "openOrders.cancelAll": "symbol",
    "order.cancelReplace": (
        f"{_ORDER} cancelReplaceMode cancelOrderId cancelOrigClientOrderId "
        "cancelNewClientOrderId cancelRestrictions orderRateLimitExceededMode"
    ),
    "order.amend.keepPriority": "symbol orderId origClientOrderId newClientOrderId newQty",
    "sor.order.place": _SOR,
    "sor.order.test": f"{_SOR} computeCommissionRates",
    "orderList.place.oco": f"{_LIST} side quantity {_legs(_ANY_LEG, 'above', 'below')}",
    "orderList.place.oto": f"{_WORKING} {_PENDING} pendingQuantity",
    "orderList.place.otoco": f"{_WORKING} {_PENDING_PAIR} pendingQuantity",
    "orderList.place.opo": f"{_WORKING} {_PENDING}",
    "orderList.place.opoco": f"{_WORKING} {_PENDING_PAIR}",
    "orderList.place": (
        f"{_LIST} side quantity price trailingDelta "
        f"{_legs(f'clientOrderId icebergQty {_STRATEGY}', 'limit', 'stop')} "
        "stopPrice stopLimitPrice stopLimitTimeInForce"
    ),
    "orderList.cancel": "symbol orderListId listClientOrderId newClientOrderId",
    "orderList.status": "orderListId origClientOrderId",
    "openOrderLists.status": "",
    "allOrderLists": "fromId startTime endTime limit",
    "account.status": "omitZeroBalances",
    "account.commission": "symbol",
    "order.status": "symbol orderId origClientOrderId",
    "openOrders.status": "symbol",
    "allOrders": "symbol orderId startTime endTime limit",
    "myTrades": "symbol orderId startTime endTime fromId limit",
    "account.rateLimits.orders": "",
    "order.amendments": "symbol orderId fromExecutionId limit",
    "myPreventedMatches": "symbol preventedMatchId orderId fromPreventedMatchId limit",
    "myAllocations": "symbol startTime endTime fromAllocationId limit orderId",
    "myFilters": "symbol",
}
_KNOWN: Final = {name: frozenset(words.split()) for name, words in _NAMES.items()}


def check_names(operation: Operation, sent: Collection[str], source: Literal["rest", "ws"]) -> None:
    """Refuses more parameters than the operation has (-1101) and those it does not know (-1104).
    The wallet's routes take anything."""
    known = _KNOWN.get(operation.name)
    if known is None:
        return
    if source == "ws":
        known |= set(_FRAME)
    elif operation.security != "NONE":
        known |= set(_SIGNED)
    if len(sent) > len(known):
        raise Rejection(
            -1101, f"Too many parameters; expected '{len(known)}' and received '{len(sent)}'."
        )
    read = len(known.intersection(sent))
    if read < len(sent):
        raise Rejection(
            -1104,
            f"Not all sent parameters were read; read '{read}' parameter(s) "
            f"but was sent '{len(sent)}'.",
        )
