"""Stored daily sentiment, as a model and a strategy see it at a moment."""

from __future__ import annotations

import numpy as np

from leeward.data.sentiment import source_named
from leeward.data.sentiment_store import SentimentStore
from leeward.domain.columns import IntColumn
from leeward.domain.errors import BadSentiment, BadUsage
from leeward.indicators.features import FEATURES_SENTIMENT, FloatTable
from leeward.indicators.sentiment import (
    SENTIMENT_COLUMNS,
    DailySentiment,
    daily_sentiment,
    sentiment_at,
)


class Daily:
    """The daily sentiment of one source, read again where its file has changed."""

    def __init__(self, store: SentimentStore, source: str, stale_after_ms: int) -> None:
        self._store, self._source = store, source_named(source)
        if not set(SENTIMENT_COLUMNS) <= self._source.columns.keys():
            raise BadUsage(
                f"{source}: has no {', '.join(SENTIMENT_COLUMNS)}; a model that reads it was not "
                "made by this program"
            )
        self._stale_after_ms = stale_after_ms
        self._stamp: tuple[int, int] | None = None
        self._daily: DailySentiment | None = None
        self._sha256, self._days, self._why = "", 0, ""
        self._refresh()

    @property
    def source(self) -> str:
        return self._source.name

    @property
    def sha256(self) -> str:
        """The hash of what was read last, "" where there is nothing."""
        return self._sha256

    def facts(self) -> dict[str, object]:
        return {
            "source": self._source.name,
            "days": self._days,
            "sha256": self._sha256 or None,
            "fault": self._why or None,
        }

    def at(self, closed_ms: IntColumn) -> FloatTable:
        """Returns the features [n, 8] as known at each of these times; NaN where unknown."""
        self._refresh()
        if self._daily is None:
            return np.full((len(closed_ms), len(FEATURES_SENTIMENT)), np.nan)
        return sentiment_at(self._daily, closed_ms, self._stale_after_ms)

    def _refresh(self) -> None:
        path = self._store.path(self._source)
        stat = path.stat() if path.is_file() else None
        stamp = None if stat is None else (stat.st_mtime_ns, stat.st_size)
        if stamp == self._stamp and (stamp is not None or self._daily is None):
            return
        self._stamp, self._daily = stamp, None
        self._sha256, self._days, self._why = "", 0, ""
        try:
            series = self._store.find(self._source)
        except BadSentiment as error:  # a broken file is no sentiment, and must not stop trading
            self._why = str(error)
            return
        if series is not None:
            self._sha256, self._days = series.sha256, len(series)
            table = series.table(list(SENTIMENT_COLUMNS))
            self._daily = daily_sentiment(series.day, series.available_at, table)
