"""The contract of every indicator. It finds them by itself; see `leeward.indicators.table`."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.walks import walk

import leeward.indicators
from leeward.domain.errors import BadUsage
from leeward.indicators.table import INDICATORS, Indicator, Need

for module in pkgutil.iter_modules(leeward.indicators.__path__):
    import_module(f"leeward.indicators.{module.name}")

Column = NDArray[np.float64]
Columns = dict[str, Column]

#: They look at two rows and at nothing between, so a NaN reaches those two results only.
TWO_ROWS = {"shift", "roc", "crossed_above", "crossed_below"}


@dataclass(frozen=True)
class Case:
    """An indicator with a value for each of its parameters."""

    name: str
    row: Indicator
    parameters: Mapping[str, Any]

    @classmethod
    def of(cls, name: str, lengths: Sequence[int]) -> Case:
        """Integer parameters get the lengths in the order of the signature."""
        row = INDICATORS[name]
        arguments = signature(row.function).parameters
        whole, real = iter(lengths), iter((2.0, 0.5))
        kinds = {parameter: arguments[parameter].annotation for parameter in row.parameters}
        return cls(
            name, row, {p: next(whole if kind == "int" else real) for p, kind in kinds.items()}
        )

    @property
    def need(self) -> Need:
        return self.row.need(**self.parameters)

    def inputs(self, columns: Columns) -> Columns:
        return {name: columns[name] for name in self.row.columns}

    def results(self, inputs: Mapping[str, Any]) -> list[Column]:
        found = self.row.function(**inputs, **self.parameters)
        return [np.asarray(column) for column in (found if isinstance(found, tuple) else (found,))]


LENGTHS = [(1, 2, 1, 1), (3, 5, 2, 4), (14, 26, 9, 9), (64, 100, 31, 20)]
LONGEST = (10**9 - 1, 10**9, 10**9, 10**9)
NAMES = sorted(INDICATORS)
CASES = [Case.of(name, lengths) for name in NAMES for lengths in LENGTHS]


def cases(chosen: Sequence[Case]) -> pytest.MarkDecorator:
    ids = ["-".join(map(str, (case.name, *case.parameters.values()))) for case in chosen]
    return pytest.mark.parametrize("case", chosen, ids=ids)


each_case = cases(CASES)
each_bounded_case = cases([case for case in CASES if not case.need.unbounded])
each_indicator = cases([Case.of(name, LENGTHS[1]) for name in NAMES])


def market(rows: int, seed: int = 1) -> Columns:
    """Returns columns under the names that indicators give their inputs."""
    candles = walk(rows, seed=seed)
    return {
        "high": candles.high,
        "low": candles.low,
        "close": candles.close,
        "volume": candles.volume,
        "values": candles.close,
        "a": candles.close,
        "b": candles.open,
        "speed": np.random.default_rng(seed).uniform(0, 1, rows),
    }


def rows_of(columns: Columns, first: int | None, last: int | None) -> Columns:
    return {name: column[first:last] for name, column in columns.items()}


def same(found: Sequence[Column], expected: Sequence[Column]) -> bool:
    """Returns whether all bits are equal, NaN equal to NaN."""
    return all(
        np.array_equal(a, b, equal_nan=a.dtype == np.float64)
        for a, b in zip(found, expected, strict=True)
    )


def empty(column: Column) -> bool:
    """Returns whether a result says nothing: all NaN, or all False."""
    return not column.any() if column.dtype == np.bool_ else bool(np.isnan(column).all())


@each_case
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(0, 300))
def test_truncating_the_future_changes_no_row(case: Case, seed: int, cut: int) -> None:
    columns = case.inputs(market(300, seed))
    full = case.results(columns)
    assert same(case.results(rows_of(columns, 0, cut)), [column[:cut] for column in full])


@each_case
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_declared_warm_up_is_the_number_of_leading_nan(case: Case, seed: int) -> None:
    warm_up = case.need.warm_up
    for column in case.results(case.inputs(market(300, seed))):
        assert empty(column[:warm_up])
        assert np.isfinite(column[warm_up:]).all()


@each_case
@pytest.mark.parametrize("missing", [0, 1, 1000])
def test_too_few_rows_are_all_nan(case: Case, missing: int) -> None:
    rows = max(0, case.need.warm_up - missing)
    for column in case.results(rows_of(case.inputs(market(200)), 0, rows)):
        assert len(column) == rows
        assert empty(column)


@cases([case for name in NAMES if (case := Case.of(name, LONGEST)).need.warm_up > 1])
def test_a_period_longer_than_any_data_is_all_nan(case: Case) -> None:
    assert all(map(empty, case.results(case.inputs(market(50)))))


def assert_history_suffices(case: Case, columns: Columns, ends: Sequence[int]) -> None:
    full = case.results(columns)
    for end in ends:
        window = rows_of(columns, end - case.need.history, end)
        # What the last digits of the inputs are worth in a difference of them.
        rounding = 1e-14 * max(float(np.abs(column).max()) for column in window.values())
        for found, expected in zip(case.results(window), full, strict=True):
            last, all_along = float(found[-1]), float(expected[end - 1])
            assert abs(last - all_along) <= 1e-9 * abs(all_along) + rounding


@each_bounded_case
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000), more=st.integers(0, 400))
def test_the_declared_history_gives_the_value_of_all_history(
    case: Case, seed: int, more: int
) -> None:
    history = case.need.history
    assert_history_suffices(case, case.inputs(market(history + 400, seed)), [history + more])


@each_bounded_case
@pytest.mark.parametrize("factor", [100.0, 0.01])
def test_the_declared_history_forgets_another_price_level(case: Case, factor: float) -> None:
    history = case.need.history
    columns = market(history + 300)
    for first in (150, 190, 205, 250):
        # Prices move by the factor within 20 rows; the windows start at rows 200 to 300.
        share = np.clip((np.arange(history + 300) - first) / 20, 0, 1)
        moved = {
            key: column if key in ("volume", "speed") else column * factor**share
            for key, column in columns.items()
        }
        ends = [history + 200, history + 207, history + 300]
        assert_history_suffices(case, case.inputs(moved), ends)


@cache
def real_market(path: Path) -> Columns:
    table = pl.read_parquet(path)
    columns = {key: table[key].to_numpy() for key in ("open", "high", "low", "close", "volume")}
    speed = np.clip(columns["volume"] / columns["volume"].mean(), 0, 1)
    close = columns["close"]
    return columns | {"values": close, "a": close, "b": columns["open"], "speed": speed}


@each_bounded_case
@pytest.mark.parametrize("file", ["BTCUSDT-1h", "DOGEUSDT-1h", "BTCUSDT-1m-2020-03"])
def test_the_declared_history_suffices_on_real_candles(
    case: Case, file: str, market_data: Path
) -> None:
    columns = real_market(market_data / f"{file}.parquet")
    random = np.random.default_rng(7)
    ends = random.integers(case.need.history, len(columns["close"]), 20)
    assert_history_suffices(case, case.inputs(columns), ends.tolist())


def test_only_running_sums_and_trailing_lines_have_unbounded_memory() -> None:
    assert {case.name for case in CASES if case.need.unbounded} == {"obv", "supertrend"}


@each_case
def test_inputs_are_neither_written_to_nor_returned(case: Case) -> None:
    columns = case.inputs(market(100))
    before = {key: column.copy() for key, column in columns.items()}
    for column in case.results(columns):
        assert not any(np.shares_memory(column, given) for given in columns.values())
        assert column.flags.writeable
    assert all(np.array_equal(columns[key], before[key]) for key in columns)


@each_case
def test_every_result_is_a_contiguous_column_of_its_own(case: Case) -> None:
    found = case.results(case.inputs(market(120)))
    for k, column in enumerate(found):
        assert column.shape == (120,)
        assert column.dtype in (np.float64, np.bool_)
        assert column.flags.c_contiguous
        assert not any(np.shares_memory(column, other) for other in found[:k])


@each_case
def test_leading_nan_are_skipped(case: Case) -> None:
    columns = case.inputs(market(200))
    unknown = {name: np.append(np.full(7, np.nan), column) for name, column in columns.items()}
    late = case.results(unknown)
    assert all(empty(column[:7]) for column in late)
    assert same([column[7:] for column in late], case.results(columns))


@each_case
@settings(max_examples=5, deadline=None)
@given(data=st.data(), at=st.integers(0, 299))
def test_behind_a_nan_the_data_begin_anew(case: Case, data: st.DataObject, at: int) -> None:
    columns = case.inputs(market(300))
    clean = case.results(columns)
    columns[data.draw(st.sampled_from(case.row.columns), label="with the NaN")][at] = np.nan
    found = case.results(columns)
    if case.name in TWO_ROWS:
        reached = at + case.need.history - 1
        others = np.setdiff1d(np.arange(300), [at, reached])
        assert same([column[others] for column in found], [column[others] for column in clean])
        assert all(empty(column[reached : reached + 1]) for column in found)
    else:
        anew = case.results(rows_of(columns, at + 1, None))
        assert same([column[:at] for column in found], [column[:at] for column in clean])
        assert all(empty(column[at : at + 1]) for column in found)
        assert same([column[at + 1 :] for column in found], anew)


def strided(column: Column) -> Column:
    return np.column_stack([column, column, column])[:, 1]


def backwards(column: Column) -> Column:
    return column[::-1].copy()[::-1]


def read_only(column: Column) -> Column:
    column.flags.writeable = False
    return column


@each_indicator
@pytest.mark.parametrize(
    "convert", [strided, backwards, read_only, np.ndarray.tolist, pl.Series, np.float32, np.int64]
)
def test_any_one_dimensional_numbers_will_do(case: Case, convert: Callable[[Column], Any]) -> None:
    given_as = {name: convert(column) for name, column in case.inputs(market(100)).items()}
    plain = {name: np.array(column, dtype=np.float64) for name, column in given_as.items()}
    assert same(case.results(given_as), case.results(plain))


@pytest.mark.parametrize("value", [0, -1, True, None, "3", np.nan, np.inf, 10**400], ids=repr)
@pytest.mark.parametrize(
    ("name", "parameter"), [(name, p) for name in NAMES for p in INDICATORS[name].parameters]
)
def test_a_parameter_out_of_bounds_is_refused_by_name(
    name: str, parameter: str, value: object
) -> None:
    case = Case.of(name, LENGTHS[1])
    parameters = {**case.parameters, parameter: value}
    with pytest.raises(BadUsage, match=f"^{name}: {parameter} is .*; it must be a "):
        case.row.function(**case.inputs(market(50)), **parameters)


@each_indicator
def test_columns_of_different_lengths_are_refused_by_name(case: Case) -> None:
    first, *others = case.row.columns
    for other in others:
        columns = case.inputs(market(50))
        columns[other] = columns[other][:49]
        with pytest.raises(
            BadUsage, match=f"^{case.name}: {other} has 49 rows, {first} has 50; all columns need"
        ):
            case.results(columns)


@each_indicator
@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (np.ones((50, 2)), "has 2 dimensions; a column has one"),
        (np.float64(1.0), "has 0 dimensions; a column has one"),
        (["x"] * 50, "is a list; a column of numbers is needed"),
        (object(), "is a object; a column of numbers is needed"),
    ],
    ids=["table", "number", "text", "object"],
)
def test_what_is_no_column_is_refused_by_name(case: Case, value: object, complaint: str) -> None:
    first = case.row.columns[0]
    columns: dict[str, Any] = {**case.inputs(market(50)), first: value}
    with pytest.raises(BadUsage, match=f"^{case.name}: {first} {complaint}"):
        case.results(columns)


@each_indicator
def test_every_indicator_is_exported_and_has_an_example(case: Case) -> None:
    assert case.name in leeward.indicators.__all__
    assert getattr(leeward.indicators, case.name) is case.row.function
    assert ">>> " in (case.row.function.__doc__ or "")
