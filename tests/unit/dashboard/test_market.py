from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.histories import (
    ACCOUNT,
    SYMBOL,
    entry,
    life_of_a_position,
    life_of_an_account,
    price,
)

from leeward.dashboard.market import (
    Candles,
    Held,
    held_of,
    merged,
    overlays_of,
    plan_columns,
    predictions,
)
from leeward.dashboard.pages.chart import Shown, first_difference, rows_from
from leeward.database.engine import Database
from leeward.database.lease import take_lease
from leeward.engine.records import Plan, PlanChanged

NAN = float("nan")


def candles(first: int, *closes: float, **columns: list[float]) -> Candles:
    time = np.arange(first, first + len(closes), dtype=np.int64) * 60_000
    known = {name: np.array(values) for name, values in columns.items()}
    return Candles(time, {"close": np.array(closes), **known})


def test_later_candles_take_the_place_of_earlier_ones() -> None:
    joined = candles(0, 1.0, 2.0, 3.0).joined(candles(2, 30.0, 40.0, fast=[7.0, 8.0]))
    assert joined.time.tolist() == [0, 60_000, 120_000, 180_000]
    assert joined.columns["close"].tolist() == [1.0, 2.0, 30.0, 40.0]
    np.testing.assert_equal(joined.columns["fast"], [NAN, NAN, 7.0, 8.0])


def test_what_was_decided_lies_over_history_and_what_comes_after_it_stays() -> None:
    found = merged(candles(0, 1.0, 2.0, 3.0, 4.0), candles(1, 20.0, 30.0))
    assert found.columns["close"].tolist() == [1.0, 20.0, 30.0, 4.0]
    assert merged(Candles(), candles(0, 1.0)).columns["close"].tolist() == [1.0]
    assert merged(candles(0, 1.0), Candles()).columns["close"].tolist() == [1.0]


def test_columns_near_the_price_are_drawn_over_it() -> None:
    found = candles(0, 100.0, 101.0, ema=[NAN, 99.0], rsi=[40.0, 41.0], prediction=[0.0, 0.0])
    assert overlays_of(found) == (["ema"], ["rsi"])


def test_a_prediction_stands_at_the_candle_it_is_about() -> None:
    told = {
        "prediction": [0.1, 0.0],
        "prediction_low": [0.0, 0.0],
        "prediction_high": [0.2, 0.0],
    }
    found = predictions(candles(0, 100.0, 101.0, **told))
    np.testing.assert_allclose(found["prediction"], [NAN, 100 * np.exp(0.1)])
    np.testing.assert_allclose(found["prediction_floor"], [NAN, 100.0])
    np.testing.assert_allclose(found["prediction_width"], [NAN, 100 * np.expm1(0.2)])
    assert predictions(candles(0, 100.0)) == {}


def test_a_stop_is_drawn_from_where_it_was_set_to_where_the_position_ended() -> None:
    time = np.arange(6, dtype=np.int64) * 60_000
    held = Held(61_000, 185_000, "stop", ((61_000, 90.0, NAN), (125_000, 95.0, 120.0)))
    found = plan_columns(time, [held])
    np.testing.assert_equal(found["stop"], [NAN, 90.0, 95.0, 95.0, NAN, NAN])
    np.testing.assert_equal(found["target"], [NAN, NAN, 120.0, 120.0, NAN, NAN])


def test_an_open_position_is_drawn_up_to_the_newest_candle() -> None:
    time = np.arange(3, dtype=np.int64) * 60_000
    found = plan_columns(time, [Held(0, None, None, ((0, 90.0, NAN),))])
    assert found["stop"].tolist() == [90.0, 90.0, 90.0]


def test_what_a_position_was_before_the_chart_begins_is_read_as_one_stop(
    database: Database,
) -> None:
    take_lease(database, ACCOUNT, "here:1").release()
    for batch in (*life_of_an_account(), *life_of_a_position(6)[:5]):
        database.record(ACCOUNT, 1, batch)
    bought = entry(6)
    for number in range(20):
        plan, at_ms = Plan(price(str(96 + number)), None), bought.made_ms + 1_000 + number
        database.record(ACCOUNT, 1, [PlanChanged(bought.position_id, plan, None, at_ms, "raised")])
    since_ms = bought.made_ms + 1_015
    with database.reading() as connection:
        ended, ended_too, still_open = held_of(connection, ACCOUNT, SYMBOL, 0)
        assert [each.closed_ms is None for each in (ended, ended_too, still_open)] == [0, 0, 1]
        assert (len(ended.plans), len(still_open.plans)) == (2, 22)
        assert ended_too.closed_ms is not None
        assert held_of(connection, ACCOUNT, SYMBOL, ended_too.closed_ms) == [
            replace(ended_too, plans=(ended_too.plans[0], ended_too.plans[-1])),
            still_open,
        ]
        (seen,) = held_of(connection, ACCOUNT, SYMBOL, since_ms)
    assert seen.plans == (still_open.plans[0], *still_open.plans[-6:])
    time = np.arange(4, dtype=np.int64) * 5 + since_ms
    shown, whole = plan_columns(time, [seen]), plan_columns(time, [still_open])
    np.testing.assert_equal(shown, whole)


@pytest.mark.parametrize(
    ("stop", "first"),
    [([1.0, 2.0, 3.0], 2), ([1.0, 5.0, 5.0], 1), ([5.0, 2.0, 3.0], 0)],
)
def test_only_rows_that_changed_are_sent(stop: list[float], first: int) -> None:
    sent: Shown = {"time": np.array([1, 2]), "stop": np.array([1.0, 2.0])}
    made: Shown = {"time": np.array([1, 2, 3]), "stop": np.array(stop)}
    assert first_difference(sent, made) == first


def test_nothing_is_sent_where_nothing_changed() -> None:
    sent: Shown = {"time": np.array([1, 2]), "stop": np.array([1.0, NAN]), "told": [None, "x"]}
    made: Shown = {"time": np.array([1, 2]), "stop": np.array([1.0, NAN]), "told": [None, "x"]}
    assert first_difference(sent, made) == 2
    made["told"] = [None, "y"]
    assert first_difference(sent, made) == 1


def test_everything_is_sent_where_the_oldest_rows_left() -> None:
    assert first_difference({"time": np.array([1, 2])}, {"time": np.array([2, 3])}) == 0
    assert first_difference({"a": np.array([1.0])}, {"b": np.array([1.0])}) == 0


def test_rows_are_sent_as_the_browser_knows_them() -> None:
    columns: Shown = {"time": np.array([1, 2]), "stop": np.array([1.0, NAN]), "told": [None, "x"]}
    assert rows_from(columns, 1) == {"time": ["2"], "stop": [None], "told": ["x"]}
