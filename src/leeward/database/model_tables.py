"""The tables of models: which is used, which predicts beside it, and what both expected."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Table

from leeward.database.described import account, metadata, time, word
from leeward.database.types import Json

# Which model a strategy uses: one row for each bundle that was ever promoted or tried.
models = Table(
    "models",
    metadata,
    word("name", key=True),
    word("sha256", key=True),
    word("status"),
    word("previous", nullable=True),
    time("promoted_ms", nullable=True),
    word("actor"),
    Column("metrics", Json, nullable=False),
    Index(None, "name", "status"),
    sqlite_with_rowid=False,
)

# Which model predicts beside the one in use, without a say: one at most for each name.
challengers = Table(
    "challengers",
    metadata,
    word("name", key=True),
    word("sha256"),
    time("since_ms"),
    word("actor"),
    sqlite_with_rowid=False,
)

# What a champion and its challenger expected of the candle after `open_time_ms`, and what came.
# Champion and challenger are the sha256 of their metadata; returns are log returns.
shadow_forecasts = Table(
    "shadow_forecasts",
    metadata,
    account(),
    word("name", key=True),
    word("champion", key=True),
    word("challenger", key=True),
    Column("open_time_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("champion_return", Double, nullable=False),
    Column("challenger_return", Double, nullable=False),
    Column("champion_p_up", Double, nullable=False),
    Column("challenger_p_up", Double, nullable=False),
    Column("volatility", Double, nullable=False),
    Column("came", Double, nullable=False),
    time("at_ms"),
    sqlite_with_rowid=False,
)
