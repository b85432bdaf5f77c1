"""Alerts: notes that a person should hear of, in words, to every channel, beside the trading."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from leeward.domain.times import iso
from leeward.engine.records import Noted, Severity
from leeward.monitoring.channels import Channel
from leeward.monitoring.meanings import meaning_of
from leeward.monitoring.outbox import Letter, Outbox
from leeward.monitoring.sieve import Sieve

#: A channel that fails is tried again after so long, twice as long each time.
FIRST_RETRY_S, LAST_RETRY_S = 5.0, 600.0
_LOOK_S: Final = 30.0
#: More than so many at once are put together, so many lines of so many characters a message.
_MANY: Final = 5
#: So many failures in a row may be of the one letter that is the oldest: the newest is tried.
_STUCK: Final = 3
_TOGETHER: Final = 25
_LINE: Final = 130
#: Notes from before the outbox was opened.
_MOST_EARLY: Final = 200


@dataclass(frozen=True, slots=True)
class Wiring:
    """What alerts need: the account's name, our clocks, `redact` for everything that leaves,
    `tell` for what is to be noted of a channel, and `count` for each outcome."""

    account: str
    now_ms: Callable[[], int]
    monotonic_s: Callable[[], float]
    redact: Callable[[str], str] = str
    tell: Callable[[Noted], None] = lambda _: None
    count: Callable[[str], None] = lambda _: None
    first_retry_s: float = FIRST_RETRY_S


@dataclass
class Alerts:
    """Takes notes from any thread without waiting, and sends them from threads of its own, one a
    channel: `note` costs one line written to a file that nobody waits for."""

    channels: Sequence[Channel]
    sieve: Sieve
    wiring: Wiring
    _outbox: Outbox | None = None
    _early: deque[tuple[int, str, str, str]] = field(
        default_factory=lambda: deque(maxlen=_MOST_EARLY)
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _senders: list[_Sender] = field(default_factory=list)

    def note(self, noted: Noted) -> None:
        """Sends what passes the sieve, soon."""
        if not self.channels:
            return
        with self._lock:
            passes = self.sieve.passes(noted, self.wiring.monotonic_s())
            if passes:
                title, body = in_words(noted, self.wiring.account)
                self._post(noted.severity, title, body)
        if passes is False:
            self.wiring.count("left_out")

    def post(self, severity: Severity, title: str, body: str) -> None:
        """Sends a message whatever the sieve says."""
        if self.channels:
            with self._lock:
                self._post(severity, title, body)

    def tell_left_out(self, *, over: bool = False) -> None:
        """Sends what was left out, once it is time to."""
        with self._lock:
            words = self.sieve.left_out(self.wiring.monotonic_s(), over=over)
            if words is not None:
                at_ms = self.wiring.now_ms()
                left = Noted("alerts_left_out", words, Severity.INFO, at_ms)
                self._post(Severity.INFO, *in_words(left, self.wiring.account))

    @property
    def waiting(self) -> int:
        """How many messages some channel has not taken."""
        return len(self._early) if self._outbox is None else len(self._outbox.waiting())

    def open(self, path: Path) -> None:
        """Begins to send, with what the process before did not get rid of."""
        outbox = Outbox(path)
        outbox.drop_all_but(each.key for each in self.channels)
        with self._lock:
            self._outbox = outbox
            while self._early:
                self._put(outbox, *self._early.popleft())
        if outbox.fault:
            words = f"{outbox.fault}; alerts wait in memory alone"
            at_ms = self.wiring.now_ms()
            self.wiring.tell(Noted("alerts_failing", words, Severity.WARNING, at_ms))
        self._senders = [_Sender(each, outbox, self.wiring) for each in self.channels]

    def close(self, within_s: float) -> None:
        """Gives every channel so long to take what is left; the rest waits for the next start."""
        if self._outbox is None:
            return
        self.tell_left_out(over=True)
        until_s = self.wiring.monotonic_s() + within_s
        for sender in self._senders:
            sender.end()
        for sender in self._senders:
            sender.join(max(0.0, until_s - self.wiring.monotonic_s()))
        with self._lock:
            outbox, self._outbox = self._outbox, None
        if not any(sender.is_alive() for sender in self._senders):
            outbox.close()

    def _post(self, severity: Severity, title: str, body: str) -> None:
        redact = self.wiring.redact
        message = (self.wiring.now_ms(), severity.value, redact(title), redact(body))
        if self._outbox is None:
            self._early.append(message)
            return
        self._put(self._outbox, *message)
        for sender in self._senders:
            sender.wake()

    def _put(self, outbox: Outbox, at_ms: int, level: str, title: str, body: str) -> None:
        lost = outbox.lost
        outbox.put(at_ms, level, title, body, [each.key for each in self.channels])
        if outbox.lost > lost:
            self.wiring.count("lost")


def in_words(noted: Noted, account: str) -> tuple[str, str]:
    """Returns title and text of a note: what happened, what was done about it, what to do."""
    meaning = meaning_of(noted.kind)
    subject = f" {noted.subject}" if noted.subject else ""
    title = f"[{noted.severity.upper()}] {account}: {noted.kind}{subject}"
    lines = [
        f"{noted.words}",
        f"at {iso(noted.at_ms)}",
        "",
        meaning.happened,
        f"What Leeward did: {meaning.done}",
        f"What to do: {meaning.to_do}",
        f"More: docs/runbook.md#{noted.kind}",
    ]
    return title, "\n".join(line for line in lines if line or meaning.happened)


class _Sender:
    """One channel's thread."""

    def __init__(self, channel: Channel, outbox: Outbox, wiring: Wiring) -> None:
        self._channel, self._outbox, self._wiring = channel, outbox, wiring
        self._woken, self._ending = threading.Event(), False
        self._failures, self._retry_s = 0, wiring.first_retry_s
        # A daemon: a channel that hangs does not hold up the end of the process.
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        self._woken.set()
        self._thread.start()

    def wake(self) -> None:
        self._woken.set()

    def end(self) -> None:
        self._ending = True
        self._woken.set()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        not_before_s = 0.0
        while True:
            ahead_s = not_before_s - self._wiring.monotonic_s()
            if ahead_s > 0 and not self._ending:
                self._woken.wait(ahead_s)
                self._woken.clear()
                continue
            self._woken.clear()
            took = self._sends_all()
            if not took:
                not_before_s = self._wiring.monotonic_s() + self._retry_s
                self._retry_s = min(2 * self._retry_s, LAST_RETRY_S)
            if self._ending:
                return
            if took:
                self._woken.wait(_LOOK_S)

    def _sends_all(self) -> bool:
        """Returns whether the channel has taken everything."""
        try:
            return self._send_all()
        except Exception:  # noqa: BLE001 - whatever the disk or the system says, it is tried again
            self._failed()
            return False

    def _send_all(self) -> bool:
        while letters := self._outbox.waiting(self._channel.key):
            self._outbox.force()
            one = letters[:1] if self._failures < _STUCK else letters[-1:]
            few = one if len(letters) <= _MANY else letters[:_TOGETHER]
            if not self._sent(few):
                self._failed()
                return False
            self._outbox.taken(few, self._channel.key)
            for _ in few:
                self._wiring.count("sent")
            self._recovered()
        return True

    def _sent(self, letters: Sequence[Letter]) -> bool:
        try:
            return self._channel.send(*_message(letters))
        except Exception:  # noqa: BLE001 - whatever a channel's library raises, it did not take it
            return False

    def _failed(self) -> None:
        self._wiring.count("failed")
        self._failures += 1
        if self._failures == 1:
            words = f"{self._channel.name} does not take alerts; they wait and are tried again"
            self._note("alerts_failing", words, Severity.WARNING)

    def _recovered(self) -> None:
        if self._failures:
            words = f"{self._channel.name} takes alerts again, after {self._failures} failures"
            self._note("alerts_back", words, Severity.INFO)
        self._failures, self._retry_s = 0, self._wiring.first_retry_s

    def _note(self, kind: str, words: str, severity: Severity) -> None:
        self._wiring.tell(Noted(kind, words, severity, self._wiring.now_ms()))


def _message(letters: Sequence[Letter]) -> tuple[str, str, str]:
    """Returns level, title and text of one letter, or of many put together."""
    if len(letters) == 1:
        (one,) = letters
        return one.level, one.title, one.body
    levels = [Severity(each.level) for each in letters]
    worst = max(levels, key=list(Severity).index)
    lines = [f"{iso(each.at_ms)} {each.title}"[:_LINE] for each in letters]
    return worst.value, f"{len(letters)} alerts", "\n".join(lines)


def trial_message(account: str) -> tuple[str, str, str]:
    """Returns level, title and text of a test."""
    words = "This channel works. An alert says what happened, what was done, and what to do."
    return Severity.INFO.value, f"Leeward: a test of alerts for {account}", words
