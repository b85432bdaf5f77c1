"""Keeps requests within the exchange's limits: exits first, and a ban outlives a restart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

_MINUTE_MS = 60_000


class Lane(IntEnum):
    """What a request is for. The lower the number, the more of each limit it may use."""

    EXIT = 0
    PROTECTION = 1
    ENTRY = 2
    QUERY = 3
    MARKET = 4


#: The part of a limit that a lane may fill: what is above stays for the lanes before it.
_SHARE = {
    Lane.EXIT: 1.0,
    Lane.PROTECTION: 0.95,
    Lane.ENTRY: 0.85,
    Lane.QUERY: 0.75,
    Lane.MARKET: 0.6,
}
#: Seconds a request may wait here before it is given up unsent.
PATIENCE_S = {
    Lane.EXIT: 5.0,
    Lane.PROTECTION: 5.0,
    Lane.ENTRY: 1.0,
    Lane.QUERY: 10.0,
    Lane.MARKET: 65.0,
}
_LEAST_BAN_S = 120.0
#: The exchange bans nobody for longer: what ends later was dated by a clock that was wrong.
_LONGEST_BAN_S = 3 * 86_400.0
_LEAST_PAUSE_S = 1.0
_FIREWALL_PAUSE_S = 30.0


@dataclass
class BanFile:
    """Bans by address, in UTC ms, kept on disk. A file that cannot be read holds no bans."""

    path: Path

    def until_ms(self, address: str) -> int:
        try:
            until = json.loads(self.path.read_text(encoding="utf-8")).get(address, 0)
        except (OSError, ValueError, AttributeError):
            return 0
        return until if isinstance(until, int) else 0

    def keep(self, address: str, until_ms: int) -> None:
        """Writes a ban down; a crash leaves the old file or the new one."""
        try:
            bans = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            bans = {}
        kept = bans if isinstance(bans, dict) else {}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_suffix(".new")
        beside.write_text(json.dumps({**kept, address: until_ms}), encoding="utf-8")
        beside.replace(self.path)


@dataclass
class _Window:
    """One fixed window of a limit: what the exchange counted, and what is on its way there."""

    length_ms: int
    limit: int
    number: int = -1
    used: int = 0

    def wait_ms(self, share: float, cost: int, server_ms: int) -> int:
        """Returns 0 where `cost` fits under the share, else the ms until the window ends."""
        self._turn(server_ms)
        if not cost or not self.used or self.used + cost <= self.limit * share:
            return 0
        return (self.number + 1) * self.length_ms - server_ms

    def take(self, cost: int, server_ms: int) -> None:
        self._turn(server_ms)
        self.used += cost

    def counted(self, used: int, asked_ms: int, server_ms: int) -> None:
        """Takes the exchange's count, unless it is of a window that has passed."""
        self._turn(server_ms)
        if asked_ms // self.length_ms == self.number:
            self.used = max(self.used, used)

    def _turn(self, server_ms: int) -> None:
        if (number := server_ms // self.length_ms) != self.number:
            self.number, self.used = number, 0


@dataclass
class Governor:
    """Says how long a request has to wait. Pure: every time is handed in."""

    address: str
    bans: BanFile | None = None
    _weight: _Window = field(default_factory=lambda: _Window(_MINUTE_MS, 6000))
    _orders: dict[str, _Window] = field(
        default_factory=lambda: {
            "10S": _Window(10_000, 100),
            "1D": _Window(86_400_000, 200_000),
        }
    )
    _paused_until_s: float = 0.0
    _slowed_until_s: float = 0.0
    _banned_until_ms: int = 0
    #: As the ban of this process: setting the computer's date back prolongs none.
    _banned_until_s: float = float("inf")

    def __post_init__(self) -> None:
        if self.bans is not None:
            self._banned_until_ms = self.bans.until_ms(self.address)

    @property
    def used_weight(self) -> int:
        return self._weight.used

    @property
    def weight_limit(self) -> int:
        return self._weight.limit

    def set_limits(self, weight: int | None, orders: Mapping[str, int]) -> None:
        """Takes the limits that the exchange announces; `orders` by header suffix, as "10S"."""
        if weight is not None:
            self._weight.limit = weight
        for name, limit in orders.items():
            if name in self._orders:
                self._orders[name].limit = limit

    def blocked_s(self, now_ms: int, monotonic_s: float, lane: Lane) -> float:
        """Returns the seconds until a ban or a pause for this lane ends, 0 where there is none."""
        ban_s = self._ban_s(now_ms, monotonic_s)
        pause_s = self._paused_until_s - monotonic_s
        slow_s = self._slowed_until_s - monotonic_s if lane >= Lane.QUERY else 0.0
        return max(ban_s, pause_s, slow_s, 0.0)

    def _ban_s(self, now_ms: int, monotonic_s: float) -> float:
        by_date_s = (self._banned_until_ms - now_ms) / 1000
        ban_s = min(by_date_s, self._banned_until_s - monotonic_s)
        return ban_s if ban_s <= _LONGEST_BAN_S else 0.0

    def wait_ms(self, lane: Lane, weight: int, orders: int, server_ms: int) -> int:
        """Returns the ms of the exchange's time until a request fits, 0 where it does now."""
        share = _SHARE[lane]
        waits = [window.wait_ms(share, orders, server_ms) for window in self._orders.values()]
        return max(self._weight.wait_ms(share, weight, server_ms), *waits)

    def take(self, weight: int, orders: int, server_ms: int) -> None:
        """Counts a request that is about to be sent."""
        self._weight.take(weight, server_ms)
        for window in self._orders.values():
            window.take(orders, server_ms)

    def counted(self, headers: Mapping[str, str], asked_ms: int, server_ms: int) -> None:
        """Takes the counts of an answer to a request of `asked_ms`; header names in lower case."""
        used = headers.get("x-mbx-used-weight-1m") or headers.get("x-mbx-used-weight", "")
        if _is_count(used):
            self._weight.counted(int(used), asked_ms, server_ms)
        for name, window in self._orders.items():
            count = headers.get(f"x-mbx-order-count-{name.lower()}", "")
            if _is_count(count):
                window.counted(int(count), asked_ms, server_ms)

    def pause(self, retry_after_s: float | None, monotonic_s: float) -> float:
        """Stops all lanes after a 429; returns for how many seconds."""
        pause_s = min(_LONGEST_BAN_S, max(_LEAST_PAUSE_S, retry_after_s or 0.0))
        self._paused_until_s = max(self._paused_until_s, monotonic_s + pause_s)
        return pause_s

    def ban(self, retry_after_s: float | None, now_ms: int, monotonic_s: float) -> float:
        """Stops all lanes after a 418, also across restarts; returns for how many seconds."""
        ban_s = min(_LONGEST_BAN_S, _LEAST_BAN_S if retry_after_s is None else retry_after_s)
        longest_s = max(ban_s, self._ban_s(now_ms, monotonic_s))
        self._banned_until_ms = now_ms + int(longest_s * 1000)
        self._banned_until_s = monotonic_s + longest_s
        if self.bans is not None:
            with suppress(OSError):  # a full disk must not stop what runs; the ban holds in memory
                self.bans.keep(self.address, self._banned_until_ms)
        return ban_s

    def slow_down(self, monotonic_s: float) -> None:
        """Stops queries and market data for a while, after the firewall turned a request away."""
        self._slowed_until_s = monotonic_s + _FIREWALL_PAUSE_S


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 12
