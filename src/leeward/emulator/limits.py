"""Rate limits: request weight and bans by address, unfilled orders by account."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

from leeward.emulator.rejections import Json, Rejection
from leeward.emulator.symbols import RATE_LIMITS

_UNIT_MS: Final = {"SECOND": 1_000, "MINUTE": 60_000, "HOUR": 3_600_000, "DAY": 86_400_000}
#: Requests that go on after 429 before the address is banned, and the first ban's length.
_WARNINGS: Final = 10
_FIRST_BAN_MS: Final = 120_000
_LONGEST_BAN_MS: Final = 3 * 86_400_000
_TAKER, _MAKER = 1, 5
_ENDED: Final = ("FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH")


@dataclass(slots=True)
class Window:
    """A count that begins anew at every multiple of its length on the exchange's clock."""

    kind: str
    interval: str
    interval_num: int
    limit: int
    count: int = 0
    started: int = -1

    @property
    def length_ms(self) -> int:
        return _UNIT_MS[self.interval] * self.interval_num

    def at(self, now_ms: int) -> int:
        """Returns the count of the window that holds `now_ms`."""
        start = now_ms // self.length_ms
        if start != self.started:
            self.started, self.count = start, 0
        return self.count

    def add(self, now_ms: int, amount: int) -> None:
        """Adds to the present window; never below zero."""
        self.count = max(0, self.at(now_ms) + amount)

    def ends_ms(self, now_ms: int) -> int:
        return (now_ms // self.length_ms + 1) * self.length_ms

    def json(self, now_ms: int) -> Json:
        return {
            "rateLimitType": self.kind,
            "interval": self.interval,
            "intervalNum": self.interval_num,
            "limit": self.limit,
            "count": self.at(now_ms),
        }


def _windows(kind: str) -> list[Window]:
    return [Window(*limit) for limit in RATE_LIMITS if limit[0] == kind]


@dataclass(slots=True)
class AddressLimits:
    """Weight and raw requests of one address, and its ban."""

    weight: Window = field(default_factory=lambda: _windows("REQUEST_WEIGHT")[0])
    raw: Window = field(default_factory=lambda: _windows("RAW_REQUESTS")[0])
    banned_until_ms: int = 0
    warnings: int = 0
    bans: int = 0

    def check(self, now_ms: int, weight: int) -> Rejection | None:
        """Counts a request; returns the refusal of one too many (429, then 418 with a ban)."""
        if now_ms < self.banned_until_ms:
            return banned(now_ms, self.banned_until_ms)
        self.raw.add(now_ms, 1)
        over = self.weight.at(now_ms) + weight > self.weight.limit
        if not over and self.raw.at(now_ms) <= self.raw.limit:
            self.warnings = 0
            return None
        self.warnings += 1
        if self.warnings > _WARNINGS:
            return self.ban(now_ms)
        window = self.weight if over else self.raw
        return too_much_weight(now_ms, window.ends_ms(now_ms), self.weight.limit)

    def ban(self, now_ms: int, length_ms: int | None = None) -> Rejection:
        """Bans the address; each further ban lasts longer. Returns the refusal."""
        grown = min(_LONGEST_BAN_MS, _FIRST_BAN_MS * 4**self.bans)
        self.bans += 1
        self.warnings = 0
        self.banned_until_ms = now_ms + (grown if length_ms is None else length_ms)
        return banned(now_ms, self.banned_until_ms)


def too_much_weight(now_ms: int, until_ms: int, limit: int) -> Rejection:
    """Returns the 429 refusal; `data` carries the times for `Retry-After`."""
    text = (
        f"Too much request weight used; current limit is {limit} request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API."
    )
    return Rejection(-1003, text, 429, {"serverTime": now_ms, "retryAfter": until_ms})


def banned(now_ms: int, until_ms: int) -> Rejection:
    """Returns the 418 refusal; `data` carries the times for `Retry-After`."""
    text = (
        f"Way too much request weight used; IP banned until {until_ms}. "
        "Please use WebSocket Streams for live updates to avoid bans."
    )
    return Rejection(-1003, text, 418, {"serverTime": now_ms, "retryAfter": until_ms})


class OrderCounts:
    """Unfilled orders of the accounts: one more for each new order, fewer when it first fills."""

    def __init__(self) -> None:
        self._windows: dict[str, list[Window]] = defaultdict(lambda: _windows("ORDERS"))
        self._filled: set[tuple[str, str, object]] = set()

    def windows(self, account: str) -> list[Window]:
        """Returns the account's windows, shortest first."""
        return self._windows[account]

    def check(self, account: str, now_ms: int) -> Rejection | None:
        """Returns the refusal of one more order (429, -1015), None where there is room."""
        for window in self._windows[account]:
            if window.at(now_ms) >= window.limit:
                return too_many_orders(window, now_ms)
        return None

    def placed(self, account: str, now_ms: int, orders: int) -> None:
        for window in self._windows[account]:
            window.add(now_ms, orders)

    def heard(self, account: str, event: Json, now_ms: int) -> None:
        """Takes back what an order's first fill gives: 1 as taker, 5 as maker."""
        if event.get("e") != "executionReport":
            return
        order = (account, str(event["s"]), event["i"])
        if event.get("x") == "TRADE" and order not in self._filled:
            self._filled.add(order)
            for window in self._windows[account]:
                window.add(now_ms, -(_MAKER if event["m"] else _TAKER))
        if event.get("X") in _ENDED:
            self._filled.discard(order)


def too_many_orders(window: Window, now_ms: int) -> Rejection:
    """Returns the -1015 refusal of a full window."""
    per = f"{window.interval_num} {window.interval}"
    text = f"Too many new orders; current limit is {window.limit} orders per {per}."
    data = {"serverTime": now_ms, "retryAfter": window.ends_ms(now_ms)}
    return Rejection(-1015, text, 429, data)
