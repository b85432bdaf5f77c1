"""Accounts, sessions, and everything on the path of an order."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from leeward.database.types import Exact, Json, Serial

revision = "0001"
down_revision = None


def upgrade() -> None:
    _accounts()
    _commands()
    _events()
    _fills()
    _intents()
    _order_moves()
    _plan_changes()
    _positions()
    _trading_sessions()
    _transfers()
    _orders()
    _trades()


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("holder", sa.Text, nullable=True),
        sa.Column("heartbeat_ms", sa.BigInteger, nullable=True),
        sa.Column("facts", Json, nullable=True),
        sa.Column("state", sa.Text, nullable=True),
        sa.Column("state_reason", sa.Text, nullable=True),
        sa.Column("state_actor", sa.Text, nullable=True),
        sa.Column("state_at_ms", sa.BigInteger, nullable=True),
        sa.Column("state_until_ms", sa.BigInteger, nullable=True),
        sa.Column("state_seq", sa.BigInteger, nullable=True),
        sa.Column("events", sa.BigInteger, nullable=False),
        sa.Column("chain_head", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("account", name="pk_accounts"),
    )


def _commands() -> None:
    op.create_table(
        "commands",
        sa.Column("command_id", Serial, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("argument", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("sent_ms", sa.BigInteger, nullable=False),
        sa.Column("outcome", sa.Text, nullable=True),
        sa.Column("done_ms", sa.BigInteger, nullable=True),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_commands_accounts"),
        sa.PrimaryKeyConstraint("command_id", name="pk_commands"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_commands_account_done_ms", "commands", ["account", "done_ms"])


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("at_ms", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=True),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_events_accounts"),
        sa.PrimaryKeyConstraint("account", "seq", name="pk_events"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_events_account_at_ms", "events", ["account", "at_ms"])
    op.create_index("ix_events_account_kind_seq", "events", ["account", "kind", "seq"])


def _fills() -> None:
    op.create_table(
        "fills",
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("trade_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger, nullable=False),
        sa.Column("side", sa.Text, nullable=False),
        sa.Column("price", Exact, nullable=False),
        sa.Column("quantity", Exact, nullable=False),
        sa.Column("commission", Exact, nullable=True),
        sa.Column("commission_asset", sa.Text, nullable=True),
        sa.Column("time_ms", sa.BigInteger, nullable=False),
        sa.Column("is_maker", sa.Boolean, nullable=True),
        sa.Column("client_order_id", sa.Text, nullable=True),
        sa.Column("position_id", sa.Text, nullable=True),
        sa.Column("role", sa.Text, nullable=True),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_fills_accounts"),
        sa.PrimaryKeyConstraint("account", "symbol", "trade_id", name="pk_fills"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_fills_account_position_id", "fills", ["account", "position_id"])
    op.create_index("ix_fills_account_symbol_time_ms", "fills", ["account", "symbol", "time_ms"])


def _intents() -> None:
    op.create_table(
        "intents",
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("intent_id", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("open_time_ms", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("leg", sa.Text, nullable=False),
        sa.Column("session_id", sa.Text, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("position_id", sa.Text, nullable=False),
        sa.Column("strategy", sa.Text, nullable=False),
        sa.Column("strategy_version", sa.Text, nullable=False),
        sa.Column("reserved", Exact, nullable=False),
        sa.Column("quote", sa.Text, nullable=False),
        sa.Column("made_ms", sa.BigInteger, nullable=False),
        sa.Column("client_list_id", sa.Text, nullable=True),
        sa.Column("replaces", sa.Text, nullable=True),
        sa.Column("has_plan", sa.Boolean, nullable=False),
        sa.Column("stop", Exact, nullable=True),
        sa.Column("target", Exact, nullable=True),
        sa.Column("tag", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_intents_accounts"),
        sa.PrimaryKeyConstraint("account", "intent_id", name="pk_intents"),
        sa.UniqueConstraint(
            "account",
            "symbol",
            "open_time_ms",
            "leg",
            name="uq_intents_account_symbol_open_time_ms_leg",
        ),
        sqlite_with_rowid=False,
    )


def _order_moves() -> None:
    op.create_table(
        "order_moves",
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("client_order_id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("executed", Exact, nullable=False),
        sa.Column("at_ms", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("venue_order_id", sa.BigInteger, nullable=True),
        sa.Column("venue_list_id", sa.BigInteger, nullable=True),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_order_moves_accounts"),
        sa.PrimaryKeyConstraint("account", "seq", name="pk_order_moves"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_order_moves_account_client_order_id", "order_moves", ["account", "client_order_id"]
    )


def _plan_changes() -> None:
    op.create_table(
        "plan_changes",
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("position_id", sa.Text, nullable=False),
        sa.Column("stop", Exact, nullable=True),
        sa.Column("target", Exact, nullable=True),
        sa.Column("closing", sa.Text, nullable=True),
        sa.Column("at_ms", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_plan_changes_accounts"),
        sa.PrimaryKeyConstraint("account", "seq", name="pk_plan_changes"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_plan_changes_account_position_id", "plan_changes", ["account", "position_id"]
    )


def _positions() -> None:
    op.create_table(
        "positions",
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("position_id", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("strategy", sa.Text, nullable=False),
        sa.Column("tag", sa.Text, nullable=False),
        sa.Column("entry_time_ms", sa.BigInteger, nullable=False),
        sa.Column("opened_ms", sa.BigInteger, nullable=False),
        sa.Column("entry_stop", Exact, nullable=True),
        sa.Column("entry_target", Exact, nullable=True),
        sa.Column("stop", Exact, nullable=True),
        sa.Column("target", Exact, nullable=True),
        sa.Column("closing", sa.Text, nullable=True),
        sa.Column("closed_ms", sa.BigInteger, nullable=True),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_positions_accounts"),
        sa.PrimaryKeyConstraint("account", "position_id", name="pk_positions"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_positions_account_symbol_opened_ms", "positions", ["account", "symbol", "opened_ms"]
    )
    op.create_index(
        "uq_positions_open",
        "positions",
        ["account", "symbol"],
        unique=True,
        sqlite_where=sa.text("closed_ms IS NULL"),
        postgresql_where=sa.text("closed_ms IS NULL"),
    )


def _trading_sessions() -> None:
    op.create_table(
        "trading_sessions",
        sa.Column("session_id", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("venue", sa.Text, nullable=False),
        sa.Column("strategy", sa.Text, nullable=False),
        sa.Column("strategy_version", sa.Text, nullable=False),
        sa.Column("timeframe", sa.Text, nullable=False),
        sa.Column("symbols", Json, nullable=False),
        sa.Column("facts", Json, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("started_ms", sa.BigInteger, nullable=False),
        sa.Column("ended_ms", sa.BigInteger, nullable=True),
        sa.Column("end_reason", sa.Text, nullable=True),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.account"], name="fk_trading_sessions_accounts"
        ),
        sa.PrimaryKeyConstraint("session_id", name="pk_trading_sessions"),
    )
    op.create_index(
        "ix_trading_sessions_account_started_ms", "trading_sessions", ["account", "started_ms"]
    )


def _transfers() -> None:
    op.create_table(
        "transfers",
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("transfer_id", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("amount", Exact, nullable=False),
        sa.Column("asset", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_transfers_accounts"),
        sa.PrimaryKeyConstraint("account", "transfer_id", name="pk_transfers"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_transfers_account_at_ms", "transfers", ["account", "at_ms"])


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("client_order_id", sa.Text, nullable=False),
        sa.Column("intent_id", sa.Text, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("made_ms", sa.BigInteger, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("side", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("quantity", Exact, nullable=True),
        sa.Column("price", Exact, nullable=True),
        sa.Column("stop_price", Exact, nullable=True),
        sa.Column("time_in_force", sa.Text, nullable=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("executed", Exact, nullable=False),
        sa.Column("moved_ms", sa.BigInteger, nullable=False),
        sa.Column("venue_order_id", sa.BigInteger, nullable=True),
        sa.Column("venue_list_id", sa.BigInteger, nullable=True),
        sa.ForeignKeyConstraint(
            ["account", "intent_id"],
            ["intents.account", "intents.intent_id"],
            name="fk_orders_intents",
        ),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_orders_accounts"),
        sa.PrimaryKeyConstraint("account", "client_order_id", name="pk_orders"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_orders_account_intent_id", "orders", ["account", "intent_id"])
    op.create_index("ix_orders_account_state", "orders", ["account", "state"])
    op.create_index("ix_orders_account_symbol_made_ms", "orders", ["account", "symbol", "made_ms"])


def _trades() -> None:
    op.create_table(
        "trades",
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("position_id", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("entry_time_ms", sa.BigInteger, nullable=False),
        sa.Column("exit_time_ms", sa.BigInteger, nullable=False),
        sa.Column("quantity", Exact, nullable=False),
        sa.Column("entry_price", Exact, nullable=False),
        sa.Column("exit_price", Exact, nullable=False),
        sa.Column("cost", Exact, nullable=False),
        sa.Column("proceeds", Exact, nullable=False),
        sa.Column("fees", Json, nullable=False),
        sa.Column("pnl", Exact, nullable=False),
        sa.Column("quote", sa.Text, nullable=False),
        sa.Column("exit_reason", sa.Text, nullable=False),
        sa.Column("tag", sa.Text, nullable=False),
        sa.Column("dust", Exact, nullable=False),
        sa.Column("closed_ms", sa.BigInteger, nullable=False),
        sa.Column("unprotected_ms", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(
            ["account", "position_id"],
            ["positions.account", "positions.position_id"],
            name="fk_trades_positions",
        ),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_trades_accounts"),
        sa.PrimaryKeyConstraint("account", "position_id", name="pk_trades"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_trades_account_exit_time_ms", "trades", ["account", "exit_time_ms"])
    op.create_index(
        "ix_trades_account_symbol_exit_time_ms", "trades", ["account", "symbol", "exit_time_ms"]
    )
