"""The ways in under attack, over real sockets: guesses, forged addresses, dawdling connections."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import connect

from leeward.dashboard import access, connections, guard
from leeward.dashboard.guard import COOKIE, DEVICE_COOKIE
from leeward.runtime.sections import DashboardSettings
from tests.dashboards import PASSWORD, Scene, on_loopback, scene

#: Requests of strangers at once, and no more for as long as a test takes.
FEW = ((1e-6, 40.0), (1e9, 1e9))


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing slowly is not what is tried here."""
    monkeypatch.setattr(access, "_PASSES", 1)
    monkeypatch.setattr(access, "_KIBIBYTES", 64)


class Browser:
    """Keeps cookies, and calls from an address of its own."""

    def __init__(self, port: int, address: str = "127.0.0.1", proxied: str | None = None) -> None:
        self.client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            timeout=60,
            transport=httpx.AsyncHTTPTransport(
                local_address=address, limits=httpx.Limits(max_keepalive_connections=0)
            ),
        )
        self.headers = {} if proxied is None else {"x-forwarded-for": proxied}

    async def log_in(self, password: str = PASSWORD) -> int:
        shown = await self.client.get("/login", headers=self.headers)
        form = re.search(r'name="form" value="([^"]+)"', shown.text)
        if form is None:
            return shown.status_code
        given = {"form": form[1], "password": password}
        answer = await self.client.post("/login", data=given, headers=self.headers)
        return answer.status_code

    def log_out(self) -> None:
        self.client.cookies.delete(COOKIE)


def served(
    folder: Path,
    story: Callable[[Scene, int], Awaitable[None]],
    *changes: str,
    rates: tuple[tuple[float, float], tuple[float, float]] = ((1e9, 1e9), (1e9, 1e9)),
) -> None:
    async def play() -> None:
        async with scene(folder, *changes, rates=rates) as here, on_loopback(
            here.caller.app, here.dashboard.settings.dashboard
        ) as port:  # fmt: skip
            await story(here, port)

    asyncio.run(play())


async def storm(port: int) -> None:
    """Guesses from many addresses, until nobody may."""
    for last in range(2, 9):
        stranger = Browser(port, f"127.0.0.{last}")
        for _ in range(5):
            assert await stranger.log_in("wrong-wrong-wrong") in {401, 429}
    assert await Browser(port, "127.0.1.1").log_in() == 429


def test_who_guesses_from_everywhere_does_not_keep_out_a_browser_that_came_in_before(
    tmp_path: Path,
) -> None:
    async def story(_here: Scene, port: int) -> None:
        owner = Browser(port)
        assert await owner.log_in() == 303
        owner.log_out()
        await storm(port)
        shared = Browser(port)
        for _ in range(6):  # behind a tunnel all come from one address
            assert await shared.log_in("wrong-wrong-wrong") == 429
        assert await owner.log_in() == 303

    served(tmp_path, story)


def test_a_browser_that_came_in_before_may_guess_no_more_often(tmp_path: Path) -> None:
    async def story(_here: Scene, port: int) -> None:
        owner = Browser(port)
        assert await owner.log_in() == 303
        owner.log_out()
        tries = [await owner.log_in("wrong-wrong-wrong") for _ in range(7)]
        assert tries == [401] * 5 + [429] * 2
        assert await owner.log_in() == 429
        # Nor does it use up the chances of those who never came in.
        assert await Browser(port).log_in() == 303

    served(tmp_path, story)


def test_only_what_we_gave_away_makes_a_browser_known(tmp_path: Path) -> None:
    async def story(here: Scene, port: int) -> None:
        owner = Browser(port)
        assert await owner.log_in() == 303
        kept = owner.client.cookies[DEVICE_COOKIE]
        name, _, seal = kept.partition(".")
        here.dashboard.access.set_password("another-password-entirely")
        of_now = here.dashboard.access.new_device().partition(".")[2]
        await storm(port)
        for forged in (kept, f"x{name}.{seal}", f"{name}.{of_now}", f"{name}.", f".{seal}", "x"):
            thief = Browser(port)
            thief.client.cookies.set(DEVICE_COOKIE, forged)
            assert await thief.log_in("another-password-entirely") == 429, forged

    served(tmp_path, story)


def test_who_asks_too_often_uses_up_nobody_elses_turn(tmp_path: Path) -> None:
    async def story(_here: Scene, port: int) -> None:
        owner = Browser(port)
        assert await owner.log_in() == 303
        owner.log_out()
        stranger = Browser(port)
        asked = [(await stranger.client.get("/login")).status_code for _ in range(60)]
        assert asked[-1] == 429
        assert await owner.log_in() == 303

    served(tmp_path, story, rates=FEW)


def test_over_tls_a_cookie_has_a_name_that_no_other_site_can_set(tmp_path: Path) -> None:
    async def story(here: Scene, port: int) -> None:
        client = Browser(port).client
        shown = await client.get("/login")
        form = re.search(r'name="form" value="([^"]+)"', shown.text)
        assert form is not None
        sent = {"cookie": f"__Host-leeward_login={form[1]}"}
        given = {"form": form[1], "password": PASSWORD}
        answer = await client.post("/login", data=given, headers=sent)
        made = [*answer.headers.get_list("set-cookie"), shown.headers["set-cookie"]]
        assert len(made) == 4
        for each in made:
            assert re.match(r"__Host-leeward_(login|session|device)=", each), each
            assert ("Secure" in each, "Path=/;" in each, "Domain" in each) == (True, True, False)
        for name, status in ((COOKIE, 401), (f"__Host-{COOKIE}", 200)):
            sent = {"cookie": f"{name}={here.cookie}"}
            assert (await client.get("/api/v1/me", headers=sent)).status_code == status

    served(tmp_path, story, "dashboard.behind_proxy=true")


def test_only_a_proxy_says_who_called(tmp_path: Path) -> None:
    believed = "127.0.0.1", "::1", "::ffff:127.0.0.1", "10.7.0.2"
    others = "10.8.0.2", "192.168.1.9", "::ffff:10.9.0.2", ""

    async def play() -> None:
        changes = "dashboard.behind_proxy=true", 'dashboard.proxies=["10.7.0.0/24"]'
        async with scene(tmp_path, *changes, rates=((1e-6, 5.0), (1e9, 1e9))) as here:

            async def asked(address: str, told: str) -> int:
                given = {"x-forwarded-for": told}
                return (await here.caller.ask("GET", "/login", given, address=address)).status

            for number, each in enumerate(believed):
                for last in range(8):
                    assert await asked(each, f"1.2.3.4, 10.1.{number}.{last}") == 200
                # Nor does a proxy help one who says that he is somebody else.
                tries = [await asked(each, f"1.2.3.{n}, 10.2.{number}.1") for n in range(6)]
                assert tries == [200] * 5 + [429]
            for number, each in enumerate(others):
                tries = [await asked(each, f"10.3.{number}.{last}") for last in range(6)]
                assert tries == [200] * 5 + [429]

    asyncio.run(play())


async def _slow_app(_: Scope, __: Receive, send: Send) -> None:
    await asyncio.sleep(4.0)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"late"})


async def dawdle(port: int, begin: bytes, drip: bytes) -> bytes:
    """Returns what came until the connection was closed, on which a byte was sent now and then."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(begin)
    heard = asyncio.create_task(reader.read())
    try:
        async with asyncio.timeout(60.0):
            while not heard.done():
                writer.write(drip)
                await asyncio.wait([heard], timeout=0.05)
            return await heard
    except OSError:
        return b""
    finally:
        await closed(writer)


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):  # the other side may have cut it
        await writer.wait_closed()


BODY = b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 60000\r\n\r\n"


def test_who_dawdles_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "PATIENCE_S", 2.0)
    monkeypatch.setattr(guard, "BODY_S", 2.0)
    whole = b"GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    cases = {
        "says nothing": (b"", b"", b""),
        "a head that never ends": (whole[:-2], b"a", b""),
        "empty lines": (b"\r\n", b"\r\n", b""),
        "a body that never ends": (BODY, b"a", b"HTTP/1.1 403"),
        # Its answer, a 401, may be lost: a connection that is cut takes it along.
        "a body that nobody reads": (BODY.replace(b"/login", b"/no"), b"a", b""),
        "a second head": (whole, b"G", b"HTTP/1.1 200"),
    }

    async def story(_here: Scene, port: int) -> None:
        tries = (dawdle(port, begin, drip) for begin, drip, _ in cases.values())
        for (name, case), said in zip(cases.items(), await asyncio.gather(*tries), strict=True):
            assert said.startswith(case[2]), name

    served(tmp_path, story)


def test_an_answer_and_a_socket_may_take_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "PATIENCE_S", 1.5)

    async def story(here: Scene, port: int) -> None:
        async with connect(
            f"ws://127.0.0.1:{port}/api/v1/stream", additional_headers=here.bearer(here.viewer)
        ) as stream:
            await stream.recv()
            async with on_loopback(_slow_app, DashboardSettings()) as slow:
                assert (await Browser(slow).client.get("/")).text == "late"
            await (await stream.ping())

    served(tmp_path, story)


def test_connections_that_say_nothing_make_room(tmp_path: Path) -> None:
    async def story(_here: Scene, port: int) -> None:
        opened = [
            await asyncio.open_connection("127.0.0.1", port, local_addr=(f"127.0.0.{last}", 0))
            for last in range(2, 12)
            for _ in range(30)
        ]
        for _, writer in opened[::2]:
            writer.write(b"GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        for _ in range(3):
            assert await Browser(port).log_in() == 303

        def open_still() -> int:
            return sum(not reader.at_eof() for reader, _ in opened)

        async with asyncio.timeout(60.0):
            while open_still() > connections.MOST_CONNECTIONS:
                await asyncio.sleep(0.02)
        for _, writer in opened:
            await closed(writer)

    served(tmp_path, story)


async def _large_app(scope: Scope, _: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    chunks = 64 if scope["path"] == "/large" else 0
    for _each in range(chunks):
        await send({"type": "http.response.body", "body": bytes(1 << 20), "more_body": True})
    await send({"type": "http.response.body", "body": b"small"})


def test_who_dawdles_over_a_body_or_an_answer_makes_room_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 8)
    monkeypatch.setattr(connections, "PATIENCE_S", 3600.0)
    monkeypatch.setattr(guard, "BODY_S", 3600.0)

    async def crowd(port: int, begin: bytes) -> list[asyncio.StreamWriter]:
        opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
        for _, writer in opened:
            writer.write(begin)  # and what comes is never read
        return [writer for _, writer in opened]

    async def story(_here: Scene, port: int) -> None:
        opened = await crowd(port, BODY)
        assert await Browser(port).log_in() == 303
        async with on_loopback(_large_app, DashboardSettings()) as large:
            opened += await crowd(large, b"GET /large HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            for _ in range(3):
                assert (await Browser(large).client.get("/")).text == "small"
            for writer in opened:
                await closed(writer)

    served(tmp_path, story)


def test_a_head_that_is_too_large_is_refused(tmp_path: Path) -> None:
    async def story(_here: Scene, port: int) -> None:
        head = b"GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: "
        said = await dawdle(port, head, b"a" * 4096)
        assert said.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431"))
        # One that comes all at once is whole before it is counted.
        said = await dawdle(port, head + b"a" * 20_000 + b"\r\nConnection: close\r\n\r\n", b"")
        assert said.startswith(b"HTTP/1.1 413")
        for target in (b"a" * 20_000, b"?a=" + b"a" * 20_000):
            line = b"GET /login" + target + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            assert (await dawdle(port, line + b"\r\n", b"")).startswith(b"HTTP/1.1 413")

    served(tmp_path, story)
