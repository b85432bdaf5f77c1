from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, delete, insert, select
from sqlalchemy.exc import StatementError

from leeward.database.engine import Database
from leeward.database.types import Exact, text_of

AMOUNTS = Table(
    "amounts", MetaData(), Column("place", Integer, primary_key=True), Column("amount", Exact)
)
EVERYDAY = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**18), max_value=10**18)
# PostgreSQL's NUMERIC ends at 16383 digits after the point, far beyond any coin.
EXTREME = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent),
    st.integers(-(10**40), 10**40),
    st.integers(-2000, 2000),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(EVERYDAY | EXTREME, min_size=1, max_size=30))
def test_amounts_come_back_as_the_same_number(database: Database, amounts: list[Decimal]) -> None:
    rows = [{"place": place, "amount": amount} for place, amount in enumerate(amounts)]
    with database.writing() as connection:
        AMOUNTS.create(connection, checkfirst=True)
        connection.execute(delete(AMOUNTS))
        connection.execute(insert(AMOUNTS), rows)
        found = connection.execute(select(AMOUNTS.c.amount).order_by(AMOUNTS.c.place)).scalars()
        assert list(found) == amounts


@pytest.mark.parametrize("amount", [0.1, Decimal("NaN"), Decimal("Infinity"), "1"])
def test_what_is_no_exact_amount_is_refused(database: Database, amount: object) -> None:
    with database.writing() as connection:
        AMOUNTS.create(connection)
        with pytest.raises(StatementError, match="finite Decimal"):
            connection.execute(insert(AMOUNTS), [{"place": 1, "amount": amount}])


def test_amounts_are_written_in_full() -> None:
    assert text_of(Decimal("1E-8")) == "0.00000001"
    assert text_of(Decimal("1E+3")) == "1000"
    assert text_of(Decimal("1E+1000000")) == "1E+1000000"
