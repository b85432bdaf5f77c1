from __future__ import annotations

import pytest
from tests.tables import candles_closing_at, decisions, run

from leeward.strategies.enhanced import Enhanced

FLAT = [100.0] * 160
#: A dip before the rise: five up and two down put RSI at 73.
DIP = [*FLAT, 98.0, 103.0]


def test_it_buys_when_trend_rsi_macd_atr_and_volume_agree() -> None:
    evaluation = run(Enhanced(), candles_closing_at(DIP))

    assert decisions(evaluation, 159) == ["", "-trend_over", "+all"]
    assert evaluation.frame.rsi[161] == pytest.approx(100 * 5 / (5 + 2 * 13 / 14))
    assert evaluation.frame.score[159:].tolist() == [0, 0, 4]
    assert evaluation.signals.size[161] == 0.10
    assert evaluation.signals.confidence is not None
    assert evaluation.signals.confidence[161] == 1.0


@pytest.mark.parametrize(
    ("closes", "volumes", "params", "tag"),
    [
        (DIP, None, {}, "all"),
        (DIP, [10.0] * 161 + [9.0], {}, "no_interest"),
        (DIP, [10.0] * 161 + [9.0], {"volume_factor": 0.8}, "all"),
        ([*FLAT, 102.0], None, {}, "no_strength"),
        (DIP, None, {"loudest": 1.0}, "no_calm"),
        (DIP, None, {"rsi_high": 70.0}, "no_strength"),
    ],
)
def test_the_tag_names_the_confirmation_that_was_missing(
    closes: list[float], volumes: list[float] | None, params: dict[str, object], tag: str
) -> None:
    evaluation = run(Enhanced(**params), candles_closing_at(closes, volumes))

    assert decisions(evaluation, len(closes) - 1) == [f"+{tag}"]
    share = 1.0 if tag == "all" else 0.75
    assert evaluation.signals.size[-1] == pytest.approx(0.10 * share)


def test_a_trend_that_slows_down_is_bought_without_momentum() -> None:
    slowing = [100 + 20 * (1 - 0.95**step) + 0.6 * (step % 2) for step in range(60)]
    candles = candles_closing_at([*FLAT, *slowing], [10.0] * 218 + [5.0, 15.0])

    evaluation = run(Enhanced(), candles)

    assert evaluation.frame.histogram[-1] < 0
    assert decisions(evaluation, 219) == ["+no_momentum"]


def test_a_trend_with_fewer_confirmations_than_asked_for_is_not_bought() -> None:
    quiet = candles_closing_at(DIP, [10.0] * 161 + [9.0])

    assert decisions(run(Enhanced(confirmations=4), quiet), 161) == [""]
    assert decisions(run(Enhanced(confirmations=1), quiet), 161) == ["+no_interest"]


def test_confirmations_without_a_trend_are_not_bought() -> None:
    # RSI and MACD rise from a fall while both averages are still above the close.
    evaluation = run(Enhanced(), candles_closing_at([*FLAT, *[80.0] * 12, *[82.0, 81.0] * 4]))

    assert evaluation.frame.momentum[-1] == 1
    assert evaluation.frame.score[-1] == 0
    assert not any(word.startswith("+") for word in decisions(evaluation, 160))


def test_it_buys_once_while_the_confirmations_last() -> None:
    words = decisions(run(Enhanced(), candles_closing_at([*DIP, 103.5, 104.0, 104.5])), 161)

    assert words == ["+all", "", "", ""]


def test_it_sells_when_momentum_is_lost_and_when_the_averages_cross() -> None:
    rise = [100.0 + step for step in range(1, 31)]
    fall = [130.0 - 2 * step for step in range(1, 31)]

    words = decisions(run(Enhanced(), candles_closing_at([*FLAT, *rise, *fall])), 160)

    lost, over = words.index("-momentum_lost"), words.index("-trend_over")
    assert 30 < lost < over
    assert set(words[lost:]) == {"-momentum_lost", "-trend_over"}


def test_the_stop_lies_three_ranges_below_the_close_and_may_rise() -> None:
    evaluation = run(Enhanced(), candles_closing_at(DIP))

    # Ranges of 1, then 3 (97.5 to 100.5), then 6 (97.5 to 103.5).
    atr = (13 * (13 + 3) / 14 + 6) / 14
    assert evaluation.signals.stop is not None
    assert evaluation.signals.stop[161] == pytest.approx(103 - 3 * atr)
    assert Enhanced.ratchet_stop
    assert evaluation.signals.trail is None


def test_nothing_is_known_before_its_warm_up() -> None:
    evaluation = run(Enhanced(), candles_closing_at([100.0 + row for row in range(140)]))

    assert evaluation.signals.warm_up == 113
    assert not any(decisions(evaluation, 0)[:113])
