"""Joins candles of other symbols and timeframes as of their last closed candle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from leeward.domain.candles import OPTIONAL, PRICES, Candles
from leeward.domain.columns import FloatColumn
from leeward.domain.frame import Frame
from leeward.strategies.base import Strategy
from leeward.strategies.needs import NEEDS

#: Stands for the symbol being traded.
SELF = "SELF"

_COLUMNS = (*PRICES, "volume")
#: Informative candles under the (symbol, timeframe) the strategy names them by.
Further: TypeAlias = Mapping[tuple[str, str], Candles]


@dataclass(frozen=True, slots=True, eq=False)
class Beside(Mapping[tuple[str, str], Candles]):
    """Informative candles, and columns made of the traded ones.

    `columns` gives those that the strategy `needs`: row t of each from candles <= t alone.
    """

    candles: Further
    columns: Callable[[Candles], Mapping[str, FloatColumn]]

    def __getitem__(self, name: tuple[str, str]) -> Candles:
        return self.candles[name]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.candles)

    def __len__(self) -> int:
        return len(self.candles)


def altered(further: Further, change: Callable[[Candles], Candles]) -> Further:
    """Returns the same with every series of candles changed."""
    changed = {name: change(candles) for name, candles in further.items()}
    return replace(further, candles=changed) if isinstance(further, Beside) else changed


def build_frame(candles: Candles, further: Further) -> Frame:
    """Returns the candles as a frame with the further candles' columns beside them.

    Row t, decided at the close of candle t, gets the last further candle closed by then, as
    columns `ETHUSDT_4h_close` and so on: NaN before the first, and where candles are missing the
    one before them. `further` is keyed by the symbol and timeframe that the strategy names in
    `informative`.
    """
    decided_at = candles.open_time + candles.timeframe.length_ms
    joined = dict(further.columns(candles)) if isinstance(further, Beside) else {}
    for (symbol, timeframe), other in further.items():
        closed_at = other.open_time + other.timeframe.length_ms
        row = np.searchsorted(closed_at, decided_at, side="right") - 1
        known = row >= 0
        for name in _COLUMNS:
            column = np.full(len(candles), np.nan)
            column[known] = getattr(other, name)[row[known]]
            joined[f"{symbol}_{timeframe}_{name}"] = column
    return Frame.of(candles).with_columns(**joined)


def frame_columns(strategy: Strategy) -> tuple[str, ...]:
    """Returns the names of all columns that the strategy can be given."""
    further = (
        f"{symbol}_{timeframe}_{name}"
        for symbol, timeframe in strategy.informative
        for name in _COLUMNS
    )
    needed = (name for need in strategy.needs for name in NEEDS[need])
    return (*_COLUMNS, *OPTIONAL, *further, *needed)
