"""The table of indicators: what each needs before its values count, and how needs add up.

A strategy never states these numbers. `trace` wraps its input columns, every indicator adds its
own need to that of its inputs, NumPy operations take the largest, and the result tells how many
rows the strategy has to see.

All indicators treat NaN alike. Leading NaN are skipped: the warm-up starts at the first row where
every input is known, so that indicators can be chained. Behind a later NaN the data begin anew:
that row and the warm-up after it are NaN again, and nothing before it counts. `shift`, `roc` and
the crossings look at two rows only, and at nothing between them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from inspect import Parameter, signature
from typing import Any, Final, ParamSpec, TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from leeward.domain.columns import FloatColumn
from leeward.domain.errors import BadUsage

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Need:
    """What a column needs: `warm_up` leading rows are NaN; computed from the last `history` rows
    alone, the last row equals its full-history value to 1e-9 relative, unless `unbounded`."""

    warm_up: int = 0
    history: int = 1
    unbounded: bool = False

    def after(self, inputs: Need) -> Need:
        """Returns the need of a column with this own need computed from `inputs`."""
        return Need(
            self.warm_up + inputs.warm_up,
            self.history + inputs.history - 1,
            self.unbounded or inputs.unbounded,
        )

    def beside(self, other: Need) -> Need:
        """Returns the need of a column made row by row from two columns."""
        return Need(
            max(self.warm_up, other.warm_up),
            max(self.history, other.history),
            self.unbounded or other.unbounded,
        )


#: What an average may keep of its start, so that the last row is right to 1e-9 of its own value
#: although prices have moved 100-fold meanwhile. An average of prices is as large as they are;
#: ranges and moves vary 1000-fold beside them; a difference of averages may be 1e-6 of a price,
#: and two averages that keep 1e-18 of different starts have become the same to the last bit.
MEAN: Final = 1e-12
MOVES: Final = 1e-15
DIFFERENCE: Final = 1e-18


def rows_to_forget(weight: float, left: float = MEAN) -> int:
    """Returns the rows after which an average that moves by `weight` keeps `left` of its start."""
    if weight >= 1:
        return 1
    return int(np.ceil(np.log(left) / np.log1p(-weight)))


@dataclass(frozen=True, slots=True)
class Indicator:
    """One row of the table; `need` takes the function's parameters (not its columns)."""

    function: Callable[..., Any]
    columns: tuple[str, ...]
    parameters: Mapping[str, Any]
    need: Callable[..., Need]


INDICATORS: Final[dict[str, Indicator]] = {}


def indicator(need: Callable[..., Need]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Registers an indicator: columns first (annotated FloatColumn), then its parameters.

    Columns may be any one-dimensional numbers, all of one length; where the annotation says
    `FloatColumn | float`, a number stands for a column of it. The function gets them as contiguous
    float64 that cannot be written to. Integer parameters must be 1 or more, floating ones above
    zero. BadUsage names the column or parameter that breaks a rule.
    """

    def register(function: Callable[P, R]) -> Callable[P, R]:
        name = function.__name__
        arguments = signature(function).parameters
        required = {n for n, a in arguments.items() if a.default is Parameter.empty}
        columns = {n: a.annotation for n, a in arguments.items() if "FloatColumn" in a.annotation}
        kinds = {n: a.annotation for n, a in arguments.items() if n not in columns}
        defaults = {n: arguments[n].default for n in kinds}

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            given: dict[str, Any] = dict(zip(arguments, args, strict=False)) | kwargs
            once = len(given) == len(args) + len(kwargs)
            if not (once and required <= given.keys() <= arguments.keys()):
                return function(*args, **kwargs)  # raises TypeError in Python's own words
            plain = _plain_columns(name, columns, given)
            chosen = {n: _checked(name, n, given[n], kinds[n]) for n in kinds if n in given}
            result = function(**plain, **chosen)  # type: ignore[call-arg, arg-type] # bound by name
            inputs = [given[n] for n in columns]
            if not any(isinstance(column, Traced) for column in inputs):
                return result
            return _wrap(result, need(**defaults | chosen).after(need_of(*inputs)))

        INDICATORS[name] = Indicator(call, tuple(columns), defaults, need)
        return call

    return register


def _plain_columns(
    function: str, columns: Mapping[str, str], given: Mapping[str, Any]
) -> dict[str, FloatColumn]:
    plain: dict[str, FloatColumn] = {}
    rows = -1
    for name, annotation in columns.items():
        value = given[name]
        if annotation.endswith("| float") and np.ndim(value) == 0:
            value = np.full(rows, value)
        column = _as_column(function, name, value)
        if rows not in (-1, len(column)):
            raise BadUsage(
                f"{function}: {name} has {len(column)} rows, {next(iter(plain))} has {rows}; "
                "all columns need the same length"
            )
        rows = len(column)
        plain[name] = column
    return plain


def _as_column(function: str, name: str, value: Any) -> FloatColumn:
    try:
        column = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        kind = type(value).__name__
        raise BadUsage(f"{function}: {name} is a {kind}; a column of numbers is needed") from None
    if column.ndim != 1:
        raise BadUsage(f"{function}: {name} has {column.ndim} dimensions; a column has one")
    # A view that cannot be written to: it protects the caller's data, and without it each
    # function would be compiled once more for columns that come from a read-only file.
    column = np.ascontiguousarray(column).view()
    column.flags.writeable = False
    return column


#: More rows than any data have; row numbers beyond it might not fit.
_LONGEST: Final = 1_000_000_000
_LARGEST: Final = float(np.finfo(np.float64).max)


def _checked(function: str, name: str, value: Any, kind: str) -> int | float:
    if kind == "int":
        number = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not number or not 1 <= value <= _LONGEST:
            rule = f"it must be a whole number from 1 to {_LONGEST}"
            raise BadUsage(f"{function}: {name} is {value!r}; {rule}")
        return int(value)
    number = isinstance(value, int | float | np.integer | np.floating)
    if not number or isinstance(value, bool) or not 0 < value <= _LARGEST:
        rule = "it must be a finite number above zero"
        raise BadUsage(f"{function}: {name} is {value!r}; {rule}")
    return float(value)


class Traced(np.ndarray[tuple[int, ...], np.dtype[Any]]):
    """An array that carries the need of its values through NumPy and the indicators."""

    need: Need

    def __array_finalize__(self, parent: object) -> None:
        self.need = getattr(parent, "need", Need())

    def __getitem__(self, key: Any) -> Any:
        result = super().__getitem__(key)
        if isinstance(key, slice) and isinstance(key.stop, int) and key.stop < 0:
            # x[:-k] is how a column is put beside the one k rows later.
            return _wrap(result, _look_back(-key.stop).after(self.need))
        return result

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        plain = [_strip(value) for value in inputs]
        kwargs = {key: _strip(value) for key, value in kwargs.items()}
        need = need_of(*inputs)
        if method == "accumulate":
            need = replace(need, unbounded=True)
        return _wrap(getattr(ufunc, method)(*plain, **kwargs), need)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        del types
        plain = [_strip(value) for value in args]
        result = func(*plain, **{key: _strip(value) for key, value in kwargs.items()})
        need = need_of(*args, *kwargs.values())
        return _wrap(result, _own_need(func, plain, kwargs).after(need))


def trace(column: FloatColumn, need: Need = Need()) -> FloatColumn:
    """Returns the column, which has that need itself, as one that records what is computed from
    it."""
    traced: FloatColumn = _wrap(column, need)
    return traced


def need_of(*values: object) -> Need:
    """Returns the largest need among traced arrays, also those inside lists and tuples."""
    need = Need()
    for value in values:
        if isinstance(value, Traced):
            need = need.beside(value.need)
        elif isinstance(value, list | tuple):
            need = need.beside(need_of(*value))
    return need


_CUMULATIVE: Final = {
    np.cumsum,
    np.cumprod,
    np.nancumsum,
    np.nancumprod,
    np.cumulative_sum,
    np.cumulative_prod,
}


def _own_need(function: Any, args: Any, kwargs: Any) -> Need:
    """Returns what a NumPy function adds to the need of its inputs by reading other rows."""
    if function in _CUMULATIVE:
        return Need(unbounded=True)
    if function is np.diff:
        return _look_back(_argument("n", 1, 1, args, kwargs))
    if function is np.roll:
        return _look_back(_argument("shift", 1, 0, args, kwargs))
    if function is np.convolve:
        a, v = _argument("a", 0, (), args, kwargs), _argument("v", 1, (), args, kwargs)
        return _look_back(min(len(a), len(v)) - 1)
    if function is sliding_window_view:
        return _look_back(_argument("window_shape", 1, 1, args, kwargs) - 1)
    return Need()


def _argument(name: str, position: int, default: Any, args: Any, kwargs: Any) -> Any:
    return kwargs.get(name, args[position] if len(args) > position else default)


def _look_back(rows: Any) -> Need:
    return Need(rows, rows + 1) if isinstance(rows, int) and rows > 0 else Need()


def _strip(value: Any) -> Any:
    if isinstance(value, Traced):
        return value.view(np.ndarray)
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return type(value)(_strip(item) for item in value)
    return value


def _wrap(result: Any, need: Need) -> Any:
    if isinstance(result, tuple) and hasattr(result, "_fields"):
        return type(result)(*(_wrap(item, need) for item in result))
    if isinstance(result, list | tuple):
        return type(result)(_wrap(item, need) for item in result)
    if not isinstance(result, np.ndarray) or not result.ndim:
        return result
    traced = result.view(Traced)
    traced.need = need
    return traced
