"""A model in use and its challenger, on the same candles: what both expect, and naming one."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, TypeAlias

import numpy as np

from leeward.data.sentiment_store import SentimentStore
from leeward.database.challenges import Challenge, ShadowForecast
from leeward.domain.candles import Candles
from leeward.domain.errors import BadUsage, Refused, unknown_name
from leeward.domain.timeframe import Timeframe
from leeward.indicators.features import WINDOW
from leeward.inference.bundle import Bundle, find_bundle, load_bundle
from leeward.inference.forecast import forecast
from leeward.inference.predict import Predictor
from leeward.runtime.daily_sentiment import Daily
from leeward.runtime.predictions import Forecaster, ModelUse

#: Of the candle that a window ends in: expected log return, chance of a rise, volatility, and the
#: log return that came.
_Told: TypeAlias = dict[int, tuple[float, float, float, float]]

_RETURN: Final = "return"


class Rivals:
    """Both models on the candles of their symbol. Neither is the one that trades: they are loaded
    once more, and answer the same to the same candles."""

    def __init__(self, champion: Bundle, challenger: Bundle, use: ModelUse) -> None:
        self.champion, self.challenger = champion, challenger
        alone = replace(use, kept=None)
        self._models = [_forecaster(bundle, alone) for bundle in (champion, challenger)]

    def forecasts(self, candles: Candles, after_ms: int) -> list[ShadowForecast]:
        """Returns what both expected at the candles that open later than `after_ms` and were
        followed by another, by time; none where one of them was not asked or gave no number."""
        first = int(np.searchsorted(candles.open_time, after_ms, side="right"))
        if first >= len(candles) - 1:
            return []
        recent = candles.rows(max(0, first - WINDOW + 1), len(candles))
        ours, theirs = (_told(model, recent) for model in self._models)
        length_ms = candles.timeframe.length_ms
        made = []
        for row in sorted(ours.keys() & theirs.keys()):
            expected, p_up, volatility, came = ours[row]
            other, other_p_up, _, _ = theirs[row]
            values = (expected, other, p_up, other_p_up, volatility, came)
            if row * length_ms > after_ms and np.isfinite(values).all():
                made.append(ShadowForecast(row * length_ms, *values))
        return made


def load_rivals(champion: Bundle, sha256: str, use: ModelUse) -> Rivals:
    """Returns a model and the challenger whose metadata has that hash, loaded and checked.

    Raises BadModel for files that are not what they should be, Refused for a challenger that may
    not predict beside it.
    """
    facts = champion.metadata
    timeframe = Timeframe.parse(facts.timeframe)
    challenger = find_bundle(use.models, facts.symbol, facts.kind, timeframe, sha256)
    assert challenger is not None  # a pinned one is found, or BadModel is raised
    _check(champion, challenger)
    Predictor(challenger).load()
    return Rivals(champion, challenger, use)


def name_challenger(
    use: ModelUse, name: str, version: str | None, actor: str, at_ms: int
) -> tuple[Challenge, str]:
    """Returns the challenge of an archived version of a model, verified, and that version; the
    newest where none is named.

    Raises BadUsage for what does not exist, BadModel for what is not as it should be, Refused for
    one that was rejected, or of which forecasts cannot be compared.
    """
    archive = use.models / "archive" / name
    versions = sorted(path.parent.name for path in archive.glob(f"*/{name}.json"))
    if not versions:
        raise BadUsage(f"{name}: nothing archived in {use.models}; `leeward train` makes one")
    chosen = version or versions[-1]
    if chosen not in versions:
        raise unknown_name(f"version of {name}", chosen, versions)
    bundle = load_bundle(archive / chosen, name)
    _check(bundle, bundle)
    Predictor(bundle).load()
    return Challenge(name, bundle.sha256, at_ms, actor), chosen


def _check(champion: Bundle, challenger: Bundle) -> None:
    facts = challenger.metadata
    named = f"{facts.name} {facts.version}"
    if facts.quarantined or facts.status_cap == "rejected":
        why = "a leak tripwire fired" if facts.quarantined else "its gates rejected it"
        raise Refused(f"{named}: challenges nothing: {why}; choose another version")
    if {champion.metadata.target, facts.target} != {_RETURN}:
        raise Refused(
            f"{named}: challenges nothing: only forecasts of the next return are compared candle "
            "by candle; a model of trades is judged by its trades, in a backtest"
        )


def _forecaster(bundle: Bundle, use: ModelUse) -> Forecaster:
    terms = bundle.metadata.sentiment
    if terms is None:
        return Forecaster(bundle, use, None)
    daily = Daily(SentimentStore(use.data), terms.source, terms.stale_after_ms)
    return Forecaster(bundle, use, daily)


def _told(model: Forecaster, candles: Candles) -> _Told:
    _, asked = model.ask(candles)
    found = forecast(asked.outputs, asked.sigma, model.bundle.metadata)
    columns = (found.expected, found.p_up, asked.sigma, asked.came)
    values = zip(*(column.tolist() for column in columns), strict=True)
    return dict(zip(asked.rows.tolist(), values, strict=True))
