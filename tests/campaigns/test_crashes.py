"""Accounts that are killed at every point of the order path, judged by the exchange's truth.

LEEWARD_CAMPAIGN=100000 runs so many instead; LEEWARD_SEED=17 runs that one again.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest
from tests.harness.campaign import Verdict, plan_of, run, scaled, story
from tests.harness.points import POINTS

#: As many as fit into about a minute of one core.
RUNS = 800


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> list[Verdict]:
    folder = tmp_path_factory.mktemp("campaign")
    if (seed := os.environ.get("LEEWARD_SEED")) is not None:
        return [run(plan_of(int(seed)), folder)]
    return [run(plan_of(seed), folder) for seed in range(scaled(RUNS))]


@pytest.mark.timeout(0)
def test_whatever_dies_where_the_books_agree_with_the_exchange(verdicts: list[Verdict]) -> None:
    failures = [each for each in verdicts if each.wrong]
    print(summary(verdicts))  # noqa: T201 - figures for whoever runs it with -s
    assert not failures, story(failures)


@pytest.mark.timeout(0)
def test_the_campaign_trades_and_is_struck_by_every_fault(verdicts: list[Verdict]) -> None:
    struck: Counter[str] = sum((each.struck for each in verdicts), Counter())
    assert sum(each.trades for each in verdicts) > len(verdicts)
    assert len(struck) > 12 or len(verdicts) < 100


def summary(verdicts: list[Verdict]) -> str:
    """Returns the figures of a campaign."""
    count = len(verdicts)
    failed = sum(bool(each.wrong) for each in verdicts)
    kills: Counter[str] = Counter(point for each in verdicts for point in each.killed)
    passed: Counter[str] = sum((each.passed for each in verdicts), Counter())
    held = sum(each.held_s for each in verdicts)
    naked = sum(each.naked_s for each in verdicts)
    longest = max(each.longest_s for each in verdicts)
    return (
        f"{failed} of {count} runs failed (bound {3 / count:.1e}); {sum(kills.values())} kills at "
        f"{len(kills)} of {len(passed)} points; {sum(each.trades for each in verdicts)} trades, "
        f"{sum(each.decided for each in verdicts)} decisions in "
        f"{sum(each.virtual_s for each in verdicts) / 3600:.0f} virtual hours; without a stop for "
        f"{naked / max(held, 1):.2%} of the time held, longest {longest:.1f} s"
    )


@pytest.mark.timeout(0)
def test_processes_die_at_many_named_points_also_while_they_recover(
    verdicts: list[Verdict],
) -> None:
    killed = {point for each in verdicts for point in each.killed}
    assert len(POINTS) >= 40
    assert killed <= {*POINTS} | {point for each in verdicts for point in each.passed}
    assert len(killed) >= 40 or len(verdicts) < RUNS
    assert any(point.startswith("recovering") for point in killed) or len(verdicts) < RUNS
