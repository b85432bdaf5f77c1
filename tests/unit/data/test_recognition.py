from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from tests.candle_files import HEADER, Cell, archive_rows, csv_of, import_text, rows_of
from tests.walks import walk

from leeward.data.columns import column_or_nan
from leeward.data.importing import Asked, import_file
from leeward.data.merging import Merged
from leeward.data.store import CandleStore
from leeward.domain.candles import OPTIONAL
from leeward.domain.timeframe import Timeframe
from leeward.domain.times import iso

HOUR = Timeframe.parse("1h")


@pytest.fixture
def store(tmp_path: Path) -> CandleStore:
    return CandleStore(tmp_path / "store")


@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        "timestamp,Open,High,Low,Close,Volume",
        "date,open,high,low,close,volume",
        "Open Time,Open Price,High Price,Low Price,Close Price,Vol",
        "openTime,o,h,l,c,v",
    ],
)
@pytest.mark.parametrize(
    "time",
    [
        iso,
        lambda at: iso(at).removesuffix("Z"),
        lambda at: iso(at).replace("T", " ").replace("Z", "+00:00"),
        lambda at: iso(at).replace("T", " ").replace("Z", " UTC"),
        lambda at: at // 1000,
        lambda at: f"{at // 1000}.0",
        lambda at: at,
        lambda at: at * 1000,
        lambda at: at * 1_000_000,
    ],
    ids=["Z", "no zone", "+00:00", "UTC", "s", "float s", "ms", "µs", "ns"],
)
def test_csv_with_usual_names_and_times_is_understood(
    store: CandleStore, header: str, time: Callable[[int], Cell]
) -> None:
    candles = walk(50)
    outcome = import_text(store, csv_of(rows_of(candles, time), header))

    assert outcome.merged == Merged(added=50)
    assert store.load("BTCUSDT", HOUR).sha256 == candles.sha256


def test_dates_alone_are_midnight_and_other_zones_are_brought_to_utc(store: CandleStore) -> None:
    days = walk(5, "1d")
    text = csv_of(rows_of(days, lambda at: iso(at)[:10]), "Date,Open,High,Low,Close,Volume")
    assert import_text(store, text, "ETHUSDT-1d.csv").merged == Merged(added=5)
    assert store.load("ETHUSDT", days.timeframe).open_time.tolist() == days.open_time.tolist()

    hours = walk(5)
    shifted = csv_of(rows_of(hours, lambda at: iso(at + 7_200_000).replace("Z", "+02:00")))
    assert import_text(store, shifted).merged == Merged(added=5)
    assert store.load("BTCUSDT", HOUR).open_time.tolist() == hours.open_time.tolist()


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_separators_line_ends_quotes_blank_lines_and_marks_are_understood(
    store: CandleStore, separator: str, ends: str
) -> None:
    candles = walk(5)
    quoted = [[f'"{row[0]}"', *row[1:]] for row in rows_of(candles)]
    text = csv_of(quoted, separator=separator).replace("\n", ends)
    text = "\ufeff" + ends + text + ends

    assert import_text(store, text).merged == Merged(added=5)
    assert store.load("BTCUSDT", HOUR).sha256 == candles.sha256


@pytest.mark.parametrize("per_ms", [1, 1000])
@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("zipped", [True, False])
def test_the_exchange_archive_layout_is_understood(
    store: CandleStore, per_ms: int, header: bool, zipped: bool
) -> None:
    candles = walk(50, optional=True)
    names = (
        "open_time,open,high,low,close,volume,close_time,quote_volume,count,"
        "taker_buy_volume,taker_buy_quote_volume,ignore"
    )
    text = csv_of(archive_rows(candles, per_ms), names if header else "")
    if zipped:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("BTCUSDT-1h-2024-01.csv", text)
        outcome = import_text(store, packed.getvalue(), "BTCUSDT-1h-2024-01.zip")
    else:
        outcome = import_text(store, text, "BTCUSDT-1h-2024-01.csv")

    assert outcome.merged == Merged(added=50)
    back = store.load("BTCUSDT", HOUR)
    assert back.sha256 == candles.sha256
    for name in OPTIONAL:
        assert column_or_nan(back, name).tolist() == column_or_nan(candles, name).tolist()


def test_each_member_of_a_zip_is_a_file_of_its_own(store: CandleStore) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("ETHUSDT-1h-2024-01.csv", "")
        archive.writestr("BTCUSDT-1h-2024-01.csv", csv_of(rows_of(walk(5))))
        archive.writestr("__MACOSX/._BTCUSDT-1h-2024-01.csv", "x")
        archive.writestr("readme.txt", "hello")
    path = store.root.parent / "all.zip"
    path.write_bytes(packed.getvalue())

    empty, good = import_file(store, path, Asked())

    assert empty.refused == f"{path}/ETHUSDT-1h-2024-01.csv: is empty"
    assert good.merged == Merged(added=5)


@pytest.mark.parametrize("kind", ["parquet", "feather"])
@pytest.mark.parametrize(
    "time",
    [pl.Datetime("ms", "UTC"), pl.Datetime("us"), pl.Datetime("ns", "Europe/Berlin"), pl.Int64],
)
def test_tables_with_any_kind_of_time_are_understood(
    store: CandleStore, kind: str, time: pl.DataType
) -> None:
    candles = walk(50)
    table = pl.DataFrame(rows_of(candles, int), HEADER.split(","), orient="row")
    stamps = pl.from_epoch("open_time", "ms").dt.replace_time_zone("UTC")
    if isinstance(time, pl.Datetime):
        zone = time.time_zone or "UTC"
        stamps = stamps.dt.convert_time_zone(zone).dt.cast_time_unit(time.time_unit)
        stamps = stamps if time.time_zone else stamps.dt.replace_time_zone(None)
        table = table.with_columns(stamps).rename({"open_time": "date"})
    content = io.BytesIO()
    table.write_parquet(content) if kind == "parquet" else table.write_ipc(content)

    outcome = import_text(store, content.getvalue(), f"BTC_USDT-1h.{kind}")

    assert outcome.merged == Merged(added=50)
    assert store.load("BTCUSDT", HOUR).sha256 == candles.sha256


def test_a_feather_file_as_freqtrade_writes_it_is_understood(store: CandleStore) -> None:
    import pandas as pd

    candles = walk(50)
    frame = pd.DataFrame(
        {
            "date": pd.to_datetime(candles.open_time, unit="ms", utc=True),
            "open": candles.open,
            "high": candles.high,
            "low": candles.low,
            "close": candles.close,
            "volume": candles.volume,
        }
    )
    path = store.root.parent / "BTC_USDT-1h.feather"
    frame.to_feather(path, compression="lz4")

    (outcome,) = import_file(store, path, Asked())

    assert outcome.merged == Merged(added=50)
    assert store.load("BTCUSDT", HOUR).sha256 == candles.sha256
