"""Closed candles of one symbol and timeframe, as columns."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from leeward.domain.columns import BoolColumn, FloatColumn, IntColumn
from leeward.domain.errors import BadCandles
from leeward.domain.timeframe import Timeframe
from leeward.domain.times import iso

PRICES = ("open", "high", "low", "close")
OPTIONAL = ("quote_volume", "trades", "taker_buy_volume")


class Gap(NamedTuple):
    """A run of missing candles: the first missing open time, the last one, and how many."""

    first: int
    last: int
    missing: int


class Fault(NamedTuple):
    """One refused candle: its row (0-based), its open time in ms and the rule it breaks."""

    row: int
    open_time: int
    rule: str


@dataclass(frozen=True, eq=False)
class Candles:
    """Closed candles in time order. Row t is the candle that opens at `open_time[t]`.

    `open_time` is int64 UTC ms, strictly increasing, on the timeframe's grid. Prices are finite,
    positive and ordered low <= open, close <= high; volumes are finite and not negative. The
    optional columns may hold NaN where the source did not know. Missing candles are missing rows.
    Raises BadCandles, naming the first fault, when a rule is broken.
    """

    symbol: str
    timeframe: Timeframe
    open_time: IntColumn
    open: FloatColumn
    high: FloatColumn
    low: FloatColumn
    close: FloatColumn
    volume: FloatColumn
    quote_volume: FloatColumn | None = None
    trades: FloatColumn | None = None
    taker_buy_volume: FloatColumn | None = None
    #: True only for rows that were checked before, when the store took them in.
    checked: bool = field(default=False, repr=False)
    #: The sha256 of whole UTC months, where already known; saves reading them again.
    known_hashes: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for name in (*PRICES, "volume", *OPTIONAL):
            column = getattr(self, name)
            if column is not None and len(column) != len(self.open_time):
                raise BadCandles(
                    f"{self.name}: column '{name}' has {len(column)} rows, "
                    f"open_time has {len(self.open_time)}; every column needs the same length"
                )
        if not self.checked:
            faults = find_faults(self, most=1)
            if faults:
                row, time, rule = faults[0]
                raise BadCandles(f"{self.name}: candle {row} ({iso(time)}): {rule}")

    def __len__(self) -> int:
        return len(self.open_time)

    @property
    def name(self) -> str:
        return f"{self.symbol} {self.timeframe}"

    def rows(self, first: int, last: int) -> Candles:
        """Returns rows `first` (included) to `last` (not included), sharing memory."""
        columns = {
            name: None if (column := getattr(self, name)) is None else column[first:last]
            for name in OPTIONAL
        }
        return Candles(
            self.symbol,
            self.timeframe,
            self.open_time[first:last],
            self.open[first:last],
            self.high[first:last],
            self.low[first:last],
            self.close[first:last],
            self.volume[first:last],
            **columns,
            checked=True,
            known_hashes=self._hashes_within(first, last),
        )

    def _hashes_within(self, first: int, last: int) -> Mapping[str, str]:
        if not self.known_hashes:
            return {}
        whole = [month for month, a, b in _months(self.open_time) if first <= a and b <= last]
        return {month: self.known_hashes[month] for month in whole if month in self.known_hashes}

    def between(self, start_ms: int | None, end_ms: int | None) -> Candles:
        """Returns the candles that open in [start_ms, end_ms), sharing memory."""
        first = 0 if start_ms is None else int(np.searchsorted(self.open_time, start_ms))
        last = len(self) if end_ms is None else int(np.searchsorted(self.open_time, end_ms))
        return self if (first, last) == (0, len(self)) else self.rows(first, max(first, last))

    @cached_property
    def gaps(self) -> tuple[Gap, ...]:
        """Every run of missing candles between the first and the last, in time order."""
        step = self.timeframe.length_ms
        if not len(self) or self.open_time[-1] - self.open_time[0] == (len(self) - 1) * step:
            return ()
        before = np.flatnonzero(np.diff(self.open_time) > step)
        return tuple(
            Gap(first := int(self.open_time[i]) + step, last := int(self.open_time[i + 1]) - step,
                (last - first) // step + 1)
            for i in before
        )  # fmt: skip

    @cached_property
    def sha256(self) -> str:
        """Content hash of open_time, prices and volume: a hash over the hashes of UTC months."""
        return combine_months(month_hashes(self))


def find_faults(candles: Candles, most: int) -> list[Fault]:
    """Returns up to `most` candles that break a rule, in row order, one rule a candle."""
    time = candles.open_time
    with np.errstate(invalid="ignore"):
        checks = _value_checks(candles)
    if len(time) > 1:
        step = np.diff(time, prepend=time[0] - 1)
        checks["opens at the same time as the one before it; drop the duplicate"] = step == 0
        checks["opens before the one above it; times must increase"] = step < 0
    grid = (time - candles.timeframe.offset_ms) % candles.timeframe.length_ms != 0
    checks[f"is off the {candles.timeframe} grid; are these candles of another timeframe?"] = grid
    broken = np.zeros(len(time), dtype=bool)
    for mask in checks.values():
        broken |= mask
    found: list[Fault] = []
    for row in np.flatnonzero(broken)[:most]:
        rule = next(rule for rule, mask in checks.items() if mask[row])
        found.append(Fault(int(row), int(time[row]), rule))
    return found


def _value_checks(candles: Candles) -> dict[str, BoolColumn]:
    o, h, low, c = candles.open, candles.high, candles.low, candles.close
    checks = {}
    for name in PRICES:
        column = getattr(candles, name)
        checks[f"{name} is not a finite number above zero"] = ~(np.isfinite(column) & (column > 0))
    checks["low is above open, close or high"] = (low > o) | (low > c) | (low > h)
    checks["high is below open or close"] = (h < o) | (h < c)
    volume = candles.volume
    checks["volume is not a finite number, zero or more"] = ~(np.isfinite(volume) & (volume >= 0))
    for name in OPTIONAL:
        column = getattr(candles, name)
        if column is not None:
            checks[f"{name} is negative or infinite"] = (column < 0) | np.isinf(column)
    return checks


def month_hashes(candles: Candles) -> dict[str, str]:
    """Returns "YYYY-MM" -> sha256 of that UTC month's open_time, prices and volume bytes."""
    hashes = {}
    for month, first, last in _months(candles.open_time):
        known = candles.known_hashes.get(month)
        hashes[month] = known or _hash_rows(candles, first, last)
    return hashes


def _months(open_time: IntColumn) -> list[tuple[str, int, int]]:
    """Returns (month, first row, one past the last row) for every UTC month with a candle."""
    if not len(open_time):
        return []
    ends = open_time[[0, -1]].astype("datetime64[ms]").astype("datetime64[M]")
    months = np.arange(ends[0], ends[1] + 2)
    edges = np.searchsorted(open_time, months.astype("datetime64[ms]").astype(np.int64))
    spans = zip(months, edges, edges[1:], strict=False)
    return [(str(month), int(first), int(last)) for month, first, last in spans if last > first]


def _hash_rows(candles: Candles, first: int, last: int) -> str:
    digest = hashlib.sha256()
    for name in ("open_time", *PRICES, "volume"):
        digest.update(np.ascontiguousarray(getattr(candles, name)[first:last]).data)
    return digest.hexdigest()


def combine_months(hashes: Mapping[str, str]) -> str:
    """Returns one hash over month hashes, so that whole months need not be read again."""
    text = "\n".join(f"{month} {digest}" for month, digest in sorted(hashes.items()))
    return hashlib.sha256(text.encode()).hexdigest()
