"""Markets for tests of strategies: a generated one, and markets that are hard on arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

import numpy as np

from leeward.data.generated import generate_market
from leeward.data.resample import resample
from leeward.domain.candles import PRICES, Candles
from leeward.domain.columns import FloatColumn
from leeward.domain.timeframe import Timeframe
from leeward.domain.times import parse_time
from leeward.strategies.base import Strategy
from leeward.strategies.informative import SELF, Beside, Further
from tests.tiny_models import tiny_outlook

HOUR = Timeframe.parse("1h")
_ROWS = 4_500


@cache
def hourly_market(symbol: str) -> Candles:
    """Returns hourly candles from 2021 on of BTCUSDT or ETHUSDT, which move together."""
    start_ms = parse_time("2021-01-01", "start")
    return generate_market(["BTCUSDT", "ETHUSDT"], HOUR, start_ms, _ROWS, seed=3)[symbol]


def further_candles(strategy: Strategy, candles: Candles) -> Further:
    """Returns the informative candles a strategy on hourly candles names, and the columns of tiny
    models that it needs."""
    named = {
        (symbol, timeframe): resample(
            candles if symbol == SELF else hourly_market(symbol), Timeframe.parse(timeframe)
        )
        for symbol, timeframe in strategy.informative
    }
    return Beside(named, tiny_outlook(strategy.needs).columns) if strategy.needs else named


def standing(price: FloatColumn) -> Candles:
    """Returns hourly candles without a range: open, high, low and close are one price."""
    return replace(hourly_market("BTCUSDT"), open=price, high=price, low=price, close=price)


def _dead() -> Candles:
    return replace(standing(np.full(_ROWS, 100.0)), volume=np.zeros(_ROWS))


def _dies() -> Candles:
    return standing(hourly_market("BTCUSDT").close[np.minimum(np.arange(_ROWS), 1_500)])


def _sleeps() -> Candles:
    return standing(hourly_market("BTCUSDT").close[np.arange(_ROWS) // 200 * 200])


def _three_levels() -> Candles:
    random = np.random.default_rng(1)
    return standing(random.integers(100, 103, _ROWS).astype(np.float64))


def _coarse_ticks() -> Candles:
    candles = hourly_market("BTCUSDT")
    tick = candles.close[0] / 30
    rounded = {name: np.maximum(1, np.round(getattr(candles, name) / tick)) for name in PRICES}
    return replace(candles, **rounded)


def _tiny_prices() -> Candles:
    candles = hourly_market("BTCUSDT")
    return replace(candles, **{name: getattr(candles, name) * 1e-9 for name in PRICES})


def _gaps() -> Candles:
    candles = hourly_market("BTCUSDT")
    keep = np.flatnonzero(np.random.default_rng(1).random(_ROWS) > 0.3)
    columns = (getattr(candles, name)[keep] for name in ("open_time", *PRICES, "volume"))
    return Candles("BTCUSDT", HOUR, *columns)


#: Markets on which rounding, ties and missing values decide.
ODD_MARKETS: Mapping[str, Callable[[], Candles]] = {
    "plain": lambda: hourly_market("BTCUSDT"),
    "flat": lambda: standing(np.full(_ROWS, 100.0)),
    "dead": _dead,
    "dies": _dies,
    "sleeps": _sleeps,
    "jumps": lambda: standing(np.where(np.arange(_ROWS) < 2_000, 100.0, 1e6)),
    "three levels": _three_levels,
    "coarse ticks": _coarse_ticks,
    "tiny prices": _tiny_prices,
    "no volume": lambda: replace(hourly_market("BTCUSDT"), volume=np.zeros(_ROWS)),
    "gaps": _gaps,
}
