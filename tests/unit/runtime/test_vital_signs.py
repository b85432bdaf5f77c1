"""When a model is trusted, and what an operator is told where it is not."""

from __future__ import annotations

import numpy as np
import pytest
from tests.tiny_models import MODELS

from leeward.domain.times import parse_time
from leeward.inference.bundle import load_bundle
from leeward.runtime.vital_signs import VitalSigns, vital_signs

BUNDLE = load_bundle(MODELS, "btcusdt_price")
LAST_MS = BUNDLE.metadata.data_last_ms
DAY_MS = 86_400_000


def signs(
    psi: float = 0.1, coverage: float = 0.9, days: float = 30, *, answered: bool = True
) -> VitalSigns:
    told = {
        "prediction_psi": psi,
        "prediction_coverage": coverage,
        "prediction_confidence": 0.2 if answered else np.nan,
    }
    return vital_signs(BUNDLE, told, LAST_MS + int(days * DAY_MS), answered)


def test_a_model_within_its_limits_is_sound() -> None:
    assert parse_time("2025-05-01", "last") == LAST_MS
    found = signs(psi=0.25, coverage=0.85, days=180)
    assert (found.state, found.why, found.age_days) == ("sound", "", 180)


def test_what_is_not_known_yet_is_no_breach_and_no_figure() -> None:
    found = signs(psi=np.nan, coverage=np.nan)
    assert found.is_sound
    assert (found.psi, found.coverage) == (None, None)
    assert set(found.figures()) == {
        "btcusdt_price age_days", "btcusdt_price confidence", "btcusdt_price sound",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("values", "state", "why"),
    [
        ({"days": 181}, "old", "it is 181 days old, 180 at most"),
        ({"psi": 0.31}, "drifted", "PSI 0.31, 0.25 at most"),
        ({"coverage": 0.8}, "misses", "held 80.0% of them, 85% at least"),
        ({"answered": False}, "silent", "candles of its window are missing"),
    ],
)
def test_a_breach_is_named_with_its_figure_and_its_limit(
    values: dict[str, float], state: str, why: str
) -> None:
    found = signs(**values)  # type: ignore[arg-type] # by name
    assert found.state == state
    assert why in found.why
    assert found.figures()["btcusdt_price sound"] == 0.0
