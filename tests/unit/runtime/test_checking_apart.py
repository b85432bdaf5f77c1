"""A strategy is checked in a process of its own, whatever its code does there."""

from __future__ import annotations

import asyncio
from pathlib import Path

from leeward.runtime.checking_apart import check_apart
from leeward.runtime.settings import Settings
from leeward.runtime.strategies import load_strategy, source_sha256

TALKS = """
import atexit
from leeward.strategies.ema_cross import EmaCross
print("hello")
atexit.register(print, "good bye")
class Talks(EmaCross):
    timeframe = "1h"
"""


def test_what_a_strategy_prints_is_no_part_of_the_outcome(tmp_path: Path) -> None:
    file = tmp_path / "talks.py"
    file.write_text(TALKS)
    target = f"{file}:Talks"
    found = asyncio.run(check_apart(target, {}, "1h", Settings()))
    assert found == source_sha256(load_strategy(target))
