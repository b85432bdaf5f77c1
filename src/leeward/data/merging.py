"""New candles laid over stored ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leeward.data.columns import ALWAYS, candles_of, column_or_nan, without_unknown
from leeward.domain.candles import OPTIONAL, Candles
from leeward.domain.columns import BoolColumn, FloatColumn, IntColumn


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of the candles given: how many were new, were there already, filled in columns
    that were not known, or took the place of stored candles that differed."""

    added: int = 0
    same: int = 0
    completed: int = 0
    replaced: int = 0

    def __add__(self, other: Merged) -> Merged:
        return Merged(
            self.added + other.added,
            self.same + other.same,
            self.completed + other.completed,
            self.replaced + other.replaced,
        )


def lay_over(old: Candles | None, new: Candles) -> tuple[Candles, IntColumn, Merged]:
    """Returns the candles of both, the open times that changed, and the counts.

    Where both hold a candle, the new one wins; a column the new one does not know keeps the stored
    value as long as prices and volume agree.
    """
    if old is None or not len(old):
        return new, new.open_time, Merged(added=len(new))
    stored, row = _matches(old, new)
    differs = np.zeros(len(new), dtype=bool)
    for name in ALWAYS:
        differs[stored] |= getattr(new, name)[stored] != getattr(old, name)[row]
    replaced, completed = differs.copy(), np.zeros(len(new), dtype=bool)
    resolved: dict[str, FloatColumn] = {}
    for name in OPTIONAL:
        before = np.full(len(new), np.nan)
        before[stored] = column_or_nan(old, name)[row]
        given = column_or_nan(new, name)
        keep = ~differs & np.isnan(given)
        resolved[name] = np.where(keep, before, given)
        learned = ~keep & (given != before) & ~(np.isnan(given) & np.isnan(before))
        replaced |= stored & learned & ~np.isnan(before)
        completed |= stored & learned & np.isnan(before)
    completed &= ~replaced
    changed = ~stored | replaced | completed
    merged = Merged(
        added=int((~stored).sum()),
        same=int((~changed).sum()),
        completed=int(completed.sum()),
        replaced=int(replaced.sum()),
    )
    return _joined(old, row, new, resolved), new.open_time[changed], merged


def join(parts: list[Candles]) -> Candles:
    """Returns consecutive stretches of one series, already checked, as one."""
    columns = {
        name: np.concatenate([column_or_nan(part, name) for part in parts])
        for name in (*ALWAYS, *OPTIONAL)
    }
    return candles_of(
        parts[0].symbol,
        parts[0].timeframe,
        np.concatenate([part.open_time for part in parts]),
        without_unknown(columns),
        {month: digest for part in parts for month, digest in part.known_hashes.items()},
    )


def _matches(old: Candles, new: Candles) -> tuple[BoolColumn, IntColumn]:
    """Returns which new candles the old ones hold too, and in which rows of the old."""
    row = np.searchsorted(old.open_time, new.open_time)
    inside = np.minimum(row, len(old) - 1)
    stored = old.open_time[inside] == new.open_time
    return stored, row[stored]


def _joined(
    old: Candles, overlaid: IntColumn, new: Candles, resolved: dict[str, FloatColumn]
) -> Candles:
    kept = np.ones(len(old), dtype=bool)
    kept[overlaid] = False
    open_time = np.concatenate([old.open_time[kept], new.open_time])
    order = np.argsort(open_time, kind="stable")
    given = {name: getattr(new, name) for name in ALWAYS} | resolved
    columns = {
        name: np.concatenate([column_or_nan(old, name)[kept], column])[order]
        for name, column in given.items()
    }
    return candles_of(new.symbol, new.timeframe, open_time[order], without_unknown(columns), {})
