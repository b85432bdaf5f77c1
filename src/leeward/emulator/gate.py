"""The way of every request: limits, key, signature, timestamp, operation, log."""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass, field
from typing import Final, Literal

from leeward.emulator.accepted import check_names
from leeward.emulator.operations import Call, Operation
from leeward.emulator.rejections import Json, Rejection, mandatory
from leeward.emulator.requests import Emitted
from leeward.emulator.rest_parameters import MICROSECONDS_FROM, Parameters
from leeward.emulator.session import Session
from leeward.emulator.signatures import Key, bad_signature, find_key, not_permitted

_WINDOW: Final = re.compile(r"^[0-9]{1,20}(\.[0-9]{1,3})?$")
_DEFAULT_WINDOW_MS = 5_000.0
_LONGEST_WINDOW_MS = 60_000.0
_BUG: Final = Rejection(
    -1000, "An unknown error occurred while processing the request.", http_status=500
)


@dataclass(slots=True)
class Asked:
    """A request as it arrived. `payload` is what its signature covers; `logged_on` is the key of a
    WebSocket session that needs no signature."""

    operation: Operation
    parameters: Parameters
    source: Literal["rest", "ws"]
    address: str
    api_key: str | None = None
    signature: str | None = None
    payload: bytes = b""
    logged_on: Key | None = None

    def facts(self, account: str) -> dict[str, str]:
        """Returns what a request fault can match."""
        values = self.parameters.values
        return {
            "source": self.source,
            "route": self.operation.route or "",
            "method": self.operation.method or "",
            "symbol": values.get("symbol", ""),
            "client_id": values.get("newClientOrderId", values.get("origClientOrderId", "")),
            "account": account,
            "side": values.get("side", ""),
            "type": values.get("type", ""),
        }


@dataclass(slots=True)
class Answer:
    """What goes back: a JSON body with its status. `events` are user events that leave after it;
    `order` says that it is a successful order call; `key` is who asked."""

    status: int
    body: object
    events: list[Emitted] = field(default_factory=list)
    order: bool = False
    key: Key | None = None
    retry_at_ms: int | None = None
    #: Replaces the JSON text, where a fault garbles it; so does a claim to be compressed.
    text: bytes | None = None
    claims_gzip: bool = False
    content_type: str = "application/json;charset=UTF-8"


class Gate:
    """Lets requests through to the exchange, one at a time."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def process(self, asked: Asked, *, hold_events: bool | None = None) -> Answer:
        """Returns the answer of a request. User events it caused have been sent, or are in
        `Answer.events`: a coin decides, unless `hold_events` does."""
        session = self.session
        answer = self._outcome(asked)
        events = session.collect()
        if hold_events is None:
            hold_events = bool(events) and session.setup.race and session.board.coin()
        if hold_events:
            answer.events = events
        else:
            session.delivery.carry(events)
        return answer

    def refusal(self, asked: Asked, rejection: Rejection, fault: str | None = None) -> Answer:
        """Returns the answer of a refused request, and records it."""
        data = rejection.data or {}
        retry = data.get("retryAfter")
        self._record(asked, rejection.http_status, rejection.code, None, fault)
        return Answer(
            rejection.http_status,
            rejection.body(),
            retry_at_ms=retry if isinstance(retry, int) else None,
        )

    def _outcome(self, asked: Asked) -> Answer:
        session = self.session
        limits = session.address(asked.address)
        now_ms = session.now_ms
        key: Key | None = None
        try:
            weight = asked.operation.weight(asked.parameters)
        except Rejection as malformed:
            limits.weight.add(now_ms, 1)
            return self.refusal(asked, malformed)
        over = limits.check(now_ms, weight)
        if over is not None:
            return self.refusal(asked, over)
        try:
            key = self._authenticate(asked)
            body = self._execute(asked, key)
        except Rejection as refused:
            limits.weight.add(now_ms, weight)
            return self.refusal(asked, refused)
        except Exception:  # noqa: BLE001 - the outer loop of a server: a bug must not end it
            session.failures.append(traceback.format_exc())
            return self.refusal(asked, _BUG)
        if not asked.operation.free:
            limits.weight.add(now_ms, weight)
        self._record(asked, 200, None, key, None)
        return Answer(200, body, order=asked.operation.orders > 0, key=key)

    def _execute(self, asked: Asked, key: Key | None) -> object:
        session, operation = self.session, asked.operation
        check_names(operation, asked.parameters.values, asked.source)
        account = "" if key is None else key.account
        limit = None
        windows = session.counts.windows(account) if key is not None else []
        if operation.orders:
            limit = session.counts.check(account, session.now_ms)
            if limit is not None and not operation.replaces:
                raise limit
        off_us = session.clock.off_us(session.exchange.time_us)
        call = Call(session.exchange, asked.parameters, account, key, windows, limit, off_us)
        try:
            body = operation.answer(call)
        except Rejection as refused:
            if operation.replaces and refused.code in {-2021, -2022}:
                session.counts.placed(account, session.now_ms, operation.orders)
            raise
        if operation.orders:
            session.counts.placed(account, session.now_ms, operation.orders)
        return body

    def _authenticate(self, asked: Asked) -> Key | None:
        if asked.operation.security == "NONE":
            return None
        unsigned = asked.logged_on is not None and asked.api_key is None
        key = asked.logged_on if unsigned else find_key(self.session.keys, asked.api_key)
        if key is None or key.revoked:
            raise not_permitted()
        if not unsigned and not asked.signature:
            raise mandatory("signature")
        self._check_time(asked.parameters)
        if not unsigned and not key.signed(asked.payload, asked.signature or ""):
            raise bad_signature()
        needed = {
            "TRADE": "enableSpotAndMarginTrading",
            "USER_DATA": "enableReading",
        }[asked.operation.security]
        if not key.rights[needed]:
            raise not_permitted()
        return key

    def _check_time(self, read: Parameters) -> None:
        timestamp = read.integer("timestamp") if read.required("timestamp") else None
        if timestamp is None:
            raise mandatory("timestamp")
        window = _DEFAULT_WINDOW_MS
        text = read.text("recvWindow")
        if text is not None:
            if not _WINDOW.match(text):
                raise Rejection(
                    -1100,
                    "Illegal characters found in parameter 'recvWindow'; "
                    f"legal range is '{_WINDOW.pattern}'.",
                )
            window = float(text)
        if window > _LONGEST_WINDOW_MS:
            raise Rejection(-1131, "recvWindow must be less than 60000.")
        sent_ms = timestamp / 1000 if timestamp >= MICROSECONDS_FROM else float(timestamp)
        refused = self.session.clock.refuse(self.session.exchange.time_us, sent_ms, window)
        if refused is not None:
            raise refused

    def _record(
        self, asked: Asked, status: int, code: int | None, key: Key | None, fault: str | None
    ) -> None:
        entry: Json = {
            "source": asked.source,
            "operation": asked.operation.name,
            "account": None if key is None else key.account,
            "parameters": {
                name: value
                for name, value in asked.parameters.values.items()
                if name != "signature"
            },
            "status": status,
            "code": code,
        }
        if code == bad_signature().code:
            entry["signed_payload"] = asked.payload.decode("utf-8", "replace")
        if fault is not None:
            entry["fault"] = fault
        self.session.record(entry)
