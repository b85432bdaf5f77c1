from __future__ import annotations

import numpy as np
import pytest
from tests.tables import candles_closing_at, decisions, run

from leeward.indicators import ema
from leeward.strategies.adaptive import Adaptive, calmness

FLAT = [100.0] * 240


def test_it_buys_the_breakout_and_sells_when_the_close_falls_below_the_band() -> None:
    way = [102, 104, 106, 108, 106, 104, 102, 100, 98]

    evaluation = run(Adaptive(), candles_closing_at([*FLAT, *way]))

    # The average stands at 100.2 after the first step, its band of one ATR (16 / 14) ends at 101.3.
    # On the way back it stands at 101.6 with a band of 2.0, which 98 is the first close below.
    assert decisions(evaluation, 239) == [
        "", "+breakout", "", "", "", "", "", "", "", "-trend_lost"
    ]  # fmt: skip
    assert evaluation.frame.atr[240] == pytest.approx((13 * 1 + 3) / 14)
    assert evaluation.frame.strength[240] == 1.0


def test_it_buys_the_turn_when_the_close_broke_out_below_a_falling_average() -> None:
    # From a fall of an hour the average still falls when the close is above its band again.
    way = [94.0, 94.0, 94.0, 103.0, 103.5, 104.0, 104.5, 105.0]

    evaluation = run(Adaptive(slope=3), candles_closing_at([*FLAT, *way]))

    bought = [word for word in decisions(evaluation, 240) if word.startswith("+")]
    assert bought == ["+turn"]


def test_it_sells_below_an_average_that_falls_before_the_band_is_reached() -> None:
    way = [*np.arange(101.0, 131.0), *np.arange(130.0, 112.0, -1.0)]

    words = decisions(run(Adaptive(band=3.0), candles_closing_at([*FLAT, *way])), 240)

    assert "-turned_down" in words
    assert words.index("-turned_down") < words.index("-trend_lost")


def test_a_straight_trend_is_followed_closely_and_noise_hardly_at_all() -> None:
    straight = [*FLAT, *(100 + 0.2 * np.arange(60))]
    noise = [*FLAT, *(100 + 6 * (np.arange(60) % 2))]

    for way, close_behind in ((straight, True), (noise, False)):
        candles = candles_closing_at(way)
        fast, slow = ema(candles.close, 20)[-1], ema(candles.close, 100)[-1]
        place = (run(Adaptive(), candles).frame.line[-1] - slow) / (fast - slow)
        assert place > 0.95 if close_behind else place < 0.2


def test_it_asks_for_less_where_the_market_is_louder_than_usual() -> None:
    evaluation = run(Adaptive(), candles_closing_at([*FLAT, 102]))
    frame, signals = evaluation.frame, evaluation.signals

    quiet, loud = 1 / 100, (16 / 14) / 102
    usual = quiet + (loud - quiet) * 2 / 101
    assert frame.calm[239:].tolist() == pytest.approx([1.0, usual / loud])
    assert signals.size[239:].tolist() == pytest.approx([0.10, 0.10 * usual / loud])


def test_the_first_stop_is_near_and_the_trail_further_away() -> None:
    signals = run(Adaptive(), candles_closing_at([*FLAT, 102])).signals

    assert signals.stop is not None
    assert signals.trail is not None
    assert signals.stop[240] == pytest.approx(102 - 2.5 * 16 / 14)
    assert signals.trail[240] == pytest.approx(4 * 16 / 14)


def test_the_straightest_trend_is_bought_first() -> None:
    evaluation = run(Adaptive(), candles_closing_at([*FLAT, 102, 101, 104]))

    assert evaluation.signals.confidence is not None
    assert evaluation.signals.confidence[240:].tolist() == pytest.approx([1.0, 1 / 3, 4 / 6])


def test_a_market_without_any_range_is_calm() -> None:
    calm = calmness(np.array([*[0.0] * 150, 0.01]))

    assert np.isnan(calm[:99]).all()
    assert calm[99:150].tolist() == [1.0] * 51
    assert 0 < calm[150] < 0.03
