"""The real process against a served emulator, killed by the operating system at any instant.

LEEWARD_KILLS=300 kills so often instead; `python -m tests.harness.sigkill` goes on where it was
interrupted, and takes a PostgreSQL URL.
"""

from __future__ import annotations

import os

import pytest
from tests.harness.sigkill import Tally, kill_on

#: As many as fit into a minute and a half: each takes the start of an interpreter and a recovery.
KILLS = 10


@pytest.mark.timeout(0)
def test_a_killed_process_comes_back_to_what_the_exchange_says() -> None:
    tally = kill_on(int(os.environ.get("LEEWARD_KILLS", KILLS)), Tally())
    print(tally.words())  # noqa: T201 - figures for whoever runs it with -s
    assert tally.failures == []
