"""Which notes become alerts: by level and kind, each once in a while, and not too many."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from leeward.engine.records import Noted, Severity

Key: TypeAlias = tuple[str, str, Severity]

_ORDER: Final = (Severity.INFO, Severity.WARNING, Severity.CRITICAL)
_HOUR_S: Final = 3600.0
#: Notes of one session that are remembered to tell what is new.
_REMEMBERED: Final = 2_000


@dataclass
class Sieve:
    """Judges notes; times are seconds of a clock that never steps back.

    What comes again within `repeat_s` is left out, and what is beyond `an_hour`: critical notes
    have as many of their own, so that no flood of others keeps them back. What is left out is
    counted, and told after a while.
    """

    level: Severity
    mute: Collection[str]
    repeat_s: float
    an_hour: int
    _told_s: dict[Key, float] = field(default_factory=dict)
    _sent_s: dict[bool, deque[float]] = field(
        default_factory=lambda: {True: deque(), False: deque()}
    )
    _left_out: Counter[str] = field(default_factory=Counter)
    _left_since_s: float = 0.0

    def passes(self, noted: Noted, now_s: float) -> bool | None:
        """Returns whether a note is sent; None for one that nobody wants to hear."""
        if _ORDER.index(noted.severity) < _ORDER.index(self.level) or noted.kind in self.mute:
            return None
        key = (noted.kind, noted.subject, noted.severity)
        sent = self._sent_s[noted.severity is Severity.CRITICAL]
        while sent and now_s - sent[0] >= _HOUR_S:
            sent.popleft()
        told_s = self._told_s.get(key)
        again = told_s is not None and now_s - told_s < self.repeat_s
        if again or len(sent) >= self.an_hour:
            if not self._left_out:
                self._left_since_s = now_s
            self._left_out[noted.kind] += 1
            return False
        sent.append(now_s)
        self._told_s.pop(key, None)
        self._told_s[key] = now_s
        if len(self._told_s) > _REMEMBERED:
            del self._told_s[next(iter(self._told_s))]
        return True

    def left_out(self, now_s: float, *, over: bool = False) -> str | None:
        """Returns in words what was left out, once it is time to tell (or where all is `over`), and
        begins to count anew; None else."""
        wait_s = self.repeat_s or _HOUR_S
        if not self._left_out or (now_s - self._left_since_s < wait_s and not over):
            return None
        counts = ", ".join(f"{count} × {kind}" for kind, count in self._left_out.most_common())
        minutes = max(1, round((now_s - self._left_since_s) / 60))
        self._left_out.clear()
        return f"within {minutes} min: {counts}"
