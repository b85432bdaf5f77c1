"""Puts a session together from settings: venue, database, lease, books, history, decider."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path

from leeward.database.engine import Database
from leeward.database.lease import Lease, take_lease
from leeward.domain.candle import Candle
from leeward.domain.candles import Candles
from leeward.domain.errors import Refused
from leeward.domain.money import Money
from leeward.domain.timeframe import Timeframe
from leeward.engine.books import Books
from leeward.engine.records import Mode, Noted, SessionStarted
from leeward.engine.trading_state import allows_entry
from leeward.runtime.clock import monotonic_s, now_ms
from leeward.runtime.database import open_configured
from leeward.runtime.settings import Settings
from leeward.runtime.strategies import load_strategy, source_sha256
from leeward.runtime.trading.bookkeeper import Bookkeeper, open_books
from leeward.runtime.trading.deciding import Decider, Rows, Series, rows_needed
from leeward.runtime.trading.desk import Desk
from leeward.runtime.trading.entering import Entering, Identity
from leeward.runtime.trading.facts import Asked, setup_facts
from leeward.runtime.trading.history import KEPT, History, KeptCandles, write_history
from leeward.runtime.trading.journal import Journal
from leeward.runtime.trading.market import Market
from leeward.runtime.trading.modelling import SessionModels, session_models
from leeward.runtime.trading.session import Plan, Shown, TradingSession
from leeward.runtime.trading.standing import Standing
from leeward.simulation.setup import Setup
from leeward.strategies.base import Strategy
from leeward.strategies.informative import SELF
from leeward.venues.paper import PaperVenue
from leeward.venues.paper_fills import PaperTerms
from leeward.venues.timing import Clock

#: Of informative series, candles beyond those that cover the traded ones.
_MORE = 3


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who sees what a session does: `show` each step, `alarm` whatever is noted. Neither may raise
    or wait."""

    show: Callable[[Shown], None]
    alarm: Callable[[Noted], None]


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


def account_name(mode: Mode, settings: Settings) -> str:
    """Returns the account's name in the database."""
    return f"{mode}:{settings.venue.name}:{settings.trading.account}"


@asynccontextmanager
async def put_together(
    settings: Settings, asked: Asked, market: Market, watcher: Watcher
) -> AsyncIterator[Ready]:
    """Yields a session that holds the account's lease, and gives everything back at the end."""
    strategy = load_strategy(asked.strategy)(**asked.params)
    account = account_name(asked.mode, settings)
    with ExitStack() as stack:
        database = open_configured(settings)
        stack.callback(database.close)
        lease = take_lease(database, account, f"{socket.gethostname()}:{os.getpid()}")
        stack.callback(lease.release)
        ready = await _Wiring(settings, asked, market, watcher, strategy, database, lease).ready()
        if market.paper is not None:
            stack.callback(market.paper.close)
        yield ready


@dataclass
class _Wiring:
    settings: Settings
    asked: Asked
    market: Market
    watcher: Watcher
    strategy: Strategy
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
        root = self.settings.data.dir.absolute().parent
        timeframe = Timeframe.parse(self.asked.timeframe or self.strategy.timeframe)
        session_id = f"{self.account.replace(':', '-')}-{self.lease.epoch}"
        who = Identity(
            self.account,
            session_id,
            self.asked.strategy,
            source_sha256(type(self.strategy)),
            self.lease.epoch,
        )
        told = _Later()
        if self.asked.mode is Mode.PAPER:
            self.market.paper = self._paper(root, told)
        keeper = self._keeper(root)
        history, further = await self._history(timeframe, keeper.books)
        setup = self._setup()
        models = self._models(timeframe)
        decider = Decider(self.strategy, setup, history, further, models.columns)
        decider.warm()
        folder = root / "sessions" / session_id
        files = write_history(folder, history)
        session = self._session(who, timeframe, decider, keeper)
        told.listener = session.told
        session.keep = KeptCandles(folder / KEPT).append
        facts = {
            **setup_facts(setup),
            "strategy": who.strategy,
            "strategy_sha256": who.strategy_version,
            "params": self.strategy.params,
            "quote": self.market.quote,
            "history": {each.symbol: files[each.name] for each in history},
            "informative": write_history(folder, list(further.values())),
            "models": models.facts,
            "venue": asdict(self.market.rest.http.addresses),
        }
        started = SessionStarted(
            session_id=session_id,
            account=self.account,
            mode=self.asked.mode,
            venue=self.settings.venue.name,
            strategy=who.strategy,
            strategy_version=who.strategy_version,
            timeframe=timeframe.name,
            symbols=self.asked.symbols,
            facts=facts,
            epoch=self.lease.epoch,
            at_ms=self.market.server_now_ms(),
        )
        return Ready(
            session,
            self.market,
            self.database,
            self.lease,
            started,
            folder,
            self.notes,
            self.settings,
            models,
        )

    def _models(self, timeframe: Timeframe) -> SessionModels:
        found = session_models(self.settings, self.asked, self.strategy, timeframe, self.database)
        found.care.alarm = self.alarm
        for noted in found.noted(self.market.server_now_ms()):
            self.alarm(noted)
        return found

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

    def _setup(self) -> Setup:
        settings = self.settings
        return Setup(
            balance=settings.paper.balance,
            fee=settings.backtest.fee,
            slippage=settings.backtest.slippage,
            instruments=tuple(self.market.rules[name].instrument() for name in self.asked.symbols),
            limits=settings.risk,
            max_candles=self.strategy.max_candles or 0,
            ratchet_stop=self.strategy.ratchet_stop,
        )

    async def _history(
        self, timeframe: Timeframe, books: Books
    ) -> tuple[list[Candles], dict[Series, Candles]]:
        """Returns the candles before the first step: up to now, but for the newest where this
        account was trading and has not decided on it."""
        now = self.market.server_now_ms()
        asking = History(self.market.rest, self.clock, now)
        needed = rows_needed(self.strategy, self.settings.risk.trend_gate)
        needed = Rows(needed.least, needed.history + 1)
        history = [await asking.last(name, timeframe, needed) for name in self.asked.symbols]
        if self.market.paper is not None:
            await self._catch_up(self.market.paper, asking, timeframe)
        newest = max(int(each.open_time[-1]) for each in history)
        undecided = books.marked is not None and books.marked.open_time_ms < newest
        if undecided:
            history = [each.between(None, newest) for each in history]
        first = min(int(each.open_time[0]) for each in history)
        further = {
            series: await self._informative(asking, series, first, newest if undecided else now)
            for series in self._named()
        }
        return history, further

    def _named(self) -> list[Series]:
        named = [
            (symbol if name == SELF else name, length)
            for name, length in self.strategy.informative
            for symbol in self.asked.symbols
        ]
        return list(dict.fromkeys(named))

    async def _informative(
        self, asking: History, series: Series, first_ms: int, end_ms: int
    ) -> Candles:
        name, length = series[0], Timeframe.parse(series[1])
        since = await asking.since(name, length, first_ms - _MORE * length.length_ms)
        if not len(since):
            raise Refused(f"{name} {length}: the venue has no candles, and the strategy needs them")
        return since.between(None, end_ms - length.length_ms + 1)

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
        self, who: Identity, timeframe: Timeframe, decider: Decider, keeper: Bookkeeper
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
            self.strategy.informative,
            self.asked.until_ms,
            self.asked.candles,
        )
        return TradingSession(
            plan,
            decider,
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
