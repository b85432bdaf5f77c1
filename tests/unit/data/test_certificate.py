from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.walks import walk

from leeward.data.certificate import (
    Certificate,
    CrossCheck,
    Outlier,
    Run,
    as_json_object,
    certificate,
    cross_check,
    find_outliers,
)
from leeward.data.columns import candles_of, known_columns
from leeward.data.resample import resample
from leeward.domain.candles import Candles, Gap
from leeward.domain.columns import FloatColumn
from leeward.domain.timeframe import Timeframe

HOUR, FOUR_HOURS = Timeframe.parse("1h"), Timeframe.parse("4h")


def without(candles: Candles, rows: list[int]) -> Candles:
    keep = np.ones(len(candles), dtype=bool)
    keep[rows] = False
    columns = {name: column[keep] for name, column in known_columns(candles).items()}
    return candles_of(candles.symbol, candles.timeframe, candles.open_time[keep], columns)


def closing_at(close: FloatColumn) -> Candles:
    """Candles that do nothing but close."""
    return replace(walk(len(close)), open=close, high=close, low=close, close=close)


def test_sound_candles_have_a_clean_certificate() -> None:
    candles = walk(500)
    assert certificate(candles) == Certificate(
        symbol="BTCUSDT",
        timeframe="1h",
        sha256=candles.sha256,
        first=int(candles.open_time[0]),
        last=int(candles.open_time[-1]),
        rows=500,
        expected_rows=500,
        gaps=(),
        duplicates=0,
        flat_runs=(),
        zero_volume=(),
        outliers=(),
        cross_checks=(),
    )


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_the_fewest_candles_have_a_certificate_too(rows: int) -> None:
    shown = certificate(walk(2).rows(0, rows))
    assert (shown.rows, shown.expected_rows, shown.missing) == (rows, rows, 0)
    assert (shown.first is None) == (rows == 0)


def test_every_gap_is_named_with_its_first_and_last_missing_candle() -> None:
    time = walk(30).open_time
    shown = certificate(without(walk(30), [3, 10, 11, 12]))

    assert shown.gaps == (
        Gap(int(time[3]), int(time[3]), 1),
        Gap(int(time[10]), int(time[12]), 3),
    )
    assert (shown.rows, shown.expected_rows, shown.missing) == (26, 30, 4)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40))
def test_flat_runs_are_five_or_more_equal_candles(levels: list[int]) -> None:
    candles = closing_at(np.array([100.0 + level for level in levels]))
    expected, start = [], 0
    for at in range(1, len(levels) + 1):
        if at == len(levels) or levels[at] != levels[start]:
            if at - start >= 5:
                first, last = candles.open_time[[start, at - 1]].tolist()
                expected.append(Run(first, last, at - start))
            start = at
    assert list(certificate(candles).flat_runs) == expected


def test_equal_closes_in_different_candles_are_not_flat() -> None:
    candles = closing_at(np.full(20, 100.0))
    moving = replace(candles, high=100 + np.arange(20.0))
    assert certificate(moving).flat_runs == ()


def test_zero_volume_is_listed_from_the_first_candle() -> None:
    candles = walk(10)
    volume = candles.volume.copy()
    volume[[0, 4, 5, 9]] = 0
    time = candles.open_time.tolist()

    shown = certificate(replace(candles, volume=volume))

    assert shown.zero_volume == (
        Run(time[0], time[0], 1),
        Run(time[4], time[5], 2),
        Run(time[9], time[9], 1),
    )


def spiked(rows: int, at: int, factor: float, back: float = 1.0) -> Candles:
    """A calm walk whose close at one row is `factor` times too high, the rest `back` times."""
    random = np.random.default_rng(3)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.001, rows)))
    close[at] *= factor
    close[at + 1 :] *= back
    return closing_at(close)


@pytest.mark.parametrize("rows", [60, 300, 1000, 5000])
@pytest.mark.parametrize("at", [1, 30, -2])
@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_a_close_that_jumps_and_comes_back_is_an_outlier(rows: int, at: int, factor: float) -> None:
    candles = spiked(rows, at % rows, factor)
    (outlier,) = find_outliers(candles)
    assert outlier.open_time == candles.open_time[at]
    assert outlier.move_fraction == pytest.approx(factor - 1, abs=0.01)


def test_a_crash_that_stays_is_no_outlier() -> None:
    assert find_outliers(spiked(1000, 500, 0.8, back=0.8)) == ()


def test_a_move_that_half_comes_back_is_no_outlier() -> None:
    assert find_outliers(spiked(1000, 500, 0.8, back=0.9)) == ()


def test_ordinary_moves_are_no_outliers_however_wild_the_market() -> None:
    calm, wild = np.random.default_rng(5).normal(0, [[0.001], [0.03]], (2, 3000))
    close = 100 * np.exp(np.cumsum(np.concatenate([calm, wild, calm])))
    assert find_outliers(closing_at(close)) == ()


def test_the_scale_is_local_so_a_wild_year_hides_no_outlier_in_a_calm_one() -> None:
    calm, wild = np.random.default_rng(5).normal(0, [[0.001], [0.03]], (2, 3000))
    close = 100 * np.exp(np.cumsum(np.concatenate([wild, calm])))
    close[4500] *= 1.02
    candles = closing_at(close)
    (outlier,) = find_outliers(candles)
    assert outlier.open_time == candles.open_time[4500]


def test_single_ticks_of_a_resting_price_are_no_outliers() -> None:
    close = np.full(1000, 100.0)
    close[::50] = 100.4
    assert find_outliers(closing_at(close)) == ()


def test_a_jump_across_a_gap_is_no_outlier() -> None:
    candles = spiked(1000, 500, 1.1)
    assert len(find_outliers(candles)) == 1
    assert find_outliers(without(candles, [499])) == ()
    assert find_outliers(without(candles, [501])) == ()


def test_finer_candles_agree_with_their_own_sum() -> None:
    fine = walk(96)
    assert cross_check(fine, resample(fine, FOUR_HOURS)) == CrossCheck(
        finer="1h",
        compared=24,
        incomplete=0,
        differing=0,
        differing_prices=0,
        differing_volumes=0,
        worst_fraction=0.0,
        worst_time=None,
        worst_column="",
    )


def test_what_differs_from_the_finer_candles_is_counted_and_the_worst_is_named() -> None:
    fine = walk(96)
    coarse = resample(fine, FOUR_HOURS)
    high, volume = coarse.high.copy(), coarse.volume.copy()
    high[3] *= 1.001
    volume[3] *= 1 + 1e-12  # rounding
    volume[7] *= 2
    volume[9] = 0

    cross = cross_check(fine, replace(coarse, high=high, volume=volume))

    assert (cross.differing, cross.differing_prices, cross.differing_volumes) == (3, 1, 2)
    assert (cross.worst_column, cross.worst_fraction) == ("volume", 1.0)
    assert cross.worst_time == coarse.open_time[9]


def test_coarse_candles_that_lack_finer_ones_are_counted_apart() -> None:
    fine = walk(96)
    coarse = resample(fine, FOUR_HOURS)

    cross = cross_check(without(fine, [5, *range(40, 44)]), without(coarse, [20]))

    assert (cross.compared, cross.incomplete, cross.differing) == (21, 1, 0)


def test_series_that_never_meet_have_nothing_compared() -> None:
    cross = cross_check(walk(48, start="2023-01-01"), walk(12, "4h"))
    assert (cross.compared, cross.incomplete) == (0, 0)


def test_zero_volume_on_both_sides_agrees() -> None:
    fine = replace(walk(8), volume=np.zeros(8))
    assert cross_check(fine, resample(fine, FOUR_HOURS)).differing == 0


def test_the_certificate_names_its_cross_checks() -> None:
    fine, quarter = walk(96), walk(384, "15m")
    shown = certificate(resample(fine, FOUR_HOURS), [quarter, fine])
    assert [cross.finer for cross in shown.cross_checks] == ["15m", "1h"]


def test_the_json_object_has_iso_times_and_survives_json() -> None:
    candles = without(walk(30), [3])
    shown = replace(certificate(candles), outliers=(Outlier(int(candles.open_time[7]), 0.1),))

    back = json.loads(json.dumps(as_json_object(shown)))

    assert back["first"] == "2024-01-01T00:00:00Z"
    assert back["missing"] == 1
    assert back["gaps"] == [
        {"first": "2024-01-01T03:00:00Z", "last": "2024-01-01T03:00:00Z", "missing": 1}
    ]
    assert back["outliers"] == [{"open_time": "2024-01-01T08:00:00Z", "move_fraction": 0.1}]
    assert back["sha256"] == candles.sha256
