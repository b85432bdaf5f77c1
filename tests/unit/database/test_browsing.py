from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import event, text
from tests.histories import (
    ACCOUNT,
    HOUR_MS,
    SESSION,
    START_MS,
    SYMBOL,
    executed,
    life_of_an_account,
    marked,
)

from leeward.database import browsing
from leeward.database.browsing import EventQuery, ExecutionQuery, TradeQuery
from leeward.database.engine import Database
from leeward.database.lease import take_lease


@pytest.fixture
def lived(database: Database) -> Database:
    lease = take_lease(database, ACCOUNT, "here:1")
    for batch in life_of_an_account(lease.epoch):
        database.record(ACCOUNT, lease.epoch, batch)
    lease.release()
    return database


def test_trades_come_sorted_filtered_and_in_pages(lived: Database) -> None:
    with lived.reading() as connection:
        first, total = browsing.trades_page(connection, ACCOUNT, TradeQuery(limit=1))
        second, _ = browsing.trades_page(connection, ACCOUNT, TradeQuery(limit=1, offset=1))
        won, none = browsing.trades_page(connection, ACCOUNT, TradeQuery(outcome="win"))
        lost, _ = browsing.trades_page(
            connection, ACCOUNT, TradeQuery(outcome="loss", order_by="pnl", descending=False)
        )
    assert total == 2
    assert first[0].trade.exit_time_ms > second[0].trade.exit_time_ms
    assert (won, none) == ([], 0)
    assert [each.trade.pnl.amount < Decimal(0) for each in lost] == [True, True]


def test_a_trade_is_found_by_its_position(lived: Database) -> None:
    with lived.reading() as connection:
        found = browsing.trade_of(connection, ACCOUNT, "BTCUSDT-0")
        assert browsing.trade_of(connection, ACCOUNT, "BTCUSDT-7") is None
    assert found is not None
    assert found.trade.symbol == SYMBOL


def test_events_are_searched_as_text_not_as_patterns(lived: Database) -> None:
    with lived.reading() as connection:
        found = browsing.events_page(connection, ACCOUNT, EventQuery(search="5 S LATE"))
        none = browsing.events_page(connection, ACCOUNT, EventQuery(search="5%late"))
        alerts = browsing.alerts(connection, ACCOUNT)
    assert [each.kind for each in found] == ["Noted"]
    assert none == []
    assert alerts == found


def test_a_search_goes_further_back_part_by_part(
    lived: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lived.reading() as connection:
        every = browsing.events_page(connection, ACCOUNT, EventQuery(search="e", limit=1000))
        monkeypatch.setattr(browsing, "SCANNED", 5)
        query, found = EventQuery(search="e"), list[int]()
        while True:
            part = browsing.events_page(connection, ACCOUNT, query)
            floor = browsing.events_floor(connection, ACCOUNT, query)
            found += [each.seq for each in part]
            if floor is None:
                break
            assert all(floor <= each.seq < floor + 6 for each in part)
            query = replace(query, before=floor)
    assert len(every) > 10
    assert found == [each.seq for each in every]


def test_pages_of_events_go_on_where_the_last_one_ended(lived: Database) -> None:
    with lived.reading() as connection:
        all_ = browsing.events_page(connection, ACCOUNT, EventQuery(limit=1000))
        pages, before = [], None
        while page := browsing.events_page(connection, ACCOUNT, EventQuery(before=before, limit=7)):
            pages += page
            before = page[-1].seq
    assert pages == all_


def test_a_page_of_executions_never_parts_a_candle(lived: Database) -> None:
    with lived.reading() as connection:
        page = browsing.executions_page(connection, ACCOUNT, ExecutionQuery(limit=1))
        rest = browsing.executions_page(
            connection, ACCOUNT, ExecutionQuery(before_ms=page[-1].open_time_ms)
        )
    assert [each.symbol for each in page] == [SYMBOL, "XRPUSDT"]
    assert {each.open_time_ms for each in rest} == {START_MS}


def test_the_stamp_changes_with_a_commit_and_not_with_a_heartbeat(lived: Database) -> None:
    def stamps() -> dict[str, tuple[object, ...]]:
        with lived.reading() as connection:
            return browsing.stamps(connection)

    lease = take_lease(lived, ACCOUNT, "here:1")
    before = stamps()
    lived.beat(ACCOUNT, lease.epoch, START_MS, {"equity": "1"})
    assert stamps() == before
    lived.record(ACCOUNT, lease.epoch, [marked(50), executed(50)])
    assert stamps()[ACCOUNT] != before[ACCOUNT]
    between = stamps()
    lived.send_command(ACCOUNT, "halt", "", "me", START_MS)
    assert stamps()[""] != between[""]
    lease.release()


def test_thinned_equity_keeps_the_last_mark(lived: Database) -> None:
    lease = take_lease(lived, ACCOUNT, "here:1")
    marks = [marked(candle, str(10_000 + candle), SESSION) for candle in range(100, 200)]
    lived.record(ACCOUNT, lease.epoch, marks)
    lease.release()
    with lived.reading() as connection:
        span = START_MS + 100 * HOUR_MS, None
        some = browsing.equity_points(connection, ACCOUNT, *span, most=7)
        every = browsing.equity_points(connection, ACCOUNT, *span, most=500)
        assert browsing.last_mark(connection, ACCOUNT) == marks[-1]
    assert every == marks
    assert 5 <= len(some) <= 8
    assert some[-1] == marks[-1]


def test_closes_are_those_of_the_candles_that_were_named(lived: Database) -> None:
    with lived.reading() as connection:
        times = browsing.newest_steps(connection, ACCOUNT, 1)
        one = browsing.closes_at(connection, ACCOUNT, times)
        both = browsing.newest_steps(connection, ACCOUNT, 9)
        none = browsing.closes_at(connection, ACCOUNT, [START_MS - HOUR_MS])
    assert times == [START_MS + 3 * HOUR_MS]
    assert both == [START_MS, *times]
    assert one[SYMBOL] == {times[0]: 100.5}
    assert none == {}


def test_closes_are_found_without_looking_at_every_row(lived: Database) -> None:
    asked: list[tuple[str, object]] = []

    def note(*details: object) -> None:
        asked.append((str(details[2]), details[3]))

    with lived.reading() as connection:
        if lived.file is None:  # a table this small is otherwise read as a whole
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        event.listen(lived._engine, "before_cursor_execute", note)
        browsing.newest_steps(connection, ACCOUNT, 5)
        browsing.closes_at(connection, ACCOUNT, [START_MS, START_MS + 3 * HOUR_MS])
        event.remove(lived._engine, "before_cursor_execute", note)
        how = "EXPLAIN QUERY PLAN" if lived.file is not None else "EXPLAIN"
        plans = [
            str(connection.exec_driver_sql(f"{how} {query}", values).all())  # type: ignore[arg-type] # as it was given
            for query, values in asked
        ]
    assert len(plans) == 3
    assert "symbol_open_time_ms" in plans[-1]
    for plan in plans:
        assert "SCAN" not in plan.replace("Index Scan", "").replace("Bitmap Heap Scan", "")
        assert "Seq Scan" not in plan
