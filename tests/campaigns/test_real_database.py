"""A part of the campaign on the real database, and the proof that its sync to the disk counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.harness.campaign import plan_of, run, scaled, story
from tests.harness.real_store import DatabaseStore


@pytest.fixture
def fast_folder() -> Iterator[Path]:
    """A folder in memory where there is one: what counts is that syncs are asked for."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as place:
        yield Path(place)


@pytest.mark.timeout(0)
def test_the_books_agree_with_the_exchange_on_sqlite(fast_folder: Path) -> None:
    seeds = range(500_000, 500_000 + min(10_000, scaled(60)))
    verdicts = [run(plan_of(seed), fast_folder, DatabaseStore) for seed in seeds]
    failures = [each for each in verdicts if each.wrong]
    assert not failures, story(failures)


@pytest.mark.timeout(0)
def test_a_database_that_does_not_wait_for_the_disk_is_caught(fast_folder: Path) -> None:
    for seed in range(300):
        plan = plan_of(seed)
        if run(plan, fast_folder, lambda folder: DatabaseStore(folder, "OFF")).wrong:
            return
    pytest.fail("300 runs went by without a difference")
