from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeward.statistics.normal import normal_below, normal_quantile, two_sided


@pytest.mark.parametrize(
    ("z", "below"), [(0.0, 0.5), (1.0, 0.8413447461), (-2.0, 0.0227501319), (3.0, 0.9986501020)]
)
def test_the_printed_table_of_the_normal_distribution(z: float, below: float) -> None:
    assert normal_below(z) == pytest.approx(below, abs=1e-10)


def test_the_far_tail_is_not_rounded_away() -> None:
    # The series of the tail: density / z * (1 - 1 / z^2 + 3 / z^4 - ...).
    z = 30.0
    tail = math.exp(-z * z / 2) / math.sqrt(2 * math.pi) / z * (1 - z**-2 + 3 * z**-4 - 15 * z**-6)
    assert normal_below(-z) == pytest.approx(tail, rel=1e-9)


@given(st.floats(1e-9, 1 - 1e-9))
def test_the_quantile_undoes_the_distribution(probability: float) -> None:
    assert normal_below(normal_quantile(probability)) == pytest.approx(probability, rel=1e-9)


def test_ninety_five_percent_lie_within_1_96() -> None:
    assert two_sided(0.95) == pytest.approx(1.959963985, abs=1e-9)
