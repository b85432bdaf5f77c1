"""The money gates let nothing through that knows nothing, and what knows something through.

500 null markets and 100 planted years with LEEWARD_CAMPAIGN set, a slice of them otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.markets import hourly_market
from tests.train.nulls import judge_world, make_world

from leeward.domain.columns import FloatColumn
from leeward.training.money import passes

_WHOLE = "LEEWARD_CAMPAIGN" in os.environ
NULLS, PLANTED, UNDER_COSTS = (500, 100, 100) if _WHOLE else (12, 5, 3)
HALF_YEAR, YEAR = 4_380, 8_760
CANDIDATES = 12
FEE = 0.001
pytestmark = pytest.mark.timeout(7_200 if _WHOLE else 900)


@pytest.fixture(scope="module")
def moves() -> FloatColumn:
    """Log returns of hours to draw markets from: real ones where they are, else generated."""
    root = Path(__file__).parents[2] / os.environ.get("LEEWARD_TEST_DATA", "../shared/data")
    file = root / "market" / "BTCUSDT-1h.parquet"
    if not file.is_file():
        return np.diff(np.log(hourly_market("BTCUSDT").close))
    import polars as pl

    close = pl.read_parquet(file)["close"].to_numpy()
    return np.diff(np.log(close[-30_000:]))


def passed(
    moves: FloatColumn, worlds: int, hours: int, skill: float, cost: float
) -> Iterator[bool]:
    for seed in range(worlds):
        chance = np.random.Generator(np.random.PCG64(seed))
        world = make_world(moves, hours, CANDIDATES, skill, chance)
        yield passes(judge_world(world, cost))


def test_at_most_one_in_a_hundred_null_markets_promotes_a_candidate(moves: FloatColumn) -> None:
    assert sum(passed(moves, NULLS, HALF_YEAR, 0.0, 0.0)) <= NULLS // 100


def test_an_edge_without_costs_passes_in_four_full_years_of_five(moves: FloatColumn) -> None:
    assert sum(passed(moves, PLANTED, YEAR, 0.10, 0.0)) >= 0.8 * PLANTED


def test_the_same_edge_never_passes_under_costs(moves: FloatColumn) -> None:
    assert not any(passed(moves, UNDER_COSTS, YEAR, 0.10, FEE))
