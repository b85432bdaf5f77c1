"""Volume, signed by the direction of the price."""

from __future__ import annotations

from leeward.compiled import compiled_alone
from leeward.domain.columns import FloatColumn
from leeward.indicators.runs import over_runs
from leeward.indicators.table import Need, indicator


@indicator(lambda: Need(unbounded=True))
def obv(close: FloatColumn, volume: FloatColumn) -> FloatColumn:
    """Returns the on-balance volume (Granville, 1963), in units of `volume`.

    Starts at the first volume, as TA-Lib does; then adds the volume of a candle that closes
    higher than the one before and takes away that of one that closes lower. No row is NaN. The
    sum remembers without bound: its level depends on the first candle.

    >>> import numpy as np
    >>> obv(np.array([1.0, 2.0, 2.0, 1.5]), np.array([10.0, 4.0, 3.0, 5.0])).tolist()
    [10.0, 14.0, 14.0, 9.0]
    """
    return over_runs(_obv, [close, volume], [], 0)[0]


@compiled_alone
def _obv(close: FloatColumn, volume: FloatColumn, out: FloatColumn) -> None:
    total = volume[0]
    out[0] = total
    for t in range(1, len(out)):
        sign = 1.0 * (close[t] > close[t - 1]) - 1.0 * (close[t] < close[t - 1])
        total += sign * volume[t]
        out[t] = total
