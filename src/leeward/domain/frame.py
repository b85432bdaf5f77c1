"""The table a strategy works on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from leeward.domain.candles import Candles
from leeward.domain.columns import FloatColumn, IntColumn
from leeward.domain.errors import BadUsage, unknown_name


class Frame:
    """An immutable table of named float64 columns, one row a closed candle, in time order.

    Read a column as `frame.close` or `frame["close"]`; `with_columns` returns a larger frame.
    Row t may be computed from rows <= t only. NaN stands for "not known yet".

    >>> frame = Frame(np.array([0, 60_000]), {"close": np.array([1.0, 2.0])})
    >>> frame.with_columns(double=frame.close * 2).double.tolist()
    [2.0, 4.0]
    """

    __slots__ = ("_columns", "open_time")

    open_time: IntColumn
    _columns: dict[str, FloatColumn]

    def __init__(self, open_time: IntColumn, columns: Mapping[str, FloatColumn]) -> None:
        for name, column in columns.items():
            _check_column(name, column, len(open_time))
        object.__setattr__(self, "open_time", open_time)
        object.__setattr__(self, "_columns", dict(columns))

    @classmethod
    def of(cls, candles: Candles) -> Frame:
        """Returns the candles' prices and volumes as a frame, sharing memory."""
        names = ("open", "high", "low", "close", "volume")
        known = {name: getattr(candles, name) for name in names}
        for name in ("quote_volume", "trades", "taker_buy_volume"):
            if (column := getattr(candles, name)) is not None:
                known[name] = column
        return cls(candles.open_time, known)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self._columns)

    def with_columns(self, **columns: FloatColumn) -> Frame:
        """Returns this frame with columns added or replaced; raises BadUsage on a wrong length."""
        return Frame(self.open_time, {**self._columns, **columns})

    def __len__(self) -> int:
        return len(self.open_time)

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def __getitem__(self, name: str) -> FloatColumn:
        try:
            return self._columns[name]
        except KeyError:
            raise unknown_name("column", name, self._columns) from None

    def __getattr__(self, name: str) -> FloatColumn:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a frame does not change; use with_columns({name}=...)")

    def __repr__(self) -> str:
        return f"Frame({len(self)} rows: {', '.join(self._columns)})"


def _check_column(name: str, column: object, rows: int) -> None:
    if not isinstance(column, np.ndarray) or column.ndim != 1:
        kind = type(column).__name__
        raise BadUsage(f"column '{name}' is a {kind}; a one-dimensional NumPy array is needed")
    if len(column) != rows:
        raise BadUsage(f"column '{name}' has {len(column)} rows, the frame has {rows}")
    if column.dtype != np.float64:
        raise BadUsage(f"column '{name}' holds {column.dtype}; float64 is needed")
