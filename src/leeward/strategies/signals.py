"""What a strategy says about every candle of one symbol."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leeward.domain.columns import ByteColumn, FloatColumn


@dataclass(frozen=True, slots=True, eq=False)
class Signals:
    """One row a candle. Row t was computed from candles <= t.

    `entry` and `exit` hold 0 for no signal, else 1 + the position of the tag in `entry_tags` or
    `exit_tags`. `size` is the fraction of equity asked for; `stop` and `target` are prices, NaN
    for none; `trail` is a distance below the close, NaN for none; `confidence` ranks entries.
    None stands for a column the strategy does not give. No decision is taken in the first
    `warm_up` rows.
    """

    entry: ByteColumn
    exit: ByteColumn
    size: FloatColumn
    stop: FloatColumn | None = None
    target: FloatColumn | None = None
    trail: FloatColumn | None = None
    confidence: FloatColumn | None = None
    entry_tags: tuple[str, ...] = ("",)
    exit_tags: tuple[str, ...] = ("",)
    warm_up: int = 0

    def __len__(self) -> int:
        return len(self.entry)

    def numbers(self) -> dict[str, FloatColumn]:
        """Returns the float columns the strategy gives, by name."""
        names = ("size", "stop", "target", "trail", "confidence")
        columns = {name: getattr(self, name) for name in names}
        return {name: column for name, column in columns.items() if column is not None}

    def codes(self) -> dict[str, np.ndarray[tuple[int], np.dtype[np.uint8]]]:
        """Returns the signal columns by name."""
        return {"entry": self.entry, "exit": self.exit}
