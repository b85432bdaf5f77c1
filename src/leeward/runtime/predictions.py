"""Columns of models and sentiment for the strategies that need them, in backtest and live alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from leeward.data.sentiment_store import SentimentStore
from leeward.domain.candles import Candles
from leeward.domain.columns import FloatColumn, IntColumn
from leeward.domain.errors import BadUsage, Failed
from leeward.domain.timeframe import Timeframe
from leeward.domain.times import iso
from leeward.indicators.features import (
    FEATURES_SENTIMENT,
    WINDOW,
    FeatureTable,
    windows_of,
)
from leeward.inference.bundle import Bundle, find_bundle, model_name
from leeward.inference.forecast import Asked, forecast, health
from leeward.inference.predict import Outputs, Predictor
from leeward.runtime.daily_sentiment import Daily
from leeward.runtime.kept_predictions import KeptPredictions
from leeward.runtime.settings import Settings
from leeward.runtime.vital_signs import VitalSigns, vital_signs
from leeward.strategies.base import Strategy
from leeward.strategies.needs import COVERAGE_ROWS, DRIFT_ROWS, NEEDS

if TYPE_CHECKING:
    from leeward.database.promotions import Promotion

Columns: TypeAlias = dict[str, FloatColumn]
#: JSON-ready facts of what a strategy was given.
Facts: TypeAlias = dict[str, object]

#: Windows whose features are in memory at a time.
_PART: Final = 512
_SOURCE: Final = "senticrypt"


@dataclass(frozen=True, slots=True)
class ModelUse:
    """Where models and sentiment lie, and how models are used.

    `pins` are the sha256 that the metadata of the models, by name, must have; `kept` is where
    predictions of whole histories are kept, None for nowhere. Without `shrunk` confidence leaves
    out what the forecasts proved worth.
    """

    models: Path
    data: Path
    kept: Path | None = None
    shrunk: bool = True
    stale_after_ms: int = 48 * 3_600_000
    pins: Mapping[str, str] = field(default_factory=dict)


class Outlook:
    """What models and sentiment tell of one symbol.

    Raises BadUsage where the strategy needs a price model and there is none, BadModel for a model
    that is not what it should be. What sentiment needs may be missing: then its columns are NaN.
    """

    def __init__(
        self, needs: tuple[str, ...], symbol: str, timeframe: Timeframe, use: ModelUse
    ) -> None:
        self.facts: Facts = {"sizing": "confidence" if use.shrunk else "raw"}
        self.models: list[Forecaster] = []
        self._daily: Daily | None = None
        if "sentiment" in needs:
            self._add_sentiment(symbol, timeframe, use)
        if "prediction" in needs:
            name = model_name(symbol, "price", timeframe)
            bundle = find_bundle(use.models, symbol, "price", timeframe, use.pins.get(name))
            if bundle is None:
                raise BadUsage(
                    f"{symbol} {timeframe}: there is no model {name} in {use.models}; train one "
                    f"with `leeward train price --symbol {symbol} --timeframe {timeframe}`, or "
                    "choose a strategy that needs none"
                )
            self.models.append(Forecaster(bundle, use, None))
            self.facts["prediction"] = model_facts(bundle)
        self._needs = needs

    @property
    def has_sentiment(self) -> bool:
        """Whether there is sentiment, and a model that reads it."""
        stored = self._daily is not None and bool(self._daily.sha256)
        return stored and self.facts.get("sentiment") is not None

    @property
    def source(self) -> str:
        """Where the sentiment that it tells of comes from, "" where it tells of none."""
        return "" if self._daily is None else self._daily.source

    def columns(self, candles: Candles) -> Columns:
        """Returns every column that the strategy needs, a row a candle, NaN where unknown."""
        columns = self.blank(candles)
        for model in self.models:
            rows, asked = model.ask(candles)
            columns |= _spread(len(candles), rows, model.told(asked, 0))
        return columns

    def blank(self, candles: Candles) -> Columns:
        """Returns the same columns with what sentiment tells, and nothing of any model."""
        columns = {
            name: np.full(len(candles), np.nan) for need in self._needs for name in NEEDS[need]
        }
        if self._daily is not None:
            table = self._daily.at(_closed_ms(candles))
            columns |= {name: table[:, i].copy() for i, name in enumerate(FEATURES_SENTIMENT)}
        return columns

    def _add_sentiment(self, symbol: str, timeframe: Timeframe, use: ModelUse) -> None:
        name = model_name(symbol, "sentiment", timeframe)
        bundle = find_bundle(use.models, symbol, "sentiment", timeframe, use.pins.get(name))
        terms = None if bundle is None else bundle.metadata.sentiment
        source = _SOURCE if terms is None else terms.source
        stale_after_ms = use.stale_after_ms if terms is None else terms.stale_after_ms
        self._daily = Daily(SentimentStore(use.data), source, stale_after_ms)
        self.facts["sentiment_data"] = self._daily.facts()
        self.facts["sentiment"] = None if bundle is None else model_facts(bundle)
        if bundle is not None:
            self.models.append(Forecaster(bundle, use, self._daily))


def model_use(settings: Settings, pins: Mapping[str, str] | None = None) -> ModelUse:
    """Returns how the settings want models used; `pins` are those on record, the settings' win."""
    data, ml = settings.data.dir, settings.ml
    return ModelUse(
        models=settings.models_dir,
        data=data,
        kept=data / "predictions",
        shrunk=ml.sizing == "confidence",
        stale_after_ms=int(settings.sentiment.stale_after_hours * 3_600_000),
        pins={**(pins or {}), **ml.pins},
    )


def pins_on_record(settings: Settings) -> dict[str, str]:
    """Returns the sha256 that the metadata of each promoted model have, by name."""
    return {name: each.sha256 for name, each in promotions_on_record(settings).items()}


def promotions_on_record(settings: Settings) -> dict[str, Promotion]:
    """Returns the promotion in force of each model, by name.

    None where nothing was ever archived: who uses the models that come with the program opens no
    database; nor where there is none. Raises Failed for a database that cannot be read.
    """
    if not (settings.models_dir / "archive").is_dir():
        return {}
    from leeward.database.promotions import active_promotions
    from leeward.runtime.database import connect_configured, open_configured

    try:
        connect_configured(settings).close()
    except Failed:  # there is none
        return {}
    database = open_configured(settings, create=False, examine=False)
    try:
        return active_promotions(database)
    finally:
        database.close()


def outlook_again(
    settings: Settings,
    strategy: Strategy,
    symbol: str,
    timeframe: Timeframe,
    facts: Mapping[str, object],
) -> Outlook:
    """Returns the outlook whose `facts` a session or a result wrote down, on the same models.

    Raises BadModel where one of them is no longer there; sentiment is what is stored now.
    """
    used = (facts.get(need) for need in NEEDS)
    pins = {str(each["name"]): str(each["sha256"]) for each in used if isinstance(each, Mapping)}
    use = replace(model_use(settings), pins=pins, shrunk=facts.get("sizing") != "raw")
    return Outlook(strategy.needs, symbol, timeframe, use)


def model_facts(bundle: Bundle) -> Facts:
    """Returns what every result says of a model that was used."""
    metadata = bundle.metadata
    return {
        "name": metadata.name,
        "version": metadata.version,
        "sha256": bundle.sha256,
        "status": metadata.status,
        "status_cap": metadata.status_cap,
        "proven": metadata.is_proven,
        "quarantined": metadata.quarantined,
        "target": metadata.target,
        "shrink": metadata.calibration.shrink,
        "trained_to": iso(metadata.train_last_ms),
        "data_to": iso(metadata.data_last_ms),
        "max_age_days": metadata.max_age_days,
    }


class Forecaster:
    """One model's columns for one symbol. What it answered to a window it is not asked again."""

    def __init__(self, bundle: Bundle, use: ModelUse, daily: Daily | None) -> None:
        self.bundle, self.daily = bundle, daily
        self.predictor = Predictor(bundle)
        self._shrunk = use.shrunk
        self.prefix = "" if bundle.metadata.kind == "price" else "sentiment_"
        self._kept = KeptPredictions(use.kept, bundle.sha256)
        self._known: dict[int, np.float32] = {}

    def told(self, asked: Asked, first: int) -> Columns:
        """Returns the columns of the windows from `first` on; those before are history."""
        metadata = self.bundle.metadata
        outputs, sigma = asked.outputs[first:], asked.sigma[first:]
        found = forecast(outputs, sigma, metadata, self._shrunk)
        state = health(asked, metadata, DRIFT_ROWS, COVERAGE_ROWS, first)
        is_sound = state.is_sound[first:]
        values = {
            "prediction": found.expected,
            "prediction_low": found.low,
            "prediction_high": found.high,
            "prediction_p_up": found.p_up,
            "prediction_p_win": found.p_win,
        }
        columns = {name: np.where(is_sound, each, np.nan) for name, each in values.items()}
        confidence = np.where(found.confidence >= metadata.min_confidence, found.confidence, 0.0)
        columns["prediction_confidence"] = np.where(is_sound, confidence, 0.0)
        columns["prediction_psi"] = state.drift[first:]
        columns["prediction_coverage"] = state.coverage[first:]
        return {f"{self.prefix}{name}": column for name, column in columns.items()}

    def unprefixed(self, values: Mapping[str, float]) -> dict[str, float]:
        """Returns this model's values of a row under the names of a price model's."""
        of_it = (name for name in values if name.startswith(f"{self.prefix}prediction"))
        return {name.removeprefix(self.prefix): values[name] for name in of_it}

    def ask(self, candles: Candles) -> tuple[IntColumn, Asked]:
        """Returns the rows in which windows end, and what the model answered to them."""
        closed_ms = _closed_ms(candles)
        sentiment = None if self.daily is None else self.daily.at(closed_ms)
        windows = windows_of(candles, sentiment)
        rows = windows.rows
        # What is asked first is the whole history; after it come parts of it, and new candles.
        first_time = not self._known
        kept = self._kept.read(candles, self._sentiment_sha256, len(rows)) if first_time else None
        last_step = np.empty((len(rows), self.bundle.features), np.float32)
        outputs = np.empty(len(rows), np.float32)
        for first in range(0, len(rows), _PART):
            part = slice(first, min(first + _PART, len(rows)))
            features = windows.features(part.start, part.stop)
            last_step[part] = features[:, -1]
            outputs[part] = self._answers(features, None if kept is None else kept[part])
        if first_time and kept is None:
            self._kept.write(candles, self._sentiment_sha256, outputs)
        grid = candles.open_time // candles.timeframe.length_ms
        came = _came(candles.close, grid)
        return rows, Asked(
            grid[rows], closed_ms[rows], last_step, outputs, windows.sigma, came[rows]
        )

    @property
    def _sentiment_sha256(self) -> str:
        return "" if self.daily is None else self.daily.sha256

    def _answers(self, features: FeatureTable, kept: Outputs | None) -> Outputs:
        # The look-ahead check asks for nearly the same windows dozens of times.
        keys = [hash(window.tobytes()) for window in features]
        if kept is not None:
            self._known.update(zip(keys, kept, strict=True))
            return kept
        new = [i for i, key in enumerate(keys) if key not in self._known]
        if new:
            whole = len(new) == len(keys)
            answers = self.predictor.predict(features if whole else features[new])
            self._known.update(zip([keys[i] for i in new], answers, strict=True))
            if whole:
                return answers
        return np.array([self._known[key] for key in keys], np.float32)


class GrowingOutlook:
    """An outlook on candles that come one by one: only what is new is computed.

    Gives the same bits as `Outlook.columns` on all candles at once.
    """

    def __init__(self, outlook: Outlook) -> None:
        self._outlook = outlook
        self._length_ms = 1
        self._time: IntColumn = np.empty(0, np.int64)
        self._columns: Columns = {}
        self._asked: list[Asked] = []

    def columns(self, candles: Candles) -> Columns:
        """Returns the columns of all candles, which continue those of the last call."""
        new = 0
        if len(self._time) and len(candles) and candles.open_time[-1] >= self._time[-1]:
            new = int(np.searchsorted(candles.open_time, self._time[-1], side="right"))
        if new == 0:
            self._begin(candles)
        elif new < len(candles):
            self._grow(candles, new)
        first = len(self._time) - len(candles)
        self._time = self._time[first:]
        self._columns = {name: column[first:] for name, column in self._columns.items()}
        return dict(self._columns)

    def vital_signs(self) -> tuple[VitalSigns, ...]:
        """Returns how each model fares at the last candle."""
        if not len(self._time):
            return ()
        last = {name: float(column[-1]) for name, column in self._columns.items()}
        open_ms = int(self._time[-1])
        row, close_ms = open_ms // self._length_ms, open_ms + self._length_ms
        return tuple(
            vital_signs(model.bundle, model.unprefixed(last), close_ms, asked.answers(row))
            for model, asked in zip(self._outlook.models, self._asked, strict=True)
        )

    def _begin(self, candles: Candles) -> None:
        columns = self._outlook.blank(candles)
        self._length_ms = candles.timeframe.length_ms
        self._asked = []
        for model in self._outlook.models:
            rows, asked = model.ask(candles)
            columns |= _spread(len(candles), rows, model.told(asked, 0))
            self._asked.append(asked)
        self._time, self._columns = candles.open_time.copy(), columns

    def _grow(self, candles: Candles, new: int) -> None:
        fresh = candles.rows(new, len(candles))
        columns = self._outlook.blank(fresh)
        two = slice(new - 1, new + 1)
        grid = candles.open_time[two] // candles.timeframe.length_ms
        came = _came(candles.close[two], grid)
        for number, model in enumerate(self._outlook.models):
            rows, asked = model.ask(candles.rows(max(0, new - WINDOW + 1), len(candles)))
            before = _recent(self._asked[number], int(grid[0]), came[0])
            together = before.followed_by(asked)
            told = model.told(together, len(before.rows))
            columns |= _spread(len(fresh), rows - min(new, WINDOW - 1), told)
            self._asked[number] = together
        self._time = np.concatenate([self._time, fresh.open_time])
        self._columns = {
            name: np.concatenate([column, columns[name]]) for name, column in self._columns.items()
        }


def _recent(asked: Asked, newest: int, came: float) -> Asked:
    """Returns the windows that still count, the newest with what came after it."""
    kept = asked.from_row(newest - DRIFT_ROWS)
    if len(kept.rows) and kept.rows[-1] == newest:
        kept = kept._replace(came=np.append(kept.came[:-1], came))
    return kept


def _closed_ms(candles: Candles) -> IntColumn:
    return candles.open_time + candles.timeframe.length_ms


def _came(close: FloatColumn, grid: IntColumn) -> FloatColumn:
    """Returns the log return of the candle after each, NaN where that one is missing."""
    came = np.full(len(close), np.nan)
    follows = np.diff(grid) == 1
    came[:-1][follows] = np.log(close[1:][follows] / close[:-1][follows])
    return came


def _spread(length: int, rows: IntColumn, values: Columns) -> Columns:
    """Returns the values at their rows in columns that are NaN elsewhere."""
    columns = {name: np.full(length, np.nan) for name in values}
    for name, column in columns.items():
        column[rows] = values[name]
    return columns
