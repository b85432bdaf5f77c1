"""A finished trade as one row of a table, and why it ended."""

from __future__ import annotations

from typing import Final

import numpy as np

EXIT_REASONS: Final = (
    "stop",
    "stop_gap",
    "target",
    "signal",
    "time",
    "containment",
    "operator",
    "end_of_data",
)
STOP, STOP_GAP, TARGET, SIGNAL, TIME, CONTAINMENT, OPERATOR, END_OF_DATA = range(8)

#: One closed trade. Times are the open time (ms) of the candle in which the fill happened; prices
#: are fill prices in quote units; `fees`, `slippage` and `pnl` are quote amounts; `stop` and
#: `target` are those fixed at the decision (NaN for none), `last_stop` the one in force at the
#: exit; `lowest` and `highest` are the extreme prices while held; `candles` counts rows of the
#: symbol from entry to exit; tags are codes, k for the k-th tag, 0 for none;
#: `ambiguous` is 1 where stop and target lay inside the same candle.
TRADE: Final = np.dtype(
    [
        ("symbol", np.int64),
        ("entry_time", np.int64),
        ("entry_price", np.float64),
        ("quantity", np.float64),
        ("exit_time", np.int64),
        ("exit_price", np.float64),
        ("fees", np.float64),
        ("slippage", np.float64),
        ("pnl", np.float64),
        ("stop", np.float64),
        ("target", np.float64),
        ("last_stop", np.float64),
        ("lowest", np.float64),
        ("highest", np.float64),
        ("candles", np.int64),
        ("exit_reason", np.int64),
        ("entry_tag", np.int64),
        ("exit_tag", np.int64),
        ("ambiguous", np.int64),
    ]
)
