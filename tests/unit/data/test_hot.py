from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit, typeof
from tests.walks import walk

from leeward.data.hot import Stamp
from leeward.data.store import CandleStore
from leeward.domain.columns import FloatColumn
from leeward.domain.timeframe import Timeframe

HOUR = Timeframe.parse("1h")


@pytest.fixture
def store(tmp_path: Path) -> CandleStore:
    store = CandleStore(tmp_path / "store")
    store.merge(walk(1000, optional=True))
    return store


def copy_of(store: CandleStore) -> Path:
    return store.hot_dir / "BTCUSDT" / "1h.npy"


def content_hash(store: CandleStore) -> str:
    """The hash of what the arrays hold, not of what the manifest says they hold."""
    return replace(store.load("BTCUSDT", HOUR), known_hashes={}).sha256


def test_columns_are_ordinary_writable_contiguous_arrays(store: CandleStore) -> None:
    store.load("BTCUSDT", HOUR)
    candles = store.load("BTCUSDT", HOUR)

    assert candles.trades is not None
    for column in (candles.open, candles.close, candles.volume, candles.trades):
        assert typeof(column) == typeof(np.zeros(1))
    assert typeof(candles.open_time) == typeof(np.zeros(1, dtype=np.int64))


@njit
def last_of(column: FloatColumn) -> float:
    return float(column[-1])


def test_compiled_code_takes_the_columns_without_compiling_again(store: CandleStore) -> None:
    last_of(np.zeros(1))
    assert last_of(store.load("BTCUSDT", HOUR).close) == walk(1000).close[-1]
    assert last_of(store.load("BTCUSDT", HOUR).close) == walk(1000).close[-1]
    assert len(last_of.signatures) == 1


def test_writing_to_a_loaded_column_changes_no_file(store: CandleStore) -> None:
    store.load("BTCUSDT", HOUR)
    before = copy_of(store).read_bytes()
    store.load("BTCUSDT", HOUR).close[:] = 1.0

    assert copy_of(store).read_bytes() == before
    assert content_hash(store) == walk(1000).sha256


def test_a_fresh_copy_is_used_as_it_is(store: CandleStore) -> None:
    store.load("BTCUSDT", HOUR)
    stamp = copy_of(store).stat()
    store.load("BTCUSDT", HOUR)

    assert copy_of(store).stat().st_mtime_ns == stamp.st_mtime_ns
    assert copy_of(store).stat().st_ino == stamp.st_ino


def test_a_change_in_the_candles_reaches_the_next_load(store: CandleStore) -> None:
    held = store.load("BTCUSDT", HOUR)
    corrected = walk(1000, seed=2)
    store.merge(corrected)

    assert content_hash(store) == corrected.sha256
    assert held.close.tolist() == walk(1000).close.tolist()  # what was loaded stays


def test_files_with_a_new_time_but_the_same_bytes_keep_the_copy(store: CandleStore) -> None:
    store.load("BTCUSDT", HOUR)
    stamp = copy_of(store).stat()
    for path in store.files("BTCUSDT", HOUR):
        os.utime(path, ns=(1, 1))

    assert content_hash(store) == walk(1000).sha256
    assert copy_of(store).stat().st_ino == stamp.st_ino
    _, text = copy_of(store).with_suffix(".manifest").read_text(encoding="utf-8").split("\n")
    manifest = json.loads(text)
    stamps = [Stamp(*source["stamp"]) for source in manifest["sources"]]
    assert [found.mtime_ns for found in stamps] == [1, 1]


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty", "missing"])
@pytest.mark.parametrize("which", [".npy", ".manifest"])
def test_a_damaged_copy_is_rebuilt(store: CandleStore, which: str, damage: str) -> None:
    store.load("BTCUSDT", HOUR)
    path = copy_of(store).with_suffix(which)
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        middle = len(content) // 2
        flipped = content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]
        path.write_bytes({"truncate": content[:middle], "flip": flipped, "empty": b""}[damage])

    assert content_hash(store) == walk(1000).sha256
    assert store.load("BTCUSDT", HOUR).sha256 == walk(1000).sha256
    assert len(copy_of(store).read_bytes()) > 1000 * 8 * 6


@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
@settings(max_examples=30, deadline=None)
def test_no_flipped_bit_of_the_manifest_is_trusted(
    tmp_path_factory: pytest.TempPathFactory, at: int, bit: int
) -> None:
    store = CandleStore(tmp_path_factory.mktemp("flip"))
    store.merge(walk(30, optional=True))
    store.load("BTCUSDT", HOUR)
    path = copy_of(store).with_suffix(".manifest")
    content = bytearray(path.read_bytes())
    content[at % len(content)] ^= 1 << bit
    path.write_bytes(content)

    candles = store.load("BTCUSDT", HOUR)

    assert candles.sha256 == walk(30).sha256
    assert candles.trades is not None


def test_a_store_that_was_moved_elsewhere_still_loads(store: CandleStore, tmp_path: Path) -> None:
    store.load("BTCUSDT", HOUR)
    moved = CandleStore(shutil.copytree(store.root, tmp_path / "moved"))

    assert content_hash(moved) == walk(1000).sha256


def test_candles_load_where_the_copy_cannot_be_written(store: CandleStore) -> None:
    store.hot_dir.write_text("in the way", encoding="utf-8")

    assert content_hash(store) == walk(1000).sha256


def test_a_fresh_copy_loads_without_any_table_library(store: CandleStore) -> None:
    store.load("BTCUSDT", HOUR)
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from leeward.data.store import CandleStore\n"
        "from leeward.domain.timeframe import Timeframe\n"
        "candles = CandleStore(Path(sys.argv[1])).load('BTCUSDT', Timeframe.parse('1h'))\n"
        "print(len(candles), [name for name in ('polars', 'pandas', 'pyarrow', 'filelock')"
        " if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(store.root)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "1000 []\n"
