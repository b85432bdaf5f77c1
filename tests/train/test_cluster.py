"""A Ray cluster trains the same networks, also when a machine of it dies on the way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.train.test_fit import silent

from leeward.domain.errors import BadUsage, Failed
from leeward.training.cluster import fit_on_cluster
from leeward.training.datasets import Dataset, make_folds
from leeward.training.fit import Fitted, Recipe, fit_all, plan, read_fitted
from leeward.training.networks import preset_named

# Ray's own threads and sockets end when its processes do.
pytestmark = [pytest.mark.timeout(1_800), pytest.mark.filterwarnings("ignore")]
RECIPES = [Recipe(preset_named(name), (1, 2), epochs=1, batch=512) for name in ("tiny", "small")]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster on this machine whose nodes see the program as this process does."""
    found = (str(Path("src").absolute()), str(Path.cwd()), os.environ.get("PYTHONPATH", ""))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_MODE", "disabled")
        patch.setenv("PYTHONPATH", os.pathsep.join(found))
        from ray.cluster_utils import Cluster

        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        yield made
        made.shutdown()


def test_a_killed_node_changes_nothing_but_how_long_it_takes(
    cluster: Any, data: Dataset, tmp_path: Path
) -> None:
    second = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes(timeout=300)
    folds = make_folds(data, 1)
    there = [(recipe, plan(data, folds, recipe, tmp_path / "there")) for recipe in RECIPES]
    told: list[str] = []

    def kill_on_the_way(what: str, share: float) -> None:
        assert 0.0 < share <= 1.0
        if not told:
            cluster.remove_node(second, allow_graceful=False)
        told.append(what)

    fit_on_cluster(data, there, cluster.address, kill_on_the_way)
    assert told == [f"{done} of 4 networks on Ray" for done in (1, 2, 3, 4)]
    for recipe, work in there:
        alone = fit_all(data, plan(data, folds, recipe, tmp_path / "here"), recipe, silent)
        for piece, expected in zip(work, alone, strict=True):
            found = read_fitted(piece)
            assert found is not None
            assert contents(found) == contents(expected)
    # All is kept: a second run asks the cluster for nothing.
    fit_on_cluster(data, there, "nobody:1", kill_on_the_way)


def contents(fitted: Fitted) -> list[bytes]:
    weights = [each.tobytes() for each in fitted.weights]
    return [*weights, fitted.validate.tobytes(), fitted.test.tobytes()]


def test_a_network_that_cannot_be_trained_says_why(cluster: Any, data: Dataset, kept: Path) -> None:
    labels = np.full_like(data.labels, np.nan)
    broken = replace(data, labels=labels)
    work = plan(broken, make_folds(data, 1), RECIPES[0], kept)
    with pytest.raises(Failed, match="fold 1 of 1, seed 1: the loss is no number any more"):
        fit_on_cluster(broken, [(RECIPES[0], work[:1])], cluster.address, silent)
    assert read_fitted(work[0]) is None


@pytest.mark.parametrize("address", ["127.0.0.1:9", "auto", "nonsense"])
def test_a_silent_address_is_named_at_once(data: Dataset, kept: Path, address: str) -> None:
    work = plan(data, make_folds(data, 1), RECIPES[0], kept)
    with pytest.raises(BadUsage, match=f"no cluster at '{address}'; give HOST:PORT"):
        fit_on_cluster(data, [(RECIPES[0], work)], address, silent)
