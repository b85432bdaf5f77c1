"""What a network learns to answer: the next return, or how a trade of the rule would end."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from leeward.domain.candles import Candles
from leeward.domain.columns import BoolColumn, FloatColumn, IntColumn
from leeward.strategies.base import Strategy
from leeward.strategies.evaluate import evaluate, strategy_need
from leeward.strategies.informative import build_frame

#: Labels beyond so many times the volatility teach nothing but themselves.
CLIP = 5.0
#: A trade of the rule that meets neither stop nor target is judged after so many candles.
TRADE_CANDLES = 24
#: The target lies so many times as far away as the stop.
REWARD = 2.0


def next_returns(candles: Candles, rows: IntColumn) -> FloatColumn:
    """Returns log(next close / close) at each row, NaN where the next candle is missing."""
    out = np.full(len(rows), np.nan)
    has = rows + 1 < len(candles)
    row = rows[has]
    step = candles.open_time[row + 1] - candles.open_time[row]
    moves = np.log(candles.close[row + 1] / candles.close[row])
    out[has] = np.where(step == candles.timeframe.length_ms, moves, np.nan)
    return out


def return_labels(moves: FloatColumn, sigma: FloatColumn) -> FloatColumn:
    """Returns the moves in units of volatility, clipped at 5; NaN stays NaN.

    >>> return_labels(np.array([0.01, -0.2]), np.array([0.02, 0.01])).tolist()
    [0.5, -5.0]
    """
    return np.clip(moves / sigma, -CLIP, CLIP)


class Outcomes(NamedTuple):
    """How trades end: gain as a fraction of the entry price before costs, candles until then."""

    gain: FloatColumn
    candles: IntColumn


def triple_barrier(
    candles: Candles, rows: IntColumn, stop: FloatColumn, target: FloatColumn, horizon: int
) -> Outcomes:
    """Returns how a trade decided at the close of each row ends.

    It enters at the next open and leaves at its stop, its target, or the close of the last of
    `horizon` candles. A candle that touches both counts as the stop; one that opens beyond a
    barrier leaves there. `stop` and `target` are prices, one a row. NaN where fewer candles follow,
    one is missing, or the entry opens beyond a barrier. Source: Lopez de Prado, "Advances in
    Financial Machine Learning", 2018, chapter 3.
    """
    gain, length = np.full(len(rows), np.nan), np.zeros(len(rows), np.int64)
    has = rows + horizon < len(candles)
    row = rows[has]
    at = row[:, np.newaxis] + np.arange(1, horizon + 1)
    span = candles.open_time[row + horizon] - candles.open_time[row]
    whole = span == horizon * candles.timeframe.length_ms
    low_barrier, high_barrier = stop[has][:, np.newaxis], target[has][:, np.newaxis]
    opens = candles.open[at]
    entry = opens[:, 0]
    stopped, taken = candles.low[at] <= low_barrier, candles.high[at] >= high_barrier
    first_stop, first_target = _first(stopped), _first(taken)
    end = np.minimum(np.minimum(first_stop, first_target), horizon - 1)
    each = np.arange(len(row))
    open_at_end = opens[each, end]
    price = np.where(
        first_stop <= np.minimum(first_target, horizon - 1),
        np.minimum(stop[has], open_at_end),
        np.where(
            first_target < horizon,
            np.maximum(target[has], open_at_end),
            candles.close[at][each, end],
        ),
    )
    possible = whole & (entry > stop[has]) & (entry < target[has])
    gain[has] = np.where(possible, price / entry - 1.0, np.nan)
    length[has] = end + 1
    return Outcomes(gain, length)


def _first(touched: BoolColumn) -> IntColumn:
    """Returns the first touched candle of each row, the number of candles where there is none."""
    first: IntColumn = np.where(touched.any(axis=1), touched.argmax(axis=1), touched.shape[1])
    return first


class Held(NamedTuple):
    """The rule candle by candle: whether it would be long after the close, and its stop price."""

    long: BoolColumn
    stop: FloatColumn


def rule_positions(strategy: Strategy, candles: Candles) -> Held:
    """Returns where the rule would hold a position: from an entry signal until an exit signal."""
    frame = build_frame(candles, {})
    evaluation = evaluate(strategy, frame, strategy_need(strategy, frame.columns))
    signals = evaluation.signals
    enters, leaves = signals.entry > 0, signals.exit > 0
    last = np.maximum.accumulate(np.where(enters | leaves, np.arange(len(candles)), -1))
    long = (last >= 0) & enters[last] & ~leaves[last]
    stop = np.full(len(candles), np.nan) if signals.stop is None else signals.stop
    return Held(long, stop)


def meta_labels(candles: Candles, rows: IntColumn, held: Held, cost: float) -> FloatColumn:
    """Returns 1 where a trade of the rule, opened after that row, nets more than `cost`, else 0.

    `cost` is a fraction of the price for both sides together. Every candle in which the rule is
    long counts as an entry, as its crossings alone are too few to learn from. NaN where the rule
    is not long, or the end of the trade is not known.
    """
    stop = held.stop[rows]
    target = candles.close[rows] + REWARD * (candles.close[rows] - stop)
    gain = triple_barrier(candles, rows, stop, target, TRADE_CANDLES).gain
    return np.where(held.long[rows] & np.isfinite(gain), np.float64(gain > cost), np.nan)
