"""What the desk of every symbol works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from leeward.domain.timeframe import Timeframe
from leeward.engine.books import Books
from leeward.engine.records import Noted, Severity
from leeward.runtime.trading.bookkeeper import Bookkeeper
from leeward.venues.timing import Clock
from leeward.venues.venue import Venue


@dataclass(frozen=True)
class Means:
    """The venue, the books, the clocks; `audit` asks for a comparison of books and venue."""

    venue: Venue
    keeper: Bookkeeper
    clock: Clock
    server_now_ms: Callable[[], int]
    timeframe: Timeframe
    alarm: Callable[[Noted], None]
    audit: Callable[[], None]
    protection_deadline_s: float
    receive_window_ms: int

    @property
    def books(self) -> Books:
        return self.keeper.books

    @property
    def now_s(self) -> float:
        return self.clock.monotonic_s()

    def note(self, symbol: str, kind: str, words: str, severity: Severity) -> None:
        """Tells an operator."""
        self.alarm(Noted(kind, words, severity, self.server_now_ms(), symbol))
