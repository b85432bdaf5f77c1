"""The door before everything that is served: nothing behind it has to ask who comes.

Every request and every socket is judged here: the name it was called by, the page it comes from,
who asks, how often, and whether they may. What is not let in never reaches a route.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leeward.dashboard.access import AccessFile
from leeward.dashboard.connections import MOST_HEAD_BYTES
from leeward.dashboard.headers import protective
from leeward.dashboard.visitors import Principal, Rates, Sessions
from leeward.domain.errors import LeewardError

COOKIE: Final = "leeward_session"
#: Of a browser that logged in before: its guesses, and how often it asks, are counted apart.
DEVICE_COOKIE: Final = "leeward_device"
API: Final = "/api/"
#: Where tokens are taken: the reports of backtests are named in what the API answers.
_OF_PROGRAMS: Final = (API, "/reports/")
#: Where a person comes in: served to everybody.
PUBLIC: Final = frozenset(
    {
        "/login",
        *(f"/assets/{name}" for name in ("leeward.css", "leeward.js", "theme.js", "favicon.svg")),
    }
)
#: Forms that bring their own token, in the body; their routes check it.
FORMS: Final = frozenset({"/login", "/logout"})
_SOCKETS: Final = "/_nicegui_ws/"
_SAFE: Final = frozenset({"GET", "HEAD"})
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_MOST_BYTES: Final = 64 * 1024
_MOST_SOCKETS: Final = 64
#: Of those, programs may hold so many: the pages of a person always find one.
_MOST_OF_TOKENS: Final = 32
_LOOK_S: Final = 1.0
#: How long the body of a request may take.
BODY_S: Final = 10.0
#: What a proxy says; only one that the settings name is believed, and never of the path.
_FORWARDED: Final = frozenset(
    {b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto",
     b"x-forwarded-port", b"x-forwarded-prefix", b"x-real-ip"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class House:
    """By which names it is called (lower case, without port), whether over TLS, and the proxies
    before it that are believed."""

    names: frozenset[str]
    secure: bool
    proxies: tuple[IPv4Network | IPv6Network, ...]

    def cookie(self, name: str) -> str:
        """Returns what a cookie is called: over TLS such that no other site or port can set it."""
        return f"__Host-{name}" if self.secure else name

    def believes(self, address: str) -> bool:
        """Returns whether an address is a proxy's, that says who called."""
        found = _ip(address)
        return found is not None and any(found in each for each in self.proxies)


@dataclass(frozen=True, slots=True)
class Denied:
    """Why something is not let in."""

    status: int
    code: str
    message: str
    retry_s: int | None = None


class Guard:
    """The outermost ASGI application."""

    def __init__(
        self,
        app: ASGIApp,
        house: House,
        access: AccessFile,
        sessions: Sessions,
        rates: tuple[Rates, Rates],
    ) -> None:
        self._app, self._house, self._access, self._sessions = app, house, access, sessions
        self._strangers, self._known = rates
        self._open_sockets = self._of_tokens = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = _headers(scope)
        scope["leeward.address"] = self._address(scope, headers)
        scope["headers"] = [(n, v) for n, v in scope["headers"] if n.lower() not in _FORWARDED]
        scope["leeward.nonce"] = secrets.token_urlsafe(16)
        denied = self._judge(scope, headers)
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send, denied)
        elif denied is None:
            await self._app(scope, _limited(receive), self._protected(scope, send))
        else:
            await self._deny(scope, headers, send, denied)

    # The judgement.

    def _judge(self, scope: Scope, headers: Mapping[str, str]) -> Denied | None:
        """Returns why it is not let in, None where it is; notes in the scope who asks."""
        denied = self._judge_place(scope, headers)
        if denied is not None:
            return denied
        try:
            principal = self._principal(scope, headers)
            device = self._device(headers)
        except LeewardError:
            return Denied(503, "no_access_file", "the access file cannot be used; see the log")
        scope["leeward.principal"], scope["leeward.device"] = principal, device
        who = principal.actor if principal is not None else device or scope["leeward.address"]
        if not (self._strangers if principal is None else self._known).allows(who):
            return Denied(429, "too_many_requests", "too many requests; wait a second", 1)
        if principal is None:
            if scope["type"] == "http" and scope["path"] in PUBLIC:
                return None
            return Denied(401, "not_authenticated", "log in, or send a token that is valid")
        return self._judge_right(scope, headers, principal)

    def _judge_place(self, scope: Scope, headers: Mapping[str, str]) -> Denied | None:
        host = headers.get("host", "")
        head = len(scope["path"]) + len(scope["query_string"])
        head += sum(len(name) + len(value) for name, value in scope["headers"])
        if head > MOST_HEAD_BYTES:
            return Denied(413, "too_large", f"address and headers may have {MOST_HEAD_BYTES} bytes")
        if _name_of(host) not in self._house.names:
            return Denied(400, "unknown_host", "called by a name that is not among allowed_hosts")
        origin = headers.get("origin")
        if origin is not None and not self._is_ours(origin, host):
            return Denied(403, "foreign_origin", "asked for by a page of another site")
        site = headers.get("sec-fetch-site", "none")
        navigates = headers.get("sec-fetch-mode") == "navigate" and scope.get("method") == "GET"
        if site not in {"none", "same-origin"} and not navigates:
            return Denied(403, "foreign_origin", "asked for by a page of another site")
        if scope["type"] == "websocket":
            return None
        if scope["method"] not in _METHODS:
            return Denied(405, "method_not_allowed", "this method is not used here")
        if scope["path"].startswith(_SOCKETS):
            return Denied(403, "sockets_only", "this address speaks WebSocket only")
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > _MOST_BYTES:
            return Denied(413, "too_large", f"a request may have {_MOST_BYTES} bytes")
        return None

    def _judge_right(
        self, scope: Scope, headers: Mapping[str, str], principal: Principal
    ) -> Denied | None:
        if scope["type"] == "websocket":
            if principal.is_person and "origin" not in headers:
                return Denied(403, "foreign_origin", "a browser says where it comes from")
            return None
        if scope["method"] in _SAFE:
            return None
        if principal.is_person and scope["path"] not in FORMS:
            given = headers.get("x-csrf-token", "")
            if not secrets.compare_digest(given.encode(), principal.csrf.encode()):
                return Denied(403, "no_csrf_token", "the X-CSRF-Token of the session is missing")
        if not principal.is_operator:
            return Denied(403, "not_allowed", "a viewer may look, not act; use an operator's token")
        return None

    def _principal(self, scope: Scope, headers: Mapping[str, str]) -> Principal | None:
        scheme, _, secret = headers.get("authorization", "").partition(" ")
        # Basic is what a proxy before us asked for and passes on.
        is_told = "authorization" in headers and scheme.lower() != "basic"
        if scope["path"].startswith(_OF_PROGRAMS) and is_told:
            if scheme.lower() != "bearer":
                return None
            return self._token(secret.strip())
        cookie = _cookie(headers, self._house.cookie(COOKIE))
        return None if cookie is None else self._sessions.find(cookie)

    def _device(self, headers: Mapping[str, str]) -> str | None:
        cookie = _cookie(headers, self._house.cookie(DEVICE_COOKIE))
        return None if cookie is None else self._access.device_of(cookie)

    def _token(self, secret: str) -> Principal | None:
        found = self._access.token_of(secret)
        if found is None:
            return None

        def holds() -> bool:
            try:
                return found in self._access.read().tokens
            except LeewardError:
                return False

        return Principal(found.name, found.role, "", holds)

    def _is_ours(self, origin: str, host: str) -> bool:
        return origin.lower() == f"{'https' if self._house.secure else 'http'}://{host.lower()}"

    def _address(self, scope: Scope, headers: Mapping[str, str]) -> str:
        """Returns who called: behind a proxy, the address that it added itself, the last one."""
        client = scope.get("client")
        direct = str(client[0]) if client else "unknown"
        if not self._house.believes(direct):
            return direct
        told = _ip(headers.get("x-forwarded-for", "").rpartition(",")[2].strip())
        return direct if told is None else str(told)

    # What is let in, and what is not.

    def _protected(self, scope: Scope, send: Send) -> Send:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = protective(scope, message["headers"], self._house.secure)
            await send(message)

        return guarded

    async def _deny(
        self, scope: Scope, headers: Mapping[str, str], send: Send, denied: Denied
    ) -> None:
        reads = scope["method"] in _SAFE and not scope["path"].startswith(API)
        if denied.status == 401 and reads and "text/html" in headers.get("accept", ""):
            await _answer(self._protected(scope, send), 303, [(b"location", b"/login")], b"")
            return
        body = json.dumps({"error": {"code": denied.code, "message": denied.message}}).encode()
        extra = [(b"content-type", b"application/json")]
        if denied.status == 401:
            extra.append((b"www-authenticate", b"Bearer"))
        if denied.retry_s is not None:
            extra.append((b"retry-after", str(denied.retry_s).encode()))
        if scope["method"] == "HEAD":
            body = b""
        await _answer(self._protected(scope, send), denied.status, extra, body)

    async def _socket(
        self, scope: Scope, receive: Receive, send: Send, denied: Denied | None
    ) -> None:
        principal: Principal | None = scope.get("leeward.principal")
        if denied is not None or principal is None or not self._has_room(principal):
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        self._open_sockets += 1
        self._of_tokens += not principal.is_person
        try:
            await self._app(scope, _while_allowed(principal, receive, send), send)
        finally:
            self._open_sockets -= 1
            self._of_tokens -= not principal.is_person

    def _has_room(self, principal: Principal) -> bool:
        if self._open_sockets >= _MOST_SOCKETS:
            return False
        return principal.is_person or self._of_tokens < _MOST_OF_TOKENS


def _while_allowed(principal: Principal, receive: Receive, send: Send) -> Receive:
    """Returns a `receive` that ends the socket once who opened it may no longer be there."""
    waiting: list[asyncio.Task[Message]] = []

    async def guarded() -> Message:
        if not waiting:
            waiting.append(asyncio.ensure_future(receive()))
        while True:
            done, _ = await asyncio.wait(waiting, timeout=_LOOK_S)
            if not principal.holds():
                waiting.pop().cancel()
                await send({"type": "websocket.close", "code": 1008})
                return {"type": "websocket.disconnect", "code": 1008}
            if done:
                return waiting.pop().result()

    return guarded


def _limited(receive: Receive) -> Receive:
    """Returns a `receive` that cuts off a body without a stated length, and one that dawdles."""
    seen, whole, until_s = 0, False, asyncio.get_running_loop().time() + BODY_S

    async def guarded() -> Message:
        nonlocal seen, whole
        try:
            async with asyncio.timeout_at(None if whole else until_s):
                message = await receive()
        except TimeoutError:
            return {"type": "http.disconnect"}
        seen += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if seen > _MOST_BYTES:
            return {"type": "http.disconnect"}
        return message

    return guarded


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


def _headers(scope: Scope) -> dict[str, str]:
    """Returns the headers; of a name that comes twice, what no check lets pass."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1").lower()
        twice = key in found and key in {"host", "origin", "authorization", "content-length"}
        found[key] = "\0" if twice else value.decode("latin-1")
    return found


def _name_of(host: str) -> str:
    """Returns the host's name without its port.

    >>> _name_of("LOCALHOST:8321"), _name_of("[::1]:8321"), _name_of("evil.example@localhost")
    ('localhost', '::1', 'evil.example@localhost')
    """
    host = host.lower()
    if host.startswith("["):
        name, bracket, port = host[1:].partition("]")
        return name if bracket and (not port or port[1:].isdigit()) else ""
    name, colon, port = host.partition(":")
    return name if not colon or port.isdigit() else ""


def _ip(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _cookie(headers: Mapping[str, str], name: str) -> str | None:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return None
    return None if found is None else found.value
