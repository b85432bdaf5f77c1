from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leeward.domain.errors import BadUsage
from leeward.indicators import crossed_above, crossed_below, shift

NUMBERS = st.sampled_from([0.0, 1.0, 2.0, float("nan")])


def test_a_crossing_is_the_first_row_above() -> None:
    a = np.array([1.0, 3.0, 4.0, 2.0, 2.0, 3.0])
    b = np.array([2.0, 2.0, 2.0, 2.0, 2.0, 2.0])
    assert np.flatnonzero(crossed_above(a, b)).tolist() == [1, 5]
    assert np.flatnonzero(crossed_below(a, b)).tolist() == []
    assert np.flatnonzero(crossed_below(a, b + 0.5)).tolist() == [3]


@settings(deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=30))
def test_crossings_follow_their_definition_also_beside_nan(rows: list[tuple[float, float]]) -> None:
    a, b = np.array(rows).reshape(-1, 2).T
    above = [t > 0 and a[t] > b[t] and a[t - 1] <= b[t - 1] for t in range(len(rows))]
    below = [t > 0 and a[t] < b[t] and a[t - 1] >= b[t - 1] for t in range(len(rows))]
    assert crossed_above(a, b).tolist() == above
    assert crossed_below(a, b).tolist() == below


@settings(deadline=None)
@given(st.lists(NUMBERS, max_size=30))
def test_a_level_stands_for_a_column(values: list[float]) -> None:
    a = np.array(values)
    assert crossed_above(a, 1).tolist() == crossed_above(a, np.ones(len(a))).tolist()
    assert crossed_below(a, 1.0).tolist() == crossed_below(a, np.ones(len(a))).tolist()


def test_only_the_second_may_be_a_level() -> None:
    with pytest.raises(BadUsage, match="crossed_above: a has 0 dimensions"):
        crossed_above(1.0, np.ones(3))  # type: ignore[arg-type] # what a user may try


def test_a_shift_reaches_back() -> None:
    np.testing.assert_array_equal(shift(np.array([1.0, 2.0, 3.0]), 2), [np.nan, np.nan, 1.0])
    assert np.isnan(shift(np.array([1.0, 2.0]), 5)).all()
