"""What many runs of the campaign come to: who failed, and the figures a reader judges them by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, factorial

from tests.harness.campaign import Verdict


@dataclass
class Figures:
    """Sums over runs; all of it can be written as JSON."""

    runs: int = 0
    failures: dict[str, list[str]] = field(default_factory=dict)
    killed: dict[str, int] = field(default_factory=dict)
    passed: dict[str, int] = field(default_factory=dict)
    trades: int = 0
    decided: int = 0
    virtual_s: float = 0.0
    held_s: float = 0.0
    longest_s: float = 0.0
    #: Milliseconds without a stop: how often so many.
    undisturbed_ms: dict[str, int] = field(default_factory=dict)
    disturbed_ms: dict[str, int] = field(default_factory=dict)

    def add(self, verdict: Verdict) -> None:
        self.runs += 1
        if verdict.wrong:
            self.failures[str(verdict.plan.seed)] = verdict.wrong[:4]
        self.killed = dict(Counter(self.killed) + Counter(verdict.killed))
        self.passed = dict(Counter(self.passed) + verdict.passed)
        self.trades += verdict.trades
        self.decided += verdict.decided
        self.virtual_s += verdict.virtual_s
        self.held_s += verdict.held_s
        self.longest_s = max(self.longest_s, verdict.longest_s)
        self.undisturbed_ms = _counted(self.undisturbed_ms, verdict.undisturbed_s)
        self.disturbed_ms = _counted(self.disturbed_ms, verdict.disturbed_s)

    def words(self) -> str:
        failed, kills = len(self.failures), sum(self.killed.values())
        return (
            f"{failed} of {self.runs} runs failed (bound {bound(failed, self.runs):.1e}); "
            f"{kills} kills at {len(self.killed)} of {len(self.passed)} points; "
            f"{self.trades} trades, {self.decided} decisions in {self.virtual_s / 3600:.0f} "
            f"virtual hours\n{self.gaps()}"
        )

    def gaps(self) -> str:
        """Returns for how long positions were without a stop, in words."""
        calm, struck = _spread(self.undisturbed_ms), _spread(self.disturbed_ms)
        total_s = sum(
            int(ms) * count / 1000
            for gaps in (self.undisturbed_ms, self.disturbed_ms)
            for ms, count in gaps.items()
        )
        share = total_s / max(self.held_s, 1)
        return f"without a stop {share:.3%} of the time held; undisturbed {calm}; struck {struck}"


def bound(failed: int, runs: int) -> float:
    """Returns the rate of failures above which so few would be seen in one series of twenty (the
    one-sided 95 % limit of Poisson's distribution); 3 / runs where none failed.

    >>> f"{bound(0, 100):.4f} {bound(1, 100):.4f} {bound(2, 100):.4f}"
    '0.0300 0.0474 0.0630'
    """
    low, high = 0.0, 20.0 + 3.0 * failed
    while high - low > 1e-9:
        mean = (low + high) / 2
        seen = sum(exp(-mean) * mean**count / factorial(count) for count in range(failed + 1))
        low, high = (mean, high) if seen > 0.05 else (low, mean)
    return high / max(1, runs)


def _counted(known: dict[str, int], seconds: Sequence[float]) -> dict[str, int]:
    return dict(Counter(known) + Counter(str(round(each * 1000)) for each in seconds))


def quantile_s(gaps_ms: dict[str, int], share: float) -> float:
    """Returns the seconds that `share` of the gaps do not exceed; 0 where there are none."""
    passed, wanted = 0, share * sum(gaps_ms.values())
    for ms in sorted(map(int, gaps_ms)):
        passed += gaps_ms[str(ms)]
        if passed >= wanted:
            return ms / 1000
    return 0.0


def _spread(gaps_ms: dict[str, int]) -> str:
    shares = {"median": 0.5, "p99": 0.99, "longest": 1.0}
    parts = [f"{name} {quantile_s(gaps_ms, share):.2f} s" for name, share in shares.items()]
    return f"{sum(gaps_ms.values())} times ({', '.join(parts)})"
