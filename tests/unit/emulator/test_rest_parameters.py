from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeward.emulator.rejections import Rejection
from leeward.emulator.rest_parameters import Parameters, read_frame, read_query


def code_of(error: pytest.ExceptionInfo[Rejection]) -> int:
    return error.value.code


def test_query_wins_over_body() -> None:
    read = read_query(b"a=1&symbol=BTCUSDT", b"a=2&b=%C3%A4")
    assert read.values == {"a": "1", "symbol": "BTCUSDT", "b": "ä"}


def test_duplicate_parameter_is_refused() -> None:
    with pytest.raises(Rejection, match="-1101"):
        read_query(b"a=1&a=2")


@pytest.mark.parametrize("text", ["1e3", "-1", "+1", ".5", "1.", "1" * 21, "NaN", "0x1", " 1"])
def test_number_that_is_not_plain_digits_is_refused(text: str) -> None:
    with pytest.raises(Rejection) as refused:
        Parameters({"price": text}).decimal("price")
    assert refused.value.body() == {
        "code": -1100,
        "msg": "Illegal characters found in parameter 'price'; "
        r"legal range is '^([0-9]{1,20})(\.[0-9]{1,20})?$'.",
    }


def test_numbers_are_read_exactly() -> None:
    read = Parameters({"price": "0.10", "orderId": "42", "startTime": "1700000000000123"})
    assert read.decimal("price") == Decimal("0.10")
    assert read.integer("orderId") == 42
    assert read.time_ms("startTime") == 1_700_000_000_000
    assert read.decimal("quantity") is None


def test_absent_empty_and_overflowing_values_have_their_own_refusals() -> None:
    read = Parameters({"side": "", "orderId": "9" * 20})
    for call, code in (
        (lambda: read.required("type"), -1102),
        (lambda: read.required("side"), -1102),
        (lambda: read.text("side"), -1105),
        (lambda: read.integer("orderId"), -1108),
    ):
        with pytest.raises(Rejection) as refused:
            call()
        assert code_of(refused) == code


@pytest.mark.parametrize("symbol", ["btcusdt", "BTC/USDT", "BTC USDT", "A" * 51])
def test_symbol_with_other_characters_is_refused(symbol: str) -> None:
    with pytest.raises(Rejection, match="parameter 'symbol'"):
        Parameters({"symbol": symbol}).symbol()


def test_symbols_are_a_json_array() -> None:
    assert Parameters({"symbols": '["BTCUSDT","ETHUSDT"]'}).symbols() == ["BTCUSDT", "ETHUSDT"]
    assert Parameters({"symbol": "BTCUSDT"}).symbols() == ["BTCUSDT"]
    assert Parameters({}).symbols() is None
    assert read_frame({"symbols": ["BTCUSDT"]}).symbols() == ["BTCUSDT"]
    for values, code in (
        ({"symbols": "BTCUSDT"}, -1100),
        ({"symbols": "[]"}, -1100),
        ({"symbols": '["A","A"]'}, -1151),
        ({"symbol": "A", "symbols": '["A"]'}, -1101),
    ):
        with pytest.raises(Rejection) as refused:
            Parameters(values).symbols()
        assert code_of(refused) == code


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_for_a_duplicate(query: bytes, body: bytes) -> None:
    with suppress(Rejection):
        assert all(isinstance(value, str) for value in read_query(query, body).values.values())
