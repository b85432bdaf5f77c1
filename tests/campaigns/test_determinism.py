"""The same seed twice gives the same orders, fills, events and records."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.harness.campaign import plan_of, run, scaled


@pytest.mark.timeout(0)
def test_the_same_seed_gives_the_same_log(tmp_path: Path) -> None:
    seeds = range(10_000, 10_000 + min(1_000, scaled(100)))
    differing = [
        seed
        for seed in seeds
        if run(plan_of(seed), tmp_path).hash != run(plan_of(seed), tmp_path).hash
    ]
    assert not differing, f"seeds {differing[:10]} of {len(seeds)} gave different logs"
