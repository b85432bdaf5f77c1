from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from tests.histories import (
    ACCOUNT,
    NOT_LOADED,
    SESSION,
    deposit,
    entry,
    executed,
    fill_of,
    life_of_a_position,
    life_of_an_account,
    marked,
    moved,
    protection,
    quantity,
    session_started,
)

from leeward.database import reading
from leeward.database.engine import Database
from leeward.database.errors import AlreadyDecided, DatabaseReplaced, LeaseLost
from leeward.database.lease import take_lease
from leeward.database.tables import positions
from leeward.domain.errors import BadUsage
from leeward.domain.money import Money
from leeward.engine.books import books_of
from leeward.engine.records import (
    EquityMarked,
    Executed,
    FeesValued,
    FillBooked,
    IntentMade,
    OrderMoved,
    OrderState,
    PositionClosed,
    Record,
    SessionStarted,
    StateMoved,
    TransferBooked,
)


def test_what_was_recorded_is_loaded_in_the_same_order(database: Database) -> None:
    batches = life_of_an_account()
    record_all(database, batches)
    assert database.load(ACCOUNT) == what_is_loaded_of(batches)


def test_the_history_holds_every_record(database: Database) -> None:
    batches = life_of_an_account()
    record_all(database, batches)
    every = [each for batch in batches for each in batch]
    assert sorted(map(repr, database.history(ACCOUNT))) == sorted(map(repr, every))
    assert database.history(ACCOUNT, SESSION) == database.history(ACCOUNT)


def test_the_history_of_a_session_begins_with_it(database: Database) -> None:
    second = session_started(session_id="second")
    record_all(database, [[session_started()], [deposit()], [second], [marked(5)], [executed(5)]])
    assert database.history(ACCOUNT, "second") == [second, marked(5), executed(5)]


def test_the_last_mark_is_the_one_written_last_whenever_its_candle_opened(
    database: Database,
) -> None:
    last = marked(0, "9000", "of four hours")
    record_all(database, [[session_started()], [marked(3)], [marked(0)], [last]])
    assert [each for each in database.load(ACCOUNT) if isinstance(each, EquityMarked)] == [last]


def test_a_mark_that_was_committed_late_is_not_the_last(database: Database) -> None:
    record_all(database, [[session_started()], [marked(3)], [marked(5)], [deposit()], [marked(4)]])
    assert [each for each in database.load(ACCOUNT) if isinstance(each, EquityMarked)] == [
        marked(5)
    ]


def test_what_fees_count_as_is_loaded(database: Database) -> None:
    valued = FeesValued("BNB", Decimal("0.004"), Money(Decimal("2.3"), "USDT"), 6)
    record_all(database, [[session_started()], [valued]])
    assert database.load(ACCOUNT) == [session_started(), valued]


def test_a_session_that_never_was_has_no_history(database: Database) -> None:
    with pytest.raises(BadUsage, match="no session 'nobody'"):
        database.history(ACCOUNT, "nobody")


def test_a_step_is_told_in_the_order_it_was_committed(database: Database) -> None:
    step: list[Record] = [marked(1), executed(1, "ADAUSDT"), executed(1), entry(1)]
    record_all(database, [[session_started()], step, [marked(2)]])
    assert database.history(ACCOUNT) == [session_started(), *step, marked(2)]


@pytest.fixture
def fresh_account() -> Callable[[], str]:
    numbers = count()
    return lambda: f"paper:binance:n{next(numbers)}"


SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


@settings(
    max_examples=10,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_books_of_what_is_loaded_are_the_books_that_were_written(
    database: Database, fresh_account: Callable[[], str], data: st.DataObject
) -> None:
    """Positions of several symbols, cut off anywhere, interleaved, told twice and too late."""
    account, candles = fresh_account(), count()
    waiting = [two_lives(symbol)[: data.draw(st.integers(0, 14))] for symbol in SYMBOLS]
    batches: list[list[Record]] = [[deposit()]]
    while waiting := [life for life in waiting if life]:
        batch = data.draw(st.sampled_from(waiting)).pop(0)
        # No candle is marked twice.
        batches.append([marked(next(candles)) if isinstance(r, EquityMarked) else r for r in batch])
        late = data.draw(st.sampled_from([each for batch in batches for each in batch]))
        if isinstance(late, FillBooked | OrderMoved | TransferBooked):
            batches.append([late])
    take_lease(database, account, "here:1").release()
    flat = [of_account(each, account) for batch in batches for each in batch]
    for batch in batches:
        database.record(account, 1, [of_account(each, account) for each in batch])
    assert books_of(database.load(account), account, "USDT") == books_of(flat, account, "USDT")


def test_a_replayed_journal_changes_nothing(database: Database) -> None:
    stop = protection(entry())
    journal: list[list[Record]] = [
        [stop, executed(0), marked(0)],
        [moved(stop, OrderState.OPEN), fill_of(stop, 9, "90"), deposit("w/1", "-5")],
        life_of_a_position()[1],
    ]
    record_all(database, [[session_started(), deposit()], *life_of_a_position()[:1], *journal])
    before = books_of(database.load(ACCOUNT), ACCOUNT, "USDT")
    for batch in journal:
        database.record(ACCOUNT, 1, batch)
    assert books_of(database.load(ACCOUNT), ACCOUNT, "USDT") == before


def test_a_decision_is_taken_once(database: Database) -> None:
    record_all(database, [[entry()]])
    with pytest.raises(AlreadyDecided, match="BTCUSDT: the decision entry"):
        database.record(ACCOUNT, 1, [entry()])


def test_the_same_decision_with_other_orders_is_refused(database: Database) -> None:
    stop = protection(entry())
    record_all(database, [[stop]])
    with pytest.raises(AlreadyDecided, match="protection/1"):
        database.record(ACCOUNT, 1, [replace(stop, made_ms=stop.made_ms + 1)])


def test_a_decision_is_not_taken_twice_in_one_batch(database: Database) -> None:
    record_all(database, [])
    with pytest.raises(AlreadyDecided):
        database.record(ACCOUNT, 1, [entry(), entry()])
    assert database.load(ACCOUNT) == []


def test_a_batch_is_written_as_a_whole_or_not_at_all(database: Database) -> None:
    record_all(database, [[entry()]])
    before = database.history(ACCOUNT)
    with pytest.raises(AlreadyDecided):
        database.record(ACCOUNT, 1, [marked(7), executed(7), deposit(), entry()])
    assert database.history(ACCOUNT) == before


def test_nothing_is_written_under_another_epoch(database: Database) -> None:
    take_lease(database, ACCOUNT, "here:1").release()
    with pytest.raises(LeaseLost, match="under epoch 1"):
        database.record(ACCOUNT, 2, [entry()])
    assert database.load(ACCOUNT) == []


def test_nothing_is_written_for_an_account_that_nobody_took(database: Database) -> None:
    with pytest.raises(LeaseLost, match="take its lease"):
        database.record("paper:binance:other", 1, [deposit()])


def test_late_news_do_not_move_an_order_back(database: Database) -> None:
    stop = protection(entry())
    told: list[Record] = [
        moved(stop, OrderState.FILLED, "0.4995"),
        replace(moved(stop, OrderState.OPEN), venue_order_id=None),
    ]
    record_all(database, [[stop], *[[each] for each in told]])
    with database.reading() as connection:
        (order,) = reading.orders(connection, ACCOUNT, "BTCUSDT")
        assert reading.moves_of(connection, ACCOUNT, order.planned.client_order_id) == told
    assert order.state is OrderState.FILLED
    assert order.executed == quantity("0.4995")
    assert order.venue_order_id == 77


def test_news_of_what_is_not_there_tell_that_the_database_was_replaced(database: Database) -> None:
    *_, last = life_of_a_position()
    stop = protection(entry())
    strange: list[list[Record]] = [
        [marked(9), moved(stop, OrderState.OPEN)],
        [fill_of(stop, 8)],
        [next(each for each in last if isinstance(each, PositionClosed))],
    ]
    record_all(database, [[session_started()]])
    before = database.load(ACCOUNT)
    for batch in strange:
        with pytest.raises(DatabaseReplaced, match="lacks what was written to it before"):
            database.record(ACCOUNT, 1, batch)
    assert database.load(ACCOUNT) == before, "books can be made of it still"
    assert books_of(before, ACCOUNT, "USDT").orders == {}


def test_a_symbol_has_one_open_position(database: Database) -> None:
    lives = life_of_a_position(0)[:2], life_of_a_position(4)[:2]
    record_all(database, lives[0])
    database.record(ACCOUNT, 1, lives[1][0])
    with pytest.raises(DatabaseReplaced, match=r"(?i)unique"):
        database.record(ACCOUNT, 1, lives[1][1])
    with database.reading() as connection:
        assert len(connection.execute(select(positions)).all()) == 1


def test_twenty_thousand_fills_are_written_and_loaded(database: Database) -> None:
    bought = entry()
    fills = [fill_of(bought, number) for number in range(20_000)]
    record_all(database, [[bought], list(fills)])
    assert database.load(ACCOUNT) == [bought, *fills]


def record_all(database: Database, batches: list[list[Record]]) -> None:
    lease = take_lease(database, ACCOUNT, "here:1")
    for batch in batches:
        database.record(ACCOUNT, lease.epoch, batch)
    lease.release()


def two_lives(symbol: str) -> list[list[Record]]:
    return [*life_of_a_position(0, symbol), *life_of_a_position(4, symbol)]


def of_account(record: Record, account: str) -> Record:
    """The record as another account would have written it, in a session of its own."""
    if isinstance(record, IntentMade):
        key = replace(record.key, account=account)
        return replace(record, key=key, session_id=account)
    if isinstance(record, EquityMarked | Executed):
        return replace(record, session_id=account)
    return record


def what_is_loaded_of(batches: list[list[Record]]) -> list[Record]:
    """All records but those the books do not need, and of states, marks and sessions
    the last."""
    kept = [each for batch in batches for each in batch if not isinstance(each, NOT_LOADED)]
    lasts: dict[type, Record] = {type(each): each for each in kept}
    return [
        each
        for each in kept
        if not isinstance(each, StateMoved | EquityMarked | SessionStarted)
        or each is lasts[type(each)]
    ]
