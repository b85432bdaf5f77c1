"""The trend gate opens only where the close is above an average that rises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeward.domain.columns import FloatColumn
from leeward.risk.trend import trend_verdicts
from leeward.risk.trend_gate import AGAINST, UNKNOWN, WITH, TrendGate

PRICES = st.lists(st.floats(0.01, 1e5), max_size=60).map(np.array)


def gate_of(text: str) -> TrendGate:
    gate = TrendGate.parse(text)
    assert gate is not None
    return gate


def test_off_allows_every_row() -> None:
    assert TrendGate.parse("off") is None
    assert trend_verdicts(None, np.array([3.0, 2.0, 1.0])).tolist() == [WITH] * 3


def test_the_verdicts_of_a_small_market() -> None:
    # EMA(2) with weight 2/3: row 1 100, row 2 102, row 3 102, row 4 100, row 5 104.333...
    close = np.array([100.0, 100.0, 103.0, 102.0, 99.0, 106.5])
    assert trend_verdicts(gate_of("ema:2:1"), close).tolist() == [
        UNKNOWN,
        UNKNOWN,
        WITH,
        AGAINST,  # the close is at the average
        AGAINST,  # both fall
        WITH,
    ]


def test_ties_are_against_the_trend() -> None:
    # EMA(3) 100, 102, 102: the close is at a risen average; 100, 98, 100: it is back where it was.
    at_average = np.array([100.0, 100.0, 100.0, 104.0, 102.0])
    back = np.array([100.0, 100.0, 100.0, 96.0, 102.0])
    gate = gate_of("ema:3:2")
    assert trend_verdicts(gate, at_average)[-1] == AGAINST
    assert trend_verdicts(gate, back)[-1] == AGAINST


def test_the_first_known_row_needs_an_average_a_lookback_before() -> None:
    rising = np.arange(1.0, 12.0)
    verdicts = trend_verdicts(gate_of("ema:3:4"), rising)
    assert verdicts.tolist() == [UNKNOWN] * 6 + [WITH] * 5


@pytest.mark.parametrize("rows", [0, 1, 5, 12])
def test_too_few_rows_stay_unknown(rows: int) -> None:
    verdicts = trend_verdicts(gate_of("ema:3:10"), np.arange(1.0, rows + 1))
    assert verdicts.tolist() == [UNKNOWN] * rows


@given(close=PRICES, rows=st.integers(0, 60))
def test_the_future_changes_no_verdict(close: FloatColumn, rows: int) -> None:
    gate = gate_of("ema:5:2")
    whole, part = trend_verdicts(gate, close), trend_verdicts(gate, close[:rows])
    assert part.tolist() == whole[:rows].tolist()


@given(price=st.floats(0.01, 1e5), rows=st.integers(1, 50))
def test_a_dead_market_never_opens_the_gate(price: float, rows: int) -> None:
    assert WITH not in trend_verdicts(gate_of("ema:7:3"), np.full(rows, price))
