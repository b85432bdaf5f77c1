from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeward.statistics.drift import deciles, stability_index
from leeward.statistics.trailing import UNSETTLED, trailing_share, trailing_stability


def test_the_share_counts_settled_events_before_the_row_within_the_span() -> None:
    rows = np.array([0, 1, 2, 3, 10, 11])
    held = np.array([1, 0, UNSETTLED, 1, 1, 0], np.uint8)

    share = trailing_share(rows, held, span=4, fewest=2)

    assert np.isnan(share).tolist() == [True, True, False, False, True, True]
    assert share[2:4].tolist() == [0.5, 0.5]


def test_events_leave_the_share_when_their_row_is_a_span_away() -> None:
    rows, held = np.arange(6), np.array([0, 0, 1, 1, 1, 1], np.uint8)

    assert trailing_share(rows, held, span=3, fewest=1)[3:].tolist() == [0.5, 1.0, 1.0]


@given(
    values=st.lists(st.floats(-5, 5), min_size=30, max_size=60),
    reference=st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0]), min_size=9, max_size=9),
    span=st.integers(5, 40),
)
def test_every_row_has_the_index_of_its_own_last_rows(
    values: list[float], reference: list[float], span: int
) -> None:
    column, edges = np.array(values), sorted(reference)

    found = trailing_stability(np.arange(len(column)), column, edges, span, fewest=5)

    assert np.isnan(found[:4]).all()
    for row in range(4, len(column)):
        expected = stability_index(column[max(0, row - span + 1) : row + 1], np.array(edges))
        assert found[row] == pytest.approx(expected, abs=1e-12)


def test_rows_before_the_asked_ones_count_and_are_not_answered() -> None:
    chance = np.random.default_rng(1)
    rows, values = np.cumsum(chance.integers(1, 4, 200)), chance.normal(size=200)
    edges = deciles(chance.normal(size=1000)).tolist()

    whole = trailing_stability(rows, values, edges, 90, 20)
    late = trailing_stability(rows, values, edges, 90, 20, since=150)

    assert np.isnan(late[:150]).all()
    assert late[150:].tobytes() == whole[150:].tobytes()


def test_values_that_leave_the_reference_raise_the_index_above_the_limit() -> None:
    chance = np.random.default_rng(2)
    edges = deciles(chance.normal(size=5000)).tolist()
    values = np.concatenate([chance.normal(size=500), chance.normal(2.0, 1.0, 500)])

    found = trailing_stability(np.arange(1000), values, edges, 300, 240)

    assert found[499] < 0.1
    assert found[999] > 1.0
