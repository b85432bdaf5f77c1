"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import JSON, BigInteger, Dialect, Integer, Numeric, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine

#: Farther out than this, all digits of a number written in full say less than its exponent.
_WIDEST_EXPONENT = 64


class Exact(TypeDecorator[Decimal]):
    """A Decimal that comes back as the same number: NUMERIC without bounds on PostgreSQL, text on
    SQLite, whose numbers are binary floats. Refuses floats and what is not finite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Decimal] | TypeEngine[str]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(Numeric(asdecimal=True))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: object, dialect: Dialect) -> Decimal | str | None:
        if value is None:
            return None
        if not isinstance(value, Decimal) or not value.is_finite():
            raise TypeError(f"an exact amount is a finite Decimal, not {value!r}")
        return value if dialect.name == "postgresql" else text_of(value)

    def process_result_value(self, value: Decimal | str | None, dialect: Dialect) -> Decimal | None:
        del dialect
        return Decimal(value) if value is not None else None


def text_of(value: Decimal) -> str:
    """Returns all digits of `value`, with an exponent only where they would be very many."""
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    return f"{value:f}" if abs(exponent) <= _WIDEST_EXPONENT else str(value)


#: JSON that PostgreSQL can index.
Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

#: A number the database gives out itself.
Serial = BigInteger().with_variant(Integer(), "sqlite")
