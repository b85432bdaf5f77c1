"""Pegged orders: limit orders that take their price from the book when they enter it."""

from __future__ import annotations

from typing import Final

from leeward.emulator import contingency, filters
from leeward.emulator.book import BUY, SELL
from leeward.emulator.floor import Floor
from leeward.emulator.market import Market
from leeward.emulator.orders import PRIMARY_PEG, Order
from leeward.emulator.rejections import Rejection, refused
from leeward.emulator.tickers import levels

_NO_LEVEL: Final = "Order book liquidity is too low for this pegged order."


def peg(market: Market, order: Order) -> None:
    """Gives an order the price of its level of the book, but none worse than the price it names;
    refuses (-2010) where the book has no such level."""
    assert order.peg is not None
    own_side = order.peg.price_type == PRIMARY_PEG
    side = order.side if own_side else SELL if order.side == BUY else BUY
    found = levels(market, side, order.peg.offset + 1)
    if len(found) <= order.peg.offset:
        raise refused(_NO_LEVEL)
    price, _ = found[order.peg.offset]
    if order.asked_price:
        price = (min if order.side == BUY else max)(price, order.asked_price)
    order.price = order.pegged_price = price


def unpeg(order: Order) -> None:
    """Leaves the price open until the order is triggered."""
    order.price, order.pegged_price = order.asked_price, 0


def peg_triggered(floor: Floor, market: Market, order: Order) -> bool:
    """Prices a pegged stop that is triggered now and locks what it needs at that price; expires it
    (REJECTED) and returns False where filters, funds or the book do not allow it."""
    try:
        peg(market, order)
        filters.check_order(floor, order)
        order.lock_price = order.price
        account, asset = floor.accounts[order.account], contingency.lock_asset(floor, order)
        more = contingency.need(order) - order.locked
        if more > 0:
            account.lock(asset, more)
            order.locked += more
    except Rejection:
        contingency.expire(floor, order, "REJECTED")
        return False
    contingency.relock(floor, order)
    return True
