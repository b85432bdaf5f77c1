"""Candles for tests: a repeatable random walk on any timeframe."""

from __future__ import annotations

import numpy as np

from leeward.domain.candles import Candles
from leeward.domain.timeframe import Timeframe
from leeward.domain.times import parse_time


def walk(
    rows: int,
    timeframe: str = "1h",
    start: str = "2024-01-01",
    symbol: str = "BTCUSDT",
    seed: int = 1,
    optional: bool = False,
) -> Candles:
    """Returns `rows` candles without a gap; `optional` adds the three optional columns."""
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, rows)))
    opened = np.concatenate([[100.0], close[:-1]])
    reach = 1 + np.abs(random.normal(0, 0.005, rows))
    volume = random.uniform(1, 50, rows)
    length = Timeframe.parse(timeframe)
    return Candles(
        symbol,
        length,
        parse_time(start, "start") + length.length_ms * np.arange(rows, dtype=np.int64),
        opened,
        np.maximum(opened, close) * reach,
        np.minimum(opened, close) / reach,
        close,
        volume,
        quote_volume=volume * close if optional else None,
        trades=np.floor(volume * 10) if optional else None,
        taker_buy_volume=volume / 2 if optional else None,
    )
