"""What an account takes over of a life that its database does not know is kept as all else is."""

from __future__ import annotations

from tests.accounts import SYMBOL, books, fill
from tests.unit.engine.test_reconcile import BOUGHT, STOP_RESTS, facts

from leeward.database.audit import audit
from leeward.database.engine import Database
from leeward.database.lease import take_lease
from leeward.domain.timeframe import Timeframe
from leeward.engine.books import books_of
from leeward.engine.reconcile import reconcile
from leeward.engine.records import FillBooked, IntentMade


def test_what_was_taken_over_is_recorded_once_and_loaded(database: Database) -> None:
    kept = books()
    told = facts(
        [fill(20, "9", order_id=6), *BOUGHT],
        [STOP_RESTS],
        balances={"USDT": "500", "BTC": "1.5"},
    )
    lease = take_lease(database, kept.account, "here:1")
    records = reconcile(kept, told, lease.epoch, Timeframe.parse("1h")).records
    intents = [each for each in records if isinstance(each, IntentMade)]
    bought = [each for each in records if isinstance(each, FillBooked)]
    assert [each.session_id for each in intents] == [""]
    assert [each.client_order_id for each in bought] == [None, None]
    assert all(each.position_id is not None for each in bought)
    for _ in range(2):  # a journal may be replayed
        database.record(kept.account, lease.epoch, records)
    for each in records:
        kept.apply(each)
    assert books_of(database.load(kept.account), kept.account, kept.quote) == kept
    assert kept.position(SYMBOL) is not None
    assert [str(each) for each in audit(database) if not each.is_ok] == []
    lease.release()
