"""What every answer tells the browser to refuse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Header = tuple[bytes, bytes]

_NOTHING: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_LOGIN: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
#: A report is a file with all its scripts inside: it runs in a room of its own, without cookies.
_REPORT: Final = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline' "
    "'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# NiceGUI runs what it is sent with eval; Vue and Quasar write styles: docs/dashboard.md.
_PAGE: Final = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_ALWAYS: Final[tuple[Header, ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # Not "no-referrer": browsers then send "Origin: null" with the forms of our own pages.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"x-robots-tag", b"noindex"),
)
_STATIC: Final = ("/_nicegui/", "/assets/")


def protective(scope: Scope, headers: Sequence[Header], secure: bool) -> list[Header]:
    """Returns the headers of an answer with the protective ones in place of its own."""
    path, kept = scope["path"], [(name.lower(), value) for name, value in headers]
    kind = next((value.decode("latin-1") for name, value in kept if name == b"content-type"), "")
    made = [*_ALWAYS, (b"content-security-policy", _policy(path, kind, scope).encode())]
    if secure:
        made.append((b"strict-transport-security", b"max-age=31536000"))
    if not path.startswith(_STATIC):
        made.append((b"cache-control", b"no-store"))
    ours = {name for name, _ in made} | {b"server"}
    return [*((name, value) for name, value in kept if name not in ours), *made]


def _policy(path: str, kind: str, scope: Scope) -> str:
    if path == "/login":
        return _LOGIN
    if path.startswith("/reports/"):
        return _REPORT
    if kind.startswith("text/html"):
        return _PAGE.format(nonce=scope["leeward.nonce"])
    return _NOTHING


class Nonces:
    """Marks the scripts of pages as ours, so that no other one runs. What pages show is never
    markup here: NiceGUI sends it escaped, as data of a marked script."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        mark = f'<script nonce="{scope["leeward.nonce"]}"'.encode()
        started: list[Message] = []
        body = bytearray()

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_page(message["headers"]):
                started.append(message)
            elif message["type"] == "http.response.body" and started:
                body.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    await self._whole(started[0], bytes(body).replace(b"<script", mark), send)
            else:
                await send(message)

        await self._app(scope, receive, marked)

    async def _whole(self, started: Message, body: bytes, send: Send) -> None:
        kept = [(n, v) for n, v in started["headers"] if n.lower() != b"content-length"]
        started["headers"] = [*kept, (b"content-length", str(len(body)).encode())]
        await send(started)
        await send({"type": "http.response.body", "body": body})


def _is_page(headers: Sequence[Header]) -> bool:
    return any(name.lower() == b"x-nicegui-content" and value == b"page" for name, value in headers)
