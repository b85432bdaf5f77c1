from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import njit
from numpy.lib.stride_tricks import sliding_window_view

import leeward.indicators
from leeward.domain.columns import FloatColumn
from leeward.indicators import adx, atr, crossed_above, ema, macd, obv, shift, sma
from leeward.indicators.table import (
    DIFFERENCE,
    INDICATORS,
    MEAN,
    Need,
    indicator,
    need_of,
    rows_to_forget,
    trace,
)

CLOSE = 100 + np.sin(np.arange(300.0))
EMA = Need(19, 297)


def test_needs_in_a_row_add_up_and_needs_beside_each_other_take_the_larger() -> None:
    assert Need(4, 5).after(Need(10, 100)) == Need(14, 104)
    assert Need(4, 50).beside(Need(10, 20)) == Need(10, 50)
    assert Need(unbounded=True).after(Need(3, 4)) == Need(3, 4, unbounded=True)
    assert Need(3, 4).beside(Need(unbounded=True)) == Need(3, 4, unbounded=True)
    assert Need().after(Need(3, 4)) == Need(3, 4)


@pytest.mark.parametrize("weight", [1.0, 0.5, 2 / 21, 1 / 300])
@pytest.mark.parametrize("left", [MEAN, DIFFERENCE])
def test_an_average_keeps_no_more_of_its_start_than_allowed(weight: float, left: float) -> None:
    rows = rows_to_forget(weight, left)
    assert (1 - weight) ** rows <= left * (1 + 1e-9)
    assert weight == 1 or (1 - weight) ** (rows - 1) > left


def test_a_traced_column_keeps_its_need_and_its_values() -> None:
    average = ema(trace(CLOSE), 20)
    assert need_of(average) == EMA
    np.testing.assert_array_equal(np.asarray(average), ema(CLOSE, 20))
    assert type(ema(CLOSE, 20)) is np.ndarray


def test_indicators_of_indicators_add_their_needs() -> None:
    close = trace(CLOSE)
    assert need_of(sma(ema(close, 20), 5)) == Need(23, 301)
    assert need_of(shift(ema(close, 20), 3)) == Need(22, 300)
    assert need_of(crossed_above(ema(close, 20), close)) == Need(20, 298)
    assert need_of(crossed_above(ema(close, 20), 100.0)) == Need(20, 298)
    assert need_of(obv(close, close)).unbounded
    assert {need_of(column) for column in macd(close)} == {INDICATORS["macd"].need(12, 26, 9)}
    assert need_of(*adx(close, close, close, 14)) == INDICATORS["adx"].need(14)
    assert need_of(atr(CLOSE, CLOSE, close, period=14)) == INDICATORS["atr"].need(14)


SAME_ROW: dict[str, Callable[[Any, Any], Any]] = {
    "arithmetic": lambda e, c: -(abs(e - c) ** 2) / 3 + np.log(e),
    "comparison": lambda e, c: ~((e > c) & (c > 1) | (e != e)),
    "where": lambda e, c: np.where(c > 1, e, np.nan),
    "maximum": np.maximum,
    "nanmax": lambda e, c: np.nanmax(np.vstack([e, c]), axis=0),
    "select": lambda e, c: np.select([c > 1], [e], 0.0),
    "clip": lambda e, c: np.clip(e, 0, 1) + c,
    "clip method": lambda e, c: c.clip(0, e),
    "nan_to_num": lambda e, c: np.nan_to_num(e) + c,
    "isnan": lambda e, _: np.isnan(e),
    "astype": lambda e, c: (e > c).astype(np.int64),
    "copy": lambda e, _: e.copy(),
    "zeros_like": lambda e, _: np.zeros_like(e),
    "out": lambda e, _: np.add(e, 1, out=np.empty(len(e))),
    "mask": lambda e, c: e[e > c],
    "later rows": lambda e, _: e[10:],
    "concatenate": lambda e, c: np.concatenate([c[:5], e[5:]]),
    "two results": lambda e, c: np.divmod(e, c)[1],
    "in place": lambda e, c: c.copy().__iadd__(e),
}


@pytest.mark.parametrize("operation", SAME_ROW.values(), ids=SAME_ROW)
def test_operations_within_a_row_keep_the_largest_need(operation: Callable[..., Any]) -> None:
    close = trace(CLOSE)
    assert need_of(operation(ema(close, 20), close)) == EMA


LOOK_BACK: dict[str, tuple[Callable[[Any], Any], int]] = {
    "diff": (lambda e: np.diff(e, prepend=np.nan), 1),
    "diff of diff": (lambda e: np.diff(e, n=2), 2),
    "roll": (lambda e: np.roll(e, 3), 3),
    "earlier rows": (lambda e: np.concatenate([[np.nan] * 4, e[:-4]]), 4),
    "convolve": (lambda e: np.convolve(e, np.ones(6), "valid"), 5),
    "windows": (lambda e: sliding_window_view(e, 7).mean(axis=1), 6),
    "windows by name": (lambda e: sliding_window_view(e, window_shape=7).max(axis=1), 6),
}


@pytest.mark.parametrize(("operation", "rows"), LOOK_BACK.values(), ids=LOOK_BACK)
def test_operations_that_look_back_need_that_many_rows_more(
    operation: Callable[..., Any], rows: int
) -> None:
    found = need_of(operation(ema(trace(CLOSE), 20)))
    assert found == Need(EMA.warm_up + rows, EMA.history + rows)


CUMULATIVE: dict[str, Callable[[Any], Any]] = {
    "cumsum": np.cumsum,
    "cumsum method": lambda e: e.cumsum(),
    "nancumsum": np.nancumsum,
    "cumprod": np.cumprod,
    "cumulative_sum": np.cumulative_sum,
    "running maximum": np.maximum.accumulate,
}


@pytest.mark.parametrize("operation", CUMULATIVE.values(), ids=CUMULATIVE)
def test_running_totals_have_unbounded_memory(operation: Callable[..., Any]) -> None:
    assert need_of(operation(ema(trace(CLOSE), 20))).unbounded


def test_single_values_and_compiled_functions_get_plain_numbers() -> None:
    @njit
    def doubled(column: Any) -> Any:
        return column * 2

    average = ema(trace(CLOSE), 20)
    assert type(average[-1]) is np.float64
    assert type(np.nanmax(average)) is np.float64
    np.testing.assert_array_equal(doubled(average), ema(CLOSE, 20) * 2)


def test_an_indicator_gets_contiguous_columns_that_it_cannot_write_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def probe(values: FloatColumn) -> FloatColumn:
        assert values.flags.c_contiguous
        assert not values.flags.writeable
        return values.copy()

    # Annotations are strings in the modules of the room, as they are here.
    registered = indicator(Need)(probe)
    monkeypatch.delitem(INDICATORS, "probe")
    assert registered(CLOSE[::2]).tolist() == CLOSE[::2].tolist()
    assert CLOSE.flags.writeable


def test_parameters_may_be_given_by_name_and_left_out() -> None:
    np.testing.assert_array_equal(ema(period=5, values=CLOSE), ema(CLOSE, 5))
    np.testing.assert_array_equal(macd(CLOSE, slow=26).line, macd(CLOSE, 12, 26, 9).line)
    np.testing.assert_array_equal(sma(CLOSE, np.int32(5)), sma(CLOSE, 5))  # type: ignore[arg-type] # integers of NumPy will do


@pytest.mark.parametrize(
    ("args", "kwargs", "complaint"),
    [
        ((), {}, "missing 1 required positional argument: 'period'"),
        ((5, 6), {}, "takes 2 positional arguments but 3 were given"),
        ((), {"perod": 5}, "unexpected keyword argument 'perod'"),
        ((5,), {"period": 6}, "multiple values for argument 'period'"),
    ],
)
def test_a_wrong_call_is_refused_in_the_words_of_python(
    args: tuple[int, ...], kwargs: dict[str, int], complaint: str
) -> None:
    with pytest.raises(TypeError, match=complaint):
        ema(CLOSE, *args, **kwargs)


def test_the_room_is_typed_and_loaded_from_one_list_of_names() -> None:
    source = ast.parse(Path(leeward.indicators.__file__).read_text())
    imports = [node for node in ast.walk(source) if isinstance(node, ast.ImportFrom)]
    typed = {
        alias.name: node.module
        for node in imports
        for alias in node.names
        if (node.module or "").startswith("leeward.indicators.")
    }
    assert typed == leeward.indicators._HOME


def test_an_unknown_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'emma'"):
        leeward.indicators.emma  # noqa: B018 - looked up for its error


def test_importing_the_room_loads_nothing_heavy() -> None:
    code = "import sys, leeward.indicators; print({'numba', 'numpy'} & sys.modules.keys())"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"
