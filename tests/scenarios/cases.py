"""Random markets, signals and limits in which a lot happens; one seed, one case.

Prices walk in finer candles first, so that detail and candles agree. Stops and targets are often
set exactly at prices the market visits later: ties are where two readings of a rule part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from leeward.domain.candles import Candles
from leeward.domain.columns import ByteColumn, FloatColumn, IntColumn
from leeward.domain.instrument import Instrument
from leeward.domain.timeframe import Timeframe
from leeward.risk.limits import RiskLimits
from leeward.simulation.setup import Setup
from leeward.strategies.signals import Signals
from tests.scenarios.table import MIDNIGHT_MS

#: A timeframe and one its candles are made of.
TIMEFRAMES = (("1h", "15m"), ("1h", "30m"), ("15m", "5m"), ("1d", "6h"), ("4h", "1h"), ("1w", "1d"))
MOST_SYMBOLS, MOST_ROWS = 5, 140
BASE_PRICES = (0.05, 1.0, 100.0, 100.0, 30_000.0)
LADDERS: tuple[tuple[tuple[float, float], ...], ...] = (
    (),
    ((0.05, 0.75), (0.10, 0.5), (0.15, 0.25)),
    ((0.01, 0.5), (0.02, 0.0)),
    ((0.02, 1.0),),
)
NAN = float("nan")

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Case:
    """The arguments of one simulation."""

    candles: list[Candles]
    signals: list[Signals]
    setup: Setup
    detail: list[Candles] | None


class Dice:
    """Choices drawn from one seeded generator."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def one_of(self, *choices: T) -> T:
        return choices[int(self.rng.integers(len(choices)))]

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def mask(self, rows: int, probability: float) -> NDArray[np.bool_]:
        return self.rng.random(rows) < probability


def make_case(seed: int, symbols: int = MOST_SYMBOLS, rows: int = MOST_ROWS) -> Case:
    """Returns the case of a seed, with at most so many symbols and rows."""
    dice = Dice(seed)
    coarse, fine = (Timeframe.parse(name) for name in dice.one_of(*TIMEFRAMES))
    count = min(symbols, int(dice.rng.integers(1, MOST_SYMBOLS + 1)))
    length = min(rows, dice.one_of(3, 25, 60, MOST_ROWS))
    first = coarse.floor(MIDNIGHT_MS) + coarse.length_ms * int(dice.rng.integers(30))
    markets = _markets(dice, coarse, fine, first, (count, length))
    candles = [candles for candles, _ in markets]
    setup = _setup(dice, candles, first + coarse.length_ms * (length // 2))
    given = [name for name in ("stop", "target", "trail", "confidence") if dice.chance(0.6)]
    signals = [_signals(dice, one, given) for one in candles]
    detail = [_thinned(dice, finer) for _, finer in markets] if dice.chance(0.5) else None
    return Case(candles, signals, setup, detail)


# --- candles ------------------------------------------------------------------------------------


def _markets(
    dice: Dice, coarse: Timeframe, fine: Timeframe, first: int, shape: tuple[int, int]
) -> list[tuple[Candles, Candles]]:
    """Candles and finer candles of every symbol; some move together."""
    count, length = shape
    ratio = coarse.length_ms // fine.length_ms
    times = first + coarse.length_ms * np.arange(length)
    finer_times = first + fine.length_ms * np.arange(length * ratio)
    common = dice.rng.standard_normal(length * ratio)
    markets = []
    for symbol in "ABCDE"[:count]:
        bars = _bars(dice, common)
        merged = _merge(bars, ratio)
        present = _presence(dice, length)
        candles = _candles(symbol, coarse, times[present], merged[:, present])
        markets.append((candles, _candles(symbol, fine, finer_times, bars)))
    return markets


def _bars(dice: Dice, common: FloatColumn) -> FloatColumn:
    """Open, high, low and close of a walk: calm, violent, dead for a while, on a coarse grid."""
    rows = len(common)
    volatility = dice.one_of(0.001, 0.005, 0.005, 0.02, 0.08)
    own = dice.rng.standard_normal(rows) * dice.one_of(0.0, 0.3, 1.0)
    returns = volatility * (dice.one_of(-1, 0, 1, 1) * common + own)
    if dice.chance(0.2):
        dead = int(dice.rng.integers(rows))
        returns[dead : dead + rows // 2] = 0
    base = dice.one_of(*BASE_PRICES)
    close = base * np.clip(np.exp(np.cumsum(returns)), 0.02, 50)
    opened = np.concatenate(([base], close[:-1]))
    gaps = dice.mask(rows, dice.one_of(0.0, 0.05, 0.5))
    opened[gaps] *= np.exp(dice.rng.standard_normal(gaps.sum()) * volatility * 3)
    wick = volatility * dice.one_of(0.0, 0.5, 1.0)
    high = np.maximum(opened, close) * (1 + np.abs(dice.rng.standard_normal(rows)) * wick)
    low = np.minimum(opened, close) / (1 + np.abs(dice.rng.standard_normal(rows)) * wick)
    bars = np.array([opened, high, low, close])
    grid = base * dice.one_of(0.0, 0.0001, 0.01)
    return np.maximum(np.round(bars / grid) * grid, grid) if grid else bars


def _merge(bars: FloatColumn, ratio: int) -> FloatColumn:
    opened, high, low, close = (column.reshape(-1, ratio) for column in bars)
    return np.array([opened[:, 0], high.max(axis=1), low.min(axis=1), close[:, -1]])


def _presence(dice: Dice, rows: int) -> NDArray[np.bool_]:
    present = np.ones(rows, dtype=bool)
    how = dice.one_of("all", "all", "holes", "gap", "late", "early", "none")
    middle = int(dice.rng.integers(rows))
    if how == "holes":
        present = ~dice.mask(rows, 0.2)
    elif how == "gap":
        present[middle : middle + 5] = False
    elif how == "late":
        present[:middle] = False
    elif how == "early":
        present[middle:] = False
    elif how == "none" and dice.chance(0.2):
        present[:] = False
    return present


def _thinned(dice: Dice, finer: Candles) -> Candles:
    """All of the finer candles, most of them, none, or others than the candles were made of."""
    missing = dice.one_of(0.0, 0.0, 0.0, 0.1, 1.0)
    kept = ~dice.mask(len(finer), missing)
    columns = (finer.open, finer.high, finer.low, finer.close)
    bars = np.array([column[kept] for column in columns]) * dice.one_of(1.0, 1.0, 1.0, 1.003)
    return _candles(finer.symbol, finer.timeframe, finer.open_time[kept], bars)


def _candles(symbol: str, timeframe: Timeframe, times: IntColumn, bars: FloatColumn) -> Candles:
    opened, high, low, close = np.ascontiguousarray(bars)
    return Candles(symbol, timeframe, times, opened, high, low, close, np.ones(len(times)))


# --- signals ------------------------------------------------------------------------------------


def _signals(dice: Dice, candles: Candles, given: list[str]) -> Signals:
    rows = len(candles)
    columns = {
        "stop": _stops(dice, candles),
        "target": _targets(dice, candles),
        "trail": _trails(dice, candles),
        "confidence": _with_gaps(dice, dice.rng.choice([0.1, 0.5, 0.5, 0.9, 1.0], rows), 0.03),
    }
    size = dice.rng.choice(
        dice.one_of([0.1], [0.05, 0.3], [1.0, 0.4], [0.5], [2e-4, -0.1, 0, 1]), rows
    )
    size = _with_gaps(dice, size, 0.02)
    size[dice.mask(rows, 0.01)] = np.inf
    return Signals(
        _codes(dice, rows, dice.one_of(0.03, 0.2, 0.5, 1.0)),
        _codes(dice, rows, dice.one_of(0.0, 0.02, 0.1, 0.4)),
        size,
        **{name: columns[name] for name in given},
        entry_tags=("", "breakout", "pullback"),
        exit_tags=("", "fade", "reversal"),
        warm_up=dice.one_of(0, 0, 0, 2, 20),
    )


def _codes(dice: Dice, rows: int, probability: float) -> ByteColumn:
    codes = dice.rng.integers(1, 4, rows).astype(np.uint8)
    codes[~dice.mask(rows, probability)] = 0
    return codes


def _with_gaps(dice: Dice, column: FloatColumn, probability: float) -> FloatColumn:
    column = column.astype(np.float64)
    column[dice.mask(len(column), probability)] = dice.one_of(NAN, NAN, np.inf)
    return column


def _visited(dice: Dice, column: FloatColumn) -> FloatColumn:
    """The column's own values some rows later, so that prices meet them exactly."""
    ahead = np.minimum(np.arange(len(column)) + dice.one_of(1, 1, 2, 4), len(column) - 1)
    return column[ahead] if len(column) else column


def _stops(dice: Dice, candles: Candles) -> FloatColumn:
    """Below the close, or at a coming low or open (which may be above the close), or unknown."""
    rows = len(candles)
    stops = candles.close * (1 - dice.rng.random(rows) * dice.one_of(0.01, 0.05, 0.3))
    coming = dice.mask(rows, dice.one_of(0.0, 0.3))
    stops[coming] = _visited(dice, dice.one_of(candles.low, candles.open))[coming]
    odd = dice.mask(rows, 0.03)
    stops[odd] = dice.one_of(0.0, -1.0, NAN, np.inf)
    at_close = dice.mask(rows, 0.02)
    stops[at_close] = candles.close[at_close]
    return _with_gaps(dice, stops, dice.one_of(0.0, 0.1, 0.8))


def _targets(dice: Dice, candles: Candles) -> FloatColumn:
    """Above the close, or at a coming high or open (which may be below the close), or unknown."""
    rows = len(candles)
    targets = candles.close * (1 + dice.rng.random(rows) * dice.one_of(0.01, 0.05, 0.3))
    coming = dice.mask(rows, dice.one_of(0.0, 0.3))
    targets[coming] = _visited(dice, dice.one_of(candles.high, candles.open))[coming]
    return _with_gaps(dice, targets, dice.one_of(0.0, 0.1, 0.8))


def _trails(dice: Dice, candles: Candles) -> FloatColumn:
    trails = candles.close * dice.rng.random(len(candles)) * dice.one_of(0.01, 0.05, -0.01)
    return _with_gaps(dice, trails, dice.one_of(0.0, 0.1, 0.8))


# --- setup --------------------------------------------------------------------------------------


def _setup(dice: Dice, candles: list[Candles], middle_ms: int) -> Setup:
    balance = dice.one_of(10_000.0, 10_000.0, 200.0, 1_234_567.89)
    return Setup(
        balance=balance,
        fee=dice.one_of(0.0, 0.001, 0.001, 0.05),
        slippage=dice.one_of(0.0, 0.0005, 0.0005, 0.03),
        instruments=tuple(_instrument(dice, one, balance) for one in candles),
        limits=make_limits(dice),
        max_candles=dice.one_of(0, 0, 0, 1, 4, 20),
        ratchet_stop=dice.chance(0.4),
        start_ms=dice.one_of(None, None, middle_ms, middle_ms + 1),
    )


def _instrument(dice: Dice, candles: Candles, balance: float) -> Instrument:
    price = float(candles.open[0]) if len(candles) else 100.0
    coin = 10.0 ** -np.floor(np.log10(price))  # worth about one unit of quote
    whole = 0.97 * balance / price
    decimal = 10.0 ** np.floor(np.log10(price) - 3)
    return Instrument(
        candles.symbol,
        lot_step=dice.one_of(
            1e-5, 1e-5, 1e-8 * max(1.0, coin), 0.01 * coin, 0.3 * coin, coin, whole
        ),
        tick_size=dice.one_of(0.0, 0.0, decimal, price / 1000, price / 70),
        min_notional=dice.one_of(5.0, 5.0, 5.0, 0.0, 0.0, 0.01 * balance, 0.93 * balance),
    )


def make_limits(dice: Dice) -> RiskLimits:
    """Returns limits from nearly off to extreme, each drawn apart, or loose sizes all at once."""
    loose = dice.chance(0.4)
    return RiskLimits(
        max_position_fraction=1.0 if loose else dice.one_of(0.1, 0.3, 1.0),
        risk_per_trade_fraction=1.0 if loose else dice.one_of(0.01, 0.002, 1.0),
        max_exposure_fraction=dice.one_of(1.0, 0.8) if loose else dice.one_of(0.5, 0.15, 1.0),
        max_correlated_fraction=1.0 if loose else dice.one_of(0.2, 0.1, 1.0),
        correlation_threshold=dice.one_of(0.8, 0.2, 0.95),
        max_open_positions=dice.one_of(5, 5, 5, 1, 2),
        require_stop=dice.chance(0.6),
        default_stop_fraction=dice.one_of(0.05, 0.005, 0.6),
        trend_gate=dice.one_of("off", "off", "off", "off", "ema:2:1", "ema:10:3", "ema:30:10"),
        daily_loss_fraction=dice.one_of(0.03, 0.005, 1.0, 1.0, 1.0),
        drawdown_ladder=dice.one_of(*LADDERS),
        max_drawdown_fraction=dice.one_of(0.2, 0.5, 1.0, 1.0, 0.04),
        cooldown_candles=dice.one_of(3, 0, 1, 12),
    )
