"""The emulator as a process: its ports, the task that moves its clock, its start and end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from uvicorn.config import Config
from uvicorn.server import ServerState

from leeward.domain.errors import Failed, Refused
from leeward.domain.hosts import LOCAL_NAMES, is_loopback
from leeward.emulator.actions import carry_out
from leeward.emulator.connections import (
    LINK,
    HttpLink,
    Receive,
    Scope,
    Send,
    SocketLink,
    client_of,
)
from leeward.emulator.gate import Gate
from leeward.emulator.rest import Rest
from leeward.emulator.session import Session, Setup
from leeward.emulator.streams import serve_streams
from leeward.emulator.websocket_api import serve_websocket_api

BANNER: Final = (
    "THIS IS AN EMULATOR: a local rehearsal of an exchange. No order here reaches a market, "
    "no balance here is money."
)
_PING_S, _PONG_S = 20.0, 60.0
_LONGEST_NAP_S, _SHORTEST_NAP_S = 0.05, 0.001
_KEEP_ALIVE_S = 75
_ENDING_S = 2.0


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a running emulator listens, and the default account's key."""

    rest: str
    ws: str
    ws_api: str
    admin: str
    api_key: str
    api_secret: str


class Emulator:
    """One emulator: `start` opens its ports, `stop` closes them; `reset` begins a new session
    behind the same ports. `monotonic_s` counts wall seconds; `warn` hears what whoever started it
    should know."""

    def __init__(
        self,
        setup: Setup,
        monotonic_s: Callable[[], float],
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.monotonic_s = monotonic_s
        self.warn = warn
        self.gate = Gate(self._begin(setup))
        self._rest = Rest(self.gate)
        self._servers: list[asyncio.Server] = []
        self._state = ServerState()
        self._clock_task: asyncio.Task[None] | None = None

    @property
    def session(self) -> Session:
        return self.gate.session

    async def start(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        admin_port: int = 0,
        *,
        open_to_all: bool = False,
    ) -> Addresses:
        """Returns the addresses once the ports listen. The port of REST and sockets is `port`, a
        free one if 0; refuses a host that others can reach unless `open_to_all`."""
        from leeward.emulator.admin import admin_app

        if not (open_to_all or host in LOCAL_NAMES or is_loopback(host)):
            raise Refused(
                f"--host {host} is not loopback: others could reach the emulator and its admin "
                "port; add --open if that is what you want"
            )
        exchange = await self._listen(self._serve, host, port)
        admin = await self._listen(admin_app(self), host, admin_port)
        self._clock_task = asyncio.create_task(self._move_clock())
        shown = f"[{host}]" if ":" in host else host
        key = self.session.default_key
        return Addresses(
            rest=f"http://{shown}:{exchange}",
            ws=f"ws://{shown}:{exchange}",
            ws_api=f"ws://{shown}:{exchange}/ws-api/v3",
            admin=f"http://{shown}:{admin}",
            api_key=key.api_key,
            api_secret=key.secret,
        )

    async def stop(self) -> None:
        """Closes every connection and port."""
        if self._clock_task is not None:
            self._clock_task.cancel()
            with suppress(asyncio.CancelledError):
                await self._clock_task
        for server in self._servers:
            server.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        if self._state.tasks:
            _, slow = await asyncio.wait(self._state.tasks, timeout=_ENDING_S)
            for task in slow:
                task.cancel()

    def reset(self, setup: Setup) -> None:
        """Begins a new session; open sockets are cut."""
        for connection in self.session.delivery.matching():
            connection.link.reset()
        self.gate.session = self._begin(setup)

    def reset_with(self, **changes: object) -> None:
        """Begins a new session from the present setup, but for what is given. In shifted time it
        begins now, unless a start is given."""
        setup = replace(self.session.setup, **changes)  # type: ignore[arg-type] # checked by callers
        if setup.mode == "shifted" and "start_ms" not in changes:
            setup = _from_now(setup)
        self.reset(setup)

    def _begin(self, setup: Setup) -> Session:
        session = Session(setup)
        session.act = lambda fault: carry_out(session, fault)
        session.warn = self.warn
        return session

    async def _move_clock(self) -> None:
        while True:
            session = self.session
            session.pump()
            nap_s = _LONGEST_NAP_S
            if session.clock.running and (coming := session.next_us()) is not None:
                nap_s = min(nap_s, session.clock.wait_s(coming))
            await asyncio.sleep(max(nap_s, _SHORTEST_NAP_S))

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._rest(scope, receive, send)
            return
        session = self.session
        path: str = scope["path"]
        refused = session.refuses_sockets(client_of(scope))
        if not refused and path.rstrip("/") == "/ws-api/v3":
            await serve_websocket_api(self.gate, scope, receive, send)
        elif not refused and path.split("/")[1] in {"ws", "stream"}:
            await serve_streams(session, self.monotonic_s, scope, receive, send)
        else:
            await receive()
            link: SocketLink = scope[LINK]
            await link.refuse(send, refused or 404)

    async def _listen(self, app: object, host: str, port: int) -> int:
        """Returns the port on which `app` now listens."""
        config = Config(
            app,  # type: ignore[arg-type] # an ASGI application
            http=HttpLink,
            ws=SocketLink,
            interface="asgi3",
            proxy_headers=False,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            ws_max_size=2**20,
            ws_ping_interval=_PING_S,
            ws_ping_timeout=_PONG_S,
            ws_per_message_deflate=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
        )
        config.load()
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            server = await loop.create_server(
                lambda: HttpLink(config, self._state, {}), host, port, family=family, backlog=512
            )
        except OSError as error:
            raise Failed(
                f"port {port} on {host} cannot be opened: {error.strerror}; "
                "give another --port, or 0 for a free one"
            ) from None
        self._servers.append(server)
        listening: int = server.sockets[0].getsockname()[1]
        return listening


def _from_now(setup: Setup) -> Setup:
    """Returns the setup with its start and its candles moved to the present, by whole candles."""
    wall_ms = setup.wall_us() // 1000
    length = max(each.timeframe.length_ms for each in setup.candles.values())
    moved = (wall_ms - setup.start_ms) // length * length
    options = replace(setup.options, shift_ms=setup.options.shift_ms + moved)
    return replace(setup, start_ms=wall_ms, options=options)
