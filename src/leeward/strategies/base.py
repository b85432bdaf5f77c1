"""The strategy class: typed, bounded parameters and a few methods on whole columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, TypeAlias, TypeVar, cast

from leeward.domain.columns import BoolColumn, FloatColumn
from leeward.domain.errors import BadUsage, unknown_name
from leeward.domain.frame import Frame
from leeward.domain.timeframe import Timeframe
from leeward.domain.times import parse_time
from leeward.strategies.needs import NEEDS

Number = TypeVar("Number", int, float)
#: One bool column, or tag -> bool column, of which the first true one tags the trade.
Condition: TypeAlias = BoolColumn | Mapping[str, BoolColumn]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A declared parameter: its default and its bounds, both included."""

    default: int | float
    low: int | float
    high: int | float

    @property
    def kind(self) -> type[int] | type[float]:
        """The type of its values: whole numbers only where default and bounds are whole."""
        whole = all(isinstance(number, int) for number in (self.default, self.low, self.high))
        return int if whole else float

    def parse(self, name: str, value: object) -> int | float:
        """Returns `value` in the parameter's type; raises BadUsage for a wrong type or bound."""
        kind = self.kind
        try:
            number = float(str(value))
            if kind is int and not number.is_integer():
                raise ValueError
        except ValueError:
            what = "a whole number" if kind is int else "a number"
            raise BadUsage(f"parameter {name}: {value!r} is not {what}") from None
        if not self.low <= number <= self.high:
            raise BadUsage(
                f"parameter {name}: {number:g} is out of bounds; "
                f"it must be from {self.low:g} to {self.high:g}"
            )
        return kind(number)


def param(default: Number, *, low: Number, high: Number) -> Number:
    """Declares a parameter of a strategy: read it as `self.NAME`, set it by `Class(NAME=...)`."""
    if not low <= default <= high:
        raise BadUsage(f"param: the default {default:g} is not from {low:g} to {high:g}")
    # Typed as its value, because that is what `self.NAME` is.
    return cast("Number", Parameter(default, low, high))


class Strategy:
    """Long-only rules for one symbol, on columns of closed candles.

    Subclasses declare parameters with `param` and write the four methods below; the `calculate_`
    methods further down are optional. Row t of every column may use rows <= t only. Methods keep
    no state and write to no column they were given.
    """

    timeframe: ClassVar[str] = "1h"
    #: Positions are closed after this many candles; None for never.
    max_candles: ClassVar[int | None] = None
    #: Whether the stop column may raise the stop of an open position.
    ratchet_stop: ClassVar[bool] = False
    #: (symbol, timeframe) of further candles, joined as columns such as `ETHUSDT_4h_close`, as of
    #: their last closed candle. The symbol SELF stands for the symbol being traded.
    informative: ClassVar[tuple[tuple[str, str], ...]] = ()
    #: Columns beside the candles' own: "prediction", "sentiment" or both, as in
    #: `leeward.strategies.needs`.
    needs: ClassVar[tuple[str, ...]] = ()
    #: Rows before the first decision that plain NumPy hides from the indicators' own counts.
    warm_up: ClassVar[int] = 0
    #: The date from which indicators with unbounded memory (OBV, Supertrend) start.
    anchor: ClassVar[str | None] = None

    parameters: ClassVar[Mapping[str, Parameter]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        declared = {n: p for n, p in vars(cls).items() if isinstance(p, Parameter)}
        for name in declared:
            if hasattr(Strategy, name):
                raise BadUsage(f"{cls.__name__}: '{name}' means something else; rename the param")
        # A subclass that says `fast = 10` means another default, not a number without bounds.
        changed = {
            name: replace(parameter, default=parameter.parse(name, vars(cls)[name]))
            for name, parameter in cls.parameters.items()
            if name in vars(cls) and name not in declared
        }
        cls.parameters = {**cls.parameters, **declared, **changed}
        _check_attributes(cls)

    def __init__(self, **values: object) -> None:
        for name in values:
            if name not in self.parameters:
                raise unknown_name(f"parameter of {type(self).__name__}", name, self.parameters)
        for name, parameter in self.parameters.items():
            value = values.get(name, parameter.default)
            object.__setattr__(self, name, parameter.parse(name, value))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(
            f"{type(self).__name__}.{name}: a strategy keeps no state; "
            "put columns into the frame with with_columns"
        )

    @property
    def params(self) -> dict[str, int | float]:
        """The parameter values in force, by name."""
        return {name: getattr(self, name) for name in self.parameters}

    def calculate_indicators(self, candles: Frame) -> Frame:
        """Returns the candles with the columns the other methods read."""
        raise NotImplementedError

    def check_entry_conditions(self, frame: Frame) -> Condition:
        """Returns where to buy, decided at the close of the row."""
        raise NotImplementedError

    def check_exit_conditions(self, frame: Frame) -> Condition:
        """Returns where to sell, decided at the close of the row."""
        raise NotImplementedError

    def calculate_position_size(self, frame: Frame) -> FloatColumn:
        """Returns the fraction of equity asked for, from 0 to 1; limits may cut it."""
        raise NotImplementedError

    def calculate_stop(self, frame: Frame) -> FloatColumn | None:
        """Returns the stop price, NaN for none; None takes the default stop everywhere."""
        del frame
        return None

    def calculate_target(self, frame: Frame) -> FloatColumn | None:
        """Returns the target price, NaN for none."""
        del frame
        return None

    def calculate_trail(self, frame: Frame) -> FloatColumn | None:
        """Returns the distance below each close to which the stop is raised, NaN for none."""
        del frame
        return None

    def calculate_confidence(self, frame: Frame) -> FloatColumn | None:
        """Returns 0..1; entries at the same close are taken in order of it, highest first."""
        del frame
        return None


def _check_attributes(cls: type[Strategy]) -> None:
    """Raises BadUsage for a class attribute that could only fail later, and less clearly."""
    Timeframe.parse(cls.timeframe)
    if cls.anchor is not None:
        parse_time(cls.anchor, f"{cls.__name__}.anchor")
    for name, value, least in (("max_candles", cls.max_candles, 1), ("warm_up", cls.warm_up, 0)):
        if value is not None and (type(value) is not int or value < least):
            raise BadUsage(
                f"{cls.__name__}.{name}: {value!r} must be a whole number, {least} or more"
            )
    for need in cls.needs:
        if need not in NEEDS:
            raise unknown_name(f"need of {cls.__name__}", need, NEEDS)
    pairs: tuple[object, ...] = cls.informative
    for pair in pairs:
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise BadUsage(
                f"{cls.__name__}.informative: {pair!r} is not a (symbol, timeframe); "
                'write (("ETHUSDT", "4h"),), with the comma'
            )
        Timeframe.parse(pair[1])
