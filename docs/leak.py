"""What a careless split makes of a model without skill: `python -m docs.leak CANDLES.parquet`.

The direction of the next 24 hours, by LightGBM on eleven figures of each window. Shuffled, the
answers of most test windows stand in the training part: the windows an hour before and after share
23 of 24 hours of the future. Needs the extra `train`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl

from leeward.domain.candles import Candles
from leeward.domain.timeframe import Timeframe
from leeward.indicators.features import WINDOW, windows_of
from leeward.training.baselines import summary

AHEAD = 24
FOLDS = 5


def main() -> None:
    candles = read(Path(sys.argv[1]))
    windows = windows_of(candles)
    rows = windows.rows[windows.rows + AHEAD < len(candles)]
    table = summary(windows.features(0, len(rows)))
    up = candles.close[rows + AHEAD] > candles.close[rows]
    print(f"{len(rows):,} windows, {up.mean():.1%} followed by a rise")
    mixed = np.random.default_rng(0).permutation(len(rows)) % FOLDS
    in_order = np.arange(len(rows)) * FOLDS // len(rows)
    for name, fold, gap in (
        ("shuffled folds", mixed, 0),
        ("contiguous folds", in_order, 0),
        ("purged and embargoed folds", in_order, AHEAD + WINDOW),
    ):
        print(f"{name:<28}{accuracy(table, up, fold, gap):.1%} right")
    print(f"{'purged walk-forward':<28}{walk_forward(table, up):.1%} right")


def read(path: Path) -> Candles:
    table = pl.read_parquet(path).tail(12_000)
    time = table["open_time"].dt.epoch("ms").to_numpy().astype(np.int64)
    names = ("open", "high", "low", "close", "volume")
    return Candles("BTCUSDT", Timeframe.parse("1h"), time, *(table[n].to_numpy() for n in names))


def accuracy(table, up, fold, gap) -> float:
    right = []
    at = np.arange(len(up))
    for tested in range(FOLDS):
        test = fold == tested
        train = ~test
        if gap:
            first, last = at[test][[0, -1]]
            train &= (at < first - gap) | (at > last + gap)
        right.append(learned(table[train], up[train], table[test]) == up[test])
    return float(np.concatenate(right).mean())


def walk_forward(table, up) -> float:
    right = []
    for start in range(len(up) // 2, len(up), len(up) // 10):
        test = slice(start, start + len(up) // 10)
        train = slice(0, start - AHEAD - WINDOW)
        right.append(learned(table[train], up[train], table[test]) == up[test])
    return float(np.concatenate(right).mean())


def learned(table, up, asked):
    import lightgbm

    settings = {"objective": "binary", "num_leaves": 127, "learning_rate": 0.1, "seed": 1,
                "min_data_in_leaf": 5, "verbosity": -1, "num_threads": 1}  # fmt: skip
    model = lightgbm.train(settings, lightgbm.Dataset(table, up), num_boost_round=100)
    return model.predict(asked) > 0.5


if __name__ == "__main__":
    main()
