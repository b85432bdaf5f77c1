from __future__ import annotations

from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeward.domain.errors import BadUsage
from leeward.strategies.base import Strategy, param


class Sample(Strategy):
    whole = param(20, low=5, high=60)
    real = param(2.0, low=0.5, high=6.0)


def test_parameters_are_read_as_numbers() -> None:
    strategy = Sample()

    assert (strategy.whole, strategy.real) == (20, 2.0)
    assert strategy.params == {"whole": 20, "real": 2.0}


@pytest.mark.parametrize("value", [30, 30.0, "30", "3e1", " 30 "])
def test_a_value_takes_the_type_of_the_parameter(value: object) -> None:
    strategy = Sample(whole=value)

    assert strategy.whole == 30
    assert type(strategy.whole) is int


@pytest.mark.parametrize("value", [3, "3", "3.0"])
def test_a_whole_number_is_a_real_one_where_the_parameter_is_real(value: object) -> None:
    strategy = Sample(real=value)

    assert strategy.real == 3.0
    assert type(strategy.real) is float


def test_one_bound_with_a_point_makes_the_parameter_real() -> None:
    class Mixed(Strategy):
        factor = param(2, low=0.5, high=6)

    assert Mixed(factor="2.5").factor == 2.5
    assert type(Mixed().factor) is float


@given(value=st.integers() | st.floats(allow_nan=True, allow_infinity=True))
def test_a_parameter_is_within_its_bounds_or_refused(value: float) -> None:
    try:
        strategy = Sample(real=value)
    except BadUsage:
        assert not 0.5 <= value <= 6.0
    else:
        assert strategy.real == value


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"whole": 61}, "parameter whole: 61 is out of bounds; it must be from 5 to 60"),
        ({"whole": 4}, "parameter whole: 4 is out of bounds; it must be from 5 to 60"),
        ({"whole": 20.5}, "parameter whole: 20.5 is not a whole number"),
        ({"whole": True}, "parameter whole: True is not a whole number"),
        ({"whole": "many"}, "parameter whole: 'many' is not a whole number"),
        ({"real": None}, "parameter real: None is not a number"),
        ({"real": float("nan")}, "parameter real: nan is out of bounds"),
        ({"hole": 20}, "unknown parameter of Sample 'hole'; did you mean 'whole'?"),
    ],
)
def test_a_refused_value_is_named_with_its_rule(values: dict[str, object], message: str) -> None:
    with pytest.raises(BadUsage) as refusal:
        Sample(**values)

    assert message in str(refusal.value)


def test_a_subclass_keeps_parameters_and_adds_its_own() -> None:
    class More(Sample):
        extra = param(1, low=0, high=3)

    assert More(whole=30).params == {"whole": 30, "real": 2.0, "extra": 1}
    assert Sample().params == {"whole": 20, "real": 2.0}


def test_a_number_in_a_subclass_is_another_default_with_the_same_bounds() -> None:
    class Faster(Sample):
        whole = 10

    assert Faster().whole == 10
    assert Faster(whole=60).whole == 60
    with pytest.raises(BadUsage, match="parameter whole: 3 is out of bounds"):
        type("TooFast", (Sample,), {"whole": 3})


def test_a_strategy_keeps_no_state() -> None:
    with pytest.raises(AttributeError, match=r"Sample\.seen: a strategy keeps no state"):
        Sample().seen = 1


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"timeframe": "7h"}, "unknown timeframe '7h'; did you mean"),
        ({"timeframe": param(1, low=0, high=2)}, "'timeframe' means something else"),
        ({"anchor": "someday"}, "Odd.anchor: 'someday' is not a date"),
        ({"max_candles": 0}, "Odd.max_candles: 0 must be a whole number, 1 or more"),
        ({"max_candles": 1.5}, "Odd.max_candles: 1.5 must be a whole number, 1 or more"),
        ({"warm_up": -1}, "Odd.warm_up: -1 must be a whole number, 0 or more"),
        ({"informative": ("ETHUSDT", "4h")}, 'write (("ETHUSDT", "4h"),), with the comma'),
        ({"informative": (("ETHUSDT", "5h"),)}, "unknown timeframe '5h'"),
    ],
)
def test_a_class_that_could_only_fail_later_is_refused_at_once(
    attributes: dict[str, object], message: str
) -> None:
    with pytest.raises(BadUsage) as refusal:
        type("Odd", (Strategy,), attributes)

    assert message in str(refusal.value)


def test_a_default_outside_its_bounds_is_refused() -> None:
    with pytest.raises(BadUsage, match="the default 4 is not from 5 to 60"):
        param(4, low=5, high=60)


def test_the_four_methods_have_to_be_written() -> None:
    class Empty(Strategy):
        given: ClassVar[int] = 0

    strategy, frame = Empty(), None
    for method in (
        strategy.calculate_indicators,
        strategy.check_entry_conditions,
        strategy.check_exit_conditions,
        strategy.calculate_position_size,
    ):
        with pytest.raises(NotImplementedError):
            method(frame)  # type: ignore[arg-type] # nothing looks at it
