"""From what a model answers to what a trader may make of it: bounds, chances, confidence."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from leeward.domain.columns import BoolColumn, ByteColumn, FloatColumn, IntColumn
from leeward.domain.timeframe import DAY_MS
from leeward.indicators.features import FeatureTable
from leeward.inference.metadata import LEAST_COVERAGE, MOST_DRIFT, Calibration, Metadata
from leeward.inference.predict import Outputs
from leeward.statistics.conformal import chance_above, interval
from leeward.statistics.trailing import UNSETTLED, trailing_share, trailing_stability

#: Chance alone makes about 9 / n; the fewest windows that say more.
FEWEST_DRIFT: Final = 240
FEWEST_COVERAGE: Final = 150
#: What of the last step is judged. Its close is 0 in every window; daily sentiment has 30 values
#: in 720 hours, and of so few chance alone makes an index of 0.3.
_JUDGED: Final = {"open": 0, "high": 1, "low": 2, "volume": 4}
_PREDICTION: Final = "prediction"


class Forecast(NamedTuple):
    """One row a window. Returns are log returns of the next candle; NaN where there is none."""

    expected: FloatColumn
    low: FloatColumn
    high: FloatColumn
    p_up: FloatColumn
    p_win: FloatColumn
    confidence: FloatColumn


def forecast(
    outputs: Outputs, sigma: FloatColumn, metadata: Metadata, shrunk: bool = True
) -> Forecast:
    """Returns what the answers to windows of volatility `sigma` mean.

    `confidence` = shrink * max(0, 2 P - 1), P being the chance of the side that the answer takes,
    by the residuals at validation. Without `shrunk` the factor is left out.
    """
    calibration = metadata.calibration
    shrink = calibration.shrink if shrunk else 1.0
    answers = outputs.astype(np.float64)
    unknown = np.full(len(answers), np.nan)
    if metadata.target == "meta":
        confidence = shrink * np.maximum(0.0, 2.0 * answers - 1.0)
        return Forecast(unknown, unknown, unknown, unknown, answers, confidence)
    low, high = interval(answers, calibration.quantiles, calibration.alpha)
    p_up = np.asarray(chance_above(answers, calibration.quantiles), np.float64)
    right = np.where(answers > 0, p_up, 1.0 - p_up)
    confidence = shrink * np.maximum(0.0, 2.0 * right - 1.0)
    return Forecast(answers * sigma, low * sigma, high * sigma, p_up, unknown, confidence)


class Asked(NamedTuple):
    """The windows a model was asked, in time order: the candle each ends in, counted in candles
    since the epoch, when that closed (ms), the features of its last step [n, F], its answer, its
    volatility, and the log return of the candle after it, NaN where that is missing or not closed
    yet."""

    rows: IntColumn
    closed_ms: IntColumn
    last_step: FeatureTable
    outputs: Outputs
    sigma: FloatColumn
    came: FloatColumn

    def answers(self, row: int) -> bool:
        """Returns whether the newest window ends in this row, with a finite answer."""
        return bool(len(self.rows) and self.rows[-1] == row and np.isfinite(self.outputs[-1]))

    def from_row(self, row: int) -> Asked:
        """Returns the windows that end in this row or later."""
        part = slice(int(np.searchsorted(self.rows, row)), None)
        return Asked(
            self.rows[part],
            self.closed_ms[part],
            self.last_step[part],
            self.outputs[part],
            self.sigma[part],
            self.came[part],
        )

    def followed_by(self, later: Asked) -> Asked:
        return Asked(
            np.concatenate([self.rows, later.rows]),
            np.concatenate([self.closed_ms, later.closed_ms]),
            np.concatenate([self.last_step, later.last_step]),
            np.concatenate([self.outputs, later.outputs]),
            np.concatenate([self.sigma, later.sigma]),
            np.concatenate([self.came, later.came]),
        )


class Health(NamedTuple):
    """How the model fared up to each window: the largest stability index of what it reads and
    answers, the share of moves its bounds held (NaN: too few to tell), and whether to trust it."""

    drift: FloatColumn
    coverage: FloatColumn
    is_sound: BoolColumn


def health(
    asked: Asked, metadata: Metadata, drift_rows: int, coverage_rows: int, since: int = 0
) -> Health:
    """Returns what was known of the model at the close of each window's last row; drift is left
    out before window `since`."""
    judged = {name: asked.last_step[:, at].astype(np.float64) for name, at in _JUDGED.items()}
    judged[_PREDICTION] = asked.outputs.astype(np.float64)
    drift = np.full(len(asked.rows), np.nan)
    for name, values in judged.items():
        reference = metadata.drift_reference.get(name)
        if reference is not None:
            index = trailing_stability(
                asked.rows, values, reference, drift_rows, FEWEST_DRIFT, since
            )
            drift = np.fmax(drift, index)
    coverage = trailing_share(
        asked.rows, _held(asked, metadata.calibration), coverage_rows, FEWEST_COVERAGE
    )
    too_old = asked.closed_ms - metadata.data_last_ms > metadata.max_age_days * DAY_MS
    is_sound = ~too_old & ~(drift > MOST_DRIFT) & ~(coverage < LEAST_COVERAGE)
    return Health(drift, coverage, is_sound & np.isfinite(asked.outputs))


def _held(asked: Asked, calibration: Calibration) -> ByteColumn:
    """Returns 1 where the move that came lay within its bounds, 0 where not, else UNSETTLED."""
    if not len(calibration.quantiles):
        return np.full(len(asked.rows), UNSETTLED, np.uint8)
    answers = asked.outputs.astype(np.float64)
    low, high = interval(answers, calibration.quantiles, calibration.alpha)
    actual = asked.came / asked.sigma
    held = (low <= actual) & (actual <= high)
    return np.where(np.isfinite(actual), held, UNSETTLED).astype(np.uint8)
