"""What forecasts would have earned: positions, costs, and the figures that gates look at."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leeward.domain.columns import BoolColumn, FloatColumn
from leeward.statistics.account import drawdowns
from leeward.statistics.overfitting import (
    deflated_sharpe,
    estimate_sharpe,
    overfitting_probability,
)
from leeward.statistics.sharpe import probabilistic_sharpe
from leeward.training.networks import trainer_library

_RESAMPLES = 1_000


def net_changes(
    long: BoolColumn, moves: FloatColumn, cost: float, apart: BoolColumn | None = None
) -> FloatColumn:
    """Returns the change of equity over each candle: all in where `long`, else in cash.

    `moves` are log returns, `cost` is the fraction that each side pays. Starts flat, and is flat
    between a candle and the one before where they are `apart`.

    >>> net_changes(np.array([True, True, False]), np.zeros(3), 0.001).tolist()
    [-0.001, 0.0, -0.001]
    """
    before = _before(long)
    opened, closed = long & ~before, before & ~long
    sides = opened.astype(np.float64) + closed
    if apart is not None:
        sides = np.where(apart, long.astype(np.float64) + before, sides)
    return np.where(long, np.expm1(moves), 0.0) - cost * sides


def turns(long: BoolColumn, apart: BoolColumn | None = None) -> int:
    """Returns how often a position was opened.

    >>> turns(np.array([True, False, True, True]))
    2
    """
    fresh = ~_before(long) if apart is None else ~_before(long) | apart
    return int(np.count_nonzero(long & fresh))


def _before(long: BoolColumn) -> BoolColumn:
    return np.concatenate([[False], long[:-1]])


def yearly_sharpe(changes: FloatColumn, candles_a_year: float) -> float | None:
    """Returns the yearly Sharpe ratio of changes a candle; None without variance."""
    estimate = estimate_sharpe(changes)
    return None if estimate is None else estimate.sharpe * math.sqrt(candles_a_year)


def deepest(changes: FloatColumn) -> float:
    """Returns the largest drawdown of an account that compounds the changes."""
    equity = np.cumprod(1.0 + changes).astype(np.float64)
    return float(drawdowns(equity, 1.0).max(initial=0.0))


@dataclass(frozen=True, slots=True)
class Money:
    """The statistics of the money gates; None where the data cannot support one."""

    psr: float | None
    dsr: float | None
    pbo: float | None
    spa: dict[str, float]


def judge_money(
    chosen: FloatColumn,
    variants: NDArray[np.float64],
    benchmarks: dict[str, FloatColumn],
    trials: int,
    variance: float,
    resamples: int = _RESAMPLES,
) -> Money:
    """Returns how sure one may be that the chosen changes are skill and not the search.

    `variants` [candles, variants] are all that were looked at, the chosen one among them; `trials`
    counts every variant ever evaluated and `variance` is that of their Sharpe ratios, a candle.
    """
    estimate = estimate_sharpe(chosen)
    psr = dsr = None
    if estimate is not None:
        psr = probabilistic_sharpe(
            estimate.sharpe, estimate.observations, estimate.skewness, estimate.kurtosis
        )
        dsr = deflated_sharpe(estimate, trials, variance)
    return Money(
        psr=psr,
        dsr=dsr,
        pbo=overfitting_probability(variants),
        spa={
            name: superior_ability(benchmark, variants, resamples)
            for name, benchmark in benchmarks.items()
        },
    )


def superior_ability(
    benchmark: FloatColumn, variants: NDArray[np.float64], resamples: int = _RESAMPLES
) -> float:
    """Returns the p-value of Hansen's SPA: that no variant is better than the benchmark.

    The consistent p-value, stationary bootstrap with blocks of a day of hours on average. Source:
    Hansen, Journal of Business and Economic Statistics 23(4), 2005, as implemented by arch.
    """
    moving = variants[:, variants.std(axis=0) > 0]
    # A variant that equals the benchmark has no variance to studentise by.
    differing = moving[:, (moving - benchmark[:, np.newaxis]).std(axis=0) > 0]
    if not differing.shape[1]:
        return 1.0
    test = trainer_library("arch.bootstrap").SPA(
        -benchmark, -differing, reps=resamples, block_size=24, seed=0
    )
    test.compute()
    return float(test.pvalues["consistent"])


@dataclass(frozen=True, slots=True)
class Bars:
    """What the money gates ask for."""

    psr: float = 0.95
    dsr: float = 0.95
    pbo: float = 0.2
    spa: float = 0.05


def passes(money: Money, bars: Bars = Bars()) -> bool:
    """Returns whether all four statistics reach their bars; an unknown one does not."""
    return (
        money.psr is not None and money.psr >= bars.psr
        and money.dsr is not None and money.dsr >= bars.dsr
        and money.pbo is not None and money.pbo <= bars.pbo
        and all(p < bars.spa for p in money.spa.values())
    )  # fmt: skip
