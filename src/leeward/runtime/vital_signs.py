"""How a model in use fares: drift, coverage, age, and whether it is trusted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from leeward.domain.timeframe import DAY_MS
from leeward.inference.bundle import Bundle
from leeward.inference.metadata import LEAST_COVERAGE, MOST_DRIFT

SOUND: Final = "sound"
#: The model was not asked: candles of its window are missing, or sentiment is unknown.
SILENT: Final = "silent"


@dataclass(frozen=True, slots=True)
class VitalSigns:
    """One model at the close of a candle, by its name.

    `psi` is the largest stability index of what it reads and answers, `coverage` the share of moves
    that its 90 % bounds held; None where there is too little to tell. `age_days` counts from the
    last candle that it was made with. `state` is "sound", "silent", "old", "drifted" or "misses"
    (its bounds hold too few moves); but for sound ones `why` says more, and the model has no
    confidence: the next step of the ladder decides.
    """

    name: str
    version: str
    sha256: str
    symbol: str
    close_ms: int
    psi: float | None
    coverage: float | None
    age_days: float
    max_age_days: int
    confidence: float | None
    state: str
    why: str

    @property
    def is_sound(self) -> bool:
        return self.state == SOUND

    def figures(self) -> dict[str, float]:
        """Returns the figures that are known, as they are written down."""
        found = {
            "psi": self.psi,
            "coverage": self.coverage,
            "age_days": self.age_days,
            "confidence": self.confidence,
            "sound": float(self.is_sound),
        }
        return {f"{self.name} {what}": value for what, value in found.items() if value is not None}


def vital_signs(
    bundle: Bundle, told: Mapping[str, float], close_ms: int, answered: bool
) -> VitalSigns:
    """Returns how a model fares whose columns, at the candle that closed then, hold `told`.

    `answered` says whether that candle ends a window that the model answered to.
    """
    facts = bundle.metadata
    psi, coverage = told["prediction_psi"], told["prediction_coverage"]
    age_days = (close_ms - facts.data_last_ms) / DAY_MS
    state, why = SOUND, ""
    if not answered:
        state = SILENT
        why = "candles of its window are missing"
        if facts.kind == "sentiment":
            why += ", or sentiment is unknown"
    elif age_days > facts.max_age_days:
        state, why = "old", f"it is {age_days:.0f} days old, {facts.max_age_days} at most"
    elif psi > MOST_DRIFT:
        state = "drifted"
        why = f"what it reads or answers has shifted: PSI {psi:.2f}, {MOST_DRIFT:g} at most"
    elif coverage < LEAST_COVERAGE:
        state = "misses"
        why = (
            f"its bounds, meant for 90 % of moves, held {coverage:.1%} of them, "
            f"{LEAST_COVERAGE:.0%} at least"
        )
    return VitalSigns(
        facts.name,
        facts.version,
        bundle.sha256,
        facts.symbol,
        close_ms,
        _known(psi),
        _known(coverage),
        age_days,
        facts.max_age_days,
        _known(told["prediction_confidence"]),
        state,
        why,
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
