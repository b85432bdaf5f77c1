"""Who comes in and what they may do: log-in, sessions, tokens, sockets, lock-out."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest
from starlette.types import Message

from leeward.dashboard import asking
from leeward.dashboard.api import accounts
from leeward.dashboard.asking import Asking
from leeward.dashboard.backtests import Run, Wish
from leeward.dashboard.feed import Outlook
from leeward.dashboard.guard import COOKIE
from leeward.dashboard.headers import protective
from leeward.dashboard.server import house_of
from leeward.dashboard.visitors import LockOut
from leeward.domain.errors import BadUsage, Refused
from leeward.runtime.sections import DashboardSettings
from tests.dashboards import HOST, ORIGIN, PASSWORD, Answer, Scene, scene
from tests.histories import ACCOUNT

OVERVIEW = f"/api/v1/accounts/{ACCOUNT}/overview"
COMMANDS = f"/api/v1/accounts/{ACCOUNT}/commands"
HALT = f"{COMMANDS}/halt"


def within(folder: Path, story: Callable[[Scene], Coroutine[None, None, None]]) -> None:
    async def play() -> None:
        async with scene(folder) as here:
            await story(here)

    asyncio.run(play())


async def log_in(here: Scene, password: str = PASSWORD, address: str = "10.0.0.1") -> Answer:
    shown = await here.caller.ask("GET", "/login", address=address)
    form = re.search(r'name="form" value="([^"]+)"', shown.body.decode())
    assert form is not None
    cookie = {"cookie": f"leeward_login={form[1]}", "origin": ORIGIN}
    body = f"form={form[1]}&password={password}".encode()
    return await here.caller.ask("POST", "/login", cookie, body, address)


def test_the_password_opens_a_session_that_is_sent_to_no_other_site(tmp_path: Path) -> None:
    async def story(here: Scene) -> None:
        answer = await log_in(here)
        assert (answer.status, answer.headers["location"]) == (303, "/")
        fresh = [m for m in here.caller.heard if f"{COOKIE}=".encode() in m]
        assert re.search(
            rb"leeward_session=[\w-]{43}; HttpOnly; Max-Age=43200; Path=/; SameSite=strict",
            fresh[-1],
        )

    within(tmp_path, story)


def test_a_wrong_password_opens_nothing_and_five_lock_the_address_out(tmp_path: Path) -> None:
    async def story(here: Scene) -> None:
        for _ in range(5):
            answer = await log_in(here, "wrong-wrong-wrong", "10.1.1.1")
            assert (answer.status, COOKIE in str(answer.headers)) == (401, False)
        locked = await log_in(here, PASSWORD, "10.1.1.1")
        assert (locked.status, b"try again in" in locked.body.lower()) == (429, True)
        assert (await log_in(here, PASSWORD, "10.1.1.2")).status == 303
        assert "wrong_password" in here.log.getvalue()

    within(tmp_path, story)


def test_guesses_side_by_side_do_not_share_one_chance(tmp_path: Path) -> None:
    async def story(here: Scene) -> None:
        guesses = [log_in(here, f"wrong-wrong-{n}", "10.1.1.1") for n in range(12)]
        answers = await asyncio.gather(*guesses)
        assert sum(answer.status == 401 for answer in answers) == 5

    within(tmp_path, story)


def test_a_person_acts_with_cookie_and_form_token_and_is_named_in_the_trail(tmp_path: Path) -> None:
    async def story(here: Scene) -> None:
        given = {**here.person, "x-csrf-token": here.csrf, "content-type": "application/json"}
        done = await here.caller.ask("POST", HALT, given, b'{"reason":"lunch"}')
        assert done.status == 200
        listed = await here.caller.ask(
            "GET", f"/api/v1/accounts/{ACCOUNT}/commands", here.bearer(here.viewer)
        )
        (item,) = listed.json()["items"]
        assert (item["kind"], item["argument"], item["actor"]) == (
            "halt", "lunch", "dashboard:owner",
        )  # fmt: skip

    within(tmp_path, story)


@pytest.mark.parametrize(("kind", "body"), [("resume", b"{}"), ("swap", b'{"rollback":true}')])
def test_a_session_alone_loosens_nothing_by_the_api(tmp_path: Path, kind: str, body: bytes) -> None:
    async def story(here: Scene) -> None:
        before = here.state()
        given = {**here.person, "x-csrf-token": here.csrf, "content-type": "application/json"}
        no = await here.caller.ask("POST", f"{COMMANDS}/{kind}", given, body)
        assert (no.status, no.json()["error"]["code"]) == (403, "not_allowed")
        assert here.state() == before

    within(tmp_path, story)


def test_who_guesses_passwords_does_not_keep_a_person_from_confirming(tmp_path: Path) -> None:
    async def story(here: Scene) -> None:
        for guess in range(30):
            here.dashboard.lock_out.failed(f"10.1.{guess}.1")
        assert (await log_in(here, PASSWORD, "10.2.0.1")).status == 429
        person = here.dashboard.sessions.find(here.cookie)
        assert person is not None
        await here.dashboard.confirm(PASSWORD, person)
        for _ in range(5):
            with pytest.raises(Refused, match="wrong password"):
                await here.dashboard.confirm("wrong-wrong-wrong", person)
        with pytest.raises(Refused, match="try again in"):
            await here.dashboard.confirm(PASSWORD, person)

    within(tmp_path, story)


def test_right_passwords_are_no_guesses() -> None:
    doors = LockOut(lambda: 0.0)
    for visitor in range(40):
        doors.failed(f"10.3.{visitor}.1")
        doors.came_in(f"10.3.{visitor}.1")
    assert doors.wait_s("10.4.0.1") == 0.0


def test_tokens_leave_sockets_for_people(tmp_path: Path) -> None:
    async def story(here: Scene) -> None:
        ends = asyncio.Event()
        opened: list[str] = []

        def opening() -> asyncio.Task[None]:
            said: list[Message] = [{"type": "websocket.connect"}]

            async def receive() -> Message:
                if said:
                    return said.pop()
                await ends.wait()
                return {"type": "websocket.disconnect", "code": 1001}

            async def send(message: Message) -> None:
                if message["type"] == "websocket.accept":
                    opened.append("token")

            scope = {
                "type": "websocket", "path": "/api/v1/stream", "query_string": b"", "scheme": "ws",
                "headers": [(b"host", HOST.encode()),
                            (b"authorization", f"Bearer {here.viewer}".encode())],
                "root_path": "", "client": ("10.0.0.1", 1), "subprotocols": [],
                "raw_path": b"/api/v1/stream",
            }  # fmt: skip
            return asyncio.ensure_future(here.caller.app(scope, receive, send))

        running = [opening() for _ in range(80)]
        async with asyncio.timeout(60.0):
            while len(opened) < 32:
                await asyncio.sleep(0.02)
        sent = await here.caller.socket("/api/v1/stream", here.person)
        assert (sent[0]["type"], len(opened)) == ("websocket.accept", 32)
        ends.set()
        await asyncio.wait_for(asyncio.gather(*running), 60.0)

    within(tmp_path, story)


def test_an_operators_token_acts_and_a_viewers_only_looks(tmp_path: Path) -> None:
    async def story(here: Scene) -> None:
        kind = {"content-type": "application/json"}
        look = await here.caller.ask("GET", OVERVIEW, here.bearer(here.viewer))
        assert look.json()["equity"] == "10007.5"
        no = await here.caller.ask("POST", HALT, {**here.bearer(here.viewer), **kind}, b"{}")
        assert (no.status, no.json()["error"]["code"]) == (403, "not_allowed")
        yes = await here.caller.ask("POST", HALT, {**here.bearer(here.operator), **kind}, b"{}")
        assert (yes.status, yes.json()["command_id"]) == (200, 1)

    within(tmp_path, story)


def test_a_token_reads_the_report_of_a_run_and_no_page(tmp_path: Path) -> None:
    async def story(here: Scene) -> None:
        runs = here.dashboard.backtests
        run = Run("bt-1", Wish("ema_cross", ("BTCUSDT",)), "owner", "done", 0, has_report=True)
        runs._put(run)
        runs.folder.mkdir(parents=True)
        (runs.folder / "bt-1.html").write_text("<p>found</p>")
        for secret in (here.viewer, here.operator):
            answer = await here.caller.ask("GET", "/reports/bt-1", here.bearer(secret))
            assert (answer.status, answer.body) == (200, b"<p>found</p>")
            assert answer.headers["content-security-policy"].startswith("sandbox ")
            assert (await here.caller.ask("GET", "/trades", here.bearer(secret))).status == 401
        no = await here.caller.ask("GET", "/reports/bt-1", here.bearer("lwt_nobody"))
        assert no.status == 401
        # A proxy that asks for a password of its own passes what it was given on.
        of_proxy = {"authorization": "Basic b3duZXI6b3BlbnM="}
        assert (await here.caller.ask("GET", "/reports/bt-1", of_proxy)).status == 401
        person = await here.caller.ask("GET", "/reports/bt-1", {**of_proxy, **here.person})
        assert person.status == 200

    within(tmp_path, story)


@pytest.mark.parametrize(
    ("path", "name"),
    [(f"/api/v1/accounts/{ACCOUNT}/equity?points=9&limit=2", "limit"), ("/api/v1/me?x=1", "x")],
)
def test_a_parameter_that_a_route_does_not_have_is_named(
    tmp_path: Path, path: str, name: str
) -> None:
    """One that was passed over would answer something else than was asked."""

    async def story(here: Scene) -> None:
        answer = await here.caller.ask("GET", path, here.bearer(here.viewer))
        assert answer.status == 422
        assert answer.json()["error"]["message"].startswith(f"query.{name}: ")

    within(tmp_path, story)


def test_what_is_revoked_or_logged_out_ends_at_once(tmp_path: Path) -> None:
    async def story(here: Scene) -> None:
        here.dashboard.access.revoke_token("canary-view")
        assert (await here.caller.ask("GET", OVERVIEW, here.bearer(here.viewer))).status == 401
        assert (await here.caller.ask("GET", OVERVIEW, here.person)).status == 200
        body = f"csrf={here.csrf}".encode()
        assert (await here.caller.ask("POST", "/logout", here.person, body)).status == 303
        assert (await here.caller.ask("GET", OVERVIEW, here.person)).status == 401

    within(tmp_path, story)


def test_a_new_password_logs_everybody_out(tmp_path: Path) -> None:
    async def story(here: Scene) -> None:
        here.dashboard.access.set_password("another-password-entirely")
        assert (await here.caller.ask("GET", OVERVIEW, here.person)).status == 401
        assert (await log_in(here)).status == 401
        assert (await log_in(here, "another-password-entirely")).status == 303

    within(tmp_path, story)


def test_a_session_ends_when_its_time_is_over(tmp_path: Path) -> None:
    async def story(here: Scene) -> None:
        sessions = here.dashboard.sessions
        assert (await here.caller.ask("GET", OVERVIEW, here.person)).status == 200
        ends_s = sessions._now_s() + sessions.seconds
        sessions._now_s = lambda: ends_s
        assert (await here.caller.ask("GET", OVERVIEW, here.person)).status == 401

    within(tmp_path, story)


def test_a_browser_without_a_session_is_led_to_the_log_in(tmp_path: Path) -> None:
    async def story(here: Scene) -> None:
        answer = await here.caller.ask("GET", "/trades", {"accept": "text/html,*/*"})
        assert (answer.status, answer.headers["location"]) == (303, "/login")

    within(tmp_path, story)


def test_a_file_of_trades_is_read_in_slices_and_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read that takes long holds up the commits of a session."""
    monkeypatch.setattr(accounts, "CSV_SLICE", 1)

    async def story(here: Scene) -> None:
        base, viewer = f"/api/v1/accounts/{ACCOUNT}", here.bearer(here.viewer)
        file = await here.caller.ask("GET", f"{base}/trades.csv", viewer)
        listed = await here.caller.ask("GET", f"{base}/trades?order=asc", viewer)
        rows = list(csv.DictReader(io.StringIO(file.body.decode(), newline="")))
        wanted = [each["position_id"] for each in listed.json()["items"]]
        assert [row["position_id"] for row in rows] == wanted
        assert len(rows) == 2

    within(tmp_path, story)


class Checks(Asking):
    """Finds all well, and counts how often it looked."""

    made = 0

    async def _asked(self, arguments: tuple[str, ...]) -> tuple[bytes, object]:
        del arguments
        self.made += 1
        return b'{"ok": true}', {"ok": True}


def test_the_audit_is_made_again_though_nothing_new_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who changes old lines leaves no new one."""

    async def story(here: Scene) -> None:
        checks = Checks(here.dashboard.settings)
        here.dashboard.asking = checks
        for at_ms in (0, 1_000, 60_000):
            monkeypatch.setattr(asking, "now_ms", lambda at_ms=at_ms: at_ms)
            await here.caller.ask("GET", "/api/v1/audit", here.bearer(here.viewer))
        assert checks.made == 2

    within(tmp_path, story)


def test_a_program_that_asks_for_too_many_replays_is_told_when_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(here: Scene) -> None:
        here.dashboard.asking = Checks(here.dashboard.settings)
        for at_ms in range(0, 360_000, 60_000):
            monkeypatch.setattr(asking, "now_ms", lambda at_ms=at_ms: at_ms)
            said = await here.caller.ask("GET", "/api/v1/audit", here.bearer(here.viewer))
            assert said.status == (200 if at_ms < 300_000 else 429)
        assert said.headers["retry-after"] == "10"
        assert "try again in 10 s" in said.json()["error"]["message"]

    within(tmp_path, story)


def test_sockets_open_for_those_who_may_look_and_tell_the_overview(tmp_path: Path) -> None:
    async def story(here: Scene) -> None:
        for headers in (here.person, here.bearer(here.viewer)):
            sent = await here.caller.socket("/api/v1/stream", headers)
            assert sent[0]["type"] == "websocket.accept"
            told = json.loads(sent[1]["text"])
            assert told["overview"]["account"] == ACCOUNT

    within(tmp_path, story)


@pytest.mark.parametrize("path", ["/api/v1/stream", "/_nicegui_ws/socket.io/?EIO=4"])
def test_sockets_stay_shut_for_all_others(tmp_path: Path, path: str) -> None:
    async def story(here: Scene) -> None:
        cookie = here.person["cookie"]
        for headers in (
            {},
            {"cookie": cookie},
            {"cookie": cookie, "origin": "https://evil.example"},
            {"cookie": cookie, "origin": "null"},
            {"cookie": cookie, "origin": "http://evil.example", "host": "evil.example"},
            {"cookie": cookie[:-3] + "abc", "origin": ORIGIN},
            {"origin": ORIGIN},
            {**here.bearer("lwt_nobody"), "origin": ORIGIN},
            {**here.person, "sec-fetch-site": "cross-site"},
        ):
            sent = await here.caller.socket(path, headers)
            assert [message["type"] for message in sent] == ["websocket.close"], headers

    within(tmp_path, story)


async def shut_by(here: Scene, query: str, trouble: Callable[[], object]) -> None:
    """Opens a socket that tells of accounts, and holds that it is shut by some trouble."""
    sent: list[str] = []
    said: list[Message] = [{"type": "websocket.connect"}]

    async def receive() -> Message:
        if said:
            return said.pop()
        while "websocket.close" not in sent:
            await asyncio.sleep(0.02)
        return {"type": "websocket.disconnect", "code": 1011}

    async def send(message: Message) -> None:
        sent.append(message["type"])

    secret = f"Bearer {here.viewer}".encode()
    scope = {
        "type": "websocket", "path": "/api/v1/stream", "query_string": query.encode(),
        "headers": [(b"host", HOST.encode()), (b"authorization", secret)], "root_path": "",
        "client": ("10.0.0.1", 1), "subprotocols": [], "raw_path": b"/api/v1/stream",
        "scheme": "ws",
    }  # fmt: skip
    running = asyncio.ensure_future(here.caller.app(scope, receive, send))
    async with asyncio.timeout(60.0):
        while "websocket.send" not in sent:
            await asyncio.sleep(0.02)
    trouble()
    await asyncio.wait_for(running, 60.0)
    assert sent[-1] == "websocket.close"


def test_an_open_socket_is_shut_when_its_token_is_revoked(tmp_path: Path) -> None:
    async def story(here: Scene) -> None:
        await shut_by(here, "", lambda: here.dashboard.access.revoke_token("canary-view"))

    within(tmp_path, story)


def test_a_socket_whose_account_is_gone_is_shut_and_does_not_stay_open_and_silent(
    tmp_path: Path,
) -> None:
    async def story(here: Scene) -> None:
        def put_an_older_backup_back() -> None:
            feed = here.dashboard.feed
            feed._publish(Outlook(feed.version + 1, {}))

        await shut_by(here, f"account={ACCOUNT}", put_an_older_backup_back)

    within(tmp_path, story)


def test_who_asks_too_often_waits(tmp_path: Path) -> None:
    async def play() -> None:
        async with scene(tmp_path, rates=((1e-6, 5.0), (1e-6, 10.0))) as here:
            asked = [await here.caller.ask("GET", "/login") for _ in range(8)]
            assert [a.status for a in asked] == [200] * 5 + [429] * 3
            assert asked[-1].headers["retry-after"] == "1"
            known = [
                await here.caller.ask("GET", OVERVIEW, here.bearer(here.viewer)) for _ in range(12)
            ]
            assert sum(a.status == 200 for a in known) == 10

    asyncio.run(play())


def test_every_answer_tells_the_browser_what_to_refuse(tmp_path: Path) -> None:
    async def story(here: Scene) -> None:
        for path, headers in (
            ("/login", {}), ("/nothing", {}), (OVERVIEW, here.bearer(here.viewer)),
            ("/assets/leeward.css", {}), ("/reports/bt-1", here.person),
        ):  # fmt: skip
            found = (await here.caller.ask("GET", path, headers)).headers
            assert "default-src 'none'" in found["content-security-policy"]
            assert "frame-ancestors 'none'" in found["content-security-policy"]
            assert found["x-content-type-options"] == "nosniff"
            assert "server" not in found
            assert path.startswith("/assets/") or found["cache-control"] == "no-store"

    within(tmp_path, story)


def test_a_page_may_run_only_scripts_that_are_marked() -> None:
    scope = {"path": "/", "leeward.nonce": "abc"}
    headers = dict(protective(scope, [(b"content-type", b"text/html")], secure=True))
    policy = headers[b"content-security-policy"].decode()
    assert "script-src 'self' 'nonce-abc' 'unsafe-eval';" in policy
    assert "http" not in policy
    assert b"strict-transport-security" in headers


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"host": "192.168.1.5"}, "can be reached by others"),
        ({"host": "0.0.0.0"}, "can be reached by others"),  # noqa: S104 - it is refused
        ({"host": "::"}, "can be reached by others"),
        ({"host": "trader.example"}, "can be reached by others"),
        ({"host": "localhost.example"}, "can be reached by others"),
        ({"host": "[localhost]"}, "can be reached by others"),
        ({"host": ""}, "can be reached by others"),
        ({"host": "0.0.0.0", "behind_proxy": True}, "allowed_hosts"),  # noqa: S104 - it is refused
    ],
)
def test_an_address_that_others_reach_is_refused(settings: dict[str, object], words: str) -> None:
    with pytest.raises(Refused, match=words):
        house_of(DashboardSettings.model_validate(settings))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.0.1", "::1", "[::1]", "localhost", "LOCALHOST"]
)
def test_an_address_of_this_machine_alone_needs_no_tls(host: str) -> None:
    assert host.lower() in house_of(DashboardSettings(host=host)).names


def test_a_certificate_without_its_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "cert.pem"
    file.touch()
    with pytest.raises(BadUsage, match="both, or neither"):
        house_of(DashboardSettings(tls_certificate=file))


def test_behind_a_proxy_it_takes_the_names_that_are_stated() -> None:
    settings = DashboardSettings(
        host="0.0.0.0",  # noqa: S104 - behind a proxy
        behind_proxy=True,
        allowed_hosts=("Trade.Example",),
    )
    house = house_of(settings)
    assert "trade.example" in house.names
    assert house.secure
