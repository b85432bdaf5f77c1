"""A WebSocket that tells why it ended, and never by an exception of the library."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

_OPEN_S = 10.0
_CLOSE_S = 2.0
#: A connection without a pong for so long is half open.
_PING_S = 20.0
_MOST_BYTES = 16 << 20


class SocketEnded(Exception):
    """The connection could not be opened, or is no more; the text says why."""


@dataclass(frozen=True, slots=True)
class Socket:
    """One open connection. Each method raises SocketEnded where it is no more."""

    connection: ClientConnection

    async def receive(self, within_s: float | None = None) -> bytes | str:
        """Returns the next message; one that does not come in time counts as the end."""
        try:
            async with asyncio.timeout(within_s):
                return await self.connection.recv()
        except TimeoutError:
            raise SocketEnded(f"nothing came for {within_s} s, though it is open") from None
        except (WebSocketException, OSError) as error:
            raise SocketEnded(_reason(error)) from None

    async def send(self, message: Mapping[str, object]) -> None:
        try:
            await self.connection.send(json.dumps(message, ensure_ascii=False))
        except (WebSocketException, OSError) as error:
            raise SocketEnded(_reason(error)) from None


@asynccontextmanager
async def open_socket(url: str) -> AsyncIterator[Socket]:
    """Opens a connection for the block; raises SocketEnded where that fails. Pings of the server
    are answered, our own tell a half-open connection."""
    try:
        connection = await connect(
            url,
            open_timeout=_OPEN_S,
            close_timeout=_CLOSE_S,
            ping_interval=_PING_S,
            ping_timeout=_PING_S,
            max_size=_MOST_BYTES,
            user_agent_header="leeward",
        )
    except (WebSocketException, OSError, TimeoutError, ValueError) as error:
        raise SocketEnded(f"{url}: {_reason(error)}") from None
    try:
        yield Socket(connection)
    finally:
        await asyncio.shield(connection.close())


def _reason(error: Exception) -> str:
    return f"{type(error).__name__} {error}".strip()
