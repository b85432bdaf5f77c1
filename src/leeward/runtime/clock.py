"""The one place that reads the clock."""

from __future__ import annotations

import time

#: Seconds of a clock that never steps back; for measuring, never for dating.
monotonic_s = time.perf_counter


def now_ms() -> int:
    """Returns the present UTC time in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


#: Waits so many seconds; for commands of one person, never where a session runs.
sleep_s = time.sleep
