"""Training and test parts that do not know of each other.

A decision's label lies in the candles after it, its features in the candles before it. Parts that
touch therefore share candles; a gap between them, in candles, keeps them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from leeward.domain.columns import BoolColumn, FloatColumn, IntColumn
from leeward.domain.errors import BadUsage


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """Positions of the decisions to fit on, to stop fitting by, and to judge by, in time order."""

    train: IntColumn
    validate: IntColumn
    test: IntColumn


def walk_forward(
    at: IntColumn,
    folds: int,
    purge: int,
    embargo: int,
    first_share: float = 0.5,
    validate_share: float = 0.15,
) -> tuple[Fold, ...]:
    """Returns folds that each train on all of the past and test on what comes next.

    `at[i]` is the candle (counted in candle lengths, missing ones too; increasing) of decision i.
    The decisions after the first `first_share` are cut into `folds` equal test parts. What comes
    before a test part is trained on, the last `validate_share` of it kept for validation. Training
    ends more than `purge` + `embargo` candles before validation begins, and validation before the
    test: `purge` is the length of a label, `embargo` that of the features' window. Raises BadUsage
    where a part would be empty.

    >>> fold = walk_forward(np.arange(100), 2, purge=1, embargo=4, validate_share=0.2)[0]
    >>> [(int(part[0]), int(part[-1])) for part in (fold.train, fold.validate, fold.test)]
    [(0, 34), (40, 44), (50, 74)]
    """
    gap = purge + embargo
    edges = np.linspace(round(first_share * len(at)), len(at), folds + 1).round().astype(np.int64)
    found = []
    for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        middle = round(first * (1.0 - validate_share))
        train = np.arange(_before(at, middle, gap))
        validate = np.arange(middle, max(middle, _before(at, first, gap)))
        fold = Fold(train, validate, np.arange(first, last))
        if not (len(fold.train) and len(fold.validate) and len(fold.test)):
            raise BadUsage(
                f"walk forward: {len(at)} decisions leave {len(fold.train)} to train on, "
                f"{len(fold.validate)} to validate and {len(fold.test)} to test with {folds} folds "
                f"and gaps of {gap} candles; give more candles, or fewer folds"
            )
        found.append(fold)
    return tuple(found)


def _before(at: IntColumn, position: int, gap: int) -> int:
    """Returns how many decisions lie more than `gap` candles before the one at `position`."""
    if position >= len(at):
        return 0
    return int(np.searchsorted(at, at[position] - gap))


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Positions of the decisions to train on and to test on; `groups` are those tested."""

    groups: tuple[int, ...]
    train: IntColumn
    test: IntColumn


@dataclass(frozen=True, slots=True, eq=False)
class CombinatorialSplits:
    """Every way to test on some of the groups and train on the others.

    `group[i]` is the group of decision i. `paths[p, g]` is the split whose test of group g belongs
    to path p: each path tests every decision once, and each test is used in one path.
    """

    splits: tuple[Split, ...]
    group: IntColumn
    paths: IntColumn


def combinatorial_splits(
    at: IntColumn, purge: int, embargo: int, groups: int = 10, tested: int = 2
) -> CombinatorialSplits:
    """Returns the splits of combinatorial purged cross-validation (CPCV): 45, on 9 paths.

    `at` as in `walk_forward`. The decisions are cut into `groups` equal parts in time order. Not
    trained on are decisions within `purge` candles before a tested group or `purge` + `embargo`
    candles after it. Source: Lopez de Prado, "Advances in Financial Machine Learning", 2018,
    sections 7.4 and 12.4. Raises BadUsage for groups without decisions or nothing left to train on.

    >>> found = combinatorial_splits(np.arange(100), purge=1, embargo=2)
    >>> len(found.splits), found.paths.shape, found.splits[0].train[0].item()
    (45, (9, 10), 23)
    """
    if not 0 < tested < groups <= len(at):
        raise BadUsage(
            f"combinatorial splits: {len(at)} decisions in {groups} groups, {tested} tested; every "
            "group needs a decision, and some but not all groups are tested"
        )
    group = np.arange(len(at), dtype=np.int64) * groups // len(at)
    edges = np.searchsorted(group, np.arange(groups + 1))
    near = [_near(at, edges[g : g + 2], purge, embargo) for g in range(groups)]
    splits = []
    for chosen in combinations(range(groups), tested):
        train = np.flatnonzero(~np.any([near[g] for g in chosen], axis=0))
        test = np.flatnonzero(np.isin(group, chosen))
        if not len(train):
            raise BadUsage(
                f"combinatorial splits: nothing is left to train on beside groups {chosen} of "
                f"{groups} with a purge of {purge} and an embargo of {embargo} candles; give more "
                "candles"
            )
        splits.append(Split(chosen, train, test))
    return CombinatorialSplits(tuple(splits), group, _paths(splits, groups))


def _near(at: IntColumn, edges: IntColumn, purge: int, embargo: int) -> BoolColumn:
    """Returns which decisions a group excludes from training: its own and those around it."""
    first, last = at[edges[0]], at[edges[1] - 1]
    return (at >= first - purge) & (at <= last + purge + embargo)


def _paths(splits: list[Split], groups: int) -> IntColumn:
    tests = [[i for i, split in enumerate(splits) if g in split.groups] for g in range(groups)]
    return np.array(tests, np.int64).T


def along_paths(found: CombinatorialSplits, answers: Sequence[FloatColumn]) -> NDArray[np.float64]:
    """Returns one row a path: what was answered to every decision, in time order.

    `answers[i]` are those of split i to its test decisions, in the order of `Split.test`.
    """
    whole = np.empty((len(found.paths), len(found.group)))
    for path, group in np.ndindex(*found.paths.shape):
        split = int(found.paths[path, group])
        tested = found.group[found.splits[split].test] == group
        whole[path, found.group == group] = answers[split][tested]
    return whole


def hold_back(at: IntColumn, train: IntColumn, gap: int, share: float = 0.15) -> Fold:
    """Returns a fold without a test part: the last `share` of `train` is for validation, and what
    is trained on ends more than `gap` candles before it. Raises BadUsage where a part is empty.

    >>> fold = hold_back(np.arange(100), np.arange(20, 60), gap=5, share=0.25)
    >>> [(int(part[0]), int(part[-1])) for part in (fold.train, fold.validate)]
    [(20, 44), (50, 59)]
    """
    cut = round(len(train) * (1.0 - share))
    validate = train[cut:]
    left = train[:cut]
    if len(validate):
        left = left[at[left] < at[validate[0]] - gap]
    if not (len(left) and len(validate)):
        raise BadUsage(
            f"{len(train)} decisions leave {len(left)} to train on and {len(validate)} to validate "
            f"with a gap of {gap} candles; give more candles, or fewer groups"
        )
    return Fold(left, validate, np.empty(0, np.int64))
