from __future__ import annotations

from pathlib import PurePath

import pytest

from leeward.data.naming import Series, read_name
from leeward.domain.errors import BadCandles
from leeward.domain.timeframe import Timeframe

HOUR, MINUTE = Timeframe.parse("1h"), Timeframe.parse("1m")


@pytest.mark.parametrize(
    ("name", "symbol", "timeframe", "futures"),
    [
        ("BTCUSDT-1h-2024-03.csv", "BTCUSDT", "1h", False),
        ("BTCUSDT-1h.parquet", "BTCUSDT", "1h", False),
        ("BTCUSDT-1m-2025H1.parquet", "BTCUSDT", "1m", False),
        ("folder/ADABTC-1m-2021-11-28.zip", "ADABTC", "1m", False),
        ("um-futures-AVAXUSDT-1m-2024-02-01.csv", "AVAXUSDT", "1m", True),
        ("data/futures/um/monthly/klines/BTCUSDT-15m-2024-02.zip", "BTCUSDT", "15m", True),
        ("BTC_USDT-1h.feather", "BTCUSDT", "1h", False),
        ("BTC_USDT_USDT-1h-futures.feather", "BTCUSDT", "1h", True),
        ("ETH_BTC_BTC-4h.feather", "ETHBTC", "4h", True),
        ("btcusdt_1D.csv", "BTCUSDT", "1d", False),
        ("binance-1000PEPEUSDT-5m.csv", "1000PEPEUSDT", "5m", False),
        ("BTC-USDT 1W.csv", "BTCUSDT", "1w", False),
    ],
)
def test_usual_names_tell_symbol_and_timeframe(
    name: str, symbol: str, timeframe: str, futures: bool
) -> None:
    read = read_name(PurePath(name), None, None)
    assert read == Series(symbol, Timeframe.parse(timeframe), futures)


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("candles.csv", "--symbol and --timeframe"),
        ("BTCUSDT.csv", "--timeframe"),
        ("BTCUSDT-1M-2024.csv", "--symbol and --timeframe"),
        ("candles-1h.csv", "--symbol"),
        ("USDT-1h.csv", "--symbol"),
        ("1h.csv", "--symbol"),
        ("BTCUSDT-funding-8h.parquet", "--symbol"),
        ("my-old-BTCUSDT-1h.csv", "--symbol"),
    ],
)
def test_a_name_that_would_need_a_guess_is_refused(name: str, missing: str) -> None:
    with pytest.raises(
        BadCandles, match=rf"name it like BTCUSDT-1h-2024-03\.csv, or give {missing}$"
    ):
        read_name(PurePath(name), None, None)


def test_what_is_given_overrules_the_name() -> None:
    path = PurePath("BTCUSDT-1h.csv")
    assert read_name(path, "ETHUSDT", None) == Series("ETHUSDT", HOUR)
    assert read_name(path, None, MINUTE) == Series("BTCUSDT", MINUTE)
    assert read_name(PurePath("x.csv"), "ETHUSDT", MINUTE) == Series("ETHUSDT", MINUTE)
