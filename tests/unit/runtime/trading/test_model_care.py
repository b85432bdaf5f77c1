"""What is told, and kept, of models while a session runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.tiny_models import HOUR, copied

from leeward.data.generated import generate_candles
from leeward.engine.records import Noted, Severity
from leeward.runtime.predictions import GrowingOutlook, ModelUse, Outlook
from leeward.runtime.trading.model_care import ModelCare

CANDLES = generate_candles("BTCUSDT", HOUR, 1_704_067_200_000, 1_400, seed=9)
NAME = "btcusdt_price"


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns models whose bounds hold about 85 of 100 moves, and whose inputs do not drift."""

    def edit(metadata: dict[str, Any]) -> None:
        metadata["calibration"]["residual_quantiles"] = np.linspace(-1.62, 1.62, 1001).tolist()
        metadata["drift_reference"] = {}

    return copied(tmp_path_factory.mktemp("models"), edit)


def outlook(folder: Path) -> Outlook:
    return Outlook(("prediction",), "BTCUSDT", HOUR, ModelUse(folder, Path("none"), shrunk=False))


def test_each_breach_is_told_once_with_its_end_and_has_no_confidence_meanwhile(
    narrow: Path,
) -> None:
    told: list[Noted] = []
    care = ModelCare(told.append)
    columns = care.watched("BTCUSDT", GrowingOutlook(outlook(narrow)))
    missed = outlook(narrow).columns(CANDLES)["prediction_coverage"] < 0.85

    for last in range(320, len(CANDLES) + 1):
        found = columns(CANDLES.rows(0, last))
        columns(CANDLES.rows(0, last))  # asked twice at one candle, it says nothing new
        in_breach = bool(missed[last - 1])
        assert bool(found["prediction_confidence"][-1] == 0) == in_breach
        assert bool(np.isnan(found["prediction"][-1])) == in_breach
        assert care.signs[NAME].state == ("misses" if in_breach else "sound")

    turns = int(np.count_nonzero(np.diff(missed[319:].astype(int)))) + int(missed[319])
    assert turns > 3
    assert len(told) == turns
    kinds = [each.kind for each in told]
    assert kinds == ["model_misses" if i % 2 == 0 else "model_sound" for i in range(turns)]
    assert (told[0].severity, told[1].severity) == (Severity.WARNING, Severity.INFO)
    assert {each.subject for each in told} == {NAME}
    assert "bounds, meant for 90 % of moves, held " in told[0].words
    assert told[1].words == "has its confidence back"


def test_figures_are_due_at_first_once_an_hour_and_at_every_change(narrow: Path) -> None:
    care = ModelCare()
    columns = care.watched("BTCUSDT", GrowingOutlook(outlook(narrow)))

    for last in (400, 400, 401, 402):
        columns(CANDLES.rows(0, last))

    assert [at_ms for at_ms, _ in care.due] == [
        int(CANDLES.open_time[row]) + HOUR.length_ms for row in (399, 400, 401)
    ]
    assert set(care.due[0][1]) == {
        f"{NAME} {what}" for what in ("age_days", "confidence", "coverage", "sound")
    }
    facts = care.facts()[NAME]
    assert isinstance(facts, dict)
    assert facts["coverage"] == care.signs[NAME].coverage
    assert care.candles["BTCUSDT"].open_time[-1] == CANDLES.open_time[401]
