from __future__ import annotations

import io
import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.walks import walk

from leeward.data.columns import column_or_nan
from leeward.data.conversion import candles_to_pandas, candles_to_polars
from leeward.data.exporting import export_candles
from leeward.data.importing import parse_table
from leeward.data.naming import Series
from leeward.data.tables import read_tables
from leeward.domain.candles import OPTIONAL, Candles
from leeward.domain.errors import BadUsage, CannotWrite


@pytest.fixture
def partly_known() -> Candles:
    """Candles whose optional columns are unknown in some rows, one of them in all."""
    candles = walk(300, optional=True)
    assert candles.trades is not None
    trades = candles.trades.copy()
    trades[:100] = np.nan
    return replace(candles, trades=trades, taker_buy_volume=None)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".feather"])
def test_an_exported_file_imports_to_the_same_bits(
    tmp_path: Path, partly_known: Candles, suffix: str
) -> None:
    out = tmp_path / f"BTCUSDT-1h{suffix}"
    export_candles(partly_known, out)

    (table,) = read_tables(out)
    back = parse_table(table, Series("BTCUSDT", partly_known.timeframe), skip_bad=False).candles

    assert back.sha256 == partly_known.sha256
    for name in OPTIONAL:
        ours, theirs = column_or_nan(back, name), column_or_nan(partly_known, name)
        assert np.array_equal(ours, theirs, equal_nan=True)
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_csv_is_plain_to_read(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    candles = replace(
        walk(2),
        open=np.array([1.5, 2.0]),
        high=np.array([3.0, 2.25]),
        low=np.array([1.0, 0.00001234]),
        close=np.array([2.0, 2.1]),
        volume=np.array([0.0, 1e6]),
        trades=np.array([12.0, np.nan]),
    )
    export_candles(candles, out)

    header, *lines = out.read_text(encoding="utf-8").splitlines()
    assert header == "open_time,open,high,low,close,volume,trades"
    assert lines[0] == "2024-01-01T00:00:00Z,1.5,3.0,1.0,2.0,0.0,12"
    assert lines[1].startswith("2024-01-01T01:00:00Z,2.0,2.25,")
    assert lines[1].endswith(",2.1,1000000.0,")


def test_an_export_replaces_the_file_in_one_step(tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    out.write_bytes(b"old")
    export_candles(walk(3), out)
    assert pl.read_parquet(io.BytesIO(out.read_bytes())).height == 3


@pytest.mark.parametrize("name", ["out.xls", "out", ".csv"])
def test_an_unknown_file_type_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        BadUsage, match=r"unknown file type .* [Kk]nown: \.csv, \.feather, \.parquet"
    ):
        export_candles(walk(3), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".feather"])
def test_an_export_that_does_not_fit_leaves_the_old_file(tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"out{suffix}"
    out.write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(CannotWrite, match=rf"out{suffix}: cannot be written: .*File too large"):
            export_candles(walk(5000), out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert out.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [out]


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match=r"nowhere/out\.csv: cannot be written: No such file"):
        export_candles(walk(3), tmp_path / "nowhere" / "out.csv")


def test_data_frames_hold_the_candles(partly_known: Candles) -> None:
    table = candles_to_polars(partly_known)
    assert table.schema["open_time"] == pl.Datetime("ms", "UTC")
    assert table["close"].to_list() == partly_known.close.tolist()
    assert table["trades"].null_count() == 100
    assert table.columns == [
        "open_time", "open", "high", "low", "close", "volume", "quote_volume", "trades",
    ]  # fmt: skip

    frame = candles_to_pandas(partly_known)
    assert list(frame.columns) == table.columns
    assert str(frame["open_time"].dt.tz) == "UTC"
    assert frame["open_time"].astype("int64").tolist() == partly_known.open_time.tolist()
    assert frame["close"].tolist() == partly_known.close.tolist()
    assert frame["trades"].isna().sum() == 100
