"""A strategy is checked in a process of its own, whatever its code does there."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from leeward.domain.errors import Refused
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


def test_one_that_ends_its_process_without_a_word_is_told_so(tmp_path: Path) -> None:
    file = tmp_path / "exits.py"
    file.write_text("import os; os._exit(7)")
    with pytest.raises(Refused, match=r"its check ended with code 7 without a word$"):
        asyncio.run(check_apart(str(file), {}, "1h", Settings()))
