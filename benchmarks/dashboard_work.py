"""A paper session at the pace of a market, beside a dashboard that is looked at.

`python -m benchmarks.dashboard_work FOLDER SYMBOLS STEPS PERIOD` takes a step every PERIOD seconds
and prints how many seconds each took from its last candle to its commit.
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path

from benchmarks.trading_work import _ACCOUNT, _MINUTE, _START_MS, _candle, _session, _Time
from leeward.data.generated import generate_market
from leeward.database.engine import open_database
from leeward.database.lease import take_lease
from leeward.engine.records import Mode, SessionStarted
from leeward.risk.limits import RiskLimits
from leeward.runtime.trading.deciding import rows_needed
from leeward.strategies.ema_cross import EmaCross

_BEAT_S = 2.0


async def trade(folder: Path, count: int, steps: int, period_s: float) -> None:
    """Prints a line a step: wall time, seconds to the commit."""
    strategy, limits = EmaCross(), RiskLimits()
    needed = rows_needed(strategy, limits.trend_gate).history
    names = [f"S{number:03d}USDT" for number in range(count)]
    market = generate_market(names, _MINUTE, _START_MS, needed + steps + 1, seed=5)
    now = _Time(_START_MS + needed * _MINUTE.length_ms)
    database = open_database(f"sqlite:///{folder / 'leeward.db'}")
    lease = take_lease(database, _ACCOUNT, "benchmark")
    session = _session(folder, database, lease.epoch, market, needed, now)
    facts = {"risk": asdict(limits), "quote": "USDT", "params": {}}
    started = SessionStarted(
        "benchmark", _ACCOUNT, Mode.PAPER, "benchmark", "ema_cross", "0", "1m", tuple(names),
        facts, lease.epoch, now.now_ms,
    )  # fmt: skip
    await session.begin(started)
    await session.desk.audit()
    await session.standing.recovered()
    session.decider.chief.warm()

    async def beat() -> None:
        while True:
            said = {**session.facts(), "computer_ms": time.time_ns() // 1_000_000}
            await session.keeper.aside(
                partial(database.beat, _ACCOUNT, lease.epoch, now.now_ms, said)
            )
            await asyncio.sleep(_BEAT_S)

    beating = asyncio.create_task(beat())
    due_s = time.monotonic()
    for row in range(needed, needed + steps):
        due_s += period_s
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        now.now_ms = _START_MS + (row + 1) * _MINUTE.length_ms
        for name in names:
            session.offer(_candle(market[name], row))
            session.forming(_candle(market[name], row + 1))
        step = session.arrivals.due(time.perf_counter())
        assert step is not None
        await session.decide(step)
        print(f"{time.time():.3f} {session.measures.latencies_s[-1]:.6f}", flush=True)
    beating.cancel()
    lease.release()
    database.close()


if __name__ == "__main__":
    where, symbols, steps, period = sys.argv[1:]
    asyncio.run(trade(Path(where), int(symbols), int(steps), float(period)))
