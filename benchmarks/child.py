"""Every figure comes from a process of its own: how one is started, timed and weighed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Finished:
    """A process that ended well: its wall time, its peak resident memory, and what it printed."""

    seconds: float
    peak_mib: float
    out: str


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of every timed run of one piece of work; other facts the child told."""

    seconds: tuple[float, ...]
    peak_mib: float
    facts: dict[str, object]


def run_process(command: Sequence[str], **environment: str) -> Finished:
    """Runs a command to its end; a failure ends the benchmarks with its words.

    Bytecode may be written, whatever the caller's environment says: second runs are what counts.
    The peak is that of the child alone only because this process stays small itself.
    """
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    begun = perf_counter()
    process = subprocess.Popen(
        command,
        cwd=_ROOT,
        env=kept | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    out = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    seconds = perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.stdout:
        process.stdout.close()
    if process.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{out}")
    return Finished(seconds, usage.ru_maxrss / 1024, out)


def run_child(module: str, *arguments: object) -> Measured:
    """Runs `python -m benchmarks.MODULE ARGUMENTS`, which ends with `tell`."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]
    finished = run_process(command)
    facts = json.loads(finished.out.splitlines()[-1])
    return Measured(tuple(facts.pop("seconds", ())), finished.peak_mib, facts)


def repeat(work: Callable[[], object], runs: int, warm: int = 2) -> list[float]:
    """Returns the seconds of `runs` runs, after `warm` that do not count."""
    seconds = []
    for _ in range(warm + runs):
        begun = perf_counter()
        work()
        seconds.append(perf_counter() - begun)
    return seconds[warm:]


def tell(seconds: Sequence[float], **facts: object) -> None:
    """Prints what the parent reads."""
    print(json.dumps({"seconds": list(seconds), **facts}))
