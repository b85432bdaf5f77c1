"""Polite GET requests: bounded in time, patient with a busy server, quick to accept a no."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from leeward.domain.errors import BadConfig, Failed, RetryLater

#: Seconds between the tries of one request; a request is tried once more than there are pauses.
PAUSES_S = (0.5, 1.0, 2.0)
_IDLE_S = 15.0  # longest silence inside one reply
_MOST_BYTES = 2_000_000_000  # no archive file comes near
_SHORT_S = 5.0  # a wait that needs no words
_LONGEST_WAIT_S = 300.0  # a server that asks for more gets no further request from this run
#: The exchange allows 6000 a minute to one address; the rest is left to a bot that trades from it.
_WEIGHT_CEILING = 3_000


class Reply(NamedTuple):
    """A whole answer: 200, or a 400 or 404 for the caller to read."""

    status: int
    body: bytes
    headers: Mapping[str, str]


def open_client(headers: Mapping[str, str] | None = None) -> httpx.Client:
    """Returns a client whose requests all bear `headers`; raises BadConfig for a useless proxy."""
    limits = httpx.Limits(max_connections=2)
    sent = {"User-Agent": "leeward"} | dict(headers or {})
    try:
        return httpx.Client(timeout=_IDLE_S, limits=limits, headers=sent)
    except (ImportError, ValueError) as error:  # what httpx raises for a proxy it cannot use
        raise BadConfig(f"the proxy of this environment cannot be used: {error}") from None


@dataclass(frozen=True)
class Fetcher:
    """Sends one request at a time over a kept connection.

    `monotonic_s` and `sleep` are the clock; `notice` takes a line to show while a wait lasts. An
    answer of more than `most_bytes` is refused; `settings` names where the addresses come from.
    """

    monotonic_s: Callable[[], float]
    sleep: Callable[[float], None]
    notice: Callable[[str], None]
    client: httpx.Client = field(default_factory=open_client)
    most_bytes: int = _MOST_BYTES
    settings: str = "data.archive_url or data.rest_url, for example https://data.binance.vision"

    def get(
        self, url: str, params: Mapping[str, str | int] | None = None, within_s: float = 60.0
    ) -> Reply:
        """Returns the answer to GET `url`, each try ending within about `within_s` seconds.

        Network trouble, 5xx and 429 are tried again, 429 after the time that the server asks for.
        Raises RetryLater when the tries are used up or the server has banned this address (418),
        Failed for any other refusal, BadConfig where the address makes no sense.
        """
        host = urlsplit(url).netloc
        for pause_s in (*PAUSES_S, None):
            try:
                reply = self._try(url, params, within_s)
            except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
                raise BadConfig(
                    f"'{url}' is not an address ({error}); correct {self.settings}"
                ) from None
            except httpx.HTTPError as error:
                trouble, wait_s = (
                    f"cannot be reached: {str(error) or type(error).__name__}",
                    pause_s,
                )
            else:
                if reply.status in {200, 400, 404}:
                    self._ease_off(reply)
                    return reply
                trouble, wait_s = _read_refusal(host, reply, pause_s)
            if pause_s is not None and wait_s is not None:
                self._wait(f"{host} {trouble}", wait_s)
        raise RetryLater(f"{host} {trouble}")

    def _try(self, url: str, params: Mapping[str, str | int] | None, within_s: float) -> Reply:
        deadline_s = self.monotonic_s() + within_s
        chunks: list[bytes] = []
        size = 0
        with self.client.stream("GET", url, params=params) as response:
            for chunk in response.iter_bytes():
                chunks.append(chunk)
                size += len(chunk)
                if size > self.most_bytes:
                    raise Failed(
                        f"{urlsplit(url).netloc} sends more than {self.most_bytes:,} bytes, "
                        "which is no answer to what was asked; nothing of it was stored"
                    )
                if self.monotonic_s() > deadline_s:
                    raise httpx.ReadTimeout(f"no whole answer within {within_s:.0f} s")
        return Reply(response.status_code, b"".join(chunks), response.headers)

    def _ease_off(self, reply: Reply) -> None:
        """Waits for the next minute of the server once much of this minute's weight is used."""
        used = reply.headers.get("X-MBX-USED-WEIGHT-1M", "")
        if used.isdigit() and int(used) >= _WEIGHT_CEILING:
            self._wait(f"{used} of 6000 request weight is used", 60.0 - _second(reply))

    def _wait(self, why: str, wait_s: float) -> None:
        if wait_s >= _SHORT_S:
            self.notice(f"{why}; waiting {wait_s:.0f} s")
        self.sleep(wait_s)


def _read_refusal(host: str, reply: Reply, pause_s: float | None) -> tuple[str, float | None]:
    """Returns the trouble in words and how long to wait before the next try; raises on a ban."""
    asked = reply.headers.get("Retry-After", "")
    wait_s = float(asked) if asked.isdigit() else None
    if reply.status == 418:
        until = f" for {wait_s:.0f} s" if wait_s else ""
        raise RetryLater(
            f"{host} has banned this address{until} (418) for too many requests; "
            "stop everything here that asks it, and wait until the ban is over"
        )
    if reply.status == 429:
        wait_s = 60.0 if wait_s is None else wait_s
        if wait_s > _LONGEST_WAIT_S:
            raise RetryLater(f"{host} asks to wait {wait_s:.0f} s (429)")
        return "asks to slow down (429)", wait_s
    if reply.status >= 500:
        return f"is in trouble (HTTP {reply.status})", pause_s if wait_s is None else wait_s
    raise Failed(
        f"{host} refuses (HTTP {reply.status}): {reply.body[:80].decode(errors='replace')!r}; "
        "a proxy or firewall on the way, or your country's access, may be the cause"
    )


def _second(reply: Reply) -> float:
    """Returns the second of the minute in the answer's Date header, 0 where it has none."""
    try:
        return float(parsedate_to_datetime(reply.headers.get("Date", "")).second)
    except ValueError:
        return 0.0
