"""What all tables share: their names for constraints, and columns that many of them have."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, MetaData, Text

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
    }
)


def time(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def word(name: str, *, nullable: bool = False, key: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable, primary_key=key)


def account(*, key: bool = True) -> Column[str]:
    return Column("account", Text, ForeignKey("accounts.account"), primary_key=key, nullable=False)


def seq(*, key: bool = False) -> Column[int]:
    return Column("seq", BigInteger, primary_key=key, nullable=False, autoincrement=False)
