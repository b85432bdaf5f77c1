"""Markets in which nothing can be learned, and candidates that try all the same: what the money
gates are measured on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leeward.domain.columns import FloatColumn
from leeward.training.money import Money, judge_money, net_changes

Table = NDArray[np.float64]
#: Hours in which returns resemble each other: blocks of a day keep the bursts of volatility.
_BLOCK = 24

#: Ranks of signal plus noise correlate by so much less than their values.
_RANK_LOSS = 1.022


class World(NamedTuple):
    """One market: its log returns, and the forecasts of every candidate [hours, candidates]."""

    moves: FloatColumn
    forecasts: Table


def null_market(moves: FloatColumn, hours: int, chance: np.random.Generator) -> FloatColumn:
    """Returns `hours` log returns drawn in blocks from `moves`, without their trend."""
    starts = chance.integers(0, len(moves) - _BLOCK, -(-hours // _BLOCK))
    rows = (starts[:, np.newaxis] + np.arange(_BLOCK)).ravel()[:hours]
    drawn = moves[rows]
    # Without a mean in simple returns, so that holding earns nothing on average either.
    return np.asarray(drawn - np.log(np.mean(np.exp(drawn))), np.float64)


def make_world(
    moves: FloatColumn, hours: int, candidates: int, skill: float, chance: np.random.Generator
) -> World:
    """Returns a null market and the forecasts of candidates that know nothing, but for the first,
    whose rank correlation with the next return is `skill`."""
    market = null_market(moves, hours, chance)
    forecasts = chance.standard_normal((hours, candidates))
    ranks = np.argsort(np.argsort(market)) / hours - 0.5
    signal = ranks / ranks.std()
    skill *= _RANK_LOSS
    forecasts[:, 0] = skill * signal + np.sqrt(1.0 - skill**2) * forecasts[:, 0]
    return World(market, forecasts)


def judge_world(world: World, cost: float, resamples: int = 200) -> Money:
    """Returns the money statistics of the best candidate of a world, all of them counted."""
    changes = np.stack(
        [net_changes(forecast > 0.0, world.moves, cost) for forecast in world.forecasts.T], axis=1
    )
    sharpe = changes.mean(axis=0) / changes.std(axis=0)
    best = int(np.argmax(sharpe))
    holding = np.expm1(world.moves)
    return judge_money(
        changes[:, best],
        changes,
        {"holding": holding},
        len(sharpe),
        float(np.var(sharpe, ddof=1)),
        resamples,
    )
