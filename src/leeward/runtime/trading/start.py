"""Puts a session together from settings: venue, database, lease, books, history, decider."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path

from leeward.database.engine import Database
from leeward.database.lease import FileHold, Lease, take_lease
from leeward.database.reading import last_session
from leeward.domain.candle import Candle
from leeward.domain.candles import Candles
from leeward.domain.errors import Refused
from leeward.domain.money import Money
from leeward.domain.timeframe import Timeframe
from leeward.domain.times import iso
from leeward.engine.books import Books
from leeward.engine.records import Mode, Noted, SessionStarted, Severity, Trade
from leeward.engine.trading_state import allows_entry
from leeward.runtime.clock import monotonic_s, now_ms
from leeward.runtime.database import open_configured
from leeward.runtime.settings import Settings
from leeward.runtime.trading.bookkeeper import Bookkeeper, open_books
from leeward.runtime.trading.chosen import Chosen
from leeward.runtime.trading.deciders import Deciders
from leeward.runtime.trading.deciding import Series
from leeward.runtime.trading.desk import Desk
from leeward.runtime.trading.entering import Entering, Identity
from leeward.runtime.trading.facts import Asked
from leeward.runtime.trading.history import KEPT, History, KeptCandles
from leeward.runtime.trading.journal import Journal
from leeward.runtime.trading.lineage import managed_facts
from leeward.runtime.trading.market import Market
from leeward.runtime.trading.modelling import SessionModels
from leeward.runtime.trading.preparing import (
    Ground,
    further_history,
    prepare,
    started_of,
    traded_history,
)
from leeward.runtime.trading.resuming import Origin, caretakers_again, origin_of
from leeward.runtime.trading.session import Plan, Shown, TradingSession
from leeward.runtime.trading.standing import Standing
from leeward.strategies.base import Strategy
from leeward.venues.paper import PaperVenue
from leeward.venues.paper_fills import PaperTerms
from leeward.venues.timing import Clock


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who sees what a session does: `show` each step, `alarm` whatever is noted, `closed` each
    position that was sold, by whatever. None may raise or wait."""

    show: Callable[[Shown], None]
    alarm: Callable[[Noted], None]
    closed: Callable[[Trade], None] = lambda _: None


@dataclass
class Ready:
    """A session put together and not begun; `started` is its first record."""

    session: TradingSession
    market: Market
    database: Database
    lease: Lease
    started: SessionStarted
    folder: Path
    notes: list[Noted]
    settings: Settings
    models: SessionModels
    ground: Ground
    #: What a session goes on with that does not begin with its command line, in words.
    resumed: str = ""


def account_name(mode: Mode, settings: Settings) -> str:
    """Returns the account's name in the database."""
    return f"{mode}:{settings.venue.name}:{settings.trading.account}"


@asynccontextmanager
async def put_together(
    settings: Settings, asked: Asked, market: Market, watcher: Watcher
) -> AsyncIterator[Ready]:
    """Yields a session that holds the account's lease, and gives everything back at the end."""
    account = account_name(asked.mode, settings)
    with ExitStack() as stack:
        database = open_configured(settings)
        stack.callback(database.close)
        lease = take_lease(database, account, f"{socket.gethostname()}:{os.getpid()}")
        stack.callback(lease.release)
        stack.callback(_hold_files(settings, account).drop)
        ready = await _Wiring(settings, asked, market, watcher, database, lease).ready()
        if market.paper is not None:
            stack.callback(market.paper.close)
        yield ready


def _hold_files(settings: Settings, account: str) -> FileHold:
    """Returns the hold on the account's files beside the data: journal, candles, paper books. The
    lease says nothing of them to a process with another database."""
    folder = settings.data.dir.absolute().parent
    folder.mkdir(parents=True, exist_ok=True)
    hold = FileHold(folder / f"{account.replace(':', '-')}.lock")
    if not hold.hold():
        raise Refused(
            f"{account}: another process keeps its journal and sessions beside "
            f"{settings.data.dir}, with another database; stop that one first, or give this one "
            "another data.dir or trading.account"
        )
    return hold


@dataclass
class _Wiring:
    settings: Settings
    asked: Asked
    market: Market
    watcher: Watcher
    database: Database
    lease: Lease
    clock: Clock = field(default_factory=lambda: Clock(now_ms, monotonic_s))
    notes: list[Noted] = field(default_factory=list)

    def alarm(self, noted: Noted) -> None:
        self.notes.append(noted)
        self.watcher.alarm(noted)

    @property
    def account(self) -> str:
        return self.lease.account

    async def ready(self) -> Ready:
        root, told = self.settings.data.dir.absolute().parent, _Later()
        if self.asked.mode is Mode.PAPER:
            self.market.paper = self._paper(root, told)
        keeper = self._keeper(root)
        self._check_time(keeper.books)
        with self.database.reading() as connection:
            last = last_session(connection, self.account)
        self._check_key(last)
        origin = origin_of(last, self.asked, root / "sessions")
        ground = self._ground(origin)
        history_of = partial(self._history, ground, keeper.books)
        prepared = prepare(
            ground, origin.chosen, *await history_of(origin.chosen.strategy), origin.pins
        )
        for noted in prepared.models.noted(self.market.server_now_ms()):
            self.alarm(noted)
        now_ms = self.market.server_now_ms()
        caretakers = await caretakers_again(ground, keeper.books, origin.swap, history_of, now_ms)
        who = self._identity(origin.chosen)
        managed = {"managed": managed_facts(caretakers)}
        swap = {"swap": {**origin.swap, **managed}} if origin.swap else {}
        started = started_of(ground, who, prepared, swap)
        deciders = Deciders(prepared.decider, caretakers)
        session = self._session(who, ground.timeframe, deciders, keeper)
        told.listener = session.told
        folder = ground.sessions / who.session_id
        session.keep = KeptCandles(folder / KEPT).append
        return Ready(
            session,
            self.market,
            self.database,
            self.lease,
            started,
            folder,
            self.notes,
            self.settings,
            prepared.models,
            ground,
            origin.words,
        )

    def _check_time(self, books: Books) -> None:
        """Refuses a replay that began anew: two pasts in one account are told apart nowhere."""
        now_ms = self.market.server_now_ms()
        if books.marked is not None and books.marked.open_time_ms > now_ms:
            raise Refused(
                f"{self.account} refused: it decided on {iso(books.marked.open_time_ms)} already, "
                f"and the venue's time is {iso(now_ms)}, as of a replay that began anew; "
                "give it an account of its own: --set trading.account=NAME"
            )

    def _check_key(self, last: SessionStarted | None) -> None:
        """Refuses the key of another account of the exchange: what the books hold is not there."""
        before = None if last is None else last.facts.get("uid")
        if None not in {before, self.market.uid} and before != self.market.uid:
            raise Refused(
                f"{self.account} refused: it traded account {before} of the exchange, and this key "
                f"is of account {self.market.uid}; give the key of {before}, or trade this one "
                "under a name of its own: --set trading.account=NAME"
            )

    def _ground(self, origin: Origin) -> Ground:
        timeframe = Timeframe.parse(origin.timeframe)
        if origin.words:
            self.alarm(Noted("resumed", origin.words, Severity.INFO, self.market.server_now_ms()))
        return Ground(self.settings, self.asked, timeframe, self.market, self.database, self.alarm)

    def _identity(self, chosen: Chosen) -> Identity:
        session_id = f"{self.account.replace(':', '-')}-{self.lease.epoch}"
        return Identity(self.account, session_id, chosen.name, chosen.version, self.lease.epoch)

    def _paper(self, root: Path, told: _Later) -> PaperVenue:
        settings = self.settings
        terms = PaperTerms(
            opening=Money(Decimal(str(settings.paper.balance)), self.market.quote),
            fee=Decimal(str(settings.backtest.fee)),
            slippage=settings.backtest.slippage,
            fills=settings.paper.fills,
        )
        folder = root / "paper" / self.account.replace(":", "-")
        return PaperVenue(self.market.rest, folder, terms, self.market.server_now_ms, told)

    def _keeper(self, root: Path) -> Bookkeeper:
        journal = Journal(root / f"{self.account.replace(':', '-')}.journal")
        books = open_books(
            self.database, journal, self.account, self.market.quote, self.lease.epoch
        )
        return Bookkeeper(
            books,
            self.database,
            journal,
            self.lease.epoch,
            self.clock,
            self.settings.trading.commit_deadline_s,
        )

    async def _history(
        self, ground: Ground, books: Books, strategy: Strategy
    ) -> tuple[list[Candles], dict[Series, Candles]]:
        """Returns the candles before the first step: up to now, but for the newest where this
        account was trading and has not decided on it."""
        now = self.market.server_now_ms()
        asking = History(self.market.rest, self.clock, now)
        history = await traded_history(ground, strategy, asking)
        if self.market.paper is not None:
            await self._catch_up(self.market.paper, asking, ground.timeframe)
        newest = max(int(each.open_time[-1]) for each in history)
        undecided = books.marked is not None and books.marked.open_time_ms < newest
        if undecided:
            history = [each.between(None, newest) for each in history]
        end_ms = newest if undecided else now
        return history, await further_history(ground, strategy, asking, history, end_ms)

    async def _catch_up(self, paper: PaperVenue, asking: History, timeframe: Timeframe) -> None:
        """Lets the paper account's orders meet the candles that closed while nobody traded it."""
        missed: list[Candle] = []
        for symbol in self.asked.symbols:
            judged_ms = paper.judged_ms(symbol)
            if judged_ms is not None:
                start_ms = judged_ms + timeframe.length_ms
                now = self.market.server_now_ms()
                missed += await asking.between(symbol, timeframe, start_ms, now)
        for candle in sorted(missed, key=lambda each: each.open_time_ms):
            paper.offer_candle(candle)

    def _session(
        self, who: Identity, timeframe: Timeframe, deciders: Deciders, keeper: Bookkeeper
    ) -> TradingSession:
        settings, market, clock = self.settings, self.market, self.clock
        standing = Standing(keeper, clock, market.server_now_ms, self.alarm)
        desk = Desk(
            market.venue,
            keeper,
            market.rules,
            settings.trading,
            clock,
            market.server_now_ms,
            self.alarm,
            timeframe,
            standing.tighten,
            default_stop_fraction=settings.risk.default_stop_fraction,
            may_enter=lambda: allows_entry(standing.state),
        )
        plan = Plan(
            who,
            timeframe,
            settings.risk,
            Entering(
                settings.trading.entry,
                Decimal(str(settings.trading.max_slippage_fraction)),
                Decimal(str(settings.backtest.fee)),
            ),
            self.asked.until_ms,
            self.asked.candles,
        )
        return TradingSession(
            plan,
            deciders,
            desk,
            keeper,
            standing,
            market.rules,
            market.venue,
            clock,
            market.server_now_ms,
            self.alarm,
            self.watcher.show,
            market.paper,
            market.paper is not None and settings.paper.fills == "book",
        )


class _Later:
    """Passes a symbol on to a listener that is made after the one who tells."""

    def __init__(self) -> None:
        self.listener: Callable[[str], None] | None = None

    def __call__(self, symbol: str) -> None:
        if self.listener is not None:
            self.listener(symbol)
