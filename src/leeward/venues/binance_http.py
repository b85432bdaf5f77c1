"""One bounded request to Binance's REST interface, and what is known when it ends."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import httpx

from leeward.domain.answers import NotSent, Reaction, Unknown
from leeward.venues.addresses import Addresses
from leeward.venues.binance_codec import Unreadable, reading
from leeward.venues.binance_codec_market import server_time
from leeward.venues.binance_codec_orders import error
from leeward.venues.governor import PATIENCE_S, Governor, Lane
from leeward.venues.signing import ApiKey, encoded, signed_query
from leeward.venues.timing import Clock, ServerClock

#: A request held up for longer is not sent again under a new timestamp: it was meant for then.
_AGAIN_S = 10.0
#: The exchange gives up on an order after 10 s; less patience would turn its answer into a guess.
_ORDER_S = 15.0
_QUERY_S = 12.0
_CONNECT_S = 5.0
_TIME_S = 5.0
_SAMPLES = 3
_FRESH_S = 300.0
_FRESH_REPLAYED_S = 5.0
_MOST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Call:
    """A request: `weight` as the documentation has it, `orders` how many it may open."""

    method: str
    path: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    weight: int = 1
    lane: Lane = Lane.QUERY
    signed: bool = True
    orders: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came. It is readable or not; who asked decides what that means."""

    status: int
    body: bytes
    retry_after_s: float | None = None


@cache
def _certificates() -> ssl.SSLContext:
    # Reading the authorities takes longer than any request; all clients trust the same ones.
    return httpx.create_ssl_context()


def _open_client() -> httpx.AsyncClient:
    return httpx.AsyncClient(
        verify=_certificates(),
        timeout=httpx.Timeout(_ORDER_S, connect=_CONNECT_S, pool=_CONNECT_S),
        limits=httpx.Limits(max_connections=32, max_keepalive_connections=16, keepalive_expiry=30),
        headers={"Accept": "application/json", "User-Agent": "leeward"},
    )


@dataclass
class BinanceHttp:
    """Sends requests within time and limits. Nothing is sent twice, but for a signed request whose
    timestamp the exchange refused, which did nothing: once, after asking it for its time, unless
    this process was held up meanwhile."""

    addresses: Addresses
    key: ApiKey | None
    clock: Clock
    governor: Governor
    recv_window_ms: int = 5000
    client: httpx.AsyncClient = field(default_factory=_open_client)
    server_clock: ServerClock = field(init=False)

    def __post_init__(self) -> None:
        self.server_clock = ServerClock(self.clock.monotonic_s, self.addresses.replayed)

    async def aclose(self) -> None:
        await self.client.aclose()

    async def send(self, call: Call) -> Reply | NotSent | Unknown:
        """Returns the answer; NotSent where no byte left, Unknown where one did and no answer
        came. Takes at most the lane's patience and the call's time."""
        begun = self.clock.moment()
        if call.signed and self.key is None:
            return NotSent("no API key is set; set venue.api_key and its secret or key file")
        if (held := await self._admitted(call)) is not None:
            return held
        if call.signed and not await self._in_time():
            return NotSent("the exchange's time could not be asked for")
        answer = await self._once(call)
        if call.signed and _is_out_of_time(answer):
            self.server_clock.forget()
            if await self.sync() and self.clock.passed_s(begun) < _AGAIN_S:
                return await self._once(call)
        return answer

    async def sync(self) -> bool:
        """Asks for the exchange's time a few times; returns whether it is known now. Nothing is
        asked while it keeps this address out: each question would prolong that."""
        for at in range(_SAMPLES):
            if self.blocked_s(Lane.EXIT):
                break
            if at and self.addresses.replayed:
                await self.clock.sleep(0.1)  # else the speed could not be told from round trips
            sent_s = self.clock.monotonic_s()
            reply = await self._once(Call("GET", "/api/v3/time", lane=Lane.EXIT, signed=False))
            if not isinstance(reply, Reply) or reply.status != httpx.codes.OK:
                break
            try:
                server_ms = reading(server_time, reply.body)
            except Unreadable:
                break
            self.server_clock.offer(sent_s, self.clock.monotonic_s(), server_ms)
        return self.server_clock.known

    async def _in_time(self) -> bool:
        fresh_s = _FRESH_REPLAYED_S if self.addresses.replayed else _FRESH_S
        if self.server_clock.age_s() > fresh_s:
            return await self.sync()
        return True

    async def _admitted(self, call: Call) -> NotSent | None:
        """Waits until the limits allow the request; returns NotSent where that takes too long."""
        deadline_s = self.clock.monotonic_s() + PATIENCE_S[call.lane]
        while True:
            monotonic_s = self.clock.monotonic_s()
            blocked_s = self.blocked_s(call.lane)
            server_ms = self._server_ms()
            wait_ms = self.governor.wait_ms(call.lane, call.weight, call.orders, server_ms)
            speed = max(self.server_clock.speed, 0.001)
            delay_s = max(blocked_s, wait_ms / 1000 / speed)
            if not delay_s:
                self.governor.take(call.weight, call.orders, server_ms)
                return None
            if monotonic_s + delay_s > deadline_s:
                return NotSent(
                    f"{call.method} {call.path}: held back for {delay_s:.1f} s by the exchange's "
                    "rate limits",
                    retry_after_s=delay_s,
                )
            await self.clock.sleep(min(delay_s, 0.25))

    def blocked_s(self, lane: Lane) -> float:
        """Returns the seconds until the exchange lets this lane in again, 0 where it does."""
        return self.governor.blocked_s(self.clock.now_ms(), self.clock.monotonic_s(), lane)

    def _server_ms(self) -> int:
        return self.server_clock.now_ms() if self.server_clock.known else self.clock.now_ms()

    async def _once(self, call: Call) -> Reply | NotSent | Unknown:
        sent = _FirstByte()
        asked_ms = self._server_ms()
        limit_s = _ORDER_S if call.method != "GET" else _QUERY_S
        if call.path.endswith("/time"):
            limit_s = _TIME_S
        try:
            async with asyncio.timeout(limit_s):
                response = await self._stream(self._request(call, sent))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as failure:
            why = f"{call.method} {call.path}: {_reason(failure, limit_s)}"
            return Unknown(why) if sent.gone else NotSent(why)
        self.governor.counted(response.headers, asked_ms, self._server_ms())
        return self._noted(response)

    async def _stream(self, request: httpx.Request) -> httpx.Response:
        response = await self.client.send(request, stream=True)
        try:
            size, parts = 0, []
            async for part in response.aiter_bytes():
                size += len(part)
                if size > _MOST_BYTES:
                    raise httpx.RemoteProtocolError("the answer is larger than any known one")
                parts.append(part)
        finally:
            await response.aclose()
        headers = {name.lower(): text for name, text in response.headers.items()}
        plain = {name: text for name, text in headers.items() if name != "content-encoding"}
        return httpx.Response(response.status_code, headers=plain, content=b"".join(parts))

    def _request(self, call: Call, sent: _FirstByte) -> httpx.Request:
        headers = {}
        if call.signed:
            assert self.key is not None
            stamped = {
                **call.parameters,
                "recvWindow": str(self.recv_window_ms),
                "timestamp": str(self.server_clock.now_ms()),
            }
            payload = signed_query(self.key, stamped)
            headers["X-MBX-APIKEY"] = self.key.name
        else:
            payload = encoded(call.parameters)
        url = f"{self.addresses.rest}{call.path}"
        content = None
        # What is signed has to arrive byte for byte: it is never handed over as a mapping.
        if call.method in {"POST", "PUT"}:
            content = payload.encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        elif payload:
            url = f"{url}?{payload}"
        return self.client.build_request(
            call.method, url, content=content, headers=headers, extensions={"trace": sent.note}
        )

    def _noted(self, response: httpx.Response) -> Reply:
        """Returns the reply, after the governor took what its status says about the limits."""
        retry_after_s = _seconds(response.headers.get("retry-after"))
        match response.status_code:
            case 429:
                retry_after_s = self.governor.pause(retry_after_s, self.clock.monotonic_s())
            case 418:
                retry_after_s = self.governor.ban(
                    retry_after_s, self.clock.now_ms(), self.clock.monotonic_s()
                )
            case 403:
                self.governor.slow_down(self.clock.monotonic_s())
        return Reply(response.status_code, response.content, retry_after_s)


@dataclass
class _FirstByte:
    """Learns from the connection whether a byte of the request may have left."""

    gone: bool = False

    async def note(self, event: str, info: Mapping[str, object]) -> None:
        del info
        if event.endswith("send_request_headers.started"):
            self.gone = True


def _is_out_of_time(answer: Reply | NotSent | Unknown) -> bool:
    if not isinstance(answer, Reply) or not 400 <= answer.status < 500:
        return False
    try:
        return reading(error, answer.body).reaction is Reaction.RESYNC
    except Unreadable:
        return False


def _reason(failure: Exception, limit_s: float) -> str:
    if isinstance(failure, TimeoutError) and not str(failure):
        return f"no whole answer within {limit_s:.0f} s"
    return f"{type(failure).__name__} {failure}".strip()


def _seconds(text: str | None) -> float | None:
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 9:
        return None
    return float(text)
