"""Candles as a strategy meets them when it runs again: fewer, or at other prices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from leeward.domain.candles import PRICES, Candles


def closed_between(candles: Candles, starts_ms: int, ends_ms: int) -> Candles:
    """Returns the candles from the last one closed by `starts_ms` to the last by `ends_ms`."""
    length_ms = candles.timeframe.length_ms
    bounds = np.array([starts_ms - length_ms, ends_ms - length_ms])
    first, last = np.searchsorted(candles.open_time, bounds, side="right")
    return candles.rows(max(0, int(first) - 1), int(last))


def jumping(candles: Candles, after_ms: int) -> Candles:
    """Returns the candles, those that close after `after_ms` at a multiple of their prices."""
    # By time, not by position: not every cut then sees the same jump as many rows ahead.
    step = candles.open_time // candles.timeframe.length_ms
    factor = np.where(step // 7 % 2, 5.0, 0.2)
    factor[candles.open_time + candles.timeframe.length_ms <= after_ms] = 1.0
    moved = {name: getattr(candles, name) * factor for name in (*PRICES, "volume")}
    return replace(candles, **moved, checked=True, known_hashes={})


def nudged(candles: Candles, nudge: int, most: float) -> Candles:
    """Returns the candles, each moved as a whole by up to `most` of its prices and its volume.

    Another `nudge` gives other moves.
    """
    rows = np.arange(len(candles))
    prices = 1 + most * np.sin(rows * (nudge + 1.1))
    volumes = 1 + most * np.sin(rows * (nudge + 1.7))
    moved = {name: getattr(candles, name) * prices for name in PRICES}
    moved["volume"] = candles.volume * volumes
    return replace(candles, **moved, checked=True, known_hashes={})
