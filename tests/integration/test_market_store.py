"""The store with every real candle file in it."""

from __future__ import annotations

import csv
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from leeward.data.certificate import Certificate
from leeward.data.exporting import export_candles
from leeward.data.importing import Asked, Outcome, find_candle_files, import_file, parse_table
from leeward.data.inventory import check_series
from leeward.data.naming import Series, read_name
from leeward.data.store import CandleStore
from leeward.data.tables import read_tables
from leeward.domain.candles import Gap
from leeward.domain.timeframe import Timeframe
from leeward.domain.times import parse_time

HOUR, MINUTE = Timeframe.parse("1h"), Timeframe.parse("1m")


@pytest.fixture(scope="module")
def imported(
    market_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[CandleStore, list[Outcome]]:
    store = CandleStore(tmp_path_factory.mktemp("market"))
    files, _ = find_candle_files([market_data], Asked())
    return store, [outcome for path in files for outcome in import_file(store, path, Asked())]


@pytest.fixture(scope="module")
def store(imported: tuple[CandleStore, list[Outcome]]) -> CandleStore:
    return imported[0]


@pytest.fixture(scope="module")
def certificates(store: CandleStore) -> dict[str, Certificate]:
    found = list(check_series(store))
    shown = [each for each in found if isinstance(each, Certificate)]
    assert len(shown) == len(found) == len(store.series())
    return {f"{each.symbol} {each.timeframe}": each for each in shown}


def test_every_file_is_imported_and_overlapping_files_agree(
    imported: tuple[CandleStore, list[Outcome]],
) -> None:
    outcomes = {Path(each.name).name: each for each in imported[1]}

    assert [each.refused for each in outcomes.values() if each.refused] == []
    assert sum(each.merged.replaced for each in outcomes.values() if each.merged) == 0
    archive = outcomes["BTCUSDT-1h-2025-03.csv"]
    assert archive.merged is not None
    assert (archive.merged.same, archive.merged.added) == (744, 0)
    futures = [name for name, each in outcomes.items() if each.series and each.series.futures]
    assert futures == ["um-futures-AVAXUSDT-1m-2024-02-01.csv"]


def test_the_gaps_are_those_listed_with_the_data(
    certificates: dict[str, Certificate], market_data: Path
) -> None:
    listed: dict[str, set[Gap]] = {}
    with (market_data / "gaps.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            series = read_name(Path(row["file"]), None, None)
            first, missing = parse_time(row["gap_start_utc"], "gap"), int(row["missing_bars"])
            last = first + (missing - 1) * series.timeframe.length_ms
            gaps = listed.setdefault(f"{series.symbol} {series.timeframe}", set())
            gaps.add(Gap(first, last, missing))
    for name, holes in _between_files(market_data).items():
        listed.setdefault(name, set()).update(holes)

    found = {name: set(shown.gaps) for name, shown in certificates.items() if shown.gaps}

    assert found == listed
    for shown in certificates.values():
        assert shown.duplicates == 0
        assert shown.rows + shown.missing == shown.expected_rows


def _between_files(folder: Path) -> dict[str, set[Gap]]:
    """Returns the stretches that no file covers, where a series comes in several files."""
    covered: dict[Series, list[tuple[int, int]]] = {}
    for path in folder.glob("*USDT-1m*.parquet"):
        times = pl.read_parquet(path, columns=["open_time"]).to_series().to_physical()
        first, last = int(times[0]), int(times[-1])
        covered.setdefault(read_name(path, None, None), []).append((first, last))
    holes: dict[str, set[Gap]] = {}
    for series, spans in covered.items():
        step = series.timeframe.length_ms
        holes[f"{series.symbol} {series.timeframe}"] = {
            Gap(end + step, start - step, (start - end) // step - 1)
            for (_, end), (start, _) in pairwise(sorted(spans))
            if start - end > step
        }
    return holes


def test_minutes_add_up_to_hours_but_for_what_the_exchange_restated(
    certificates: dict[str, Certificate],
) -> None:
    against = {cross.finer: cross for cross in certificates["BTCUSDT 1h"].cross_checks}
    minutes = against["1m"]

    assert (minutes.differing, minutes.differing_volumes) == (17, 17)
    assert minutes.worst_time == parse_time("2021-01-11T08:00", "time")
    assert minutes.worst_column == "volume"
    assert against["15m"].compared == 4392
    assert against["15m"].differing == 0
    days = certificates["ETHUSDT 1d"].cross_checks
    assert [(cross.finer, cross.differing) for cross in days] == [("1m", 0), ("15m", 0), ("1h", 0)]


def test_outages_and_hoaxes_are_found(certificates: dict[str, Certificate]) -> None:
    longest = max(certificates["BTCUSDT 1m"].flat_runs, key=lambda run: run.rows)
    assert (longest.first, longest.rows) == (parse_time("2021-02-11T02:20", "time"), 81)

    (hoax,) = (
        outlier
        for outlier in certificates["LTCUSDT 1h"].outliers
        if outlier.open_time == parse_time("2021-09-13T13:00", "time")
    )
    assert hoax.move_fraction > 0.2
    assert sum(len(shown.outliers) for shown in certificates.values()) < 30


@pytest.mark.parametrize("suffix", [".csv", ".feather"])
def test_an_export_of_real_candles_imports_to_the_same_hash(
    store: CandleStore, tmp_path: Path, suffix: str
) -> None:
    candles = store.load("BTCUSDT", HOUR)
    out = tmp_path / f"BTCUSDT-1h{suffix}"
    export_candles(candles, out)

    (table,) = read_tables(out)
    back = parse_table(table, Series("BTCUSDT", HOUR), skip_bad=False).candles

    assert back.sha256 == candles.sha256
