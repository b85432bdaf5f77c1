"""What happens on the account, as Binance tells it over the WebSocket API by signed subscription.

Events are hints: they may be late, twice, out of order or lost. A `Gap` comes first and after every
reconnect: whoever reads them asks over REST what the truth is, and then goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from leeward.domain.answers import Reaction, Refused
from leeward.venues.binance_codec import Unreadable, reading
from leeward.venues.binance_codec_events import (
    ApiReply,
    StreamTerminated,
    UserEvent,
    api_frame,
)
from leeward.venues.binance_codec_market import Ignored, ServerShutdown
from leeward.venues.lines import Line, LineHealth, Lines, Patience
from leeward.venues.signing import ApiKey, signed_parameters
from leeward.venues.sockets import Socket, SocketEnded, open_socket
from leeward.venues.timing import Clock, ServerClock


@dataclass(frozen=True, slots=True)
class Gap:
    """From here on events come again; what happened before may not have been told."""

    why: str


@dataclass(frozen=True, slots=True)
class KeyRefused:
    """The exchange does not take the key: nothing will come until an operator acts."""

    refused: Refused


Told: TypeAlias = UserEvent | Gap | KeyRefused

#: Events that wait for the reader. Beyond it all of them are one gap: they only say where to look.
_MOST_TOLD = 10_000


class UserStream:
    """Follows the account of `key`; `sync` asks for the exchange's time anew. Use it within
    `listening`."""

    def __init__(
        self,
        address: str,
        key: ApiKey,
        server_clock: ServerClock,
        sync: Callable[[], Awaitable[bool]],
        clock: Clock,
        patience: Patience | None = None,
    ) -> None:
        self.health = LineHealth()
        self._address, self._key = address, key
        self._server_clock, self._sync = server_clock, sync
        self._patience = patience or Patience()
        self._told: asyncio.Queue[Told] = asyncio.Queue()
        self._lines = Lines(self._serve, clock, self._patience, self.health)

    async def next_told(self) -> Told:
        """Returns the next event, or the marker that events may be missing before it."""
        return await self._told.get()

    async def run(self) -> None:
        """Listens until cancelled."""
        await self._lines.keep()

    def redial(self) -> None:
        """Subscribes anew over another socket; the present one goes on until then."""
        self._lines.redial()

    async def _serve(self, line: Line) -> NoReturn:
        if not self._server_clock.known and not await self._sync():
            raise SocketEnded("the exchange's time could not be asked for")
        async with open_socket(self._address) as socket:
            try:
                async with asyncio.timeout(self._patience.subscribe_s):
                    await self._subscribe(socket, line)
            except TimeoutError:
                raise SocketEnded("the subscription was not confirmed in time") from None
            line.subscribed.set()
            self._tell(Gap(self.health.last_failure or "connected"))
            while True:
                self._take(await socket.receive(), line)

    async def _subscribe(self, socket: Socket, line: Line) -> None:
        stamp = {"timestamp": str(self._server_clock.now_ms())}
        parameters: dict[str, object] = dict(signed_parameters(self._key, stamp))
        # The exchange wants a number where the signature was made over its digits.
        parameters["timestamp"] = int(stamp["timestamp"])
        await socket.send(
            {
                "id": "subscribe",
                "method": "userDataStream.subscribe.signature",
                "params": parameters,
            }
        )
        while True:
            reply = self._take(await socket.receive(), line)
            if reply is not None and reply.id == "subscribe":
                return

    def _take(self, frame: bytes | str, line: Line) -> ApiReply | None:
        """Passes one event on; returns a reply. Raises SocketEnded for a refusal."""
        try:
            message = reading(api_frame, frame)
        except Unreadable as error:
            # What it said is lost: the reader has to ask.
            self.health.unreadable += 1
            self._tell(Gap(f"a message could not be read: {error}"))
            return None
        match message:
            case ApiReply():
                if message.refused is not None:
                    self._refused(message.refused)
                return message
            case StreamTerminated():
                self._tell(message)
                raise SocketEnded("the exchange ended the subscription")
            case ServerShutdown():
                line.leave.set()
            case Ignored():
                pass
            case _:
                self._tell(message)
        return None

    def _tell(self, told: Told) -> None:
        if self._told.qsize() >= _MOST_TOLD:
            waiting = [self._told.get_nowait() for _ in range(self._told.qsize())]
            for refused in [each for each in waiting if isinstance(each, KeyRefused)][-1:]:
                self._told.put_nowait(refused)
            self._told.put_nowait(Gap(f"{len(waiting)} events waited and nobody read them"))
        self._told.put_nowait(told)

    def _refused(self, refused: Refused) -> NoReturn:
        if refused.reaction is Reaction.RESYNC:
            self._server_clock.forget()
        if refused.reaction is Reaction.STOP:
            self._tell(KeyRefused(refused))
        raise SocketEnded(f"refused: {refused.code} {refused.text}")


@asynccontextmanager
async def listening(stream: UserStream) -> AsyncIterator[UserStream]:
    """Runs `stream` for the block; an error in it ends the block."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(stream.run())
        try:
            yield stream
        finally:
            task.cancel()
