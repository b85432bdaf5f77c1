"""The socket of the API: an account's overview, again whenever anything changed."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final, NoReturn

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from leeward.dashboard.api import bodies
from leeward.dashboard.api.terms import Its
from leeward.dashboard.feed import Feed

_QUIET_S: Final = 20.0
_UNKNOWN: Final = 4404
_BROKEN: Final = 1011


router = APIRouter()


@router.websocket("/stream")
async def stream(its: Its, socket: WebSocket, account: str | None = None) -> None:
    await socket.accept()
    if account is not None and account not in its.feed.accounts():
        await socket.close(_UNKNOWN, "no such account")
        return
    sending = asyncio.create_task(_send(its.feed, socket, account))
    try:
        # What is said, in text or bytes, is not listened to, but the end is noticed.
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def _send(feed: Feed, socket: WebSocket, account: str | None) -> None:
    """Sends what is new until the socket is gone; shuts it where there is nothing more to tell."""
    with suppress(WebSocketDisconnect, RuntimeError):
        try:
            await _follow(feed, socket, account)
        except Exception:  # whatever it is: an open socket that is silent would look well
            await socket.close(_BROKEN)
            raise


async def _follow(feed: Feed, socket: WebSocket, account: str | None) -> NoReturn:
    version = -1
    while True:
        now = feed.version
        if now == version:
            await socket.send_json({"type": "still", "version": version})
        else:
            await _send_all(feed, socket, account)
        version = now
        await feed.changed(version, _QUIET_S)


async def _send_all(feed: Feed, socket: WebSocket, account: str | None) -> None:
    for name in feed.accounts() if account is None else (account,):
        body = bodies.overview_body(feed.overview(name), feed.version, feed.problem)
        await socket.send_text(f'{{"type":"overview","overview":{body.model_dump_json()}}}')
