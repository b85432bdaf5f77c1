"""Long sessions in virtual time: under the everyday faults of an exchange, and without any.

LEEWARD_SOAK_HOURS=1000 lasts so long instead.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.harness.campaign import Plan, Verdict, run
from tests.harness.emulated_venue import CALM, SOAK
from tests.harness.figures import Figures, quantile_s

HOURS = 20
CALM_HOURS = 5


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
    first, last = verdict.samples[0], verdict.samples[-1]
    print(  # noqa: T201 - figures for whoever runs it with -s
        f"{hours:g} h, {verdict.trades} trades, struck by {dict(verdict.struck)}\n"
        f"{told(verdict).gaps()}\nat first {first}, at last {last}"
    )
    assert verdict.wrong == []
    assert verdict.trades > 10 * hours
    assert not grown(verdict)


@pytest.mark.timeout(0)
def test_a_position_is_protected_within_a_second_where_nothing_fails(tmp_path: Path) -> None:
    plan = Plan(seed=2, minutes=CALM_HOURS * 60, symbols=("TSTUSDT",), mix=CALM)
    verdict = run(plan, tmp_path)
    gaps = told(verdict)
    print(gaps.gaps())  # noqa: T201 - figures for whoever runs it with -s
    assert verdict.wrong == []
    assert len(verdict.undisturbed_s) > 5 * CALM_HOURS
    assert quantile_s(gaps.undisturbed_ms, 0.99) <= 1
    assert quantile_s(gaps.undisturbed_ms, 1) <= 5


def told(verdict: Verdict) -> Figures:
    figures = Figures()
    figures.add(verdict)
    return figures


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
