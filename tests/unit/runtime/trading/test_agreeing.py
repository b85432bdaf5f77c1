"""How long a live start waits until books and venue agree."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import pytest

from leeward.domain.errors import RetryLater
from leeward.engine.records import Mode
from leeward.runtime.trading.running import Running
from leeward.runtime.trading.start import Ready


@dataclass
class Start:
    """A start whose books never agree; something is read once at `doubted_s`."""

    doubted_s: float
    now_s: float = 0.0
    reconciled: bool = False
    left: str = "books and venue do not agree yet"
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def desk(self) -> Start:
        return self

    @property
    def clock(self) -> Start:
        return self

    @property
    def reads_again(self) -> bool:
        return round(self.now_s) == self.doubted_s

    def monotonic_s(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.mark.parametrize(
    ("doubted_s", "given_up_s"),
    [(-1, 60), (30, 360), (200, 60)],
    ids=["nothing in doubt", "read once and lost again", "only after it was given up"],
)
def test_a_live_start_is_given_up_after_a_minute_or_when_a_doubt_could_be_settled(
    doubted_s: float, given_up_s: float
) -> None:
    start = Start(doubted_s)
    ready = SimpleNamespace(session=start, started=SimpleNamespace(mode=Mode.LIVE))
    running = Running.__new__(Running)
    running.ready = cast("Ready", ready)
    with pytest.raises(RetryLater, match="do not agree yet; what is held is protected"):
        asyncio.run(running._until_over())
    assert start.now_s == pytest.approx(given_up_s, abs=1.0)
