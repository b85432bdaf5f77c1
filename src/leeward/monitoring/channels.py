"""Channels that alerts go to, through Apprise."""

from __future__ import annotations

import hashlib
import logging
import threading
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from leeward.domain.errors import BadConfig
from leeward.engine.records import Severity

if TYPE_CHECKING:
    from apprise import Apprise

#: Telegram takes 4,096 characters; most others take more.
_LONGEST = 3_500


@dataclass(frozen=True)
class Channel:
    """One address. `name` says nothing secret; `key` tells it from others in the outbox."""

    name: str
    key: str
    _apprise: Apprise = field(repr=False)
    #: Apprise keeps a connection and a rhythm for each address: one call at a time.
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def send(self, level: str, title: str, body: str) -> bool:
        """Returns whether the channel took a message; may take seconds."""
        kinds = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "failure"}
        text = body if len(body) <= _LONGEST else f"{body[:_LONGEST]} …"
        kind = kinds.get(Severity(level), "info")
        with self._lock:
            # "text": what a strategy or an exchange said is no markup, and Telegram refuses any
            # message with a tag that it does not know.
            return bool(
                self._apprise.notify(body=text, title=title, notify_type=kind, body_format="text")
            )


def channels_of(addresses: Sequence[str]) -> tuple[Channel, ...]:
    """Returns the channels of `alerts.channels`. Raises BadConfig for an address that Apprise does
    not know."""
    if not addresses:
        return ()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what its plugins import
        return tuple(_channels(addresses))


def _channels(addresses: Sequence[str]) -> Iterator[Channel]:
    from apprise import Apprise

    # Its notes quote addresses, and those hold passwords: what a channel answers is told by us.
    logger = logging.getLogger("apprise")
    logger.handlers, logger.propagate = [logging.NullHandler()], False
    for number, address in enumerate(addresses, 1):
        scheme = address.partition("://")[0] if "://" in address else ""
        apprise = Apprise()
        if not apprise.add(address):
            kind = f" '{scheme}://…'" if scheme.isalnum() else ""
            raise BadConfig(
                f"alerts.channels: address {number}{kind} is none that Apprise knows; write it as "
                "in json://localhost:8080/alerts or mailto://user:password@example.org"
            )
        key = hashlib.sha256(address.encode()).hexdigest()[:12]
        yield Channel(f"channel {number} ({scheme})", key, apprise)
