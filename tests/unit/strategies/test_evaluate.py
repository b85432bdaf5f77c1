from __future__ import annotations

import re
import sys
from collections.abc import Callable

import numpy as np
import pytest
from tests.walks import walk
from tests.zoo import Honest, Since, Tagged, WritesToCandles, WritesToItsOwnColumn

from leeward.domain.candles import Candles
from leeward.domain.columns import BoolColumn, FloatColumn
from leeward.domain.errors import BadUsage, Failed
from leeward.domain.frame import Frame
from leeward.domain.times import parse_time
from leeward.indicators.averages import ema, sma
from leeward.indicators.crossings import crossed_above
from leeward.indicators.table import Need
from leeward.indicators.volume import obv
from leeward.strategies.base import Condition, Strategy
from leeward.strategies.evaluate import Evaluation, column_needs, evaluate, strategy_need
from leeward.strategies.informative import build_frame

Answer = Callable[[Frame], object]


def run(strategy: Strategy, candles: Candles) -> Evaluation:
    frame = build_frame(candles, {})
    return evaluate(strategy, frame, strategy_need(strategy, frame.columns))


def answering(**methods: Answer) -> Strategy:
    """Returns a strategy whose methods answer as given."""
    written = {name: staticmethod(answer) for name, answer in methods.items()}
    kind: type[Strategy] = type("Odd", (Honest,), written)
    return kind()


def test_signals_and_numbers_come_a_row_a_candle() -> None:
    candles = walk(200)

    evaluation = run(Tagged(), candles)

    above = candles.close > evaluation.frame.average
    starts = above & ~np.append(False, above[:-1])
    starts[:20] = False
    assert np.flatnonzero(evaluation.signals.entry).tolist() == np.flatnonzero(starts).tolist()
    assert evaluation.signals.size.tolist() == [0.10] * 200
    assert set(evaluation.signals.numbers()) == {"size", "stop", "target", "confidence"}
    assert len(evaluation.signals) == 200


def test_the_first_true_tag_names_the_entry() -> None:
    strategy = answering(
        check_entry_conditions=lambda frame: {
            "low": frame.close < 1.5,
            "all": frame.close > 0,
            "never": frame.close > 0,
        }
    )
    frame = Frame(np.arange(3) * 60_000, {"close": np.array([1.0, 2.0, 1.0])})

    signals = evaluate(strategy, frame, Need()).signals

    assert signals.entry_tags == ("low", "all", "never")
    assert signals.entry.tolist() == [1, 2, 1]
    assert signals.exit_tags == ("",)


WRONG: dict[str, tuple[Strategy, str]] = {
    "wrong length": (
        answering(check_entry_conditions=lambda frame: frame.close[1:] > 0),
        "Odd.check_entry_conditions: returned 99 rows for 100 candles",
    ),
    "wrong length under a tag": (
        answering(check_exit_conditions=lambda frame: {"late": frame.close[1:] > 0}),
        "Odd.check_exit_conditions: tag 'late': returned 99 rows for 100 candles",
    ),
    "numbers for a condition": (
        answering(check_entry_conditions=lambda frame: frame.close),
        "Odd.check_entry_conditions: returned float64; a bool column is needed",
    ),
    "a condition for numbers": (
        answering(calculate_stop=lambda frame: frame.close > 0),
        "Odd.calculate_stop: returned bool; a float64 column is needed",
    ),
    "a number for a column": (
        answering(calculate_position_size=lambda _: 0.1),
        "Odd.calculate_position_size: returned a float; a float64 column of NumPy is needed",
    ),
    "nothing for a size": (
        answering(calculate_position_size=lambda _: None),
        "Odd.calculate_position_size: returned None; return a fraction of equity a row",
    ),
    "a table": (
        answering(calculate_target=lambda frame: np.ones((len(frame), 2))),
        "Odd.calculate_target: returned a 2-dimensional array; a float64 column",
    ),
    "too many tags": (
        answering(check_entry_conditions=lambda f: {str(n): f.close > 0 for n in range(256)}),
        "Odd.check_entry_conditions: returned 256 tags; use 1 to 255",
    ),
    "no tag": (
        answering(check_entry_conditions=lambda _: {}),
        "Odd.check_entry_conditions: returned 0 tags; use 1 to 255",
    ),
    "a size above one": (
        answering(calculate_position_size=lambda f: np.where(np.arange(len(f)) == 7, 1.5, 0.1)),
        "Odd.calculate_position_size: row 7 (2024-01-01T07:00:00Z) is 1.5; it must be from 0 to 1",
    ),
    "a confidence below zero": (
        answering(calculate_confidence=lambda f: np.full(len(f), -0.1)),
        "Odd.calculate_confidence: row 0 (2024-01-01T00:00:00Z) is -0.1; it must be from 0 to 1",
    ),
    "a trail above the close": (
        answering(calculate_trail=lambda f: np.full(len(f), -2.0)),
        "is -2; it is a distance below the close, 0 or more",
    ),
    "candles for a frame": (
        answering(calculate_indicators=lambda f: f.close),
        "Odd.calculate_indicators: returned a ndarray; return the frame",
    ),
    "fewer rows": (
        answering(calculate_indicators=lambda f: Frame(f.open_time[1:], {"close": f.close[1:]})),
        "Odd.calculate_indicators: returned 99 rows for 100 candles",
    ),
    "an exception": (
        answering(check_entry_conditions=lambda _: 1 // 0),
        "Odd.check_entry_conditions: raised ZeroDivisionError: integer division",
    ),
    "a way out of the program": (
        answering(calculate_stop=lambda _: sys.exit(5)),
        "Odd.calculate_stop: raised SystemExit: 5 at ",
    ),
    "an unknown column": (
        answering(check_entry_conditions=lambda f: f.cloze > 0),
        "Odd.check_entry_conditions: unknown column 'cloze'; did you mean 'close'?",
    ),
    "an indicator out of bounds": (
        answering(calculate_stop=lambda f: ema(f.close, 0)),
        "Odd.calculate_stop: ema: period is 0; it must be",
    ),
    "state": (
        answering(check_entry_conditions=lambda _: setattr(Honest(), "seen", 1)),
        "Odd.check_entry_conditions: raised AttributeError: Honest.seen: a strategy keeps no state",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_answer_is_named_with_strategy_method_and_way_out(wrong: str) -> None:
    strategy, message = WRONG[wrong]
    frame = build_frame(walk(100), {})

    with pytest.raises(Failed) as refusal:
        evaluate(strategy, frame, Need())

    assert message in str(refusal.value)


def test_an_exception_is_located_in_the_strategys_own_file() -> None:
    strategy = answering(calculate_stop=lambda frame: np.concatenate([frame.close, "text"]))

    with pytest.raises(Failed) as refusal:
        evaluate(strategy, build_frame(walk(100), {}), Need())

    assert re.search(r" at .*test_evaluate\.py:\d+$", str(refusal.value))


@pytest.mark.parametrize("kind", [WritesToCandles, WritesToItsOwnColumn])
def test_a_strategy_cannot_write_to_columns_it_was_given(kind: type[Strategy]) -> None:
    candles = walk(100)
    before = candles.close.copy()

    with pytest.raises(Failed, match=r"read-only.*copy one before writing to it"):
        evaluate(kind(), build_frame(candles, {}), Need())

    assert candles.close.tolist() == before.tolist()


def test_division_by_zero_is_unknown_not_a_warning() -> None:
    strategy = answering(calculate_stop=lambda frame: (frame.close - frame.close) / 0.0)

    evaluation = evaluate(strategy, build_frame(walk(50), {}), Need())

    assert evaluation.signals.stop is not None
    assert np.isnan(evaluation.signals.stop).all()


class Nested(Honest):
    """An average of 10 rows of one of 30 by hand-checked counts: 29 + 9 rows are unknown."""

    def peek(self, frame: Frame) -> FloatColumn:
        return sma(sma(frame.close, 30), 10)

    def check_entry_conditions(self, frame: Frame) -> Condition:
        return {"up": crossed_above(frame.close, frame.peek), "any": frame.close > frame.average}


def test_the_need_adds_up_over_indicators_of_indicators() -> None:
    needs = column_needs(Nested(), ("close",))

    assert needs["close"] == (Need(0, 1),)
    assert needs["peek"] == (Need(38, 39),)
    assert needs["check_entry_conditions"][0].warm_up == 39
    assert needs["check_entry_conditions"][1].warm_up == 19
    assert strategy_need(Nested(), ("close",)).warm_up == 39


def test_rows_that_numpy_hides_are_stated_by_the_class() -> None:
    class Stated(Nested):
        warm_up = 300

    plain, stated = (strategy_need(kind(), ("close",)) for kind in (Nested, Stated))

    assert stated.warm_up == 300
    assert stated.history == plain.history + 300


def test_an_unbounded_indicator_needs_an_anchor() -> None:
    class Endless(Honest):
        def peek(self, frame: Frame) -> FloatColumn:
            return obv(frame.close, frame.volume)

    with pytest.raises(BadUsage, match="Endless uses an indicator with unbounded memory; name"):
        strategy_need(Endless(), ("close", "volume"))


def test_an_anchored_strategy_sees_nothing_before_its_date() -> None:
    candles = walk(500, start="2021-01-15")
    first = int(np.searchsorted(candles.open_time, parse_time("2021-01-20", "")))

    whole, cut = run(Since(), candles), run(Since(), candles.rows(first, 500))

    assert first == 120
    assert whole.signals.warm_up == first + cut.signals.warm_up
    assert np.isnan(whole.frame.peek[:first]).all()
    assert whole.frame.peek[first:].tolist() == cut.frame.peek.tolist()
    assert not whole.signals.entry[:first].any()
    assert whole.signals.entry[first:].tolist() == cut.signals.entry.tolist()


def test_an_anchor_after_the_last_candle_leaves_no_row_to_decide_on() -> None:
    evaluation = run(Since(), walk(50, start="2021-01-15"))

    assert len(evaluation.signals) == 50
    assert evaluation.signals.warm_up >= 50
    assert not evaluation.signals.entry.any()


class Sliced(Honest):
    """Compares by hand with a window longer than a short history."""

    warm_up = 3000

    def check_exit_conditions(self, frame: Frame) -> BoolColumn:
        windows = np.lib.stride_tricks.sliding_window_view(frame.close, 3000)
        low = np.concatenate([np.full(2999, -np.inf), windows.min(axis=1)])
        return frame.close <= low


def test_the_need_is_found_for_windows_longer_than_most() -> None:
    assert strategy_need(Sliced(), ("close",)).warm_up == 3000
