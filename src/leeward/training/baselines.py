"""What a network has to beat: forecasts that cost nothing, and two classic learners."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from leeward.domain.columns import FloatColumn, IntColumn
from leeward.indicators.features import FeatureTable
from leeward.statistics.folds import Fold
from leeward.training.datasets import Dataset
from leeward.training.networks import trainer_library

#: Candles back over which the learners see the return.
_BACK = (1, 2, 3, 6, 12, 24, 48, 119)
_CLOSE, _VOLUME = 3, 4
_THREADS = 2

Table: TypeAlias = NDArray[np.float32]
#: Trains on a table and its labels; returns the answers to another table.
Learner: TypeAlias = Callable[[Table, NDArray[np.float32], Table], FloatColumn]


def summary(features: FeatureTable) -> Table:
    """Returns a few columns a window for learners that take no sequences: returns over several
    spans, the last range and volume, the mean volume of a day, and the newest sentiment."""
    last = features[:, -1]
    columns = [
        *(-features[:, -1 - back, _CLOSE] for back in _BACK),
        last[:, 1] - last[:, 2],
        last[:, _VOLUME],
        features[:, -24:, _VOLUME].mean(axis=1),
        *last[:, _VOLUME + 1 :].T,
    ]
    return np.stack(columns, axis=1)


def out_of_sample(data: Dataset, folds: Sequence[Fold], learner: Learner) -> FloatColumn:
    """Returns the learner's answers on the test parts of all folds, each trained on its past.

    The validation part is trained on too: these learners stop by no loss.
    """
    table = summary(data.features)
    parts = []
    for fold in folds:
        past = np.concatenate([fold.train, fold.validate])
        parts.append(learner(table[past], data.labels[past], table[fold.test]))
    return np.concatenate(parts)


def logistic(table: Table, labels: NDArray[np.float32], asked: Table) -> FloatColumn:
    """Returns P(label above its threshold) - 0.5 by logistic regression."""
    linear = trainer_library("sklearn.linear_model")
    scale = table.std(axis=0) + 1e-9
    middle = table.mean(axis=0)
    model = linear.LogisticRegression(C=0.1, max_iter=500)
    model.fit((table - middle) / scale, labels > _threshold(labels))
    chance: FloatColumn = model.predict_proba((asked - middle) / scale)[:, 1]
    return chance - 0.5


def _threshold(labels: NDArray[np.float32]) -> float:
    """Returns what parts up from down: 0 for returns, one half for outcomes."""
    return 0.5 if labels.min() >= 0.0 and labels.max() <= 1.0 else 0.0


def lightgbm(table: Table, labels: NDArray[np.float32], asked: Table) -> FloatColumn:
    """Returns the expected label by boosted trees, grown carefully for data of little signal."""
    library = trainer_library("lightgbm")
    settings: dict[str, Any] = {
        "objective": "regression",
        "num_leaves": 15,
        "learning_rate": 0.03,
        "min_data_in_leaf": 200,
        "feature_fraction": 0.7,
        "lambda_l2": 10.0,
        "seed": 1,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": _THREADS,
        "verbosity": -1,
    }
    model = library.train(settings, library.Dataset(table, labels), num_boost_round=60)
    answers: FloatColumn = np.asarray(model.predict(asked), np.float64)
    return answers


def reversal(data: Dataset, test: IntColumn) -> FloatColumn:
    """Returns minus the last return, in units of volatility: what went up comes down."""
    last: FloatColumn = data.features[test, -2, _CLOSE].astype(np.float64)
    return last * math.sqrt(data.features.shape[1])


def permuted_accuracy(data: Dataset, folds: Sequence[Fold], seed: int = 0) -> float:
    """Returns the accuracy of logistic regression trained on shuffled labels: a leak that stands
    in the features shows as more than the base rate."""
    fold = folds[-1]
    chance = np.random.Generator(np.random.PCG64(seed))
    table = summary(data.features)
    answers = logistic(table[fold.train], chance.permutation(data.labels[fold.train]),
                       table[fold.test])  # fmt: skip
    truth = data.labels[fold.test] > _threshold(data.labels)
    return float(np.mean((answers > 0) == truth))
