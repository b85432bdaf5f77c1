"""The judge of swaps finds what it is there for."""

from __future__ import annotations

from dataclasses import replace

from leeward.engine.books import Books
from leeward.engine.records import (
    DecisionKey,
    IntentMade,
    Purpose,
    Record,
    SessionEnded,
    SessionStarted,
)
from tests.accounts import money
from tests.harness.swaps import Swaps, one_at_a_time

ACCOUNT = "live:emulator:main"


def entry(session: SessionStarted, candle: int) -> IntentMade:
    key = DecisionKey(ACCOUNT, "TSTUSDT", candle, "entry")
    name = f"entry-{candle}"
    return IntentMade(
        name, key, session.session_id, 1, Purpose.ENTRY, name, session.strategy, "1", (),
        money("0"), candle,
    )  # fmt: skip


def history() -> tuple[list[Record], SessionStarted, SessionStarted]:
    """Returns a swap between two purchases, with the sessions of before and after it."""
    swaps = Swaps(3, ACCOUNT, ("TSTUSDT",))
    first = swaps.present = swaps.booted([], 1, 0)
    drawn = next(
        found
        for candle in range(100)
        if (found := swaps.drawn(Books(ACCOUNT, "USDT"), candle, 1, candle)) is not None
    )
    second = next(each for each in drawn[0] if isinstance(each, SessionStarted))
    return [first, entry(first, 1), *drawn[0], entry(second, 200)], first, second


def test_a_swap_in_one_commit_is_as_it_should_be() -> None:
    records, _, second = history()
    assert one_at_a_time(records) == []
    after = Swaps(3, ACCOUNT, ("TSTUSDT",)).booted(records, 2, 300)
    assert (after.strategy, after.session_id) == (second.strategy, "session-2")


def test_a_purchase_by_the_strategy_that_was_replaced_is_found() -> None:
    records, first, _ = history()
    assert "bought while" in one_at_a_time([*records, entry(first, 300)])[0]


def test_half_a_swap_is_found() -> None:
    records, first, _ = history()
    without_end = [each for each in records if not isinstance(each, SessionEnded)]
    assert "began beside" in one_at_a_time(without_end)[0]
    assert one_at_a_time([*records[:3], entry(first, 300)])  # it ended, and nothing began


def test_a_purchase_in_the_name_of_another_strategy_is_found() -> None:
    records, _, second = history()
    wrong = replace(entry(second, 300), strategy="somebody")
    assert "somebody bought" in one_at_a_time([*records, wrong])[0]
