"""What a tick does to open orders: resting limits fill, stops trigger, pending legs enter.

Inside a bar the price moves continuously from one tick to the next, so a stop between them is
triggered at its own price; a jump (a bar's first tick, a scripted price) triggers it at the price
jumped to. Orders met on the way are handled in the order the price reaches them.
"""

from __future__ import annotations

from leeward.emulator.book import BUY
from leeward.emulator.floor import Floor
from leeward.emulator.market import Market
from leeward.emulator.matching import fill, house, trigger
from leeward.emulator.order_lists import enter_pending
from leeward.emulator.orders import Order
from leeward.emulator.path import Tick

_BIPS = 10_000


def sweep(floor: Floor, market: Market, start: int, tick: Tick) -> None:
    """Moves the price from `start` to the tick and lets every open order on the way act."""
    end = tick.price
    part = floor.options.participation
    step = market.book.step
    budget = int(tick.qty * part) // step * step
    tried: set[int] = set()
    market.cursor = end if tick.jump or market.gap else start
    market.gap = False
    market.book.move(market.cursor, buyer_maker=end <= market.cursor)
    while (met := _next(market, end, tried)) is not None:
        price, order = met
        if price != market.cursor:
            market.book.move(price, buyer_maker=end <= price)
            market.cursor = price
        if order.order_id in market.waiting:
            _stop(floor, market, order)
        else:
            tried.add(order.order_id)
            quantity = min(order.remaining, budget)
            budget -= quantity
            passive_fill(floor, market, order, quantity)
        enter_pending(floor)
    market.cursor = end
    market.book.move(end, buyer_maker=tick.buyer_maker)
    _touch(floor, market, tick, budget)
    _follow(floor, market, end)


def passive_fill(floor: Floor, market: Market, order: Order, quantity: int) -> None:
    """Fills a resting order at its own price against the made-up market."""
    if quantity <= 0:
        return
    number = market.next_trade_id
    market.next_trade_id += 1
    house(floor, market, order.side, order.price, quantity)
    fill(floor, market, order, (number, order.price, quantity), is_maker=True)
    floor.execution_id += 1
    market.book.changed()


def _next(market: Market, end: int, tried: set[int]) -> tuple[int, Order] | None:
    """Returns the open order that the price meets next on its way to `end`, and where."""
    cursor = market.cursor
    best: tuple[int, int, int, int] | None = None
    found: Order | None = None
    price = 0
    for order in market.resting.values():
        limit = order.price
        if order.order_id in tried or not (end < limit if order.side == BUY else end > limit):
            continue
        at = min(limit, cursor) if order.side == BUY else max(limit, cursor)
        better = -limit if order.side == BUY else limit
        key = (abs(at - cursor), 0, better, order.sequence)
        if best is None or key < best:
            best, found, price = key, order, at
    for order in market.waiting.values():
        level, above = trigger_level(market, order)
        if not level or not (end >= level if above else end <= level):
            continue
        at = max(level, cursor) if above else min(level, cursor)
        key = (abs(at - cursor), 1, 0, order.sequence)
        if best is None or key < best:
            best, found, price = key, order, at
    return None if found is None else (price, found)


def trigger_level(market: Market, order: Order) -> tuple[int, bool]:
    """Returns the price at which a waiting stop acts and whether it is met by rising; 0 where
    tracking has not begun and no stop price is set."""
    if not order.trailing or order.trailing_ms == -1:
        return order.stop_price, order.triggers_above
    tick = market.book.tick_size
    if order.side == BUY:
        level = order.extreme * (_BIPS + order.trailing)
        return -(-level // (_BIPS * tick)) * tick, True
    return order.extreme * (_BIPS - order.trailing) // (_BIPS * tick) * tick, False


def _stop(floor: Floor, market: Market, order: Order) -> None:
    if order.trailing and order.trailing_ms == -1:
        order.extreme, order.trailing_ms = market.cursor, floor.now_ms
        return
    trigger(floor, market, order)


def _touch(floor: Floor, market: Market, tick: Tick, budget: int) -> None:
    """Lets volume traded exactly at a resting order's price wear down the queue before it."""
    for order in sorted(market.resting.values(), key=lambda order: order.sequence):
        if order.price != tick.price or order.order_id not in market.resting:
            continue
        if (order.side == BUY) != tick.buyer_maker and not floor.options.touch_fills:
            continue
        worn = min(order.queue_ahead, 0 if floor.options.touch_fills else tick.qty)
        order.queue_ahead -= worn
        if order.queue_ahead and not floor.options.touch_fills:
            continue
        step = market.book.step
        over = int((tick.qty - worn) * floor.options.participation) // step * step
        quantity = min(order.remaining, budget, over, order.visible)
        if quantity > 0:
            budget -= quantity
            passive_fill(floor, market, order, quantity)
            _refill(floor, market, order, quantity)
            enter_pending(floor)


def _refill(floor: Floor, market: Market, order: Order, quantity: int) -> None:
    """Shows the next part of an iceberg, behind what is displayed by then."""
    order.visible -= quantity
    if order.visible <= 0 and order.is_open:
        order.visible = min(order.iceberg or order.remaining, order.remaining)
        order.queue_ahead = market.book.at(order.side, order.price)
        order.sequence = floor.next_sequence()


def _follow(floor: Floor, market: Market, price: int) -> None:
    """Moves the extremes that trailing stops follow; tracking without a stop price starts here."""
    for order in market.waiting.values():
        if not order.trailing:
            continue
        if order.trailing_ms == -1:
            if not order.stop_price:
                order.extreme, order.trailing_ms = price, floor.now_ms
        elif order.side == BUY:
            order.extreme = min(order.extreme, price)
        else:
            order.extreme = max(order.extreme, price)
