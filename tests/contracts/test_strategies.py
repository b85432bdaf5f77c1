"""The contract of every built-in strategy. It finds them by itself; see `strategies.suite`."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.markets import ODD_MARKETS, further_candles

from leeward.data.generated import generate_candles
from leeward.domain.candles import Candles
from leeward.domain.timeframe import Timeframe
from leeward.runtime.strategies import load_strategy, strategy_names
from leeward.strategies.base import Strategy
from leeward.strategies.evaluate import evaluate, strategy_need
from leeward.strategies.informative import build_frame
from leeward.strategies.suite import check_strategy

BUILT_IN = [load_strategy(name) for name in strategy_names()]
MONDAY_MS = 345_600_000

each_strategy = pytest.mark.parametrize("kind", BUILT_IN)


def lowest(kind: type[Strategy]) -> Strategy:
    return kind(**{name: parameter.low for name, parameter in kind.parameters.items()})


def highest(kind: type[Strategy]) -> Strategy:
    return kind(**{name: parameter.high for name, parameter in kind.parameters.items()})


def generated(timeframe: str, rows: int) -> Candles:
    return generate_candles("BTCUSDT", Timeframe.parse(timeframe), MONDAY_MS, rows, seed=11)


def test_the_built_in_strategies_are_found() -> None:
    assert {kind.__name__ for kind in BUILT_IN} >= {"EmaCross", "Adaptive", "Enhanced"}


@each_strategy
@pytest.mark.parametrize("market", ODD_MARKETS)
def test_it_keeps_the_contract_on_every_market(kind: type[Strategy], market: str) -> None:
    candles = ODD_MARKETS[market]()

    assert check_strategy(kind(), candles, further_candles(kind(), candles)) == []


@each_strategy
@pytest.mark.parametrize("timeframe", ["1m", "15m", "4h", "1d", "1w"])
def test_it_keeps_the_contract_on_every_timeframe(kind: type[Strategy], timeframe: str) -> None:
    candles = generated(timeframe, 4_500)

    assert check_strategy(kind(), candles, further_candles(kind(), candles)) == []


@each_strategy
@pytest.mark.parametrize("ends", [lowest, highest])
def test_it_keeps_the_contract_at_the_ends_of_its_parameters(
    kind: type[Strategy], ends: Callable[[type[Strategy]], Strategy]
) -> None:
    strategy = ends(kind)
    candles = generated("1h", 14_000)

    assert check_strategy(strategy, candles, further_candles(strategy, candles)) == []


@each_strategy
@pytest.mark.parametrize("rows", [0, 1, 2, 30])
def test_a_few_candles_decide_nothing(kind: type[Strategy], rows: int) -> None:
    candles = generated("1h", rows)
    frame = build_frame(candles, further_candles(kind(), candles))
    need = strategy_need(kind(), frame.columns)

    signals = evaluate(kind(), frame, need).signals

    assert len(signals) == rows
    assert signals.warm_up > rows
    assert not signals.entry.any()


@each_strategy
def test_it_trades_and_says_what_it_is(kind: type[Strategy]) -> None:
    candles = generated("1h", 10_000)
    frame = build_frame(candles, further_candles(kind(), candles))

    signals = evaluate(kind(), frame, strategy_need(kind(), frame.columns)).signals

    assert set(signals.entry.tolist()) > {0}
    assert set(signals.exit.tolist()) > {0}
    assert kind.__doc__
    assert kind.__doc__.partition("\n")[0].endswith(".")
