from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, event, text
from tests.histories import (
    ACCOUNT,
    HOUR_MS,
    SESSION,
    START_MS,
    SYMBOL,
    life_of_an_account,
    marked,
)

from leeward.database import reading
from leeward.database.engine import Database
from leeward.database.lease import take_lease
from leeward.domain.errors import BadUsage
from leeward.engine.records import CommandDone, OrderState, PositionClosed, SessionEnded

DAY = (START_MS, START_MS + 24 * HOUR_MS)
QUERIES: dict[str, Callable[[Connection], object]] = {
    "sessions": lambda c: reading.sessions(c, ACCOUNT),
    "session": lambda c: reading.session(c, SESSION),
    "executions of a session": lambda c: reading.executions(c, SESSION, SYMBOL, *DAY),
    "executions of a symbol": lambda c: reading.executions(c, None, SYMBOL, *DAY),
    "fills": lambda c: reading.fills(c, ACCOUNT, SYMBOL, *DAY),
    "fills of a position": lambda c: reading.fills_of(c, ACCOUNT, "BTCUSDT-0"),
    "orders": lambda c: reading.orders(c, ACCOUNT, SYMBOL, *DAY),
    "open orders": lambda c: reading.orders_in(c, ACCOUNT, [OrderState.OPEN]),
    "moves": lambda c: reading.moves_of(c, ACCOUNT, "lw-BTCUSDT-0-e"),
    "trades": lambda c: reading.trades(c, ACCOUNT, None, *DAY),
    "trades of a symbol": lambda c: reading.trades(c, ACCOUNT, SYMBOL, *DAY),
    "equity": lambda c: reading.equity(c, ACCOUNT, *DAY),
    "equity of a session": lambda c: reading.equity_of(c, SESSION),
    "measured": lambda c: reading.measured(c, SESSION, "lag_ms", *DAY),
    "events": lambda c: reading.events(c, ACCOUNT, 5),
    "events of a kind": lambda c: reading.last_events(c, ACCOUNT, ["Noted"]),
    "open positions": lambda c: reading.positions(c, ACCOUNT),
}


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_goes_by_an_index(lived: Database, name: str) -> None:
    asked: list[tuple[str, object]] = []

    def note(*details: object) -> None:
        asked.append((str(details[2]), details[3]))

    with lived.reading() as connection:
        if lived.file is None:  # a table this small is otherwise read as a whole
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        event.listen(lived._engine, "before_cursor_execute", note)
        QUERIES[name](connection)
        event.remove(lived._engine, "before_cursor_execute", note)
        ((query, values),) = asked
        how = "EXPLAIN QUERY PLAN" if lived.file is not None else "EXPLAIN"
        plan = connection.exec_driver_sql(f"{how} {query}", values).all()  # type: ignore[arg-type] # as it was given
    words = "\n".join(str(row) for row in plan)
    assert "SCAN" not in words.replace("Index Scan", "").replace("Bitmap Heap Scan", "")
    assert "Seq Scan" not in words


def test_what_was_lived_through_can_be_read(lived: Database) -> None:
    every = [each for batch in life_of_an_account() for each in batch]
    with lived.reading() as connection:
        (session,) = reading.sessions(connection, ACCOUNT)
        assert session == reading.session(connection, SESSION)
        assert (session.started, session.end_reason) == (every[0], "until")
        trades = [each for each in every if isinstance(each, PositionClosed)]
        assert reading.trades(connection, ACCOUNT, SYMBOL) == trades
        assert [each.candle for each in reading.executions(connection, SESSION, SYMBOL)] == [
            (100.0, 101.5, 99.25, 100.5, 12.75)
        ] * 2
        assert reading.equity(connection, ACCOUNT) == [marked(0), marked(3)]
        assert reading.equity(connection, ACCOUNT, START_MS + 1) == [marked(3)]
        assert reading.equity(connection, ACCOUNT, START_MS, START_MS + 1) == [marked(0)]
        assert len(reading.fills(connection, ACCOUNT, SYMBOL)) == 4
        assert len(reading.fills_of(connection, ACCOUNT, "BTCUSDT-0")) == 2
        assert reading.positions(connection, ACCOUNT) == []
        ended = reading.positions(connection, ACCOUNT, open_only=False)
        assert [(each.position_id, each.closing) for each in ended] == [
            ("BTCUSDT-0", None),
            ("BTCUSDT-3", None),
        ]
        assert [str(each.plan.stop) for each in ended] == ["95", "95"]
        (noted,) = reading.last_events(connection, ACCOUNT, ["Noted"])
        assert (noted.subject, noted.severity) == (SYMBOL, "warning")
        (account,) = reading.accounts(connection)
        assert account.state is not None
        assert account.state.reason == "asked to"


def test_events_are_paged_by_their_number(lived: Database) -> None:
    with lived.reading() as connection:
        first = reading.events(connection, ACCOUNT, 0, limit=5)
        rest = reading.events(connection, ACCOUNT, first[-1].seq)
    assert [each.seq for each in first] == [1, 2, 3, 4, 5]
    assert [each.seq for each in rest] == list(range(6, 6 + len(rest)))
    assert rest[-1].kind == SessionEnded.__name__


def test_a_command_waits_until_it_is_done(lived: Database) -> None:
    first = lived.send_command(ACCOUNT, "flatten", SYMBOL, "operator", 5)
    second = lived.send_command(ACCOUNT, "halt", "", "operator", 6)
    assert [each.command_id for each in lived.pending_commands(ACCOUNT)] == [first, second]
    assert lived.pending_commands("live:binance:main") == []
    lived.record(ACCOUNT, 1, [CommandDone(first, "sold", 7)])
    lived.record(ACCOUNT, 1, [CommandDone(first, "sold again", 8)])
    assert [each.command_id for each in lived.pending_commands(ACCOUNT)] == [second]
    done = lived.command(first)
    assert done is not None
    assert (done.argument, done.outcome, done.done_ms) == (SYMBOL, "sold", 7)
    assert lived.command(second + 1) is None


def test_a_command_for_an_unknown_account_is_refused(lived: Database) -> None:
    with pytest.raises(BadUsage, match="did you mean 'paper:binance:main'"):
        lived.send_command("paper:binance:mian", "halt", "", "operator", 5)


def test_measurements_are_kept_by_time_and_replaced(lived: Database) -> None:
    lived.measure(SESSION, 5, {"lag_ms": 1.5, "commit_ms": 2.0})
    lived.measure(SESSION, 9, {"lag_ms": 2.5})
    lived.measure(SESSION, 9, {"lag_ms": 3.5})
    with lived.reading() as connection:
        assert reading.measured(connection, SESSION, "lag_ms") == [(5, 1.5), (9, 3.5)]
        assert reading.measured(connection, SESSION, "lag_ms", 5, 9) == [(5, 1.5)]


@pytest.fixture
def lived(database: Database) -> Database:
    take_lease(database, ACCOUNT, "here:1").release()
    for batch in life_of_an_account():
        database.record(ACCOUNT, 1, batch)
    return database
