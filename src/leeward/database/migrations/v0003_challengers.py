"""Models that predict beside the ones in use, and what both expected."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "challengers",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("since_ms", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_challengers"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "shadow_forecasts",
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("champion", sa.Text, nullable=False),
        sa.Column("challenger", sa.Text, nullable=False),
        sa.Column("open_time_ms", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("champion_return", sa.Double, nullable=False),
        sa.Column("challenger_return", sa.Double, nullable=False),
        sa.Column("champion_p_up", sa.Double, nullable=False),
        sa.Column("challenger_p_up", sa.Double, nullable=False),
        sa.Column("volatility", sa.Double, nullable=False),
        sa.Column("came", sa.Double, nullable=False),
        sa.Column("at_ms", sa.BigInteger, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.account"], name="fk_shadow_forecasts_accounts"
        ),
        sa.PrimaryKeyConstraint(
            "account", "name", "champion", "challenger", "open_time_ms", name="pk_shadow_forecasts"
        ),
        sqlite_with_rowid=False,
    )
