from __future__ import annotations

import json
from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.accounts import fill, intent, money, moved, own

from leeward.domain.errors import Failed
from leeward.domain.money import Money, Price, Quantity
from leeward.engine import records
from leeward.engine.record_codec import record_json, record_of
from leeward.engine.records import Executed, Record, SessionStarted

DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**15)
SIGNED = st.decimals(allow_nan=False, allow_infinity=False, places=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)

st.register_type_strategy(Decimal, SIGNED)
st.register_type_strategy(Quantity, st.builds(Quantity, DECIMALS))
st.register_type_strategy(Price, st.builds(Price, DECIMALS.filter(lambda price: price > 0)))
st.register_type_strategy(Money, st.builds(Money, SIGNED, st.sampled_from(["USDT", "BTC"])))
st.register_type_strategy(float, FLOATS)
st.register_type_strategy(
    SessionStarted,
    lambda _: st.builds(SessionStarted, facts=st.dictionaries(st.text(), JSON)),
)

KINDS = get_args(records.Record)


@pytest.mark.parametrize("kind", KINDS, ids=[kind.__name__ for kind in KINDS])
@settings(max_examples=40)
@given(st.data())
def test_every_record_reads_back_as_it_was(kind: type[Record], data: st.DataObject) -> None:
    record = data.draw(st.from_type(kind))
    text = json.dumps(record_json(record), allow_nan=False)
    read = record_of(json.loads(text))
    assert read == record
    assert json.dumps(record_json(read)) == text  # Decimals digit by digit: 1.0 is not 1.00


def test_decimals_keep_every_digit() -> None:
    booked = own(intent(), records.Role.ENTRY, fill(1, "0.10000000", fee=money("1E-30", "BTC")))
    written = json.loads(json.dumps(record_json(booked)))
    assert written["fill"]["quantity"]["value"] == "0.10000000"
    assert record_of(written) == booked


def test_a_record_of_another_version_is_refused_by_name() -> None:
    with pytest.raises(Failed, match="record 'Dreamed' is not known"):
        record_of({"record": "Dreamed"})
    with pytest.raises(Failed, match="another version"):
        record_of({"record": "SessionEnded", "session_id": "a"})
    written = record_json(moved(intent(), records.OrderState.OPEN))
    with pytest.raises(Failed, match="OrderMoved"):
        record_of({**written, "mood": "good"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("at_ms", "5"),
        ("at_ms", True),
        ("at_ms", None),
        ("state", "DREAMING"),
        ("executed", {"value": 0.1}),
        ("executed", {"value": "ten"}),
        ("executed", "1"),
        ("why", 5),
    ],
)
def test_a_field_of_the_wrong_kind_is_refused(name: str, value: object) -> None:
    written = record_json(moved(intent(), records.OrderState.OPEN))
    with pytest.raises(Failed):
        record_of({**written, name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [("candle", [1.0, 2.0]), ("candle", 5), ("candle", [1.0, 2, 3.0, 4.0, "x"]), ("columns", [])],
)
def test_malformed_candles_and_columns_are_refused(name: str, value: object) -> None:
    written = record_json(Executed("s", "BTCUSDT", 0, "ok", None, "none", ""))
    with pytest.raises(Failed):
        record_of({**written, name: value})


def test_whole_numbers_serve_as_floats() -> None:
    written = record_json(Executed("s", "BTCUSDT", 0, "ok", (1.0, 2.0, 1.0, 2.0, 5.0), "none", ""))
    read = record_of({**written, "candle": [1, 2, 1, 2, 5]})
    assert read == record_of(written)
