from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import talib
from tests.walks import walk

from leeward.indicators import obv


def test_obv_is_that_of_talib() -> None:
    candles = walk(500)
    ours = obv(candles.close, candles.volume)
    np.testing.assert_allclose(ours, talib.OBV(candles.close, candles.volume), rtol=1e-9)


def test_obv_of_real_candles_is_that_of_talib(market_data: Path) -> None:
    table = pl.read_parquet(market_data / "BTCUSDT-1h.parquet")
    close, volume = table["close"].to_numpy(), table["volume"].to_numpy()
    np.testing.assert_allclose(obv(close, volume), talib.OBV(close, volume), rtol=1e-9)


def test_obv_starts_again_behind_a_nan() -> None:
    close = np.array([np.nan, 1.0, 2.0, np.nan, 5.0, 4.0])
    volume = np.array([9.0, 1.0, 2.0, 3.0, 4.0, 1.0])
    np.testing.assert_array_equal(obv(close, volume), [np.nan, 1.0, 3.0, np.nan, 4.0, 3.0])
