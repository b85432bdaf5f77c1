"""One run of the crash campaign: a seeded account that is killed a few times, and the verdict.

    python -m tests.harness.campaign --runs 100000 --workers 2 --state campaign.json

runs so many and goes on where the state file says it stopped; exit code 1 where any failed.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from random import Random

from leeward.engine.books import books_of
from leeward.engine.readings import SPACED_MS
from leeward.engine.records import PositionClosed, Record, SessionEnded, SessionStarted
from tests.harness.crashing import Fate, drawn_fate, run_process
from tests.harness.disk import Disk
from tests.harness.emulated_venue import CALM, SOAK, STORM, Mix, Outside
from tests.harness.markets import restless_exchange
from tests.harness.oracle import Watch, differences, last_command
from tests.harness.points import POINTS
from tests.harness.store import Kept, MemoryStore
from tests.harness.strangers import Depositor, Strangers
from tests.harness.swaps import Swaps, one_at_a_time
from tests.harness.trader import ACCOUNT, Trader
from tests.harness.virtual_loop import VirtualLoop, run_virtual

#: Virtual seconds from the first fill, the boot or the last fault to a stop that rests.
DEADLINE_S = 10.0
_LOOK_S = 0.5
PAGESIZE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Plan:
    """What a run is put through. All of it follows from the seed."""

    seed: int
    minutes: int
    symbols: tuple[str, ...] = ("TSTUSDT",)
    mix: Mix = CALM
    kills: int = 0
    with_lists: bool = True
    database_fails: bool = False
    #: Whether others act on the account and the market meanwhile.
    strangers: bool = False
    #: Whether the strategy is exchanged now and then.
    swaps: bool = False
    #: Whether others bring coins beside ours.
    coins: bool = False
    #: Where half of the kills are drawn from; the others strike anywhere.
    points: tuple[str, ...] = POINTS
    #: How often the user stream is cut, and our clock stepped; 0 for never.
    cut_every_s: float = 0.0
    step_every_s: float = 0.0


@dataclass(frozen=True)
class Sample:
    """What a process holds at a moment: none of it may grow with time."""

    tasks: int
    timers: int
    handles: int
    live_orders: int
    journal: int
    #: Memory of this process, with the exchange and all records in it: it grows with the history.
    resident_mb: float


@dataclass
class Verdict:
    """What came of a run: `wrong` is empty where the books and the exchange agree."""

    plan: Plan
    wrong: list[str]
    hash: str
    passed: Counter[str] = field(default_factory=Counter)
    killed: list[str] = field(default_factory=list)
    struck: Counter[str] = field(default_factory=Counter)
    trades: int = 0
    decided: int = 0
    naked_s: float = 0.0
    held_s: float = 0.0
    longest_s: float = 0.0
    undisturbed_s: list[float] = field(default_factory=list)
    disturbed_s: list[float] = field(default_factory=list)
    virtual_s: float = 0.0
    samples: list[Sample] = field(default_factory=list)
    alarms: Counter[str] = field(default_factory=Counter)
    strangers: list[str] = field(default_factory=list)
    swaps: int = 0


def plan_of(seed: int) -> Plan:
    chance = Random(f"{seed}/plan")  # noqa: S311 - a seeded rehearsal
    mix = chance.choice((CALM, SOAK, SOAK, STORM.times(chance.random())))
    symbols = ("TSTUSDT", "OTHUSDT") if chance.random() < 0.2 else ("TSTUSDT",)
    return Plan(
        seed,
        chance.randint(6, 14),
        symbols,
        mix,
        kills=chance.choice((1, 1, 2, 3)),
        with_lists=chance.random() < 0.5,
        database_fails=chance.random() < 0.2,
        strangers=chance.random() < 0.25,
        swaps=chance.random() < 0.25,
        coins=chance.random() < 0.5,
    )


MakeStore = Callable[[Path], Kept]


def memory(_: Path) -> Kept:
    return MemoryStore()


def run(plan: Plan, folder: Path, make_store: MakeStore = memory) -> Verdict:
    """Returns what came of one run; the files of its processes lie in `folder`."""
    for left in folder.iterdir():
        left.unlink()
    with Disk() as disk:
        return run_virtual(lambda loop: _Run(loop, plan, folder, make_store(folder), disk).go())


@dataclass
class _Run:
    loop: VirtualLoop
    plan: Plan
    folder: Path
    kept: Kept
    disk: Disk
    chance: Random = field(init=False)
    outside: Outside = field(init=False)
    watch: Watch = field(init=False)
    verdict: Verdict = field(init=False)

    def __post_init__(self) -> None:
        plan = self.plan
        self.chance = Random(f"{plan.seed}/run")  # noqa: S311 - a seeded rehearsal
        exchange = restless_exchange(plan.seed, plan.minutes + 1, plan.symbols)
        faults = Random(f"{plan.seed}/faults")  # noqa: S311 - a seeded rehearsal
        self.outside = Outside(exchange, self.loop, faults, plan.mix)
        self.watch = Watch(self.outside, plan.symbols, DEADLINE_S)
        self.verdict = Verdict(plan, [], "")

    async def go(self) -> Verdict:
        plan = self.plan
        ends_s = (plan.minutes - 1) * 60.0
        trader = Trader(
            plan.seed, self.outside, self.kept, self.folder, plan.symbols, ends_s, plan.with_lists
        )
        if plan.swaps:
            trader.swaps = Swaps(plan.seed, ACCOUNT, plan.symbols)
        world = [
            asyncio.ensure_future(each)
            for each in (
                self.outside.live(),
                self._look(),
                self._troubles(ends_s),
                self._cuts(ends_s),
                self._clock_steps(ends_s),
                self._samples(trader),
                self._strangers(ends_s),
                self._depositor(trader, ends_s),
            )
        ]
        for number in range(plan.kills + 1):
            fate = drawn_fate(self.chance, plan.points) if number < plan.kills else Fate()
            if await self._life(trader, fate):
                break
        for each in world:
            each.cancel()
        return self._judged(trader)

    async def _life(self, trader: Trader, fate: Fate) -> bool:
        """Returns whether the process lived to the end; what is lost in its death is lost."""
        self.watch.up()
        lived = await run_process(trader.process, fate)
        self.outside.listen(None)
        self.watch.down()
        self.verdict.passed += fate.passed
        if lived:
            return True
        self.verdict.killed.append(fate.at or "")
        if self.chance.random() < 0.3:
            self.kept.lose_power()
            self.disk.lose_power(self.chance)
        await asyncio.sleep(self.chance.uniform(0.2, 20))
        return False

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            self.watch.look(_LOOK_S)

    async def _troubles(self, ends_s: float) -> None:
        """Lets the database fail for a while, and everything be well in the end."""
        if self.plan.database_fails:
            await asyncio.sleep(self.chance.uniform(0, ends_s * 0.8))
            self.kept.down = True
            await asyncio.sleep(self.chance.uniform(1, 90))
            self.kept.down = False
        await asyncio.sleep(max(0.0, ends_s - self.loop.time()))
        self.outside.mix = CALM

    async def _cuts(self, ends_s: float) -> None:
        """Cuts the user stream now and then; what happens meanwhile is not told."""
        every_s = self.plan.cut_every_s
        while every_s and self.loop.time() + every_s < ends_s:
            await asyncio.sleep(every_s)
            await self.outside.cut(self.chance.uniform(0.2, 10))

    async def _clock_steps(self, ends_s: float) -> None:
        every_s = self.plan.step_every_s
        while every_s and self.loop.time() + every_s < ends_s:
            await asyncio.sleep(every_s)
            self.outside.step_ms = self.chance.randint(-5_000, 5_000)

    async def _strangers(self, ends_s: float) -> None:
        if self.plan.strangers:
            chance = Random(f"{self.plan.seed}/strangers")  # noqa: S311 - a seeded rehearsal
            did = self.verdict.strangers
            await Strangers(self.outside, chance, self.plan.symbols, ends_s, did).live()

    async def _depositor(self, trader: Trader, ends_s: float) -> None:
        """Lets coins of others come, where the books know what is there without them."""
        plan = self.plan

        def may_know(symbol: str) -> bool:
            books = None if trader.keeper is None else trader.keeper.books
            account = self.outside.exchange._floor.accounts["main"]
            held = account.balance(symbol.removesuffix("USDT"))
            there = Decimal(held.free + held.locked) / 10**8
            base = symbol.removesuffix("USDT")
            if books is None or trader.desk is None:
                return False
            doubt = trader.desk._doubts.get(f"balance/{base}")
            was_gone = doubt is not None and doubt.last_ms - doubt.since_ms >= SPACED_MS
            # A process that dies, or is not answered, forgets what it saw once or twice.
            was_gone &= len(self.verdict.killed) == plan.kills and plan.mix == CALM
            return books.balance(base) == there or (not there and was_gone)

        if plan.strangers and plan.coins:
            chance = Random(f"{plan.seed}/coins")  # noqa: S311 - a seeded rehearsal
            did = self.verdict.strangers
            bringing = Depositor(self.outside, chance, plan.symbols, ends_s, did, may_know)
            await bringing.live()

    async def _samples(self, trader: Trader) -> None:
        while True:
            await asyncio.sleep(600)
            books = None if trader.keeper is None else trader.keeper.books
            sample = Sample(
                len(asyncio.all_tasks()),
                self.loop.timers,
                len(list(Path("/proc/self/fd").iterdir())),
                0 if books is None else len(books.live_orders()),
                0 if trader.keeper is None else trader.keeper.behind,
                int(Path("/proc/self/statm").read_text().split()[1]) * PAGESIZE / 2**20,
            )
            self.verdict.samples.append(sample)

    def _needless(self, records: Sequence[Record]) -> list[str]:
        """Returns the positions that were sold for want of a stop though the exchange served us:
        in a calm run a crash alone is no reason."""
        plan = self.plan
        if plan.mix != CALM or plan.strangers or plan.database_fails:
            return []
        return [
            f"{each.trade.symbol}: sold for want of a stop in a calm market"
            for each in records
            if isinstance(each, PositionClosed) and each.trade.exit_reason == "containment"
        ]

    def _strategies(self, trader: Trader) -> list[str]:
        """Returns what is wrong with who decided: one strategy at any time, after every start the
        one that was swapped in last."""
        if trader.swaps is None:
            return []
        history = self.kept.history(ACCOUNT)
        sessions = [each for each in history if isinstance(each, SessionStarted)]
        self.verdict.swaps = sum(isinstance(each, SessionEnded) for each in history)
        wrong = one_at_a_time(history)
        present = trader.swaps.present
        if sessions and present is not None and present.strategy != sessions[-1].strategy:
            wrong.append(f"{present.strategy} trades, and {sessions[-1].strategy} is written down")
        return wrong

    def _foreign(self, records: Sequence[Record]) -> list[str]:
        """Returns the coins of others that the books count as ours."""
        ledger = books_of(records, ACCOUNT, "USDT").ledger
        over = {
            each: ledger.ours(each) - self.watch.ours(each) / Decimal(10**8)
            for each in self.plan.symbols
        }
        return [f"{each}: {more} of others in our books" for each, more in over.items() if more > 0]

    def _judged(self, trader: Trader) -> Verdict:
        verdict = self.verdict
        self.kept.down = False  # a fault of the database may outlast a quiet end
        records = self.kept.load(ACCOUNT)
        verdict.wrong = differences(self.outside.exchange, records, ACCOUNT)
        verdict.wrong += self.watch.beyond
        verdict.wrong += self._foreign(records)
        last = last_command(self.kept.history(ACCOUNT))
        if trader.commanded is not None and last not in {trader.commanded, trader.given}:
            verdict.wrong.append(f"commanded {trader.commanded}, kept {last}")
        verdict.wrong += self._needless(records)
        verdict.wrong += self._strategies(trader)
        verdict.wrong += [f"unhandled: {each!r}" for each in self.loop.failures]
        digest = sha256(self.outside.exchange.log_hash.encode())
        for record in records:
            digest.update(repr(record).encode())
        verdict.hash = digest.hexdigest()
        verdict.struck = Counter(self.outside.struck)
        trades = self.outside.exchange._floor.accounts["main"].trades
        verdict.trades = sum(map(len, trades.values()))
        verdict.decided = trader.decided
        verdict.alarms = Counter(each.partition(" ")[0] for each in trader.alarms)
        verdict.naked_s, verdict.held_s = self.watch.naked_s, self.watch.held_s
        verdict.longest_s, verdict.virtual_s = self.watch.longest_s, self.loop.time()
        verdict.undisturbed_s = self.watch.undisturbed_s
        verdict.disturbed_s = self.watch.disturbed_s
        return verdict


def run_loudly(plan: Plan, folder: Path, make_store: MakeStore = memory) -> Verdict:
    """Returns the verdict of a run also where it ended with an error: that is what is wrong."""
    try:
        return run(plan, folder, make_store)
    except Exception as error:  # noqa: BLE001 - whatever ended it, the campaign goes on
        return Verdict(plan, [f"ended with {error!r}"], "")


def scaled(least: int) -> int:
    """Returns how many runs are asked for: LEEWARD_CAMPAIGN, or `least`."""
    return int(os.environ.get("LEEWARD_CAMPAIGN", least))


def story(failures: Sequence[Verdict]) -> str:
    """Returns what a reader needs to see a failure again."""
    lines = [
        f"seed {each.plan.seed}: {'; '.join(each.wrong[:4])} (killed at {each.killed})"
        for each in failures[:10]
    ]
    return "\n".join([f"{len(failures)} runs failed", *lines])


if __name__ == "__main__":
    from tests.harness.long_campaign import main

    main()
