"""The WebSocket API: requests, sessions and user data subscriptions on one socket."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs

from leeward.emulator.answers import NoAnswer, answer
from leeward.emulator.catalogue import BY_METHOD
from leeward.emulator.connections import (
    LINK,
    Connection,
    Receive,
    Scope,
    Send,
    SocketLink,
    client_of,
)
from leeward.emulator.delivery import encode
from leeward.emulator.faults import REQUEST_FAULTS
from leeward.emulator.gate import Answer, Asked, Gate
from leeward.emulator.operations import Call, Operation, costs
from leeward.emulator.rejections import Json, Rejection
from leeward.emulator.rest_parameters import Parameters, read_frame
from leeward.emulator.signatures import Key, bad_signature, frame_payload, not_permitted
from leeward.emulator.time_unit import in_microseconds

_ID: Final = re.compile(r"^[a-zA-Z0-9-_]{1,36}$")
_CONNECT_WEIGHT = 2
_NOT_LOGGED_ON: Final = Rejection(-1002, "You are not authorized to execute this request.", 401)
_NO_SUBSCRIPTION: Final = Rejection(-2036, "User Data Stream subscription not active.")


class ApiSocket:
    """One connection of the WebSocket API: its session and what it does with requests."""

    def __init__(self, gate: Gate, connection: Connection, query: Mapping[str, list[str]]) -> None:
        self.gate = gate
        self.connection = connection
        self.key: Key | None = None
        self.authorized_ms: int | None = None
        self.return_limits = query.get("returnRateLimits", ["true"])[-1].lower() != "false"
        self.tasks: set[asyncio.Task[None]] = set()
        weight = costs(_CONNECT_WEIGHT)
        self.methods = {
            **BY_METHOD,
            **{
                each.name: each
                for each in (
                    Operation(None, "session.logon", "USER_DATA", weight, self._logon),
                    Operation(None, "session.status", "NONE", weight, self._status),
                    Operation(None, "session.logout", "NONE", weight, self._logout),
                    Operation(None, "session.subscriptions", "NONE", weight, self._subscriptions),
                    Operation(None, "userDataStream.subscribe", "NONE", weight, self._subscribe),
                    Operation(
                        None, "userDataStream.subscribe.signature", "USER_DATA", weight,
                        self._subscribe_signed,
                    ),
                    Operation(
                        None, "userDataStream.unsubscribe", "NONE", weight, self._unsubscribe
                    ),
                )
            },
        }  # fmt: skip

    async def hear(self, text: str) -> None:
        """Answers one frame; where faults may delay it, the next frame need not wait."""
        try:
            frame = json.loads(text, parse_float=str)
        except (ValueError, RecursionError):
            self._refuse(None, Rejection(-1135, "Invalid JSON Request"))
            return
        request_id = frame.get("id") if isinstance(frame, dict) else None
        try:
            asked, limits = self._asked(frame)
        except Rejection as malformed:
            self._refuse(request_id if _is_id(request_id) else None, malformed)
            return
        if self.gate.session.board.has(REQUEST_FAULTS):
            task = asyncio.create_task(self._answer(request_id, asked, limits=limits))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        else:
            await self._answer(request_id, asked, limits=limits)

    def _asked(self, frame: object) -> tuple[Asked, bool]:
        """Returns the request of a frame, and whether its answer shows the rate limits."""
        if not isinstance(frame, dict):
            raise Rejection(-1135, "Invalid JSON Request")
        if not _is_id(frame.get("id")):
            raise Rejection(
                -1100,
                f"Illegal characters found in parameter 'id'; legal range is '{_ID.pattern}'.",
            )
        method, params = frame.get("method"), frame.get("params")
        if not isinstance(method, str):
            raise Rejection(
                -1102, "Mandatory parameter 'method' was not sent, was empty/null, or malformed."
            )
        operation = self.methods.get(method.removeprefix("v3/"))
        if operation is None:
            raise Rejection(-1130, "Data sent for parameter 'method' is not valid.")
        if params is not None and not isinstance(params, dict):
            raise Rejection(-1135, "Invalid JSON Request; 'params' must be an object.")
        parameters = read_frame(params or {})
        limits = self.return_limits
        if "returnRateLimits" in parameters:
            limits = parameters.flag("returnRateLimits", default=True)
        values = parameters.values
        asked = Asked(
            operation, parameters, "ws", self.connection.address, values.get("apiKey"),
            values.get("signature"), frame_payload(values), self.key,
        )  # fmt: skip
        return asked, limits

    async def _answer(self, request_id: object, asked: Asked, *, limits: bool) -> None:
        outcome = await answer(self.gate, asked)
        link = self.connection.link
        if outcome is NoAnswer.RESET:
            link.reset()
        if not isinstance(outcome, Answer):
            return
        link.push(self._text(request_id, outcome, limits=limits))
        if outcome.events:
            self.gate.session.delivery.carry(outcome.events)
        await self._after(asked)

    def _text(self, request_id: object, outcome: Answer, *, limits: bool) -> bytes:
        if outcome.text is not None and outcome.body is None:
            return b'{"id":%b,"status":%d,"error":{"code":-1000,"msg":"Gateway"}}' % (
                encode(request_id),
                outcome.status,
            )
        if outcome.text is not None:
            return outcome.text
        message: Json = {"id": request_id, "status": outcome.status}
        if outcome.status < 400:
            micro = self.connection.microseconds
            message["result"] = in_microseconds(outcome.body) if micro else outcome.body
        else:
            message["error"] = outcome.body
        if limits:
            message["rateLimits"] = self._limits(outcome)
        return encode(message)

    def _limits(self, outcome: Answer) -> list[Json]:
        session = self.gate.session
        windows = [session.address(self.connection.address).weight]
        if outcome.order and outcome.key is not None:
            windows = [*session.counts.windows(outcome.key.account), *windows]
        return [window.json(session.now_ms) for window in windows]

    def _refuse(self, request_id: object, refused: Rejection) -> None:
        session = self.gate.session
        session.address(self.connection.address).weight.add(session.now_ms, 1)
        answered = Answer(refused.http_status, refused.body())
        self.connection.link.push(self._text(request_id, answered, limits=self.return_limits))

    async def _after(self, asked: Asked) -> None:
        """Says what follows an answer: ended subscriptions, a key that stopped working."""
        delivery = self.gate.session.delivery
        if asked.operation.method == "userDataStream.unsubscribe":
            for subscription in self._chosen(asked.parameters):
                delivery.terminate_user_stream(self.connection, subscription)
        if asked.operation.method == "session.logout":
            logon = self.connection.from_logon
            if logon is not None:
                delivery.terminate_user_stream(self.connection, logon)
        if self.key is not None and self.key.revoked:
            self.key, self.authorized_ms = None, None
            refused = not_permitted()
            unsolicited = {"id": None, "status": 401, "error": refused.body()}
            self.connection.link.push(encode(unsolicited))

    def _logon(self, call: Call) -> Json:
        if call.key is None or call.key.kind != "ED25519":
            raise bad_signature()
        self.key, self.authorized_ms = call.key, call.now_ms
        return self._status(call)

    def _status(self, call: Call) -> Json:
        return {
            "apiKey": None if self.key is None else self.key.api_key,
            "authorizedSince": self.authorized_ms,
            "connectedSince": self.connection.opened_us // 1000,
            "returnRateLimits": self.return_limits,
            "serverTime": call.told_ms,
            "userDataStream": bool(self.connection.subscriptions),
        }

    def _logout(self, call: Call) -> Json:
        self.key, self.authorized_ms = None, None
        return self._status(call)

    def _subscriptions(self, _: Call) -> list[Json]:
        return [{"subscriptionId": each} for each in self.connection.subscriptions]

    def _subscribe(self, _: Call) -> Json:
        if self.key is None:
            raise _NOT_LOGGED_ON
        delivery = self.gate.session.delivery
        found = delivery.start_user_stream(self.connection, self.key.account)
        self.connection.from_logon = found
        return {"subscriptionId": found}

    def _subscribe_signed(self, call: Call) -> Json:
        delivery = self.gate.session.delivery
        return {"subscriptionId": delivery.start_user_stream(self.connection, call.account)}

    def _unsubscribe(self, call: Call) -> Json:
        if not self._chosen(call.parameters):
            raise _NO_SUBSCRIPTION
        return {}

    def _chosen(self, read: Parameters) -> list[int]:
        """Returns the open subscriptions that a request names; all where it names none."""
        wanted = read.integer("subscriptionId")
        found = self.connection.subscriptions
        return [each for each in found if wanted in {None, each}]


async def serve_websocket_api(gate: Gate, scope: Scope, receive: Receive, send: Send) -> None:
    """Serves one socket of `/ws-api/v3` until it closes."""
    link: SocketLink = scope[LINK]
    await receive()
    await send({"type": "websocket.accept"})
    session = gate.session
    session.pump()
    connection = session.delivery.open("ws_api", link, client_of(scope))
    session.address(connection.address).weight.add(session.now_ms, _CONNECT_WEIGHT)
    query = parse_qs(scope["query_string"].decode("latin-1"))
    connection.microseconds = query.get("timeUnit", [""])[-1].upper() == "MICROSECOND"
    api = ApiSocket(gate, connection, query)
    try:
        while (message := await receive())["type"] == "websocket.receive":
            text = message.get("text")
            if text is None:
                text = bytes(message.get("bytes") or b"").decode("utf-8", "replace")
            await api.hear(text)
    finally:
        session.delivery.forget(connection)
        for task in list(api.tasks):
            task.cancel()


def _is_id(value: object) -> bool:
    if isinstance(value, str):
        return _ID.match(value) is not None
    return value is None or (isinstance(value, int) and not isinstance(value, bool))
