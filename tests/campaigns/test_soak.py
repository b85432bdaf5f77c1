"""Long sessions in virtual time under the everyday faults of an exchange.

LEEWARD_SOAK_HOURS=1000 lasts so long instead.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.harness.campaign import Plan, Verdict, run
from tests.harness.emulated_venue import SOAK

HOURS = 20


@pytest.mark.timeout(0)
def test_a_long_session_keeps_its_books_and_grows_nothing(tmp_path: Path) -> None:
    hours = float(os.environ.get("LEEWARD_SOAK_HOURS", HOURS))
    plan = Plan(
        seed=1,
        minutes=int(hours * 60),
        symbols=("TSTUSDT",),
        mix=SOAK,
        kills=0,
        with_lists=True,
        database_fails=True,
        cut_every_s=1800,
        step_every_s=6 * 3600,
    )
    verdict = run(plan, tmp_path)
    print(  # noqa: T201 - figures for whoever runs it with -s
        f"{hours:g} h, {verdict.trades} trades, struck by {dict(verdict.struck)}, "
        f"without a stop {verdict.naked_s / verdict.held_s:.3%} of the time held, longest "
        f"{verdict.longest_s:.1f} s"
    )
    assert verdict.wrong == []
    assert verdict.trades > 10 * hours
    assert not grown(verdict)


def grown(verdict: Verdict) -> list[str]:
    """Returns what the last quarter of the session holds more of than the first did."""
    samples = verdict.samples
    quarter = max(1, len(samples) // 4)
    found = []
    for name in ("tasks", "timers", "handles", "live_orders", "journal"):
        first = max(getattr(each, name) for each in samples[:quarter])
        last = min(getattr(each, name) for each in samples[-quarter:])
        if last > first + 2:
            found.append(f"{name}: {first} at first, {last} at last")
    return found
