"""What forecasts would have earned."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from leeward.training.money import Money, deepest, net_changes, passes, turns


def test_each_side_pays_and_a_gap_between_windows_pays_twice() -> None:
    long, still = np.array([True, True, True]), np.zeros(3)
    assert net_changes(long, still, 0.01).tolist() == [-0.01, 0.0, 0.0]
    apart = np.array([True, False, True])
    assert net_changes(long, still, 0.01, apart).tolist() == [-0.01, 0.0, -0.02]
    assert turns(long, apart) == 2


@given(st.lists(st.booleans(), min_size=1, max_size=50), st.floats(0.0, 0.01))
def test_costs_are_paid_for_every_opening_and_every_closing(signs: list[bool], cost: float) -> None:
    long = np.array(signs)
    paid = -net_changes(long, np.zeros(len(long)), cost).sum()
    sides = 2 * turns(long) - int(long[-1])
    np.testing.assert_allclose(paid, sides * cost, atol=1e-12)


def test_a_drawdown_is_measured_from_the_highest_equity() -> None:
    assert round(deepest(np.array([0.5, -0.5, 0.1])), 6) == 0.5


def test_an_unknown_statistic_passes_no_gate() -> None:
    good = Money(0.99, 0.99, 0.0, {"holding": 0.01})
    assert passes(good)
    assert not passes(Money(None, 0.99, 0.0, {"holding": 0.01}))
    assert not passes(Money(0.99, 0.99, 0.0, {"holding": 0.01, "rule": 0.2}))
