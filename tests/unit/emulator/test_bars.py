"""Replayed bars equal their source; every interval follows from the same trades."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from tests.emulated import START_MS, dec, exchange_of, minute_candles, place, refusal

from leeward.domain.candles import Candles
from leeward.domain.timeframe import Timeframe
from leeward.emulator.exchange import Exchange
from leeward.emulator.options import Options
from leeward.emulator.rejections import Json
from leeward.emulator.symbols import symbol_rules

MINUTE = 60_000


def real_minutes(folder: Path, rows: int) -> Candles:
    """Returns the first minutes of June 2022."""
    import polars as pl

    table = pl.read_parquet(folder / "BTCUSDT-1m-2022-06.parquet", n_rows=rows)
    names = {name.lower(): name for name in table.columns}
    o, h, low, c, v = (
        table[names[name]].to_numpy().astype(np.float64)
        for name in ("open", "high", "low", "close", "volume")
    )
    time_name = names.get("open_time") or names.get("opentime") or table.columns[0]
    times = table[time_name]
    if times.dtype.is_temporal():
        times = times.dt.epoch("ms")
    opens = times.to_numpy().astype(np.int64)
    return Candles("BTCUSDT", Timeframe.parse("1m"), opens, o, h, low, c, v)


@pytest.fixture(scope="module")
def candles(market_data: Path) -> Candles:
    return real_minutes(market_data, 400)


def replay(candles: Candles, *streams: str, **options: object) -> Iterator[tuple[str, Json, int]]:
    """Yields stream, payload and time of every message of a whole replay."""
    start = int(candles.open_time[0])
    exchange = Exchange(
        [symbol_rules("BTCUSDT")],
        {"BTCUSDT": candles},
        3,
        start,
        Options(**options),  # type: ignore[arg-type] # any option
    )
    for stream in streams:
        assert exchange.watch(stream)
    while (due := exchange.next_event_us()) is not None:
        exchange.advance(due)
        for message in exchange.drain():
            assert isinstance(message.payload, dict)
            yield message.channel[1], message.payload, message.time_us


@pytest.mark.parametrize("ticks", [4, 20])
def test_bars_rebuilt_from_the_trade_stream_equal_the_source(candles: Candles, ticks: int) -> None:
    rebuilt: dict[int, list[Decimal]] = {}
    messages = replay(candles, "btcusdt@trade", ticks_per_bar=ticks)
    for number, (_, trade, time_us) in enumerate(messages, 1):
        assert trade["t"] == number
        assert trade["T"] == trade["E"] == time_us // 1000
        price, quantity = dec(trade["p"]), dec(trade["q"])
        minute = time_us // 1000 // MINUTE * MINUTE
        bar = rebuilt.setdefault(minute, [price, price, price, price, Decimal(0)])
        bar[1:] = [max(bar[1], price), min(bar[2], price), price, bar[4] + quantity]
    columns = (candles.open, candles.high, candles.low, candles.close, candles.volume)
    source = {
        int(time): [Decimal(repr(float(column[k]))) for column in columns]
        for k, time in enumerate(candles.open_time)
    }
    assert rebuilt == source


def test_every_bar_closes_exactly_once_before_the_next_begins(candles: Candles) -> None:
    streams = ["btcusdt@kline_1m", "btcusdt@kline_5m", "btcusdt@kline_1h"]
    closed: dict[str, list[int]] = {name: [] for name in streams}
    for stream, event, _ in replay(candles, *streams):
        bar = event["k"]
        assert isinstance(bar, dict)
        open_ms, close_ms = bar["t"], bar["T"]
        assert not closed[stream] or open_ms > closed[stream][-1]
        if bar["x"]:
            closed[stream].append(open_ms)
            assert close_ms < dec(event["E"]) <= close_ms + 1 + 80
            if stream != streams[0]:
                assert closed[streams[0]][-1] == close_ms + 1 - MINUTE
    assert closed[streams[0]] == candles.open_time.tolist()
    assert len(closed[streams[1]]) == len(candles) // 5
    assert len(closed[streams[2]]) == len(candles) // 60


def test_klines_of_history_and_replay_equal_the_source(candles: Candles) -> None:
    start = int(candles.open_time[100])
    exchange = Exchange([symbol_rules("BTCUSDT")], {"BTCUSDT": candles}, 3, start)
    exchange.advance((start + 100 * MINUTE + 90) * 1000)
    rows = exchange.klines("BTCUSDT", "1m", limit=200, end_ms=start + 100 * MINUTE - 1)
    for row, k in zip(rows, range(200), strict=True):
        assert row[0] == candles.open_time[k]
        assert [dec(value) for value in row[1:6]] == [
            Decimal(repr(float(column[k])))
            for column in (candles.open, candles.high, candles.low, candles.close, candles.volume)
        ]
    hours = exchange.klines("BTCUSDT", "1h", limit=2, start_ms=int(candles.open_time[0]))
    hour = candles.rows(0, 60)
    assert dec(hours[0][2]) == Decimal(repr(float(hour.high.max())))
    assert dec(hours[0][4]) == Decimal(repr(float(hour.close[-1])))
    assert float(str(hours[0][5])) == pytest.approx(hour.volume.sum(), abs=1e-8)


def test_the_running_bar_comes_last_and_agrees_with_the_ticker() -> None:
    exchange = exchange_of((100.0, 104.0, 99.0, 103.0, 50.0))
    exchange.advance((START_MS + MINUTE + 59_999) * 1000)
    rows = exchange.klines("TSTUSDT", "1m")
    assert [row[0] for row in rows] == [START_MS, START_MS + MINUTE]
    assert rows[-1][1:6] == [
        "100.00000000", "104.00000000", "99.00000000", "103.00000000", "50.00000000",
    ]  # fmt: skip
    day = exchange.ticker_24hr(["TSTUSDT"])[0]
    assert (day["highPrice"], day["volume"]) == ("104.00000000", "1050.00000000")
    assert exchange.ticker_price(["TSTUSDT"]) == [{"symbol": "TSTUSDT", "price": "103.00000000"}]


def test_a_gap_closes_flat_bars_without_trades() -> None:
    whole = minute_candles([(100.0, 101.0, 99.0, 100.5, 5.0)] * 5, "BTCUSDT")
    kept = np.array([0, 3, 4])
    o, h, low, c, v = (
        column[kept] for column in (whole.open, whole.high, whole.low, whole.close, whole.volume)
    )
    candles = Candles("BTCUSDT", whole.timeframe, whole.open_time[kept], o, h, low, c, v)
    closed = [
        event["k"]
        for _, event, _ in replay(candles, "btcusdt@kline_1m")
        if event["k"]["x"]  # type: ignore[index] # a kline event
    ]
    assert len(closed) == 5
    assert [(bar["n"], bar["o"], bar["f"]) for bar in closed[1:3]] == [  # type: ignore[index] # a kline event
        (0, "100.50000000", -1)
    ] * 2


def test_a_clients_fills_change_no_bar() -> None:
    bars = []
    for trades in (False, True):
        exchange = exchange_of((100.0, 104.0, 99.0, 103.0, 50.0))
        if trades:
            place(exchange, "BUY", "MARKET", "20")
            place(exchange, "BUY", "LIMIT", "20", price="99.5")
        exchange.advance((START_MS + 3 * MINUTE) * 1000)
        bars.append([row[:8] for row in exchange.klines("TSTUSDT", "1m")])
    assert bars[0] == bars[1]


def test_intervals_finer_than_the_candles_come_from_the_trades() -> None:
    exchange = exchange_of((100.0, 104.0, 99.0, 103.0, 50.0))
    exchange.watch("tstusdt@kline_1s")
    exchange.advance((START_MS + 2 * MINUTE + 90) * 1000)
    closed = [
        message.payload["k"] for message in exchange.drain()
        if isinstance(message.payload, dict) and message.payload["k"]["x"]
    ]  # fmt: skip
    times = [bar["t"] for bar in closed]
    assert times == list(range(times[0], times[0] + 1000 * len(times), 1000))
    assert sum(dec(bar["v"]) for bar in closed) == Decimal(50)


def test_weeks_months_and_time_zones_start_where_they_should() -> None:
    exchange = exchange_of()
    week = exchange.klines("TSTUSDT", "1w")[0][0]
    month = exchange.klines("TSTUSDT", "1M")[0]
    day = exchange.klines("TSTUSDT", "1d", offset_ms=8 * 3_600_000)[0][0]
    assert week == 1_699_833_600_000  # Monday 2023-11-13
    assert (month[0], month[6]) == (1_698_796_800_000, 1_701_388_799_999)  # November 2023
    assert day == 1_699_977_600_000  # 2023-11-14 16:00 UTC = midnight in +08:00
    assert refusal(exchange.klines, "TSTUSDT", "1H") == (-1120, "Invalid interval.")
