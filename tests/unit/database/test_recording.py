from __future__ import annotations

import pytest
from tests.histories import ACCOUNT, NOT_LOADED, entry, life_of_an_account

from leeward.database.engine import Database
from leeward.database.errors import AlreadyDecided, LeaseLost
from leeward.database.lease import take_lease
from leeward.engine.books import books_of
from leeward.engine.records import EquityMarked, Record, StateMoved

pytestmark = pytest.mark.timeout(120)


def test_what_was_recorded_is_loaded_in_the_same_order(database: Database) -> None:
    batches = life_of_an_account()
    record_all(database, batches)
    assert database.load(ACCOUNT) == what_is_loaded_of(batches)


def test_books_of_what_is_loaded_are_the_books_that_were_written(database: Database) -> None:
    batches = life_of_an_account()
    record_all(database, batches)
    written = books_of([each for batch in batches for each in batch], ACCOUNT, "USDT")
    assert books_of(database.load(ACCOUNT), ACCOUNT, "USDT") == written


def test_a_decision_is_taken_once(database: Database) -> None:
    record_all(database, [[entry()]])
    with pytest.raises(AlreadyDecided, match="BTCUSDT: the decision entry"):
        database.record(ACCOUNT, 1, [entry()])


def test_nothing_is_written_under_another_epoch(database: Database) -> None:
    take_lease(database, ACCOUNT, "here:1").release()
    with pytest.raises(LeaseLost, match="epoch 1"):
        database.record(ACCOUNT, 2, [entry()])
    assert database.load(ACCOUNT) == []


def record_all(database: Database, batches: list[list[Record]]) -> None:
    lease = take_lease(database, ACCOUNT, "here:1")
    for batch in batches:
        database.record(ACCOUNT, lease.epoch, batch)
    lease.release()


def what_is_loaded_of(batches: list[list[Record]]) -> list[Record]:
    """All records but those the books do not need, and of states and marks the last."""
    kept = [each for batch in batches for each in batch if not isinstance(each, NOT_LOADED)]
    lasts: dict[type, Record] = {type(each): each for each in kept}
    return [
        each
        for each in kept
        if not isinstance(each, StateMoved | EquityMarked) or each is lasts[type(each)]
    ]
