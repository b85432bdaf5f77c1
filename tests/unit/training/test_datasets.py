"""Datasets: what is refused, and that no part of a fold knows of another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.markets import hourly_market, standing

from leeward.domain.candles import Candles
from leeward.domain.errors import BadCandles, BadUsage, Failed
from leeward.statistics.folds import Fold
from leeward.training.datasets import build_dataset, check_folds, make_folds


def without(candles: Candles, drop: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Candles:
    keep = ~drop
    names = ("open_time", "open", "high", "low", "close", "volume")
    columns = {name: getattr(candles, name)[keep] for name in names}
    return Candles(candles.symbol, candles.timeframe, **columns)


def test_a_dataset_holds_the_next_return_over_the_windows_volatility() -> None:
    data = build_dataset(hourly_market("BTCUSDT"))
    row = data.rows[100]
    close = data.candles.close
    assert data.moves[100] == pytest.approx(np.log(close[row + 1] / close[row]))
    assert data.labels[100] == pytest.approx(data.moves[100] / data.sigma[100], rel=1e-6)
    assert data.features.shape == (len(data), 120, 5)


def test_too_little_history_is_refused_with_the_numbers() -> None:
    with pytest.raises(
        Failed, match=r"1,000 candles make 881 windows .* 880 have a label; .*2,000"
    ):
        build_dataset(hourly_market("BTCUSDT").rows(0, 1_000))


def test_unknown_sentiment_is_counted_in_the_refusal() -> None:
    candles = hourly_market("BTCUSDT")
    with pytest.raises(Failed, match="4,500 of them without sentiment make 0 windows"):
        build_dataset(candles, np.full((len(candles), 8), np.nan))


def test_too_many_missing_candles_are_refused_with_the_longest_gap() -> None:
    candles = hourly_market("BTCUSDT")
    at = np.arange(len(candles))
    drop = ((at >= 1_000) & (at < 1_150)) | (at == 3_000)
    with pytest.raises(BadCandles, match=r"151 of 4,500 .*\(3\.4%\) in 2 gaps, the longest 150"):
        build_dataset(without(candles, drop))


def test_prices_that_stand_still_are_refused() -> None:
    with pytest.raises(BadCandles, match=r"only 0\.0% of the closes differ"):
        build_dataset(standing(np.full(4_500, 100.0)))


def test_no_window_or_label_of_one_part_shares_a_candle_with_another() -> None:
    data = build_dataset(hourly_market("BTCUSDT"))
    for fold in make_folds(data, 3):
        for ahead, behind in ((fold.train, fold.validate), (fold.validate, fold.test)):
            label_ends = data.rows[ahead[-1]] + data.horizon
            window_starts = data.rows[behind[0]] - 119
            assert label_ends < window_starts


def test_the_last_test_part_is_never_trained_on() -> None:
    data = build_dataset(hourly_market("BTCUSDT"))
    folds = make_folds(data, 2)
    assert max(fold.validate[-1] for fold in folds) < folds[-1].test[0]
    assert folds[-1].test[-1] == len(data) - 1


def test_overlapping_parts_are_refused_with_the_numbers() -> None:
    data = build_dataset(hourly_market("BTCUSDT"))
    fold = Fold(np.arange(2_000), np.arange(2_121, 3_000), np.arange(2_990, 4_000))
    with pytest.raises(BadUsage, match=r"validation and test overlap: .* -9 candles .* over 121"):
        check_folds(data, [fold], 120)


def test_folds_count_missing_candles_as_time() -> None:
    candles = hourly_market("BTCUSDT")
    late = candles.open_time + np.where(np.arange(len(candles)) >= 4_000, 3_600_000 * 50, 0)
    data = build_dataset(replace(candles, open_time=late))
    assert data.at[-1] == data.rows[-1] + 50
