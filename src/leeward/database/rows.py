"""What each record writes: statements with their values, in the order they are to be run."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TypeAlias, assert_never

from sqlalchemy import Executable, bindparam, insert, update

from leeward.database import tables
from leeward.domain.money import Price, Quantity
from leeward.engine.records import (
    CommandDone,
    EquityMarked,
    Executed,
    FeesValued,
    FillBooked,
    IntentMade,
    Noted,
    OrderMoved,
    OrderState,
    Plan,
    PlanChanged,
    PositionClosed,
    PositionOpened,
    Record,
    SessionEnded,
    SessionStarted,
    StateMoved,
    TransferBooked,
)

Write: TypeAlias = tuple[Executable, dict[str, object]]

# Built once: SQLAlchemy then finds their compiled text again by identity.
_INTENT = insert(tables.intents)
_ORDER = insert(tables.orders)
_ORDER_MOVE = insert(tables.order_moves)
_FILL = insert(tables.fills)
_TRANSFER = insert(tables.transfers)
_POSITION = insert(tables.positions)
_PLAN_CHANGE = insert(tables.plan_changes)
_TRADE = insert(tables.trades)
_EQUITY = insert(tables.account_history)
_EXECUTION = insert(tables.strategy_executions)
_SESSION = insert(tables.trading_sessions)

_position = (
    tables.positions.c.account == bindparam("of_account"),
    tables.positions.c.position_id == bindparam("of_position"),
)
_PLAN_NOW = update(tables.positions).where(*_position)
_CLOSE = update(tables.positions).where(*_position)
_STATE_NOW = update(tables.accounts).where(tables.accounts.c.account == bindparam("of_account"))
_END_SESSION = update(tables.trading_sessions).where(
    tables.trading_sessions.c.session_id == bindparam("of_session"),
    tables.trading_sessions.c.ended_ms.is_(None),
)
_COMMAND_DONE = update(tables.commands).where(
    tables.commands.c.command_id == bindparam("of_command"),
    tables.commands.c.account == bindparam("of_account"),
    tables.commands.c.done_ms.is_(None),
)


def writes_of(account: str, seq: int, record: Record) -> Iterator[Write]:  # noqa: C901 - one case a record
    """Yields what `record`, the `seq`-th of the account, writes beside its event.

    What an order is known to be (`orders.state`) is left to the caller: it depends on what was
    known before.
    """
    match record:
        case IntentMade():
            yield from _intent(account, seq, record)
        case OrderMoved():
            yield _ORDER_MOVE, _order_move(account, seq, record)
        case FillBooked():
            yield _FILL, _fill(account, seq, record)
        case TransferBooked():
            yield _TRANSFER, _transfer(account, seq, record)
        case PositionOpened():
            yield _POSITION, _opened(account, seq, record)
        case PlanChanged():
            yield from _plan_change(account, seq, record)
        case PositionClosed():
            yield from _closed(account, seq, record)
        case StateMoved():
            yield _STATE_NOW, _state(account, seq, record)
        case EquityMarked():
            yield _EQUITY, _equity(account, seq, record)
        case Executed():
            yield _EXECUTION, _execution(account, seq, record)
        case SessionStarted():
            yield _SESSION, _session(seq, record)
        case SessionEnded():
            ended = {"ended_ms": record.at_ms, "end_reason": record.reason}
            yield _END_SESSION, {"of_session": record.session_id, **ended}
        case CommandDone():
            done = {"outcome": record.outcome, "done_ms": record.at_ms}
            yield (
                _COMMAND_DONE,
                {
                    "of_account": account,
                    "of_command": record.command_id,
                    **done,
                },
            )
        case Noted() | FeesValued():
            pass  # its event is all there is to it
        case _:
            assert_never(record)


def _value(amount: Price | Quantity | None) -> object:
    return None if amount is None else amount.value


def _planned(plan: Plan | None) -> dict[str, object]:
    if plan is None:
        return {"stop": None, "target": None}
    return {"stop": _value(plan.stop), "target": _value(plan.target)}


def _intent(account: str, seq: int, intent: IntentMade) -> Iterator[Write]:
    yield (
        _INTENT,
        {
            "account": account,
            "intent_id": intent.intent_id,
            "seq": seq,
            "symbol": intent.key.symbol,
            "open_time_ms": intent.key.open_time_ms,
            "leg": intent.key.leg,
            "session_id": intent.session_id,
            "epoch": intent.epoch,
            "purpose": intent.purpose.value,
            "position_id": intent.position_id,
            "strategy": intent.strategy,
            "strategy_version": intent.strategy_version,
            "reserved": intent.reserved.amount,
            "quote": intent.reserved.currency,
            "made_ms": intent.made_ms,
            "client_list_id": intent.client_list_id,
            "replaces": intent.replaces,
            "has_plan": intent.plan is not None,
            **_planned(intent.plan),
            "tag": intent.tag,
        },
    )
    for place, order in enumerate(intent.orders):
        yield (
            _ORDER,
            {
                "account": account,
                "client_order_id": order.client_order_id,
                "intent_id": intent.intent_id,
                "place": place,
                "symbol": intent.key.symbol,
                "made_ms": intent.made_ms,
                "role": order.role.value,
                "side": order.side.value,
                "type": order.type.value,
                "quantity": _value(order.quantity),
                "price": _value(order.price),
                "stop_price": _value(order.stop_price),
                "time_in_force": None if order.time_in_force is None else order.time_in_force.value,
                "state": OrderState.COMMITTED.value,
                "executed": Decimal(0),
                "moved_ms": intent.made_ms,
            },
        )


def _order_move(account: str, seq: int, moved: OrderMoved) -> dict[str, object]:
    return {
        "account": account,
        "seq": seq,
        "client_order_id": moved.client_order_id,
        "state": moved.state.value,
        "executed": moved.executed.value,
        "at_ms": moved.at_ms,
        "why": moved.why,
        "venue_order_id": moved.venue_order_id,
        "venue_list_id": moved.venue_list_id,
    }


def _fill(account: str, seq: int, booked: FillBooked) -> dict[str, object]:
    fill = booked.fill
    return {
        "account": account,
        "symbol": fill.symbol,
        "trade_id": fill.trade_id,
        "seq": seq,
        "order_id": fill.order_id,
        "side": fill.side.value,
        "price": fill.price.value,
        "quantity": fill.quantity.value,
        "commission": None if fill.commission is None else fill.commission.amount,
        "commission_asset": None if fill.commission is None else fill.commission.currency,
        "time_ms": fill.time_ms,
        "is_maker": fill.is_maker,
        "client_order_id": booked.client_order_id,
        "position_id": booked.position_id,
        "role": None if booked.role is None else booked.role.value,
    }


def _transfer(account: str, seq: int, transfer: TransferBooked) -> dict[str, object]:
    return {
        "account": account,
        "transfer_id": transfer.transfer_id,
        "seq": seq,
        "kind": transfer.kind.value,
        "amount": transfer.money.amount,
        "asset": transfer.money.currency,
        "at_ms": transfer.at_ms,
        "note": transfer.note,
    }


def _opened(account: str, seq: int, opened: PositionOpened) -> dict[str, object]:
    plan = _planned(opened.plan)
    return {
        "account": account,
        "position_id": opened.position_id,
        "seq": seq,
        "symbol": opened.symbol,
        "strategy": opened.strategy,
        "tag": opened.tag,
        "entry_time_ms": opened.entry_time_ms,
        "opened_ms": opened.at_ms,
        "entry_stop": plan["stop"],
        "entry_target": plan["target"],
        **plan,
    }


def _plan_change(account: str, seq: int, change: PlanChanged) -> Iterator[Write]:
    now = {**_planned(change.plan), "closing": change.closing}
    yield (
        _PLAN_CHANGE,
        {
            "account": account,
            "seq": seq,
            "position_id": change.position_id,
            **now,
            "at_ms": change.at_ms,
            "why": change.why,
        },
    )
    yield _PLAN_NOW, {"of_account": account, "of_position": change.position_id, **now}


def _closed(account: str, seq: int, closed: PositionClosed) -> Iterator[Write]:
    trade = closed.trade
    yield (
        _TRADE,
        {
            "account": account,
            "position_id": trade.position_id,
            "seq": seq,
            "symbol": trade.symbol,
            "entry_time_ms": trade.entry_time_ms,
            "exit_time_ms": trade.exit_time_ms,
            "quantity": trade.quantity.value,
            "entry_price": trade.entry_price.value,
            "exit_price": trade.exit_price.value,
            "cost": trade.cost.amount,
            "proceeds": trade.proceeds.amount,
            "fees": [[str(fee.amount), fee.currency] for fee in trade.fees],
            "pnl": trade.pnl.amount,
            "quote": trade.pnl.currency,
            "exit_reason": trade.exit_reason,
            "tag": trade.tag,
            "dust": trade.dust.value,
            "closed_ms": closed.at_ms,
            "unprotected_ms": closed.unprotected_ms,
        },
    )
    yield (
        _CLOSE,
        {"of_account": account, "of_position": trade.position_id, "closed_ms": closed.at_ms},
    )


def _state(account: str, seq: int, moved: StateMoved) -> dict[str, object]:
    return {
        "of_account": account,
        "state": moved.state.value,
        "state_reason": moved.reason,
        "state_actor": moved.actor,
        "state_at_ms": moved.at_ms,
        "state_until_ms": moved.until_ms,
        "state_seq": seq,
    }


def _equity(account: str, seq: int, marked: EquityMarked) -> dict[str, object]:
    return {
        "session_id": marked.session_id,
        "open_time_ms": marked.open_time_ms,
        "account": account,
        "seq": seq,
        "equity": marked.equity,
        "cash": marked.cash,
        "exposure": marked.exposure,
        "peak": marked.peak,
        "day_base": marked.day_base,
        "day_ends_ms": marked.day_ends_ms,
        "daily_loss": marked.daily_loss,
        "halted": marked.halted,
        "at_ms": marked.at_ms,
    }


def _execution(account: str, seq: int, executed: Executed) -> dict[str, object]:
    candle = executed.candle or (None,) * 5
    names = ("open", "high", "low", "close", "volume")
    return {
        "session_id": executed.session_id,
        "open_time_ms": executed.open_time_ms,
        "symbol": executed.symbol,
        "account": account,
        "seq": seq,
        "data_state": executed.data_state,
        **dict(zip(names, candle, strict=True)),
        "decision": executed.decision,
        "reason": executed.reason,
        "entry_tag": executed.entry_tag,
        "exit_tag": executed.exit_tag,
        "size": executed.size,
        "stop": executed.stop,
        "target": executed.target,
        "confidence": executed.confidence,
        "prediction": executed.prediction,
        "quantity": executed.quantity,
        "intent_id": executed.intent_id,
        "trend": executed.trend,
        "columns": dict(executed.columns),
        "at_ms": executed.at_ms,
    }


def _session(seq: int, started: SessionStarted) -> dict[str, object]:
    return {
        "session_id": started.session_id,
        "account": started.account,
        "seq": seq,
        "mode": started.mode.value,
        "venue": started.venue,
        "strategy": started.strategy,
        "strategy_version": started.strategy_version,
        "timeframe": started.timeframe,
        "symbols": list(started.symbols),
        "facts": dict(started.facts),
        "epoch": started.epoch,
        "started_ms": started.at_ms,
    }
