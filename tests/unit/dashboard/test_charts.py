from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from leeward.dashboard.charts import (
    Curve,
    candle_options,
    curve_options,
    histogram_edges,
    histogram_options,
    rows_of,
    thinned,
)

RETURNS = st.lists(st.floats(-1, 5, allow_nan=False), max_size=60)


def options(made: object) -> Any:
    """Returns options as the browser gets them; fails for what JSON does not know."""
    return json.loads(json.dumps(made, allow_nan=False))


@given(arrays(np.float64, st.integers(0, 400), elements=st.floats(-1e9, 1e9)))
def test_a_thinned_curve_keeps_its_ends_and_its_extremes(value: np.ndarray) -> None:
    time = np.arange(len(value), dtype=np.int64)
    rows, kept = thinned(time, value, 50)
    assert len(rows) <= max(50, len(value) if len(value) <= 50 else 0)
    assert list(rows) == sorted(set(rows))
    if len(value):
        assert (rows[0], rows[-1]) == (0, len(value) - 1)
        assert (kept.min(), kept.max()) == (value.min(), value.max())


@given(RETURNS)
@example([-1e-11, 1.0])
@example([-1.0, 1e-11])
def test_every_return_is_in_one_bar_and_none_crosses_zero(values: list[float]) -> None:
    edges = histogram_edges(values)
    counts, _ = np.histogram(values, bins=edges)
    assert counts.sum() == len(values)
    assert any(abs(edge) < 1e-12 for edge in edges)
    assert all(high > low for low, high in pairwise(edges))


def test_losses_and_gains_have_colours_of_their_own() -> None:
    made = options(histogram_options([-0.02, 0.01, 0.03]))
    colors = [bar["itemStyle"]["color"] for bar in made["series"][0]["data"]]
    assert colors == ["var(--loss)"] * 2 + ["var(--gain)"] * 3
    assert [bar["value"] for bar in made["series"][0]["data"]] == [1, 0, 0, 1, 1]
    assert made["xAxis"][0]["data"][0] == "−2 to −1 %"


def test_a_curve_leaves_a_hole_where_nothing_is_known() -> None:
    time = np.array([0, 60_000, 120_000])
    made = options(curve_options([Curve("equity", time, np.array([1.0, np.nan, 3.0]))]))
    assert made["series"][0]["data"] == [[0, 1.0], [60_000, None], [120_000, 3.0]]
    assert made["yAxis"][0]["labels"] == "money"


def test_drawdown_hangs_from_zero_in_a_pane_of_its_own() -> None:
    time = np.array([0, 60_000])
    below = Curve("drawdown", time, np.array([0.0, -0.1]), "var(--loss)")
    made = options(curve_options([Curve("equity", time, np.array([1.0, 0.9]))], below))
    assert (made["yAxis"][1]["max"], "min" in made["yAxis"][1]) == (0, False)
    flat = options(curve_options([], Curve("drawdown", time, np.zeros(2), "var(--loss)")))
    assert -0.1 < flat["yAxis"][1]["min"] < 0  # else the axis goes up
    assert made["series"][1]["xAxisIndex"] == 1
    assert made["legend"]["data"] == ["equity"]


@pytest.mark.parametrize("predicted", [False, True])
def test_a_candle_chart_names_the_columns_of_its_rows(predicted: bool) -> None:
    made = options(candle_options(["fast", "slow"], "volume", predicted=predicted))
    columns = [name for series in made["series"] for name in series["columns"]]
    assert columns[:4] == ["open", "close", "low", "high"]
    assert {"entry", "exit", "stop", "target", "fast", "slow", "volume"} <= set(columns)
    assert ("prediction_floor" in columns) == predicted
    assert made["dataZoom"][0]["minValueSpan"] == 10


def test_colours_are_tokens_of_the_page() -> None:
    text = json.dumps(candle_options(["fast"], "rsi", predicted=True))
    assert "#" not in text
    assert "rgb" not in text
    assert "var(--up)" in text


def test_rows_say_nothing_where_nothing_is_known() -> None:
    assert rows_of({"stop": np.array([1.5, np.nan])}) == {"stop": [1.5, None]}
