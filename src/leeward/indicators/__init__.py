"""Indicators: columns in, columns out, each with its declared warm-up.

The names below load on first use. `leeward.indicators.table` says how all of them treat NaN.

>>> import numpy as np
>>> from leeward.indicators import ema
>>> ema(np.array([1.0, 2.0, 3.0]), 2).tolist()
[nan, 1.5, 2.5]
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leeward.indicators.adaptive import adaptive_ema as adaptive_ema
    from leeward.indicators.adaptive import efficiency_ratio as efficiency_ratio
    from leeward.indicators.averages import Macd as Macd
    from leeward.indicators.averages import ema as ema
    from leeward.indicators.averages import macd as macd
    from leeward.indicators.averages import sma as sma
    from leeward.indicators.averages import vwap as vwap
    from leeward.indicators.averages import wma as wma
    from leeward.indicators.bands import Bands as Bands
    from leeward.indicators.bands import Supertrend as Supertrend
    from leeward.indicators.bands import bollinger as bollinger
    from leeward.indicators.bands import donchian as donchian
    from leeward.indicators.bands import keltner as keltner
    from leeward.indicators.bands import supertrend as supertrend
    from leeward.indicators.crossings import crossed_above as crossed_above
    from leeward.indicators.crossings import crossed_below as crossed_below
    from leeward.indicators.crossings import shift as shift
    from leeward.indicators.momentum import Stochastic as Stochastic
    from leeward.indicators.momentum import roc as roc
    from leeward.indicators.momentum import rsi as rsi
    from leeward.indicators.momentum import stochastic as stochastic
    from leeward.indicators.ranges import Directional as Directional
    from leeward.indicators.ranges import adx as adx
    from leeward.indicators.ranges import atr as atr
    from leeward.indicators.ranges import true_range as true_range
    from leeward.indicators.volatility import realised_volatility as realised_volatility
    from leeward.indicators.volatility import rolling_std as rolling_std
    from leeward.indicators.volume import obv as obv

_NAMES = {
    "adaptive": ("adaptive_ema", "efficiency_ratio"),
    "averages": ("Macd", "ema", "macd", "sma", "vwap", "wma"),
    "bands": ("Bands", "Supertrend", "bollinger", "donchian", "keltner", "supertrend"),
    "crossings": ("crossed_above", "crossed_below", "shift"),
    "momentum": ("Stochastic", "roc", "rsi", "stochastic"),
    "ranges": ("Directional", "adx", "atr", "true_range"),
    "volatility": ("realised_volatility", "rolling_std"),
    "volume": ("obv",),
}
_HOME = {name: f"{__name__}.{module}" for module, names in _NAMES.items() for name in names}
__all__ = list(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module '{__name__}' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
