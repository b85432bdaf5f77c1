from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.candle_files import HEADER, NAME, Cell, csv_of, import_text, rows_of
from tests.walks import walk

from leeward.data.importing import Asked, find_candle_files, import_file
from leeward.data.merging import Merged
from leeward.data.store import CandleStore
from leeward.domain.timeframe import Timeframe

HOUR = Timeframe.parse("1h")
DUPLICATE = "opens at the same time as a candle above it; drop the duplicate"


@pytest.fixture
def store(tmp_path: Path) -> CandleStore:
    return CandleStore(tmp_path / "store")


def refusal(store: CandleStore, text: str | bytes, name: str = NAME) -> str:
    """Imports a bad file and returns why it was refused, its path left out."""
    outcome = import_text(store, text, name)
    assert outcome.refused is not None
    assert outcome.merged is None
    assert store.series() == []
    return outcome.refused.replace(f"{store.root.parent}/", "")


def changed(row: int, column: int, value: Cell) -> str:
    """Returns a CSV of ten candles with one cell changed; row 0 stands in line 2."""
    rows = rows_of(walk(10))
    rows[row][column] = value
    return csv_of(rows)


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        (1, "NaN", "open is not a finite number above zero"),
        (2, "inf", "high is not a finite number above zero"),
        (3, "0", "low is not a finite number above zero"),
        (4, "-1.5", "close is not a finite number above zero"),
        (4, "1e400", "close is not a finite number above zero"),
        (5, "-1", "volume is not a finite number, zero or more"),
        (2, "1", "low is above open, close or high"),
        (3, "500", "low is above open, close or high"),
        (1, "abc", "open 'abc' is not a number"),
        (5, "12,5", "has 7 cells, the first line 6"),
        (4, "", "close is empty"),
        (5, " ", "volume is empty"),
        (0, "", "open time is empty"),
        (0, "yesterday", "'yesterday' is not a time"),
        (0, "1970-01-20T00:00:00Z", "'1970-01-20T00:00:00Z' is not a time"),
        (0, "2024-01-01T04:30:00Z", "is off the 1h grid; are these candles of another timeframe?"),
        (0, "2024-01-01T03:00:00Z", "opens at the same time as a candle above it"),
        (0, "2024-01-01T01:00:00Z", "opens before a candle above it; times must increase"),
    ],
)
def test_a_bad_candle_is_refused_with_line_time_and_rule(
    store: CandleStore, column: int, value: str, rule: str
) -> None:
    reason = refusal(store, changed(4, column, value))

    assert reason.startswith(f"{NAME}: ")
    assert "line 6" in reason
    assert rule in reason
    if column != 0 and value != "12,5":
        assert "line 6 (2024-01-01T04:00:00Z): " in reason
        assert reason.endswith("; nothing was imported from it; use --skip-bad to import the rest")


def test_high_below_the_open_is_named(store: CandleStore) -> None:
    candles = walk(10)
    between = (candles.low[3] + min(candles.open[3], candles.close[3])) / 2
    assert "high is below open or close" in refusal(store, changed(3, 2, between))


def test_rows_of_a_table_are_counted_from_one_and_followers_are_counted(store: CandleStore) -> None:
    table = pl.DataFrame(rows_of(walk(10), int), HEADER.split(","), orient="row")
    table[2, "close"] = float("nan")
    table[5, "close"] = float("nan")
    content = io.BytesIO()
    table.write_parquet(content)

    assert refusal(store, content.getvalue(), "BTCUSDT-1h.parquet") == (
        "BTCUSDT-1h.parquet: row 3 (2024-01-01T02:00:00Z): close is not a finite number above "
        "zero; 1 more bad candle follows; nothing was imported from it; "
        "use --skip-bad to import the rest"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        (HEADER + "\n", "holds no candles"),
        ("hello\nworld\n", "holds no candles: no column for open_time, open, high"),
        (b"\xff\xfeo\x00p\x00", "holds no candles"),
        ("time,price,qty\n1,2,3\n", "holds single trades, not candles"),
        ("funding_time,funding_rate\n1,2\n", "holds funding rates, not candles"),
        ("time,bid_price,ask_price\n1,2,3\n", "holds quotes, not candles"),
        ("1709251200000,1,2,1,2,5,6,7\n", "has 8 columns and no header line"),
        (csv_of([[1, 2, 3, 1, 2, 5]]), "1 is not a time: neither seconds, ms nor µs since 1970"),
        (csv_of([[1_709_251_200, 2, 3, 1, 2, 5], [1_709_254_800_000, 2, 3, 1, 2, 5]]),
         "its times are in mixed units: line 2 in s, line 3 in ms"),
        (csv_of(rows_of(walk(10, "15m"))), "its candles are 15m apart, not 1h; give"),
        (csv_of(rows_of(walk(10, "4h"))), "its candles are 4h apart, not 1h"),
        (csv_of(rows_of(walk(40))) + csv_of(rows_of(walk(30, "4h", "2024-02-01")), ""),
         "mixed timeframes: from line 42 on its candles are 4h apart, not 1h; split the file"),
        (csv_of(rows_of(walk(40))) + csv_of(rows_of(walk(30, "15m", "2024-02-01")), ""),
         "mixed timeframes: from line 42 on its candles are 15m apart"),
        (csv_of(rows_of(walk(10))[::-1]), "line 3 (2024-01-01T08:00:00Z): opens before a candle"),
        (b"open_time,open\n\xff\xff,1\n", "is not a readable CSV file: invalid utf-8 sequence"),
    ],
)  # fmt: skip
def test_a_file_without_sound_candles_is_refused_with_the_reason(
    store: CandleStore, text: str | bytes, reason: str
) -> None:
    assert reason in refusal(store, text)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("BTCUSDT-1h.parquet", b"", "is empty"),
        ("BTCUSDT-1h.parquet", b"garbage", "is not a whole Parquet file: "),
        ("BTCUSDT-1h.feather", b"garbage", "is not a whole Feather file: "),
        ("BTCUSDT-1h.zip", b"", "is empty"),
        ("BTCUSDT-1h.zip", b"garbage", "cannot be unpacked: File is not a zip file"),
        ("BTCUSDT-1h.json", b"[]", "is not a candle file; known are .csv, .zip, .parquet"),
        ("candles.csv", csv_of(rows_of(walk(3))).encode(), "its name does not say what it holds"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(
    store: CandleStore, name: str, content: bytes, reason: str
) -> None:
    assert refusal(store, content, name).startswith(f"{name}: {reason}")


def test_a_column_of_another_kind_is_refused(store: CandleStore) -> None:
    table = pl.DataFrame(rows_of(walk(3), int), HEADER.split(","), orient="row")
    for column in ("open_time", "close"):
        content = io.BytesIO()
        table.with_columns(pl.col(column) > 0).write_parquet(content)
        reason = refusal(store, content.getvalue(), "BTCUSDT-1h.parquet")
        assert f"column '{column}' holds Boolean, not" in reason


def test_a_missing_file_and_a_damaged_zip_are_refused(store: CandleStore, tmp_path: Path) -> None:
    (outcome,) = import_file(store, tmp_path / NAME, Asked())
    assert outcome.refused == f"{tmp_path / NAME}: no such file"

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(NAME, csv_of(rows_of(walk(200))))
    content = bytearray(packed.getvalue())
    content[100:110] = b"x" * 10
    assert "cannot be unpacked: " in refusal(store, bytes(content), "BTCUSDT-1h.zip")

    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("readme.txt", "hello")
    reason = refusal(store, packed.getvalue(), "BTCUSDT-1h.zip")
    assert reason == "BTCUSDT-1h.zip: there is no candle file in this ZIP file"


def test_float_times_of_a_table_must_be_whole(store: CandleStore) -> None:
    rows = rows_of(walk(5), lambda at: at / 1000)
    rows[3][0] = float(rows[3][0]) + 0.5
    content = io.BytesIO()
    pl.DataFrame(rows, HEADER.split(","), orient="row").write_parquet(content)

    reason = refusal(store, content.getvalue(), "BTCUSDT-1h.parquet")

    assert "row 4: '1704078000.5' is not a time; nothing was imported" in reason


def test_skip_bad_imports_the_rest_and_lists_what_was_left_out(store: CandleStore) -> None:
    rows = rows_of(walk(10))
    rows[2][4] = "abc"
    rows[4][0] = "2024-01-01T03:00:00Z"
    rows[6][0] = "never"
    rows[8][2] = 0

    outcome = import_text(store, csv_of(rows), skip_bad=True)

    assert outcome.merged == Merged(added=6)
    assert [str(row) for row in outcome.skipped] == [
        "line 4 (2024-01-01T02:00:00Z): close 'abc' is not a number",
        f"line 6 (2024-01-01T03:00:00Z): {DUPLICATE}",
        "line 8: 'never' is not a time",
        "line 10 (2024-01-01T08:00:00Z): high is not a finite number above zero",
    ]
    expected = walk(10).open_time[[0, 1, 3, 5, 7, 9]]
    assert store.load("BTCUSDT", HOUR).open_time.tolist() == expected.tolist()


def test_skip_bad_does_not_take_every_fourth_candle_of_another_timeframe(
    store: CandleStore,
) -> None:
    outcome = import_text(store, csv_of(rows_of(walk(40, "15m"))), skip_bad=True)
    assert outcome.refused is not None
    assert "its candles are 15m apart, not 1h" in outcome.refused


def test_a_file_with_no_good_candle_is_refused_even_with_skip_bad(store: CandleStore) -> None:
    rows = rows_of(walk(3))
    for row in rows:
        row[4] = "abc"
    outcome = import_text(store, csv_of(rows), skip_bad=True)
    assert outcome.refused is not None
    assert "2 more bad candles follow; nothing was imported from it; correct" in outcome.refused


def test_a_good_candle_is_not_skipped_for_a_bad_one_at_its_time(store: CandleStore) -> None:
    rows = rows_of(walk(4))
    bad = [rows[2][0], "abc", *rows[2][2:]]
    outcome = import_text(store, csv_of([*rows[:2], bad, *rows[2:]]), skip_bad=True)
    assert outcome.merged == Merged(added=4)
    assert store.load("BTCUSDT", HOUR).sha256 == walk(4).sha256


@given(bad=st.sets(st.integers(0, 29), max_size=29), cell=st.integers(1, 5))
def test_skip_bad_keeps_exactly_the_good_rows(
    tmp_path_factory: pytest.TempPathFactory, bad: set[int], cell: int
) -> None:
    store = CandleStore(tmp_path_factory.mktemp("skip") / "store")
    candles = walk(30)
    rows = rows_of(candles)
    for row in bad:
        rows[row][cell] = "x"

    outcome = import_text(store, csv_of(rows), skip_bad=True)

    good = [row for row in range(30) if row not in bad]
    assert outcome.merged == Merged(added=len(good)), outcome.refused
    assert [row.position for row in outcome.skipped] == [f"line {row + 2}" for row in sorted(bad)]
    back = store.load("BTCUSDT", HOUR)
    assert back.open_time.tolist() == candles.open_time[good].tolist()
    assert back.close.tolist() == candles.close[good].tolist()


def test_optional_cells_may_be_empty_but_not_text(store: CandleStore) -> None:
    rows = [[*row, "" if i == 1 else 7] for i, row in enumerate(rows_of(walk(3)))]
    assert import_text(store, csv_of(rows, HEADER + ",trades")).merged == Merged(added=3)
    trades = store.load("BTCUSDT", HOUR).trades
    assert trades is not None
    assert np.nan_to_num(trades, nan=-1).tolist() == [7, -1, 7]

    rows[1][-1] = "many"
    outcome = import_text(store, csv_of(rows, HEADER + ",trades"))
    assert outcome.refused is not None
    assert "line 3 (2024-01-01T01:00:00Z): trades 'many' is not a number" in outcome.refused


def test_a_new_candle_replaces_the_stored_one_and_is_counted(store: CandleStore) -> None:
    candles = walk(10)
    import_text(store, csv_of(rows_of(candles)))
    corrected = replace(candles, volume=candles.volume + np.eye(10)[4])

    outcome = import_text(store, csv_of(rows_of(corrected)))

    assert outcome.merged == Merged(same=9, replaced=1)
    assert store.load("BTCUSDT", HOUR).sha256 == corrected.sha256


def test_folders_stand_for_the_candle_files_in_them(tmp_path: Path) -> None:
    for name in ("b/ETHUSDT-1h.zip", "BTCUSDT-1h.csv", "gaps.csv", "notes.txt", ".x/BTCUSDT-1h.csv",
                 "BTCUSDT-funding-8h.parquet", ".BTCUSDT-1h.csv"):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    lone = tmp_path / "gaps.csv"

    files, passed_over = find_candle_files([lone, tmp_path], Asked())

    assert files == [lone, tmp_path / "BTCUSDT-1h.csv", tmp_path / "b/ETHUSDT-1h.zip"]
    assert passed_over == [tmp_path / "BTCUSDT-funding-8h.parquet", lone]


def test_what_is_given_makes_every_file_of_a_folder_a_candle_file(tmp_path: Path) -> None:
    (tmp_path / "gaps.csv").touch()
    files, passed_over = find_candle_files([tmp_path], Asked("BTCUSDT", HOUR))
    assert files == [tmp_path / "gaps.csv"]
    assert passed_over == []
