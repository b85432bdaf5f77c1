"""Small hand-made candles, and what a strategy says about them, for scenario tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from leeward.domain.candles import Candles
from leeward.domain.timeframe import Timeframe
from leeward.strategies.base import Strategy
from leeward.strategies.evaluate import Evaluation, evaluate, strategy_need
from leeward.strategies.informative import build_frame

HOUR = Timeframe.parse("1h")


def candles_closing_at(closes: Sequence[float], volumes: Sequence[float] | None = None) -> Candles:
    """Returns hourly candles that open at the close before and reach 0.5 beyond both."""
    close = np.array(closes, dtype=np.float64)
    opened = np.concatenate([close[:1], close[:-1]])
    return Candles(
        "BTCUSDT",
        HOUR,
        HOUR.length_ms * np.arange(len(close), dtype=np.int64),
        opened,
        np.maximum(opened, close) + 0.5,
        np.minimum(opened, close) - 0.5,
        close,
        np.full(len(close), 10.0) if volumes is None else np.array(volumes, dtype=np.float64),
    )


def run(strategy: Strategy, candles: Candles) -> Evaluation:
    frame = build_frame(candles, {})
    return evaluate(strategy, frame, strategy_need(strategy, frame.columns))


def decisions(evaluation: Evaluation, first: int) -> list[str]:
    """Returns for each row from `first` on the tags it buys and sells for, as "+buy -sell"."""
    signals = evaluation.signals
    words = []
    for entry, exit_ in zip(signals.entry[first:], signals.exit[first:], strict=True):
        bought = [f"+{signals.entry_tags[entry - 1]}"] if entry else []
        sold = [f"-{signals.exit_tags[exit_ - 1]}"] if exit_ else []
        words.append(" ".join(bought + sold))
    return words
