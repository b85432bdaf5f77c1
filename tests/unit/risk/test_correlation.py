"""Which symbols count as moving together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from leeward.domain.columns import FloatColumn
from leeward.risk.correlation import WINDOW, correlated, log_returns

NAN = float("nan")


def noise(rows: int, seed: int = 1) -> FloatColumn:
    return np.random.default_rng(seed).standard_normal(rows) * 0.01


def test_returns_are_against_the_row_before() -> None:
    returns = log_returns(np.array([100.0, 110.0, 99.0]))
    assert np.isnan(returns[0])
    assert returns[1:] == pytest.approx([np.log(1.1), np.log(0.9)])
    assert log_returns(np.array([])).tolist() == []


def test_fewer_than_30_pairs_count_as_correlated() -> None:
    a, b = noise(30), noise(30, seed=2)
    assert correlated(a, b, 28, 0.9)
    assert not correlated(a, b, 29, 0.9)
    b[10] = NAN  # one pair less
    assert correlated(a, b, 29, 0.9)


@pytest.mark.parametrize("flat", [np.zeros(100), np.full(100, 0.001)])
def test_a_symbol_without_variance_counts_as_correlated(flat: FloatColumn) -> None:
    assert correlated(noise(100), flat, 99, 1.0)
    assert correlated(flat, noise(100), 99, 1.0)


def test_a_copy_is_correlated_and_a_mirror_is_not() -> None:
    a = noise(100)
    assert correlated(a, a.copy(), 99, 1.0)
    assert correlated(a, 3 * a, 99, 0.999999)
    assert not correlated(a, -a, 99, 0.01)


def test_rows_after_the_last_are_not_looked_at() -> None:
    a, b = noise(100), noise(100, seed=2)
    b[60:] = a[60:] = np.linspace(5, 9, 40)
    assert not correlated(a, b, 59, 0.9)
    assert correlated(a, b, 99, 0.9)


@pytest.mark.parametrize("hole", [None, 900])
def test_only_the_last_720_pairs_count(hole: int | None) -> None:
    # With a hole among them the 720 pairs reach one row further back.
    rows = 1_000
    a = noise(rows)
    b = a.copy()
    if hole is not None:
        b[hole] = NAN
    first = rows - WINDOW - (hole is not None)
    b[: first + 1] = -a[: first + 1]
    a[first] = b[first] = 0.1
    b[first] = -0.1
    assert not correlated(a, b, rows - 1, 0.999)
    b[first] = a[first]
    assert correlated(a, b, rows - 1, 0.999)


@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(30, 900),
    mixed=st.floats(-1, 1),
    missing=st.floats(0, 0.5),
    threshold=st.floats(0.05, 1.0),
)
def test_the_verdict_is_pearsons(
    seed: int, rows: int, mixed: float, missing: float, threshold: float
) -> None:
    random = np.random.default_rng(seed)
    a, own = random.standard_normal((2, rows)) * random.choice([1e-4, 0.01, 0.3])
    b = mixed * a + (1 - abs(mixed)) * own + random.choice([0.0, 0.001])
    a[random.random(rows) < missing] = NAN
    b[random.random(rows) < missing] = NAN
    both = np.flatnonzero(~np.isnan(a + b))[-WINDOW:]
    assume(len(both) >= 30)
    r = np.corrcoef(a[both], b[both])[0, 1]
    assume(abs(r - threshold) > 1e-9)
    assert correlated(a, b, rows - 1, threshold) == (r >= threshold)
