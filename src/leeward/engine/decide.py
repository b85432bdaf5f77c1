"""The decision core: one candle close in, exits and entries (or refusals) out."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from leeward.compiled import compiled
from leeward.domain.trades import CONTAINMENT, SIGNAL, TIME
from leeward.engine.state import BUY, CANDIDATE, NO_ORDER, SELL, Advice, Market, Record, Rules
from leeward.risk.correlation import correlated
from leeward.risk.refusals import (
    AGAINST_TREND,
    BELOW_MINIMUM,
    COOLDOWN,
    CORRELATED,
    DAILY_LOSS,
    HALTED,
    MAX_EXPOSURE,
    MAX_OPEN_POSITIONS,
    NO_STOP,
    NOT_READY,
)
from leeward.risk.sizing import ceil_to_step, floor_to_step, ladder_factor
from leeward.risk.trend_gate import AGAINST, UNKNOWN

_ACCEPTED = -1


@compiled
def decide(  # noqa: PLR0913 - compiled code takes its arrays apart, not wrapped in objects
    t: int,
    market: Market,
    advice: Advice,
    rules: Rules,
    account: Record,
    positions: Record,
    orders: Record,
    refusals: NDArray[np.int64],
) -> None:
    """Decides at the close of step `t`: fills `orders` and counts what the gate refused.

    `account` (one record, marked at this close) and `positions` are only read. An order already
    waiting is left as it is. Backtest and paper call this at every step, live once per close.
    """
    waiting = _decide_exits(t, market, advice, rules, account[0], positions, orders)
    account[0].orders = _decide_entries(
        t, market, advice, rules, account[0], positions, orders, refusals, waiting
    )


@compiled
def _decide_exits(  # noqa: PLR0913 - as above
    t: int,
    market: Market,
    advice: Advice,
    rules: Rules,
    account: Record,
    positions: Record,
    orders: Record,
) -> int:
    waiting = 0
    for s in range(len(positions)):
        if orders[s].action == NO_ORDER and positions[s].quantity > 0.0:
            reason = -1
            present = market.row[s, t] >= 0
            held = market.row[s, t] - positions[s].entry_row + 1
            if account.halted_step >= 0:
                reason = CONTAINMENT
            elif present and advice.exit[s, t] != 0:
                reason = SIGNAL
            elif present and 0 < rules.max_candles <= held:
                reason = TIME
            if reason >= 0:
                orders[s].action = SELL
                orders[s].reason = reason
                orders[s].tag = advice.exit[s, t] if reason == SIGNAL else 0
        if orders[s].action != NO_ORDER:
            waiting += 1
    return waiting


@compiled
def _decide_entries(  # noqa: PLR0913 - as above
    t: int,
    market: Market,
    advice: Advice,
    rules: Rules,
    account: Record,
    positions: Record,
    orders: Record,
    refusals: NDArray[np.int64],
    waiting: int,
) -> int:
    symbols = len(positions)
    count = 0
    for s in range(symbols):
        if (
            market.row[s, t] >= 0
            and advice.entry[s, t] != 0
            and advice.exit[s, t] == 0
            and positions[s].quantity == 0.0
            and orders[s].action == NO_ORDER
        ):
            orders[s].action = CANDIDATE
            count += 1
    rank = 0
    for _ in range(count):
        s = _next_candidate(t, advice, orders)
        orders[s].action = NO_ORDER
        verdict = _gate(t, s, market, advice, rules, account, positions, orders)
        if verdict == _ACCEPTED:
            orders[s].action = BUY
            orders[s].tag = advice.entry[s, t]
            orders[s].rank = rank
            rank += 1
        else:
            refusals[s, verdict] += 1
    return waiting + rank


@compiled
def _next_candidate(
    t: int,
    advice: Advice,
    orders: Record,
) -> int:
    """Returns the candidate with the highest confidence; the first symbol among equals."""
    best = -1
    for s in range(len(orders)):
        if orders[s].action == CANDIDATE:
            if len(advice.confidence) == 0:
                return s
            if best < 0 or advice.confidence[s, t] > advice.confidence[best, t]:
                best = s
    return best


@compiled
def _gate(  # noqa: PLR0913, C901 - the refusals of the contract, in its order
    t: int,
    s: int,
    market: Market,
    advice: Advice,
    rules: Rules,
    account: Record,
    positions: Record,
    orders: Record,
) -> int:
    """Writes quantity, stop and target of an accepted entry; returns _ACCEPTED or the refusal."""
    close = market.close[s, t]
    asked = advice.size[s, t]
    if advice.gate[s, t] == UNKNOWN or not math.isfinite(asked):
        return NOT_READY
    if len(advice.confidence) and not math.isfinite(advice.confidence[s, t]):
        return NOT_READY
    if account.halted_step >= 0:
        return HALTED
    if account.daily_loss != 0:
        return DAILY_LOSS
    if market.row[s, t] - positions[s].stop_row < rules.cooldown:
        return COOLDOWN
    kept, exposure = _kept(t, market, positions, orders)
    if kept >= rules.max_open_positions:
        return MAX_OPEN_POSITIONS
    if advice.gate[s, t] == AGAINST:
        return AGAINST_TREND
    stop = _stop(t, s, close, advice, rules)
    if not np.isnan(stop) and not 0.0 < stop < close:
        return NO_STOP
    equity = account.equity
    room = rules.max_exposure * equity - exposure
    if room <= 0.0:
        return MAX_EXPOSURE
    size = min(asked * equity, rules.max_position * equity, room)
    if not np.isnan(stop):
        size = min(size, rules.risk_per_trade * equity * close / (close - stop))
    # Correlation is worth computing only where the limit could bind.
    rest = rules.max_correlated * equity - exposure
    if rest < size or rest <= 0.0:
        beside = _correlated_exposure(t, s, market, rules, positions, orders)
        room = rules.max_correlated * equity - beside
        if room <= 0.0:
            return CORRELATED
        size = min(size, room)
    size *= ladder_factor(rules.ladder, equity, account.peak)
    quantity = floor_to_step(size / close, rules.filters[s, 0])
    if quantity <= 0.0 or quantity * close < rules.filters[s, 2]:
        return BELOW_MINIMUM
    orders[s].quantity = quantity
    orders[s].stop = stop
    orders[s].target = _target(t, s, advice, rules)
    return _ACCEPTED


@compiled
def _kept(
    t: int,
    market: Market,
    positions: Record,
    orders: Record,
) -> tuple[int, float]:
    """Returns how many positions stay or are about to open, and their value at this close."""
    count = 0
    value = 0.0
    for s in range(len(positions)):
        quantity = _quantity_kept(s, positions, orders)
        if quantity > 0.0:
            count += 1
            value += quantity * market.last_close[s, t]
    return count, value


@compiled
def _quantity_kept(
    s: int,
    positions: Record,
    orders: Record,
) -> float:
    if orders[s].action == BUY:
        return orders[s].quantity
    if orders[s].action == SELL:
        return 0.0
    return positions[s].quantity


@compiled
def _correlated_exposure(
    t: int,
    s: int,
    market: Market,
    rules: Rules,
    positions: Record,
    orders: Record,
) -> float:
    value = 0.0
    for other in range(len(positions)):
        if other != s:
            quantity = _quantity_kept(other, positions, orders)
            if quantity > 0.0 and correlated(
                market.returns[s], market.returns[other], t, rules.correlation_threshold
            ):
                value += quantity * market.last_close[other, t]
    return value


@compiled
def _stop(
    t: int,
    s: int,
    close: float,
    advice: Advice,
    rules: Rules,
) -> float:
    stop = advice.stop[s, t] if len(advice.stop) else np.nan
    if not math.isfinite(stop):
        stop = close * (1.0 - rules.default_stop) if rules.require_stop else np.nan
    return floor_to_step(stop, rules.filters[s, 1]) if math.isfinite(stop) else np.nan


@compiled
def _target(
    t: int,
    s: int,
    advice: Advice,
    rules: Rules,
) -> float:
    target = advice.target[s, t] if len(advice.target) else np.nan
    return ceil_to_step(target, rules.filters[s, 1]) if math.isfinite(target) else np.nan
