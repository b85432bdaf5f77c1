"""Clocks: ours, passed in, and the exchange's, worked out from it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment on both of our clocks: seconds stand still while the computer sleeps, and its date
    may be set."""

    monotonic_s: float
    now_ms: int


@dataclass(frozen=True, slots=True)
class Clock:
    """Our time: UTC ms for dating, seconds that never step back for measuring, and waiting."""

    now_ms: Callable[[], int]
    monotonic_s: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]] = field(default=asyncio.sleep)

    def moment(self) -> Moment:
        return Moment(self.monotonic_s(), self.now_ms())

    def passed_s(self, since: Moment) -> float:
        """Returns how many seconds have passed, by the clock that says more: also where the process
        or the computer was stopped meanwhile."""
        return max(self.monotonic_s() - since.monotonic_s, (self.now_ms() - since.now_ms) / 1000)


@dataclass(frozen=True, slots=True)
class _Sample:
    at_s: float
    server_ms: float
    round_trip_s: float

    def doubt_s(self, now_s: float) -> float:
        """How far off this sample may be by now: half its round trip, and 100 ppm of drift."""
        return self.round_trip_s / 2 + (now_s - self.at_s) * 1e-4


@dataclass
class ServerClock:
    """The exchange's time, from the sample of the shortest round trip, on our monotonic clock: a
    step of the computer's date does not move it.

    With `replayed` the exchange's time may run at any speed: the speed is measured between
    samples, and the newest sample counts.
    """

    monotonic_s: Callable[[], float]
    replayed: bool = False
    #: Server seconds that pass in one of ours.
    speed: float = 1.0
    _best: _Sample | None = None
    _refused: bool = False
    _checked_s: float = 0.0

    @property
    def known(self) -> bool:
        return self._best is not None and not self._refused

    def age_s(self) -> float:
        """Returns seconds since the last sample; infinite where there is none."""
        return self.monotonic_s() - self._checked_s if self.known else float("inf")

    def doubt_ms(self) -> float:
        """Returns how far the estimate may be off, infinite where there is none."""
        best = self._best if self.known else None
        return float("inf") if best is None else best.doubt_s(self.monotonic_s()) * 1000

    def offer(self, sent_s: float, received_s: float, server_ms: int) -> None:
        """Takes in one answer of the exchange's time, between two readings of our clock."""
        sample = _Sample((sent_s + received_s) / 2, server_ms, received_s - sent_s)
        self._checked_s = received_s
        best = self._best
        if best is None or self._refused:
            self._best, self._refused = sample, False
        elif self.replayed:
            self._follow(best, sample)
        elif sample.doubt_s(received_s) <= best.doubt_s(received_s) or self._stepped(sample):
            self._best = sample

    def _stepped(self, sample: _Sample) -> bool:
        """Returns whether the server's clock itself moved: no two samples can both be right."""
        best = self._best
        assert best is not None
        expected = best.server_ms + (sample.at_s - best.at_s) * 1000
        doubt_s = best.doubt_s(sample.at_s) + sample.round_trip_s / 2
        return abs(sample.server_ms - expected) > doubt_s * 1000 + 1

    def _follow(self, best: _Sample, sample: _Sample) -> None:
        elapsed_s = sample.at_s - best.at_s
        # Too close together, the round trips would hide the speed.
        if elapsed_s > 20 * max(sample.round_trip_s, best.round_trip_s, 0.001):
            self.speed = max(0.0, (sample.server_ms - best.server_ms) / (elapsed_s * 1000))
            self._best = sample
        elif 2 * sample.round_trip_s <= best.round_trip_s:
            # Only a far better start is worth beginning the measurement anew.
            self._best = sample

    def now_ms(self) -> int:
        """Returns the exchange's UTC time in ms, as it was last told; only once it was `known`."""
        best = self._best
        assert best is not None, "ask `known` first"
        return int(best.server_ms + (self.monotonic_s() - best.at_s) * 1000 * self.speed)

    def forget(self) -> None:
        """Takes our time for unknown, after the exchange called it wrong. Whoever dates something
        goes on by it meanwhile: only what is sent needs a better one."""
        self._refused = not self.replayed
