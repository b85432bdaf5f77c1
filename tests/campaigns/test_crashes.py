"""Accounts that are killed at every point of the order path, judged by the exchange's truth.

LEEWARD_CAMPAIGN=5000 runs so many instead, `python -m tests.harness.campaign` any number on several
processes; LEEWARD_SEED=17 runs that one again.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from tests.harness.campaign import Verdict, plan_of, run_loudly, scaled, story
from tests.harness.figures import Figures
from tests.harness.points import POINTS

#: As many as take about half a minute of one core: some 0.04 s each.
RUNS = 700


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> list[Verdict]:
    folder = tmp_path_factory.mktemp("campaign")
    seed = os.environ.get("LEEWARD_SEED")
    seeds = range(scaled(RUNS)) if seed is None else [int(seed)]
    return [run_loudly(plan_of(each), folder) for each in seeds]


@pytest.mark.timeout(0)
def test_whatever_dies_where_the_books_agree_with_the_exchange(verdicts: list[Verdict]) -> None:
    figures = Figures()
    for each in verdicts:
        figures.add(each)
    print(figures.words())  # noqa: T201 - figures for whoever runs it with -s
    failures = [each for each in verdicts if each.wrong]
    assert not failures, story(failures)


@pytest.mark.timeout(0)
def test_the_campaign_trades_and_is_struck_by_every_fault(verdicts: list[Verdict]) -> None:
    struck: Counter[str] = sum((each.struck for each in verdicts), Counter())
    assert sum(each.trades for each in verdicts) > len(verdicts)
    assert len(struck) > 12 or len(verdicts) < 100


@pytest.mark.timeout(0)
def test_processes_die_at_many_named_points_also_while_they_recover(
    verdicts: list[Verdict],
) -> None:
    killed = {point for each in verdicts for point in each.killed}
    assert len(POINTS) >= 40
    assert killed <= {*POINTS} | {point for each in verdicts for point in each.passed}
    assert len(killed) >= 40 or len(verdicts) < RUNS
    assert any(point.startswith("recovering") for point in killed) or len(verdicts) < RUNS


@pytest.mark.timeout(0)
def test_the_same_seed_gives_the_same_log(verdicts: list[Verdict], tmp_path: Path) -> None:
    # The orders, fills, events and records of the runs that were made anyway, and once more.
    again = verdicts[::7][:1_000]
    differing = [
        each.plan.seed for each in again if run_loudly(each.plan, tmp_path).hash != each.hash
    ]
    assert not differing, f"seeds {differing[:10]} of {len(again)} gave different logs"
