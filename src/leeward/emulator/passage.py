"""How time passes on the floor: ticks, closes of bars, timers, in one fixed order."""

from __future__ import annotations

import heapq

from leeward.emulator.book import SELL
from leeward.emulator.floor import TIMER, Floor
from leeward.emulator.frames import Wire
from leeward.emulator.market import Market
from leeward.emulator.order_lists import enter_pending
from leeward.emulator.path import Tick
from leeward.emulator.sweep import sweep


def advance(floor: Floor, wire: Wire, until_us: int) -> int:
    """Processes every event up to and including `until_us` and returns how many."""
    count = 0
    queue = floor.queue
    while queue and queue[0][0] <= until_us:
        time_us, order, _, name = heapq.heappop(queue)
        floor.time_us = max(floor.time_us, time_us)
        if order == TIMER:
            wire.timer(floor, name)
        else:
            market = floor.markets[name]
            _market_event(floor, wire, market)
            floor.schedule_market(market)
        count += 1
    floor.time_us = max(floor.time_us, until_us)
    return count


def _market_event(floor: Floor, wire: Wire, market: Market) -> None:
    if not market.prepared:
        market.open_bar(low_first=_low_first(floor, market))
    elif market.position < len(market.script):
        tick = market.script[market.position]
        market.position += 1
        tick_now(floor, wire, market, tick)
    else:
        bar = market.close_bar()
        floor.log.write(f"C|{market.rules.symbol}|{'|'.join(map(str, bar))}")
        wire.closed(floor, market, bar)


def tick_now(floor: Floor, wire: Wire, market: Market, tick: Tick) -> None:
    """Trades a tick in public and lets open orders act on it."""
    before = market.last_price
    trade = market.trade(tick)
    floor.log.write(
        f"T|{market.rules.symbol}|{trade.trade_id}|{trade.price}|{trade.qty}|{floor.time_us}"
        f"|{trade.buyer_maker:d}"
    )
    if market.rules.status not in {"TRADING", "CANCEL_ONLY"}:
        market.gap = True
    elif market.resting or market.waiting:
        sweep(floor, market, before, tick)
        enter_pending(floor)
        floor.end_burst()
    wire.changed(floor, market, trade)


def _low_first(floor: Floor, market: Market) -> bool | None:
    """Returns which extreme the next bar visits first; None leaves it to the seed."""
    mode = floor.options.path
    if mode == "seeded":
        return None
    if mode in {"low_first", "high_first"}:
        return mode == "low_first"
    if mode == "adverse":
        sides = [order.side for order in (*market.waiting.values(), *market.resting.values())]
        if sides:
            return 2 * sides.count(SELL) >= len(sides)
    bar = market.source_bar()
    return bar is None or bar.close >= bar.open
