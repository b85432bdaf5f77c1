"""Leeward: backtest, rehearse and trade with the trend; protect capital first.

The names below are the Python API. They load on first use, so that
`import leeward` stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leeward.domain.candles import Candles
    from leeward.domain.frame import Frame
    from leeward.runtime.api import backtest, load_candles
    from leeward.strategies.base import Strategy, param

__version__ = "0.1.0"
__all__ = ["Candles", "Frame", "Strategy", "backtest", "load_candles", "param"]

_HOME = {
    "Candles": "leeward.domain.candles",
    "Frame": "leeward.domain.frame",
    "Strategy": "leeward.strategies.base",
    "backtest": "leeward.runtime.api",
    "load_candles": "leeward.runtime.api",
    "param": "leeward.strategies.base",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'leeward' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
