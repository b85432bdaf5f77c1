"""The equalities that must hold at every moment of a session."""

from __future__ import annotations

from itertools import pairwise

from leeward.emulator.accounts import Account
from leeward.emulator.contingency import lock_asset, need
from leeward.emulator.floor import Floor
from leeward.emulator.orders import Order


def audit(floor: Floor) -> list[str]:
    """Returns what is wrong, one sentence each: money conserved to the unit, nothing negative,
    locks equal to open orders, fills within quantity and price, ids in order."""
    wrong = _conserved(floor)
    for account in floor.accounts.values():
        wrong += _locks(floor, account)
        for orders in account.orders.values():
            for order in orders:
                wrong += _fills(order)
    for symbol, market in floor.markets.items():
        ids = [trade.trade_id for trade in market.trades]
        if any(b <= a for a, b in pairwise(ids)):
            wrong.append(f"{symbol}: public trade ids do not rise")
        if market.next_order_id - 1 != len(market.orders):
            wrong.append(f"{symbol}: order ids have gaps")
    return wrong


def _conserved(floor: Floor) -> list[str]:
    totals: dict[str, int] = {}
    for account in floor.accounts.values():
        for asset, held in account.balances.items():
            totals[asset] = totals.get(asset, 0) + held.free + held.locked
        for asset, amount in account.deposited.items():
            totals[asset] = totals.get(asset, 0) - amount
    for book in (floor.house, floor.fees):
        for asset, amount in book.items():
            totals[asset] = totals.get(asset, 0) + amount
    return [
        f"{asset}: {total} units appeared or vanished" for asset, total in totals.items() if total
    ]


def _locks(floor: Floor, account: Account) -> list[str]:
    expected = dict(account.external)
    wrong = []
    for order in account.open.values():
        if order.locked:
            asset = lock_asset(floor, order)
            expected[asset] = expected.get(asset, 0) + order.locked
            if order.locked != need(order):
                wrong.append(f"order {order.order_id} locks {order.locked}, needs {need(order)}")
    for found in floor.lists.values():
        if found.account == account.name and found.locked:
            asset = lock_asset(floor, found.legs[-1])
            expected[asset] = expected.get(asset, 0) + found.locked
    for asset, held in account.balances.items():
        if held.free < 0 or held.locked < 0:
            wrong.append(f"{account.name}: {asset} is negative ({held.free}, {held.locked})")
        if held.locked != expected.get(asset, 0):
            wrong.append(
                f"{account.name}: {asset} has {held.locked} locked, open orders hold "
                f"{expected.get(asset, 0)}"
            )
    return wrong


def _fills(order: Order) -> list[str]:
    wrong = []
    if sum(fill.qty for fill in order.fills) != order.executed:
        wrong.append(f"order {order.order_id}: fills do not sum to what was executed")
    if order.executed + order.prevented > order.qty and not order.size_pending:
        wrong.append(f"order {order.order_id}: executed more than its quantity")
    if order.at_market or order.type == "MARKET":
        return wrong
    buying = order.side == "BUY"
    beyond = [
        f for f in order.fills if (f.price > order.price if buying else f.price < order.price)
    ]
    return wrong + [f"order {order.order_id}: filled beyond its price" for _ in beyond]
