"""Who challenges a model in use, and what both expected, on either database."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError
from tests.histories import ACCOUNT, deposit

from leeward.database.challenges import (
    Challenge,
    Pair,
    ShadowForecast,
    challenges,
    forecasts,
    keep_forecasts,
    last_forecast_ms,
    pairs,
    set_challenge,
)
from leeward.database.engine import Database
from leeward.database.lease import take_lease

NAME = "btcusdt_price"
PAIR = Pair(ACCOUNT, NAME, "a" * 64, "b" * 64)


def made(*hours: int) -> list[ShadowForecast]:
    return [
        ShadowForecast(hour * 3_600_000, 0.001 * hour, -0.1 / 3, 0.5, 0.25, 1e-9, 0.1 + 0.2)
        for hour in hours
    ]


@pytest.fixture
def traded(database: Database) -> Database:
    take_lease(database, ACCOUNT, "here:1").release()
    database.record(ACCOUNT, 1, [deposit()])
    return database


def test_a_model_has_one_challenger_at_a_time(database: Database) -> None:
    first = Challenge(NAME, "b" * 64, 5, "trader")
    other = Challenge("ethusdt_price", "c" * 64, 6, "trader")
    for each in (first, other, replace(first, sha256="d" * 64, since_ms=7)):
        set_challenge(database, each.name, each)

    assert challenges(database)[NAME].sha256 == "d" * 64

    set_challenge(database, NAME, None)
    assert challenges(database) == {other.name: other}


def test_forecasts_come_back_as_they_were_and_none_is_written_twice(traded: Database) -> None:
    keep_forecasts(traded, PAIR, made(1, 2), 5)
    keep_forecasts(traded, PAIR, made(1, 2, 3), 6)

    assert forecasts(traded, PAIR) == made(1, 2, 3)
    assert last_forecast_ms(traded, PAIR) == 3 * 3_600_000


def test_every_pair_is_told_apart_and_the_latest_comes_first(traded: Database) -> None:
    later = replace(PAIR, champion="c" * 64)
    keep_forecasts(traded, PAIR, made(1, 2), 5)
    keep_forecasts(traded, later, made(3), 5)

    assert pairs(traded, NAME) == [later, PAIR]
    assert pairs(traded, "ethusdt_price") == []
    assert last_forecast_ms(traded, replace(PAIR, account="paper:binance:other")) is None


def test_an_account_that_does_not_exist_has_no_forecasts(database: Database) -> None:
    with pytest.raises(IntegrityError):
        keep_forecasts(database, PAIR, made(1), 5)
