"""What pages, API and log-in share: one of it a process."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from starlette.requests import Request

from leeward.dashboard.access import AccessFile, access_of
from leeward.dashboard.asking import Asking
from leeward.dashboard.backtests import Backtests
from leeward.dashboard.feed import Feed
from leeward.dashboard.visitors import LockOut, Principal, Sessions
from leeward.domain.errors import Refused
from leeward.monitoring.logs import Log
from leeward.runtime.clock import monotonic_s
from leeward.runtime.settings import Settings

__all__ = ["Dashboard", "Principal", "dashboard_of", "user_of"]


@dataclass
class Dashboard:
    """The parts of one dashboard, wired by `dashboard_of`."""

    settings: Settings
    feed: Feed
    access: AccessFile
    sessions: Sessions
    backtests: Backtests
    asking: Asking
    log: Log
    lock_out: LockOut = field(default_factory=lambda: LockOut(monotonic_s))
    _of_devices: LockOut = field(default_factory=lambda: LockOut(monotonic_s))
    _confirming: LockOut = field(default_factory=lambda: LockOut(monotonic_s))

    async def check_password(self, password: str, address: str, device: str | None) -> None:
        """Returns where it is the password; raises Refused where it is not, or where the address
        has to wait because it guessed too often. A browser that came in before counts by itself:
        strangers who guess do not keep it out."""
        if device is None:
            await self._check(self.lock_out, address, password, address)
        else:
            await self._check(self._of_devices, device, password, address)

    async def confirm(self, password: str, principal: Principal) -> None:
        """Does the same for one who is logged in. Guesses count by session: strangers who guess at
        the log-in do not keep its owner from steering."""
        await self._check(self._confirming, principal.csrf, password, principal.actor)

    async def _check(self, lock_out: LockOut, who: str, password: str, name: str) -> None:
        wait_s = lock_out.wait_s(who)
        if wait_s > 0:
            raise Refused(f"too many wrong passwords; try again in {wait_s:.0f} s")
        # Counted before it is known: guesses side by side do not share one chance.
        lock_out.failed(who)
        if not await asyncio.to_thread(self.access.is_password, password):
            self.log.event("wrong_password", "warning", by=name)
            raise Refused("wrong password")
        lock_out.came_in(who)


def dashboard_of(settings: Settings, log: Log) -> Dashboard:
    """Returns a dashboard over the configured database; nothing is read yet."""
    access = access_of(settings)
    return Dashboard(
        settings,
        Feed(settings),
        access,
        Sessions(access, settings.dashboard.session_hours, monotonic_s),
        Backtests(settings),
        Asking(settings),
        log,
    )


def user_of(request: Request) -> Principal:
    """Returns who asks; the guard has judged that before."""
    found = request.scope["leeward.principal"]
    assert isinstance(found, Principal)
    return found
