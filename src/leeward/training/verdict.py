"""Everything that is found out about a trained model before it may be used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leeward.training import gates, judge
from leeward.training.gates import Gate
from leeward.training.judge import Calibration, Figures, Trained
from leeward.training.money import judge_money
from leeward.training.networks import Preset
from leeward.training.paths import Paths
from leeward.training.trials import Trial, sharpe_variance


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """Figures of the seed average, of the shipped network and of what they have to beat; the
    calibration; the paths of CPCV; and the gates."""

    average: Figures
    shipped: Figures
    baselines: Mapping[str, Figures]
    calibration: Calibration
    paths: Paths | None
    gates: Sequence[Gate]


def judge_all(
    trained: Trained, preset: Preset, onnx: bytes, trials: Sequence[Trial], paths: Paths | None
) -> Verdict:
    """Returns the verdict on the test windows, the trials of the ledger counted."""
    average = judge.figures(trained, trained.average)
    shipped = judge.figures(trained, trained.answers(trained.shipped.seed))
    beaten = judge.baseline_figures(trained)
    calibration = judge.calibrate(trained)
    money = judge_money(
        trained.changes(trained.long(trained.average)),
        variants(trained),
        {
            "holding": trained.changes(np.ones(len(trained.test), dtype=np.bool_)),
            "rule": trained.changes(trained.rule_long),
        },
        len(trials),
        sharpe_variance(trials) / trained.candles_a_year,
    )
    found = [
        *gates.artefact_gates(trained, preset, onnx),
        *gates.leak_gates(trained, average),
        *gates.skill_gates(trained, average, shipped, beaten, calibration),
        *gates.money_gates(trained, money, len(trials), paths),
        *gates.calibration_gates(calibration),
    ]
    return Verdict(average, shipped, beaten, calibration, paths, found)


def variants(trained: Trained) -> NDArray[np.float64]:
    """Returns the changes [candles, variants] of all that was looked at: the average, each seed,
    and the average where it promises more than the costs of one and of two sides."""
    promised = trained.average * trained.data.sigma[trained.test]
    longs = [trained.long(trained.average)]
    longs += [trained.long(trained.answers(seed)) for seed in trained.seeds]
    if not trained.is_meta:
        longs += [promised > sides * trained.costs.side for sides in (1, 2)]
    return np.stack([trained.changes(long) for long in longs], axis=1)
