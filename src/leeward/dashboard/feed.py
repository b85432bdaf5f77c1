"""What is known of the database now, read once for all pages and connections.

One thread looks at the database twice a second, in short transactions, and reads anew what changed;
everybody else waits for `changed` and takes what is there. What is read on demand goes through
`read`, in a thread beside the loop, and is kept until anything of its account changes.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sized
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from functools import partial
from typing import Any, Final, TypeVar, cast

from sqlalchemy import Connection

from leeward.database import browsing, reading
from leeward.database.engine import Database
from leeward.domain.errors import LeewardError, Refused, unknown_name
from leeward.runtime.clock import now_ms
from leeward.runtime.database import open_configured
from leeward.runtime.operating import Answered, order, swap
from leeward.runtime.overview import Overview, overview_on
from leeward.runtime.settings import Settings
from leeward.runtime.swap_wish import is_file, wish_of

T = TypeVar("T")

KINDS: Final = ("halt", "resume", "flatten", "swap")
_LOOK_S: Final = 0.5
#: Without news an overview is made again after so long: it tells ages.
_AGE_MS: Final = 5_000
_KEPT: Final = 64
#: Rows of all that is kept; a row takes about a kilobyte.
_KEPT_ROWS: Final = 20_000
_READERS: Final = 2


@dataclass(frozen=True, slots=True)
class Outlook:
    """All that is known at one look. `problem` is None while the database answers; otherwise the
    overviews are those of the last time it did."""

    version: int
    overviews: dict[str, Overview]
    problem: str | None = None


class Feed:
    """Starts with `start`, ends with `close`. Threads and the loop may call everything."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._database: Database | None = None
        self._file: tuple[int, int] | None = None
        self._outlook = Outlook(0, {})
        self._stamps: dict[str, tuple[object, ...]] = {}
        self._kept: OrderedDict[Hashable, tuple[Hashable, object]] = OrderedDict()
        self._under_way: dict[Hashable, tuple[Hashable, asyncio.Future[Any]]] = {}
        self._opening = threading.Lock()
        self._over = threading.Event()
        self._wanted = threading.Event()
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="reading")
        self._askers = ThreadPoolExecutor(_READERS, thread_name_prefix="asking")
        # A swap is answered after minutes: a halt does not wait behind it.
        self._swappers = ThreadPoolExecutor(_READERS, thread_name_prefix="swapping")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news: asyncio.Event = asyncio.Event()
        self._thread = threading.Thread(target=self._look_on, name="feed", daemon=True)

    async def start(self) -> None:
        """Looks once, then goes on looking in a thread of its own."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self.look)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._wanted.set()
        if self._thread.ident is not None:
            self._thread.join(5.0)
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._askers.shutdown(wait=False, cancel_futures=True)
        self._swappers.shutdown(wait=False, cancel_futures=True)
        if self._database is not None:
            self._database.close()
            self._database = None

    # What is known.

    @property
    def version(self) -> int:
        """A number that grows whenever anything changed."""
        return self._outlook.version

    @property
    def problem(self) -> str | None:
        """Why the database cannot be read now; None while it can."""
        return self._outlook.problem

    def accounts(self) -> tuple[str, ...]:
        """Returns the names of the accounts: those that are traded now first."""
        found = self._outlook.overviews
        return tuple(sorted(found, key=lambda name: (not found[name].alive, name)))

    def overview(self, account: str) -> Overview:
        """Returns an account at a glance; raises BadUsage for a name that does not exist."""
        found = self._outlook.overviews.get(account)
        if found is None:
            raise unknown_name("account", account, self._outlook.overviews)
        return found

    async def changed(self, after_version: int, timeout_s: float) -> int:
        """Returns the version once it is above `after_version`, or the same after the timeout."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + timeout_s
        while self.version <= after_version and loop.time() < until_s:
            news = self._news
            try:
                await asyncio.wait_for(news.wait(), until_s - loop.time())
            except TimeoutError:
                break
        return self.version

    def stamp(self, account: str) -> Hashable:
        """Returns what changes whenever anything of the account does but its heartbeat."""
        return self._stamps.get(account), self._stamps.get("")

    async def read(self, key: Hashable, query: Callable[[Connection], T], account: str = "") -> T:
        """Returns what a query returns, made in a thread; `key` names it, with its arguments.

        What was read is kept until anything of `account` but its heartbeat changed; it is shared:
        nobody may change it. Raises DatabaseDown.
        """
        stamp, name = self.stamp(account), (key, account)
        found = self._kept.get(name)
        if found is not None and found[0] == stamp:
            self._kept.move_to_end(name)
            return cast("T", found[1])  # the key names the query
        asked, answer = self._under_way.get(name, (None, None))
        if answer is None or asked != stamp:
            loop = asyncio.get_running_loop()
            answer = loop.run_in_executor(self._readers, self._queried, query)
            self._under_way[name] = stamp, answer
            answer.add_done_callback(partial(self._keep, name, stamp))
        # Whoever asks the same meanwhile waits for the same answer, and gives up alone.
        return cast("T", await asyncio.shield(answer))

    def _keep(self, name: Hashable, stamp: Hashable, read: asyncio.Future[Any]) -> None:
        under_way = self._under_way.get(name)
        if under_way is not None and under_way[1] is read:
            del self._under_way[name]
        if read.cancelled() or read.exception() is not None:
            return
        self._kept.pop(name, None)
        self._kept[name] = stamp, read.result()
        rows = sum(_rows(each) for _, each in self._kept.values())
        while len(self._kept) > 1 and (rows > _KEPT_ROWS or len(self._kept) > _KEPT):
            _, (_, oldest) = self._kept.popitem(last=False)
            rows -= _rows(oldest)

    async def act(self, kind: str, argument: str, account: str, actor: str) -> Answered:
        """Sends a command to the process that trades the account and waits for its outcome.

        `kind` is one of KINDS; `argument` the reason of a halt or resume, the symbol to flatten, ""
        for all, or the JSON of a swap. Raises Refused where the process says no, BadUsage,
        DatabaseDown.
        """
        loop = asyncio.get_running_loop()
        pool = self._swappers if kind == "swap" else self._askers
        answered = await loop.run_in_executor(pool, self._acted, kind, argument, account, actor)
        self._wanted.set()
        return answered

    def _acted(self, kind: str, argument: str, account: str, actor: str) -> Answered:
        if kind not in KINDS:
            raise unknown_name("command", kind, KINDS)
        if kind != "swap":
            return order(self.settings, kind, argument, account, actor)
        wish = wish_of(argument)
        if wish.strategy is not None and is_file(wish.strategy):
            raise Refused(
                f"swap refused: {wish.strategy} is a file; from here strategies are swapped by "
                "name, so that nobody runs code that is not installed; use `leeward swap`"
            )
        return swap(self.settings, wish, account, actor)

    # The looking.

    def look(self) -> None:
        """Reads anew what changed since the last look."""
        before = self._outlook
        try:
            stamps, overviews = self._queried(self._changes)
        except Exception as error:  # noqa: BLE001 - else the pages would stand still and look well
            problem = str(error) if isinstance(error, LeewardError) else repr(error)
            if before.problem != problem:
                self._publish(Outlook(before.version + 1, before.overviews, problem))
            return
        gone = before.overviews.keys() - overviews.keys()
        fresh = {
            name: each for name, each in overviews.items() if each is not before.overviews.get(name)
        }
        self._stamps = stamps
        if fresh or gone or before.problem is not None:
            self._publish(Outlook(before.version + 1, overviews))

    def _changes(
        self, connection: Connection
    ) -> tuple[dict[str, tuple[object, ...]], dict[str, Overview]]:
        stamps = browsing.stamps(connection)
        known, overviews = self._outlook.overviews, {}
        for row in reading.accounts(connection):
            name, old = row.account, known.get(row.account)
            alike = old is not None and self._stamps.get(name) == stamps[name]
            if old is not None and alike and _is_fresh(old, row):
                overviews[name] = old
            else:
                overviews[name] = overview_on(connection, name)
        return stamps, overviews

    def _queried(self, query: Callable[[Connection], T]) -> T:
        with self._opened().reading() as connection:
            return query(connection)

    def _opened(self) -> Database:
        """Returns the database, opened anew where another file stands in its place: a restored
        backup."""
        with self._opening:
            known = self._database
            if known is not None and _mark(known) != self._file:
                known.close()
                known = self._database = None
            if known is None:
                known = open_configured(self.settings, create=False, examine=False)
                self._database, self._file = known, _mark(known)
            return known

    def _look_on(self) -> None:
        while not self._over.is_set():
            self._wanted.wait(_LOOK_S)
            self._wanted.clear()
            if not self._over.is_set():
                self.look()

    def _publish(self, outlook: Outlook) -> None:
        self._outlook = outlook
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


def _is_fresh(known: Overview, row: reading.Account) -> bool:
    """Returns whether the overview tells of the last heartbeat, or of our time not long ago."""
    beaten_ms = row.facts.get("computer_ms")
    told_ms = known.facts.get("computer_ms", beaten_ms)
    return told_ms == beaten_ms and now_ms() - known.made_ms < _AGE_MS


def _rows(answer: object) -> int:
    """Returns about how many rows an answer holds."""
    match answer:
        case str():
            return 1 + len(answer) // 200
        case tuple():
            return sum(map(_rows, answer))
        case Sized():
            return 1 + len(answer)
        case _ if is_dataclass(answer):
            return sum(_rows(getattr(answer, each.name)) for each in fields(answer))
        case _:
            return 1


def _mark(database: Database) -> tuple[int, int] | None:
    """Returns what tells a SQLite file from another at its place; None where there is none."""
    if database.file is None:
        return None
    try:
        found = database.file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
