"""Puts the dashboard together and serves it."""

from __future__ import annotations

import asyncio
import logging
import socket
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Final

import uvicorn
from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from leeward import __version__
from leeward.dashboard.api import describe
from leeward.dashboard.connections import MOST_HEAD_BYTES, Connection
from leeward.dashboard.guard import Guard, House
from leeward.dashboard.headers import Nonces
from leeward.dashboard.login import login_routes
from leeward.dashboard.lost import lost
from leeward.dashboard.state import Dashboard
from leeward.dashboard.visitors import Rates
from leeward.domain.errors import BadUsage, Failed, Refused
from leeward.domain.hosts import LOCAL_NAMES, is_loopback
from leeward.monitoring.logs import Log
from leeward.runtime.clock import monotonic_s
from leeward.runtime.sections import DashboardSettings

_ASSETS: Final = Path(__file__).parent / "assets"
_OF_THIS_MACHINE: Final = ip_network("127.0.0.0/8"), ip_network("::1/128")
#: Questions a second, and at once: of an address that is not logged in, and of one that is.
_STRANGERS, _KNOWN = (20.0, 60.0), (200.0, 600.0)
#: Those of HTTP make room for each other before; sockets are counted by the guard.
_MOST_CONNECTIONS: Final = 320
_MOST_SOCKET_BYTES: Final = 1024 * 1024


def house_of(settings: DashboardSettings) -> House:
    """Returns by which names it is served; raises Refused where that is not safe: an address that
    others reach needs TLS, by us or by a proxy."""
    host = settings.host
    tls = settings.tls_certificate is not None and settings.tls_key is not None
    if (settings.tls_certificate is None) != (settings.tls_key is None):
        raise BadUsage("dashboard.tls_certificate and dashboard.tls_key: give both, or neither")
    for file in (settings.tls_certificate, settings.tls_key):
        if file is not None and not file.is_file():
            raise BadUsage(f"dashboard: {file} is not a file; TLS needs certificate and key")
    is_ours = host.lower() in LOCAL_NAMES or is_loopback(host.strip("[]"))
    if not is_ours and not tls and not settings.behind_proxy:
        raise Refused(
            f"dashboard refused: {host} can be reached by others, and a password would pass in "
            "clear; give dashboard.tls_certificate and dashboard.tls_key, or say "
            "dashboard.behind_proxy=true where a proxy before it speaks TLS, or stay on 127.0.0.1"
        )
    names = {name.lower() for name in settings.allowed_hosts}
    if _is_anywhere(host):
        if not names:
            raise Refused(
                f"dashboard refused: {host} is every address of this machine; name those that "
                "browsers call it by in dashboard.allowed_hosts"
            )
    else:
        names.add(host.lower())
    proxies = (*_OF_THIS_MACHINE, *settings.proxies) if settings.behind_proxy else ()
    return House(frozenset(names | LOCAL_NAMES), tls or settings.behind_proxy, proxies)


def build_app(
    dashboard: Dashboard,
    house: House,
    *,
    pages: bool = True,
    rates: tuple[tuple[float, float], tuple[float, float]] = (_STRANGERS, _KNOWN),
) -> ASGIApp:
    """Returns the guarded application. `pages` can be built once a process: NiceGUI is one."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        del app
        await dashboard.feed.start()
        try:
            yield
        finally:
            await dashboard.backtests.close()
            dashboard.feed.close()

    app = FastAPI(
        title="Leeward",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        lifespan=lifespan,
    )
    describe(app, dashboard)
    app.router.routes += login_routes(dashboard, house)
    app.router.routes.append(Mount("/assets", StaticFiles(directory=_ASSETS)))
    if pages:
        _add_pages(app, dashboard)
    strangers, known = (Rates(per_s, burst, monotonic_s) for per_s, burst in rates)
    inner = GZipMiddleware(Nonces(app), minimum_size=1024, compresslevel=5)
    return Guard(inner, house, dashboard.access, dashboard.sessions, (strangers, known))


def _add_pages(app: FastAPI, dashboard: Dashboard) -> None:
    from nicegui import app as pages
    from nicegui import ui

    from leeward.dashboard.pages import register

    # Long polling would be a second way in that needs judging of its own.
    pages.config.socket_io_js_transports = ["websocket"]
    pages.add_exception_handler(404, lost)
    register(dashboard)
    ui.run_with(
        app,
        title="Leeward",
        dark=None,
        language="en-US",
        tailwind=False,
        binding_refresh_interval=None,
        favicon=_ASSETS / "favicon.svg",
        gzip_middleware_factory=None,
        show_welcome_message=False,
        reconnect_timeout=10.0,
    )


def serve(
    dashboard: Dashboard, house: House, settings: DashboardSettings, told: Callable[[str], None]
) -> None:
    """Serves until SIGINT or SIGTERM; `told` gets the address once it listens. Raises Failed where
    the address cannot be had."""
    with _listening(settings.host, settings.port) as listener:
        scheme = "http" if settings.tls_certificate is None else "https"
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        _log_into(dashboard.log)
        config = server_config(build_app(dashboard, house), settings)
        address = f"{scheme}://{host}:{listener.getsockname()[1]}"
        with suppress(KeyboardInterrupt):  # uvicorn raises it again after a graceful end
            asyncio.run(_Server(config, lambda: told(address)).serve([listener]))


def server_config(app: ASGIApp, settings: DashboardSettings) -> uvicorn.Config:
    """Returns how uvicorn serves it: with limits, and without a word of its own."""
    return uvicorn.Config(
        app,
        http=Connection,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws_max_size=_MOST_SOCKET_BYTES,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
        timeout_graceful_shutdown=2,
        limit_concurrency=_MOST_CONNECTIONS,
        h11_max_incomplete_event_size=MOST_HEAD_BYTES,
    )


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, begun: Callable[[], None]) -> None:
        super().__init__(config)
        self._begun = begun

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._begun()


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends at once only on sockets that name TCP; else every answer waits for 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host.strip("[]"), port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise Failed(
            f"dashboard: {host} port {port} cannot be had: {error.strerror}; choose another, "
            "or any that is free: --set dashboard.port=0"
        ) from None
    with listener:
        yield listener


class _IntoLog(logging.Handler):
    """Writes what the libraries log as lines of ours, so that no secret passes by them."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        raised = record.exc_info[1] if record.exc_info else None
        where = traceback.extract_tb(raised.__traceback__)[-1:] if raised is not None else []
        self._log.event(
            "server",
            record.levelname.lower(),
            words=record.getMessage(),
            error="" if raised is None else f"{type(raised).__name__}: {raised}",
            place="".join(f"{each.filename}:{each.lineno}" for each in where),
        )


def _log_into(log: Log) -> None:
    root = logging.getLogger()
    root.handlers = [_IntoLog(log)]
    for name in ("nicegui", "uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True


def _is_anywhere(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_unspecified
    except ValueError:
        return host == ""
