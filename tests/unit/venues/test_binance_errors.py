"""The table of errors covers every documented code."""

from __future__ import annotations

import pytest

from leeward.domain.answers import Reaction
from leeward.venues.binance_errors import REACTIONS, reaction_to

R = Reaction

#: Each code of the exchange's documentation with the reaction it must have.
DOCUMENTED: dict[Reaction, list[int]] = {
    R.UNKNOWN: [-1000, -1001, -1006, -1007, -1008],
    R.WAIT: [-1003, -1015, -1034],
    R.RESYNC: [-1021],
    R.STOP: [-1002, -1016, -1022, -2014, -2015],
    R.ABSENT: [-2013],
    R.ARCHIVED: [-2026],
    R.ASK: [-2011, -2038, -2039],
    R.READ_LEGS: [-2021, -2022],
    R.SYMBOL_CLOSED: [-2016],
    R.FIX_REQUEST: [
        *(-1013, -1014, -1020),
        *(-1100, -1101, -1102, -1103, -1104, -1105, -1106, -1108, -1111),
        *(-1112, -1114, -1115, -1116, -1117, -1118, -1119, -1120, -1121, -1122, -1125),
        *(-1127, -1128, -1130, -1134, -1135, -1139, -1145, -1151),
        *(-1152, -1153, -1155, -1161),
        *(-1158, -1160, -1165, -1166, -1167, -1168, -1196, -1197, -1198, -1199),
        *(-1194, -1210, -1211, -1220, -1222, -1223, -1224, -1225),
        *(-2010, -2035, -2036, -2042, -2043),
    ],
}


@pytest.mark.parametrize(
    ("code", "reaction"),
    [(code, reaction) for reaction, codes in DOCUMENTED.items() for code in codes],
)
def test_every_documented_code_has_its_reaction(code: int, reaction: Reaction) -> None:
    assert reaction_to(code, "some text") is reaction


def test_the_table_holds_the_documented_codes_and_no_others() -> None:
    assert set(REACTIONS) == {code for codes in DOCUMENTED.values() for code in codes}


@pytest.mark.parametrize(
    ("text", "reaction"),
    [
        ("Account has insufficient balance for requested action.", R.FUNDS),
        ("Duplicate order sent.", R.DUPLICATE),
        ("Market is closed.", R.SYMBOL_CLOSED),
        ("Order would trigger immediately.", R.PRICE_MOVED),
        ("Order would immediately match and take.", R.PRICE_MOVED),
        ("The relationship of the prices for the orders is not correct.", R.PRICE_MOVED),
        ("Order book liquidity is less than `LOT_SIZE` filter minimum quantity.", R.PRICE_MOVED),
        ("This action is disabled on this account.", R.STOP),
        ("This account may not place or cancel orders.", R.STOP),
        ("This symbol is not permitted for this account.", R.STOP),
        ("Rest API trading is not enabled.", R.STOP),
        ("Price * QTY is zero or less.", R.FIX_REQUEST),
        ("IcebergQty exceeds QTY.", R.FIX_REQUEST),
        ("Unsupported order combination", R.FIX_REQUEST),
        ("Trailing stop orders are not supported for this symbol.", R.FIX_REQUEST),
        ("a text of tomorrow", R.FIX_REQUEST),
    ],
)
def test_a_refusal_by_the_engine_is_told_by_its_text(text: str, reaction: Reaction) -> None:
    assert reaction_to(-2010, text) is reaction


def test_an_order_list_is_absent_by_the_text_alone() -> None:
    assert reaction_to(-2018, "Order list does not exist.") is R.ABSENT
    assert reaction_to(-2018, "Balance is insufficient.") is R.UNKNOWN


def test_a_text_means_nothing_under_another_code() -> None:
    assert reaction_to(-1100, "Duplicate order sent.") is R.FIX_REQUEST


@pytest.mark.parametrize("code", [-1, -1004, -1009, -2099, -9999])
def test_a_code_that_is_not_documented_is_asked_for(code: int) -> None:
    assert reaction_to(code, "") is R.UNKNOWN
