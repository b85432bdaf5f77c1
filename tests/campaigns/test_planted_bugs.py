"""Each planted mistake is noticed by the campaign, within a bounded number of its runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.harness.campaign import memory, plan_of, run
from tests.harness.planted import PLANTED

#: Runs within which a mistake has to show.
MOST = 600


@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_bug_is_caught(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_store = PLANTED[name](monkeypatch) or memory
    for seed in range(MOST):
        try:
            wrong = run(plan_of(seed), tmp_path, make_store).wrong
        except Exception as error:  # noqa: BLE001 - a process that ends loudly is noticed too
            wrong = [repr(error)]
        if wrong:
            print(f"{name}: caught in run {seed + 1}: {wrong[0]}")  # noqa: T201 - a figure
            return
    pytest.fail(f"{name}: {MOST} runs went by without a difference")
