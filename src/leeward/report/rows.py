"""Trades and equity as named columns, the one shape behind JSON, CSV, tables and frames."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from leeward.domain.columns import IntColumn
from leeward.domain.times import iso
from leeward.domain.trades import EXIT_REASONS
from leeward.simulation.setup import Simulation
from leeward.statistics.account import drawdowns
from leeward.statistics.trading import adverse_excursions, favourable_excursions, trade_returns

Column = NDArray[np.generic]
TIMES = ("entry_time", "exit_time", "open_time")


def trade_columns(
    simulation: Simulation, entry_tags: tuple[str, ...], exit_tags: tuple[str, ...]
) -> dict[str, Column]:
    """Returns the trades as columns, in order of entry.

    Times are int64 ms, prices and amounts in quote units, NaN for no stop or target.
    `return_fraction` is the profit over the entry cost; `mae_fraction` and `mfe_fraction` are how
    far the price went below and above the entry while held, both 0 or more.
    """
    trades = simulation.trades
    return {
        "symbol": _named(trades["symbol"], simulation.symbols),
        "entry_time": trades["entry_time"],
        "entry_price": trades["entry_price"],
        "quantity": trades["quantity"],
        "exit_time": trades["exit_time"],
        "exit_price": trades["exit_price"],
        "fees": trades["fees"],
        "pnl": trades["pnl"],
        "return_fraction": trade_returns(trades),
        "exit_reason": _named(trades["exit_reason"], EXIT_REASONS),
        "entry_tag": _named(trades["entry_tag"], ("", *entry_tags)),
        "candles": trades["candles"],
        "mae_fraction": adverse_excursions(trades),
        "mfe_fraction": favourable_excursions(trades),
        "exit_tag": _named(trades["exit_tag"], ("", *exit_tags)),
        "slippage": trades["slippage"],
        "stop": trades["stop"],
        "last_stop": trades["last_stop"],
        "target": trades["target"],
        "ambiguous": trades["ambiguous"] == 1,
    }


def equity_columns(simulation: Simulation, balance: float) -> dict[str, Column]:
    """Returns open time (ms), equity, exposure (quote units) and drawdown fraction of each step."""
    return {
        "open_time": simulation.open_time,
        "equity": simulation.equity,
        "exposure": simulation.exposure,
        "drawdown_fraction": drawdowns(simulation.equity, balance),
    }


def plain_rows(columns: Mapping[str, Column]) -> list[dict[str, object]]:
    """Returns one JSON-ready mapping a row: ISO times, and None where a number is not finite."""
    values = [
        [iso(time) for time in column.tolist()] if name in TIMES else plain(column.tolist())
        for name, column in columns.items()
    ]
    rows = zip(*(column for column in values if isinstance(column, list)), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def plain(value: object) -> object:
    """Returns `value` in JSON's own types; a number that is not finite becomes None.

    >>> plain({"a": (np.float64(1.5), float("nan")), "b": np.int64(3)})
    {'a': [1.5, None], 'b': 3}
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (str, int)):
        return value
    raise TypeError(f"{type(value).__name__} has no place in a result file")


def _named(codes: IntColumn, names: tuple[str, ...]) -> Column:
    return np.array(names, dtype=object)[codes]
