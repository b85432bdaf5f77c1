"""What may be concluded of a challenger."""

from __future__ import annotations

import numpy as np
import pytest
from tests.histories import ACCOUNT, deposit

from leeward.database.challenges import Pair, ShadowForecast, keep_forecasts
from leeward.database.engine import Database
from leeward.database.lease import take_lease
from leeward.domain.errors import BadUsage
from leeward.runtime.model_comparison import Compared, compare, compared

PAIR = Pair(ACCOUNT, "btcusdt_price", "a" * 64, "b" * 64)
HOUR_MS = 3_600_000


def forecasts(
    hours: int, challenger_skill: float, champion_skill: float = 0.0
) -> list[ShadowForecast]:
    """Returns forecasts that hold so much of what comes."""
    chance = np.random.default_rng(3)
    came = chance.normal(0.0, 0.01, hours)
    noise = chance.normal(0.0, 0.001, (hours, 2))
    ours, theirs = champion_skill * came + noise[:, 0], challenger_skill * came + noise[:, 1]
    return [
        ShadowForecast(
            i * HOUR_MS,
            float(ours[i]),
            float(theirs[i]),
            0.5 + 10 * float(ours[i]),
            0.5 + 10 * float(theirs[i]),
            0.01,
            float(came[i]),
        )
        for i in range(hours)
    ]


def verdict(hours: int, challenger: float, champion: float = 0.0) -> Compared:
    return compare(PAIR, forecasts(hours, challenger, champion))


def test_means_and_differences_are_those_of_the_same_candles() -> None:
    made = forecasts(800, 0.1)
    found = compare(PAIR, made)

    own = np.array([((e.came - e.champion_return) / e.volatility) ** 2 for e in made])
    other = np.array([((e.came - e.challenger_return) / e.volatility) ** 2 for e in made])
    assert found.champion.squared_error == pytest.approx(own.mean())
    assert found.squared_error is not None
    assert found.squared_error.difference == pytest.approx((other - own).mean())
    assert found.squared_error.low < found.squared_error.difference < found.squared_error.high
    assert found.challenger.right > 0.6
    assert found.champion.right == pytest.approx(0.5, abs=0.06)
    assert found.brier is not None
    assert found.brier.difference < 0
    assert found.right_p < 0.001
    assert (found.candles, found.first_ms, found.last_ms) == (800, 0, 799 * HOUR_MS)


@pytest.mark.parametrize(
    ("hours", "challenger", "champion", "words"),
    [
        (499, 0.1, 0.0, "too early to tell: 499 of at least 500 candles"),
        (700, 0.1, 0.0, "29 of at least 30 days"),
        (800, 0.1, 0.0, "the challenger forecasts better (p <0.001)"),
        (800, 0.0, 0.1, "the champion forecasts better"),
        (800, 0.0, 0.0, "no difference is shown"),
    ],
)
def test_a_verdict_takes_enough_candles_and_a_difference(
    hours: int, challenger: float, champion: float, words: str
) -> None:
    assert words in verdict(hours, challenger, champion).verdict


def test_two_of_a_kind_are_not_told_apart() -> None:
    same = [
        ShadowForecast(e.open_time_ms, e.champion_return, e.champion_return, 0.5, 0.5, 0.01, e.came)
        for e in forecasts(800, 0.0)
    ]
    found = compare(PAIR, same)
    assert (found.squared_error, found.brier, found.right_p) == (None, None, 1.0)
    assert found.verdict == "no difference: both forecast the same"


def test_every_pair_of_a_name_is_compared(database: Database) -> None:
    take_lease(database, ACCOUNT, "here:1").release()
    database.record(ACCOUNT, 1, [deposit()])
    with pytest.raises(BadUsage, match="leeward models challenge btcusdt_price"):
        compared(database, PAIR.name)
    made = forecasts(30, 0.1)
    keep_forecasts(database, PAIR, made, 5)

    assert compared(database, PAIR.name) == [compare(PAIR, made)]
