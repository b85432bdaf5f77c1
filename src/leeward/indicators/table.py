"""The table of indicators: what each needs before its values count, and how needs add up.

A strategy never states these numbers. `trace` wraps its input columns, every indicator adds its
own need to that of its inputs, NumPy operations take the largest, and the result tells how many
rows the strategy has to see.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from inspect import signature
from typing import Any, Final, ParamSpec, TypeVar

import numpy as np

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

    Integer parameters must be 1 or more, floating ones above zero; BadUsage names the one that
    is not. Columns may be any one-dimensional numbers of one length.
    """

    def register(function: Callable[P, R]) -> Callable[P, R]:
        arguments = signature(function).parameters
        columns = tuple(n for n, a in arguments.items() if a.annotation == "FloatColumn")
        parameters = {n: a.default for n, a in arguments.items() if n not in columns}

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            given = dict(zip(arguments, args, strict=False)) | kwargs
            chosen = {name: given.get(name, parameters[name]) for name in parameters}
            for name, value in chosen.items():
                _check_parameter(function.__name__, name, value)
            inputs = {name: given[name] for name in columns if name in given}
            if not any(isinstance(column, Traced) for column in inputs.values()):
                plain = {name: _as_column(column) for name, column in inputs.items()}
                return function(**plain, **chosen)  # type: ignore[call-arg, arg-type] # bound by name
            plain = {name: np.asarray(column, np.float64) for name, column in inputs.items()}
            own = need(**chosen).after(need_of(*inputs.values()))
            return _wrap(function(**plain, **chosen), own)  # type: ignore[call-arg, arg-type] # a traced view of the same result

        INDICATORS[function.__name__] = Indicator(call, columns, parameters, need)
        return call

    return register


def _check_parameter(function: str, name: str, value: Any) -> None:
    if isinstance(value, int | np.integer) and value < 1:
        raise BadUsage(f"{function}: {name} is {value}; it must be 1 or more")
    if isinstance(value, float) and not 0 < value < float("inf"):
        raise BadUsage(f"{function}: {name} is {value}; it must be a finite number above zero")


def _as_column(column: object) -> FloatColumn:
    return np.ascontiguousarray(column, dtype=np.float64)


class Traced(np.ndarray[tuple[int, ...], np.dtype[Any]]):
    """An array that carries the need of its values through NumPy and the indicators."""

    need: Need

    def __array_finalize__(self, parent: object) -> None:
        self.need = getattr(parent, "need", Need())

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        plain = [_strip(value) for value in inputs]
        kwargs = {key: _strip(value) for key, value in kwargs.items()}
        return _wrap(getattr(ufunc, method)(*plain, **kwargs), need_of(*inputs))

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        del types
        plain = [_strip(value) for value in args]
        result = func(*plain, **{key: _strip(value) for key, value in kwargs.items()})
        return _wrap(result, need_of(*args, *kwargs.values()))


def trace(column: FloatColumn) -> FloatColumn:
    """Returns the column as one that records what is computed from it."""
    return column.view(Traced)


def need_of(*values: object) -> Need:
    """Returns the largest need among traced arrays, also those inside lists and tuples."""
    need = Need()
    for value in values:
        if isinstance(value, Traced):
            need = need.beside(value.need)
        elif isinstance(value, list | tuple):
            need = need.beside(need_of(*value))
    return need


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


#: A first-order recursion forgets its start by 1 - alpha a row; relative to prices that have
#: moved meanwhile, 1e-12 of the start leaves 1e-9 of the value with room to spare.
_FORGOTTEN: Final = 1e-12


def rows_to_forget(alpha: float) -> int:
    """Returns the rows after which a recursion with weight `alpha` has forgotten its start."""
    if alpha >= 1:
        return 1
    return int(np.ceil(np.log(_FORGOTTEN) / np.log1p(-alpha)))
