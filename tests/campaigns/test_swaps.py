"""Accounts whose strategy is exchanged again and again, killed in the middle of it.

LEEWARD_CAMPAIGN=5000 runs so many instead; LEEWARD_SEED=17 runs that one again.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from tests.harness.campaign import Plan, plan_of, run_loudly, scaled, story
from tests.harness.points import POINTS

#: Some 0.1 s each.
RUNS = 150
_AT_SWAPS = tuple(point for point in POINTS if "a swap" in point or "a session" in point)


def plan(seed: int) -> Plan:
    return replace(plan_of(seed), swaps=True, kills=3, points=_AT_SWAPS)


@pytest.mark.timeout(0)
def test_killed_in_a_swap_an_account_has_the_old_strategy_or_the_new_one(tmp_path: Path) -> None:
    seed = os.environ.get("LEEWARD_SEED")
    seeds = range(scaled(RUNS)) if seed is None else [int(seed)]
    verdicts = [run_loudly(plan(each), tmp_path) for each in seeds]
    failures = [each for each in verdicts if each.wrong]
    assert not failures, story(failures)
    killed = Counter(point for each in verdicts for point in each.killed)
    swaps = sum(each.swaps for each in verdicts)
    print(f"{swaps} swaps, killed at {killed}")  # noqa: T201 - figures for whoever runs it with -s
    assert len(verdicts) < RUNS or swaps > RUNS / 2
    assert len(verdicts) < RUNS or all(killed[f"trading: commit of a swap: {when}"] > 5
                                       for when in ("before", "after"))  # fmt: skip
