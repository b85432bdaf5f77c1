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
    """Ends where no head of a request comes in time, and no part of an answer is taken. Beyond so
    many, the one that was waited for longest makes room: who dawdles keeps nobody out."""

    #: Since when its caller is waited for: to ask, to end a body, or to take an answer.
    since_s: float | None = None
    _late: asyncio.TimerHandle | None = None
    _unsent = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as there
        super().connection_made(transport)
        self._expect()
        if len(self.connections) > MOST_CONNECTIONS:
            waiting = {
                each: each.since_s
                for each in self.connections
                if isinstance(each, Connection) and each.since_s is not None
            }
            min(waiting, key=lambda each: waiting[each]).leave()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cease()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        super().handle_events()
        if self.conn.our_state in _ANSWERING and not self.flow.write_paused:
            since_s = self.since_s
            self._cease()
            if self.conn.their_state is h11.SEND_BODY:  # which the guard ends where it dawdles
                self.since_s = since_s

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._cease()
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.conn.our_state not in _ANSWERING:  # else the next one came with it
            self._expect()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._expect()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.conn.our_state in _ANSWERING:
            self._cease()

    def _expect(self) -> None:
        self._cease()
        self.since_s, self._unsent = self.loop.time(), self.transport.get_write_buffer_size()
        self._late = self.loop.call_later(PATIENCE_S, self._look_again)

    def _look_again(self) -> None:
        before, self._unsent = self._unsent, self.transport.get_write_buffer_size()
        if 0 < self._unsent < before:  # an answer is taken, if slowly
            self._late = self.loop.call_later(PATIENCE_S, self._look_again)
        else:
            self.leave()

    def _cease(self) -> None:
        self.since_s = None
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def leave(self) -> None:
        """Ends it without a word."""
        self._cease()
        self.connections.discard(self)
        self.transport.abort()
