from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeward.domain.timeframe import DAY_MS, Timeframe
from leeward.statistics.daily import daily_marks, monthly_returns

HOUR, MINUTE = 3_600_000, 60_000


def test_the_last_hour_of_a_day_marks_that_day() -> None:
    times = np.arange(48) * HOUR
    marks = daily_marks(times, np.arange(100.0, 148.0), HOUR, 99.0)
    assert marks.day.tolist() == [0, 1]
    assert marks.equity.tolist() == [123.0, 147.0]
    assert marks.before.tolist() == [99.0, 123.0]


def test_a_daily_candle_belongs_to_the_day_it_opens_in() -> None:
    marks = daily_marks(np.array([0, DAY_MS]), np.array([110.0, 121.0]), DAY_MS, 100.0)
    assert marks.day.tolist() == [0, 1]
    np.testing.assert_allclose(marks.changes, [0.1, 0.1])


def test_a_candle_that_closes_after_midnight_belongs_to_the_next_day() -> None:
    # A four hour candle that opens at 22:00 would close at 02:00 of day 1.
    marks = daily_marks(np.array([22 * HOUR]), np.array([110.0]), 4 * HOUR, 100.0)
    assert marks.day.tolist() == [1]


def test_a_week_is_marked_on_its_last_day() -> None:
    monday = Timeframe.parse("1w").offset_ms
    marks = daily_marks(np.array([monday]), np.array([110.0]), 7 * DAY_MS, 100.0)
    assert marks.day.tolist() == [monday // DAY_MS + 6]


def test_days_without_candles_carry_the_last_mark() -> None:
    times = np.array([0, 23, 96]) * HOUR
    marks = daily_marks(times, np.array([90.0, 110.0, 121.0]), HOUR, 100.0)
    assert marks.equity.tolist() == [110.0, 110.0, 110.0, 110.0, 121.0]
    np.testing.assert_allclose(marks.changes, [0.1, 0.0, 0.0, 0.0, 0.1])


def test_no_steps_give_no_days() -> None:
    marks = daily_marks(np.empty(0, np.int64), np.empty(0), HOUR, 100.0)
    assert len(marks.day) == len(marks.changes) == 0
    assert monthly_returns(marks) == {}


def test_months_are_cut_at_midnight_and_a_quiet_month_is_zero() -> None:
    day = np.array([0, 30, 31, 90])  # 1 and 31 January, 1 February, 1 April
    marks = daily_marks(day * DAY_MS, np.array([100.0, 120.0, 90.0, 99.0]), DAY_MS, 100.0)
    assert monthly_returns(marks) == pytest.approx(
        {"1970-01": 0.2, "1970-02": -0.25, "1970-03": 0.0, "1970-04": 0.1}
    )


@given(
    gaps=st.lists(st.integers(1, 40), min_size=1, max_size=60),
    growth=st.lists(st.floats(-0.1, 0.1), min_size=60, max_size=60),
)
def test_daily_and_monthly_changes_compound_to_the_whole(
    gaps: list[int], growth: list[float]
) -> None:
    times = np.cumsum(np.array(gaps)) * 5 * HOUR
    equity = 100.0 * np.cumprod(1 + np.array(growth[: len(times)]))
    marks = daily_marks(times, equity, HOUR, 100.0)
    whole = equity[-1] / 100.0
    assert np.prod(1 + marks.changes) == pytest.approx(whole)
    assert np.prod([1 + change for change in monthly_returns(marks).values()]) == pytest.approx(
        whole
    )


@given(st.lists(st.integers(0, 3_000), min_size=1, max_size=50, unique=True))
def test_marks_agree_with_a_plain_walk(minutes: list[int]) -> None:
    times = np.array(sorted(minutes)) * 15 * MINUTE
    equity = np.arange(1.0, len(times) + 1.0)
    marks = daily_marks(times, equity, 15 * MINUTE, 0.5)
    last = {}
    for time, value in zip(times.tolist(), equity.tolist(), strict=True):
        last[(time + 15 * MINUTE - 1) // DAY_MS] = value
    carried = 0.5
    for day, mark in zip(marks.day.tolist(), marks.equity.tolist(), strict=True):
        carried = last.get(day, carried)
        assert mark == carried
