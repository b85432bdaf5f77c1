from __future__ import annotations

import pytest
from tests.tables import candles_closing_at, decisions, run

from leeward.strategies.ema_cross import EmaCross

FLAT = [100.0] * 120


def test_it_buys_in_the_row_in_which_the_fast_average_rises_above_the_slow_one() -> None:
    evaluation = run(EmaCross(), candles_closing_at([*FLAT, 110, 110, 90, 90, 120]))

    # 120: fast 100 + 10 * 2/21, slow 100 + 10 * 2/101. 122: the fall by 20 counts for more.
    assert decisions(evaluation, 118) == ["", "", "+", "", "", "-", "+"]
    assert evaluation.frame.fast[120] == pytest.approx(100 + 20 / 21)
    assert evaluation.frame.slow[120] == pytest.approx(100 + 20 / 101)


def test_equal_averages_do_not_cross() -> None:
    assert decisions(run(EmaCross(), candles_closing_at([100.0] * 200)), 0) == [""] * 200


def test_nothing_is_decided_before_the_slow_average_is_known_in_two_rows() -> None:
    evaluation = run(EmaCross(), candles_closing_at([*range(200, 140, -1), *range(140, 240)]))

    assert evaluation.signals.warm_up == 100
    assert not any(decisions(evaluation, 0)[:100])


def test_the_stop_lies_two_ranges_below_the_close_and_the_size_is_a_tenth() -> None:
    evaluation = run(EmaCross(), candles_closing_at([*FLAT, 110]))
    signals = evaluation.signals

    # Thirteen ranges of 1 and one of 11, from 99.5 to 110.5.
    assert evaluation.frame.atr[120] == pytest.approx(24 / 14)
    assert signals.stop is not None
    assert signals.stop[120] == pytest.approx(110 - 2 * 24 / 14)
    assert signals.size[120] == 0.10
    assert (signals.target, signals.trail, signals.confidence) == (None, None, None)


def test_the_stop_distance_is_a_parameter() -> None:
    signals = run(EmaCross(stop_atr=3.5), candles_closing_at([*FLAT, 110])).signals

    assert signals.stop is not None
    assert signals.stop[120] == pytest.approx(110 - 3.5 * 24 / 14)
