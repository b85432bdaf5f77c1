from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from leeward.domain.columns import FloatColumn
from leeward.indicators.windows import (
    rolling_deviation,
    rolling_highest,
    rolling_linear_mean,
    rolling_lowest,
    rolling_mean,
)

Rolling = Callable[[FloatColumn, int], FloatColumn]
#: Each with its definition over a table of one window a row.
DEFINED: dict[str, tuple[Rolling, Callable[[FloatColumn], FloatColumn]]] = {
    "highest": (rolling_highest, lambda windows: windows.max(axis=1)),
    "lowest": (rolling_lowest, lambda windows: windows.min(axis=1)),
    "mean": (rolling_mean, lambda windows: windows.mean(axis=1)),
    "deviation": (lambda v, n: rolling_deviation(v, n)[1], lambda windows: windows.std(axis=1)),
    "linear mean": (
        rolling_linear_mean,
        lambda windows: np.average(windows, axis=1, weights=np.arange(1, windows.shape[1] + 1)),
    ),
}
each_kind = pytest.mark.parametrize("kind", DEFINED)


def prices(rows: int, seed: int = 3) -> FloatColumn:
    return 100 + np.random.default_rng(seed).normal(0, 1, rows)


@each_kind
@settings(deadline=None)
@given(rows=st.integers(0, 70), period=st.integers(1, 70))
def test_every_period_is_as_defined(kind: str, rows: int, period: int) -> None:
    rolling, definition = DEFINED[kind]
    values = prices(rows)
    found = rolling(values, period)
    assert np.isnan(found[: period - 1]).all()
    if rows >= period:
        expected = definition(sliding_window_view(values, period))
        np.testing.assert_allclose(found[period - 1 :], expected, rtol=1e-9, atol=1e-12)


@each_kind
@pytest.mark.parametrize("period", [37, 4096, 5000])
def test_long_columns_are_as_defined_at_every_row(kind: str, period: int) -> None:
    rolling, definition = DEFINED[kind]
    values = prices(10_000)
    found = rolling(values, period)[period - 1 :]
    some = np.append(np.arange(0, len(found), 97), len(found) - 1)
    expected = definition(sliding_window_view(values, period)[some])
    np.testing.assert_allclose(found[some], expected, rtol=1e-9)


@each_kind
@settings(deadline=None, max_examples=25)
@given(first=st.integers(0, 4200), period=st.integers(1, 300))
def test_a_result_is_the_same_to_the_last_bit_wherever_its_window_lies(
    kind: str, first: int, period: int
) -> None:
    rolling, _ = DEFINED[kind]
    values = prices(4600)
    found = rolling(values[first:], period)[period - 1 :]
    np.testing.assert_array_equal(found, rolling(values, period)[first + period - 1 :])


@each_kind
def test_a_nan_leaves_with_its_row(kind: str) -> None:
    rolling, _ = DEFINED[kind]
    values = prices(60)
    for period in (1, 2, 7, 16):
        hurt = values.copy()
        hurt[20] = np.nan
        found, clean = rolling(hurt, period), rolling(values, period)
        assert np.isnan(found[20 : 20 + period]).all()
        np.testing.assert_array_equal(found[20 + period :], clean[20 + period :])
        np.testing.assert_array_equal(found[:20], clean[:20])
