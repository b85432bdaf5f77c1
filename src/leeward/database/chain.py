"""The chain of an account's events: each hash covers the one before it and its own record."""

from __future__ import annotations

import hashlib
import json

from leeward.engine.record_codec import record_json
from leeward.engine.records import (
    CommandDone,
    EquityMarked,
    Executed,
    FeesValued,
    FillBooked,
    IntentMade,
    Noted,
    OrderMoved,
    PlanChanged,
    PositionClosed,
    PositionOpened,
    Record,
    SessionEnded,
    SessionStarted,
    StateMoved,
    TransferBooked,
)

#: What the first event of an account follows.
CHAIN_START = ""


def payload_of(record: Record) -> str:
    """Returns the record as canonical JSON: the same record, the same bytes."""
    return json.dumps(
        record_json(record),
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )


def link(before: str, payload: str) -> str:
    """Returns the hash of an event: sha256, as hex, of the hash before it and its payload."""
    return hashlib.sha256(f"{before}{payload}".encode()).hexdigest()


def time_of(record: Record) -> int:
    """Returns when it became known, UTC ms; of a fill, when it happened."""
    if isinstance(record, IntentMade):
        return record.made_ms
    if isinstance(record, FillBooked):
        return record.fill.time_ms
    return record.at_ms


def subject_of(record: Record) -> str:
    """Returns what the record is about: the id by which its event is looked for."""
    match record:
        case IntentMade() | PositionOpened() | PlanChanged():
            return record.position_id
        case PositionClosed():
            return record.trade.position_id
        case OrderMoved():
            return record.client_order_id
        case FillBooked():
            return record.fill.symbol
        case TransferBooked():
            return record.money.currency
        case StateMoved():
            return record.state.value
        case EquityMarked() | Executed() | SessionStarted() | SessionEnded():
            return record.session_id
        case CommandDone():
            return str(record.command_id)
        case Noted(subject=subject) | FeesValued(asset=subject):
            return subject
