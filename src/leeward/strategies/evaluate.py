"""Runs a strategy's methods on a frame, checks what they return, and states what they need."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from leeward.domain.columns import ByteColumn, FloatColumn
from leeward.domain.errors import BadUsage, Failed, LeewardError
from leeward.domain.frame import Frame
from leeward.domain.times import iso, parse_time
from leeward.indicators.table import Need, need_of, trace
from leeward.strategies.base import Strategy
from leeward.strategies.needs import COLUMN_NEEDS
from leeward.strategies.signals import Signals

Kind = TypeVar("Kind", np.bool_, np.float64)
_INDICATORS = "calculate_indicators"
#: Column of the signals -> the method that gives it.
CONDITIONS: Final = {"entry": "check_entry_conditions", "exit": "check_exit_conditions"}
NUMBERS: Final = {
    "size": "calculate_position_size",
    "stop": "calculate_stop",
    "target": "calculate_target",
    "trail": "calculate_trail",
    "confidence": "calculate_confidence",
}
METHODS: Final = CONDITIONS | NUMBERS
#: What a number must be, where NaN is always allowed: the least, the most and the rule in words.
_RULES = {
    "size": (0.0, 1.0, "it must be from 0 to 1"),
    "confidence": (0.0, 1.0, "it must be from 0 to 1"),
    "trail": (0.0, np.inf, "it is a distance below the close, 0 or more"),
}
#: Tag codes are bytes, 0 for no signal.
_MOST_TAGS = 255
#: Rows on which needs are traced: more than a window that a strategy slices by hand.
_TRACED_ROWS = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The signals of a strategy on one symbol, and the frame of indicators behind them."""

    signals: Signals
    frame: Frame


def evaluate(strategy: Strategy, frame: Frame, need: Need) -> Evaluation:
    """Returns the strategy's signals on every row of the frame.

    `need` is what `strategy_need` stated. The strategy cannot write to the columns it is given.
    Raises Failed, naming strategy and method, when a method raises or returns something other
    than a column of the frame's length.
    """
    first = anchor_row(strategy, frame)
    if first:
        return _pad(evaluate(strategy, rows_from(frame, first), need), frame, first)
    full = calculate_frame(strategy, frame)
    return Evaluation(read_signals(strategy, full, need), full)


def calculate_frame(strategy: Strategy, frame: Frame) -> Frame:
    """Returns the frame with the strategy's indicators; nothing can be written to its columns."""
    full = _call(strategy, _INDICATORS, _read_only(frame))
    if not isinstance(full, Frame):
        raise _fault(
            strategy, _INDICATORS, f"returned a {type(full).__name__}; return the frame, "
            "as in candles.with_columns(...)"
        )  # fmt: skip
    if len(full) != len(frame):
        raise _fault(strategy, _INDICATORS, f"returned {len(full)} rows for {len(frame)} candles")
    return _read_only(full)


def read_signals(
    strategy: Strategy, full: Frame, need: Need, order: Sequence[str] = tuple(METHODS)
) -> Signals:
    """Returns the signals on a frame that has its indicators, asking the methods in `order`."""
    conditions: dict[str, tuple[ByteColumn, tuple[str, ...]]] = {}
    numbers: dict[str, FloatColumn | None] = {}
    for name in order:
        if name in CONDITIONS:
            conditions[name] = _condition(strategy, METHODS[name], full)
        else:
            numbers[name] = _number(strategy, name, full)
    size = numbers.pop("size")
    if size is None:
        raise _fault(
            strategy,
            METHODS["size"],
            "returned None; return a fraction of equity a row, as in np.full(len(frame), 0.10)",
        )
    (entry, entry_tags), (exit_, exit_tags) = conditions["entry"], conditions["exit"]
    return Signals(
        entry=entry,
        exit=exit_,
        size=size,
        **numbers,
        entry_tags=entry_tags,
        exit_tags=exit_tags,
        warm_up=need.warm_up,
    )


def strategy_need(strategy: Strategy, columns: tuple[str, ...]) -> Need:
    """Returns what the strategy needs: warm-up rows, and the history that fixes its last row.

    `columns` are the names of the frame it will get. Raises BadUsage when it uses an indicator
    with unbounded memory and names no `anchor`.
    """
    need = reduce(Need.beside, chain.from_iterable(column_needs(strategy, columns).values()))
    if need.unbounded and strategy.anchor is None:
        raise BadUsage(
            f"{type(strategy).__name__} uses an indicator with unbounded memory; "
            "name the date it starts from, as in anchor = '2020-01-01'"
        )
    return Need(
        max(need.warm_up, strategy.warm_up), need.history + strategy.warm_up, need.unbounded
    )


def column_needs(strategy: Strategy, columns: tuple[str, ...]) -> dict[str, tuple[Need, ...]]:
    """Returns what each column of the frame needs, then each method's answer, a tag each.

    Only indicators and NumPy operations are followed: rows that a strategy reaches back by hand,
    by slicing or in a library of its own, stay hidden (`Strategy.warm_up` states those).
    """
    wave = 100 + np.sin(np.arange(_TRACED_ROWS, dtype=np.float64))
    candles = Frame(
        np.arange(_TRACED_ROWS, dtype=np.int64) * 60_000,
        {name: trace(wave.copy(), COLUMN_NEEDS.get(name, Need())) for name in columns},
    )
    full = calculate_frame(strategy, candles)
    needs: dict[str, tuple[Need, ...]] = {name: (need_of(full[name]),) for name in full}
    for method in METHODS.values():
        answer = _call(strategy, method, full)
        parts = tuple(answer.values()) if isinstance(answer, Mapping) else (answer,)
        needs[method] = tuple(need_of(part) for part in parts)
    return needs


def anchor_row(strategy: Strategy, frame: Frame) -> int:
    """Returns the first row the strategy may look at."""
    if strategy.anchor is None:
        return 0
    return int(np.searchsorted(frame.open_time, parse_time(strategy.anchor, "anchor")))


def rows_from(frame: Frame, first: int) -> Frame:
    """Returns the frame without the rows before `first`, sharing memory."""
    return Frame(frame.open_time[first:], {name: frame[name][first:] for name in frame})


def _condition(strategy: Strategy, method: str, frame: Frame) -> tuple[ByteColumn, tuple[str, ...]]:
    answer = _call(strategy, method, frame)
    if not isinstance(answer, Mapping):
        return _checked(strategy, method, answer, frame, np.bool_).view(np.uint8), ("",)
    if not 0 < len(answer) <= _MOST_TAGS:
        raise _fault(strategy, method, f"returned {len(answer)} tags; use 1 to {_MOST_TAGS}")
    codes = np.zeros(len(frame), dtype=np.uint8)
    for code, (tag, column) in reversed(list(enumerate(answer.items(), start=1))):
        codes[_checked(strategy, method, column, frame, np.bool_, f"tag '{tag}': ")] = code
    return codes, tuple(str(tag) for tag in answer)


def _number(strategy: Strategy, name: str, frame: Frame) -> FloatColumn | None:
    answer = _call(strategy, METHODS[name], frame)
    if answer is None:
        return None
    column = _checked(strategy, METHODS[name], answer, frame, np.float64)
    if name in _RULES:
        least, most, rule = _RULES[name]
        outside = (column < least) | (column > most)
        if outside.any():
            row = int(np.argmax(outside))
            raise _fault(
                strategy,
                METHODS[name],
                f"row {row} ({iso(int(frame.open_time[row]))}) is {column[row]:g}; {rule}",
            )
    return column


def _checked(
    strategy: Strategy,
    method: str,
    column: object,
    frame: Frame,
    dtype: type[Kind],
    tag: str = "",
) -> NDArray[Kind]:
    """Returns the column, contiguous, once its kind, length and dtype are right."""
    wanted = np.dtype(dtype).name
    if not isinstance(column, np.ndarray) or column.ndim != 1:
        kind = getattr(column, "ndim", None)
        what = type(column).__name__ if kind is None else f"{kind}-dimensional array"
        raise _fault(
            strategy, method, f"{tag}returned a {what}; a {wanted} column of NumPy is needed"
        )
    if len(column) != len(frame):
        raise _fault(strategy, method, f"{tag}returned {len(column)} rows for {len(frame)} candles")
    if column.dtype != dtype:
        raise _fault(strategy, method, f"{tag}returned {column.dtype}; a {wanted} column is needed")
    return np.ascontiguousarray(column)


def _call(strategy: Strategy, method: str, frame: Frame) -> object:
    called: Callable[[Frame], object] = getattr(strategy, method)
    try:
        # NaN and infinity stand for "not known"; NumPy need not warn of them.
        with np.errstate(all="ignore"):
            return called(frame)
    except LeewardError as error:
        raise _fault(strategy, method, f"{error}{_place(error)}") from error
    except (Exception, SystemExit) as error:  # a user's code may raise anything; all of it is named
        what = f"raised {type(error).__name__}: {error}{_place(error)}"
        if "read-only" in str(error):
            what += "; columns are shared: copy one before writing to it, column.copy()"
        raise _fault(strategy, method, what) from error


def _place(error: BaseException) -> str:
    """Returns " at FILE:LINE", the last line in the file of the method that was called."""
    inside = traceback.extract_tb(error.__traceback__)[1:]
    lines = [at for at in inside if at.filename == inside[0].filename]
    return f" at {lines[-1].filename}:{lines[-1].lineno}" if lines else ""


def _fault(strategy: Strategy, method: str, what: str) -> Failed:
    return Failed(f"{type(strategy).__name__}.{method}: {what}")


def _read_only(frame: Frame) -> Frame:
    """Returns the frame with columns that share memory and refuse to be written to."""
    open_time = frame.open_time.view()
    open_time.flags.writeable = False
    columns = {name: frame[name].view() for name in frame}
    for column in columns.values():
        column.flags.writeable = False
    return Frame(open_time, columns)


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
