"""Equity at the end of every UTC day, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leeward.domain.columns import FloatColumn, IntColumn
from leeward.domain.timeframe import DAY_MS


@dataclass(frozen=True, slots=True, eq=False)
class DailyMarks:
    """`day` counts UTC days since the epoch without a break; `equity[i]` is the mark at the end of
    `day[i]` and `before[i]` the one at its start, both in quote units. Empty without steps."""

    day: IntColumn
    before: FloatColumn
    equity: FloatColumn

    @property
    def changes(self) -> FloatColumn:
        """The relative change of equity over each day."""
        return self.equity / self.before - 1.0


def daily_marks(
    open_time: IntColumn, equity: FloatColumn, length_ms: int, balance: float
) -> DailyMarks:
    """Returns the equity at the last step of every UTC day, starting from the balance.

    A candle belongs to the UTC day of its close time minus 1 ms. A day without candles carries the
    mark of the day before. `open_time` (ms, increasing) and `equity` have one row a step.

    >>> hours = np.array([0, 23, 72]) * 3_600_000
    >>> marks = daily_marks(hours, np.array([90.0, 110.0, 121.0]), 3_600_000, 100.0)
    >>> marks.equity.tolist(), marks.before.tolist()
    ([110.0, 110.0, 110.0, 121.0], [100.0, 110.0, 110.0, 110.0])
    """
    if not len(open_time):
        return DailyMarks(np.empty(0, np.int64), np.empty(0), np.empty(0))
    first, last = ((int(open_time[row]) + length_ms - 1) // DAY_MS for row in (0, -1))
    day = np.arange(first, last + 1, dtype=np.int64)
    # The last step that closes no later than the end of the day.
    rows = np.searchsorted(open_time, (day + 1) * DAY_MS - length_ms, side="right") - 1
    marks = equity[rows]
    return DailyMarks(day, np.concatenate([[balance], marks[:-1]]), marks)


def monthly_returns(marks: DailyMarks) -> dict[str, float]:
    """Returns "YYYY-MM" -> relative change of equity over that UTC month, without a break.

    The first and the last month hold only the days that the marks cover.

    >>> hours = np.array([30, 31, 60]) * 24 * 3_600_000
    >>> monthly_returns(daily_marks(hours, np.array([50.0, 75.0, 150.0]), 3_600_000, 100.0))
    {'1970-01': -0.5, '1970-02': 0.5, '1970-03': 1.0}
    """
    if not len(marks.day):
        return {}
    months = marks.day.astype("datetime64[D]").astype("datetime64[M]")
    starts = np.flatnonzero(np.diff(months, prepend=np.datetime64(-1, "M")).astype(np.int64))
    ends = np.append(starts[1:], len(months)) - 1
    changes = marks.equity[ends] / marks.before[starts] - 1.0
    return dict(zip(map(str, months[starts]), changes.tolist(), strict=True))
