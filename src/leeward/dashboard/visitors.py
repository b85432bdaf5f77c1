"""Who is there: sessions of people, and how often an address asks and fails."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from leeward.dashboard.access import AccessFile, Role, digest
from leeward.domain.errors import LeewardError

#: More sessions than that push out the oldest.
_MOST_SESSIONS: Final = 64
_MOST_ADDRESSES: Final = 4_096
#: Wrong passwords after which an address has to wait, and for how long: doubled with each further
#: one, up to the longest.
_FREE_FAILURES: Final = 5
_SHORTEST_WAIT_S, _LONGEST_WAIT_S = 30.0, 900.0
_FORGET_S: Final = 3_600.0
#: Wrong passwords of all addresses in a minute after which nobody may try.
_MOST_A_MINUTE: Final = 30

USER: Final = "owner"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `csrf` is what a form of the session has to bring, "" for a token of the API;
    `holds` says whether they may still: not once the session ended or the token was revoked."""

    name: str
    role: Role
    csrf: str
    holds: Callable[[], bool]

    @property
    def actor(self) -> str:
        """What the audit trail calls them."""
        return f"{'dashboard' if self.is_person else 'api'}:{self.name}"

    @property
    def is_person(self) -> bool:
        return self.csrf != ""

    @property
    def is_operator(self) -> bool:
        return self.role is Role.OPERATOR


@dataclass(frozen=True, slots=True)
class _Session:
    csrf: str
    until_s: float
    password: str | None


class Sessions:
    """Sessions of people, in memory: a restart logs everybody out, and so does a new password."""

    def __init__(self, access: AccessFile, hours: float, now_s: Callable[[], float]) -> None:
        self._access, self._seconds, self._now_s = access, hours * 3600.0, now_s
        self._open: OrderedDict[str, _Session] = OrderedDict()

    @property
    def seconds(self) -> float:
        """How long a session lasts."""
        return self._seconds

    def begin(self) -> str:
        """Returns the secret of a new session."""
        secret = secrets.token_urlsafe(32)
        ends_s = self._now_s() + self._seconds
        self._open[digest(secret)] = _Session(
            secrets.token_urlsafe(32), ends_s, self._access.read().password
        )
        while len(self._open) > _MOST_SESSIONS:
            self._open.popitem(last=False)
        return secret

    def find(self, secret: str) -> Principal | None:
        """Returns who has the secret, None where its session ended or never was."""
        name = digest(secret)
        found = self._open.get(name)
        if found is None or not self._holds(name):
            return None
        return Principal(USER, Role.OPERATOR, found.csrf, lambda: self._holds(name))

    def end(self, secret: str) -> None:
        self._open.pop(digest(secret), None)

    def _holds(self, name: str) -> bool:
        found = self._open.get(name)
        if found is None:
            return False
        try:
            same = self._access.read().password == found.password
        except LeewardError:
            same = False
        if not same or self._now_s() >= found.until_s:
            self._open.pop(name, None)
            return False
        return True


@dataclass(slots=True)
class _Failures:
    count: int = 0
    until_s: float = 0.0
    last_s: float = 0.0


@dataclass
class LockOut:
    """Makes who guesses passwords wait: longer with each guess, by address, and all of them when
    too many are made at once."""

    now_s: Callable[[], float]
    _by_address: OrderedDict[str, _Failures] = field(default_factory=OrderedDict)
    _lately: list[float] = field(default_factory=list)

    def wait_s(self, address: str) -> float:
        """Returns for how long the address may not try; zero where it may."""
        now_s = self.now_s()
        self._lately = [at_s for at_s in self._lately if at_s > now_s - 60.0]
        of_all = self._lately[-_MOST_A_MINUTE] + 60.0 - now_s if self._is_stormed else 0.0
        found = self._by_address.get(address)
        return max(0.0, of_all, 0.0 if found is None else found.until_s - now_s)

    def failed(self, address: str) -> None:
        now_s = self.now_s()
        self._lately.append(now_s)
        found = self._by_address.pop(address, _Failures())
        if now_s - found.last_s > _FORGET_S:
            found = _Failures()
        found.count, found.last_s = found.count + 1, now_s
        over = found.count - _FREE_FAILURES
        if over >= 0:
            found.until_s = now_s + min(_LONGEST_WAIT_S, _SHORTEST_WAIT_S * 2.0 ** min(over, 10))
        self._by_address[address] = found
        while len(self._by_address) > _MOST_ADDRESSES:
            self._by_address.popitem(last=False)

    def came_in(self, address: str) -> None:
        """Takes back what was counted before the password was known to be right."""
        self._by_address.pop(address, None)
        del self._lately[-1:]

    @property
    def _is_stormed(self) -> bool:
        return len(self._lately) >= _MOST_A_MINUTE


@dataclass
class Rates:
    """Lets every one ask so often a second, and `burst` times at once."""

    per_s: float
    burst: float
    now_s: Callable[[], float]
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def allows(self, who: str) -> bool:
        now_s = self.now_s()
        left, at_s = self._left.pop(who, (self.burst, now_s))
        left = min(self.burst, left + (now_s - at_s) * self.per_s)
        allowed = left >= 1.0
        self._left[who] = (left - 1.0 if allowed else left), now_s
        while len(self._left) > _MOST_ADDRESSES:
            self._left.popitem(last=False)
        return allowed
