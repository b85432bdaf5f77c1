"""How the legs of order lists act on each other, and how an order ends."""

from __future__ import annotations

from leeward.emulator.book import BUY
from leeward.emulator.floor import Floor
from leeward.emulator.orders import Order, OrderList
from leeward.emulator.units import product


def lock_asset(floor: Floor, order: Order) -> str:
    """Returns the asset an order pays with."""
    rules = floor.markets[order.symbol].rules
    return rules.quote if order.side == BUY else rules.base


def need(order: Order) -> int:
    """Returns what the rest of an order keeps locked."""
    return product(order.lock_price, order.remaining) if order.side == BUY else order.remaining


def relock(floor: Floor, order: Order) -> None:
    """Releases what an order no longer needs to hold."""
    if order.locked:
        wanted = need(order)
        account = floor.accounts[order.account]
        account.unlock(lock_asset(floor, order), order.locked - wanted)
        order.locked = wanted


def close(floor: Floor, order: Order, status: str) -> None:
    """Takes an order off the books with its final status and releases its lock."""
    market = floor.markets[order.symbol]
    if market.resting.pop(order.order_id, None) is not None:
        market.book.changed()
    market.waiting.pop(order.order_id, None)
    order.status = status
    order.working = False
    account = floor.accounts[order.account]
    account.open.pop((order.symbol, order.client_id), None)
    if order.locked:
        account.unlock(lock_asset(floor, order), order.locked)
        order.locked = 0


def expire(floor: Floor, order: Order, reason: str) -> None:
    """Ends an order as EXPIRED for `reason`, and what hangs on it."""
    close(floor, order, "EXPIRED")
    order.expiry = reason
    floor.report(order, "EXPIRED")
    after_end(floor, order)


def list_of(floor: Floor, order: Order) -> OrderList | None:
    return None if order.list_id == -1 else floor.lists[order.list_id]


def announce(floor: Floor, order: Order) -> None:
    """Says, right after the working leg's own NEW, that its pending legs are there."""
    found = list_of(floor, order)
    if found is not None and order is found.working_leg:
        for leg in found.legs[1:]:
            floor.report(leg, "NEW")


def before_execution(floor: Floor, order: Order) -> None:
    """Expires the other leg of an OCO before this one trades or is triggered; what both held
    together is this one's now."""
    found = list_of(floor, order)
    if found is None or order not in found.pair:
        return
    other = found.pair[0] if found.pair[1] is order else found.pair[1]
    found.pair = []
    order.locked, found.locked = found.locked, 0
    relock(floor, order)
    if other.is_open:
        expire(floor, other, "OCO_TRIGGER")


def after_fill(floor: Floor, order: Order, received: int) -> None:
    """Keeps what the working leg of an OPO bought for its pending legs."""
    found = list_of(floor, order)
    if found is None or not found.kind.startswith("OPO") or order is not found.legs[0]:
        return
    floor.accounts[order.account].lock(floor.markets[order.symbol].rules.base, received)
    found.locked += received
    found.bought += received


def after_end(floor: Floor, order: Order) -> None:
    """Lets pending legs enter after a full fill of the working leg, expires them after any other
    end, and closes the list with its last leg."""
    found = list_of(floor, order)
    if found is None or found.status == "ALL_DONE":
        return
    if order in found.pair:  # ended without a trade, by self-trade prevention or by hand
        legs = [leg for leg in found.pair if leg.is_open]
        release(floor, found)
        for leg in legs:
            expire(floor, leg, "OCO_TRIGGER")
    elif order is found.working_leg:
        if order.status == "FILLED":
            floor.entering.append(found)
            return
        release(floor, found)
        for leg in found.legs[1:]:
            if leg.is_open:
                close(floor, leg, "EXPIRED")
                leg.expiry = "OTO_PHASE_ONE_EXPIRED"
                floor.report(leg, "EXPIRED")
    finish(floor, found)


def finish(floor: Floor, found: OrderList) -> None:
    """Marks a list whose legs have all ended, and says so."""
    if found.status == "ALL_DONE" or any(leg.is_open for leg in found.legs):
        return
    release(floor, found)
    found.status = found.status_type = "ALL_DONE"
    floor.report_list(found, "ALL_DONE")


def release(floor: Floor, found: OrderList) -> None:
    """Frees what the legs of a list hold together."""
    if found.locked:
        account = floor.accounts[found.account]
        account.unlock(lock_asset(floor, found.legs[-1]), found.locked)
        found.locked = 0
    found.pair = []
