"""What is measured: each subject yields the rows of its part of the table."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from benchmarks.child import Measured, run_child, run_process
from benchmarks.table import (
    Row,
    show_memory,
    show_one,
    show_rate_target,
    show_ratio,
    show_target,
    show_time,
)

_HEAVY = ("pandas", "pyarrow", "polars", "keras", "onnxruntime", "nicegui")
_NS = 1e-9
_SIDES = ("server", "client")
#: Growth an hour up to which memory counts as flat.
_FLAT_MIB = 1.0


@dataclass(frozen=True, slots=True)
class Bench:
    """The prepared store, and how thoroughly to measure; targets are for the full size only."""

    folder: Path
    quick: bool

    @property
    def runs(self) -> int:
        return 3 if self.quick else 15

    @property
    def peer_runs(self) -> int:
        return 2 if self.quick else 7

    def target(self, seconds: float, most_s: float) -> str:
        return "" if self.quick else show_target(seconds, most_s)

    def leeward(self, work: str, limits: str) -> Measured:
        return run_child("leeward_work", work, self.folder, limits, self.runs)

    def peer(self, package: str, work: str, runs: int) -> Measured | None:
        """Returns what the peer took; None where it is not installed."""
        if find_spec(package) is None:
            return None
        return run_child(f"{package}_work", work, self.folder, runs)


def account_loop(bench: Bench) -> Iterator[Row]:
    """The account loop alone, for one symbol and for ten; then as much of it as peers have."""
    for work, words in (("loop", "1 symbol"), ("symbols_loop", "10 symbols")):
        found = bench.leeward(work, "contained")
        each = [s / _count(found, "candles") for s in _times(found, "loop")]
        yield Row(
            f"account loop, all containment on, {words}, a candle and symbol",
            "leeward",
            show_time(each),
            show_memory(found.peak_mib),
            bench.target(min(each), 15 * _NS),
        )
    own = bench.leeward("loop", "same_trades")
    trades = f"{_count(own, 'trades'):,} trades of the same signals"
    yield Row(f"account loop, {trades}", "leeward", show_time(_times(own, "loop")))
    yield _row("the same, its arrays laid out and its result collected", own)
    peer = bench.peer("vectorbt", "loop", bench.peer_runs)
    yield _peer_row("the same", "vectorbt from_signals (Rust)", own, peer, 20)


def million(bench: Bench) -> Iterator[Row]:
    """A million candles end to end in a warm process."""
    contained = bench.leeward("backtest", "contained")
    words = f"{_count(contained, 'candles'):,} candles end to end, warm, all containment on"
    yield _row(words, contained, bench.target(min(contained.seconds), 0.050))
    lookahead = _times(contained, "lookahead")
    yield Row(
        "look-ahead check of it",
        "leeward",
        show_time(lookahead),
        target=bench.target(min(lookahead), 0.100),
    )
    own = bench.leeward("backtest", "same_trades")
    yield _row(f"the same candles, {_count(own, 'trades'):,} trades", own)
    vectorbt = bench.peer("vectorbt", "backtest", bench.peer_runs)
    yield _peer_row("the same", "vectorbt (Rust)", own, vectorbt, 4)
    slow = bench.peer("backtesting", "backtest", 1 if bench.quick else 2)
    yield _peer_row("the same", "backtesting.py", own, slow)


def symbols(bench: Bench) -> Iterator[Row]:
    """Ten symbols in one account, end to end."""
    found = bench.leeward("symbols", "contained")
    each = _count(found, "candles") // 10
    words = f"10 symbols × {each:,} generated candles, one account, end to end, warm"
    yield _row(words, found, bench.target(min(found.seconds), 0.040))


def process(bench: Bench) -> Iterator[Row]:
    """A whole process on 17,500 candles, with bytecode and compiled code in place."""
    strategy = Path(__file__).with_name("strategy.py")
    arguments = ("backtest", str(strategy), "--symbols", "BTCUSDT", "--timeframe", "1h")
    command = (str(Path(sys.executable).with_name("leeward")), *arguments)
    data = {"LEEWARD_DATA__DIR": str(bench.folder)}
    own = _processes(command, bench.runs, **data)
    loaded = _heavy_modules(arguments, **data)
    words = "whole process, 17,500 candles, second run"
    yield _row(words, own, bench.target(min(own.seconds), 0.7))
    yield Row(f"of {', '.join(_HEAVY)} it imports", "leeward", ", ".join(loaded) or "none")
    for package, name in (("backtesting", "backtesting.py"), ("vectorbt", "vectorbt (Rust)")):
        child = (sys.executable, "-m", f"benchmarks.{package}_work", "process", bench.folder, 1)
        there = find_spec(package) is not None
        peer = _processes(tuple(map(str, child)), bench.peer_runs) if there else None
        yield _peer_row("the same", name, own, peer)


def help_page(bench: Bench) -> Iterator[Row]:
    """`leeward --help`."""
    command = (str(Path(sys.executable).with_name("leeward")), "--help")
    found = _processes(command, bench.runs)
    yield _row("`leeward --help`", found, bench.target(min(found.seconds), 0.2))


def emulator(bench: Bench) -> Iterator[Row]:
    """The emulator through real sockets: signed orders, streamed candles, memory over a replay."""
    runs, orders, minutes, hours = (3, 2_000, 10, 12) if bench.quick else (7, 8_000, 30, 144)
    eight = "our client on 8 connections"
    for work, words, least in (
        (("rest", runs, orders), f"signed market order over REST, {eight}", 1_000),
        (("api", runs, orders), f"signed market order over the WebSocket API, {eight}", 1_000),
        (("candles", runs, minutes, 200), "closed 1m candle of 200 symbols, streamed", 5_000),
    ):
        found = run_child("emulator_work", *work)
        target, ratio = show_rate_target(min(found.seconds), least)
        sides = [f"{side} {_float(found, f'{side}_s') * 1e6:.0f} µs" for side in _SIDES]
        pushed = _float(found, "pushed")
        messages = f"{pushed:.0f} messages each; " if pushed else ""
        yield Row(
            f"{words} ({messages}processor time: {', '.join(sides)})",
            "leeward",
            show_time(found.seconds),
            show_memory(_float(found, "server_mib")),
            target,
            ratio,
        )
    replay = run_child("emulator_work", "replay", hours)
    resident = _times(replay, "resident_mib")
    growth = slope(resident[len(resident) // 2 :])
    yield Row(
        f"memory over {hours} replayed hours of 2 symbols, growth an hour in their second half",
        "leeward",
        f"{growth:+.2f} MiB",
        show_memory(resident[-1]),
        f"≤ {_FLAT_MIB:g} MiB: {'met' if growth <= _FLAT_MIB else 'missed'}",
    )


def trading(bench: Bench) -> Iterator[Row]:
    """A paper session on SQLite: a step's last candle in, its intents committed."""
    for symbols, steps in ((1, 200), (200, 20)) if bench.quick else ((1, 1_000), (200, 100)):
        found = run_child("trading_work", "step", symbols, steps)
        times = sorted(found.seconds)
        p50, p99 = times[len(times) // 2], times[int(0.99 * len(times))]
        targets = (bench.target(p50, 0.005), bench.target(p99, 0.020))
        one = symbols == 1
        yield Row(
            f"live step, last candle to commit on SQLite, {symbols} symbol{'' if one else 's'} "
            f"(of a minute's processor time {_float(found, 'processor_share'):.2%})",
            "leeward",
            f"p50 {show_one(p50)}, p99 {show_one(p99)} ({len(times)})",
            show_memory(found.peak_mib),
            ", ".join(filter(None, targets)) if one else "",
        )


SUBJECTS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "loop": account_loop,
    "million": million,
    "symbols": symbols,
    "process": process,
    "help": help_page,
    "emulator": emulator,
    "trading": trading,
}


def _row(work: str, found: Measured, target: str = "") -> Row:
    return Row(work, "leeward", show_time(found.seconds), show_memory(found.peak_mib), target)


def _peer_row(
    work: str, name: str, own: Measured, peer: Measured | None, least: float | None = None
) -> Row:
    if peer is None:
        return Row(work, name, "not installed")
    # A process tells no trades; where both tell them, the reader sees how alike the work was.
    trades = f", {_count(peer, 'trades'):,} trades" if "trades" in peer.facts else ""
    return Row(
        work + trades,
        name,
        show_time(peer.seconds),
        show_memory(peer.peak_mib),
        ratio=show_ratio(min(peer.seconds), min(own.seconds), least),
    )


def _processes(command: tuple[str, ...], runs: int, **environment: str) -> Measured:
    """Returns the wall times of whole processes, after one that does not count."""
    finished = [run_process(command, **environment) for _ in range(runs + 1)][1:]
    seconds = tuple(process.seconds for process in finished)
    return Measured(seconds, max(process.peak_mib for process in finished), {})


def _heavy_modules(arguments: tuple[str, ...], **environment: str) -> list[str]:
    """Returns which of the heavy libraries such a run of `leeward` has imported in the end."""
    code = (
        "import sys\n"
        f"sys.argv = ['leeward', *{arguments!r}]\n"
        "from leeward.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as leaving:\n    assert not leaving.code\n"
        f"print(*(name for name in {_HEAVY!r} if name in sys.modules))\n"
    )
    return run_process((sys.executable, "-c", code), **environment).out.splitlines()[-1].split()


def _count(found: Measured, name: str) -> int:
    return int(str(found.facts[name]))


def _float(found: Measured, name: str) -> float:
    return float(str(found.facts[name]))


def slope(values: Sequence[float]) -> float:
    """Returns by how much the values rise from one to the next: the line of least squares."""
    middle = (len(values) - 1) / 2
    spread = sum((at - middle) ** 2 for at in range(len(values)))
    return sum((at - middle) * value for at, value in enumerate(values)) / spread


def _times(found: Measured, name: str) -> list[float]:
    times = found.facts[name]
    assert isinstance(times, list)
    return times
