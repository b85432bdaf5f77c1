"""What else the same account could have done: hold, pay other costs, or meet another order of
prices inside its candles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from leeward.domain.candles import Candles
from leeward.domain.columns import FloatColumn, IntColumn
from leeward.domain.trades import TARGET
from leeward.statistics.trading import Trades


def hold_equity(
    candles: Sequence[Candles], open_time: IntColumn, balance: float
) -> FloatColumn | None:
    """Returns, step by step, the equity of buying equal shares of every symbol and holding them.

    A symbol is bought at its first open in the range of the steps, without costs; until then its
    share waits in cash. It is marked at the close of its last candle up to each step. None without
    steps or symbols.
    """
    if not len(open_time) or not candles:
        return None
    equity = np.zeros(len(open_time))
    for symbol in candles:
        rows = symbol.between(int(open_time[0]), int(open_time[-1]) + 1)
        equity += _value_of_one(rows, open_time)
    return equity * (balance / len(candles))


def hold_return(candles: Sequence[Candles], open_time: IntColumn) -> float | None:
    """Returns what `hold_equity` ends with, as a fraction gained, without walking the steps."""
    if not len(open_time) or not candles:
        return None
    held = [symbol.between(int(open_time[0]), int(open_time[-1]) + 1) for symbol in candles]
    worth = [float(rows.close[-1] / rows.open[0]) if len(rows) else 1.0 for rows in held]
    return sum(worth) / len(worth) - 1.0


def _value_of_one(rows: Candles, open_time: IntColumn) -> FloatColumn:
    """Returns the worth of one unit of cash put into the first open of `rows`."""
    if not len(rows):
        return np.ones(len(open_time))
    worth = rows.close / rows.open[0]
    if len(rows) == len(open_time):
        return worth
    last = np.searchsorted(rows.open_time, open_time, side="right") - 1
    return np.where(last < 0, 1.0, worth[last])


def pnl_at_costs(trades: Trades, fee: float, slippage: float, times: float) -> FloatColumn | None:
    """Returns each trade's profit had fee and slippage been `times` what they were.

    Entries, exits and quantities are kept; `fee` and `slippage` are the fractions the trades
    paid. The price before slippage is fill / (1 + slippage) for a buy and fill / (1 - slippage)
    for a sale; a sale at its target had none. None where prices would fall to zero.
    """
    if times * slippage >= 1:
        return None
    slipped = trades["exit_reason"] != TARGET
    entry = trades["entry_price"] / (1 + slippage) * (1 + times * slippage)
    factor = (1 - times * slippage) / (1 - slippage)
    exit_ = trades["exit_price"] * np.where(slipped, factor, 1.0)
    return _profit(trades["quantity"], entry, exit_, times * fee)


def pnl_target_first(trades: Trades, fee: float) -> FloatColumn:
    """Returns each trade's profit had the target come first where stop and target shared a candle.

    Such trades sell at their target, without slippage; all others keep their profit.
    """
    at_target = _profit(trades["quantity"], trades["entry_price"], trades["target"], fee)
    return np.where(trades["ambiguous"] == 1, at_target, trades["pnl"])


def _profit(
    quantity: FloatColumn, entry: FloatColumn, exit_: FloatColumn, fee: float
) -> FloatColumn:
    cost, proceeds = quantity * entry, quantity * exit_
    return proceeds - cost - fee * (cost + proceeds)
