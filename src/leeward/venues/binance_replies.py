"""What an answer of Binance means: for an order sent, and for a question asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from leeward.domain.answers import (
    Acked,
    Asked,
    ConfirmedAbsent,
    Found,
    NotSent,
    Outcome,
    Reaction,
    Refused,
    Unavailable,
    Unknown,
)
from leeward.venues.binance_codec import Record, Unreadable, reading, shown
from leeward.venues.binance_codec_orders import refusal
from leeward.venues.binance_http import Reply

T = TypeVar("T")
Reader = Callable[[object], T]
Answer = Reply | NotSent | Unknown

_OK, _BAD_REQUEST, _SERVER_ERROR = 200, 400, 500
#: Answered before the request reached an order book, whatever the body says.
_TOO_FAST = frozenset({418, 429})


def outcome_of(answer: Answer, reader: Reader[T]) -> Outcome[T]:
    """Returns what became of an order. Unknown is every 5xx, every answer that cannot be read, and
    every error whose text leaves open whether it was carried out."""
    if not isinstance(answer, Reply):
        return answer
    if answer.status == _OK:
        try:
            return Acked(reading(reader, answer.body))
        except Unreadable as error:
            return Unknown(f"the answer cannot be read: {error}")
    refused = _refusal(answer)
    if not _BAD_REQUEST <= answer.status < _SERVER_ERROR or refused is None:
        why = shown(answer.body) if refused is None else f"{refused.code} {refused.text}"
        return Unknown(f"HTTP {answer.status}: {why}")
    if refused.reaction is Reaction.UNKNOWN:
        return Unknown(f"{refused.code} {refused.text}")
    return refused


def replacement_of(answer: Answer, reader: Reader[T]) -> Outcome[T]:
    """Returns what became of a cancel-replace: an answer that has both steps is read, whether they
    succeeded or not; an answer without them was refused before the first."""
    if isinstance(answer, Reply) and _BAD_REQUEST <= answer.status < _SERVER_ERROR:
        refused = _refusal(answer)
        if refused is not None and refused.reaction is Reaction.READ_LEGS:
            return outcome_of(Reply(_OK, answer.body), reader)
    return outcome_of(answer, reader)


def asked_of(answer: Answer, reader: Reader[T]) -> Asked[T]:
    """Returns what a question found. Absent is only what the exchange calls so by its code."""
    match answer:
        case NotSent(why, retry_after_s):
            return Unavailable(why, retry_after_s=retry_after_s)
        case Unknown(why):
            return Unavailable(why)
        case Reply(status=200):
            try:
                return Found(reading(reader, answer.body))
            except Unreadable as error:
                return Unavailable(f"the answer cannot be read: {error}")
    refused = _refusal(answer)
    if refused is None:
        why = f"HTTP {answer.status}: {shown(answer.body)}"
        return Unavailable(why, retry_after_s=answer.retry_after_s)
    why = f"{refused.code} {refused.text}"
    absent = refused.reaction in {Reaction.ABSENT, Reaction.ARCHIVED}
    if absent and answer.status < _SERVER_ERROR:
        return ConfirmedAbsent(why)
    return Unavailable(why, refused.reaction, refused.code, refused.retry_after_s)


def _refusal(reply: Reply) -> Refused | None:
    """Returns the error in the body, or the one that a status alone stands for."""
    try:
        return reading(lambda value: refusal(Record.of(value), reply.retry_after_s), reply.body)
    except Unreadable:
        if reply.status not in _TOO_FAST:
            return None
        return Refused(-1003, f"HTTP {reply.status}", Reaction.WAIT, reply.retry_after_s)
