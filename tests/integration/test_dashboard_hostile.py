"""Thousands of requests that mean ill: nothing changes, and no secret comes out."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from leeward.dashboard.guard import COOKIE
from leeward.runtime.settings import secrets_in
from tests.dashboards import ORIGIN, PASSWORD, Scene, scene
from tests.histories import ACCOUNT

CANARIES = {
    "LEEWARD_VENUE__API_KEY": "canary-api-key-7f3a9c",
    "LEEWARD_VENUE__API_SECRET": "canary-api-secret-51be02",
    "LEEWARD_SENTIMENT__CRYPTOCOMPARE_KEY": "canary-cryptocompare-9d1c",
    "LEEWARD_ALERTS__CHANNELS": '["mailto://me:canary-mail-a8f1@example.org"]',
    "LEEWARD_ALERTS__HEARTBEAT_URL": "https://example.org/canary-heartbeat-31d7",
    "LEEWARD_TELEGRAM__TOKEN": "1234567:canary-telegram-90ab",
}

COMMANDS = f"/api/v1/accounts/{ACCOUNT}/commands"
CHANGES: list[tuple[str, str, object]] = [
    ("POST", f"{COMMANDS}/halt", {"reason": "x"}),
    ("POST", f"{COMMANDS}/resume", {"reason": "x"}),
    ("POST", f"{COMMANDS}/flatten", {"symbol": ""}),
    ("POST", f"{COMMANDS}/swap", {"strategy": "ema_cross"}),
    ("POST", f"{COMMANDS}/swap", {"rollback": True}),
    ("POST", "/api/v1/backtests", {"strategy": "ema_cross", "symbols": ["BTCUSDT"]}),
    ("DELETE", "/api/v1/backtests/bt-1", None),
]
READS = [
    "/api/v1/me", "/api/v1/accounts", "/api/v1/openapi.json", "/api/v1/backtests",
    "/api/v1/models", "/api/v1/audit",
    *(
        f"/api/v1/accounts/{ACCOUNT}/{name}"
        for name in (
            "overview", "positions", "sessions", "equity", "performance", "risk", "executions",
            "events", "commands", "trades", "trades.csv", "trades/BTCUSDT-0", "why", "parity",
        )
    ),
]  # fmt: skip


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CANARIES.items():
        monkeypatch.setenv(name, value)


def ways_in(here: Scene) -> Iterator[tuple[str, dict[str, str]]]:
    """Yields headers that must not be let change anything, by name."""
    forged = here.cookie[:-2] + ("AA" if here.cookie[-2:] != "AA" else "BB")
    person = here.person
    yield "nobody", {}
    yield "a guessed token", here.bearer("lwt_" + "A" * 43)
    yield "the hash of a token", here.bearer(here.dashboard.access.read().tokens[0].sha256)
    yield "an empty token", {"authorization": "Bearer "}
    yield "basic", {"authorization": "Basic b3duZXI6Y2FuYXJ5"}
    yield "the password as a token", here.bearer(PASSWORD)
    yield "a viewer", here.bearer(here.viewer)
    yield "a viewer with a cookie's form token", {
        **here.bearer(here.viewer), "x-csrf-token": here.csrf,
    }  # fmt: skip
    yield (
        "a viewer and an operator",
        {"authorization": f"Bearer {here.viewer}, Bearer {here.operator}"},
    )
    yield "a session as a token", here.bearer(here.cookie)
    yield "a forged cookie", {"cookie": f"{COOKIE}={forged}", "x-csrf-token": here.csrf}
    yield "a token as a cookie", {"cookie": f"{COOKIE}={here.operator}"}
    yield "no form token", person
    yield "an empty form token", {**person, "x-csrf-token": ""}
    yield "another form token", {**person, "x-csrf-token": here.csrf[::-1]}
    yield "the cookie as form token", {**person, "x-csrf-token": here.cookie}
    whole = {**person, "x-csrf-token": here.csrf}
    for origin in (
        "null", "https://evil.example", "http://127.0.0.1.evil.example:8321",
        "https://127.0.0.1:8321", "http://127.0.0.1:8322", "http://localhost:8321",
        f"{ORIGIN}/", f"{ORIGIN}@evil.example", "", "file://", f"{ORIGIN} {ORIGIN}",
    ):  # fmt: skip
        yield f"a page of '{origin}'", {**whole, "origin": origin}
        token = {**here.bearer(here.operator), "origin": origin}
        yield f"a token on a page of '{origin}'", token
    for site in ("cross-site", "same-site", "CROSS-SITE", "nonsense"):
        yield f"fetched from {site}", {**whole, "sec-fetch-site": site}
    for host in (
        "evil.example", "127.0.0.1.evil.example", "evil.example:8321", "127.0.0.1@evil.example",
        "", "evil.example\x00127.0.0.1", "[::1", "[::1]evil.example", "0.0.0.0:8321", "127.1",
        "localhost.evil.example", "127.0.0.1:8321:80",
    ):  # fmt: skip
        # Rebound names: the page's origin is that name too.
        yield f"called {host!r}", {**whole, "host": host, "origin": f"http://{host}"}
        yield f"a token, called {host!r}", {**here.bearer(here.operator), "host": host}


NOISE: list[dict[str, str]] = [
    {},
    {"x-forwarded-for": "127.0.0.1", "x-real-ip": "127.0.0.1"},
    {"x-forwarded-host": "127.0.0.1:8321", "x-forwarded-proto": "https"},
    {"forwarded": "for=127.0.0.1;host=127.0.0.1", "x-forwarded-prefix": "/\"><script>"},
    {"x-http-method-override": "GET", "x-method-override": "GET"},
    {"referer": f"{ORIGIN}/control", "x-requested-with": "XMLHttpRequest"},
    {"x-original-url": "/login", "x-rewrite-url": "/login"},
    {"content-type": "text/plain"},
    {"transfer-encoding": "chunked"},
    {"accept": "text/html", "sec-fetch-mode": "navigate"},
]  # fmt: skip


@pytest.mark.usefixtures("planted")
def test_thousands_of_hostile_requests_change_nothing_and_learn_nothing(tmp_path: Path) -> None:
    async def storm() -> None:
        async with scene(tmp_path) as here:
            before = here.state()
            await _changes(here)
            await _reads(here)
            await _paths(here)
            await _bodies(here)
            await _logins(here)
            assert here.state() == before
            asked = sum(here.caller.statuses.values())
            print(f"{asked:,} hostile requests")  # noqa: T201 - a figure
            assert asked >= 5_000
            assert not [status for status in here.caller.statuses if status >= 500]
            assert leaks(here) == []

    asyncio.run(storm())


async def _changes(here: Scene) -> None:
    tries = product(ways_in(here), NOISE, CHANGES)
    for (name, headers), noise, (method, path, body) in tries:
        given = {"content-type": "application/json", **noise, **headers}
        content = b"" if body is None else json.dumps(body).encode()
        answer = await here.caller.ask(method, path, given, content)
        assert answer.status in {303, 400, 401, 403, 413}, (name, method, path, answer)


async def _reads(here: Scene) -> None:
    """Nobody reads without a right; a viewer's right is one."""
    for name, headers in ways_in(here):
        if "viewer" in name or "form token" in name:
            continue
        for path in READS:
            answer = await here.caller.ask("GET", path, headers)
            assert answer.status in {400, 401, 403}, (name, path, answer)


async def _paths(here: Scene) -> None:
    """No spelling of a path leads around the guard, or to a file that is not meant."""
    outside = [
        "/assets/../access.json", "/assets/%2e%2e/%2e%2e/access.json", "/assets/..%2faccess.json",
        "/assets//etc/passwd", "/assets/%00", "/assets/....//....//access.json",
        "/assets/..\\..\\access.json", "/assets/%5c..%5caccess.json", "/access.json",
        "/leeward.db", "/.git/config", "/etc/passwd", "//etc/passwd", "/reports/../access.json",
        "/reports/..%2f..%2faccess.json", "/reports/bt-1%00", "/reports/bt-1/../../access.json",
        "/_nicegui/../access.json", "/server-status", "/api/../login", "/login/../api/v1/accounts",
        "/login/..;/api/v1/accounts", "/login;/api/v1/accounts", "/LOGIN", "/login/",
        "/login%00", "/assets/login.css/../../guard.py", "/assets/guard.py",
    ]  # fmt: skip
    for path in outside:
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "FOO"):
            for headers in ({}, here.bearer(here.viewer), here.person):
                answer = await here.caller.ask(method, path, headers)
                assert answer.status in {307, 400, 401, 403, 404, 405, 422}, (path, answer)
    around = [
        f"/api/v1/{spelled}/commands/halt"
        for spelled in (
            "accounts/x",
            "accounts//x",
            "./accounts/x",
            "accounts/%2e/x",
            "accounts/x;a",
        )
    ]
    around += ["/API/V1/accounts", "//api/v1/accounts", "/api//v1/accounts", "/api/v1/accounts/"]
    for path in around:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            answer = await here.caller.ask(method, path, {}, b"{}")
            assert answer.status == 401, (method, path, answer)


def _ill_formed(chance: random.Random) -> Iterator[bytes]:
    yield from (b"", b"null", b"[]", b"{", b"\xff\xfe", b'{"reason":1}', b'{"reason":"\\u0000"}')
    yield from (b'{"a":' * 5_000, b"[" * 30_000, b'{"reason":"x","extra":1}', b'{"symbol":"*"}')
    yield b'{"strategy":"/tmp/evil.py:Evil"}'
    yield b'{"strategy":"../../evil.py"}'
    yield b'{"strategy":"ema_cross","symbols":["BTCUSDT"],"params":{"--config":"x"}}'
    yield b'{"strategy":"ema_cross","symbols":["--json=/tmp/x"]}'
    yield b'{"strategy":"--help","symbols":["BTCUSDT"]}'
    yield b'{"strategy":"ema_cross","symbols":["BTCUSDT"],"risk":{"x=1 --set":"y"}}'
    yield b'{"strategy":"ema_cross","symbols":["BTCUSDT"],"balance":1e999}'
    yield b'{"strategy":"ema_cross","symbols":["BTCUSDT"],"balance":NaN}'
    yield b'{"strategy":"ema_cross","model":"x"}'
    yield b'{"rollback":true,"params":{"a":1}}'
    yield b'{"shadow":-1}'
    yield b"x" * 70_000
    for _ in range(20):
        yield bytes(chance.randrange(256) for _ in range(chance.randrange(1, 200)))


async def _bodies(here: Scene) -> None:
    """Even an operator changes nothing by a body that is not as described."""
    chance = random.Random(6)  # noqa: S311 - noise that is the same each time
    posts = [path for method, path, _ in CHANGES if method == "POST"]
    kinds = ("application/json", "text/plain", "multipart/form-data; boundary=x", "")
    for body, path, kind in product(_ill_formed(chance), posts, kinds):
        given = {**here.bearer(here.operator), "content-type": kind}
        if len(body) > 64 * 1024:
            given["content-length"] = str(len(body))
        answer = await here.caller.ask("POST", path, given, body)
        assert answer.status in {400, 413, 422}, (path, body[:60], kind, answer)


async def _logins(here: Scene) -> None:
    """The log-in takes no form of another site, and no password that is not the one."""
    ask = here.caller.ask
    forms: list[tuple[dict[str, str], bytes]] = [
        ({}, b"password=" + PASSWORD.encode()),
        ({"cookie": "leeward_login=a"}, b"form=b&password=" + PASSWORD.encode()),
        ({"cookie": "leeward_login="}, b"form=&password=" + PASSWORD.encode()),
        ({"cookie": "leeward_login=a", "origin": "https://evil.example"},
         b"form=a&password=" + PASSWORD.encode()),
        ({"cookie": "leeward_login=a"}, b"form=a&password=" + b"%00" * 30),
        ({"cookie": "leeward_login=a"}, b"form=a&password=\xff\xfe"),
        ({"cookie": "leeward_login=a"}, b"form=a&password[]=x&" * 50),
    ]  # fmt: skip
    for headers, body in forms:
        answer = await ask("POST", "/login", headers, body, "10.9.9.9")
        assert answer.status in {401, 403}, (headers, body, answer)
        assert COOKIE not in answer.headers.get("set-cookie", "")
    answer = await ask("POST", "/logout", here.person, b"csrf=wrong")
    assert answer.status == 403
    assert here.dashboard.sessions.find(here.cookie) is not None


def leaks(here: Scene) -> list[str]:
    """Returns the secrets that are found in an answer, in the log, or in clear in a file."""
    secrets: list[Any] = [*secrets_in(here.dashboard.settings), PASSWORD, here.operator,
                          here.viewer, here.cookie, here.csrf]  # fmt: skip
    kept = here.dashboard.access.read()
    secrets += [kept.password, *(token.sha256 for token in kept.tokens), "canary-mail-a8f1"]
    told = b"\n".join(here.caller.heard) + here.log.getvalue().encode()
    files = b"".join(path.read_bytes() for path in here.root.rglob("*") if path.is_file())
    in_clear = [
        s for s in (PASSWORD, here.operator, here.viewer, here.cookie) if s.encode() in files
    ]
    return [secret for secret in secrets if str(secret).encode() in told] + in_clear
