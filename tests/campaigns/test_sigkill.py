"""The real process against a served emulator, killed by the operating system at any instant.

LEEWARD_KILLS=300 kills so often on each database instead; `python -m tests.harness.sigkill` goes on
where it was interrupted.
"""

from __future__ import annotations

import os

import pytest
from tests.databases import PostgresServer
from tests.harness.sigkill import MakeUrl, Tally, kill_on
from tests.harness.swap_kills import kill_in_swaps

#: On each of two databases: about half a minute where the machine has nothing else to do.
KILLS = 15
#: While the strategy is exchanged: some 8 s each.
SWAP_KILLS = 5


@pytest.mark.timeout(0)
def test_a_killed_process_comes_back_to_what_the_exchange_says() -> None:
    assert _killed(lambda: None) == []


@pytest.mark.timeout(0)
def test_a_killed_process_comes_back_to_what_the_exchange_says_on_postgresql(
    postgres: PostgresServer,
) -> None:
    assert _killed(postgres.new_database) == []


def _killed(make_url: MakeUrl) -> list[str]:
    tally = kill_on(int(os.environ.get("LEEWARD_KILLS", KILLS)), Tally(), make_url)
    print(tally.words())  # noqa: T201 - figures for whoever runs it with -s
    return tally.failures


@pytest.mark.timeout(0)
def test_a_process_killed_in_a_swap_has_the_old_strategy_or_the_new_one() -> None:
    found = kill_in_swaps(int(os.environ.get("LEEWARD_KILLS", SWAP_KILLS)))
    print(found.words())  # noqa: T201 - figures for whoever runs it with -s
    assert found.failures == []
