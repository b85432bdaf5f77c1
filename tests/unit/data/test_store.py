from __future__ import annotations

import resource
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from pyarrow import parquet
from tests.walks import walk

from leeward.data.merging import Merged
from leeward.data.store import CandleStore
from leeward.domain.candles import OPTIONAL, Candles
from leeward.domain.errors import BadCandles, BadUsage, CannotWrite
from leeward.domain.timeframe import Timeframe
from leeward.domain.times import parse_time

HOUR = Timeframe.parse("1h")


@pytest.fixture
def store(tmp_path: Path) -> CandleStore:
    return CandleStore(tmp_path, lock_wait_s=0.05)


def files(store: CandleStore) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file()}


def test_candles_come_back_as_they_were_given(store: CandleStore) -> None:
    candles = walk(2000, optional=True)

    merged = store.merge(candles)

    assert merged == Merged(added=2000)
    for back in (store.load("BTCUSDT", HOUR), store.load("BTCUSDT", HOUR)):
        for name in ("open_time", "open", "high", "low", "close", "volume", *OPTIONAL):
            assert getattr(back, name).tolist() == getattr(candles, name).tolist()
        assert back.sha256 == candles.sha256
    assert store.read("BTCUSDT", HOUR).sha256 == candles.sha256


def test_candles_lie_in_zstd_parquet_by_symbol_timeframe_and_month(store: CandleStore) -> None:
    store.merge(walk(1000, start="2024-01-31"))

    folder = store.candles_dir / "BTCUSDT" / "1h"
    assert sorted(path.name for path in folder.iterdir()) == [
        "2024-01.parquet",
        "2024-02.parquet",
        "2024-03.parquet",
    ]
    table = pl.read_parquet(folder / "2024-02.parquet")
    assert table.schema["open_time"] == pl.Datetime("ms", "UTC")
    assert table.columns == ["open_time", "open", "high", "low", "close", "volume"]
    assert table.height == 29 * 24
    metadata = parquet.read_metadata(folder / "2024-02.parquet")
    assert metadata.row_group(0).column(1).compression == "ZSTD"


def test_unknown_values_are_nan_in_part_and_none_in_whole(store: CandleStore) -> None:
    known = walk(48, optional=True)
    plain = walk(48, start="2024-02-01")
    store.merge(plain)

    assert store.load("BTCUSDT", HOUR).trades is None

    store.merge(replace(known, quote_volume=None))
    back = store.load("BTCUSDT", HOUR)
    assert back.quote_volume is None
    assert back.trades is not None
    assert np.isnan(back.trades).tolist() == [False] * 48 + [True] * 48


def test_series_are_listed_by_symbol_and_length(store: CandleStore) -> None:
    for symbol, timeframe in (("ETHUSDT", "1h"), ("BTCUSDT", "1d"), ("BTCUSDT", "1m")):
        store.merge(walk(3, timeframe, symbol=symbol))
    (store.candles_dir / "notes").mkdir()
    (store.candles_dir / "BTCUSDT" / "4h").mkdir()

    named = [(symbol, str(timeframe)) for symbol, timeframe in store.series()]

    assert named == [("BTCUSDT", "1m"), ("BTCUSDT", "1d"), ("ETHUSDT", "1h")]


def test_each_utc_month_has_a_file_of_its_own(store: CandleStore) -> None:
    assert store.files("BTCUSDT", HOUR) == []
    store.merge(walk(26, start="2024-01-31"))

    assert [file.stem for file in store.files("BTCUSDT", HOUR)] == ["2024-01", "2024-02"]
    store.files("BTCUSDT", HOUR)[0].unlink()
    assert store.read("BTCUSDT", HOUR).open_time[0] == utc("2024-02-01T00:00")


def utc(text: str) -> int:
    return parse_time(text, "time")


def test_a_month_that_does_not_change_is_not_written_again(store: CandleStore) -> None:
    candles = walk(1500)
    store.merge(candles)
    stamps = [path.stat().st_mtime_ns for path in store.files("BTCUSDT", HOUR)]

    merged = store.merge(candles.rows(0, 1400))

    assert merged == Merged(same=1400)
    assert [path.stat().st_mtime_ns for path in store.files("BTCUSDT", HOUR)] == stamps


def test_no_candles_change_nothing(store: CandleStore) -> None:
    assert store.merge(walk(5).rows(0, 0)) == Merged()
    assert store.series() == []


def test_an_unknown_series_is_refused_with_what_the_store_has(store: CandleStore) -> None:
    with pytest.raises(BadUsage, match=r"no candles at all in .*`leeward data import`"):
        store.load("BTCUSDT", HOUR)
    store.merge(walk(5))

    with pytest.raises(
        BadUsage, match=r"unknown symbol 'BTCUSD'; did you mean 'BTCUSDT'.*download"
    ):
        store.load("BTCUSD", HOUR)
    with pytest.raises(BadUsage, match=r"unknown BTCUSDT timeframe '4h';.* Known: 1h; get candles"):
        store.load("BTCUSDT", Timeframe.parse("4h"))


@pytest.mark.parametrize("symbol", ["../BTCUSDT", "", ".hidden", "BTC/USDT"])
def test_a_symbol_cannot_lead_out_of_the_store(store: CandleStore, symbol: str) -> None:
    with pytest.raises(BadUsage, match="use letters and digits: BTCUSDT"):
        store.merge(replace(walk(5), symbol=symbol))
    assert files(store) == {}


def test_a_second_writer_is_told_and_changes_nothing(store: CandleStore) -> None:
    other = CandleStore(store.root, lock_wait_s=0.05)
    with store.writing(), pytest.raises(CannotWrite, match="another leeward process is writing"):
        other.merge(walk(5))
    assert store.series() == []
    assert other.merge(walk(5)) == Merged(added=5)


def test_a_writer_holds_its_own_lock_over_several_merges(store: CandleStore) -> None:
    with store.writing():
        store.merge(walk(5))
        store.merge(walk(5, "1d"))
    assert len(store.series()) == 2


def test_what_a_killed_writer_left_is_passed_over_and_cleaned_by_the_next(
    store: CandleStore,
) -> None:
    candles = walk(1000)
    store.merge(candles)
    leftover = store.candles_dir / "BTCUSDT" / "1h" / ".2024-01.parquet.4711-1.tmp"
    leftover.write_bytes(b"half a file")

    assert store.load("BTCUSDT", HOUR).sha256 == candles.sha256
    assert leftover.exists()
    store.merge(walk(5, symbol="ETHUSDT"))
    assert not leftover.exists()


def test_a_place_that_cannot_be_written_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    store = CandleStore(tmp_path / "file" / "store")

    with pytest.raises(CannotWrite, match=r"file/store: cannot be written: Not a directory"):
        store.merge(walk(5))


def test_a_full_disk_leaves_every_month_as_it_was(store: CandleStore) -> None:
    store.merge(walk(10, start="2024-01-30"))
    before = files(store)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # January fits, February does not
    try:
        with pytest.raises(CannotWrite, match=r"2024-02\.parquet: cannot be written: File"):
            store.merge(walk(500, start="2024-01-30", seed=2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert files(store) == before
    assert store.merge(walk(500, start="2024-01-30", seed=2)) == Merged(added=490, replaced=10)


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "garbage"])
def test_a_damaged_month_is_refused_with_its_file(store: CandleStore, damage: str) -> None:
    store.merge(walk(1000))
    path = store.files("BTCUSDT", HOUR)[0]
    content = path.read_bytes()
    middle = len(content) // 3
    path.write_bytes(
        {
            "flip": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
            "truncate": content[:middle],
            "empty": b"",
            "garbage": b"x" * 1000,
        }[damage]
    )

    for attempt in (store.load, store.read):
        with pytest.raises(BadCandles, match=r"2024-01\.parquet: this stored month is corrupt: "):
            attempt("BTCUSDT", HOUR)
    with pytest.raises(BadCandles, match="delete the file, then import or download"):
        store.merge(walk(10))


def test_a_damaged_count_of_trades_is_found_too(store: CandleStore) -> None:
    store.merge(walk(100, optional=True))
    path = store.files("BTCUSDT", HOUR)[0]
    table = pl.read_parquet(path)
    metadata = pl.read_parquet_metadata(path)
    table[50, "trades"] = 1e9
    table.write_parquet(path, metadata={"leeward.sha256": metadata["leeward.sha256"]})

    with pytest.raises(BadCandles, match="its candles are not those that were written"):
        store.load("BTCUSDT", HOUR)


def test_a_file_the_store_did_not_write_is_refused(store: CandleStore) -> None:
    store.merge(walk(100))
    path = store.files("BTCUSDT", HOUR)[0]
    pl.read_parquet(path).write_parquet(path)

    with pytest.raises(BadCandles, match="its candles are not those that were written"):
        store.load("BTCUSDT", HOUR)


def test_unknown_values_of_any_kind_are_stored_as_one(store: CandleStore) -> None:
    candles = walk(10, optional=True)
    assert candles.trades is not None
    odd = candles.trades.copy()
    odd[[2, 3]] = [-np.nan, np.float64.fromhex("0x1.8p+0")]
    store.merge(replace(candles, trades=odd))
    back = store.load("BTCUSDT", HOUR).trades
    assert back is not None
    assert np.array_equal(back, odd, equal_nan=True)


def test_a_file_with_candles_of_another_month_is_refused(store: CandleStore) -> None:
    store.merge(walk(10))
    path = store.files("BTCUSDT", HOUR)[0]
    path.rename(path.with_name("2024-02.parquet"))

    with pytest.raises(BadCandles, match=r"it holds candles of 2024-01"):
        store.load("BTCUSDT", HOUR)


def test_readers_see_each_month_old_or_new_while_a_writer_works(store: CandleStore) -> None:
    versions = [walk(1000, seed=seed) for seed in (1, 2)]
    store.merge(versions[0])
    months = {version.rows(0, 744).sha256 for version in versions}
    done = threading.Event()

    def write() -> None:
        for turn in range(10):
            store.merge(versions[turn % 2])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen: set[str] = set()
    while not done.is_set():
        seen.add(_first_month(CandleStore(store.root).load("BTCUSDT", HOUR)))
    writer.join()
    assert seen <= months


def _first_month(candles: Candles) -> str:
    return replace(candles.rows(0, 744), known_hashes={}).sha256
