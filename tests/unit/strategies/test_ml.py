"""The strategies of models, on forecasts written by hand."""

from __future__ import annotations

import numpy as np
import pytest
from tests.tables import candles_closing_at, decisions

from leeward.domain.candles import Candles
from leeward.domain.columns import FloatColumn
from leeward.domain.errors import BadUsage
from leeward.strategies.base import Strategy
from leeward.strategies.evaluate import Evaluation, evaluate, strategy_need
from leeward.strategies.informative import Beside, build_frame, frame_columns
from leeward.strategies.ml_adaptive import MlAdaptive
from leeward.strategies.ml_basic import MlBasic
from leeward.strategies.ml_with_sentiment import MlWithSentiment
from leeward.strategies.needs import NEEDS

#: Rises by 0.1 a candle, so that the close is above every average.
RISING = [100 + 0.1 * i for i in range(260)]
LAST = 259


def run(strategy: Strategy, closes: list[float], **told: float | FloatColumn) -> Evaluation:
    """Returns the strategy on forecasts that are NaN where not told."""

    def columns(candles: Candles) -> dict[str, FloatColumn]:
        names = (name for need in strategy.needs for name in NEEDS[need])
        blank = np.full(len(candles), np.nan)
        return {name: np.broadcast_to(told.get(name, blank), len(blank)).copy() for name in names}

    frame = build_frame(candles_closing_at(closes), Beside({}, columns))
    return evaluate(strategy, frame, strategy_need(strategy, frame.columns))


def forecast(p_up: float = 0.6, confidence: float = 0.1, prefix: str = "") -> dict[str, float]:
    return {
        f"{prefix}prediction": 0.001 if p_up > 0.5 else -0.001,
        f"{prefix}prediction_p_up": p_up,
        f"{prefix}prediction_confidence": confidence,
    }


def test_a_forecast_buys_in_a_rising_market_in_proportion_to_its_confidence() -> None:
    found = run(MlBasic(), RISING, **forecast(0.6, 0.1))

    assert decisions(found, LAST) == ["+price"]
    assert found.signals.size[LAST] == pytest.approx(0.10 * 0.1 / 0.2)
    assert found.frame.ladder[LAST] == 1
    assert found.signals.confidence is not None
    assert found.signals.confidence[LAST] == 0.1


def test_more_than_full_confidence_asks_for_no_more() -> None:
    assert run(MlBasic(), RISING, **forecast(0.9, 0.8)).signals.size[LAST] == 0.10


@pytest.mark.parametrize(
    ("told", "closes"),
    [
        (forecast(0.6, 0.0), RISING),
        (forecast(0.51, 0.02), RISING),
        (forecast(0.6) | {"prediction": 0.0}, RISING),
        (forecast(0.6), RISING[::-1]),
    ],
    ids=["no confidence", "too small a chance", "no expected move", "against the trend"],
)
def test_what_does_not_suffice_buys_nothing(told: dict[str, float], closes: list[float]) -> None:
    assert decisions(run(MlBasic(), closes, **told), LAST) == [""]


def test_a_forecast_of_a_fall_sells() -> None:
    assert decisions(run(MlBasic(), RISING, **forecast(0.4)), LAST) == ["-forecast"]


#: Stands still, rises, falls below: the averages cross up, then down.
CROSSING = [*[100.0] * 240, *np.linspace(101, 120, 30), *np.linspace(119, 80, 30)]


def test_without_a_forecast_the_rule_decides_with_its_own_size() -> None:
    found = run(MlBasic(), CROSSING)

    made = [word for word in decisions(found, 239) if word]
    assert made == ["+rule", "-rule"]
    assert (found.frame.ladder[119:] == 0).all()
    assert np.isnan(found.frame.ladder[:119]).all()
    assert (found.signals.size[119:] == 0.10).all()


def test_where_a_model_is_in_charge_the_rule_is_silent() -> None:
    made = {word for word in decisions(run(MlBasic(), CROSSING, **forecast(0.6)), 239) if word}

    assert made == {"+price"}


def test_a_model_of_trades_confirms_the_entries_of_the_rule_and_makes_none() -> None:
    likely = run(MlBasic(), CROSSING, prediction_p_win=0.7, prediction_confidence=0.1)
    unlikely = run(MlBasic(), CROSSING, prediction_p_win=0.4, prediction_confidence=0.0)

    assert [word for word in decisions(likely, 239) if word] == ["+confirmed", "-rule"]
    assert [word for word in decisions(unlikely, 239) if word] == ["-rule"]
    assert likely.signals.size[LAST] == pytest.approx(0.05)


def test_the_ladder_steps_from_sentiment_to_price_to_rule() -> None:
    rows = len(RISING)
    sentiment = {n: np.full(rows, v) for n, v in forecast(0.7, 0.2, "sentiment_").items()}
    price = {n: np.full(rows, v) for n, v in forecast(0.6, 0.1).items()}
    for column in sentiment.values():
        column[-2:] = np.nan
    for column in price.values():
        column[-1:] = np.nan

    found = run(MlWithSentiment(), RISING, **sentiment, **price)

    assert found.frame.ladder[-3:].tolist() == [2, 1, 0]
    assert decisions(found, rows - 3) == ["+sentiment", "+price", ""]
    assert found.signals.size[-3:] == pytest.approx([0.10, 0.05, 0.10])
    assert found.frame.told_p_up[-3:-1].tolist() == [0.7, 0.6]


def test_a_market_without_a_trend_asks_a_forecast_to_be_surer() -> None:
    still = [100 + 0.05 * (i % 2) + 0.001 * i for i in range(261)]
    strategy = MlAdaptive(caution=0.05)

    assert decisions(run(strategy, still, **forecast(0.55)), 260) == [""]
    assert decisions(run(strategy, still, **forecast(0.58)), 260) == ["+price"]
    assert decisions(run(strategy, RISING, **forecast(0.55)), LAST) == ["+price"]
    assert run(strategy, still, **forecast()).frame.regime[260] == 2
    assert run(strategy, RISING, **forecast()).frame.regime[LAST] == 0


def test_a_loud_market_takes_a_smaller_position_and_a_wider_stop() -> None:
    loud = [*RISING, *(126 + 6.0 * i for i in range(1, 15))]
    calm_run, loud_run = (run(MlAdaptive(), c, **forecast(0.9, 0.5)) for c in (RISING, loud))

    assert loud_run.frame.regime[-1] == 1
    assert loud_run.signals.size[-1] < 0.6 * calm_run.signals.size[-1]
    for found in (calm_run, loud_run):
        assert found.signals.stop is not None
        frame = found.frame
        distance = (frame.close[-1] - found.signals.stop[-1]) / frame.atr[-1]
        assert distance == pytest.approx(2.5 / max(frame.calm[-1], 0.25))


def test_a_need_that_nobody_knows_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(BadUsage, match="did you mean 'prediction'"):

        class Wishes(MlBasic):
            needs = ("predictions",)


@pytest.mark.parametrize("kind", [MlBasic, MlAdaptive, MlWithSentiment])
def test_its_history_covers_a_window_and_the_rows_a_model_is_watched_over(
    kind: type[Strategy],
) -> None:
    need = strategy_need(kind(), frame_columns(kind()))

    assert need.warm_up >= 119
    assert need.history >= 840
