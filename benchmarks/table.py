"""The table: one row a measurement, as Markdown that can be pasted."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_HEADER = ("work", "engine", "best time (spread, runs)", "peak memory", "target", "ratio")
_PACKAGES = ("leeward", "numpy", "numba", "vectorbt", "vectorbt-rust", "backtesting")


@dataclass(frozen=True, slots=True)
class Row:
    """`ratio` says how many times Leeward's time this took, or how many times the target's rate was
    reached; `target` is empty where none is set."""

    work: str
    engine: str
    time: str
    memory: str = ""
    target: str = ""
    ratio: str = ""


def show_time(seconds: Sequence[float]) -> str:
    """Returns the least of the times, the spread up to the greatest, and how many there are."""
    least, most = min(seconds), max(seconds)
    return f"{_span(least)} (+{100 * (most / least - 1):.0f} %, {len(seconds)})"


def show_one(seconds: float) -> str:
    """Returns one time."""
    return _span(seconds)


def show_memory(mib: float) -> str:
    return f"{mib:,.0f} MiB"


def show_target(seconds: float, most_s: float) -> str:
    """Returns the target and whether it is met."""
    return f"≤ {_span(most_s)}: {'met' if seconds <= most_s else 'missed'}"


def show_ratio(peer_s: float, own_s: float, least: float | None = None) -> str:
    """Returns how many times our own time the peer takes, and the target where there is one."""
    ratio = f"{peer_s / own_s:.1f} ×"
    if least is None:
        return ratio
    return f"{ratio} (target {least:.0f} ×: {'met' if peer_s >= least * own_s else 'missed'})"


def show_rate_target(seconds: float, least_a_s: float) -> tuple[str, str]:
    """Returns the target of a rate with what was reached, and the ratio of the two."""
    rate = 1 / seconds
    verdict = "met" if rate >= least_a_s else "missed"
    return f"≥ {least_a_s:,.0f}/s: {rate:,.0f}/s, {verdict}", f"{rate / least_a_s:.2f} × the target"


def _span(seconds: float) -> str:
    units = ((1, "s"), (1e3, "ms"), (1e6, "µs"), (1e9, "ns"))
    factor, unit = next((u for u in units if seconds * u[0] >= 1), units[-1])
    return f"{seconds * factor:.3g} {unit}"


def print_rows(rows: Iterable[Row]) -> None:
    """Prints the table, each row as soon as it is there."""
    print(f"| {' | '.join(_HEADER)} |")
    print(f"|{'---|' * len(_HEADER)}")
    for row in rows:
        cells = (row.work, row.engine, row.time, row.memory, row.target, row.ratio)
        print(f"| {' | '.join(cells)} |", flush=True)


def describe_machine() -> str:
    """Returns the machine and the versions behind the figures, in one sentence."""
    versions = [f"{name} {found}" for name in _PACKAGES if (found := _version(name))]
    return (
        f"{_cpu()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}; {', '.join(versions)}."
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    return next((v.strip() for k, v in facts.items() if k.strip() == "model name"), "unknown")
