"""Names and requests of intents: computed from the decision, so that a replay makes the same.

A client order id is `lw-EPOCH-RDIGEST`: the lease's epoch in base 36, one letter for the role, and
100 bits of the decision's digest. It holds no counter: a restored backup cannot use one twice.
"""

from __future__ import annotations

import re
from base64 import b32encode
from hashlib import sha256

from leeward.domain.errors import BadUsage
from leeward.domain.order_requests import Leg, OcoRequest, OrderRequest, TriggerRequest
from leeward.engine.records import DecisionKey, IntentMade, PlannedOrder, Role

_LETTERS = {Role.ENTRY: "e", Role.EXIT: "x", Role.STOP: "s", Role.TARGET: "t"}
_ROLES = {letter: role for role, letter in _LETTERS.items()}
_LIST = "l"
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_MOST_EPOCH = 36**6 - 1
_OURS = re.compile(r"lw-([0-9a-z]{1,6})-([exstl])[a-z2-7]{20}")


def intent_id(key: DecisionKey) -> str:
    """Returns the id of the intent that a decision leads to: 32 hexadecimal digits."""
    return _digest(key).hex()[:32]


def client_order_id(key: DecisionKey, epoch: int, role: Role) -> str:
    """Returns the id under which an order is sent: at most 36 of `[a-zA-Z0-9-]`.

    >>> client_order_id(DecisionKey("paper:binance:main", "BTCUSDT", 0, "entry"), 41, Role.ENTRY)
    'lw-15-enjyzochili632hldfxgw'
    """
    return _named(key, epoch, _LETTERS[role])


def list_id(key: DecisionKey, epoch: int) -> str:
    """Returns the id under which an order list is sent."""
    return _named(key, epoch, _LIST)


def is_ours(client_order_id: str) -> bool:
    """Returns whether an order or list with this id was sent by Leeward."""
    return _OURS.fullmatch(client_order_id) is not None


def names_order(client_order_id: str) -> bool:
    """Returns whether an order with this id was sent by Leeward; False for lists."""
    found = _OURS.fullmatch(client_order_id)
    return found is not None and found[2] in _ROLES


def epoch_of(client_order_id: str) -> int:
    """Returns the lease epoch in which an id of ours was made; raises BadUsage for others."""
    return int(_parts(client_order_id)[0], 36)


def role_of(client_order_id: str) -> Role:
    """Returns what an order of ours is for; raises BadUsage for others and for lists."""
    letter = _parts(client_order_id)[1]
    if letter not in _ROLES:
        raise BadUsage(f"client order id {client_order_id!r} names a list, not an order")
    return _ROLES[letter]


def request_of(intent: IntentMade) -> OrderRequest | OcoRequest | TriggerRequest:
    """Returns what is sent for an intent: one order; a target and a stop of which one cancels the
    other; or an entry whose fill places them. Raises BadUsage for any other set of orders."""
    by_role = {order.role: order for order in intent.orders}
    if len(by_role) == len(intent.orders) == 1 and intent.client_list_id is None:
        return _single(intent.key.symbol, intent.orders[0])
    if len(by_role) == len(intent.orders) and intent.client_list_id is not None:
        if by_role.keys() == {Role.TARGET, Role.STOP}:
            return _oco(intent, intent.client_list_id, by_role)
        if Role.ENTRY in by_role and Role.STOP in by_role and Role.EXIT not in by_role:
            return _trigger(intent, intent.client_list_id, by_role)
    roles = ", ".join(order.role for order in intent.orders) or "none"
    raise BadUsage(
        f"{intent.key.symbol} {intent.intent_id}: no request has the orders [{roles}] "
        f"{'with' if intent.client_list_id else 'without'} a list id"
    )


def _digest(key: DecisionKey) -> bytes:
    parts = (key.account, key.symbol, str(key.open_time_ms), key.leg)
    # Each part carries its length, so that no two keys read the same.
    return sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).digest()


def _named(key: DecisionKey, epoch: int, letter: str) -> str:
    if not 0 <= epoch <= _MOST_EPOCH:
        raise BadUsage(f"epoch {epoch} does not fit into a client order id (0 to {_MOST_EPOCH})")
    # The last bytes: the first ones are the intent's id, which may be shown beside it.
    digest = b32encode(_digest(key)[-13:]).decode().lower()[:20]
    return f"lw-{_base36(epoch)}-{letter}{digest}"


def _base36(number: int) -> str:
    digits = ""
    while number >= 36:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return _DIGITS[number] + digits


def _parts(client_order_id: str) -> tuple[str, str]:
    found = _OURS.fullmatch(client_order_id)
    if found is None:
        raise BadUsage(f"client order id {client_order_id!r} is not one of ours (lw-EPOCH-...)")
    return found[1], found[2]


def _single(symbol: str, order: PlannedOrder) -> OrderRequest:
    return OrderRequest(
        symbol=symbol,
        side=order.side,
        type=order.type,
        client_order_id=order.client_order_id,
        quantity=order.quantity,
        price=order.price,
        stop_price=order.stop_price,
        time_in_force=order.time_in_force,
    )


def _oco(intent: IntentMade, client_list_id: str, orders: dict[Role, PlannedOrder]) -> OcoRequest:
    target, stop = orders[Role.TARGET], orders[Role.STOP]
    if stop.quantity is None or stop.quantity != target.quantity or stop.side is not target.side:
        raise BadUsage(
            f"{intent.key.symbol} {intent.intent_id}: target and stop need one side and quantity"
        )
    return OcoRequest(
        symbol=intent.key.symbol,
        side=stop.side,
        quantity=stop.quantity,
        client_list_id=client_list_id,
        above=_leg(target),
        below=_leg(stop),
    )


def _trigger(
    intent: IntentMade, client_list_id: str, orders: dict[Role, PlannedOrder]
) -> TriggerRequest:
    stop, target = orders[Role.STOP], orders.get(Role.TARGET)
    return TriggerRequest(
        working=_single(intent.key.symbol, orders[Role.ENTRY]),
        client_list_id=client_list_id,
        pending_side=stop.side,
        pending=_leg(stop if target is None else target),
        pending_below=None if target is None else _leg(stop),
        pending_quantity=stop.quantity,
    )


def _leg(order: PlannedOrder) -> Leg:
    return Leg(
        type=order.type,
        client_order_id=order.client_order_id,
        price=order.price,
        stop_price=order.stop_price,
        time_in_force=order.time_in_force,
    )
