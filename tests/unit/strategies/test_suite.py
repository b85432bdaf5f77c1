from __future__ import annotations

import numpy as np
import pytest
from tests.markets import ODD_MARKETS, further_candles, hourly_market
from tests.walks import walk
from tests.zoo import (
    CHEATS,
    EARLY_ONES,
    HONEST,
    SHORT_ONES,
    UNSTEADY_ONES,
    Differences,
    Honest,
    Since,
    Tagged,
    WritesToCandles,
)

from leeward.domain.candles import Candles
from leeward.domain.columns import FloatColumn
from leeward.domain.errors import BadUsage, Failed
from leeward.domain.frame import Frame
from leeward.strategies.base import Strategy
from leeward.strategies.contract import LOOKS_AHEAD, SHORT_HISTORY, Mismatch
from leeward.strategies.suite import CHECKS, EARLY, UNSTEADY, check_strategy


def check(strategy: Strategy, candles: Candles | None = None) -> list[Mismatch]:
    candles = candles or hourly_market("BTCUSDT")
    return check_strategy(strategy, candles, further_candles(strategy, candles))


def kinds_and_columns(found: list[Mismatch]) -> list[tuple[str, str]]:
    return [(mismatch.kind, mismatch.column) for mismatch in found]


@pytest.mark.parametrize(
    ("kind", "strategy"),
    [
        *((LOOKS_AHEAD, cheat) for cheat in CHEATS),
        *((SHORT_HISTORY, short) for short in SHORT_ONES),
        *((UNSTEADY, unsteady) for unsteady in UNSTEADY_ONES),
        *((EARLY, early) for early in EARLY_ONES),
    ],
)
def test_each_breach_is_named_once_with_its_column(kind: str, strategy: type[Honest]) -> None:
    assert kinds_and_columns(check(strategy())) == [(kind, strategy.caught_in)]


@pytest.mark.parametrize("honest", HONEST)
def test_an_honest_strategy_passes(honest: type[Honest]) -> None:
    assert check(honest()) == []


@pytest.mark.parametrize("market", ODD_MARKETS)
@pytest.mark.parametrize("honest", [Tagged, Since, Differences])
def test_rounding_ties_and_gaps_are_no_breach(honest: type[Honest], market: str) -> None:
    assert check(honest(), ODD_MARKETS[market]()) == []


def test_writing_to_a_column_is_refused() -> None:
    with pytest.raises(Failed, match="read-only"):
        check(WritesToCandles())


class OnlyOnce(Honest):
    """Fails when its methods are called without its indicators."""

    def calculate_indicators(self, candles: Frame) -> Frame:
        self.__dict__["seen"] = candles.close
        return super().calculate_indicators(candles)

    def calculate_stop(self, frame: Frame) -> FloatColumn:
        seen: FloatColumn = self.__dict__["seen"]
        return np.fmin(frame.low, seen)


def test_a_method_that_waits_for_another_is_told_to_keep_no_state() -> None:
    with pytest.raises(Failed, match=r"calculate_stop: raised KeyError.*kept between calls"):
        check(OnlyOnce())


def test_too_few_candles_to_check_are_refused() -> None:
    with pytest.raises(BadUsage, match="BTCUSDT 1h: 20 candles are too few to check Honest"):
        check(Honest(), walk(20))
    with pytest.raises(BadUsage, match="BTCUSDT 1h: 0 candles are too few to check Since"):
        check(Since(), walk(400, start="2020-01-01"))


def test_every_kind_of_finding_has_its_promise() -> None:
    assert set(CHECKS) == {LOOKS_AHEAD, SHORT_HISTORY, EARLY, UNSTEADY}
