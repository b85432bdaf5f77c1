from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from tests.accounts import HOUR, books, intent, moved

from leeward.engine.absence import ANSWERS, LONG_MS, WATCHED_MS, AbsenceProof, watched
from leeward.engine.records import OrderState

SENT = 1_000_000
PROOF = AbsenceProof("x", SENT, 5_000)
#: Receive window, what the exchange may take beyond it, and a margin.
FIRST = SENT + 17_000


def proven(proof: AbsenceProof, *, listed: bool = False, unexplained: bool = False) -> bool:
    return proof.is_proven(listed=listed, unexplained_trades=unexplained)


def test_three_spaced_answers_after_the_receive_window_prove_it() -> None:
    proof = PROOF
    for at_ms in (FIRST, FIRST + 1_000, FIRST + 2_000):
        assert not proven(proof)
        assert proof.not_before_ms == at_ms
        proof = proof.absent(at_ms)
    assert proven(proof)


def test_answers_too_early_or_too_close_add_nothing() -> None:
    proof = PROOF.absent(FIRST - 1)
    assert proof == PROOF
    for at_ms in range(FIRST, FIRST + 2_000, 10):
        proof = proof.absent(at_ms)
    assert proof.answers == 2
    assert not proven(proof)


def test_any_sign_of_the_order_starts_the_proof_anew() -> None:
    proof = PROOF.absent(FIRST).absent(FIRST + 1_000).seen().absent(FIRST + 2_000)
    assert (proof.answers, proven(proof)) == (1, False)


def test_an_order_that_is_listed_is_not_absent() -> None:
    proof = PROOF.absent(FIRST).absent(FIRST + 1_000).absent(FIRST + 2_000)
    assert not proven(proof, listed=True)


def test_trades_nobody_explains_ask_for_a_long_time_of_answers() -> None:
    proof = PROOF.absent(FIRST).absent(FIRST + 1_000).absent(FIRST + 2_000)
    assert not proven(proof, unexplained=True)
    assert proven(proof.absent(SENT + LONG_MS), unexplained=True)


@given(st.lists(st.integers(SENT - 10_000, FIRST + 60_000)))
def test_no_answers_in_any_order_prove_it_within_the_window(times: list[int]) -> None:
    proof = PROOF
    counted = []
    for at_ms in times:
        after = proof.absent(at_ms)
        if after != proof:
            counted.append(at_ms)
        proof = after
    assert all(at_ms >= FIRST for at_ms in counted)
    assert all(later - sooner >= 1_000 for sooner, later in pairwise(counted))
    assert proven(proof) == (len(counted) >= ANSWERS)


def test_orders_given_up_are_watched_for_a_day() -> None:
    made = intent()
    kept = books(made, moved(made, OrderState.VOID, at_ms=HOUR))
    assert [order.intent for order in watched(kept, HOUR + WATCHED_MS - 1)] == [made]
    assert watched(kept, HOUR + WATCHED_MS) == []
