"""Daily sentiment as of when it was known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeward.data.sentiment import (
    SOURCES,
    DayGap,
    SentimentSeries,
    available_from,
    known_at,
    parse_day,
    source_named,
)
from leeward.domain.errors import BadSentiment, BadUsage
from leeward.domain.timeframe import DAY_MS
from leeward.indicators.sentiment import SENTIMENT_COLUMNS, daily_sentiment

HOUR_MS = 3_600_000
FEAR_GREED = SOURCES["fear-greed"]


def fear_greed(*rows: tuple[int, float, float]) -> SentimentSeries:
    """Days with a value, each known so many hours after its end."""
    return SentimentSeries(
        FEAR_GREED,
        np.array([day for day, _, _ in rows], dtype=np.int64),
        np.array([available_from(day) + int(h * HOUR_MS) for day, _, h in rows], dtype=np.int64),
        {"value": np.array([value for _, value, _ in rows], dtype=np.float64)},
    )


def value_at(series: SentimentSeries, *days: float, stale_h: float = 48) -> list[float]:
    at = np.array([round(day * DAY_MS) for day in days], dtype=np.int64)
    return list(known_at(series, at, round(stale_h * HOUR_MS))["value"])


def test_a_day_is_known_from_its_end_on_and_not_a_millisecond_before() -> None:
    series = fear_greed((100, 40, 0))
    at = np.array([101 * DAY_MS - 1, 101 * DAY_MS], dtype=np.int64)
    before, after = known_at(series, at, DAY_MS)["value"]
    assert math.isnan(before)
    assert after == 40


def test_a_value_is_unknown_once_it_is_stale() -> None:
    series = fear_greed((100, 40, 0))
    at = np.array([103 * DAY_MS, 103 * DAY_MS + 1], dtype=np.int64)
    fresh, stale = known_at(series, at, 2 * DAY_MS)["value"]
    assert fresh == 40
    assert math.isnan(stale)


def test_a_changed_value_counts_from_when_it_was_seen() -> None:
    series = fear_greed((100, 40, 0), (100, 45, 6), (101, 50, 0))
    assert value_at(series, 101, 101.24, 101.25, 102) == [40, 40, 45, 50]
    assert series.changed == [100]


def test_a_late_correction_of_an_old_day_is_neither_newest_nor_fresh() -> None:
    series = fear_greed((100, 40, 0), (100, 90, 72), (101, 50, 0))
    assert value_at(series, 104) == [50]
    alone = fear_greed((100, 40, 0), (100, 90, 72))
    assert math.isnan(value_at(alone, 104)[0])


def test_nothing_is_known_of_an_empty_series() -> None:
    assert all(map(math.isnan, value_at(fear_greed(), 0, 100)))


@st.composite
def series_and_moments(draw: st.DrawFn) -> tuple[SentimentSeries, list[int], int]:
    rows: list[tuple[int, float, float]] = []
    for day in sorted(draw(st.sets(st.integers(50, 70), max_size=12))):
        delays = sorted(draw(st.sets(st.integers(0, 200), min_size=1, max_size=3)))
        rows += [(day, float(draw(st.integers(0, 100))), float(delay)) for delay in delays]
    moments = draw(st.lists(st.integers(48 * 24, 82 * 24), min_size=1, max_size=20))
    return fear_greed(*rows), [moment * HOUR_MS for moment in moments], draw(st.integers(0, 9))


@given(series_and_moments())
def test_what_is_known_is_found_by_looking_at_every_row(
    drawn: tuple[SentimentSeries, list[int], int],
) -> None:
    series, moments, stale_days = drawn
    found = known_at(series, np.array(moments, dtype=np.int64), stale_days * DAY_MS)["value"]
    for at, value in zip(moments, found.tolist(), strict=True):
        rows = [
            (int(series.day[i]), int(series.available_at[i]), float(series.columns["value"][i]))
            for i in range(len(series))
            if series.available_at[i] <= at
        ]
        best = max(rows, default=None)
        if best is None or at - (best[0] + 1) * DAY_MS > stale_days * DAY_MS:
            assert math.isnan(value)
        else:
            assert value == best[2]


@given(series_and_moments(), st.integers(48 * 24, 82 * 24))
def test_cutting_off_the_future_changes_nothing_that_was_known(
    drawn: tuple[SentimentSeries, list[int], int], cut_h: int
) -> None:
    series, moments, stale_days = drawn
    cut_ms = cut_h * HOUR_MS
    past = series.available_at <= cut_ms
    shorter = SentimentSeries(
        FEAR_GREED,
        series.day[past],
        series.available_at[past],
        {"value": series.columns["value"][past]},
    )
    at = np.array([moment for moment in moments if moment <= cut_ms], dtype=np.int64)
    whole = known_at(series, at, stale_days * DAY_MS)["value"]
    np.testing.assert_array_equal(whole, known_at(shorter, at, stale_days * DAY_MS)["value"])


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        (((100, 40, 0), (99, 41, 0)), "not in order"),
        (((100, 40, 0), (100, 41, 0)), "not in order"),
        (((100, 40, -0.001),), "known before it ended"),
        (((100, 101, 0),), "1970-04-11: value is 101, not within 0 .. 100"),
        (((100, math.nan, 0),), "value is nan"),
    ],
)
def test_a_series_that_breaks_a_rule_cannot_be_made(
    rows: tuple[tuple[int, float, float], ...], rule: str
) -> None:
    with pytest.raises(BadSentiment, match=rule):
        fear_greed(*rows)


def test_gaps_are_kept_as_gaps() -> None:
    assert fear_greed((100, 1, 0), (101, 1, 0), (104, 1, 0)).gaps == [DayGap(102, 2)]


def test_the_hash_tells_any_difference() -> None:
    rows = ((100, 40.0, 0.0), (101, 41.0, 0.0))
    same = {fear_greed(*rows).sha256, fear_greed(*rows).sha256}
    others = {fear_greed((100, 40, 0), (101, 41, 1)).sha256, fear_greed((100, 40, 0)).sha256}
    assert len(same) == 1
    assert len(same | others) == 3


def test_a_series_hands_its_columns_to_the_features_of_a_model() -> None:
    day = np.arange(100, 300, dtype=np.int64)
    columns = {name: np.linspace(0.0, 0.5, 200) for name in SENTIMENT_COLUMNS}
    series = SentimentSeries(SOURCES["senticrypt"], day, (day + 1) * DAY_MS, columns)
    daily = daily_sentiment(series.day, series.available_at, series.table(SENTIMENT_COLUMNS))
    assert np.isfinite(daily.features[-1]).all()
    with pytest.raises(BadUsage, match="fear-greed has no score1"):
        fear_greed((100, 40, 0)).table(["score1"])


@pytest.mark.parametrize("text", ["2024-1-31", "2024-02-30", "20240131", "soon", "2024-01-31T00"])
def test_a_day_is_written_in_one_way_only(text: str) -> None:
    with pytest.raises(ValueError, match="is not a d"):
        parse_day(text)


def test_an_unknown_source_is_named_with_the_nearest() -> None:
    with pytest.raises(BadUsage, match="unknown sentiment source 'senticript'; did you mean 'sent"):
        source_named("senticript")
