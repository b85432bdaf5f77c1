from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leeward.domain.columns import IntColumn
from leeward.domain.errors import BadUsage
from leeward.statistics.folds import (
    along_paths,
    combinatorial_splits,
    hold_back,
    walk_forward,
)


@st.composite
def decisions(draw: st.DrawFn) -> IntColumn:
    """Candle numbers of decisions, with outages between them."""
    rows = draw(st.integers(300, 600))
    chance = np.random.default_rng(draw(st.integers(0, 1_000)))
    steps = np.where(chance.random(rows) < 0.02, chance.integers(2, 60, rows), 1)
    return np.cumsum(steps).astype(np.int64)


def touching(train: IntColumn, test: IntColumn, at: IntColumn, label: int, window: int) -> int:
    """How many training decisions share a candle of a label, or look back on a tested label."""
    distance = at[train][:, np.newaxis] - at[test][np.newaxis, :]
    labels_overlap = np.abs(distance) < label
    looks_back = (distance >= 0) & (distance < window + label)
    return int(np.count_nonzero(labels_overlap | looks_back))


@settings(max_examples=30)
@given(at=decisions(), folds=st.integers(1, 4), label=st.integers(1, 5), window=st.integers(0, 8))
def test_walk_forward_parts_never_touch(at: IntColumn, folds: int, label: int, window: int) -> None:
    found = walk_forward(at, folds, purge=label, embargo=window)
    assert len(found) == folds
    tested = np.concatenate([fold.test for fold in found])
    assert tested.tolist() == list(range(round(len(at) / 2), len(at)))
    for fold in found:
        for earlier, later in ((fold.train, fold.validate), (fold.validate, fold.test)):
            assert at[later[0]] - at[earlier[-1]] > label + window
        assert fold.train[0] == 0
        # Nothing is given away that could have been kept.
        kept = fold.train[-1] + 1
        assert at[fold.validate[0]] - at[kept] <= label + window


def test_walk_forward_worked_by_hand() -> None:
    at = np.arange(40)
    at[20:] += 5  # an outage
    first, second = walk_forward(at, 2, purge=1, embargo=1, validate_share=0.25)
    assert [part.tolist() for part in (first.train, first.validate, first.test)] == [
        list(range(13)),
        # 15.. to 19: the outage is the gap.
        list(range(15, 20)),
        list(range(20, 30)),
    ]
    assert (second.train[-1], second.validate[0], second.validate[-1]) == (19, 22, 27)
    assert second.test.tolist() == list(range(30, 40))


@pytest.mark.parametrize(
    ("rows", "folds", "embargo"), [(0, 1, 0), (3, 4, 0), (100, 2, 60), (100, 2, 8)]
)
def test_too_few_decisions_are_refused_with_the_numbers(
    rows: int, folds: int, embargo: int
) -> None:
    with pytest.raises(BadUsage, match=f"{rows} decisions leave .* {folds} folds"):
        walk_forward(np.arange(rows), folds, purge=1, embargo=embargo)


@settings(max_examples=20)
@given(at=decisions(), label=st.integers(1, 5), window=st.integers(0, 8))
def test_combinatorial_parts_never_touch(at: IntColumn, label: int, window: int) -> None:
    found = combinatorial_splits(at, purge=label, embargo=window, groups=6)
    for split in found.splits:
        assert not touching(split.train, split.test, at, label, window)
        assert not np.intersect1d(split.train, split.test).size
        assert np.isin(found.group[split.test], split.groups).all()


def test_without_purge_and_embargo_every_other_decision_is_trained_on() -> None:
    for split in combinatorial_splits(np.arange(100), purge=0, embargo=0).splits:
        assert sorted([*split.train, *split.test]) == list(range(100))


def test_combinatorial_purge_worked_by_hand() -> None:
    found = combinatorial_splits(np.arange(12), purge=1, embargo=1, groups=4, tested=1)
    # Group 1 is 3, 4, 5: purged are 2 and 6, and 7 is under embargo.
    assert found.splits[1].test.tolist() == [3, 4, 5]
    assert found.splits[1].train.tolist() == [0, 1, 8, 9, 10, 11]


@pytest.mark.parametrize(("groups", "tested"), [(10, 2), (6, 2), (6, 3), (5, 1)])
def test_every_path_tests_every_decision_once_and_every_test_is_used_once(
    groups: int, tested: int
) -> None:
    found = combinatorial_splits(np.arange(200), 1, 2, groups, tested)
    splits = math.comb(groups, tested)
    assert len(found.splits) == splits
    assert found.paths.shape == (splits * tested // groups, groups)
    used = [(int(found.paths[p, g]), g) for p, g in np.ndindex(*found.paths.shape)]
    assert len(set(used)) == len(used)
    assert all(g in found.splits[split].groups for split, g in used)
    assert len(used) == splits * tested


@pytest.mark.parametrize(
    ("rows", "groups", "tested", "embargo"), [(5, 10, 2, 0), (100, 4, 4, 0), (100, 10, 2, 95)]
)
def test_groups_that_leave_nothing_are_refused(
    rows: int, groups: int, tested: int, embargo: int
) -> None:
    with pytest.raises(BadUsage, match="combinatorial splits"):
        combinatorial_splits(np.arange(rows), 1, embargo, groups, tested)


def test_a_path_holds_for_each_decision_what_the_split_that_belongs_to_it_answered() -> None:
    found = combinatorial_splits(np.arange(12), 0, 0, groups=4, tested=2)
    # Each split answers with its number and, behind the point, the decision.
    answers = [i + split.test / 100.0 for i, split in enumerate(found.splits)]
    paths = along_paths(found, answers)
    assert paths.shape == (3, 12)
    for path in range(3):
        expected = found.paths[path][found.group] + np.arange(12) / 100.0
        np.testing.assert_array_equal(paths[path], expected)


@settings(max_examples=30)
@given(at=decisions(), gap=st.integers(0, 30))
def test_what_is_held_back_is_last_and_apart(at: IntColumn, gap: int) -> None:
    train = np.flatnonzero(np.arange(len(at)) % 100 < 80)
    fold = hold_back(at, train, gap)
    assert at[fold.validate[0]] - at[fold.train[-1]] > gap
    assert np.isin([*fold.train, *fold.validate], train).all()
    assert len(fold.validate) == len(train) - round(len(train) * 0.85)


def test_nothing_can_be_held_back_from_too_little() -> None:
    with pytest.raises(BadUsage, match="2 decisions leave 0 to train on"):
        hold_back(np.arange(100), np.array([1, 2]), gap=5, share=0.5)
