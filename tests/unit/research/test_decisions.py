from __future__ import annotations

import numpy as np
from tests.sessions import FakeSession
from tests.walks import walk

from leeward.research.decisions import row_at
from leeward.research.stepwise import replay_of

HOUR_MS = 3_600_000


def test_what_happened_before_the_first_candle_lies_as_far_back_as_it_was() -> None:
    """Else an old stop-out would count as one of the first candle, and its cooldown begin anew."""
    market = replay_of(FakeSession((walk(850),), "adaptive").run()).layout.market
    times = market.open_time[market.row[0] >= 0]
    first = int(times[0])
    assert row_at(market, 0, first) == 0
    assert row_at(market, 0, first - HOUR_MS) == -1
    assert row_at(market, 0, first - 7 * HOUR_MS) == -7
    assert row_at(market, 0, int(times[40]) - 1) == 40
    assert np.all(np.diff(times) == HOUR_MS)
