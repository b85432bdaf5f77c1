"""A call that is made while all is well, so that its silence tells of a dead process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

#: How old a session's word may be that it is well: a loop that hangs says nothing.
FRESH_S: Final = 10.0
_TIMEOUT_S: Final = 10.0
#: Failures in a row that are worth a word.
_TOLD_AT: Final = 3


class Heartbeat:
    """Asks for an address every `period_s` from a thread of its own, but only where `well` was
    called within the last seconds. `count` hears "sent" or "failed"; `failing` is called at the
    third failure in a row."""

    def __init__(
        self,
        address: str,
        period_s: float,
        monotonic_s: Callable[[], float],
        count: Callable[[str], None],
        failing: Callable[[], None],
    ) -> None:
        self._address, self._period_s, self._monotonic_s = address, period_s, monotonic_s
        self._count, self._failing = count, failing
        self._well_s = float("-inf")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()

    def well(self) -> None:
        """Says that the session is well now."""
        self._well_s = self._monotonic_s()

    def close(self) -> None:
        self._over.set()
        self._thread.join(1.0)

    def _run(self) -> None:
        failures = 0
        # The first beat as soon as the session is well; then at its pace.
        while not self._over.wait(min(1.0, self._period_s)):
            if self._monotonic_s() - self._well_s > FRESH_S:
                continue
            sent = _ask(self._address)
            self._count("sent" if sent else "failed")
            failures = 0 if sent else failures + 1
            if failures == _TOLD_AT:
                self._failing()
            if self._over.wait(self._period_s):
                return


def _ask(address: str) -> bool:
    """Returns whether the address answered that it heard."""
    import httpx

    try:
        # Its address is a secret: nothing of the answer or the error is told.
        return httpx.get(address, timeout=_TIMEOUT_S).is_success
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
        return False
