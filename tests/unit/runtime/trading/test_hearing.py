"""A stream that is connected and tells nothing."""

from __future__ import annotations

from leeward.runtime.trading.hearing import Hearing


def test_a_stream_is_mute_where_the_books_move_and_no_event_comes() -> None:
    hearing = Hearing()
    assert [hearing.is_mute(turns) for turns in (4, 4, 5, 5)] == [False, False, False, True]


def test_books_that_move_soon_after_an_event_move_because_of_it() -> None:
    hearing = Hearing()
    for turns in (4, 9, 14):
        hearing.told()
        assert not hearing.is_mute(turns)
        assert not hearing.is_mute(turns)


def test_an_event_that_comes_after_the_books_moved_is_no_silence() -> None:
    hearing = Hearing()
    assert not any(hearing.is_mute(turns) for turns in (4, 5))
    hearing.told()
    assert not any(hearing.is_mute(turns) for turns in (6, 6, 6))


def test_a_quiet_account_is_no_mute_stream() -> None:
    hearing = Hearing()
    assert not any(hearing.is_mute(7) for _ in range(100))


def test_a_stream_that_was_replaced_is_looked_at_anew() -> None:
    hearing = Hearing()
    found = [hearing.is_mute(turns) for turns in (4, 5, 6, 7, 8, 9, 9)]
    assert found == [False, False, True, False, False, True, False]
