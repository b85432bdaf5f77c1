"""Judges forecasts on windows that no network was trained or tuned on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from leeward.domain.columns import BoolColumn, FloatColumn, IntColumn
from leeward.domain.timeframe import DAY_MS
from leeward.statistics.calibration import (
    Slope,
    base_rate_score,
    brier_score,
    calibration_error,
    calibration_slope,
)
from leeward.statistics.conformal import chance_above, covered, interval, residual_quantiles
from leeward.statistics.folds import Fold
from leeward.statistics.forecasts import (
    Comparison,
    compare_losses,
    rank_correlation,
    rank_correlation_interval,
    wilson_interval,
)
from leeward.statistics.sharpe import DAYS_A_YEAR
from leeward.training import baselines
from leeward.training.datasets import Dataset
from leeward.training.fit import Fitted
from leeward.training.labels import Held
from leeward.training.money import net_changes, turns, yearly_sharpe

#: Candles that may resemble each other, for the block bootstrap: a day of hours.
_BLOCK = 24
#: Share of misses that the intervals are made for.
ALPHA = 0.1


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, its 95 % interval where it has one, and from how many decisions it comes."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0


Figures = Mapping[str, Figure]


@dataclass(frozen=True, slots=True)
class Costs:
    """What each side of a trade pays, as fractions of the price."""

    fee: float
    slippage: float

    @property
    def side(self) -> float:
        return self.fee + self.slippage


@dataclass(frozen=True, eq=False)
class Trained:
    """The networks of all folds and seeds on their data, seen only through their answers."""

    data: Dataset
    folds: Sequence[Fold]
    fitted: Sequence[Fitted]
    held: Held
    costs: Costs

    @cached_property
    def seeds(self) -> list[int]:
        return sorted({each.seed for each in self.fitted})

    @cached_property
    def test(self) -> IntColumn:
        """The positions of all test windows, in time order."""
        return np.concatenate([fold.test for fold in self.folds])

    def of_seed(self, seed: int) -> list[Fitted]:
        return sorted((f for f in self.fitted if f.seed == seed), key=lambda f: f.fold)

    def answers(self, seed: int) -> FloatColumn:
        """Returns what the networks of a seed answered on the test parts."""
        return np.concatenate([each.test for each in self.of_seed(seed)])

    @cached_property
    def average(self) -> FloatColumn:
        """The mean answer of all seeds."""
        mean: FloatColumn = np.mean([self.answers(seed) for seed in self.seeds], axis=0)
        return mean

    @cached_property
    def shipped(self) -> Fitted:
        """The network that is shipped: of the last fold, the one with the middle loss."""
        last = [each for each in self.fitted if each.fold == len(self.folds) - 1]
        return sorted(last, key=lambda each: (each.loss, each.seed))[(len(last) - 1) // 2]

    @cached_property
    def moves(self) -> FloatColumn:
        return self.data.moves[self.test]

    @cached_property
    def truth(self) -> FloatColumn:
        """What should have been answered: the move in units of volatility, or the outcome."""
        return self.truth_at(self.test)

    def truth_at(self, positions: IntColumn) -> FloatColumn:
        if self.is_meta:
            return self.data.labels[positions].astype(np.float64)
        return self.data.moves[positions] / self.data.sigma[positions]

    @property
    def is_meta(self) -> bool:
        return self.data.target == "meta"

    @cached_property
    def nothing(self) -> FloatColumn:
        """The forecast that costs nothing: no change, or how often trades won before."""
        if not self.is_meta:
            return np.zeros(len(self.test))
        shares = [np.full(len(f.test), float(self.data.labels[f.train].mean())) for f in self.folds]
        return np.concatenate(shares)

    @property
    def candles_a_year(self) -> float:
        return DAYS_A_YEAR * DAY_MS / self.data.candles.timeframe.length_ms

    @cached_property
    def up(self) -> BoolColumn:
        """Whether it went up, or the trade won."""
        return self.truth > self.middle

    @property
    def middle(self) -> float:
        return 0.5 if self.is_meta else 0.0

    def long(self, answers: FloatColumn) -> BoolColumn:
        """Returns where one would be long: with a forecast above its middle."""
        return answers > self.middle

    def changes(self, long: BoolColumn, times: float = 1.0) -> FloatColumn:
        """Returns the change of equity over each test candle, at so many times the costs."""
        return net_changes(long, self.moves, times * self.costs.side, self.apart)

    @cached_property
    def apart(self) -> BoolColumn:
        """Where other candles lie between a test window and the one before it."""
        apart: BoolColumn = np.diff(self.data.at[self.test], prepend=-1) != 1
        return apart

    @cached_property
    def rule_long(self) -> BoolColumn:
        return self.held.long[self.data.rows[self.test]]


def figures(trained: Trained, answers: FloatColumn) -> dict[str, Figure]:
    """Returns the figures of answers on the test windows, each with its interval."""
    hit = (answers > trained.middle) == trained.up
    n, right = len(hit), int(np.count_nonzero(hit))
    sure = wilson_interval(right, n)
    order = rank_correlation(answers, trained.truth)
    bounds = rank_correlation_interval(answers, trained.truth, _BLOCK, resamples=400)
    return {
        "accuracy": _bounded(right / n, sure, n),
        "mse_ratio": _ratio(trained, answers),
        "rank_ic": _bounded(order, bounds, n),
        **money_figures(trained, trained.long(answers)),
    }


def _bounded(value: float | None, bounds: tuple[float, float] | None, n: int) -> Figure:
    low, high = bounds or (None, None)
    return Figure(value, low, high, n)


def _ratio(trained: Trained, answers: FloatColumn) -> Figure:
    """Returns the squared error over that of the forecast that costs nothing."""
    nothing = float(np.mean((trained.truth - trained.nothing) ** 2))
    found = against_nothing(trained, answers)
    own = float(np.mean((trained.truth - answers) ** 2))
    if found is None or nothing == 0.0:
        return Figure(None, n=len(answers))
    low, high = (1.0 + bound / nothing for bound in (found.low, found.high))
    return Figure(own / nothing, low, high, len(answers))


def against_nothing(trained: Trained, answers: FloatColumn) -> Comparison | None:
    """Returns the Diebold-Mariano test of the answers against the forecast that costs nothing."""
    own, other = (trained.truth - answers) ** 2, (trained.truth - trained.nothing) ** 2
    return compare_losses(own, other, lags=trained.data.horizon - 1)


def money_figures(trained: Trained, long: BoolColumn) -> dict[str, Figure]:
    """Returns what being long there would have earned, before and after costs."""
    n, years = len(long), len(long) / trained.candles_a_year
    found = {}
    for name, times in (("sharpe_gross", 0.0), ("sharpe_net", 1.0)):
        value = yearly_sharpe(trained.changes(long, times), trained.candles_a_year)
        reach = 1.96 / math.sqrt(years)
        bounds = None if value is None else (value - reach, value + reach)
        found[name] = _bounded(value, bounds, n)
    total = float(np.prod(1.0 + trained.changes(long)) - 1.0)
    return {
        **found,
        "return_net": Figure(total, n=n),
        "turns": Figure(turns(long, trained.apart), n=n),
    }


def baseline_figures(trained: Trained) -> dict[str, Figures]:
    """Returns the figures of everything that a network has to beat, by name."""
    learned = {
        name: figures(trained, learner) for name, learner in baseline_answers(trained).items()
    }
    nothing = Figure(1.0, n=len(trained.test))
    # Logistic regression answers with probabilities and reversal with an order, no returns.
    for name in ("logistic", "reversal"):
        learned[name].pop("mse_ratio")
    return {
        "last_close": {"mse_ratio": nothing},
        **learned,
        "holding": money_figures(trained, np.ones(len(trained.test), dtype=np.bool_)),
        "rule": money_figures(trained, trained.rule_long),
    }


def baseline_answers(trained: Trained) -> dict[str, FloatColumn]:
    """Returns the answers of reversal, logistic regression and boosted trees on the test windows,
    around the same middle as the networks'."""
    learners: dict[str, Callable[..., FloatColumn]] = {
        "logistic": baselines.logistic,
        "lightgbm": baselines.lightgbm,
    }
    found = {
        name: baselines.out_of_sample(trained.data, trained.folds, learner)
        for name, learner in learners.items()
    }
    found["logistic"] += trained.middle
    found["reversal"] = baselines.reversal(trained.data, trained.test) + trained.middle
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """How far the answers of the shipped seed mean what they say."""

    quantiles: list[float]
    slope: Slope | None
    ece: float | None
    coverage: float | None
    worst_months: tuple[float, float] | None
    brier: float | None
    base_brier: float | None

    @property
    def shrink(self) -> float:
        """What is left of a confidence: the lower bound of the slope, between 0 and 1."""
        return 0.0 if self.slope is None else min(1.0, max(0.0, self.slope.low))


def calibrate(trained: Trained) -> Calibration:
    """Returns the calibration on the test windows; residuals come from validation alone."""
    own = trained.of_seed(trained.shipped.seed)
    answers = trained.answers(trained.shipped.seed)
    slope = calibration_slope(answers, trained.truth)
    if trained.is_meta:
        chance, held, months = answers, None, None
        quantiles: list[float] = []
    else:
        chances, inside = [], []
        for fold, fitted in zip(trained.folds, own, strict=True):
            residuals = trained.truth_at(fold.validate) - fitted.validate
            errors = residual_quantiles(residuals)
            bounds = interval(fitted.test, errors, ALPHA)
            inside.append(covered(trained.truth_at(fold.test), bounds))
            chances.append(chance_above(fitted.test, errors))
        chance, hits = np.concatenate(chances), np.concatenate(inside)
        held, months = float(hits.mean()), _by_month(trained, hits)
        quantiles = errors.tolist()
    return Calibration(
        quantiles=quantiles,
        slope=slope,
        ece=calibration_error(chance, trained.up),
        coverage=held,
        worst_months=months,
        brier=brier_score(chance, trained.up),
        base_brier=base_rate_score(trained.up),
    )


def _by_month(trained: Trained, hits: BoolColumn) -> tuple[float, float]:
    """Returns the lowest and the highest coverage of a UTC month with at least 200 windows."""
    time = trained.data.candles.open_time[trained.data.rows[trained.test]]
    months = time.astype("datetime64[ms]").astype("datetime64[M]")
    _, code = np.unique(months, return_inverse=True)
    rows = np.bincount(code)
    share = (np.bincount(code, hits) / rows)[rows >= min(200, rows.max())]
    return float(share.min()), float(share.max())
