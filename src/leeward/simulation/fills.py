"""Fill, fee and slippage rules: what an order or a touched stop costs and brings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leeward.compiled import compiled
from leeward.domain.trades import STOP, STOP_GAP, TARGET
from leeward.engine.state import BUY, NO_ORDER, SELL, Market, Record, Rules
from leeward.risk.refusals import INSUFFICIENT_CASH, NO_CANDLE, STOP_CROSSED, TARGET_CROSSED
from leeward.risk.sizing import ceil_to_step, floor_to_step

#: Answers of `fill_entry` beside the refusals.
FILLED = -1
#: Answer of `touch` where neither stop nor target is reached.
NO_EXIT = -1


@compiled
def fill_orders(  # noqa: PLR0913 - compiled code takes its arrays apart, not wrapped in objects
    t: int,
    market: Market,
    rules: Rules,
    account: Record,
    positions: Record,
    orders: Record,
    trades: Record,
    refusals: NDArray[np.int64],
) -> None:
    """Fills at the opens of step `t` what was decided before: exits first, then entries by rank.

    An entry whose symbol has no candle lapses; an exit waits for the symbol's next candle.
    """
    entries = 0
    waiting = 0
    for s in range(len(orders)):
        if orders[s].action == SELL:
            if market.row[s, t] < 0:
                waiting += 1
                continue
            reference = market.open[s, t]
            price = sell_price(reference, rules.slippage, rules.filters[s, 1])
            lowest = min(positions[s].lowest, price)
            highest = max(positions[s].highest, price)
            close_position(
                t, s, orders[s].reason, reference, price, lowest, highest, 0,
                market, rules, account, positions, orders, trades,
            )  # fmt: skip
            orders[s].action = NO_ORDER
        elif orders[s].action == BUY:
            entries += 1
    for rank in range(entries):
        s = _ranked(rank, orders)
        verdict = fill_entry(t, s, market, rules, account, positions, orders)
        if verdict != FILLED:
            refusals[s, verdict] += 1
        orders[s].action = NO_ORDER
    account[0].orders = waiting


@compiled
def _ranked(rank: int, orders: Record) -> int:
    s = 0
    while orders[s].action != BUY or orders[s].rank != rank:
        s += 1
    return s


@compiled
def fill_entry(  # noqa: PLR0913 - as above
    t: int,
    s: int,
    market: Market,
    rules: Rules,
    account: Record,
    positions: Record,
    orders: Record,
) -> int:
    """Buys what `orders[s]` says at the open; returns FILLED or the refusal."""
    order = orders[s]
    if market.row[s, t] < 0:
        return NO_CANDLE
    reference = market.open[s, t]
    if reference <= order.stop:
        return STOP_CROSSED
    if reference >= order.target:
        return TARGET_CROSSED
    price = buy_price(reference, rules.slippage, rules.filters[s, 1])
    quantity = order.quantity
    cash = account[0].cash
    if quantity * price * (1.0 + rules.fee) > cash:
        quantity = floor_to_step(cash / (price * (1.0 + rules.fee)), rules.filters[s, 0])
        if quantity <= 0.0 or quantity * price < rules.filters[s, 2]:
            return INSUFFICIENT_CASH
    cost = quantity * price
    fee = cost * rules.fee
    account[0].cash = cash - (cost + fee)
    account[0].open_positions += 1
    position = positions[s]
    position.quantity = quantity
    position.entry_price = price
    position.entry_cost = cost
    position.fees = fee
    position.slippage = quantity * (price - reference)
    position.first_stop = order.stop
    position.stop = order.stop
    position.target = order.target
    position.lowest = price
    position.highest = price
    position.entry_step = t
    position.entry_row = market.row[s, t]
    position.entry_tag = order.tag
    return FILLED


@compiled
def buy_price(reference: float, slippage: float, tick: float) -> float:
    """Returns what a purchase at `reference` costs a unit, before the fee."""
    return ceil_to_step(reference * (1.0 + slippage), tick)


@compiled
def sell_price(reference: float, slippage: float, tick: float) -> float:
    """Returns what a sale at `reference` brings a unit, before the fee."""
    return floor_to_step(reference * (1.0 - slippage), tick)


@compiled
def close_position(  # noqa: PLR0913 - as above
    t: int,
    s: int,
    reason: int,
    reference: float,
    price: float,
    lowest: float,
    highest: float,
    ambiguous: int,
    market: Market,
    rules: Rules,
    account: Record,
    positions: Record,
    orders: Record,
    trades: Record,
) -> None:
    """Sells the whole position at `price` and writes the trade."""
    position = positions[s]
    proceeds = position.quantity * price
    fee = proceeds * rules.fee
    account[0].cash += proceeds - fee
    account[0].open_positions -= 1
    trade = trades[account[0].trades]
    account[0].trades += 1
    trade.symbol = s
    trade.entry_time = market.open_time[position.entry_step]
    trade.entry_price = position.entry_price
    trade.quantity = position.quantity
    trade.exit_time = market.open_time[t]
    trade.exit_price = price
    trade.fees = position.fees + fee
    trade.slippage = position.slippage + position.quantity * (reference - price)
    trade.pnl = proceeds - position.entry_cost - trade.fees
    trade.stop = position.first_stop
    trade.target = position.target
    trade.last_stop = position.stop
    trade.lowest = lowest
    trade.highest = highest
    trade.candles = market.row[s, t] - position.entry_row
    trade.exit_reason = reason
    trade.entry_tag = position.entry_tag
    trade.exit_tag = orders[s].tag if orders[s].action == SELL else 0
    trade.ambiguous = ambiguous
    position.quantity = 0.0
    if reason in (STOP, STOP_GAP):
        position.stop_row = market.row[s, t]


@compiled
def touch(
    open_: float, high: float, low: float, stop: float, target: float, just_opened: bool
) -> tuple[int, float]:
    """Returns the exit the candle causes and its reference price, by the first rule that holds.

    open <= stop: (STOP_GAP, open); open >= target: (TARGET, open), both not in the candle of the
    entry; low <= stop: (STOP, stop); high >= target: (TARGET, target); else (NO_EXIT, NaN). NaN
    stands for no stop or no target.
    """
    if not just_opened:
        if open_ <= stop:
            return STOP_GAP, open_
        if open_ >= target:
            return TARGET, open_
    if low <= stop:
        return STOP, stop
    if high >= target:
        return TARGET, target
    return NO_EXIT, np.nan
