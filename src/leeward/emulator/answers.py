"""Answers under the request faults: lost, late, refused, garbled or stale."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import Enum
from typing import Final

from leeward.emulator.clock import outside_window
from leeward.emulator.delivery import encode
from leeward.emulator.faults import MARKET_FAULTS, REQUEST_FAULTS, Fault
from leeward.emulator.gate import Answer, Asked, Gate
from leeward.emulator.limits import banned, too_many_orders, too_much_weight
from leeward.emulator.market_faults import KLINES, changed_answer
from leeward.emulator.rejections import Json, Rejection, refused
from leeward.emulator.signatures import bad_signature, not_permitted

UNKNOWN_1006 = "An unexpected response was received from the message bus. Execution status unknown."
UNKNOWN_1007 = (
    "Timeout waiting for response from backend server. Send status unknown; "
    "execution status unknown."
)
BUSY_1008 = "Server is currently overloaded with other requests. Please try again in a few minutes."
GATEWAY: Final = (
    "<html>\r\n<head><title>{status} {reason}</title></head>\r\n<body>\r\n"
    "<center><h1>{status} {reason}</h1></center>\r\n</body>\r\n</html>\r\n"
)
_REASONS: Final = {
    403: "Forbidden",
    404: "Not Found",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Time-out",
}
_COIN: Final = ("timeout_unknown", "unknown_1006")
#: Order queries whose answers can lag behind, and the fields that date them.
_QUERIES: Final = ("order.status", "openOrders.status", "allOrders", "myTrades")
_DATES: Final = ("updateTime", "time")


class NoAnswer(Enum):
    """Why nothing goes back."""

    RESET = "the connection is cut"
    SILENCE = "the request is never answered"


#: How requests end under the faults that need no setting.
_FIXED: Final[dict[str, Rejection | NoAnswer]] = {
    "reset_before": NoAnswer.RESET,
    "reset_after": NoAnswer.RESET,
    "no_answer": NoAnswer.SILENCE,
    "timeout_unknown": Rejection(-1007, UNKNOWN_1007, 504),
    "unknown_1006": Rejection(-1006, UNKNOWN_1006, 500),
    "internal_1001": Rejection(-1001, "Internal error; unable to process your request.", 500),
    "busy_1008": Rejection(-1008, BUSY_1008, 503),
    "bad_signature": bad_signature(),
    "key_refused": not_permitted(),
    "trade_disabled": refused("This action is disabled on this account."),
}


async def answer(gate: Gate, asked: Asked) -> Answer | NoAnswer:
    """Returns the answer of a request, after the faults that strike it have had their way."""
    session = gate.session
    session.pump()
    if session.exchange.time_us < session.unavailable_until_us:
        return gateway(503)
    if not session.board.has(REQUEST_FAULTS):
        return _processed(gate, asked)
    struck = list(session.board.striking(REQUEST_FAULTS, session.now_ms, _facts(gate, asked)))
    for fault in struck:
        session.exchange.note(f"fault {fault.id} {fault.effect} {asked.operation.name}")
    for fault in struck:
        if fault.effect == "stall" or (fault.effect == "latency" and fault.settings.get("before")):
            await asyncio.sleep(fault.number("ms", 1000) / 1000)
            session.pump()
    outcome = _ended(gate, asked, struck)
    if outcome is None:
        outcome = _changed(gate, _processed(gate, asked, struck), asked, struck)
    for fault in struck:
        if fault.effect == "jitter":
            await asyncio.sleep(session.board.share() * fault.number("ms", 1000) / 1000)
        if fault.effect == "latency" and not fault.settings.get("before"):
            await asyncio.sleep(fault.number("ms", 1000) / 1000)
    return outcome


def _processed(gate: Gate, asked: Asked, struck: Sequence[Fault] = ()) -> Answer:
    """Returns the answer of the exchange, as the faults of its market data tell it."""
    if any(fault.effect == "duplicate_accept" for fault in struck):
        gate.process(asked, hold_events=False)
    answer = gate.process(asked)
    if answer.status == 200 and gate.session.board.has(MARKET_FAULTS):
        answer.body = changed_answer(gate.session, asked, _facts(gate, asked), answer.body)
    return answer


def gateway(status: int) -> Answer:
    """Returns a gateway's page, which is not JSON."""
    page = GATEWAY.format(status=status, reason=_REASONS.get(status, "Error"))
    return Answer(status, None, text=page.encode(), content_type="text/html")


def _facts(gate: Gate, asked: Asked) -> dict[str, str]:
    key = gate.session.keys.get(asked.api_key or "") or asked.logged_on
    return asked.facts("" if key is None else key.account)


def _ended(gate: Gate, asked: Asked, struck: Sequence[Fault]) -> Answer | NoAnswer | None:
    """Returns how the first fault that ends a request ends it; None where it goes on."""
    for fault in struck:
        ending = _ending(gate, asked, fault)
        if ending is None:
            continue
        executed = fault.settings.get("executed", fault.effect in {"reset_after", "no_answer"})
        if fault.effect in _COIN and "executed" not in fault.settings:
            executed = gate.session.board.coin()
        if executed:
            gate.process(asked, hold_events=False)
        if isinstance(ending, Rejection):
            return gate.refusal(asked, ending, fault.id)
        return ending
    return None


def _ending(gate: Gate, asked: Asked, fault: Fault) -> Rejection | Answer | NoAnswer | None:
    session = gate.session
    now_ms = session.now_ms
    match fault.effect:
        case "http_5xx":
            return gateway(int(fault.number("status", 502)))
        case "waf_403":
            return gateway(403)
        case "rate_429":
            until = now_ms + int(fault.number("seconds", 5) * 1000)
            return too_much_weight(now_ms, until, session.address(asked.address).weight.limit)
        case "ban_418":
            until = now_ms + int(fault.number("seconds", 120) * 1000)
            session.address(asked.address).banned_until_ms = until
            return banned(now_ms, until)
        case "orders_1015":
            return too_many_orders(session.counts.windows("")[0], now_ms)
        case "timestamp_1021":
            return outside_window(early=bool(fault.settings.get("early")))
        case "refuse":
            code = int(fault.number("code", -1000))
            text = fault.text("msg", "An unknown error occurred while processing the request.")
            return Rejection(code, text, int(fault.number("status", 400)))
    return _FIXED.get(fault.effect)


def _changed(gate: Gate, answer: Answer, asked: Asked, struck: Sequence[Fault]) -> Answer:
    """Returns the answer with the faults that change what it shows."""
    for fault in struck:
        match fault.effect:
            case "bad_json":
                answer.text = encode(answer.body).replace(b'"', b"", 3) + b"}}"
            case "truncated":
                whole = encode(answer.body)
                answer.text = whole[: len(whole) // 2]
            case "gzip_broken":
                answer.claims_gzip = True
            case "wrong_type":
                answer.body = _mistyped(answer.body)
            case "zero_balance":
                answer.body = _emptied(answer.body)
            case "stale_account" if isinstance(answer.body, dict) and "balances" in answer.body:
                whose = _facts(gate, asked).get("account", "")
                first = fault.shown.setdefault(whose, answer.body["balances"])
                answer.body = {**answer.body, "balances": first}
            case "stale_klines" if asked.operation.name in KLINES and answer.status == 200:
                assert isinstance(answer.body, list)
                answer.body = answer.body[: -int(fault.number("bars", 1))]
            case "not_found_lag" if asked.operation.name in _QUERIES and answer.status == 200:
                since_ms = gate.session.now_ms - fault.number("ms", 1000)
                answer = _lagging(answer, since_ms)
    return answer


def _lagging(answer: Answer, since_ms: float) -> Answer:
    if isinstance(answer.body, list):
        answer.body = [each for each in answer.body if _date(each) < since_ms]
    elif _date(answer.body) >= since_ms:
        missing = Rejection(-2013, "Order does not exist.")
        return Answer(missing.http_status, missing.body(), answer.events)
    return answer


def _date(order: object) -> float:
    found = order if isinstance(order, dict) else {}
    for name in _DATES:
        if isinstance(value := found.get(name), int):
            return value
    return 0.0


def _emptied(body: object) -> object:
    if not isinstance(body, dict) or "balances" not in body:
        return body
    zero = "0.00000000"
    balances = [{**each, "free": zero, "locked": zero} for each in body["balances"]]
    return {**body, "balances": balances}


def _mistyped(body: object) -> object:
    """Returns texts as numbers and numbers as texts."""
    if isinstance(body, dict):
        return {key: _mistyped(value) for key, value in body.items()}
    if isinstance(body, list):
        return [_mistyped(each) for each in body]
    if isinstance(body, str):
        return {"value": body}
    return str(body)


def plain_body(answer: Answer) -> object:
    """Returns the body as REST shows it: the times of a limit's refusal are headers there."""
    if answer.retry_at_ms is None or not isinstance(answer.body, dict):
        return answer.body
    shown: Json = {key: value for key, value in answer.body.items() if key != "data"}
    return shown
