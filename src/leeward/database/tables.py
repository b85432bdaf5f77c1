"""The tables as they are now; how they came about is in `migrations`.

Times are UTC ms, `open_time_ms` names a candle. `seq` counts the records of an account in the order
in which they were committed: it is the row's number in `events`, and the order in which `load`
gives the records back. What is append-only here is the truth; the columns that say how things stand
now (of accounts, orders and positions) follow from it and `leeward db check` compares them.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    UniqueConstraint,
    text,
)

from leeward.database.described import account, metadata, seq, time, word
from leeward.database.model_tables import challengers, models, shadow_forecasts
from leeward.database.types import Exact, Json, Serial

__all__ = [
    "account_history",
    "accounts",
    "challengers",
    "commands",
    "events",
    "fills",
    "intents",
    "metadata",
    "models",
    "order_moves",
    "orders",
    "performance_metrics",
    "plan_changes",
    "positions",
    "shadow_forecasts",
    "strategy_executions",
    "trades",
    "trading_sessions",
    "transfers",
]

# One row an account: who trades it, under which epoch, what it may do, where its chain of events
# ends. `facts` is what the running process says of itself with each heartbeat.
accounts = Table(
    "accounts",
    metadata,
    word("account", key=True),
    Column("epoch", BigInteger, nullable=False),
    word("holder", nullable=True),
    time("heartbeat_ms", nullable=True),
    Column("facts", Json, nullable=True),
    word("state", nullable=True),
    word("state_reason", nullable=True),
    word("state_actor", nullable=True),
    time("state_at_ms", nullable=True),
    time("state_until_ms", nullable=True),
    Column("state_seq", BigInteger, nullable=True),
    Column("events", BigInteger, nullable=False),
    word("chain_head"),
)

trading_sessions = Table(
    "trading_sessions",
    metadata,
    word("session_id", key=True),
    account(key=False),
    seq(),
    word("mode"),
    word("venue"),
    word("strategy"),
    word("strategy_version"),
    word("timeframe"),
    Column("symbols", Json, nullable=False),
    Column("facts", Json, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    time("started_ms"),
    time("ended_ms", nullable=True),
    word("end_reason", nullable=True),
    Index(None, "account", "started_ms"),
)

intents = Table(
    "intents",
    metadata,
    account(),
    word("intent_id", key=True),
    seq(),
    word("symbol"),
    time("open_time_ms"),
    word("leg"),
    word("session_id"),
    Column("epoch", BigInteger, nullable=False),
    word("purpose"),
    word("position_id"),
    word("strategy"),
    word("strategy_version"),
    Column("reserved", Exact, nullable=False),
    word("quote"),
    time("made_ms"),
    word("client_list_id", nullable=True),
    word("replaces", nullable=True),
    Column("has_plan", Boolean, nullable=False),
    Column("stop", Exact, nullable=True),
    Column("target", Exact, nullable=True),
    word("tag"),
    UniqueConstraint("account", "symbol", "open_time_ms", "leg"),
    sqlite_with_rowid=False,
)

orders = Table(
    "orders",
    metadata,
    account(),
    word("client_order_id", key=True),
    word("intent_id"),
    Column("place", Integer, nullable=False),  # within the intent, from 0
    word("symbol"),
    time("made_ms"),
    word("role"),
    word("side"),
    word("type"),
    Column("quantity", Exact, nullable=True),
    Column("price", Exact, nullable=True),
    Column("stop_price", Exact, nullable=True),
    word("time_in_force", nullable=True),
    word("state"),
    Column("executed", Exact, nullable=False),
    time("moved_ms"),
    Column("venue_order_id", BigInteger, nullable=True),
    Column("venue_list_id", BigInteger, nullable=True),
    ForeignKeyConstraint(["account", "intent_id"], ["intents.account", "intents.intent_id"]),
    Index(None, "account", "intent_id"),
    Index(None, "account", "symbol", "made_ms"),
    Index(None, "account", "state"),
    sqlite_with_rowid=False,
)

# No foreign key where the row tells what an exchange said: it must be possible to write that down
# also where the order it speaks of was lost with an older database.
order_moves = Table(
    "order_moves",
    metadata,
    account(),
    seq(key=True),
    word("client_order_id"),
    word("state"),
    Column("executed", Exact, nullable=False),
    time("at_ms"),
    word("why"),
    Column("venue_order_id", BigInteger, nullable=True),
    Column("venue_list_id", BigInteger, nullable=True),
    Index(None, "account", "client_order_id"),
    sqlite_with_rowid=False,
)

fills = Table(
    "fills",
    metadata,
    account(),
    word("symbol", key=True),
    Column("trade_id", BigInteger, primary_key=True, autoincrement=False),
    seq(),
    Column("order_id", BigInteger, nullable=False),
    word("side"),
    Column("price", Exact, nullable=False),
    Column("quantity", Exact, nullable=False),
    Column("commission", Exact, nullable=True),
    word("commission_asset", nullable=True),
    time("time_ms"),
    Column("is_maker", Boolean, nullable=True),
    word("client_order_id", nullable=True),
    word("position_id", nullable=True),
    word("role", nullable=True),
    Index(None, "account", "symbol", "time_ms"),
    Index(None, "account", "position_id"),
    sqlite_with_rowid=False,
)

transfers = Table(
    "transfers",
    metadata,
    account(),
    word("transfer_id", key=True),
    seq(),
    word("kind"),
    Column("amount", Exact, nullable=False),
    word("asset"),
    time("at_ms"),
    word("note"),
    Index(None, "account", "at_ms"),
    sqlite_with_rowid=False,
)

positions = Table(
    "positions",
    metadata,
    account(),
    word("position_id", key=True),
    seq(),
    word("symbol"),
    word("strategy"),
    word("tag"),
    time("entry_time_ms"),
    time("opened_ms"),
    Column("entry_stop", Exact, nullable=True),
    Column("entry_target", Exact, nullable=True),
    Column("stop", Exact, nullable=True),
    Column("target", Exact, nullable=True),
    word("closing", nullable=True),
    time("closed_ms", nullable=True),
    Index(None, "account", "symbol", "opened_ms"),
    Index(
        "uq_positions_open",
        "account",
        "symbol",
        unique=True,
        sqlite_where=text("closed_ms IS NULL"),
        postgresql_where=text("closed_ms IS NULL"),
    ),
    sqlite_with_rowid=False,
)

plan_changes = Table(
    "plan_changes",
    metadata,
    account(),
    seq(key=True),
    word("position_id"),
    Column("stop", Exact, nullable=True),
    Column("target", Exact, nullable=True),
    word("closing", nullable=True),
    time("at_ms"),
    word("why"),
    Index(None, "account", "position_id"),
    sqlite_with_rowid=False,
)

trades = Table(
    "trades",
    metadata,
    account(),
    word("position_id", key=True),
    seq(),
    word("symbol"),
    time("entry_time_ms"),
    time("exit_time_ms"),
    Column("quantity", Exact, nullable=False),
    Column("entry_price", Exact, nullable=False),
    Column("exit_price", Exact, nullable=False),
    Column("cost", Exact, nullable=False),
    Column("proceeds", Exact, nullable=False),
    Column("fees", Json, nullable=False),  # [[amount as text, asset], ...]
    Column("pnl", Exact, nullable=False),
    word("quote"),
    word("exit_reason"),
    word("tag"),
    Column("dust", Exact, nullable=False),
    time("closed_ms"),
    Column("unprotected_ms", BigInteger, nullable=False),
    ForeignKeyConstraint(
        ["account", "position_id"], ["positions.account", "positions.position_id"]
    ),
    Index(None, "account", "symbol", "exit_time_ms"),
    Index(None, "account", "exit_time_ms"),
    sqlite_with_rowid=False,
)

account_history = Table(
    "account_history",
    metadata,
    word("session_id", key=True),
    Column("open_time_ms", BigInteger, primary_key=True, autoincrement=False),
    account(key=False),
    seq(),
    Column("equity", Exact, nullable=False),
    Column("cash", Exact, nullable=False),
    Column("exposure", Exact, nullable=False),
    Column("peak", Exact, nullable=False),
    Column("day_base", Exact, nullable=False),
    time("day_ends_ms"),
    Column("daily_loss", Boolean, nullable=False),
    Column("halted", Boolean, nullable=False),
    time("at_ms"),
    Index(None, "account", "open_time_ms"),
    sqlite_with_rowid=False,
)

strategy_executions = Table(
    "strategy_executions",
    metadata,
    word("session_id", key=True),
    Column("open_time_ms", BigInteger, primary_key=True, autoincrement=False),
    word("symbol", key=True),
    account(key=False),
    seq(),  # of the last event before it; executions have none of their own
    word("data_state"),
    *(Column(name, Double, nullable=True) for name in ("open", "high", "low", "close", "volume")),
    word("decision"),
    word("reason"),
    word("entry_tag"),
    word("exit_tag"),
    *(
        Column(name, Double, nullable=True)
        for name in ("size", "stop", "target", "confidence", "prediction", "quantity")
    ),
    word("intent_id", nullable=True),
    word("trend"),
    Column("columns", Json, nullable=False),
    time("at_ms"),
    Index(None, "symbol", "open_time_ms"),
    Index(None, "account", "seq"),
    sqlite_with_rowid=False,
)

performance_metrics = Table(
    "performance_metrics",
    metadata,
    word("session_id", key=True),
    word("name", key=True),
    Column("at_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("value", Double, nullable=False),
    sqlite_with_rowid=False,
)

commands = Table(
    "commands",
    metadata,
    Column("command_id", Serial, primary_key=True),
    account(key=False),
    word("kind"),
    word("argument"),
    word("actor"),
    time("sent_ms"),
    word("outcome", nullable=True),
    time("done_ms", nullable=True),
    Index(None, "account", "done_ms"),
    sqlite_autoincrement=True,
)

# The audit trail. `payload` is text on both databases, for `hash` covers its bytes:
# sha256(hash of the row before + payload).
events = Table(
    "events",
    metadata,
    account(),
    seq(key=True),
    time("at_ms"),
    word("kind"),
    word("subject"),
    word("severity", nullable=True),
    word("payload"),
    word("hash"),
    Index(None, "account", "kind", "seq"),
    Index(None, "account", "at_ms"),
    sqlite_with_rowid=False,
)
