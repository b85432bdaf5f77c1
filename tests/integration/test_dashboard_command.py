"""`leeward dashboard` as a process: its pages, its log, and what it refuses."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from leeward.dashboard.access import access_of
from leeward.dashboard.pages.navigation import PLACES
from tests.dashboards import PASSWORD, settings_in, write_history
from tests.integration.conftest import Run
from tests.integration.test_dashboard_hostile import CANARIES
from tests.running import lines_until, started


@contextmanager
def dashboard(
    folder: Path, *arguments: str, **environment: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Yields the running command and its address."""
    with started(folder, "dashboard", "--port", "0", *arguments, **environment) as process:
        line = lines_until(process, "dashboard: ", 100)[-1]
        yield process, line.split()[1]


def logged_in(address: str) -> httpx.Client:
    client = httpx.Client(base_url=address, timeout=60)
    form = re.search(r'name="form" value="([^"]+)"', client.get("/login").text)
    assert form is not None
    answer = client.post("/login", data={"form": form[1], "password": PASSWORD})
    assert answer.status_code == 303
    return client


def test_pages_are_served_with_marked_scripts_and_no_secret(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    write_history(settings)
    access_of(settings).set_password(PASSWORD)
    heard: list[str] = []
    with dashboard(tmp_path, "--log", str(tmp_path / "log.jsonl"), **CANARIES) as (process, at):
        with closing(logged_in(at)) as client:
            for place in PLACES:
                page = client.get(place.path)
                heard += [page.text, str(page.headers)]
                nonce = re.search("'nonce-([^']+)'", page.headers["content-security-policy"])
                assert nonce is not None
                assert page.status_code == 200
                assert page.text.count("<script") == page.text.count(f'nonce="{nonce[1]}"')
                assert not re.search(r'(src|href)="(https?:)?//', page.text)
            for path in set(re.findall(r'(?:src|href)="(/[^"]+)"', page.text)):
                found = client.get(path)
                assert found.status_code == 200, path
                assert httpx.get(at + path, timeout=60).status_code in {200, 401}
            _lost(client, at)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert process.returncode in {0, -signal.SIGTERM}
    told = "\n".join([*heard, out, err, (tmp_path / "log.jsonl").read_text()])
    for canary in (*CANARIES.values(), PASSWORD, "canary-mail"):
        assert canary not in told
    assert '"logged_in"' in told


def _lost(client: httpx.Client, at: str) -> None:
    """An address that is none leads back, or to the log-in."""
    lost = client.get("/trade", headers={"accept": "text/html"})
    assert (lost.status_code, "There is no such page" in lost.text) == (404, True)
    assert '<a class="button main" href="/">' in lost.text
    assert "nicegui" not in lost.text.lower()
    assert client.get("/_nicegui/nothing").headers["content-type"] == "application/json"
    stranger = httpx.get(f"{at}/trade", headers={"accept": "text/html"}, timeout=60)
    assert (stranger.status_code, stranger.headers["location"]) == (303, "/login")


def test_the_password_of_a_database_that_is_down_is_told_nobody(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    access_of(settings).set_password(PASSWORD)
    url = "postgresql://me:canary-database-word@127.0.0.1:1/nothing"
    with dashboard(tmp_path, LEEWARD_DATABASE__URL=url) as (process, at):
        with closing(logged_in(at)) as client:
            answers = [client.get(f"/api/v1/accounts{end}") for end in ("", "/x/overview")]
            page = client.get("/")
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert answers[1].status_code == 503
    assert answers[1].json()["error"]["code"] == "database_down"
    told = "".join([*(each.text for each in answers), page.text, out, err])
    assert "canary-database-word" not in told


@pytest.mark.skipif(os.name != "posix", reason="niceness is of POSIX")
def test_every_thread_of_it_gives_way_to_trading(tmp_path: Path) -> None:
    access_of(settings_in(tmp_path)).set_password(PASSWORD)
    wanted = min(19, os.getpriority(os.PRIO_PROCESS, 0) + 5)
    with dashboard(tmp_path) as (process, at):
        assert httpx.get(f"{at}/login", timeout=60).status_code == 200
        tasks = Path(f"/proc/{process.pid}/task")
        served = [int(each.name) for each in tasks.iterdir()] if tasks.is_dir() else [process.pid]
        found = set()
        for each in served:
            with suppress(ProcessLookupError):  # a thread may have ended
                found.add(os.getpriority(os.PRIO_PROCESS, each))
        assert found == {wanted}


def test_a_second_dashboard_names_the_first(tmp_path: Path, leeward: Run) -> None:
    access_of(settings_in(tmp_path)).set_password(PASSWORD)
    with dashboard(tmp_path) as (_, at):
        shown = leeward("dashboard", "--port", "0")
    assert (shown.code, at in shown.err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "192.168.7.7"], "can be reached by others"),
        (["--host", "0.0.0.0"], "can be reached by others"),  # noqa: S104 - it is refused
        ([], "no password yet, and no terminal"),
    ],
)
def test_what_is_not_safe_is_refused_in_one_message(
    leeward: Run, arguments: list[str], words: str
) -> None:
    shown = leeward("dashboard", *arguments)
    assert shown.code == 3
    assert shown.err.count("\n") == 1
    assert words in shown.err


def test_tokens_are_made_listed_and_revoked(leeward: Run) -> None:
    made = leeward("access", "tokens", "create", "grafana")
    assert (made.code, made.out.startswith("lwt_")) == (0, True)
    assert leeward("access", "tokens", "create", "grafana").code == 2
    assert leeward("access", "tokens", "create", "a b").code == 2
    assert leeward("access", "tokens", "create", "x", "--role", "king").code == 2
    listed = leeward("access", "tokens", "list").out
    assert "viewer" in listed
    assert made.out.strip() not in listed
    assert leeward("access", "tokens", "revoke", "grafana").code == 0
    assert leeward("access", "tokens", "revoke", "grafana").code == 2


def test_an_access_file_that_others_may_read_is_refused(leeward: Run, tmp_path: Path) -> None:
    leeward("access", "password")
    (tmp_path / "access.json").chmod(0o644)
    shown = leeward("access", "tokens", "list")
    assert (shown.code, "chmod 600" in shown.err) == (3, True)
