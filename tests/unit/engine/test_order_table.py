from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.accounts import intent, report

from leeward.domain.orders import OrderStatus
from leeward.engine.order_table import CERTAINTY, MOVES, next_state, state_of
from leeward.engine.records import OrderState

S = OrderState
STATES = st.sampled_from(OrderState)


def test_the_table_knows_every_pair() -> None:
    assert set(CERTAINTY) == set(OrderState)
    assert MOVES.keys() == {(one, other) for one in OrderState for other in OrderState}


@pytest.mark.parametrize(
    ("state", "reported", "after"),
    [
        (S.COMMITTED, S.UNKNOWN, S.UNKNOWN),
        (S.UNKNOWN, S.VOID, S.VOID),
        (S.UNKNOWN, S.REFUSED, S.REFUSED),
        (S.UNKNOWN, S.FILLED, S.FILLED),
        (S.PENDING, S.OPEN, S.OPEN),
        (S.OPEN, S.PARTIAL, S.PARTIAL),
        (S.PARTIAL, S.EXPIRED, S.EXPIRED),
        (S.FILLED, S.OPEN, S.FILLED),  # a late NEW
        (S.CANCELED, S.PARTIAL, S.CANCELED),
        (S.OPEN, S.UNKNOWN, S.OPEN),  # the answer to a cancel was lost
        (S.OPEN, S.VOID, S.OPEN),  # seen once, it cannot never have been
        (S.VOID, S.OPEN, S.OPEN),  # appeared after all
        (S.VOID, S.FILLED, S.FILLED),
        (S.REFUSED, S.OPEN, S.OPEN),
    ],
)
def test_moves(state: OrderState, reported: OrderState, after: OrderState) -> None:
    assert next_state(state, reported) is after


@given(st.lists(STATES), st.randoms())
def test_reports_in_any_order_and_number_end_in_one_state(
    reports: list[OrderState], random: object
) -> None:
    shuffled = [*reports, *reports[:3]]
    random.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis draws a random.Random
    first = reduce(next_state, reports, S.COMMITTED)
    assert reduce(next_state, shuffled, S.COMMITTED) is first


@given(STATES, STATES)
def test_an_end_the_venue_named_is_left_for_another_such_end_only(
    state: OrderState, reported: OrderState
) -> None:
    named = {S.FILLED, S.CANCELED, S.EXPIRED}
    if state in named:
        assert next_state(state, reported) in named


@pytest.mark.parametrize("status", list(OrderStatus))
def test_every_status_has_a_state_and_only_ends_are_final(status: OrderStatus) -> None:
    assert state_of(report(intent(), status)).is_final == status.is_final


def test_an_unknown_word_is_asked_about_again() -> None:
    assert state_of(report(intent(), OrderStatus.UNKNOWN)) is S.UNKNOWN


def test_an_open_order_with_executions_is_filled_in_part() -> None:
    assert state_of(report(intent(), OrderStatus.PENDING_CANCEL, "0.5")) is S.PARTIAL
    assert state_of(report(intent(), OrderStatus.EXPIRED, "0.5")) is S.EXPIRED


def test_an_order_the_venue_rejects_after_showing_it_is_over() -> None:
    rejected = state_of(report(intent(), OrderStatus.REJECTED))
    assert next_state(S.PENDING, rejected).is_final
    assert next_state(S.OPEN, rejected).is_final
