"""Names of limits and figures as people say them."""

from __future__ import annotations

from typing import Final

from leeward.report.words import percent

LIMITS: Final = {
    "max_exposure_fraction": "Invested in all positions",
    "max_position_fraction": "Largest position",
    "risk_per_trade_fraction": "Risk of one trade, entry to stop",
    "max_correlated_fraction": "In symbols that move alike",
    "max_open_positions": "Open positions",
    "daily_loss_fraction": "Lost today",
    "max_drawdown_fraction": "Drawdown from the peak",
    "max_orders_per_hour": "Orders in the last hour",
    "correlation_threshold": "Symbols move alike from a correlation of",
    "require_stop": "Every position needs a stop",
    "default_stop_fraction": "Stop where a strategy names none, below the entry",
    "trend_gate": "Trend gate",
    "drawdown_ladder": "Drawdown ladder",
    "cooldown_candles": "Candles to wait after a stop",
}

#: Limits that stop trading where they are reached. The others only bound what is opened, so that
#: reaching one is nothing bad.
STOPPING: Final = {"daily_loss_fraction", "max_drawdown_fraction", "max_orders_per_hour"}
#: Limits that an entry kept to and profit may carry beyond.
GROWING: Final = {"max_exposure_fraction", "max_position_fraction", "max_correlated_fraction"}

#: Why a position was closed, in a table.
EXITS: Final = {
    "stop": "Stop",
    "stop_gap": "Gap below the stop",
    "target": "Target",
    "signal": "Exit signal",
    "time": "Time limit",
    "containment": "Drawdown limit",
    "operator": "By hand",
    "delisting": "Delisting",
    "dust": "Too little to sell",
    "end_of_data": "End of data",
}


def limit_words(name: str, value: float, limit: float) -> tuple[str, str, str]:
    """Returns a limit's name, its present value and the limit, as text.

    >>> limit_words("daily_loss_fraction", 0.0123, 0.03)
    ('Lost today', '1.23 %', '3 %')
    >>> limit_words("max_open_positions", 2.0, 5.0)
    ('Open positions', '2', '5')
    """
    known = LIMITS.get(name, name.replace("_", " "))
    if name.endswith("_fraction"):
        return known, percent(value, 2), f"{limit * 100:g} %"
    return known, f"{value:,.10g}", f"{limit:,.10g}"
