"""Candles are put together to steps: complete, or late and said so."""

from __future__ import annotations

from leeward.domain.candle import Candle
from leeward.domain.timeframe import Timeframe
from leeward.runtime.trading.arrivals import Arrivals, Step
from leeward.runtime.trading.deciding import Series

HOUR, FOUR = Timeframe.parse("1h"), Timeframe.parse("4h")
H = HOUR.length_ms


def candle(symbol: str, hour: int, timeframe: Timeframe = HOUR) -> Candle:
    return Candle(symbol, timeframe, hour * H, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0, 0.0)


def arrivals(*further: Series, known: dict[Series, int] | None = None) -> Arrivals:
    taken = known or {}
    return Arrivals(("A", "B"), HOUR, further, taken.get, late_s=15.0)


def opens(step: Step | None) -> list[tuple[str, int]]:
    assert step is not None
    return [(each.symbol, each.open_time_ms // H) for each in step.candles]


def test_a_step_is_due_once_every_symbol_has_its_candle() -> None:
    waiting = arrivals()
    waiting.take(candle("A", 4), 0.0)
    assert waiting.due(1.0) is None
    assert waiting.wait_s(1.0) == 14.0
    waiting.take(candle("B", 4), 1.0)
    step = waiting.due(1.0)
    assert opens(step) == [("A", 4), ("B", 4)]
    assert step == Step(4 * H, step.candles if step else (), (), ())
    assert waiting.due(1.0) is None
    assert waiting.wait_s(1.0) is None


def test_a_candle_that_does_not_come_is_missing_after_a_while() -> None:
    waiting = arrivals()
    waiting.take(candle("A", 4), 0.0)
    step = waiting.due(15.0)
    assert step is not None
    assert (step.missing, opens(step)) == (("B",), [("A", 4)])


def test_a_late_candle_makes_no_step_of_its_own_and_comes_with_the_next() -> None:
    waiting = arrivals()
    waiting.take(candle("A", 4), 0.0)
    assert waiting.due(15.0) is not None
    waiting.take(candle("B", 4), 16.0)
    assert waiting.due(60.0) is None
    waiting.take(candle("A", 5), 60.0)
    waiting.take(candle("B", 5), 60.0)
    assert opens(waiting.due(60.0)) == [("B", 4), ("A", 5), ("B", 5)]


def test_steps_come_in_order_when_many_candles_come_at_once() -> None:
    waiting = arrivals()
    for hour in (4, 5, 6):
        for symbol in ("A", "B"):
            waiting.take(candle(symbol, hour), 0.0)
    steps = [waiting.due(0.0) for _ in range(3)]
    assert [step.open_time_ms // H for step in steps if step] == [4, 5, 6]


def test_an_informative_candle_that_closes_with_the_step_is_waited_for() -> None:
    series = ("A", "4h")
    waiting = arrivals(series, known={series: 0})
    for symbol in ("A", "B"):
        waiting.take(candle(symbol, 6), 0.0)  # closes at 7:00; the last of 4 h is that of 0:00
    assert waiting.due(0.0) is not None
    for symbol in ("A", "B"):
        waiting.take(candle(symbol, 7), 0.0)  # closes at 8:00, as that of 4:00 does
    assert waiting.due(0.0) is None
    late = waiting.due(15.0)
    assert late is not None
    assert late.without == (series,)


def test_an_informative_candle_that_closes_later_is_not_shown_earlier() -> None:
    series = ("A", "4h")
    waiting = arrivals(series, known={series: 0})
    waiting.take(candle("A", 4, FOUR), 0.0)
    for symbol in ("A", "B"):
        waiting.take(candle(symbol, 6), 0.0)
    assert opens(waiting.due(0.0)) == [("A", 6), ("B", 6)]
    assert waiting.newest_ms(series) == 4 * H
