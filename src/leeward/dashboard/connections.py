"""Connections that may not dawdle: uvicorn alone waits for ever for a request that never ends."""

from __future__ import annotations

import asyncio
from typing import Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

#: How long the head of a request may take, counted from the connection or the last answer.
PATIENCE_S: Final = 10.0
MOST_CONNECTIONS: Final = 192
MOST_HEAD_BYTES: Final = 16 * 1024
_ANSWERING: Final = h11.SEND_RESPONSE, h11.SEND_BODY


class Connection(H11Protocol):
    """Ends where no whole request comes in time. Beyond so many, the one that has been silent for
    longest makes room: who opens connections and says nothing keeps nobody out."""

    #: What ends it, while a request is waited for.
    late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as there
        super().connection_made(transport)
        self._expect()
        if len(self.connections) > MOST_CONNECTIONS:
            waiting = {
                each: each.late.when()
                for each in self.connections
                if isinstance(each, Connection) and each.late is not None
            }
            min(waiting, key=lambda each: waiting[each]).leave()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cease()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        super().handle_events()
        if self.conn.our_state in _ANSWERING:
            self._cease()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._cease()
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.conn.our_state not in _ANSWERING:  # else the next one came with it
            self._expect()

    def _expect(self) -> None:
        self._cease()
        self.late = self.loop.call_later(PATIENCE_S, self.leave)

    def _cease(self) -> None:
        if self.late is not None:
            self.late.cancel()
            self.late = None

    def leave(self) -> None:
        """Ends it without a word."""
        self._cease()
        self.connections.discard(self)
        self.transport.abort()
