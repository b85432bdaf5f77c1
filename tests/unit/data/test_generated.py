from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeward.data.generated import generate_candles, generate_market
from leeward.domain.candles import OPTIONAL, PRICES
from leeward.domain.columns import FloatColumn
from leeward.domain.errors import BadUsage
from leeward.domain.timeframe import Timeframe

HOUR, DAY = Timeframe.parse("1h"), Timeframe.parse("1d")
START_MS = 1_577_836_800_000  # 2020-01-01
SYMBOLS = ("BTCUSDT", "ETHUSDT", "DOGEUSDT", "NEWUSDT")
COLUMNS = ("open_time", *PRICES, "volume", *OPTIONAL)


def log_returns(symbol: str, seed: int, rows: int = 20_000) -> FloatColumn:
    close = generate_candles(symbol, HOUR, START_MS, rows, seed).close
    return np.diff(np.log(close))


def autocorrelation(column: FloatColumn, lag: int) -> float:
    centred = column - column.mean()
    return float((centred[lag:] * centred[:-lag]).mean() / (centred**2).mean())


def test_the_same_seed_gives_the_same_bytes_on_every_machine() -> None:
    candles = generate_candles("BTCUSDT", HOUR, START_MS, 10_000, seed=7)
    digest = hashlib.sha256()
    for name in COLUMNS:
        digest.update(getattr(candles, name).tobytes())
    # The pure Python of NUMBA_DISABLE_JIT=1 and a generic processor gave the same.
    expected = "1d11c9dbfaa9b81d1c6d234a390f10769cc343aeeffd3b8c86f388cb47eddd16"
    assert digest.hexdigest() == expected


def test_another_seed_gives_another_market() -> None:
    one, other = (generate_candles("BTCUSDT", HOUR, START_MS, 100, seed) for seed in (1, 2))
    assert not np.array_equal(one.close, other.close)


@given(shorter=st.integers(0, 9_000), seed=st.integers(0, 2**32))
def test_the_first_candles_do_not_depend_on_how_many_are_asked_for(shorter: int, seed: int) -> None:
    long = generate_candles("ETHUSDT", HOUR, START_MS, 9_000, seed)
    short = generate_candles("ETHUSDT", HOUR, START_MS, shorter, seed)
    for name in COLUMNS:
        assert np.array_equal(getattr(short, name), getattr(long, name)[:shorter])


def test_a_symbol_does_not_depend_on_the_others() -> None:
    market = generate_market(SYMBOLS, HOUR, START_MS, 500, seed=3)
    alone = generate_candles("DOGEUSDT", HOUR, START_MS, 500, seed=3)
    assert market["DOGEUSDT"].sha256 == alone.sha256


@given(
    timeframe=st.sampled_from([Timeframe.parse(name) for name in Timeframe.names()]),
    symbol=st.sampled_from(SYMBOLS),
    seed=st.integers(0, 2**63),
)
def test_candles_of_every_length_keep_the_rules(
    timeframe: Timeframe, symbol: str, seed: int
) -> None:
    candles = generate_candles(symbol, timeframe, timeframe.floor(START_MS), 300, seed)
    assert len(candles) == 300
    assert candles.gaps == ()
    assert candles.quote_volume is not None
    assert candles.taker_buy_volume is not None
    vwap = candles.quote_volume / candles.volume
    assert ((vwap > candles.low * 0.9999) & (vwap < candles.high * 1.0001)).all()
    assert (candles.taker_buy_volume <= candles.volume).all()


def test_prices_lie_on_the_ticks_of_the_symbol() -> None:
    for symbol, decimals in (("BTCUSDT", 2), ("DOGEUSDT", 7)):
        candles = generate_candles(symbol, HOUR, START_MS, 1_000, seed=5)
        for name in PRICES:
            column = getattr(candles, name)
            assert np.array_equal(column, np.round(column, decimals))


@pytest.mark.parametrize("seed", range(4))
def test_returns_have_fat_tails_and_clustered_volatility(seed: int) -> None:
    returns = log_returns("BTCUSDT", seed)
    kurtosis = ((returns - returns.mean()) ** 4).mean() / returns.var() ** 2
    assert 5 < kurtosis < 100
    assert 0.004 < returns.std() < 0.015
    assert autocorrelation(np.abs(returns), 1) > 0.1
    assert autocorrelation(np.abs(returns), 24) > 0.03


@pytest.mark.parametrize("seed", range(4))
def test_the_last_return_says_nothing_about_the_next(seed: int) -> None:
    returns = log_returns("ETHUSDT", seed)
    for lag in (1, 2, 3, 6, 12, 24):
        assert abs(autocorrelation(returns, lag)) < 0.05


@pytest.mark.parametrize("seed", range(4))
def test_symbols_move_together_but_not_alike(seed: int) -> None:
    market = generate_market(SYMBOLS, HOUR, START_MS, 20_000, seed)
    table = np.corrcoef([np.diff(np.log(candles.close)) for candles in market.values()])
    for one, other in itertools.combinations(range(len(SYMBOLS)), 2):
        assert 0.5 < table[one, other] < 0.92


def test_volume_follows_volatility_and_the_time_of_day() -> None:
    candles = generate_candles("BTCUSDT", HOUR, START_MS, 20_016, seed=2)
    reach = np.log(candles.high / candles.low)
    assert np.corrcoef(np.log(candles.volume), np.log(reach))[0, 1] > 0.4
    by_hour = np.median(candles.volume.reshape(-1, 24), axis=0)
    assert by_hour[14] > 1.3 * by_hour[4]


@pytest.mark.parametrize("seed", range(3))
def test_centuries_of_candles_keep_a_price_that_can_be_traded(seed: int) -> None:
    close = generate_candles("BTCUSDT", DAY, START_MS, 100_000, seed).close
    assert close.min() > 300
    assert close.max() < 30_000_000


def test_a_start_between_two_candles_and_negative_counts_are_refused() -> None:
    with pytest.raises(BadUsage, match="not the open of a 1h"):
        generate_candles("BTCUSDT", HOUR, START_MS + 1, 10, seed=1)
    with pytest.raises(BadUsage, match="rows -1"):
        generate_candles("BTCUSDT", HOUR, START_MS, -1, seed=1)
