"""Which state follows which, by whom."""

from __future__ import annotations

import pytest

from leeward.domain.errors import Refused
from leeward.engine.records import TradingState
from leeward.engine.trading_state import (
    MOVES,
    Causes,
    Mover,
    after_recovery,
    allows_entry,
    may_move,
    move,
)

ORDER = [
    TradingState.ACTIVE,
    TradingState.RECOVERING,
    TradingState.REDUCING,
    TradingState.HALTED,
]


def test_only_active_opens_positions() -> None:
    assert [state for state in TradingState if allows_entry(state)] == [TradingState.ACTIVE]


def test_a_watch_only_tightens() -> None:
    for (state, mover), states in MOVES.items():
        if mover is Mover.WATCH:
            assert all(ORDER.index(to) > ORDER.index(state) for to in states)


def test_a_halt_is_left_by_an_operator_and_by_a_boot_only() -> None:
    leaving = {mover for (state, mover) in MOVES if state is TradingState.HALTED}
    assert leaving == {Mover.OPERATOR, Mover.BOOT}
    assert after_recovery(TradingState.HALTED) is TradingState.HALTED


def test_every_state_has_a_way_to_active_but_a_boot_goes_through_recovery() -> None:
    for state in TradingState:
        reached, new = {state}, {state}
        while new:
            new = {
                to
                for (start, mover), states in MOVES.items()
                if start in reached and mover is not Mover.BOOT
                for to in states
            } - reached
            reached |= new
        assert TradingState.ACTIVE in reached, state


def test_a_move_that_is_not_in_the_table_is_refused_with_the_way_out() -> None:
    with pytest.raises(Refused, match=r"HALTED does not become ACTIVE by cleared; .*resume"):
        move(TradingState.HALTED, TradingState.ACTIVE, Mover.CLEARED)
    assert not may_move(TradingState.HALTED, TradingState.ACTIVE, Mover.CLEARED)
    assert move(TradingState.HALTED, TradingState.ACTIVE, Mover.OPERATOR) is TradingState.ACTIVE


def test_causes_end_by_time_or_by_being_cleared() -> None:
    causes = Causes().with_cause("ban", until_ms=100).with_cause("database")
    assert causes.words() == "ban, database"
    assert "ban" in causes.at(99)
    later = causes.at(100)
    assert "ban" not in later
    assert later
    assert not later.without("database")
