"""The account loop: one pass over the candle steps, all symbols together."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leeward.compiled import compiled
from leeward.domain.columns import FloatColumn
from leeward.domain.timeframe import DAY_MS
from leeward.domain.trades import END_OF_DATA, STOP, TARGET
from leeward.engine.decide import decide
from leeward.engine.state import NO_ORDER, Advice, Market, Record, Rules
from leeward.risk.sizing import floor_to_step
from leeward.simulation.fills import NO_EXIT, close_position, fill_orders, sell_price, touch


class Fine(NamedTuple):
    """Finer candles behind the market's. `first[s, t]` is the row of the first of the `count`
    finer candles that cover the candle completely, or -1; empty without finer candles."""

    first: NDArray[np.int64]
    size: int
    open: FloatColumn
    high: FloatColumn
    low: FloatColumn


@compiled
def run_account(  # noqa: PLR0913, C901 - one fused loop: a call a candle would cost more than its work
    first: int,
    last: int,
    market: Market,
    fine: Fine,
    advice: Advice,
    rules: Rules,
    account: Record,
    positions: Record,
    orders: Record,
    trades: Record,
    refusals: NDArray[np.int64],
    equity: FloatColumn,
    exposure: FloatColumn,
) -> int:
    """Runs steps `first` to `last` (not included); returns the first step not run.

    Stops early only when `trades` could overflow, so that the caller can enlarge it and go on:
    all state is in `account`, `positions` and `orders`. Equity and exposure are written a step.
    """
    # The names below keep the arrays out of their tuples, which costs a hundredfold in the loop.
    open_time, rows, last_close = market.open_time, market.row, market.last_close
    highs, lows, waits, exits = market.high, market.low, advice.waits, advice.exit
    symbols = len(positions)
    most_trades = len(trades) - 2 * symbols
    by_time = rules.max_candles > 0
    rises = len(advice.trail) > 0 or (rules.ratchet_stop and len(advice.stop) > 0)
    finer = len(fine.first) > 0
    state = account[0]
    day_ends = state.day_ends - market.length_ms
    t = first
    while t < last:  # noqa: PLR1702 - as above
        if state.trades > most_trades:
            return t
        if state.open_positions == 0 and state.orders == 0 and waits[t] == 0:
            # Nothing can happen: equity stays, and so does the base of any day that begins.
            equity[t] = state.cash
            exposure[t] = 0.0
            t += 1
            continue
        if state.orders > 0:
            fill_orders(t, market, rules, account, positions, orders, trades, refusals)
        value = 0.0
        due = False
        if state.open_positions > 0:
            due = by_time or state.halted_step >= 0
            for s in range(symbols):
                position = positions[s]
                if position.quantity > 0.0:
                    if rows[s, t] >= 0:
                        high, low = highs[s, t], lows[s, t]
                        if finer or low <= position.stop or high >= position.target:
                            walk(t, s, market, fine, rules, account, positions, orders, trades)
                        else:
                            position.lowest = min(position.lowest, low)
                            position.highest = max(position.highest, high)
                        due |= exits[s, t] != 0
                    value += position.quantity * last_close[s, t]
        now = state.cash + value
        if open_time[t] > day_ends:
            day_ends = begin_day(open_time[t] + market.length_ms, account) - market.length_ms
        if now != state.equity:
            due |= mark(t, now, rules, account)
        equity[t] = now
        exposure[t] = value
        if rises and value > 0.0:
            raise_stops(t, market, advice, rules, positions)
        if due or waits[t] != 0:
            decide(t, market, advice, rules, account, positions, orders, refusals)
        t += 1
    return last


@compiled
def begin_day(closes_at: int, account: Record) -> int:
    """Starts the UTC day in which a candle closes; returns when the day ends.

    Its base for the daily loss is the equity of the close before.
    """
    # A candle that closes at midnight still belongs to the day that ends there.
    account[0].day_ends = (closes_at - 1) // DAY_MS * DAY_MS + DAY_MS
    account[0].day_base = account[0].equity
    account[0].daily_loss = 0
    return account[0].day_ends


@compiled
def mark(t: int, equity: float, rules: Rules, account: Record) -> bool:
    """Marks the account at a close; returns whether the drawdown limit has just been reached."""
    state = account[0]
    state.equity = equity
    state.peak = max(state.peak, equity)
    if equity <= (1.0 - rules.daily_loss) * state.day_base:
        state.daily_loss = 1
    if equity <= (1.0 - rules.max_drawdown) * state.peak and state.halted_step < 0:
        state.halted_step = t
        return True
    return False


@compiled
def close_all(  # noqa: PLR0913 - as above
    last: int,
    market: Market,
    rules: Rules,
    account: Record,
    positions: Record,
    orders: Record,
    trades: Record,
) -> None:
    """Sells every open position at its symbol's last close up to step `last` (END_OF_DATA)."""
    for s in range(len(positions)):
        orders[s].action = NO_ORDER
        if positions[s].quantity > 0.0:
            t = last
            while market.row[s, t] < 0:
                t -= 1
            reference = market.close[s, t]
            price = sell_price(reference, rules.slippage, rules.filters[s, 1])
            lowest = min(positions[s].lowest, price)
            highest = max(positions[s].highest, price)
            close_position(
                t, s, END_OF_DATA, reference, price, lowest, highest, 0,
                market, rules, account, positions, orders, trades,
            )  # fmt: skip


@compiled
def raise_stops(t: int, market: Market, advice: Advice, rules: Rules, positions: Record) -> None:
    """Raises the stops of open positions for the next candle; a stop never falls."""
    trails = len(advice.trail) > 0
    ratchets = rules.ratchet_stop and len(advice.stop) > 0
    for s in range(len(positions)):
        if positions[s].quantity > 0.0 and market.row[s, t] >= 0:
            if trails:
                _raise_stop(s, market.close[s, t] - advice.trail[s, t], rules, positions)
            if ratchets:
                _raise_stop(s, advice.stop[s, t], rules, positions)


@compiled
def _raise_stop(s: int, wanted: float, rules: Rules, positions: Record) -> None:
    if math.isfinite(wanted):
        stop = floor_to_step(wanted, rules.filters[s, 1])
        if not positions[s].stop >= stop:
            positions[s].stop = stop


@compiled
def walk(  # noqa: PLR0913 - as above
    t: int,
    s: int,
    market: Market,
    fine: Fine,
    rules: Rules,
    account: Record,
    positions: Record,
    orders: Record,
    trades: Record,
) -> None:
    """Holds the position through the candle, or sells it where stop or target is touched."""
    position = positions[s]
    just_opened = position.entry_step == t
    begin = fine.first[s, t] if len(fine.first) else -1
    for i in range(fine.size if begin >= 0 else 1):
        if begin >= 0:
            open_, high, low = fine.open[begin + i], fine.high[begin + i], fine.low[begin + i]
        else:
            open_, high, low = market.open[s, t], market.high[s, t], market.low[s, t]
        stop, target = position.stop, position.target
        reason, reference = touch(open_, high, low, stop, target, just_opened and i == 0)
        if reason == NO_EXIT:
            position.lowest = min(position.lowest, low)
            position.highest = max(position.highest, high)
            continue
        slippage = 0.0 if reason == TARGET else rules.slippage
        price = sell_price(reference, slippage, rules.filters[s, 1])
        lowest = min(position.lowest, price)
        if reason == TARGET and (reference != open_ or (just_opened and i == 0)):
            lowest = min(lowest, low)
        ambiguous = 1 if reason == STOP and high >= target else 0
        close_position(
            t, s, reason, reference, price, lowest, max(position.highest, price), ambiguous,
            market, rules, account, positions, orders, trades,
        )  # fmt: skip
        return
