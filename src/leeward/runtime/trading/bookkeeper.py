"""The one writer: a record is in the database, or in the emergency journal, before it is true."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from leeward.database.errors import DatabaseDown
from leeward.engine.books import Books, books_of
from leeward.engine.records import (
    FillBooked,
    IntentMade,
    Noted,
    OrderMoved,
    PlanChanged,
    PositionClosed,
    PositionOpened,
    Purpose,
    Record,
    Severity,
    Trade,
    TransferBooked,
)
from leeward.runtime.trading.journal import Journal
from leeward.venues.timing import Clock

#: After the database failed, records go straight to the journal for so long.
_REST_S = 1.0


_OF_THE_VENUE = (IntentMade, OrderMoved, FillBooked, TransferBooked, PositionClosed)


class Store(Protocol):
    """What the bookkeeper needs of `leeward.database.engine.Database`; both calls block."""

    def record(self, account: str, epoch: int, records: Sequence[Record]) -> None: ...

    def load(self, account: str) -> list[Record]: ...


#: Runs a blocking call and returns once it is done.
Aside: TypeAlias = Callable[[Callable[[], None]], Awaitable[None]]


async def inline(work: Callable[[], None]) -> None:
    """Runs it here and now: for stores that do not block, and loops of virtual time."""
    work()


def in_thread() -> Aside:
    """Returns the way into one thread of its own, where calls run one after another."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="database")

    async def run(work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(pool, work)

    return run


def open_books(store: Store, journal: Journal, account: str, quote: str, epoch: int) -> Books:
    """Returns the books as written down: what waits in the journal is committed first. Where
    another process has traded the account since, or the database lacks what the journal is about,
    the journal is set aside before anything of it is written, and what happened is found at the
    venue.

    Raises DatabaseDown, LeaseLost, and Failed for a journal that cannot be read.
    """
    batches = journal.batches()
    if not batches:
        return books_of(store.load(account), account, quote)
    books, kept_in = books_of(store.load(account), account, quote), journal.epoch()
    at_ms = 0 if books.state is None else books.state.at_ms
    why = ""
    if books.highest_epoch > kept_in:
        why = f"epoch {books.highest_epoch} traded after the journal of epoch {kept_in} was written"
    elif lacks := _lacks(books, batches):
        why = f"the database is new or an older copy: it lacks {lacks} that the journal is about"
    if why:
        words = f"{why}: it is not replayed, and kept as {journal.set_aside()}"
        batches = [(Noted("journal_set_aside", words, Severity.CRITICAL, at_ms),)]
    for batch in batches:
        store.record(account, epoch, batch)
    journal.clear()
    return books_of(store.load(account), account, quote)


def _lacks(books: Books, batches: Iterable[Sequence[Record]]) -> str:
    """Returns the first order or position that records are about and that neither the books know
    nor the records before them, in words; empty where there is none. Applies the others."""
    for batch in batches:
        opened = {each.position_id for each in batch if isinstance(each, PositionOpened)}
        for record in batch:
            order, position_id = _about(record)
            if order is not None and order not in books.orders:
                return f"order {order}"
            if position_id is not None and not (position_id in opened or books.knows(position_id)):
                return f"position {position_id}"
            books.apply(record)
    return ""


def _about(record: Record) -> tuple[str | None, str | None]:
    """Returns the order and the position that have to be known before a record."""
    match record:
        case OrderMoved(client_order_id=name) | FillBooked(client_order_id=name):
            return name, None
        case IntentMade(purpose=Purpose.EXIT | Purpose.PROTECTION, position_id=name):
            return None, name
        case PlanChanged(position_id=name) | PositionClosed(trade=Trade(position_id=name)):
            return None, name
    return None, None


@dataclass
class Bookkeeper:
    """Commits records, then applies them to `books`; one batch at a time, in order."""

    books: Books
    store: Store
    journal: Journal
    epoch: int
    clock: Clock
    deadline_s: float = 2.0
    aside: Aside = field(default_factory=in_thread)
    #: Told what was written down, and the seconds that took, None where it came late; only for
    #: counting: it must neither raise nor wait.
    heard: Callable[[Sequence[Record], float | None], None] = lambda _records, _took_s: None
    #: How often something was written down that the venue has a say in.
    turns: int = 0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    #: Batches in the journal that the database does not have.
    _behind: int = 0
    #: Of these, what it has by now: nobody who protects waits for all of them at once.
    _replayed: int = 0
    _retry_at_s: float = 0.0
    #: A commit that was given up and may still succeed: nothing overtakes it into the database.
    _late: asyncio.Task[None] | None = None
    _late_records: tuple[Record, ...] = ()
    #: Whether that is the next batch of the journal: it is not written over and over.
    _is_late_batch: bool = False

    def __post_init__(self) -> None:
        self._behind = len(self.journal.batches())

    @property
    def behind(self) -> int:
        return self._behind

    @property
    def is_durable(self) -> bool:
        """Whether the database has all that the books have, and takes more."""
        return not self._behind and self._late is None

    async def commit(self, *records: Record, urgent: bool = False) -> None:
        """Writes `records` down as one and applies them.

        Not urgent: raises DatabaseDown where the database does not take them in time; nothing is
        applied then, and if it does take them later they are applied late. Urgent: the journal
        takes them instead. Raises AlreadyDecided and LeaseLost as the database does.
        """
        if not records:
            return
        async with self._lock:
            begun_s = self.clock.monotonic_s()
            try:
                await self._into_database(records, urgent=urgent)
            except DatabaseDown:
                if not urgent:
                    raise
                self.journal.append(records, self.epoch)
                self._behind += 1
            self._apply(records, self.clock.monotonic_s() - begun_s)

    async def confirm(self) -> None:
        """Returns where the account is still ours; raises LeaseLost where another process took it,
        DatabaseDown where the database does not say in time."""
        async with self._lock:
            await self._await_late()
            await self._in_time(())

    async def replay(self) -> bool:
        """Commits what waits in the journal; returns whether the database has everything now."""
        async with self._lock:
            try:
                await self._catch_up()
            except DatabaseDown:
                return False
            return self.is_durable

    async def _into_database(self, records: Sequence[Record], *, urgent: bool) -> None:
        if not self.is_durable and urgent and self.clock.monotonic_s() < self._retry_at_s:
            raise DatabaseDown("the database was down a moment ago")
        await self._catch_up()
        # What goes to the journal instead is applied by then; if it is late too, that is twice.
        await self._in_time(records, () if urgent else tuple(records), tuple(records))

    async def _catch_up(self) -> None:
        await self._await_late()
        if not self._behind:
            return
        until_s = self.clock.monotonic_s() + self.deadline_s
        for batch in self.journal.batches()[self._replayed :]:
            if self.clock.monotonic_s() >= until_s:
                self._retry_at_s = self.clock.monotonic_s() + _REST_S
                raise DatabaseDown("the database is slow to take what waits in the journal")
            try:
                await self._in_time(batch)
            finally:
                self._is_late_batch = self._late is not None
            self._replayed += 1
        self.journal.clear()
        self._behind = self._replayed = 0

    async def _await_late(self) -> None:
        late = self._late
        if late is None:
            return
        if not late.done():
            raise DatabaseDown("the database has not answered the commit before; it may be slow")
        self._late = None
        is_batch, self._is_late_batch = self._is_late_batch, False
        if not late.cancelled() and late.exception() is None:
            self._apply(self._late_records)
            self._replayed += is_batch

    async def _in_time(
        self,
        records: Sequence[Record],
        if_late: tuple[Record, ...] = (),
        if_cancelled: tuple[Record, ...] = (),
    ) -> None:
        """Commits within the deadline; raises DatabaseDown else. Where the commit succeeds after
        all, what belongs to the reason why nobody waited for it is applied then."""

        def work() -> None:
            self.store.record(self.books.account, self.epoch, tuple(records))

        try:
            if self.aside is inline:
                await inline(work)
                return
            await self._watched(work, if_late, if_cancelled)
        except DatabaseDown:
            self._retry_at_s = self.clock.monotonic_s() + _REST_S
            raise

    async def _watched(
        self,
        work: Callable[[], None],
        if_late: tuple[Record, ...],
        if_cancelled: tuple[Record, ...],
    ) -> None:
        task = asyncio.ensure_future(self.aside(work))
        timer = asyncio.ensure_future(self.clock.sleep(self.deadline_s))
        try:
            await asyncio.wait({task, timer}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._late, self._late_records = task, if_cancelled
            raise
        finally:
            timer.cancel()
        if not task.done():
            self._late, self._late_records = task, if_late
            raise DatabaseDown(f"the database did not commit within {self.deadline_s:g} s")
        task.result()

    def _apply(self, records: Sequence[Record], took_s: float | None = None) -> None:
        for record in records:
            self.books.apply(record)
        self.heard(records, took_s)
        self.turns += any(isinstance(each, _OF_THE_VENUE) for each in records)
