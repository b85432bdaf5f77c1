"""Trains networks on a Ray cluster: any machine that is left goes on where another died.

What is finished is kept in the same files as without a cluster, by the process that asked for it;
everything after the training reads those. So a cluster changes how long it takes and nothing else.
"""

from __future__ import annotations

import importlib
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from leeward.domain.errors import BadUsage, Failed
from leeward.training.datasets import Dataset
from leeward.training.fit import Fitted, Progress, Recipe, Work, fit_one, keep, read_fitted

#: How often a network is begun again because the machine under it died.
_RETRIES: Final = 10
#: Seconds after which an address is taken for silent.
_PATIENCE_S: Final = 5.0
#: The address that means: a cluster of this machine alone.
LOCAL: Final = "local"


def fit_on_cluster(
    data: Dataset,
    plans: Sequence[tuple[Recipe, Sequence[Work]]],
    address: str,
    progress: Progress,
) -> None:
    """Trains what is not kept yet, all presets, folds and seeds side by side, and keeps it.

    Raises BadUsage where the extra is missing or nobody answers at the address, Failed where a
    network could not be finished.
    """
    left = [(r, w) for r, work in plans for w in work if read_fitted(w) is None]
    whole = sum(len(work) for _, work in plans)
    if not left:
        return
    with _connected(address) as ray:
        # One kind of device for all: networks of a run are to be alike wherever they were trained.
        gpus = 1 if ray.cluster_resources().get("GPU", 0) else 0
        fit = ray.remote(max_retries=_RETRIES, num_cpus=1, num_gpus=gpus)(_fit)
        shared = ray.put(data)
        tasks = {fit.remote(shared, work, recipe): work for recipe, work in left}
        while tasks:
            (done,), _ = ray.wait(list(tasks), num_returns=1)
            work = tasks.pop(done)
            keep(work, _result(ray, done, work))
            finished = whole - len(tasks)
            progress(f"{finished} of {whole} networks on Ray", finished / whole)


def _fit(data: Dataset, work: Work, recipe: Recipe) -> Fitted:
    return fit_one(data, work, recipe, _silent)


def _silent(share: float) -> None:
    del share


def _result(ray: Any, done: Any, work: Work) -> Fitted:
    try:
        found: Fitted = ray.get(done)
    except ray.exceptions.RayTaskError as error:
        raise error.cause if isinstance(error.cause, Failed) else error from None
    except ray.exceptions.RayError as error:
        raise Failed(
            f"{work.label}: could not be finished on the cluster: {str(error).splitlines()[0]}; "
            "what was finished is kept: run it again when the cluster is well"
        ) from None
    return found


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    """Yields Ray, connected to the cluster for as long as it is needed."""
    if address != LOCAL:
        _check_answers(address)
    # Ray reads it from nowhere else, and reports home unless told not to.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # noqa: TID251 - not a setting of Leeward
    try:
        ray = importlib.import_module("ray")
    except ModuleNotFoundError:
        raise BadUsage(
            "training on a cluster needs ray, which is not installed; "
            "install the extra: pip install 'leeward[train,cluster]'"
        ) from None
    ray.init(address=address, log_to_driver=False, logging_level="error")
    try:
        yield ray
    finally:
        ray.shutdown()


def _check_answers(address: str) -> None:
    """Raises BadUsage where nobody listens: Ray itself would wait for minutes."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), _PATIENCE_S):
            return
    except (OSError, ValueError):
        raise BadUsage(
            f"ray: no cluster at '{address}'; give HOST:PORT as `ray start --head` says it, "
            f"or '{LOCAL}' for this machine alone"
        ) from None
