"""Sockets of clients: what uvicorn's protocols lack for a server that misbehaves on command."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

#: The key of a scope under which an application finds the protocol that carries it.
LINK = "leeward.link"
#: More bytes waiting than this, and a slow consumer is cut.
_MOST_WAITING = 16 * 2**20


class HttpLink(H11Protocol):
    """An HTTP connection that can be reset in the middle of a request."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.app = _carried(self.app, self)

    def reset(self) -> None:
        """Cuts the connection with a TCP reset."""
        _reset(self.transport)


class SocketLink(WebSocketsSansIOProtocol):
    """A WebSocket that is written to at once, and can be reset, closed or left half open."""

    half_open = False
    without_pong = False
    #: What a slow socket brings in a second of our time; 0 for one that is not.
    bytes_s = 0.0
    _trickles: asyncio.TimerHandle | None = None

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.app = _carried(self.app, self)
        self._held: deque[bytes] = deque()
        self._held_bytes = 0

    def push(self, text: bytes) -> None:
        """Sends a text frame now, in its turn where the socket is slow; drops it where the socket
        is closing; cuts a slow reader."""
        if self.close_sent or self.half_open or self.transport.is_closing():
            return
        if self.bytes_s or self._held:
            self._held.append(text)
            self._held_bytes += len(text)
        else:
            self._push(text)
        if self.waiting > _MOST_WAITING:
            self.reset()

    def slow_down(self, bytes_s: float) -> None:
        """Brings so many bytes a second from now on; with 0 all that waits, and no longer slow."""
        was_slow, self.bytes_s = self.bytes_s > 0, bytes_s
        if not bytes_s:
            if self._trickles is not None:
                self._trickles.cancel()
            while self._held:
                self._push_held()
        elif not was_slow:
            self._trickles = self.loop.call_later(1 / bytes_s, self._trickle)

    def _trickle(self) -> None:
        """Sends the oldest frame that waits, and the next one when this one would have arrived."""
        sent = self._push_held() if self._held else 1
        if not self.transport.is_closing():
            self._trickles = self.loop.call_later(sent / self.bytes_s, self._trickle)

    def _push_held(self) -> int:
        text = self._held.popleft()
        self._held_bytes -= len(text)
        if not (self.close_sent or self.half_open or self.transport.is_closing()):
            self._push(text)
        return len(text)

    def _push(self, text: bytes) -> None:
        self.conn.send_text(text)
        self.transport.write(b"".join(self.conn.data_to_send()))

    def handle_ping(self) -> None:
        """Answers a ping, unless it was told not to."""
        if self.without_pong:
            self.conn.data_to_send()
        else:
            super().handle_ping()

    @property
    def waiting(self) -> int:
        """Bytes that the client has not taken yet."""
        return self.transport.get_write_buffer_size() + self._held_bytes

    async def refuse(self, send: Send, status: int) -> None:
        """Answers the handshake with an HTTP status instead."""
        await send({"type": "websocket.http.response.start", "status": status, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b""})
        self.handshake_complete = True  # uvicorn else complains that it was forgotten

    def reset(self) -> None:
        """Cuts the connection with a TCP reset."""
        _reset(self.transport)

    def close(self, code: int, reason: str) -> None:
        """Closes the connection as the protocol has it."""
        if self.close_sent or self.transport.is_closing():
            return
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.close_sent = True
        self.loop.call_later(1.0, self.transport.close)

    def keepalive_timeout(self) -> None:
        """Cuts a client that answered no ping; closing would wait for it to read."""
        self.pong_timer = None
        self.reset()

    def leave_half_open(self) -> None:
        """Sends nothing any more, not even pongs; the connection stays."""
        self.half_open = True
        self.stop_keepalive()
        self.transport.pause_reading()


def _carried(app: Any, link: object) -> Any:  # noqa: ANN401 - any callable that uvicorn takes
    async def carried(scope: Scope, receive: Receive, send: Send) -> None:
        scope[LINK] = link
        await app(scope, receive, send)

    return carried


def client_of(scope: Scope) -> str:
    """Returns the address that a connection comes from."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def _reset(transport: asyncio.Transport) -> None:
    raw = transport.get_extra_info("socket")
    if raw is not None and raw.fileno() >= 0:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


@dataclass(slots=True, eq=False)
class Connection:
    """One open socket: who, since when (exchange's time), and what it listens to.

    `subscriptions` are accounts by subscription id; `from_logon` is the one that ends with the
    session; `microseconds` and `combined` are how it wants its messages.
    """

    id: int
    kind: Literal["stream", "ws_api"]
    link: SocketLink
    address: str
    opened_us: int
    microseconds: bool = False
    combined: bool = False
    streams: dict[str, None] = field(default_factory=dict)
    subscriptions: dict[int, str] = field(default_factory=dict)
    from_logon: int | None = None
    subscribed: int = 0

    def json(self) -> dict[str, object]:
        """Returns the connection as `/sim/connections` shows it."""
        return {
            "id": self.id,
            "kind": self.kind,
            "address": self.address,
            "opened": self.opened_us // 1000,
            "combined": self.combined,
            "streams": list(self.streams),
            "subscriptions": {str(key): value for key, value in self.subscriptions.items()},
            "half_open": self.link.half_open,
            "waiting_bytes": self.link.waiting,
        }
