"""One writer: nothing is true before it is written down, and nothing written down is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import pytest
from tests.accounts import books as books_with
from tests.accounts import fill, intent, moved, opened, own
from tests.harness.virtual_loop import VirtualLoop, run_virtual

from leeward.database.errors import DatabaseDown, LeaseLost
from leeward.domain.errors import LeewardError
from leeward.domain.money import Money
from leeward.domain.orders import Side
from leeward.engine.books import Books
from leeward.engine.records import (
    Mode,
    Noted,
    OrderState,
    Plan,
    PlanChanged,
    PositionClosed,
    Record,
    Role,
    SessionStarted,
    Severity,
    StateMoved,
    TradingState,
    TransferBooked,
    TransferKind,
)
from leeward.runtime.trading.bookkeeper import Aside, Bookkeeper, inline, open_books
from leeward.runtime.trading.journal import Journal


def deposit(number: int) -> TransferBooked:
    money = Money(Decimal(number), "USDT")
    return TransferBooked(f"deposit/{number}", TransferKind.DEPOSIT, money, number)


@dataclass
class Shelf:
    """A store that can be told to fail."""

    batches: list[tuple[Record, ...]] = field(default_factory=list)
    fails: LeewardError | None = None

    def record(self, account: str, epoch: int, records: Sequence[Record]) -> None:
        assert (account, epoch) == ("a", 7)
        if self.fails is not None:
            raise self.fails
        self.batches.append(tuple(records))

    def load(self, account: str) -> list[Record]:
        assert account == "a"
        return [record for batch in self.batches for record in batch]


def keeper(shelf: Shelf, folder: Path, loop: VirtualLoop, aside: Aside = inline) -> Bookkeeper:
    journal = Journal(folder / "journal")
    return Bookkeeper(Books("a", "USDT"), shelf, journal, 7, loop.clock(0), aside=aside)


DOWN = DatabaseDown("gone")


def test_what_is_committed_is_applied(tmp_path: Path) -> None:
    async def work(loop: VirtualLoop) -> None:
        books = keeper(shelf := Shelf(), tmp_path, loop)
        await books.commit(deposit(1), deposit(2))
        assert shelf.batches == [(deposit(1), deposit(2))]
        assert books.books.cash == 3

    run_virtual(work)


def test_an_entry_is_impossible_while_the_database_is_down(tmp_path: Path) -> None:
    async def work(loop: VirtualLoop) -> None:
        books = keeper(Shelf(fails=DOWN), tmp_path, loop)
        with pytest.raises(DatabaseDown):
            await books.commit(deposit(1))
        assert books.books.cash == 0
        assert books.journal.batches() == []

    run_virtual(work)


def test_what_protects_goes_to_the_journal_and_later_into_the_database_in_order(
    tmp_path: Path,
) -> None:
    async def work(loop: VirtualLoop) -> None:
        books = keeper(shelf := Shelf(fails=DOWN), tmp_path, loop)
        await books.commit(deposit(1), urgent=True)
        await books.commit(deposit(2), urgent=True)
        assert books.books.cash == 3
        assert (books.behind, books.is_durable) == (2, False)
        assert not await books.replay()
        shelf.fails = None
        await books.commit(deposit(3))
        assert shelf.batches == [(deposit(1),), (deposit(2),), (deposit(3),)]
        assert books.is_durable
        assert books.journal.batches() == []

    run_virtual(work)


@pytest.mark.parametrize("urgent", [True, False])
def test_a_lost_lease_lets_nothing_through(tmp_path: Path, urgent: bool) -> None:
    async def work(loop: VirtualLoop) -> None:
        books = keeper(Shelf(fails=LeaseLost("another")), tmp_path, loop)
        with pytest.raises(LeaseLost):
            await books.commit(deposit(1), urgent=urgent)
        assert books.books.cash == 0
        assert books.journal.batches() == []

    run_virtual(work)


def slow(seconds: float) -> Aside:
    async def run(work: Callable[[], None]) -> None:
        await asyncio.sleep(seconds)
        work()

    return run


def test_a_commit_that_takes_too_long_is_none_and_is_applied_when_it_comes_late(
    tmp_path: Path,
) -> None:
    async def work(loop: VirtualLoop) -> None:
        books = keeper(shelf := Shelf(), tmp_path, loop, slow(5))
        with pytest.raises(DatabaseDown, match="2 s"):
            await books.commit(deposit(1))
        assert loop.time() == 2
        assert books.books.cash == 0
        with pytest.raises(DatabaseDown, match="not answered"):
            await books.commit(deposit(2))
        await asyncio.sleep(4)
        books.aside = inline
        assert await books.replay()
        assert shelf.batches == [(deposit(1),)]
        assert books.books.cash == 1

    run_virtual(work)


def test_nothing_overtakes_a_late_commit_into_the_database(tmp_path: Path) -> None:
    async def work(loop: VirtualLoop) -> None:
        books = keeper(shelf := Shelf(), tmp_path, loop, slow(5))
        await books.commit(deposit(1), urgent=True)
        await books.commit(deposit(2), urgent=True)
        assert books.books.cash == 3
        await asyncio.sleep(4)
        books.aside = inline
        assert await books.replay()
        assert [batch[0] for batch in shelf.batches] == [deposit(1), deposit(1), deposit(2)]
        assert books.books.cash == 3

    run_virtual(work)


def test_what_protects_does_not_wait_until_a_slow_database_has_all_of_the_journal(
    tmp_path: Path,
) -> None:
    async def work(loop: VirtualLoop) -> None:
        books = keeper(shelf := Shelf(fails=DOWN), tmp_path, loop)
        for number in range(20):
            await books.commit(deposit(number), urgent=True)
        shelf.fails, books.aside = None, slow(1.5)
        replaying = asyncio.ensure_future(books.replay())
        await asyncio.sleep(0.1)
        began_s = loop.time()
        await books.commit(deposit(20), urgent=True)
        assert loop.time() - began_s < 4
        assert not await replaying
        while not await books.replay():
            await asyncio.sleep(1)
        assert [batch[0] for batch in shelf.batches] == [deposit(number) for number in range(21)]
        assert books.journal.batches() == []

    run_virtual(work)


def test_a_journal_comes_to_its_end_also_where_every_commit_is_late(tmp_path: Path) -> None:
    async def work(loop: VirtualLoop) -> None:
        books = keeper(shelf := Shelf(fails=DOWN), tmp_path, loop)
        for number in range(3):
            await books.commit(deposit(number), urgent=True)
        shelf.fails, books.aside = None, slow(2.5)
        while not await books.replay():
            assert loop.time() < 60
            await asyncio.sleep(1)
        assert [batch[0] for batch in shelf.batches] == [deposit(number) for number in range(3)]
        assert books.books.cash == 3

    run_virtual(work)


def test_a_start_commits_what_the_journal_kept(tmp_path: Path) -> None:
    async def work(loop: VirtualLoop) -> None:
        books = keeper(shelf := Shelf(fails=DOWN), tmp_path, loop)
        await books.commit(deposit(1), urgent=True)
        shelf.fails = None
        journal = Journal(tmp_path / "journal")
        assert open_books(shelf, journal, "a", "USDT", 7).cash == 1
        assert journal.batches() == []
        assert open_books(shelf, journal, "a", "USDT", 7).cash == 1

    run_virtual(work)


def test_a_journal_that_takes_nothing_leaves_the_books_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Journal, __: Sequence[Record], epoch: int) -> None:
        del epoch
        raise LeewardError("no space")

    async def work(loop: VirtualLoop) -> None:
        books = keeper(Shelf(fails=DOWN), tmp_path, loop)
        with pytest.raises(LeewardError, match="no space"):
            await books.commit(deposit(1), urgent=True)
        assert books.books.cash == 0

    monkeypatch.setattr(Journal, "append", full)
    run_virtual(work)


def began(epoch: int) -> SessionStarted:
    return SessionStarted(
        f"s-{epoch}", "a", Mode.LIVE, "binance", "x", "1", "1h", ("BTCUSDT",), {}, epoch, 5
    )


def test_a_journal_is_not_replayed_over_what_another_process_did_since(tmp_path: Path) -> None:
    halted = StateMoved(TradingState.HALTED, "by hand", "operator", 9)
    journal = Journal(tmp_path / "journal")
    journal.append([StateMoved(TradingState.REDUCING, "database: gone", "watch", 4)], 3)
    shelf = Shelf([(began(3),), (began(5), halted)])
    books = open_books(shelf, journal, "a", "USDT", 7)
    assert books.state == halted
    assert journal.batches() == []
    aside = Journal(tmp_path / "journal.of-epoch-3")
    assert len(aside.batches()) == 1
    told = shelf.batches[-1][0]
    assert isinstance(told, Noted)
    assert told.severity is Severity.CRITICAL
    assert str(aside.path) in told.words


def test_a_start_that_failed_in_between_makes_no_journal_old(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.append([deposit(1)], 3)
    assert open_books(Shelf([(began(3),)]), journal, "a", "USDT", 7).cash == 1


ENTRY = intent()
BOUGHT = own(ENTRY, Role.ENTRY, fill(1, "1"))
STOP = intent("protection/1", (Role.STOP,), "1", position_id=ENTRY.position_id)
HELD = (began(3), ENTRY, opened(ENTRY), BOUGHT, STOP)
SOLD = own(STOP, Role.STOP, fill(2, "1", side=Side.SELL, order_id=2))
FILLED = moved(STOP, OrderState.FILLED, "1", order_id=2)
CLOSED = PositionClosed(books_with(*HELD, SOLD).trade_of(ENTRY.position_id, "stop"), 9)
CLOSING = PlanChanged(ENTRY.position_id, Plan(None, None), "signal", 9)


@pytest.mark.parametrize(
    ("has", "first"),
    [
        ((), FILLED),
        ((), SOLD),
        ((), STOP),
        (HELD[:2], CLOSING),
        (HELD[:2], CLOSED),
    ],
    ids=["an order", "a fill", "protection", "a plan", "an end"],
)
def test_a_journal_of_a_lost_database_is_set_aside_before_anything_of_it_is_written(
    has: Sequence[Record], first: Record, tmp_path: Path
) -> None:
    journal = Journal(tmp_path / "journal")
    journal.append([deposit(1)], 3)
    journal.append([first], 3)
    shelf = Shelf([tuple(has)])
    books = open_books(shelf, journal, "a", "USDT", 7)
    assert books.cash == 0
    assert journal.batches() == []
    (told,) = (record for batch in shelf.batches[1:] for record in batch)
    assert isinstance(told, Noted)
    assert (told.kind, told.severity) == ("journal_set_aside", Severity.CRITICAL)
    aside = Journal(tmp_path / "journal.of-epoch-3")
    assert str(aside.path) in told.words
    assert len(aside.batches()) == 2


def test_a_journal_is_replayed_again_where_a_start_died_before_it_was_cleared(
    tmp_path: Path,
) -> None:
    adopted = intent("adopted/1", (Role.STOP,), "1", position_id="taken-over")
    batch = (adopted, opened(replace(ENTRY, position_id="taken-over")))
    journal = Journal(tmp_path / "journal")
    journal.append([FILLED, SOLD, CLOSED], 3)
    journal.append([CLOSING, *batch], 3)
    shelf = Shelf([HELD])
    for _ in range(2):
        books = open_books(shelf, Journal(tmp_path / "journal"), "a", "USDT", 7)
        assert books.is_closed(ENTRY.position_id)
        journal.append([FILLED, SOLD, CLOSED], 3)
    assert not list(tmp_path.glob("journal.of-*"))
