from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leeward.domain.columns import FloatColumn, IntColumn
from leeward.domain.timeframe import DAY_MS
from leeward.indicators.features import FEATURES_SENTIMENT, FloatTable
from leeward.indicators.sentiment import SENTIMENT_COLUMNS, daily_sentiment, sentiment_at

HOUR_MS = 3_600_000
ROWS = 300


def source(rows: int = ROWS, seed: int = 5) -> tuple[IntColumn, IntColumn, FloatTable]:
    """Daily rows in order, each known one day later."""
    chance = np.random.default_rng(seed)
    scores = chance.normal(0, 0.2, (rows, 3))
    count = chance.integers(20, 1000, rows).astype(np.float64)
    mean = scores.mean(axis=1)
    day = np.arange(rows) + 18_000
    return day, (day + 1) * DAY_MS, np.column_stack([scores, count, mean, mean * count])


def average(values: FloatColumn, span: int) -> float:
    found = values[0]
    for value in values[1:]:
        found += 2 / (span + 1) * (value - found)
    return float(found)


def as_defined(values: FloatTable) -> list[float]:
    """The eight features of the last of 120 days, written from their definition."""
    assert len(values) == 120
    score1, score2, score3, _, mean, total = values[-1]
    log_count = np.log1p(values[:, 3])
    daily = values[:, 4]
    count_z = (log_count[-1] - log_count.mean()) / log_count.std()
    sum_z = (total - values[:, 5].mean()) / values[:, 5].std()
    momentum = average(daily, 3) - average(daily, 14)
    scaled = [4 * score1, 4 * score2, 4 * score3, 4 * mean, count_z, sum_z]
    limited = np.clip([*scaled, 10 * momentum, 10 * daily[-7:].std()], -4, 4)
    return [float(value) for value in limited * [1, 1, 1, 1, 0.5, 0.5, 1, 1]]


def test_there_is_a_name_for_every_feature() -> None:
    day, available, values = source()
    assert values.shape[1] == len(SENTIMENT_COLUMNS)
    assert daily_sentiment(day, available, values).features.shape == (ROWS, len(FEATURES_SENTIMENT))


def test_every_day_is_as_defined() -> None:
    day, available, values = source()
    daily = daily_sentiment(day, available, values)
    assert np.array_equal(daily.known_from, available)
    assert np.array_equal(daily.newest_day, day)
    for row in range(119, ROWS):
        expected = as_defined(values[row - 119 : row + 1])
        assert daily.features[row].tolist() == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_a_day_is_unknown_until_ninety_are_known() -> None:
    known = ~np.isnan(daily_sentiment(*source()).features).any(axis=1)
    assert known.tolist() == [row >= 89 for row in range(ROWS)]


def test_nothing_older_than_120_days_leaves_a_trace() -> None:
    day, available, values = source()
    whole = daily_sentiment(day, available, values)
    part = daily_sentiment(day[100:], available[100:], values[100:])
    np.testing.assert_array_equal(part.features[119:], whole.features[219:])


def test_the_order_of_the_rows_does_not_matter() -> None:
    day, available, values = source()
    shuffled = np.random.default_rng(1).permutation(ROWS)
    own = daily_sentiment(day, available, values)
    other = daily_sentiment(day[shuffled], available[shuffled], values[shuffled])
    np.testing.assert_array_equal(own.features, other.features)


@settings(max_examples=25)
@given(seed=st.integers(0, 1_000), at=st.integers(100, ROWS - 1))
def test_what_becomes_known_later_changes_nothing_now(seed: int, at: int) -> None:
    day, available, values = source(seed=seed)
    # Some days arrive late, and some are corrected later.
    chance = np.random.default_rng(seed)
    available = available + chance.choice([0, 0, 0, 3, 40], ROWS) * DAY_MS
    corrected = chance.choice(ROWS, 20, replace=False)
    day = np.append(day, day[corrected])
    available = np.append(available, available[corrected] + 5 * DAY_MS)
    values = np.concatenate([values, values[corrected] * 0.9])
    now = (18_000 + at) * DAY_MS
    known = available <= now
    moments = np.arange(now - 5 * DAY_MS, now + 1, HOUR_MS)
    whole = sentiment_at(daily_sentiment(day, available, values), moments, 3 * DAY_MS)
    then = sentiment_at(
        daily_sentiment(day[known], available[known], values[known]), moments, 3 * DAY_MS
    )
    np.testing.assert_array_equal(whole, then)


def test_a_correction_counts_from_when_it_is_known() -> None:
    day, available, values = source()
    better = values[-1:] * 2
    later = available[-1:] + HOUR_MS
    daily = daily_sentiment(
        np.append(day, day[-1]), np.append(available, later), np.concatenate([values, better])
    )
    assert daily.features[-2].tolist() == pytest.approx(as_defined(values[-120:]), abs=1e-12)
    replaced = np.concatenate([values[-120:-1], better])
    assert daily.features[-1].tolist() == pytest.approx(as_defined(replaced), abs=1e-12)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_broken_day_counts_as_missing(broken: float) -> None:
    day, available, values = source()
    hurt = values.copy()
    hurt[250, 1] = broken
    hurt[252, 3] = -1.0
    missing = np.delete(np.arange(ROWS), [250, 252])
    own = daily_sentiment(day, available, hurt)
    other = daily_sentiment(day[missing], available[missing], values[missing])
    np.testing.assert_array_equal(own.known_from, other.known_from)
    np.testing.assert_array_equal(own.features, other.features)
    assert np.isfinite(own.features[89:]).all()


def test_a_week_with_three_missing_days_is_unknown() -> None:
    day, available, values = source()
    kept = np.delete(np.arange(ROWS), [200, 202, 204])
    daily = daily_sentiment(day[kept], available[kept], values[kept])
    unknown = np.isnan(daily.features[:, 0])
    assert day[kept][unknown][89:].tolist() == [day[205], day[206]]


def test_no_source_can_send_a_feature_out_of_range() -> None:
    day, available, values = source()
    for column in range(6):
        poisoned = values.copy()
        poisoned[-1, column] = 1e100 if column != 5 else -1e100
        last = daily_sentiment(day, available, poisoned).features[-1]
        assert (np.abs(np.nan_to_num(last, nan=99.0)) <= 4).all()


def test_a_quiet_source_has_no_deviation() -> None:
    day, available, values = source()
    still = np.tile(values[:1], (ROWS, 1))
    assert not daily_sentiment(day, available, still).features[-1, 4:].any()


def test_a_value_is_used_from_the_moment_it_is_known_until_it_is_stale() -> None:
    daily = daily_sentiment(*source())
    last = int(daily.known_from[-1])
    moments = np.array([last - 1, last, last + 2 * DAY_MS, last + 2 * DAY_MS + 1])
    found = sentiment_at(daily, moments, 2 * DAY_MS)
    np.testing.assert_array_equal(found[0], daily.features[-2])
    np.testing.assert_array_equal(found[1], daily.features[-1])
    np.testing.assert_array_equal(found[2], daily.features[-1])
    assert np.isnan(found[3]).all()


def test_an_old_day_that_arrives_late_makes_nothing_fresh() -> None:
    day, available, values = source()
    late = int(available[-1]) + 5 * DAY_MS
    available[250] = late
    daily = daily_sentiment(day, available, values)
    assert daily.known_from[-1] == late
    assert daily.newest_day[-1] == day[-1]
    assert np.isnan(sentiment_at(daily, np.array([late]), 2 * DAY_MS)).all()


def test_before_the_first_value_and_without_any_everything_is_unknown() -> None:
    day, available, values = source()
    daily = daily_sentiment(day, available, values)
    assert np.isnan(sentiment_at(daily, available[:1] - 1, DAY_MS)).all()
    empty = daily_sentiment(day[:0], available[:0], values[:0])
    assert np.isnan(sentiment_at(empty, available, DAY_MS)).all()
