"""Timeframes, times, instruments and errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeward.domain.errors import BadConfig, BadUsage, LooksAhead, Refused, unknown_name
from leeward.domain.instrument import Instrument
from leeward.domain.timeframe import DAY_MS, Timeframe
from leeward.domain.times import iso, parse_time


@pytest.mark.parametrize("name", Timeframe.names())
def test_every_timeframe_floors_onto_its_own_grid(name: str) -> None:
    timeframe = Timeframe.parse(name)
    opened = timeframe.floor(1_700_000_000_123)
    assert timeframe.on_grid(np.array([opened, opened + timeframe.length_ms]))
    assert not timeframe.on_grid(np.array([opened + 1]))
    assert opened <= 1_700_000_000_123 < opened + timeframe.length_ms


def test_weeks_open_on_mondays() -> None:
    assert iso(Timeframe.parse("1w").floor(1_704_844_800_000)) == "2024-01-08T00:00:00Z"


def test_an_unknown_timeframe_names_the_nearest() -> None:
    with pytest.raises(BadUsage, match="unknown timeframe '1hr'; did you mean '1h'"):
        Timeframe.parse("1hr")


def test_timeframes_sort_by_length() -> None:
    assert Timeframe.parse("15m") < Timeframe.parse("1h") < Timeframe.parse("1d")
    assert str(Timeframe.parse("1d")) == "1d"
    assert Timeframe.parse("1d").length_ms == DAY_MS


@given(st.integers(0, 4_000_000_000_000))
def test_iso_text_reads_back_as_the_same_time(time_ms: int) -> None:
    assert parse_time(iso(time_ms), "time") == time_ms


def test_a_time_without_a_zone_is_utc_and_another_zone_is_converted() -> None:
    assert parse_time("1970-01-02", "t") == DAY_MS
    assert parse_time("1970-01-02T02:00+02:00", "t") == DAY_MS


def test_a_text_that_is_no_date_is_named() -> None:
    with pytest.raises(BadUsage, match="start: 'soon' is not a date"):
        parse_time("soon", "start")


@pytest.mark.parametrize("field", ["lot_step", "tick_size", "min_notional"])
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_an_instrument_refuses_filters_that_make_no_sense(field: str, value: float) -> None:
    with pytest.raises(BadConfig, match=f"instruments.BTCUSDT.{field}"):
        Instrument("BTCUSDT", **{field: value})


def test_a_lot_step_of_zero_is_refused_a_tick_of_zero_means_no_rounding() -> None:
    assert Instrument("BTCUSDT", tick_size=0.0).tick_size == 0.0
    with pytest.raises(BadConfig, match=r"lot_step: 0\.0 must be above 0"):
        Instrument("BTCUSDT", lot_step=0.0)


def test_errors_carry_their_exit_codes() -> None:
    assert (BadConfig("x").exit_code, Refused("x").exit_code, LooksAhead("x").exit_code) == (
        2,
        3,
        3,
    )


def test_an_unknown_name_without_a_near_one_lists_what_there_is() -> None:
    assert str(unknown_name("strategy", "zzz", [])) == "unknown strategy 'zzz'; known: none"
