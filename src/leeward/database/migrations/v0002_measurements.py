"""What is measured of an account and its strategies, and models."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from leeward.database.types import Exact, Json

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _models()
    _performance_metrics()
    _account_history()
    _strategy_executions()


def _models() -> None:
    op.create_table(
        "models",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("previous", sa.Text, nullable=True),
        sa.Column("promoted_ms", sa.BigInteger, nullable=True),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("metrics", Json, nullable=False),
        sa.PrimaryKeyConstraint("name", "sha256", name="pk_models"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_models_name_status", "models", ["name", "status"])


def _performance_metrics() -> None:
    op.create_table(
        "performance_metrics",
        sa.Column("session_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("session_id", "name", "at_ms", name="pk_performance_metrics"),
        sqlite_with_rowid=False,
    )


def _account_history() -> None:
    op.create_table(
        "account_history",
        sa.Column("session_id", sa.Text, nullable=False),
        sa.Column("open_time_ms", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("equity", Exact, nullable=False),
        sa.Column("cash", Exact, nullable=False),
        sa.Column("exposure", Exact, nullable=False),
        sa.Column("peak", Exact, nullable=False),
        sa.Column("day_base", Exact, nullable=False),
        sa.Column("day_ends_ms", sa.BigInteger, nullable=False),
        sa.Column("daily_loss", sa.Boolean, nullable=False),
        sa.Column("halted", sa.Boolean, nullable=False),
        sa.Column("at_ms", sa.BigInteger, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.account"], name="fk_account_history_accounts"
        ),
        sa.PrimaryKeyConstraint("session_id", "open_time_ms", name="pk_account_history"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_account_history_account_open_time_ms", "account_history", ["account", "open_time_ms"]
    )


def _strategy_executions() -> None:
    op.create_table(
        "strategy_executions",
        sa.Column("session_id", sa.Text, nullable=False),
        sa.Column("open_time_ms", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("data_state", sa.Text, nullable=False),
        sa.Column("open", sa.Double, nullable=True),
        sa.Column("high", sa.Double, nullable=True),
        sa.Column("low", sa.Double, nullable=True),
        sa.Column("close", sa.Double, nullable=True),
        sa.Column("volume", sa.Double, nullable=True),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("entry_tag", sa.Text, nullable=False),
        sa.Column("exit_tag", sa.Text, nullable=False),
        sa.Column("size", sa.Double, nullable=True),
        sa.Column("stop", sa.Double, nullable=True),
        sa.Column("target", sa.Double, nullable=True),
        sa.Column("confidence", sa.Double, nullable=True),
        sa.Column("prediction", sa.Double, nullable=True),
        sa.Column("quantity", sa.Double, nullable=True),
        sa.Column("intent_id", sa.Text, nullable=True),
        sa.Column("trend", sa.Text, nullable=False),
        sa.Column("columns", Json, nullable=False),
        sa.Column("at_ms", sa.BigInteger, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.account"], name="fk_strategy_executions_accounts"
        ),
        sa.PrimaryKeyConstraint(
            "session_id", "open_time_ms", "symbol", name="pk_strategy_executions"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_strategy_executions_account_seq", "strategy_executions", ["account", "seq"])
    op.create_index(
        "ix_strategy_executions_symbol_open_time_ms",
        "strategy_executions",
        ["symbol", "open_time_ms"],
    )
