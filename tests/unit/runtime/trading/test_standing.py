"""The trading state while a session runs: demands, causes, boots, operators."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.harness.store import MemoryStore

from leeward.database.commands import Command
from leeward.domain.errors import Refused
from leeward.engine.books import Books
from leeward.engine.records import (
    CommandDone,
    EquityMarked,
    Noted,
    Severity,
    StateMoved,
    TradingState,
)
from leeward.runtime.trading.bookkeeper import Bookkeeper, inline
from leeward.runtime.trading.commands import Commands
from leeward.runtime.trading.journal import Journal
from leeward.runtime.trading.standing import Standing
from leeward.runtime.trading.watchdogs import Watchdogs
from leeward.venues.timing import Clock

ACCOUNT = "paper:binance:main"
ACTIVE, REDUCING, HALTED = TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED


@dataclass
class Bench:
    """A standing on books in memory, with hands on clock, store and market."""

    folder: Path
    now_s: float = 1_000.0
    date_ms: int = 1_700_000_000_000
    behind_s: float = 0.0
    blocked_s: float = 0.0
    uncompared_s: float = 0.0
    free_bytes: int = 1 << 40
    resyncs: int = 0
    noted: list[Noted] = field(default_factory=list)
    store: MemoryStore = field(default_factory=MemoryStore)

    def __post_init__(self) -> None:
        self.boot()

    def boot(self) -> None:
        """Begins a new process on what the store kept."""
        epoch = self.store.take_epoch()
        books = Books(ACCOUNT, "USDT")
        for record in self.store.load(ACCOUNT):
            books.apply(record)
        clock = Clock(lambda: self.date_ms, lambda: self.now_s, self.sleep)
        journal = Journal(self.folder / "account.journal")
        self.keeper = Bookkeeper(books, self.store, journal, epoch, clock, aside=inline)
        self.standing = Standing(self.keeper, clock, self.server_now_ms, self.noted.append)
        self.watchdogs = Watchdogs(
            self.standing,
            self.keeper,
            clock,
            self.server_now_ms,
            lambda: self.behind_s,
            lambda: self.blocked_s,
            lambda: self.uncompared_s,
            self.resync,
            lambda: self.free_bytes,
            60,
        )
        run(self.standing.boot())

    def server_now_ms(self) -> int:
        return int(self.now_s * 1000)

    async def sleep(self, seconds: float) -> None:
        self.pass_time(seconds)

    def pass_time(self, seconds: float) -> None:
        self.now_s += seconds
        self.date_ms += int(seconds * 1000)

    def resync(self) -> None:
        self.resyncs += 1

    def look(self, after_s: float = 1.0) -> TradingState:
        self.pass_time(after_s)
        run(self.watchdogs.look())
        return self.standing.state

    def moves(self) -> list[tuple[TradingState, str]]:
        return [(r.state, r.actor) for r in self.store.kept if isinstance(r, StateMoved)]


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def active(bench: Bench) -> Bench:
    run(bench.standing.recovered())
    return bench


def test_every_boot_recovers_first_and_goes_on_as_before(bench: Bench) -> None:
    assert bench.standing.state is TradingState.RECOVERING
    run(bench.standing.recovered())
    assert bench.standing.state is ACTIVE
    run(bench.standing.halt("enough", "operator"))
    bench.boot()
    assert bench.standing.state is TradingState.RECOVERING
    run(bench.standing.recovered())
    assert bench.standing.state is HALTED


def test_a_halt_survives_kills_in_the_middle_of_recovery(active: Bench) -> None:
    run(active.standing.halt("enough", "operator"))
    for _ in range(3):
        active.boot()
    run(active.standing.recovered())
    moved = active.keeper.books.state
    assert moved is not None
    assert (moved.state, moved.reason) == (HALTED, "enough")


def test_a_halt_during_recovery_is_not_undone_by_the_end_of_it(bench: Bench) -> None:
    async def both() -> None:
        await asyncio.gather(bench.standing.halt("now", "operator"), bench.standing.recovered())

    run(both())
    assert bench.standing.state is HALTED


def test_a_demand_counts_at_once_and_is_written_down_at_the_next_look(active: Bench) -> None:
    active.standing.demand(REDUCING, "lag", "it stood still", until_ms=10**15)
    assert active.standing.state is REDUCING
    assert active.moves()[-1][0] is ACTIVE
    active.look()
    assert active.moves()[-1] == (REDUCING, "watch")


def test_a_halt_is_not_lost_behind_a_milder_demand_for_the_same_cause(active: Bench) -> None:
    active.standing.demand(REDUCING, "books_differ", "USDT: the venue holds 12")
    active.standing.demand(HALTED, "books_differ", "another instance trades the account")
    assert active.standing.state is HALTED
    assert active.look() is HALTED
    assert active.moves()[-1] == (HALTED, "watch")


def test_reducing_ends_when_its_last_cause_is_gone(active: Bench) -> None:
    active.behind_s = active.blocked_s = 100.0
    assert active.look() is REDUCING
    assert active.standing.causes.words() == "exchange_ban, stale_candles"
    active.behind_s = 0.0
    assert active.look() is REDUCING
    active.blocked_s = 0.0
    assert active.look() is ACTIVE
    assert active.moves()[-1] == (ACTIVE, "watch")


def test_nothing_is_bought_while_books_and_exchange_are_not_compared(active: Bench) -> None:
    active.uncompared_s = 179.0
    assert active.look() is ACTIVE
    active.uncompared_s = 181.0
    assert active.look() is REDUCING
    assert active.standing.causes.words() == "not_compared"
    active.uncompared_s = -60.0
    assert active.look() is ACTIVE


def test_reducing_does_not_outlive_a_restart_without_its_cause(active: Bench) -> None:
    active.behind_s = 100.0
    active.look()
    active.boot()
    run(active.standing.recovered())
    assert active.standing.state is REDUCING
    active.behind_s = 0.0
    assert active.look() is ACTIVE


def test_what_recovery_found_is_the_reason_of_the_state_it_ends_in(active: Bench) -> None:
    run(active.standing.halt("lunch", "operator"))
    run(active.standing.resume("back again", "operator"))
    active.boot()
    run(active.standing.tighten(REDUCING, "books_differ: USDT: the venue holds 12"))
    run(active.standing.recovered())
    moved = active.keeper.books.state
    assert moved is not None
    assert (moved.state, moved.reason) == (REDUCING, "books_differ: USDT: the venue holds 12")


def test_a_stalled_loop_pauses_entries_for_a_minute(active: Bench) -> None:
    active.look()
    assert active.look(after_s=5.0) is REDUCING
    assert active.look(after_s=1.0) is REDUCING
    for _ in range(60):
        active.look()
    assert active.standing.state is ACTIVE


def test_a_step_of_the_date_asks_for_the_exchanges_time_and_pauses(active: Bench) -> None:
    active.look()
    active.date_ms -= 3_600_000
    assert active.look() is REDUCING
    assert active.resyncs == 1
    assert "clock_step" in active.standing.causes


def test_little_disk_pauses_until_there_is_well_enough(active: Bench) -> None:
    active.free_bytes = 50 << 20
    assert active.look(6.0) is REDUCING
    active.free_bytes = 150 << 20
    for _ in range(10):
        active.look()
    assert active.standing.state is REDUCING
    active.free_bytes = 300 << 20
    active.look()
    for _ in range(70):  # the jump of six seconds counted as a stall
        active.look()
    assert active.standing.state is ACTIVE


def test_while_the_database_is_down_the_state_goes_to_the_journal_and_returns(
    active: Bench,
) -> None:
    active.store.down = True
    active.standing.demand(REDUCING, "database", "it does not answer")
    assert active.look() is REDUCING
    assert active.keeper.behind > 0
    active.store.down = False
    for _ in range(3):
        active.look()
    assert active.standing.state is ACTIVE
    assert active.keeper.is_durable
    assert active.moves()[-1] == (ACTIVE, "watch")


def test_a_halt_is_reminded_of_every_quarter_of_an_hour(active: Bench) -> None:
    active.standing.demand(HALTED, "task_died", "the task 'steps' died")
    active.look()
    assert [each.severity for each in active.noted] == [Severity.CRITICAL]
    for _ in range(950):
        active.look()
    assert [each.kind for each in active.noted] == ["task_died", "still"]


def test_an_operator_may_not_resume_while_a_cause_lasts(active: Bench) -> None:
    active.behind_s = 100.0
    active.look()
    run(active.standing.halt("look into it", "operator"))
    with pytest.raises(Refused, match="stale_candles; try again"):
        run(active.standing.resume("go on", "operator"))
    active.behind_s = 0.0
    active.look()
    run(active.standing.resume("go on", "operator"))
    assert active.standing.state is ACTIVE


def test_causes_come_with_an_end_or_with_something_that_clears_them(active: Bench) -> None:
    run(active.standing.tighten(REDUCING, "adjustment: a difference that nothing explains"))
    assert active.standing.state is REDUCING
    active.pass_time(3_601)
    active.look()
    for _ in range(70):
        active.look()
    assert active.standing.state is ACTIVE


def test_commands_of_a_kind_that_is_not_known_are_refused_and_done(active: Bench) -> None:
    assert (
        send(active, "dance")
        == "refused: dance is no command; there are halt, resume, flatten, swap"
    )


def test_after_a_halt_by_drawdown_a_resume_counts_from_the_present_equity(active: Bench) -> None:
    marked = EquityMarked(
        "s", 1_000, Decimal(7_900), Decimal(7_900), Decimal(0), Decimal(10_000), Decimal(8_000),
        10**15, daily_loss=False, halted=True, at_ms=1,
    )  # fmt: skip
    run(active.keeper.commit(marked))
    active.standing.demand(HALTED, "max_drawdown", "20 % below the highest equity")
    active.look()
    send(active, "resume")
    after = active.keeper.books.marked
    assert active.standing.state is ACTIVE
    assert after is not None
    assert (after.peak, after.halted, after.day_base) == (Decimal(7_850), False, Decimal(8_000))


def test_nobody_resumes_what_is_not_reconciled(active: Bench) -> None:
    send(active, "halt")
    assert "do not agree" in send(active, "resume", reconciled=False)
    assert active.standing.state is HALTED


def test_a_resume_that_was_asked_for_before_the_start_waits_until_it_has_recovered(
    active: Bench,
) -> None:
    send(active, "halt")
    active.boot()
    assert send(active, "resume", reconciled=False) == "halted"
    run(active.standing.recovered())
    assert active.standing.state is HALTED
    assert send(active, "resume") == "active"
    assert active.standing.state is ACTIVE


def test_a_resume_of_before_the_start_waits_too_for_what_passes_by_itself(active: Bench) -> None:
    commands = resume_of_before_the_start(active)
    active.behind_s = 100.0
    active.look()
    run(commands.look())
    assert outcomes(active) == ["halted"]
    active.behind_s = 0.0
    active.look()
    run(commands.look())
    assert active.standing.state is ACTIVE


def test_a_resume_of_before_the_start_is_refused_where_its_hindrance_stays(active: Bench) -> None:
    commands = resume_of_before_the_start(active)
    active.behind_s = 100.0
    for _ in range(10):
        active.look()
        active.pass_time(60)
    run(commands.look())
    assert outcomes(active)[-1].startswith("refused: ")
    assert "stale_candles" in outcomes(active)[-1]


def test_a_halt_calls_off_a_resume_that_waits(active: Bench) -> None:
    send(active, "halt")
    active.boot()
    assert send(active, "resume", "halt", reconciled=False) == "halted"
    assert "do not agree" in outcomes(active)[-2]
    run(active.standing.recovered())
    assert active.standing.state is HALTED


@pytest.mark.parametrize("drawdown", [True, False])
def test_a_resume_of_before_the_start_lifts_no_halt_that_came_after_it(
    active: Bench, drawdown: bool
) -> None:
    commands = resume_of_before_the_start(active)
    if drawdown:
        run(active.keeper.commit(StateMoved(HALTED, "max_drawdown: equity", "watch", 1)))
    else:
        active.standing.demand(HALTED, "key_refused", "the exchange does not take the key")
        active.look()
    run(commands.look())
    assert active.standing.state is HALTED
    assert outcomes(active)[-1].startswith("refused: halted after it was asked for: ")


def test_a_command_whose_end_waits_in_the_journal_is_not_carried_out_again(active: Bench) -> None:
    run(active.standing.halt("lunch", "operator"))
    commands = asked(active, "resume")
    active.store.down = True  # takes no commit; what is pending can still be read
    run(commands.look())
    assert active.standing.state is ACTIVE
    run(active.standing.tighten(HALTED, "task_died: the task 'desk' died"))
    for _ in range(3):
        run(commands.look())
    assert active.standing.state is HALTED
    written = [record for batch in active.keeper.journal.batches() for record in batch]
    assert [each.outcome for each in written if isinstance(each, CommandDone)] == ["active"]


def test_a_command_and_its_effect_are_one_commit(active: Bench) -> None:
    send(active, "halt")
    moved, done = active.store.kept[-2:]
    assert isinstance(moved, StateMoved)
    assert isinstance(done, CommandDone)
    assert moved.actor == "command:7"


def resume_of_before_the_start(bench: Bench) -> Commands:
    """Returns the one that found a resume after a halt and a start; the account has recovered."""
    send(bench, "halt")
    bench.boot()
    commands = asked(bench, "resume")
    run(commands.look())
    run(bench.standing.recovered())
    return commands


def outcomes(bench: Bench) -> list[str]:
    return [each.outcome for each in bench.store.kept if isinstance(each, CommandDone)]


def send(bench: Bench, *kinds: str, reconciled: bool = True) -> str:
    """Has commands carried out; returns the outcome of the last that was."""
    run(asked(bench, *kinds, reconciled=reconciled).look())
    return outcomes(bench)[-1]


def asked(bench: Bench, *kinds: str, reconciled: bool = True) -> Commands:
    """Returns the one that carries commands out, and always finds these."""

    async def pending() -> list[Command]:
        return [
            Command(7 + place, ACCOUNT, kind, "", "me", 0, None, None)
            for place, kind in enumerate(kinds)
        ]

    async def swap(_: Command) -> None:
        raise AssertionError("nobody asked for a swap")

    return Commands(
        pending,
        bench.keeper,
        bench.standing,
        bench.keeper.clock,
        bench.server_now_ms,
        lambda _: None,
        lambda: Decimal(7_850),
        lambda: reconciled,
        swap,
    )
