from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from leeward.domain.candles import Candles, Gap, combine_months, find_faults, month_hashes
from leeward.domain.errors import BadCandles
from leeward.domain.timeframe import Timeframe

HOUR = Timeframe.parse("1h")
MS = HOUR.length_ms


def flat(rows: int, first: int = 0) -> Candles:
    ones = np.full(rows, 100.0)
    return Candles("BTCUSDT", HOUR, (first + np.arange(rows)) * MS, ones, ones, ones, ones, ones)


def build(columns: dict[str, NDArray[Any]], checked: bool = False) -> Candles:
    return Candles("BTCUSDT", HOUR, checked=checked, known_hashes={}, **columns)


def changed(rows: int, row: int, **values: float) -> dict[str, NDArray[Any]]:
    """Returns the columns of flat candles with one row changed."""
    names = ("open", "high", "low", "close", "volume")
    columns = {name: np.full(rows, 100.0) for name in names}
    columns["open_time"] = np.arange(rows, dtype=np.int64) * MS
    for name, value in values.items():
        columns[name][row] = value
    return columns


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"close": np.nan}, "close is not a finite number above zero"),
        ({"open": np.inf}, "open is not a finite number above zero"),
        ({"low": 0.0}, "low is not a finite number above zero"),
        ({"high": -1.0}, "high is not a finite number above zero"),
        ({"low": 101.0}, "low is above open, close or high"),
        ({"high": 99.0}, "low is above open, close or high"),
        ({"high": 100.5, "close": 101.0}, "high is below open or close"),
        ({"volume": -1.0}, "volume is not a finite number, zero or more"),
        ({"open_time": 2 * MS}, "opens at the same time as the one before it"),
        ({"open_time": MS}, "opens before the one above it"),
        ({"open_time": 3 * MS + 1}, "is off the 1h grid"),
    ],
)
def test_a_candle_that_breaks_a_rule_is_named_by_row_time_and_rule(
    values: dict[str, float], rule: str
) -> None:
    columns = changed(5, 3, **values)
    with pytest.raises(BadCandles, match="BTCUSDT 1h: candle 3 ") as raised:
        build(columns)
    assert rule in str(raised.value)


def test_columns_of_another_length_are_refused() -> None:
    columns = changed(5, 0)
    columns["close"] = columns["close"][:4]
    with pytest.raises(BadCandles, match="column 'close' has 4 rows, open_time has 5"):
        build(columns)


def test_unknown_optional_values_are_allowed_negative_ones_are_not() -> None:
    assert replace(flat(2), trades=np.array([np.nan, 3.0])).trades is not None
    with pytest.raises(BadCandles, match="trades is negative or infinite"):
        replace(flat(2), trades=np.array([1.0, -3.0]))


def test_all_faults_are_found_up_to_the_number_asked_for() -> None:
    columns = changed(9, 3, close=np.nan)
    columns["close"][[5, 7]] = np.nan
    candles = build(columns, checked=True)
    assert [fault.row for fault in find_faults(candles, most=9)] == [3, 5, 7]
    assert [fault.row for fault in find_faults(candles, most=2)] == [3, 5]


def test_gaps_are_named_with_their_first_and_last_missing_time() -> None:
    keep = np.array([0, 1, 4, 5, 9])
    holed = build({name: column[keep] for name, column in changed(10, 0).items()})
    assert holed.gaps == (Gap(2 * MS, 3 * MS, 2), Gap(6 * MS, 8 * MS, 3))


def test_between_includes_the_start_and_leaves_out_the_end() -> None:
    part = flat(10).between(2 * MS, 5 * MS)
    assert part.open_time.tolist() == [2 * MS, 3 * MS, 4 * MS]
    assert len(flat(10).between(MS + 1, None)) == 8
    assert len(flat(10).between(None, 0)) == 0
    assert len(flat(10).between(6 * MS, 3 * MS)) == 0


def test_the_hash_depends_on_every_candle_column_and_on_nothing_else() -> None:
    candles = flat(2_000)
    assert candles.sha256 == flat(2_000).sha256
    assert candles.sha256 == replace(candles, symbol="ETHUSDT", trades=np.ones(2_000)).sha256
    for name in ("open", "high", "low", "close", "volume"):
        other = getattr(candles, name).copy()
        other[1_500] += 1
        assert replace(candles, checked=True, **{name: other}).sha256 != candles.sha256
    assert flat(2_000, first=1).sha256 != candles.sha256
    assert flat(1_999).sha256 != candles.sha256


@given(first=st.integers(0, 1_999), rows=st.integers(0, 2_000))
def test_known_month_hashes_never_change_the_hash_of_a_part(first: int, rows: int) -> None:
    candles = flat(2_000)
    knowing = replace(candles, known_hashes=month_hashes(candles))
    last = min(first + rows, 2_000)
    assert knowing.rows(first, last).sha256 == candles.rows(first, last).sha256


def test_the_hash_of_no_candles_is_the_hash_of_no_months() -> None:
    assert flat(0).sha256 == combine_months({})
    assert flat(0).gaps == ()
