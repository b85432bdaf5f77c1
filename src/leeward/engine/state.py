"""What the decision core looks at and what it answers, as flat records for compiled code."""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from leeward.domain.columns import ByteColumn, FloatColumn, IntColumn

#: Records of one of the dtypes below; NumPy's own types do not know a record's fields.
Record: TypeAlias = Any

#: One open position a symbol; quantity 0 for flat. `stop_row` is the row of the symbol's last
#: stop-out, for the cooldown; it outlives the position.
POSITION: Final = np.dtype(
    [
        ("quantity", np.float64),
        ("entry_price", np.float64),
        ("entry_cost", np.float64),
        ("fees", np.float64),
        ("slippage", np.float64),
        ("first_stop", np.float64),
        ("stop", np.float64),
        ("target", np.float64),
        ("lowest", np.float64),
        ("highest", np.float64),
        ("entry_step", np.int64),
        ("entry_row", np.int64),
        ("entry_tag", np.int64),
        ("stop_row", np.int64),
    ]
)

#: One decision a symbol, waiting for the next open. `rank` orders entries, 0 first. `action` is
#: CANDIDATE only inside `decide`, for an entry the gate has not looked at yet.
ORDER: Final = np.dtype(
    [
        ("action", np.int64),
        ("reason", np.int64),
        ("tag", np.int64),
        ("rank", np.int64),
        ("quantity", np.float64),
        ("stop", np.float64),
        ("target", np.float64),
    ]
)
NO_ORDER, BUY, SELL, CANDIDATE = range(4)

#: The account as of the last close. `day_base` is the equity the daily loss is measured from;
#: `day_ends` the UTC ms at which the present day is over; `halted_step` is -1 while trading.
ACCOUNT: Final = np.dtype(
    [
        ("cash", np.float64),
        ("equity", np.float64),
        ("peak", np.float64),
        ("day_base", np.float64),
        ("day_ends", np.int64),
        ("daily_loss", np.int64),
        ("halted_step", np.int64),
        ("open_positions", np.int64),
        ("orders", np.int64),
        ("trades", np.int64),
    ]
)

#: Long before any row, so that no cooldown holds.
NEVER: Final = -(10**9)


class Market(NamedTuple):
    """Candles of all symbols on the union of their open times, shape (symbols, steps).

    `row` counts the symbol's candles from 0 and is -1 where it has none; prices are NaN there.
    `last_close` repeats the symbol's last close. `returns` are log returns, empty for a single
    symbol.
    """

    open_time: IntColumn
    open: FloatColumn
    high: FloatColumn
    low: FloatColumn
    close: FloatColumn
    last_close: FloatColumn
    row: NDArray[np.int32]
    returns: FloatColumn
    length_ms: int


class Advice(NamedTuple):
    """The strategy's columns and the trend gate's verdicts on the same grid as the market.

    `gate` is UNKNOWN inside the warm-up. Optional columns are empty where not given. `waits`,
    one byte a step, is not 0 where any symbol has an entry.
    """

    waits: ByteColumn
    entry: ByteColumn
    exit: ByteColumn
    gate: ByteColumn
    size: FloatColumn
    stop: FloatColumn
    target: FloatColumn
    trail: FloatColumn
    confidence: FloatColumn


class Rules(NamedTuple):
    """Limits and costs as plain numbers; fractions as in `leeward.risk.limits.RiskLimits`."""

    fee: float
    slippage: float
    max_position: float
    risk_per_trade: float
    max_exposure: float
    max_correlated: float
    correlation_threshold: float
    max_open_positions: int
    require_stop: bool
    default_stop: float
    daily_loss: float
    max_drawdown: float
    cooldown: int
    max_candles: int
    ratchet_stop: bool
    ladder: FloatColumn
    #: Shape (symbols, 3): lot step, tick size, minimum notional.
    filters: FloatColumn
