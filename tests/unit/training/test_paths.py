"""Combined paths: every window is forecast once a path, by networks that never saw it."""

from __future__ import annotations

import numpy as np
import pytest
from tests.markets import hourly_market

from leeward.domain.columns import FloatColumn
from leeward.domain.errors import BadUsage
from leeward.indicators.features import WINDOW
from leeward.training.datasets import Dataset, build_dataset
from leeward.training.fit import Fitted
from leeward.training.gates import paths_gate, status_cap
from leeward.training.judge import Costs, Trained
from leeward.training.labels import Held
from leeward.training.paths import Combinations, Paths, combine, judge_paths

GROUPS = 6
FREE = Costs(0.0, 0.0)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return build_dataset(hourly_market("BTCUSDT").rows(0, 2_600))


def answering(test: FloatColumn) -> Fitted:
    """A network of which only what it answered counts."""
    return Fitted(0, 1, [], test, test, 0.0, 1, 0.0, 1, "cpu")


def trained(data: Dataset, costs: Costs) -> Trained:
    nothing = np.zeros(len(data.candles))
    return Trained(data, (), (), Held(nothing.astype(np.bool_), nothing), costs)


def combined(data: Dataset) -> Combinations:
    found = combine(data, GROUPS)
    assert found is not None
    return found


def test_no_part_shares_a_candle_with_what_it_is_tested_on(data: Dataset) -> None:
    for fold in combined(data).folds:
        test = data.at[fold.test]
        for part in (fold.train, fold.validate):
            gap = data.at[part][:, np.newaxis] - test[np.newaxis, :]
            # A window after the test looks back on it; one before it reaches its label at most.
            assert not np.any((gap >= 0) & (gap <= WINDOW + data.horizon))
            assert not np.any((gap < 0) & (gap >= -data.horizon))
        assert data.at[fold.validate[0]] - data.at[fold.train[-1]] > WINDOW + data.horizon


def test_who_knows_the_next_move_gains_on_every_path_and_who_never_buys_on_none(
    data: Dataset,
) -> None:
    found, judged = combined(data), trained(data, FREE)
    knowing = [answering(data.moves[fold.test]) for fold in found.folds]
    paths = judge_paths(judged, found, knowing)
    assert (paths.groups, paths.trainings, len(paths.sharpes)) == (6, 15, 5)
    assert paths.quantile(0.05) > 10.0
    assert len(set(paths.sharpes)) == 1
    idle = [answering(-np.ones(len(fold.test))) for fold in found.folds]
    assert judge_paths(judged, found, idle).sharpes == (0.0,) * 5


def test_one_bad_network_spoils_the_paths_it_stands_in_alone(data: Dataset) -> None:
    found, judged = combined(data), trained(data, FREE)
    answers = [answering(data.moves[fold.test]) for fold in found.folds]
    whole = judge_paths(judged, found, answers)
    answers[7] = answering(-data.moves[found.folds[7].test])
    spoiled = judge_paths(judged, found, answers)
    touched = {int(path) for path, _ in np.argwhere(found.splits.paths == 7)}
    lower = {p for p in range(5) if spoiled.sharpes[p] < whole.sharpes[p]}
    assert lower == touched


def test_costs_lower_every_path(data: Dataset) -> None:
    found = combined(data)
    answers = [answering(data.moves[fold.test]) for fold in found.folds]
    free, dear = (judge_paths(trained(data, c), found, answers) for c in (FREE, Costs(0.001, 0.0)))
    assert all(d < f for f, d in zip(free.sharpes, dear.sharpes, strict=True))


@pytest.mark.parametrize(
    ("sharpes", "passes"), [((0.5, 0.6, 0.7), True), ((-9.0, 8.0, 9.0), False)]
)
def test_the_gate_asks_for_a_gain_on_nearly_every_path(
    sharpes: tuple[float, ...], passes: bool
) -> None:
    gate = paths_gate(Paths(3, 3, 1, sharpes))
    assert gate.passed is passes
    assert gate.name == "cpcv_sharpe_low"
    assert "5th percentile of 3 paths" in gate.note


def test_paths_that_were_not_asked_for_pass_no_gate(data: Dataset) -> None:
    assert combine(data, 0) is None
    assert not paths_gate(None).passed
    assert status_cap([paths_gate(None)]) == "paper"


def test_too_few_windows_for_the_groups_are_refused_with_the_numbers() -> None:
    few = build_dataset(hourly_market("BTCUSDT").rows(0, 330), fewest=100)
    with pytest.raises(BadUsage, match=r"leave \d+ to train on|nothing is left to train on"):
        combine(few, 6)
