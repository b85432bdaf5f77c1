from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeward.statistics.drift import deciles, stability_index

TRAINED = np.random.default_rng(1).normal(0, 1, 20_000)
REFERENCE = deciles(TRAINED)


def test_deciles_cut_into_tenths() -> None:
    shares = np.diff([0, *(np.mean(cut >= TRAINED) for cut in REFERENCE), 1])
    assert shares == pytest.approx([0.1] * 10, abs=1e-4)


def test_the_index_worked_by_hand() -> None:
    # Ten bins; 20 values: 5 in the first, 0 in the second, 3 in the third, two in each other one
    # but the last, which has none. Half a value is added to each of the ten.
    counts = np.array([5, 0, 3, 2, 2, 2, 2, 2, 2, 0])
    values = np.repeat(np.arange(10) + 0.5, counts)
    expected = 0.0
    for count in counts:
        share = (count + 0.5) / 25
        expected += (share - 0.1) * math.log(share / 0.1)
    assert stability_index(values, np.arange(1.0, 10.0)) == pytest.approx(expected, rel=1e-12)


def test_what_was_trained_on_is_stable() -> None:
    later = np.random.default_rng(2).normal(0, 1, 2_000)
    found = stability_index(later, REFERENCE)
    assert found is not None
    assert found < 0.02


@pytest.mark.parametrize(("shift", "spread"), [(1.0, 1.0), (0.0, 3.0), (0.0, 0.2)])
def test_a_shift_is_seen(shift: float, spread: float) -> None:
    later = np.random.default_rng(2).normal(shift, spread, 300)
    found = stability_index(later, REFERENCE)
    assert found is not None
    assert found > 0.25


def test_a_normal_shift_has_its_divergence() -> None:
    # With fine bins the index is the symmetric Kullback-Leibler divergence, shift^2 for normals;
    # ten bins see a little less of it.
    later = np.random.default_rng(3).normal(0.5, 1, 200_000)
    assert stability_index(later, REFERENCE) == pytest.approx(0.25, rel=0.1)


def test_a_constant_feature_that_stays_constant_is_stable() -> None:
    assert stability_index(np.zeros(100), deciles(np.zeros(50))) == 0.0


def test_tied_deciles_are_one_bin() -> None:
    # A third of the values is exactly 0, as after clipping.
    trained = np.maximum(np.random.default_rng(4).normal(0.4, 1, 9_000), 0.0)
    later = np.maximum(np.random.default_rng(5).normal(0.4, 1, 2_000), 0.0)
    found = stability_index(later, deciles(trained))
    assert found is not None
    assert found < 0.02


def test_unknown_values_are_left_out_and_nothing_else_remains_unknown() -> None:
    values = np.array([0.1, math.nan, -0.4, math.inf])
    assert stability_index(values, REFERENCE) == stability_index(values[[0, 2]], REFERENCE)
    assert stability_index(values[[1]], REFERENCE) is None
    assert np.isnan(deciles(values[[1, 3]])).all()
    assert stability_index(values, deciles(values[[1]])) is None


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=60))
def test_the_index_is_finite_and_never_negative(values: list[float]) -> None:
    found = stability_index(np.array(values, np.float32), REFERENCE)
    assert found is not None
    assert -1e-12 <= found < math.inf
