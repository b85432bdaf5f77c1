"""The exchange's time, and whether a request's timestamp is within it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, get_args

from leeward.domain.errors import unknown_name
from leeward.emulator.rejections import Rejection

ClockMode: TypeAlias = Literal["shifted", "accelerated", "stepped", "lockstep"]
AuthClock: TypeAlias = Literal["sim", "scaled", "either", "off"]

_AHEAD_MS: Final = 1_000
_RUNNING: Final = ("shifted", "accelerated")

LATE = "Timestamp for this request is outside of the recvWindow."
EARLY = "Timestamp for this request was 1000ms ahead of the server's time."


@dataclass(slots=True)
class Clock:
    """Turns wall time into the exchange's. `wall_us` is read, never the system.

    shifted: wall time plus a constant; accelerated: `speed` times as fast; stepped and lockstep:
    stands still but for `hold`. `auth` says how timestamps are judged: `sim` exactly on the
    exchange's time, `scaled` with windows times `speed`, `either` on the exchange's or wall time,
    `off` not at all. `began_us` is the wall time at which it was `start_us`, if not now.

    Two faults: the judge's clock is off by `skew_ms`; the judge's and the one that is told are off
    by `off_us` and go at `rate`, which leaves the exchange itself, its candles and its books alone.
    """

    wall_us: Callable[[], int]
    start_us: int
    mode: ClockMode = "shifted"
    speed: float = 1.0
    auth: AuthClock = "sim"
    skew_ms: int = 0
    paused: bool = False
    began_us: int | None = None
    rate: float = 1.0
    _off_us: int = 0
    _rate_from_us: int = 0
    _sim_us: int = field(init=False)
    _wall_us: int = field(init=False)

    def __post_init__(self) -> None:
        self._sim_us = self.start_us
        self._wall_us = self.wall_us() if self.began_us is None else self.began_us

    @property
    def running(self) -> bool:
        """Whether time passes by itself."""
        return self.mode in _RUNNING and not self.paused

    def now_us(self) -> int:
        """Returns the exchange's time now."""
        if not self.running:
            return self._sim_us
        elapsed = self.wall_us() - self._wall_us
        return self._sim_us + int(elapsed * self._pace)

    def hold(self, sim_us: int) -> None:
        """Makes it `sim_us` now: after a step, or where the exchange could not keep up."""
        self._sim_us = sim_us
        self._wall_us = self.wall_us()

    def change(
        self,
        mode: str | None = None,
        speed: float | None = None,
        auth: str | None = None,
        paused: bool | None = None,
    ) -> None:
        """Changes what is given; the time goes on from where it is."""
        if mode is not None and mode not in get_args(ClockMode):
            raise unknown_name("clock mode", mode, get_args(ClockMode))
        if auth is not None and auth not in get_args(AuthClock):
            raise unknown_name("auth clock", auth, get_args(AuthClock))
        self.hold(self.now_us())
        self.mode = self.mode if mode is None else mode  # type: ignore[assignment] # checked above
        self.auth = self.auth if auth is None else auth  # type: ignore[assignment] # checked above
        self.speed = self.speed if speed is None else speed
        self.paused = self.paused if paused is None else paused

    def wait_s(self, sim_us: int) -> float:
        """Returns the wall seconds until the exchange's time reaches `sim_us`."""
        return max(0.0, (sim_us - self.now_us()) / self._pace / 1e6)

    def off_us(self, sim_us: int) -> int:
        """Returns how far the told time is ahead of the exchange's, which is `sim_us`."""
        return self._off_us + int((sim_us - self._rate_from_us) * (self.rate - 1))

    def mislead(self, sim_us: int, off_us: int, rate: float) -> None:
        """Makes the told time, from `sim_us` on, be off by `off_us` and go at another rate."""
        self._off_us, self._rate_from_us, self.rate = off_us, sim_us, rate

    def refuse(self, sim_us: int, timestamp_ms: float, window_ms: float) -> Rejection | None:
        """Returns the refusal of a timestamp too late or too early (-1021), None where it fits.

        `sim_us` is the exchange's time at which the request is judged.
        """
        if self.auth == "off":
            return None
        scale = self.speed if self.auth == "scaled" else 1.0
        off_ms = self.off_us(sim_us) / 1000 + self.skew_ms
        times = [sim_us / 1000 + off_ms]
        if self.auth == "either":
            times.append(self.wall_us() / 1000 + off_ms)
        for now in times:
            early = timestamp_ms >= now + _AHEAD_MS * scale
            late = now - timestamp_ms > window_ms * scale
            if not (early or late):
                return None
        return outside_window(early=timestamp_ms > times[0])

    @property
    def _pace(self) -> float:
        return self.speed if self.mode == "accelerated" else 1.0


def outside_window(*, early: bool) -> Rejection:
    """Returns the refusal of a timestamp too early or too late."""
    return Rejection(-1021, EARLY if early else LATE)
