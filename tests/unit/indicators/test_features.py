from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leeward.domain.candles import Candles
from leeward.domain.columns import FloatColumn, IntColumn
from leeward.domain.timeframe import Timeframe
from leeward.indicators.features import (
    FEATURES_PRICE,
    FEATURES_SENTIMENT,
    WINDOW,
    FeatureTable,
    FloatTable,
    features,
    raw_windows,
    windows_of,
)

HOUR = Timeframe.parse("1h")
ROWS = 400


def walk(rows: int = ROWS, seed: int = 1, gap_after: int | None = None) -> Candles:
    chance = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(chance.normal(0, 0.01, rows)))
    open_ = np.append(100.0, close[:-1])
    high = np.maximum(open_, close) * (1 + chance.uniform(0, 0.01, rows))
    low = np.minimum(open_, close) * (1 - chance.uniform(0, 0.01, rows))
    time = np.arange(rows) * HOUR.length_ms
    if gap_after is not None:
        time[gap_after + 1 :] += HOUR.length_ms
    volume = chance.lognormal(3, 1, rows)
    return Candles("BTCUSDT", HOUR, time, open_, high, low, close, volume)


def changed(candles: Candles, **columns: FloatColumn) -> Candles:
    own = {name: getattr(candles, name) for name in FEATURES_PRICE}
    return Candles("BTCUSDT", HOUR, candles.open_time, **(own | columns), checked=True)


def known_sentiment(rows: int = ROWS) -> FloatTable:
    return np.random.default_rng(2).normal(0, 1, (rows, len(FEATURES_SENTIMENT)))


def as_defined(raw: FloatTable) -> tuple[FeatureTable, float]:
    """The features of one window [120, C], written from their definition."""
    log_price, log_volume = np.log(raw[:, :4]), np.log1p(raw[:, 4])
    sigma = float(np.std(np.diff(log_price[:, 3])))
    price = (log_price - log_price[-1, 3]) / (sigma * np.sqrt(WINDOW))
    spread = float(np.std(log_volume))
    z = (log_volume - np.mean(log_volume)) / spread if spread > 1e-12 else 0 * log_volume
    volume = np.clip(z, -4, 4) / 2
    return np.column_stack([price, volume, raw[:, 5:]]).astype(np.float32), sigma


@pytest.mark.parametrize("channels", [5, 13])
def test_features_are_as_defined(channels: int) -> None:
    candles = walk()
    sentiment = known_sentiment() if channels == 13 else None
    raw = raw_windows(candles, np.arange(WINDOW - 1, ROWS), sentiment)
    found, sigma = features(raw)
    assert found.shape == (ROWS - WINDOW + 1, WINDOW, channels)
    assert found.dtype == np.float32
    for i, window in enumerate(raw):
        expected, deviation = as_defined(window)
        np.testing.assert_allclose(found[i], expected, rtol=2e-6, atol=2e-6)
        assert sigma[i] == pytest.approx(deviation, rel=1e-12)


@pytest.mark.parametrize("channels", [5, 13])
def test_a_window_gives_the_same_bits_alone_in_a_batch_and_in_a_history(channels: int) -> None:
    candles = walk()
    sentiment = known_sentiment() if channels == 13 else None
    history = windows_of(candles, sentiment)
    raw = raw_windows(candles, history.rows, sentiment)
    batch, batch_sigma = features(raw)
    np.testing.assert_array_equal(history.features(), batch)
    np.testing.assert_array_equal(history.sigma, batch_sigma)
    for i in range(0, len(history), 17):
        row = int(history.rows[i])
        alone, sigma = features(raw[i : i + 1])
        part = slice(row - WINDOW + 1, row + 1)
        live = windows_of(
            candles.rows(part.start, part.stop), None if sentiment is None else sentiment[part]
        )
        np.testing.assert_array_equal(alone[0], batch[i])
        np.testing.assert_array_equal(live.features()[0], batch[i])
        np.testing.assert_array_equal(history.features(i, i + 1)[0], batch[i])
        assert sigma[0] == batch_sigma[i] == live.sigma[0]


def test_layout_of_the_memory_changes_no_bit() -> None:
    raw = raw_windows(walk(), np.arange(200, 260))
    found, sigma = features(raw)
    for other in (np.asfortranarray(raw), np.repeat(raw, 2, axis=2)[:, :, ::2]):
        np.testing.assert_array_equal(features(other)[0], found)
        np.testing.assert_array_equal(features(other)[1], sigma)


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), kept=st.integers(0, ROWS), gap=st.integers(0, ROWS))
def test_deleting_later_candles_changes_no_window(seed: int, kept: int, gap: int) -> None:
    candles, sentiment = walk(seed=seed, gap_after=gap), known_sentiment()
    whole, early = (
        windows_of(candles, sentiment),
        windows_of(candles.rows(0, kept), sentiment[:kept]),
    )
    count = int(np.searchsorted(whole.rows, kept))
    np.testing.assert_array_equal(early.rows, whole.rows[:count])
    np.testing.assert_array_equal(early.sigma, whole.sigma[:count])
    np.testing.assert_array_equal(early.features(), whole.features(0, count))


@settings(max_examples=30)
@given(price=st.floats(1e-6, 1e6), volume=st.floats(100, 1e6))
def test_the_unit_of_price_and_volume_does_not_matter(price: float, volume: float) -> None:
    candles = walk(160)
    scaled = {name: getattr(candles, name) * price for name in FEATURES_PRICE[:4]}
    own = windows_of(candles)
    other = windows_of(changed(candles, **scaled, volume=candles.volume * volume))
    np.testing.assert_allclose(other.sigma, own.sigma, rtol=1e-9)
    a, b = own.features(), other.features()
    np.testing.assert_allclose(b[:, :, :4], a[:, :, :4], atol=1e-5)
    # The 1 in log(1 + volume) weighs less the larger the volume.
    np.testing.assert_allclose(b[:, :, 4], a[:, :, 4], atol=0.5)


def test_a_missing_candle_leaves_out_every_window_that_would_hold_it() -> None:
    rows = windows_of(walk(gap_after=150)).rows
    expected = [*range(WINDOW - 1, 151), *range(150 + WINDOW, ROWS)]
    assert rows.tolist() == expected


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0, -1.0])
@pytest.mark.parametrize("name", FEATURES_PRICE[:4])
def test_an_impossible_price_leaves_out_its_windows(name: str, bad: float) -> None:
    candles = walk()
    column = getattr(candles, name).copy()
    column[200] = bad
    hurt = changed(candles, **{name: column})
    assert windows_of(hurt).rows.tolist() == [*range(WINDOW - 1, 200), *range(200 + WINDOW, ROWS)]
    found, sigma = features(raw_windows(hurt, np.array([199, 200, 319, 320])))
    assert np.isnan(sigma).tolist() == [False, True, True, False]
    assert np.isnan(found).all(axis=(1, 2)).tolist() == [False, True, True, False]
    assert np.isfinite(found[[0, 3]]).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.5, -2.0])
def test_an_impossible_volume_leaves_out_its_windows(bad: float) -> None:
    candles = walk()
    volume = candles.volume.copy()
    volume[200] = bad
    rows = windows_of(changed(candles, volume=volume)).rows
    assert rows.tolist() == [*range(WINDOW - 1, 200), *range(200 + WINDOW, ROWS)]


def test_a_window_needs_some_volume() -> None:
    candles = walk()
    volume = np.zeros(ROWS)
    volume[150] = 3.0
    rows = windows_of(changed(candles, volume=volume)).rows
    assert rows.tolist() == list(range(150, 150 + WINDOW))


def test_volume_that_never_changes_is_zero_and_not_noise() -> None:
    found = windows_of(changed(walk(), volume=np.full(ROWS, 0.1))).features()
    assert not found[:, :, 4].any()


def test_a_burst_of_volume_is_clipped_at_four_deviations() -> None:
    volume = np.ones(ROWS)
    volume[200] = 1e9
    found = windows_of(changed(walk(), volume=volume)).features()
    assert found[:, :, 4].max() == 2.0


@pytest.mark.parametrize("growth", [1.0, 1.01], ids=["flat", "steady growth"])
def test_prices_without_volatility_have_no_window(growth: float) -> None:
    price: FloatColumn = 100.0 * np.power(growth, np.arange(ROWS))
    still = changed(walk(), open=price, high=price, low=price, close=price)
    assert len(windows_of(still)) == 0
    assert windows_of(still).features().shape == (0, WINDOW, 5)


def test_the_smallest_price_step_is_volatility() -> None:
    price = np.full(WINDOW, 60_000.0)
    price[50:] += 0.01
    still = changed(walk(WINDOW), open=price, high=price, low=price, close=price)
    assert len(windows_of(still)) == 1


def test_unknown_sentiment_leaves_out_its_windows() -> None:
    sentiment = known_sentiment()
    sentiment[:30] = np.nan
    sentiment[300, 4] = np.nan
    rows = windows_of(walk(), sentiment).rows
    assert rows.tolist() == list(range(30 + WINDOW - 1, 300))


@pytest.mark.parametrize("rows", [0, 1, WINDOW - 1])
def test_too_few_candles_have_no_window(rows: int) -> None:
    assert len(windows_of(walk().rows(0, rows))) == 0


def test_no_window_is_no_feature() -> None:
    found, sigma = features(np.empty((0, WINDOW, 5)))
    assert found.shape == (0, WINDOW, 5)
    assert sigma.shape == (0,)


def test_real_hours_give_windows_between_outages(market_data: Path) -> None:
    table = pq.read_table(market_data / "BTCUSDT-1h.parquet")
    time: IntColumn = table["open_time"].to_numpy().astype("datetime64[ms]").astype(np.int64)
    columns = [table[name].to_numpy() for name in FEATURES_PRICE]
    candles = Candles("BTCUSDT", HOUR, time, *columns)
    windows = windows_of(candles)
    span = candles.open_time[windows.rows] - candles.open_time[windows.rows - WINDOW + 1]
    assert (span == (WINDOW - 1) * HOUR.length_ms).all()
    assert len(windows) == 65_550
    some = windows.features(0, 20_000)
    assert np.isfinite(some).all()
    assert np.abs(some).max() < 5.0
    assert not some[:, -1, 3].any()  # the last close is the origin of every window
