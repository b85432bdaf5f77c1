"""What faults make of market data: candles that are missing or told otherwise, books that cross."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from leeward.emulator.bars import bin_close, bin_open
from leeward.emulator.faults import MARKET_FAULTS, Fault, FaultBoard
from leeward.emulator.requests import Emitted

if TYPE_CHECKING:
    from leeward.emulator.gate import Asked
    from leeward.emulator.session import Session

KLINES: Final = ("klines", "uiKlines")
_BOOKS: Final = ("depth", "ticker.book")
_PRICES: Final = slice(1, 5)
#: Names of the two sides of a book, in answers and in messages.
_SIDES: Final = (("bids", "asks"), ("bidPrice", "askPrice"), ("bidQty", "askQty"), ("b", "a"),
                 ("B", "A"))  # fmt: skip


def changed_answer(
    session: Session, asked: Asked, facts: Mapping[str, str], body: object
) -> object:
    """Returns the body of an answer as the faults of market data tell it."""
    name, given = asked.operation.name, body
    for fault in session.board.striking(
        MARKET_FAULTS, session.now_ms, facts, lambda fault: _is_in_answer(fault, asked, given)
    ):
        session.exchange.note(f"fault {fault.id} {fault.effect} {name}")
        if name in _BOOKS:
            body = [_crossed(each) for each in body] if isinstance(body, list) else _crossed(body)
        else:
            assert isinstance(body, list)
            body = _told(session, fault, asked.parameters.values, body)
    return body


def changed_message(
    board: FaultBoard, now_ms: int, facts: Mapping[str, str], message: Emitted
) -> Emitted | None:
    """Returns a message as the faults of market data tell it, None where they hide it."""
    given = message.payload
    for fault in board.striking(
        MARKET_FAULTS, now_ms, facts, lambda fault: _is_in_message(fault, given)
    ):
        if fault.effect == "kline_gap":
            return None
        message = message._replace(payload=_crossed(message.payload))
    return message


def _is_in_answer(fault: Fault, asked: Asked, body: object) -> bool:
    name = asked.operation.name
    if fault.effect == "book_crossed":
        return name in _BOOKS
    if name not in KLINES or not isinstance(body, list):
        return False
    interval = asked.parameters.values["interval"]
    return any(_is_about(fault, interval, row[0]) for row in body)


def _is_in_message(fault: Fault, payload: object) -> bool:
    if not isinstance(payload, dict):
        return False
    if fault.effect == "book_crossed":
        return "bids" in payload or payload.keys() >= {"b", "a", "u"}
    bar = payload.get("k")
    if fault.effect != "kline_gap" or not isinstance(bar, dict):
        return False
    return _is_about(fault, bar["i"], bar["t"])


def _is_about(fault: Fault, interval: str, open_ms: int) -> bool:
    """Returns whether a candle is one of those that a fault is about."""
    ends_ms = first_ms = bin_open(fault.at_ms, interval)
    for _ in range(int(fault.number("bars", 1))):
        ends_ms = bin_close(ends_ms, interval) + 1
    return first_ms <= open_ms < ends_ms


def _told(
    session: Session, fault: Fault, values: Mapping[str, str], rows: list[list[object]]
) -> list[list[object]]:
    """Returns the candles of an answer without, or with other prices for, those of a fault."""
    interval = values["interval"]
    about = [_is_about(fault, interval, int(str(row[0]))) for row in rows]
    if fault.effect == "kline_gap":
        return [row for row, gone in zip(rows, about, strict=True) if not gone]
    rule = next(each for each in session.setup.rules if each.symbol == values["symbol"])
    tick = Decimal(str((rule.filter("PRICE_FILTER") or {"tickSize": "0.01"})["tickSize"]))
    higher = 1 + Decimal(str(fault.settings.get("bps", 100))) / 10_000

    def restated(row: list[object]) -> list[object]:
        prices = [Decimal(str(price)) * higher // tick * tick for price in row[_PRICES]]
        return [row[0], *(f"{price:.8f}" for price in prices), *row[_PRICES.stop :]]

    return [restated(row) if it else row for row, it in zip(rows, about, strict=True)]


def _crossed(payload: object) -> object:
    """Returns a book with its sides exchanged."""
    assert isinstance(payload, dict)
    twins = dict(_SIDES) | {asks: bids for bids, asks in _SIDES}
    return {key: payload[twins.get(key, key)] for key in payload}
