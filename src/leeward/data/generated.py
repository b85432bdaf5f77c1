"""The generated market: SYNTHETIC candles for demos and tests, never a stand-in for real ones.

One market factor moves through regimes (up, down, range, crash, recovery) with stochastic
volatility and jumps; every symbol follows it with a weight of its own and adds a noise of its own.

The same seed gives the same bytes on every machine: the chance is PCG64's raw stream, which NumPy
keeps stable, and the arithmetic is IEEE addition, multiplication, division and square root only.
`exp` and `log` of a C library differ in the last bit from one machine to the next, and over many
candles that bit reaches the rounded price.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from leeward.compiled import compiled_alone
from leeward.domain.candles import Candles
from leeward.domain.columns import FloatColumn, IntColumn
from leeward.domain.errors import BadUsage
from leeward.domain.timeframe import DAY_MS, Timeframe

_Draws = NDArray[np.uint64]
_Table = NDArray[np.float64]

_HOUR_MS = 3_600_000
_BLOCK = 8_192  # rows drawn at once; bounds the memory
_MOVES = 12  # price moves a candle; the first leads from the last close to the open
_OPEN_SHARE = 0.02  # of a candle's variance falls before its open
_MARKET_DRAWS = 7 + _MOVES
_SYMBOL_DRAWS = 7 + _MOVES

# Usual prices, so that a demo looks familiar; other symbols start between 0.1 and 100.
_FIRST_PRICES = {
    "BTCUSDT": 30_000.0,
    "ETHUSDT": 2_000.0,
    "BNBUSDT": 300.0,
    "SOLUSDT": 60.0,
    "XRPUSDT": 0.5,
    "DOGEUSDT": 0.08,
}

_UP, _DOWN, _RANGE, _CRASH, _RECOVERY = range(5)
_STAY_H = np.array([480.0, 290.0, 360.0, 36.0, 72.0])  # mean length of a regime
_DRIFT = np.array([3.5e-4, -3.5e-4, 0.0, -2.5e-3, 9e-4])  # log price an hour
_LOG_VOLATILITY = np.array([-0.05, 0.1, -0.35, 0.9, 0.4])  # against the usual one
_NEXT = np.array(  # where a regime leads to: cumulative probabilities
    [
        [0.00, 0.30, 0.80, 0.97, 1.00],
        [0.25, 0.25, 0.70, 0.90, 1.00],
        [0.48, 0.85, 0.85, 0.95, 1.00],
        [0.00, 0.30, 0.30, 0.30, 1.00],
        [0.50, 0.65, 1.00, 1.00, 1.00],
    ]
)
_MARKET_VOLATILITY = 0.0042  # standard deviation of an hour's log return, usual volatility
_SLOW_H, _SLOW_SIZE = 120.0, 0.35  # memory (1/e) and standard deviation of log volatility
_FAST_H, _FAST_SIZE = 8.0, 0.32
_PULL_H = 40_000.0  # memory of the log price: centuries of candles stay near the first price
_RANGE_PULL_H = 48.0
_MARKET_JUMP_H, _SYMBOL_JUMP_H = 240.0, 480.0  # mean time between jumps
# Log volatility by UTC hour: quiet Asian morning, loud when America opens.
_DAY_SHAPE = np.array([
    0.05, 0.02, 0.0, -0.08, -0.15, -0.18, -0.15, -0.08, 0.0, -0.02, -0.05, -0.05,
    0.0, 0.15, 0.32, 0.3, 0.22, 0.12, 0.05, 0.02, 0.0, -0.05, -0.08, -0.02,
])  # fmt: skip


def generate_candles(
    symbol: str, timeframe: Timeframe, start_ms: int, rows: int, seed: int
) -> Candles:
    """Returns `rows` SYNTHETIC candles of one symbol: what `generate_market` gives it."""
    return generate_market([symbol], timeframe, start_ms, rows, seed)[symbol]


def generate_market(
    symbols: Sequence[str], timeframe: Timeframe, start_ms: int, rows: int, seed: int
) -> dict[str, Candles]:
    """Returns `rows` SYNTHETIC candles a symbol, from `start_ms` on, without gaps.

    Returns of two symbols correlate by about 0.6 to 0.9. A symbol's first n candles depend on
    `seed`, `timeframe`, `start_ms` and its name alone, neither on `rows` nor on the other symbols.
    Raises BadUsage for a negative number of rows or seed, or a start off the timeframe's grid.
    """
    if rows < 0 or seed < 0:
        raise BadUsage(f"generated market: rows {rows} and seed {seed} must be 0 or more")
    if timeframe.floor(start_ms) != start_ms:
        raise BadUsage(f"generated market: start {start_ms} ms is not the open of a {timeframe}")
    open_time = start_ms + timeframe.length_ms * np.arange(rows, dtype=np.int64)
    hours = timeframe.length_ms / _HOUR_MS
    shape = _day_shape(open_time, timeframe)
    market_bits = np.random.PCG64(seed)
    market_state = np.array([_RANGE, 0.0, 0.0, 0.0, 0.0])
    walks = {symbol: _Walk(symbol, seed, rows) for symbol in symbols}
    for first in range(0, rows, _BLOCK):
        block = slice(first, min(first + _BLOCK, rows))
        draws = market_bits.random_raw((block.stop - first) * _MARKET_DRAWS)
        moves, levels = _move_market(
            draws.reshape(-1, _MARKET_DRAWS), shape[block], hours, market_state
        )
        for walk in walks.values():
            walk.step(block, moves, levels, hours)
    return {symbol: walk.candles(timeframe, open_time) for symbol, walk in walks.items()}


class _Walk:
    """One symbol's way through the market: its character, its state and its candles so far."""

    def __init__(self, symbol: str, seed: int, rows: int) -> None:
        self.symbol = symbol
        self.bits = np.random.PCG64([seed, zlib.crc32(symbol.encode())])
        character = self.bits.random_raw(3)
        beta = 0.9 + 0.5 * _uniform(character[0])
        market_share = 0.6 + 0.28 * _uniform(character[1])
        drawn = 0.1 * _exp(6.9 * _uniform(character[2]))
        price = _FIRST_PRICES.get(symbol, drawn)
        decimals = 2
        while decimals < 8 and price * 10**decimals < 1e5:
            decimals += 1
        # beta, own noise against the market's, first price, ticks a unit, usual hourly volume
        self.character = np.array(
            [beta, math.sqrt(1 / market_share - 1), price, 10.0**decimals, 3e7 / price]
        )
        self.state = np.zeros(2)  # log price against the first one, log volatility of its own
        # open high low close volume quote_volume trades taker_buy_volume
        self.table = np.empty((8, rows))

    def step(self, block: slice, moves: _Table, levels: FloatColumn, hours: float) -> None:
        draws = self.bits.random_raw((block.stop - block.start) * _SYMBOL_DRAWS)
        _move_symbol(
            draws.reshape(-1, _SYMBOL_DRAWS),
            moves,
            levels,
            hours,
            self.character,
            self.state,
            self.table[:, block],
        )

    def candles(self, timeframe: Timeframe, open_time: IntColumn) -> Candles:
        return Candles(self.symbol, timeframe, open_time, *self.table)


def _day_shape(open_time: IntColumn, timeframe: Timeframe) -> FloatColumn:
    """Returns the log volatility that the time of day adds, 0 for candles of a day and longer."""
    if timeframe.length_ms >= DAY_MS:
        return np.zeros(len(open_time))
    middle = (open_time + timeframe.length_ms // 2) % DAY_MS / _HOUR_MS
    hour = middle.astype(np.int64)
    part = middle - hour
    return _DAY_SHAPE[hour] * (1 - part) + _DAY_SHAPE[(hour + 1) % 24] * part


@compiled_alone
def _uniform(draw: np.uint64) -> float:
    return float(draw >> np.uint64(11)) * 2.0**-53


@compiled_alone
def _normal(draw: np.uint64) -> float:
    """Returns a nearly normal number (mean 0, variance 1): the sum of four 16-bit uniforms."""
    total = np.uint64(0)
    for _ in range(4):
        total += draw & np.uint64(0xFFFF)
        draw >>= np.uint64(16)
    return (float(total) - 131_070.0) * (math.sqrt(3.0) / 65_536.0)


@compiled_alone
def _exp(x: float) -> float:
    """Returns e to the power x, to about 1e-15, from exact IEEE operations only."""
    doublings = math.floor(x * 1.4426950408889634 + 0.5)
    rest = x - doublings * 0.6931471803691238 - doublings * 1.9082149292705877e-10
    total = 1.0
    for n in range(14, 0, -1):
        total = 1.0 + rest * total / n
    return math.ldexp(total, doublings)


@compiled_alone
def _autoregress(value: float, memory_h: float, size: float, hours: float, noise: float) -> float:
    """Returns the next value of a process that forgets in `memory_h` and varies by `size`."""
    keep: float = _exp(-hours / memory_h)
    return keep * value + size * math.sqrt(1.0 - keep * keep) * noise


@compiled_alone
def _next_regime(regime: int, hours: float, draw: float) -> int:
    leave = 1.0 - _exp(-hours / _STAY_H[regime])
    if draw >= leave:
        return regime
    chosen = 0
    while _NEXT[regime, chosen] <= draw / leave:
        chosen += 1
    return chosen


@compiled_alone
def _move_market(
    draws: _Draws, shape: FloatColumn, hours: float, state: FloatColumn
) -> tuple[_Table, FloatColumn]:
    """Returns the market's log price moves, and the volatility of each candle; updates `state`."""
    rows = len(draws)
    moves, levels = np.empty((rows, _MOVES)), np.empty(rows)
    regime, price, anchor, slow, fast = state
    regime = int(regime)
    for t in range(rows):
        row = draws[t]
        changed = _next_regime(regime, hours, _uniform(row[0]))
        if changed != regime:
            regime, anchor = changed, price
        slow = _autoregress(slow, _SLOW_H, _SLOW_SIZE, hours, _normal(row[1]))
        fast = _autoregress(fast, _FAST_H, _FAST_SIZE, hours, _normal(row[2]))
        level = _exp(_LOG_VOLATILITY[regime] + slow + fast + shape[t])
        volatility = _MARKET_VOLATILITY * math.sqrt(hours) * level
        drift = _DRIFT[regime] * min(hours, _STAY_H[regime])
        drift -= price * (1.0 - _exp(-hours / _PULL_H))
        if regime == _RANGE:
            drift -= (price - anchor) * (1.0 - _exp(-hours / _RANGE_PULL_H))
        _walk_inside(moves[t], row[7:], drift, volatility)
        if _uniform(row[3]) < 1.0 - _exp(-hours / _MARKET_JUMP_H):
            jump = 0.015 + 0.03 * _uniform(row[4])
            where = int(_uniform(row[5]) * _MOVES)
            moves[t, where] += jump if _uniform(row[6]) < 0.4 else -jump
        for k in range(_MOVES):
            price += moves[t, k]
        levels[t] = level
    state[0], state[1], state[2], state[3], state[4] = regime, price, anchor, slow, fast
    return moves, levels


@compiled_alone
def _walk_inside(moves: FloatColumn, draws: _Draws, drift: float, volatility: float) -> None:
    """Fills in one candle's moves; all but the first share its drift and most of its variance."""
    inside = math.sqrt((1.0 - _OPEN_SHARE) / (_MOVES - 1))
    moves[0] = volatility * math.sqrt(_OPEN_SHARE) * _normal(draws[0])
    for k in range(1, _MOVES):
        moves[k] = drift / (_MOVES - 1) + volatility * inside * _normal(draws[k])


@compiled_alone
def _move_symbol(  # noqa: PLR0913 - compiled kernels take plain arrays
    draws: _Draws,
    market: _Table,
    levels: FloatColumn,
    hours: float,
    character: FloatColumn,
    state: FloatColumn,
    table: _Table,
) -> None:
    """Fills `table` with the candles that follow from the market's moves; updates `state`."""
    beta, own_share, first_price, ticks, usual_volume = character
    price, own = state
    own_moves, path = np.empty(_MOVES), np.empty(_MOVES)
    for t in range(len(draws)):
        row = draws[t]
        own = _autoregress(own, _FAST_H * 4, 0.25, hours, _normal(row[0]))
        volatility = beta * _MARKET_VOLATILITY * math.sqrt(hours) * levels[t]
        pull = price * (1.0 - _exp(-hours / _PULL_H))
        _walk_inside(own_moves, row[7:], -pull, volatility * own_share * _exp(own))
        if _uniform(row[1]) < 1.0 - _exp(-hours / _SYMBOL_JUMP_H):
            own_moves[int(_uniform(row[2]) * _MOVES)] += 0.025 * _normal(row[3])
        before, total = price, 0.0
        for k in range(_MOVES):
            price += beta * market[t, k] + own_moves[k]
            path[k] = max(1.0, math.floor(first_price * _exp(price) * ticks + 0.5)) / ticks
            total += path[k]
        surprise = (price - before) / volatility
        activity = levels[t] * _exp(0.35 * _normal(row[4]) + own) * (0.6 + 0.4 * abs(surprise))
        volume = math.floor(usual_volume * hours * activity * 1e5 + 1.0) / 1e5
        buyers = 0.5 + 0.2 * surprise / (1.0 + abs(surprise)) + 0.03 * _normal(row[5])
        table[0, t], table[3, t] = path[0], path[-1]
        table[1, t], table[2, t] = path.max(), path.min()
        table[4, t] = volume
        table[5, t] = math.floor(volume * (total / _MOVES) * 1e5 + 0.5) / 1e5
        table[6, t] = math.floor(1.0 + volume * first_price / (900.0 + 600.0 * _uniform(row[6])))
        table[7, t] = math.floor(volume * buyers * 1e5) / 1e5
    state[0], state[1] = price, own
