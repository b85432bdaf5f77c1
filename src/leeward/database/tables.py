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
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from leeward.database.types import Exact, Json, Serial

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
    }
)


def _time(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _word(name: str, *, nullable: bool = False, key: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable, primary_key=key)


def _account(*, key: bool = True) -> Column[str]:
    return Column("account", Text, ForeignKey("accounts.account"), primary_key=key, nullable=False)


def _seq(*, key: bool = False) -> Column[int]:
    return Column("seq", BigInteger, primary_key=key, nullable=False, autoincrement=False)


# One row an account: who trades it, under which epoch, what it may do, where its chain of events
# ends. `facts` is what the running process says of itself with each heartbeat.
accounts = Table(
    "accounts",
    metadata,
    _word("account", key=True),
    Column("epoch", BigInteger, nullable=False),
    _word("holder", nullable=True),
    _time("heartbeat_ms", nullable=True),
    Column("facts", Json, nullable=True),
    _word("state", nullable=True),
    _word("state_reason", nullable=True),
    _word("state_actor", nullable=True),
    _time("state_at_ms", nullable=True),
    _time("state_until_ms", nullable=True),
    Column("state_seq", BigInteger, nullable=True),
    Column("events", BigInteger, nullable=False),
    _word("chain_head"),
)

trading_sessions = Table(
    "trading_sessions",
    metadata,
    _word("session_id", key=True),
    _account(key=False),
    _seq(),
    _word("mode"),
    _word("venue"),
    _word("strategy"),
    _word("strategy_version"),
    _word("timeframe"),
    Column("symbols", Json, nullable=False),
    Column("facts", Json, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    _time("started_ms"),
    _time("ended_ms", nullable=True),
    _word("end_reason", nullable=True),
    Index(None, "account", "started_ms"),
)

intents = Table(
    "intents",
    metadata,
    _account(),
    _word("intent_id", key=True),
    _seq(),
    _word("symbol"),
    _time("open_time_ms"),
    _word("leg"),
    _word("session_id"),
    Column("epoch", BigInteger, nullable=False),
    _word("purpose"),
    _word("position_id"),
    _word("strategy"),
    _word("strategy_version"),
    Column("reserved", Exact, nullable=False),
    _word("quote"),
    _time("made_ms"),
    _word("client_list_id", nullable=True),
    _word("replaces", nullable=True),
    Column("has_plan", Boolean, nullable=False),
    Column("stop", Exact, nullable=True),
    Column("target", Exact, nullable=True),
    _word("tag"),
    UniqueConstraint("account", "symbol", "open_time_ms", "leg"),
    sqlite_with_rowid=False,
)

orders = Table(
    "orders",
    metadata,
    _account(),
    _word("client_order_id", key=True),
    _word("intent_id"),
    Column("place", Integer, nullable=False),  # within the intent, from 0
    _word("symbol"),
    _time("made_ms"),
    _word("role"),
    _word("side"),
    _word("type"),
    Column("quantity", Exact, nullable=True),
    Column("price", Exact, nullable=True),
    Column("stop_price", Exact, nullable=True),
    _word("time_in_force", nullable=True),
    _word("state"),
    Column("executed", Exact, nullable=False),
    _time("moved_ms"),
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
    _account(),
    _seq(key=True),
    _word("client_order_id"),
    _word("state"),
    Column("executed", Exact, nullable=False),
    _time("at_ms"),
    _word("why"),
    Column("venue_order_id", BigInteger, nullable=True),
    Column("venue_list_id", BigInteger, nullable=True),
    Index(None, "account", "client_order_id"),
    sqlite_with_rowid=False,
)

fills = Table(
    "fills",
    metadata,
    _account(),
    _word("symbol", key=True),
    Column("trade_id", BigInteger, primary_key=True, autoincrement=False),
    _seq(),
    Column("order_id", BigInteger, nullable=False),
    _word("side"),
    Column("price", Exact, nullable=False),
    Column("quantity", Exact, nullable=False),
    Column("commission", Exact, nullable=True),
    _word("commission_asset", nullable=True),
    _time("time_ms"),
    Column("is_maker", Boolean, nullable=True),
    _word("client_order_id", nullable=True),
    _word("position_id", nullable=True),
    _word("role", nullable=True),
    Index(None, "account", "symbol", "time_ms"),
    Index(None, "account", "position_id"),
    sqlite_with_rowid=False,
)

transfers = Table(
    "transfers",
    metadata,
    _account(),
    _word("transfer_id", key=True),
    _seq(),
    _word("kind"),
    Column("amount", Exact, nullable=False),
    _word("asset"),
    _time("at_ms"),
    _word("note"),
    Index(None, "account", "at_ms"),
    sqlite_with_rowid=False,
)

positions = Table(
    "positions",
    metadata,
    _account(),
    _word("position_id", key=True),
    _seq(),
    _word("symbol"),
    _word("strategy"),
    _word("tag"),
    _time("entry_time_ms"),
    _time("opened_ms"),
    Column("entry_stop", Exact, nullable=True),
    Column("entry_target", Exact, nullable=True),
    Column("stop", Exact, nullable=True),
    Column("target", Exact, nullable=True),
    _word("closing", nullable=True),
    _time("closed_ms", nullable=True),
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
    _account(),
    _seq(key=True),
    _word("position_id"),
    Column("stop", Exact, nullable=True),
    Column("target", Exact, nullable=True),
    _word("closing", nullable=True),
    _time("at_ms"),
    _word("why"),
    Index(None, "account", "position_id"),
    sqlite_with_rowid=False,
)

trades = Table(
    "trades",
    metadata,
    _account(),
    _word("position_id", key=True),
    _seq(),
    _word("symbol"),
    _time("entry_time_ms"),
    _time("exit_time_ms"),
    Column("quantity", Exact, nullable=False),
    Column("entry_price", Exact, nullable=False),
    Column("exit_price", Exact, nullable=False),
    Column("cost", Exact, nullable=False),
    Column("proceeds", Exact, nullable=False),
    Column("fees", Json, nullable=False),  # [[amount as text, asset], ...]
    Column("pnl", Exact, nullable=False),
    _word("quote"),
    _word("exit_reason"),
    _word("tag"),
    Column("dust", Exact, nullable=False),
    _time("closed_ms"),
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
    _word("session_id", key=True),
    Column("open_time_ms", BigInteger, primary_key=True, autoincrement=False),
    _account(key=False),
    _seq(),
    Column("equity", Exact, nullable=False),
    Column("cash", Exact, nullable=False),
    Column("exposure", Exact, nullable=False),
    Column("peak", Exact, nullable=False),
    Column("day_base", Exact, nullable=False),
    _time("day_ends_ms"),
    Column("daily_loss", Boolean, nullable=False),
    Column("halted", Boolean, nullable=False),
    _time("at_ms"),
    Index(None, "account", "open_time_ms"),
    sqlite_with_rowid=False,
)

strategy_executions = Table(
    "strategy_executions",
    metadata,
    _word("session_id", key=True),
    Column("open_time_ms", BigInteger, primary_key=True, autoincrement=False),
    _word("symbol", key=True),
    _account(key=False),
    _seq(),  # of the last event before it; executions have none of their own
    _word("data_state"),
    *(Column(name, Double, nullable=True) for name in ("open", "high", "low", "close", "volume")),
    _word("decision"),
    _word("reason"),
    _word("entry_tag"),
    _word("exit_tag"),
    *(
        Column(name, Double, nullable=True)
        for name in ("size", "stop", "target", "confidence", "prediction", "quantity")
    ),
    _word("intent_id", nullable=True),
    _word("trend"),
    Column("columns", Json, nullable=False),
    _time("at_ms"),
    Index(None, "symbol", "open_time_ms"),
    Index(None, "account", "seq"),
    sqlite_with_rowid=False,
)

performance_metrics = Table(
    "performance_metrics",
    metadata,
    _word("session_id", key=True),
    _word("name", key=True),
    Column("at_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("value", Double, nullable=False),
    sqlite_with_rowid=False,
)

commands = Table(
    "commands",
    metadata,
    Column("command_id", Serial, primary_key=True),
    _account(key=False),
    _word("kind"),
    _word("argument"),
    _word("actor"),
    _time("sent_ms"),
    _word("outcome", nullable=True),
    _time("done_ms", nullable=True),
    Index(None, "account", "done_ms"),
    sqlite_autoincrement=True,
)

# The audit trail. `payload` is text on both databases, for `hash` covers its bytes:
# sha256(hash of the row before + payload).
events = Table(
    "events",
    metadata,
    _account(),
    _seq(key=True),
    _time("at_ms"),
    _word("kind"),
    _word("subject"),
    _word("severity", nullable=True),
    _word("payload"),
    _word("hash"),
    Index(None, "account", "kind", "seq"),
    Index(None, "account", "at_ms"),
    sqlite_with_rowid=False,
)

# Which model a strategy uses: one row for each bundle that was ever promoted or tried.
models = Table(
    "models",
    metadata,
    _word("name", key=True),
    _word("sha256", key=True),
    _word("status"),
    _word("previous", nullable=True),
    _time("promoted_ms", nullable=True),
    _word("actor"),
    Column("metrics", Json, nullable=False),
    Index(None, "name", "status"),
    sqlite_with_rowid=False,
)
