"""The REST interface: routes, headers and bodies."""

from __future__ import annotations

import gzip
import math
import uuid
from typing import Final

from leeward.emulator.answers import NoAnswer, answer, gateway, plain_body
from leeward.emulator.catalogue import BY_ROUTE
from leeward.emulator.connections import LINK, HttpLink, Receive, Scope, Send, client_of
from leeward.emulator.delivery import encode
from leeward.emulator.gate import Answer, Asked, Gate
from leeward.emulator.operations import Operation
from leeward.emulator.rejections import Rejection
from leeward.emulator.rest_parameters import Parameters, read_query
from leeward.emulator.signatures import rest_payload
from leeward.emulator.time_unit import in_microseconds

_LISTEN_KEYS: Final = "/api/v3/userDataStream"
_GONE: Final = Rejection(
    -1000,
    "This endpoint has been retired; subscribe to user data through the WebSocket API.",
    http_status=410,
)
_TIME_UNIT: Final = Rejection(-1194, "Invalid value for time unit.")
_NOT_ACCEPTABLE: Final = Rejection(-1155, "SBE is not enabled.", 406)
_MOST_BODY = 1 << 20
#: Shorter bodies are not worth compressing.
_LEAST_GZIP = 1_400


class Rest:
    """The application of the REST port."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        link: HttpLink = scope[LINK]
        headers = dict(scope["headers"])
        body = await _read_body(receive)
        if body is None:
            return
        outcome = await self._answer(scope, headers, body)
        if outcome is NoAnswer.RESET:
            link.reset()
            return
        if outcome is NoAnswer.SILENCE:
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        assert isinstance(outcome, Answer)
        await self._send(scope, headers, outcome, send)
        if outcome.events:
            self.gate.session.delivery.carry(outcome.events)

    async def _answer(
        self, scope: Scope, headers: dict[bytes, bytes], body: bytes
    ) -> Answer | NoAnswer:
        path: str = scope["path"]
        if path.startswith(_LISTEN_KEYS):
            return Answer(_GONE.http_status, _GONE.body())
        operation = BY_ROUTE.get(f"{scope['method']} {path}")
        if operation is None:
            return gateway(404)
        refused = _unacceptable(headers)
        if refused is not None:
            return Answer(refused.http_status, refused.body())
        try:
            parameters = read_query(scope["query_string"], body)
        except Rejection as malformed:
            asked = self._asked(operation, Parameters({}), scope, headers)
            return self.gate.refusal(asked, malformed)
        asked = self._asked(operation, parameters, scope, headers)
        if operation.security != "NONE":
            asked.payload, asked.signature = rest_payload(scope["query_string"], body)
        return await answer(self.gate, asked)

    def _asked(
        self,
        operation: Operation,
        parameters: Parameters,
        scope: Scope,
        headers: dict[bytes, bytes],
    ) -> Asked:
        key = headers.get(b"x-mbx-apikey")
        return Asked(
            operation,
            parameters,
            "rest",
            client_of(scope),
            None if key is None else key.decode("latin-1"),
        )

    async def _send(
        self, scope: Scope, headers: dict[bytes, bytes], outcome: Answer, send: Send
    ) -> None:
        text = outcome.text
        if text is None:
            body = plain_body(outcome)
            micro = headers.get(b"x-mbx-time-unit", b"").upper() == b"MICROSECOND"
            text = encode(in_microseconds(body) if micro else body)
        sent = self._headers(scope, outcome)
        if outcome.claims_gzip:
            sent.append((b"content-encoding", b"gzip"))
        elif len(text) > _LEAST_GZIP and b"gzip" in headers.get(b"accept-encoding", b""):
            text = gzip.compress(text, compresslevel=1, mtime=0)
            sent.append((b"content-encoding", b"gzip"))
        sent.append((b"content-length", str(len(text)).encode()))
        start = {"type": "http.response.start", "status": outcome.status, "headers": sent}
        await send(start)
        await send({"type": "http.response.body", "body": text})

    def _headers(self, scope: Scope, outcome: Answer) -> list[tuple[bytes, bytes]]:
        session = self.gate.session
        now_ms = session.now_ms
        used = str(session.address(client_of(scope)).weight.at(now_ms)).encode()
        headers = [
            (b"content-type", outcome.content_type.encode()),
            (b"x-mbx-uuid", str(uuid.uuid4()).encode()),
            (b"x-mbx-used-weight", used),
            (b"x-mbx-used-weight-1m", used),
        ]
        if outcome.order and outcome.key is not None:
            windows = session.counts.windows(outcome.key.account)
            for name, window in zip((b"10s", b"1d"), windows, strict=True):
                count = str(window.at(now_ms)).encode()
                headers.append((b"x-mbx-order-count-" + name, count))
        if outcome.retry_at_ms is not None:
            seconds = max(1, math.ceil((outcome.retry_at_ms - now_ms) / 1000))
            headers.append((b"retry-after", str(seconds).encode()))
        return headers


def _unacceptable(headers: dict[bytes, bytes]) -> Rejection | None:
    unit = headers.get(b"x-mbx-time-unit")
    if unit is not None and unit.upper() not in {b"MILLISECOND", b"MICROSECOND"}:
        return _TIME_UNIT
    if headers.get(b"accept", b"").strip() == b"application/sbe":
        return _NOT_ACCEPTABLE
    return None


async def _read_body(receive: Receive) -> bytes | None:
    """Returns the body, cut where it has no end; None where the client is gone."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += bytes(message.get("body", b""))
        if not message.get("more_body", False) or len(body) > _MOST_BODY:
            return body
