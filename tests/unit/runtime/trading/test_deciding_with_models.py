"""A session's steps see the same forecasts as a backtest of the same candles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.tiny_models import HOUR, MODELS

from leeward.data.generated import generate_candles
from leeward.domain.candle import Candle
from leeward.domain.candles import Candles
from leeward.domain.instrument import Instrument
from leeward.risk.limits import RiskLimits
from leeward.runtime.predictions import GrowingOutlook, ModelUse, Outlook
from leeward.runtime.trading.deciding import Decider
from leeward.runtime.trading.views import AccountView
from leeward.simulation.setup import Setup
from leeward.strategies.base import Strategy
from leeward.strategies.evaluate import evaluate, strategy_need
from leeward.strategies.informative import Beside, build_frame
from leeward.strategies.ml_adaptive import MlAdaptive
from leeward.strategies.ml_basic import MlBasic
from leeward.strategies.ml_with_sentiment import MlWithSentiment

CANDLES = generate_candles("BTCUSDT", HOUR, 1_577_836_800_000, 3_300, seed=12)
FIRST, STEPS = 3_000, 300


def outlook(strategy: Strategy) -> Outlook:
    use = ModelUse(MODELS, Path("no data"), shrunk=False)
    return Outlook(strategy.needs, "BTCUSDT", HOUR, use)


def candle(candles: Candles, row: int) -> Candle:
    names = ("open", "high", "low", "close", "volume")
    values = {name: float(getattr(candles, name)[row]) for name in names}
    more = {"quote_volume": np.nan, "taker_buy_volume": np.nan}
    return Candle("BTCUSDT", HOUR, int(candles.open_time[row]), **values, **more, trades=0)


@pytest.mark.parametrize(
    "strategy", [MlBasic(), MlAdaptive(), MlWithSentiment()], ids=lambda s: type(s).__name__
)
def test_every_step_decides_on_the_row_of_the_backtest(strategy: Strategy) -> None:
    frame = build_frame(CANDLES, Beside({}, outlook(strategy).columns))
    whole = evaluate(strategy, frame, strategy_need(strategy, frame.columns))
    instruments = (Instrument("BTCUSDT", 0.00001, 0.01, 5.0),)
    setup = Setup(10_000.0, 0.001, 0.0005, instruments, RiskLimits())
    history = [CANDLES.rows(0, FIRST)]
    live = GrowingOutlook(outlook(strategy))
    decider = Decider(strategy, setup, history, {}, {"BTCUSDT": live.columns})
    told = {"+": 0, "-": 0}

    for row in range(FIRST, FIRST + STEPS):
        decider.take(candle(CANDLES, row))
        made = decider.step(int(CANDLES.open_time[row]), lambda _: AccountView(10_000.0, 10_000.0))
        (choice,) = made.choices
        names = [name for name in choice.columns if "prediction" in name or "told" in name]
        assert len(names) >= 12
        for name in [*names, "ladder"]:
            value = choice.columns[name]
            expected = whole.frame[name][row]
            assert np.array_equal([np.nan if value is None else value], [expected], equal_nan=True)
        tags = whole.signals.entry_tags
        code = int(whole.signals.entry[row])
        assert choice.entry_tag == (tags[code - 1] if code else "")
        told["+"] += code > 0
        told["-"] += int(whole.signals.exit[row]) > 0
    assert min(told.values()) > 0
