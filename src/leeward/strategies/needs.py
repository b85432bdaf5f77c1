"""What a strategy may ask for beside candles: forecasts of models, and sentiment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from leeward.indicators.features import FEATURES_SENTIMENT, WINDOW
from leeward.indicators.table import Need

#: Rows over which a model is watched: whether its inputs drift, whether its intervals hold.
DRIFT_ROWS: Final = 720
COVERAGE_ROWS: Final = 200

#: Of one model, as known at the close of the row; NaN where it does not predict. `prediction` is
#: the expected log return of the next candle, `low` and `high` bound it with 90 %, `p_up` is the
#: chance of a rise; a model of trades gives `p_win` instead of all these. `confidence` is 0..1; it
#: is 0, and all before it NaN, where the model is too old, or no longer sees or meets what it was
#: trained on, by `psi` and `coverage`.
_FORECAST: Final = (
    "prediction",
    "prediction_low",
    "prediction_high",
    "prediction_p_up",
    "prediction_p_win",
    "prediction_confidence",
    "prediction_psi",
    "prediction_coverage",
)
#: A need -> the columns it brings: the price model's; the sentiment model's, and what it reads.
NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "prediction": _FORECAST,
    "sentiment": (*FEATURES_SENTIMENT, *(f"sentiment_{name}" for name in _FORECAST)),
}
_OF_MODEL: Final = Need(WINDOW - 1, WINDOW + DRIFT_ROWS)
#: What each of these columns needs of the candles.
COLUMN_NEEDS: Final[Mapping[str, Need]] = {
    name: Need() if name in FEATURES_SENTIMENT else _OF_MODEL
    for names in NEEDS.values()
    for name in names
}
