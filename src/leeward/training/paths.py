"""How a model fares along many histories: combinatorial purged cross-validation (CPCV).

Walking forward gives one history. Here every pair of parts is forecast by a network trained on the
others, and the pairs make several whole histories. Nothing is chosen by them: they show how
far one result may lie from the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from leeward.indicators.features import WINDOW
from leeward.statistics.folds import (
    CombinatorialSplits,
    Fold,
    along_paths,
    combinatorial_splits,
    hold_back,
)
from leeward.training.datasets import Dataset
from leeward.training.fit import Fitted
from leeward.training.judge import Trained
from leeward.training.money import net_changes, yearly_sharpe

#: Parts tested at a time.
TESTED: Final = 2
#: Fewer parts make no path.
FEWEST_GROUPS: Final = TESTED + 1


@dataclass(frozen=True, slots=True, eq=False)
class Combinations:
    """The splits, and each of them as a fold with a validation part of its own."""

    splits: CombinatorialSplits
    folds: tuple[Fold, ...]


@dataclass(frozen=True, slots=True)
class Paths:
    """The yearly Sharpe ratio after costs of each path; 0 for one that never traded."""

    groups: int
    trainings: int
    seed: int
    sharpes: tuple[float, ...]

    def quantile(self, level: float) -> float:
        return float(np.quantile(self.sharpes, level))


def combine(data: Dataset, groups: int) -> Combinations | None:
    """Returns every way to test on two of the groups; None for fewer than three groups."""
    if groups < FEWEST_GROUPS:
        return None
    found = combinatorial_splits(data.at, data.horizon, WINDOW, groups, TESTED)
    folds = [
        replace(hold_back(data.at, split.train, data.horizon + WINDOW), test=split.test)
        for split in found.splits
    ]
    return Combinations(found, tuple(folds))


def judge_paths(trained: Trained, combined: Combinations, fitted: Sequence[Fitted]) -> Paths:
    """Returns what the networks of the splits, in their order, would have earned on each path."""
    data = trained.data
    apart = np.diff(data.at, prepend=-1) != 1
    sharpes = []
    for answers in along_paths(combined.splits, [each.test for each in fitted]):
        changes = net_changes(trained.long(answers), data.moves, trained.costs.side, apart)
        sharpes.append(yearly_sharpe(changes, trained.candles_a_year) or 0.0)
    groups = combined.splits.paths.shape[1]
    return Paths(groups, len(fitted), fitted[0].seed, tuple(sharpes))
