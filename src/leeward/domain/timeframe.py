"""The length of a candle and the grid its open times lie on."""

from __future__ import annotations

from dataclasses import dataclass

from leeward.domain.columns import IntColumn
from leeward.domain.errors import unknown_name

_MINUTE = 60_000
_HOUR = 60 * _MINUTE
DAY_MS = 24 * _HOUR

_LENGTHS = {
    "1s": 1_000,
    "1m": _MINUTE,
    "3m": 3 * _MINUTE,
    "5m": 5 * _MINUTE,
    "15m": 15 * _MINUTE,
    "30m": 30 * _MINUTE,
    "1h": _HOUR,
    "2h": 2 * _HOUR,
    "4h": 4 * _HOUR,
    "6h": 6 * _HOUR,
    "8h": 8 * _HOUR,
    "12h": 12 * _HOUR,
    "1d": DAY_MS,
    "1w": 7 * DAY_MS,
}
# The epoch was a Thursday; weekly candles open on Mondays 00:00 UTC.
_MONDAY_MS = 4 * DAY_MS


@dataclass(frozen=True, slots=True, order=True)
class Timeframe:
    """One candle length. Candle open times are `offset_ms` plus whole multiples of `length_ms`.

    >>> Timeframe.parse("4h").length_ms
    14400000
    """

    length_ms: int
    name: str
    offset_ms: int = 0

    @classmethod
    def parse(cls, name: str) -> Timeframe:
        """Returns the timeframe called `name`; raises BadUsage for one that does not exist."""
        if name not in _LENGTHS:
            raise unknown_name("timeframe", name, _LENGTHS)
        return cls(_LENGTHS[name], name, _MONDAY_MS if name == "1w" else 0)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Returns every timeframe name, shortest first."""
        return tuple(_LENGTHS)

    def on_grid(self, open_time: IntColumn) -> bool:
        """Returns whether every time is a candle open of this timeframe."""
        return not ((open_time - self.offset_ms) % self.length_ms).any()

    def floor(self, time_ms: int) -> int:
        """Returns the open time of the candle that holds `time_ms`."""
        return time_ms - (time_ms - self.offset_ms) % self.length_ms

    def __str__(self) -> str:
        return self.name
