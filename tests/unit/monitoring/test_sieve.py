"""Which notes become alerts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leeward.engine.records import Noted, Severity
from leeward.monitoring.sieve import Sieve

WARNING, CRITICAL, INFO = Severity.WARNING, Severity.CRITICAL, Severity.INFO


def noted(kind: str = "database", severity: Severity = WARNING, subject: str = "") -> Noted:
    return Noted(kind, "words", severity, 0, subject)


def sieve(an_hour: int = 30, repeat_s: float = 3600.0, **given: object) -> Sieve:
    return Sieve(WARNING, (), repeat_s, an_hour, **given)  # type: ignore[arg-type] # of one test


def test_what_is_too_low_or_muted_is_not_even_counted() -> None:
    chosen = Sieve(WARNING, ("disk",), 3600, 30)
    assert chosen.passes(noted(severity=INFO), 0) is None
    assert chosen.passes(noted("disk", CRITICAL), 0) is None
    assert chosen.left_out(1e9, over=True) is None


def test_the_same_is_sent_once_in_a_while_and_what_was_left_out_is_told() -> None:
    chosen = sieve()
    assert chosen.passes(noted(), 0) is True
    assert [chosen.passes(noted(), second) for second in (1, 2, 3599)] == [False] * 3
    assert chosen.left_out(3599) is None
    assert chosen.passes(noted(), 3600) is True
    assert chosen.left_out(3601) == "within 60 min: 3 × database"
    assert chosen.left_out(9000) is None


def test_another_symbol_and_a_worse_word_of_the_same_are_news() -> None:
    chosen = sieve()
    assert chosen.passes(noted("refused", subject="BTCUSDT"), 0) is True
    assert chosen.passes(noted("refused", subject="ETHUSDT"), 0) is True
    assert chosen.passes(noted("refused", CRITICAL, "BTCUSDT"), 0) is True


def test_too_many_are_left_out_but_warnings_keep_back_no_critical_one() -> None:
    chosen = sieve(an_hour=3)
    sent = [chosen.passes(noted(subject=str(number)), number) for number in range(10)]
    assert sent == [True] * 3 + [False] * 7
    assert chosen.passes(noted("unprotected", CRITICAL), 10) is True
    assert chosen.passes(noted(subject="new"), 3601) is True
    assert chosen.left_out(3700) == "within 62 min: 7 × database"


def test_at_the_end_everything_left_out_is_told() -> None:
    chosen = sieve()
    for _ in range(3):
        chosen.passes(noted(), 5)
    assert chosen.left_out(6) is None
    assert chosen.left_out(6, over=True) == "within 1 min: 2 × database"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(("a", "b", "c")),
            st.sampled_from((WARNING, CRITICAL)),
            st.sampled_from(("x", "y")),
            st.floats(0, 900),
        ),
        max_size=80,
    ),
    st.integers(1, 5),
)
def test_every_note_is_sent_or_counted_and_no_hour_has_too_many(
    notes: list[tuple[str, Severity, str, float]], an_hour: int
) -> None:
    chosen, now_s, sent = sieve(an_hour, 1000.0), 0.0, list[tuple[float, bool]]()
    for kind, severity, subject, wait_s in notes:
        now_s += wait_s
        if chosen.passes(noted(kind, severity, subject), now_s):
            sent.append((now_s, severity is CRITICAL))
    words = chosen.left_out(now_s, over=True) or ""
    counted = sum(
        int(each.split(" × ")[0]) for each in words.partition(": ")[2].split(", ") if each
    )
    assert len(sent) + counted == len(notes)
    for at_s, critical in sent:
        within = [each for each, it in sent if it == critical and at_s <= each < at_s + 3600]
        assert len(within) <= an_hour
