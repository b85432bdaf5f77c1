"""Training: the same for the same seed, and not lost to a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from leeward.training.datasets import Dataset, make_folds
from leeward.training.fit import Recipe, answers, fit_all, identity, model_of
from leeward.training.networks import preset_named

RECIPE = Recipe(preset_named("tiny"), (1, 2), epochs=1, batch=512)
pytestmark = pytest.mark.timeout(300)  # compiling a network takes seconds


def silent(what: str, share: float) -> None:
    del what, share


def test_a_seed_gives_the_same_weights_again_and_another_seed_others(
    data: Dataset, tmp_path: Path
) -> None:
    folds = make_folds(data, 1)
    first = fit_all(data, folds, RECIPE, tmp_path / "a", silent)
    again = fit_all(data, folds, RECIPE, tmp_path / "b", silent)
    for one, other in zip(first, again, strict=True):
        for ours, theirs in zip(one.weights, other.weights, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        np.testing.assert_array_equal(one.test, other.test)
    assert not np.array_equal(first[0].test, first[1].test)


def test_weights_kept_on_disk_answer_as_the_network_did(data: Dataset, kept: Path) -> None:
    folds = make_folds(data, 1)
    fit_all(data, folds, RECIPE, kept, silent)
    fitted = fit_all(data, folds, RECIPE, kept, silent)[0]
    found = answers(model_of(data, RECIPE.preset, fitted), data.features, folds[0].test)
    np.testing.assert_array_equal(found, fitted.test)


def test_what_a_run_keeps_answers_to_its_data_and_recipe_alone(data: Dataset) -> None:
    one, two = make_folds(data, 1), make_folds(data, 2)
    longer = Recipe(RECIPE.preset, RECIPE.seeds, epochs=2, batch=512)
    names = {identity(data, one, RECIPE), identity(data, two, RECIPE), identity(data, one, longer)}
    assert len(names) == 3
    more_seeds = Recipe(RECIPE.preset, (1, 2, 3), epochs=1, batch=512)
    assert identity(data, one, more_seeds) == identity(data, one, RECIPE)


_RUN = """
from pathlib import Path
from leeward.training.datasets import build_dataset, make_folds
from leeward.training.fit import fit_all
from tests.markets import hourly_market
from tests.train.test_fit import RECIPE, silent
data = build_dataset(hourly_market("BTCUSDT").rows(0, 2_600))
fit_all(data, make_folds(data, 1), RECIPE, Path(__import__("sys").argv[1]), silent)
"""


def test_a_killed_run_keeps_what_was_finished_and_goes_on(data: Dataset, tmp_path: Path) -> None:
    folder = tmp_path / "training"
    running = subprocess.Popen(
        [sys.executable, "-c", _RUN, str(folder)], cwd=Path(__file__).parents[2]
    )
    while not list(folder.glob("*.npz")) and running.poll() is None:
        time.sleep(0.01)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    (finished,) = sorted(folder.glob("*.npz"))[:1]
    before = finished.stat().st_mtime_ns
    folds = make_folds(data, 1)
    resumed = fit_all(data, folds, RECIPE, folder, silent)
    assert finished.stat().st_mtime_ns == before
    whole = fit_all(data, folds, RECIPE, tmp_path / "whole", silent)
    for one, other in zip(resumed, whole, strict=True):
        np.testing.assert_array_equal(one.test, other.test)


def test_progress_ends_with_all_of_the_work(data: Dataset, kept: Path) -> None:
    told: list[float] = []
    fit_all(data, make_folds(data, 1), RECIPE, kept, lambda _, share: told.append(share))
    assert told == sorted(told)
    assert told[-1] == 1.0
