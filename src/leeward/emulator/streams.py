"""Market streams: raw and combined sockets and the messages that control them."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final
from urllib.parse import unquote

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
from leeward.emulator.rejections import Json, Rejection
from leeward.emulator.session import Session

_MOST_STREAMS = 1_024
_MOST_ID = 36
_MOST_MESSAGES = 5  # a second
_COMBINED = "combined"
_UNKNOWN_PROPERTY, _NOT_BOOLEAN, _INVALID, _NOT_JSON = range(4)
_METHODS: Final = (
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "LIST_SUBSCRIPTIONS",
    "SET_PROPERTY",
    "GET_PROPERTY",
)


class ControlError(Exception):
    """Why a control message is refused; `code` is 0 to 3."""

    def __init__(self, code: int, msg: str) -> None:
        super().__init__(msg)
        self.code = code
        self.msg = msg


async def serve_streams(
    session: Session, monotonic_s: Callable[[], float], scope: Scope, receive: Receive, send: Send
) -> None:
    """Serves one socket of `/ws` or `/stream` until it closes."""
    link: SocketLink = scope[LINK]
    await receive()
    await send({"type": "websocket.accept"})
    connection = session.delivery.open("stream", link, client_of(scope))
    names, connection.combined = _named(scope["path"], scope["query_string"].decode("latin-1"))
    connection.microseconds = b"timeunit=microsecond" in scope["query_string"].lower()
    with suppress(Rejection):  # there is no answer in which to refuse the streams of an address
        session.delivery.subscribe_streams(connection, names[:_MOST_STREAMS])
    arrivals: deque[float] = deque(maxlen=_MOST_MESSAGES)
    try:
        while (message := await receive())["type"] == "websocket.receive":
            now_s = monotonic_s()
            if len(arrivals) == _MOST_MESSAGES and now_s - arrivals[0] < 1:
                link.close(1008, "Too many requests")
                break
            arrivals.append(now_s)
            session.pump()
            text = message.get("text")
            if text is None:
                text = bytes(message.get("bytes") or b"").decode("utf-8", "replace")
            link.push(encode(control(session, connection, text)))
    finally:
        session.delivery.forget(connection)


def control(session: Session, connection: Connection, text: str) -> Json:
    """Returns the answer to one control message, after it took effect."""
    try:
        frame = json.loads(text)
    except ValueError as error:
        return {"code": _NOT_JSON, "msg": f"Invalid JSON: {error}"}
    except RecursionError:
        return {"code": _NOT_JSON, "msg": "Invalid JSON: nested too deeply"}
    request_id = frame.get("id") if isinstance(frame, dict) else None
    try:
        result = _obey(session, connection, frame)
    except ControlError as refused:
        answer: Json = {"code": refused.code, "msg": refused.msg}
        if isinstance(request_id, str | int):
            answer["id"] = request_id
        return answer
    return {"result": result, "id": request_id}


def _obey(session: Session, connection: Connection, frame: object) -> object:
    if not isinstance(frame, dict):
        raise ControlError(_INVALID, "Invalid request: request must be an object")
    _check_frame(frame)
    params = frame.get("params")
    match frame["method"]:
        case "SUBSCRIBE":
            names = _stream_names(params)
            if len({*connection.streams, *names}) > _MOST_STREAMS:
                raise ControlError(_INVALID, f"Invalid request: more than {_MOST_STREAMS} streams")
            try:
                session.delivery.subscribe_streams(connection, names)
            except Rejection as refused:
                raise ControlError(_INVALID, refused.msg) from None
            return None
        case "UNSUBSCRIBE":
            for name in _stream_names(params):
                session.delivery.unsubscribe_stream(connection, name)
            return None
        case "LIST_SUBSCRIPTIONS":
            return list(connection.streams)
        case "SET_PROPERTY":
            connection.combined = _property(params)
            return None
    _check_property(params)
    return connection.combined


def _check_frame(frame: Json) -> None:
    unknown = sorted(str(key) for key in frame.keys() - {"method", "params", "id"})
    if unknown:
        raise ControlError(_INVALID, f"Invalid request: unknown field `{unknown[0]}`")
    if "method" not in frame:
        raise ControlError(_INVALID, "Invalid request: missing field `method`")
    if frame["method"] not in _METHODS:
        known = ", ".join(f"`{name}`" for name in _METHODS)
        raise ControlError(
            _INVALID, f"Invalid request: unknown variant `{frame['method']}`, expected {known}"
        )
    request_id = frame.get("id")
    is_text = isinstance(request_id, str) and len(request_id) <= _MOST_ID
    is_number = isinstance(request_id, int) and not isinstance(request_id, bool)
    if request_id is not None and not is_text and not is_number:
        raise ControlError(
            _INVALID, "Invalid request: request ID must be an unsigned integer or a short text"
        )


def _stream_names(params: object) -> list[str]:
    if not isinstance(params, list) or not all(isinstance(name, str) for name in params):
        raise ControlError(_INVALID, "Invalid request: missing field `params`, a list of streams")
    return params


def _check_property(params: object) -> list[object]:
    if not isinstance(params, list) or not params:
        raise ControlError(_INVALID, "Invalid request: missing field `params`")
    if params[0] != _COMBINED:
        raise ControlError(_UNKNOWN_PROPERTY, f"Unknown property: {params[0]}")
    return params


def _property(params: object) -> bool:
    given = _check_property(params)
    value = given[1] if len(given) == 2 else None
    if not isinstance(value, bool):
        raise ControlError(_NOT_BOOLEAN, "Invalid value type: expected Boolean")
    return value


def _named(path: str, query: str) -> tuple[list[str], bool]:
    """Returns the streams of an address, and whether their messages are wrapped."""
    parts = [part for part in path.split("/") if part]
    if parts[:1] == ["stream"] and parts[1:2] != ["ws"]:
        texts = [part.partition("=")[2] for part in query.split("&") if part.startswith("streams=")]
        names = unquote(texts[0]).split("/") if texts else []
        return [name for name in names if name], True
    return [name for name in parts[1:] if "@" in name or name.startswith("!")], False
