from __future__ import annotations

import numpy as np
import pytest

from leeward.domain.candles import Candles
from leeward.domain.errors import BadUsage
from leeward.domain.frame import Frame
from leeward.domain.timeframe import Timeframe

TIME = np.arange(3) * 60_000


def frame() -> Frame:
    return Frame(TIME, {"close": np.array([1.0, 2.0, 3.0])})


def test_columns_are_read_by_attribute_and_by_name() -> None:
    assert frame().close is not None
    assert frame()["close"].tolist() == [1.0, 2.0, 3.0]
    assert "close" in frame()
    assert "open" not in frame()
    assert list(frame()) == ["close"]
    assert frame().columns == ("close",)


def test_with_columns_leaves_the_frame_as_it_was() -> None:
    before = frame()
    after = before.with_columns(double=before.close * 2)
    assert before.columns == ("close",)
    assert after.double.tolist() == [2.0, 4.0, 6.0]
    assert after.open_time is before.open_time


def test_an_unknown_column_names_the_nearest_one() -> None:
    with pytest.raises(BadUsage, match="unknown column 'clos'; did you mean 'close'"):
        _ = frame().clos


def test_a_private_name_is_no_column() -> None:
    assert not hasattr(frame(), "__array__")


def test_a_frame_refuses_to_change() -> None:
    with pytest.raises(AttributeError, match=r"use with_columns\(close=\.\.\.\)"):
        frame().close = np.zeros(3)


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (np.zeros(2), "has 2 rows, the frame has 3"),
        (np.zeros((3, 1)), "one-dimensional"),
        (np.zeros(3, dtype=np.int64), "holds int64; float64 is needed"),
        ([1.0, 2.0, 3.0], "is a list"),
    ],
)
def test_a_column_of_another_shape_or_type_is_refused(column: np.ndarray, words: str) -> None:
    with pytest.raises(BadUsage, match=words):
        frame().with_columns(new=column)


def test_of_takes_the_optional_columns_that_are_known() -> None:
    ones = np.ones(3)
    candles = Candles("A", Timeframe.parse("1m"), TIME, ones, ones, ones, ones, ones, trades=ones)
    assert Frame.of(candles).columns == ("open", "high", "low", "close", "volume", "trades")


def test_repr_shows_rows_and_columns() -> None:
    assert repr(frame()) == "Frame(3 rows: close)"
