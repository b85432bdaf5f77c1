"""What networks learn to answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.markets import hourly_market

from leeward.domain.candles import Candles
from leeward.domain.timeframe import Timeframe
from leeward.strategies.ema_cross import EmaCross
from leeward.training.labels import (
    Held,
    meta_labels,
    next_returns,
    return_labels,
    rule_positions,
    triple_barrier,
)

HOUR = Timeframe.parse("1h")


def candles_of(*rows: tuple[float, float, float, float]) -> Candles:
    open_, high, low, close = (np.array(column) for column in zip(*rows, strict=True))
    time = np.arange(len(rows), dtype=np.int64) * HOUR.length_ms
    return Candles("BTCUSDT", HOUR, time, open_, high, low, close, np.ones(len(rows)))


FLAT = (100.0, 101.0, 99.0, 100.0)
ROW = np.array([0])


def ends(candles: Candles, horizon: int = 2) -> tuple[float, int]:
    found = triple_barrier(candles, ROW, np.array([95.0]), np.array([110.0]), horizon)
    return round(float(found.gain[0]), 6), int(found.candles[0])


def test_a_candle_that_touches_both_barriers_counts_as_the_stop() -> None:
    assert ends(candles_of(FLAT, (100.0, 120.0, 90.0, 100.0), FLAT)) == (-0.05, 1)


def test_a_trade_that_meets_its_target_first_gains_it() -> None:
    assert ends(candles_of(FLAT, (100.0, 112.0, 99.0, 111.0), (111.0, 111.0, 90.0, 90.0))) == (
        0.1,
        1,
    )


def test_a_gap_through_the_stop_leaves_at_the_open() -> None:
    assert ends(candles_of(FLAT, FLAT, (90.0, 91.0, 89.0, 90.0))) == (-0.1, 2)


def test_a_gap_through_the_target_leaves_at_the_open() -> None:
    assert ends(candles_of(FLAT, FLAT, (115.0, 116.0, 114.0, 115.0))) == (0.15, 2)


def test_a_trade_that_meets_nothing_is_judged_at_the_last_close() -> None:
    assert ends(candles_of(FLAT, FLAT, (100.0, 103.0, 99.0, 102.0))) == (0.02, 2)


def test_an_outcome_that_is_not_known_yet_is_not_a_number() -> None:
    assert np.isnan(ends(candles_of(FLAT, FLAT))[0])


def test_a_trade_over_a_missing_candle_has_no_outcome() -> None:
    whole = candles_of(FLAT, FLAT, FLAT, FLAT)
    late = np.array([0, 0, 1, 1]) * HOUR.length_ms
    holed = replace(whole, open_time=whole.open_time + late)
    assert np.isnan(ends(holed)[0])


def test_an_entry_beyond_its_stop_is_no_trade() -> None:
    assert np.isnan(ends(candles_of(FLAT, (94.0, 96.0, 93.0, 95.0), FLAT))[0])


@given(st.integers(0, 4_400))
def test_outcomes_do_not_depend_on_candles_after_the_horizon(row: int) -> None:
    candles, rows = hourly_market("BTCUSDT"), np.array([row])
    close = candles.close[rows]
    whole = triple_barrier(candles, rows, close * 0.98, close * 1.04, 24)
    short = triple_barrier(candles.rows(0, row + 25), rows, close * 0.98, close * 1.04, 24)
    np.testing.assert_array_equal(whole.gain, short.gain)


def test_the_next_return_over_a_missing_candle_is_unknown() -> None:
    candles = candles_of(FLAT, (100.0, 111.0, 99.0, 110.0), FLAT)
    late = np.array([0, 0, 1]) * HOUR.length_ms
    later = replace(candles, open_time=candles.open_time + late)
    moves = next_returns(later, np.arange(3))
    np.testing.assert_allclose(moves, [np.log(1.1), np.nan, np.nan])


def test_labels_are_clipped_at_five_deviations() -> None:
    labels = return_labels(np.array([0.2, -0.001, np.nan]), np.array([0.01, 0.01, 0.01]))
    np.testing.assert_allclose(labels, [5.0, -0.1, np.nan])


def test_the_rule_is_held_from_its_entry_to_its_exit() -> None:
    candles = hourly_market("BTCUSDT")
    held = rule_positions(EmaCross(), candles)
    changes = np.count_nonzero(np.diff(held.long))
    assert 10 < changes < 200
    assert (held.stop[held.long] < candles.close[held.long]).all()


def test_only_candles_of_the_rule_get_a_meta_label_and_costs_decide_it() -> None:
    candles = candles_of(*[FLAT] * 30)
    rows = np.array([0, 1])
    held = Held(np.arange(30) == 1, np.full(30, 95.0))
    np.testing.assert_array_equal(meta_labels(candles, rows, held, 0.0), [np.nan, 0.0])
    np.testing.assert_array_equal(meta_labels(candles, rows, held, -0.01), [np.nan, 1.0])
