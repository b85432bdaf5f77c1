"""A paper session on its database: how long from a step's last candle to its commit.

`python -m benchmarks.trading_work step SYMBOLS STEPS` tells the seconds of every step.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from benchmarks.child import tell
from leeward.data.generated import generate_market
from leeward.database.engine import Database, open_database
from leeward.database.lease import take_lease
from leeward.domain.candle import Candle
from leeward.domain.candles import Candles
from leeward.domain.money import Money
from leeward.domain.orders import OrderType
from leeward.domain.rules import Features, Grid, NotionalRule, OrderCaps, SymbolRules, SymbolStatus
from leeward.domain.timeframe import Timeframe
from leeward.risk.limits import RiskLimits
from leeward.runtime.sections import TradingSettings
from leeward.runtime.settings import Settings
from leeward.runtime.trading.bookkeeper import Bookkeeper, open_books
from leeward.runtime.trading.deciders import Deciders
from leeward.runtime.trading.deciding import Decider, rows_needed
from leeward.runtime.trading.desk import Desk
from leeward.runtime.trading.entering import Entering, Identity
from leeward.runtime.trading.journal import Journal
from leeward.runtime.trading.session import Plan, TradingSession
from leeward.runtime.trading.standing import Standing
from leeward.runtime.venue import open_venue
from leeward.simulation.setup import Setup
from leeward.strategies.ema_cross import EmaCross
from leeward.venues.addresses import addresses_of
from leeward.venues.paper import PaperVenue
from leeward.venues.paper_fills import PaperTerms
from leeward.venues.timing import Clock

_MINUTE = Timeframe.parse("1m")
_START_MS = 1_704_067_200_000
_ACCOUNT = "paper:benchmark:main"


@dataclass
class _Time:
    """The exchange's time, as far as the candles have come."""

    now_ms: int = _START_MS


def main() -> None:
    work, symbols, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    assert work == "step"
    with TemporaryDirectory(prefix="leeward-bench-trading-") as folder:
        asyncio.run(measure(Path(folder), symbols, steps))


async def measure(folder: Path, count: int, steps: int) -> None:
    """Tells the seconds of every step of a session on so many symbols."""
    strategy, limits = EmaCross(), RiskLimits()
    needed = rows_needed(strategy, limits.trend_gate).history
    names = [f"S{number:03d}USDT" for number in range(count)]
    market = generate_market(names, _MINUTE, _START_MS, needed + steps + 1, seed=5)
    time = _Time(_START_MS + needed * _MINUTE.length_ms)
    database = open_database(f"sqlite:///{folder / 'leeward.db'}")
    lease = take_lease(database, _ACCOUNT, "benchmark")
    session = _session(folder, database, lease.epoch, market, needed, time)
    await session.standing.boot()
    await session.desk.audit()
    await session.standing.recovered()
    session.decider.chief.warm()
    processor, begun = process_time(), perf_counter()
    for row in range(needed, needed + steps):
        time.now_ms = _START_MS + (row + 1) * _MINUTE.length_ms
        for name in names:
            session.offer(_candle(market[name], row))
            session.forming(_candle(market[name], row + 1))
        step = session.arrivals.due(perf_counter())
        assert step is not None
        await session.decide(step)
    lasted, used = perf_counter() - begun, process_time() - processor
    lease.release()
    database.close()
    tell(
        list(session.measures.latencies_s),
        orders=len(session.keeper.books.orders),
        processor_share=used / (steps * 60),
        whole_step_s=lasted / steps,
    )


def _session(
    folder: Path,
    database: Database,
    epoch: int,
    market: Mapping[str, Candles],
    needed: int,
    time: _Time,
) -> TradingSession:
    names = list(market)
    rules = {name: _rules(name) for name in names}
    clock = Clock(lambda: time.now_ms, perf_counter)
    told: list[str] = []
    # Nobody is asked in a benchmark of the steps alone.
    nobody = open_venue(Settings(), addresses_of("emulator", "http://127.0.0.1:9"))
    terms = PaperTerms(Money(Decimal(10_000), "USDT"), Decimal("0.001"), 0.0005)
    venue = PaperVenue(nobody, folder / "paper", terms, lambda: time.now_ms, told.append)
    venue._rules |= rules  # noqa: SLF001 - what it would learn of a market
    journal = Journal(folder / "journal")
    books = open_books(database, journal, _ACCOUNT, "USDT", epoch)
    keeper = Bookkeeper(books, database, journal, epoch, clock, 10.0)
    standing = Standing(keeper, clock, lambda: time.now_ms, lambda _: None)
    strategy, limits = EmaCross(), RiskLimits()
    instruments = tuple(each.instrument() for each in rules.values())
    setup = Setup(10_000.0, 0.001, 0.0005, instruments, limits)
    decider = Decider(strategy, setup, [market[name].rows(0, needed) for name in names], {})
    desk = Desk(
        venue, keeper, rules, TradingSettings(), clock, lambda: time.now_ms, lambda _: None,
        _MINUTE, standing.tighten,
    )  # fmt: skip
    who = Identity(_ACCOUNT, "benchmark", "ema_cross", "0", epoch)
    plan = Plan(who, _MINUTE, limits, Entering("auto", Decimal("0.005"), Decimal("0.001")))
    return TradingSession(
        plan, Deciders(decider), desk, keeper, standing, rules, venue, clock, lambda: time.now_ms,
        lambda _: None, paper=venue,
    )  # fmt: skip


def _candle(candles: Candles, row: int) -> Candle:
    o, high, low, close, volume = (
        float(getattr(candles, name)[row]) for name in ("open", "high", "low", "close", "volume")
    )
    time = int(candles.open_time[row])
    return Candle(candles.symbol, _MINUTE, time, o, high, low, close, volume, 0.0, 0, 0.0)


def _rules(symbol: str) -> SymbolRules:
    step = Decimal("0.00001")
    lot = Grid(step, Decimal(10**9), step)
    return SymbolRules(
        symbol, SymbolStatus.TRADING, symbol.removesuffix("USDT"), "USDT",
        frozenset(OrderType) - {OrderType.UNKNOWN},
        Features(oco=True, oto=True, opo=True, cancel_replace=True, amend=True, trailing=False,
                 market_by_quote=True),
        Grid(Decimal("0.00000001"), Decimal(10**9), Decimal("0.00000001")), lot, lot,
        NotionalRule(Decimal(5), None, least_for_market=True, most_for_market=False),
        None, None, OrderCaps(),
    )  # fmt: skip


if __name__ == "__main__":
    main()
