"""Runs a strategy's methods on a frame, checks what they return, and states what they need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from leeward.domain.columns import BoolColumn, ByteColumn, FloatColumn
from leeward.domain.errors import BadUsage, Failed, LeewardError
from leeward.domain.frame import Frame
from leeward.domain.times import parse_time
from leeward.indicators.table import Need, need_of, trace
from leeward.strategies.base import Strategy
from leeward.strategies.signals import Signals

_NUMBERS = ("size", "stop", "target", "trail", "confidence")
_METHODS: Mapping[str, Callable[[Strategy, Frame], object]] = {
    "size": lambda strategy, frame: strategy.calculate_position_size(frame),
    "stop": lambda strategy, frame: strategy.calculate_stop(frame),
    "target": lambda strategy, frame: strategy.calculate_target(frame),
    "trail": lambda strategy, frame: strategy.calculate_trail(frame),
    "confidence": lambda strategy, frame: strategy.calculate_confidence(frame),
}
_METHOD_NAMES = {name: f"calculate_{name}" for name in _NUMBERS} | {
    "size": "calculate_position_size",
    "entry": "check_entry_conditions",
    "exit": "check_exit_conditions",
    "indicators": "calculate_indicators",
}
#: Tag codes are bytes, 0 for no signal.
_MOST_TAGS = 255


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The signals of a strategy on one symbol, and the frame of indicators behind them."""

    signals: Signals
    frame: Frame


def evaluate(strategy: Strategy, frame: Frame, need: Need) -> Evaluation:
    """Returns the strategy's signals on every row of the frame.

    `need` is what `strategy_need` stated. Raises Failed, naming strategy and method, when a method
    raises or returns something other than a column of the frame's length.
    """
    first = anchor_row(strategy, frame)
    if first:
        return _pad(evaluate(strategy, _rows_from(frame, first), need), frame, first)
    full = _indicators(strategy, frame)
    entry, entry_tags = _condition(strategy, "entry", strategy.check_entry_conditions, full)
    exit_, exit_tags = _condition(strategy, "exit", strategy.check_exit_conditions, full)
    numbers = {name: _number(strategy, name, full) for name in _NUMBERS}
    size = numbers.pop("size")
    if size is None:
        raise _fault(strategy, "size", "returned None; it needs a fraction of equity a row")
    signals = Signals(
        entry=entry,
        exit=exit_,
        size=size,
        **numbers,
        entry_tags=entry_tags,
        exit_tags=exit_tags,
        warm_up=max(need.warm_up, strategy.warm_up),
    )
    return Evaluation(signals, full)


def strategy_need(strategy: Strategy, columns: tuple[str, ...]) -> Need:
    """Returns what the strategy needs: warm-up rows, and the history that fixes its last row.

    `columns` are the names of the frame it will get. Raises BadUsage when it uses an indicator
    with unbounded memory and names no `anchor`.
    """
    rows = 64
    wave = 100 + np.sin(np.arange(rows, dtype=np.float64))
    traced = {name: trace(wave.copy()) for name in columns}
    full = _indicators(strategy, Frame(np.arange(rows) * 60_000, traced))
    parts: list[object] = [full[name] for name in full]
    for name, method in (
        ("entry", strategy.check_entry_conditions),
        ("exit", strategy.check_exit_conditions),
    ):
        answer = _call(strategy, name, method, full)
        parts += answer.values() if isinstance(answer, Mapping) else [answer]
    for name in _NUMBERS:
        parts.append(
            _call(strategy, name, lambda frame, n=name: _METHODS[n](strategy, frame), full)
        )
    traced_need = need_of(*parts)
    if traced_need.unbounded and strategy.anchor is None:
        raise BadUsage(
            f"{type(strategy).__name__} uses an indicator with unbounded memory; "
            "name the date it starts from, as in anchor = '2020-01-01'"
        )
    return Need(
        max(traced_need.warm_up, strategy.warm_up),
        traced_need.history + strategy.warm_up,
        traced_need.unbounded,
    )


def anchor_row(strategy: Strategy, frame: Frame) -> int:
    """Returns the first row the strategy may look at."""
    if strategy.anchor is None:
        return 0
    return int(np.searchsorted(frame.open_time, parse_time(strategy.anchor, "anchor")))


def _indicators(strategy: Strategy, frame: Frame) -> Frame:
    full = _call(strategy, "indicators", strategy.calculate_indicators, frame)
    if not isinstance(full, Frame):
        raise _fault(
            strategy, "indicators", f"returned a {type(full).__name__}; return the frame, "
            "as in candles.with_columns(...)"
        )  # fmt: skip
    if len(full) != len(frame):
        raise _fault(strategy, "indicators", f"returned {len(full)} rows for {len(frame)} candles")
    return full


def _condition(
    strategy: Strategy, name: str, method: Callable[[Frame], object], frame: Frame
) -> tuple[ByteColumn, tuple[str, ...]]:
    answer = _call(strategy, name, method, frame)
    if not isinstance(answer, Mapping):
        return _bool_column(strategy, name, answer, frame).view(np.uint8), ("",)
    if not 0 < len(answer) <= _MOST_TAGS:
        raise _fault(strategy, name, f"returned {len(answer)} tags; use 1 to {_MOST_TAGS}")
    codes = np.zeros(len(frame), dtype=np.uint8)
    for code, (tag, column) in reversed(list(enumerate(answer.items(), start=1))):
        codes[_bool_column(strategy, f"{name}", column, frame, f"tag '{tag}': ")] = code
    return codes, tuple(str(tag) for tag in answer)


def _bool_column(
    strategy: Strategy, name: str, column: object, frame: Frame, tag: str = ""
) -> BoolColumn:
    _check_shape(strategy, name, column, frame, tag)
    assert isinstance(column, np.ndarray)
    if column.dtype != np.bool_:
        raise _fault(strategy, name, f"{tag}returned {column.dtype}; a bool column is needed")
    return np.ascontiguousarray(column)


def _number(strategy: Strategy, name: str, frame: Frame) -> FloatColumn | None:
    column = _call(strategy, name, partial(_METHODS[name], strategy), frame)
    if column is None:
        return None
    _check_shape(strategy, name, column, frame)
    assert isinstance(column, np.ndarray)
    if column.dtype != np.float64:
        raise _fault(strategy, name, f"returned {column.dtype}; a float64 column is needed")
    if name in {"size", "confidence"} and len(column):
        outside = (column < 0) | (column > 1)
        if outside.any():
            row = int(np.argmax(outside))
            raise _fault(strategy, name, f"row {row} is {column[row]:g}; it must be from 0 to 1")
    return np.ascontiguousarray(column)


def _check_shape(
    strategy: Strategy, name: str, column: object, frame: Frame, tag: str = ""
) -> None:
    if not isinstance(column, np.ndarray) or column.ndim != 1:
        raise _fault(
            strategy, name, f"{tag}returned a {type(column).__name__}; a NumPy column is needed"
        )
    if len(column) != len(frame):
        raise _fault(strategy, name, f"{tag}returned {len(column)} rows for {len(frame)} candles")


def _call(strategy: Strategy, name: str, method: Callable[[Frame], object], frame: Frame) -> object:
    try:
        return method(frame)
    except LeewardError:
        raise
    except Exception as error:  # a user's code may raise anything; all of it is named
        trail = error.__traceback__
        while trail is not None and trail.tb_next is not None:
            trail = trail.tb_next
        line = f" at {trail.tb_frame.f_code.co_filename}:{trail.tb_lineno}" if trail else ""
        raise _fault(strategy, name, f"raised {type(error).__name__}: {error}{line}") from error


def _fault(strategy: Strategy, name: str, what: str) -> Failed:
    return Failed(f"{type(strategy).__name__}.{_METHOD_NAMES[name]}: {what}")


def _rows_from(frame: Frame, first: int) -> Frame:
    return Frame(frame.open_time[first:], {name: frame[name][first:] for name in frame})


def _pad(part: Evaluation, frame: Frame, first: int) -> Evaluation:
    """Returns the evaluation of the rows from `first` on, with rows without decision before."""
    signals = part.signals
    none, unknown = np.zeros(first, np.uint8), np.full(first, np.nan)
    numbers = {name: np.concatenate([unknown, col]) for name, col in signals.numbers().items()}
    padded = Signals(
        entry=np.concatenate([none, signals.entry]),
        exit=np.concatenate([none, signals.exit]),
        **numbers,
        entry_tags=signals.entry_tags,
        exit_tags=signals.exit_tags,
        warm_up=first + signals.warm_up,
    )
    columns = {name: np.concatenate([unknown, part.frame[name]]) for name in part.frame}
    return Evaluation(padded, Frame(frame.open_time, columns))
