"""The dashboard beside a session: started, told of, ended, and never a reason not to trade."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import httpx
import pytest

from leeward.cli.companions import companions
from leeward.dashboard.access import access_of
from leeward.dashboard.marker import only_one
from leeward.runtime.settings import Settings, child_environment, load_settings

_PATIENCE_S = 60.0


class Heard(list[str]):
    """What was said, and the wait for it."""

    def until(self, begins: str) -> str:
        until_s = time.monotonic() + _PATIENCE_S
        while time.monotonic() < until_s:
            found = next((words for words in self if words.startswith(begins)), None)
            if found is not None:
                return found
            time.sleep(0.05)
        raise AssertionError(f"nothing begins with '{begins}' in {self}")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(changes=[f"data.dir={tmp_path / 'data'}", "dashboard.port=0"])


@pytest.fixture
def heard() -> Heard:
    return Heard()


def test_a_dashboard_is_served_while_the_session_lives(settings: Settings, heard: Heard) -> None:
    access_of(settings).set_password("correct horse battery")
    with companions(settings, heard.append, dashboard=True):
        address = heard.until("dashboard: ").removeprefix("dashboard: ")
        assert httpx.get(f"{address}/login", timeout=60).status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}/login", timeout=60)
    assert len(heard) == 1


def test_an_access_file_that_cannot_be_read_is_told_and_stops_no_session(
    settings: Settings, heard: Heard
) -> None:
    access = access_of(settings)
    access.path.parent.mkdir(parents=True, exist_ok=True)
    access.path.write_text("{")
    access.path.chmod(0o644)
    with companions(settings, heard.append, dashboard=True):
        assert heard.pop().startswith(f"no dashboard: {access.path}: others may read it")
    access.path.chmod(0o600)
    with companions(settings, heard.append, dashboard=True):
        assert heard.pop().startswith(f"no dashboard: {access.path}: cannot be read")
    assert heard == []


def test_where_its_port_is_taken_the_way_out_is_one_that_the_session_has(
    settings: Settings, heard: Heard
) -> None:
    access_of(settings).set_password("correct horse battery")
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = settings.dashboard.model_copy(update={"port": other.getsockname()[1]})
        beside = settings.model_copy(update={"dashboard": taken})
        with companions(beside, heard.append, dashboard=True):
            said = heard.until("the dashboard ended")
    assert said.endswith("--set dashboard.port=0")


def test_without_a_password_and_a_terminal_trading_goes_on_and_says_why(
    settings: Settings, heard: Heard
) -> None:
    with companions(settings, heard.append, dashboard=True):
        pass
    assert heard == ["no dashboard: it has no password yet; run `leeward access password` once"]


def test_nothing_is_started_that_was_not_asked_for(settings: Settings, heard: Heard) -> None:
    access_of(settings).set_password("correct horse battery")
    with companions(settings, heard.append, dashboard=False):
        pass
    assert heard == []


def test_a_dashboard_that_serves_this_database_already_is_used(
    settings: Settings, heard: Heard
) -> None:
    access_of(settings).set_password("correct horse battery")
    with only_one(settings) as serves:
        serves("http://127.0.0.1:5")
        with companions(settings, heard.append, dashboard=True):
            pass
    assert heard == ["dashboard: http://127.0.0.1:5"]


def test_one_that_ends_by_itself_is_told_of(
    heard: Heard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LEEWARD_TELEGRAM__TOKEN", "123:secret-of-the-bot")
    with_bot = load_settings(changes=[f"data.dir={tmp_path / 'data'}"])  # and nobody who may ask
    with companions(with_bot, heard.append, dashboard=False):
        words = heard.until("the telegram ended (exit code 2), trading goes on: leeward: telegram.")
    assert "secret-of-the-bot" not in words


def test_a_child_gets_its_own_secrets_and_no_key_of_the_exchange(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LEEWARD_TELEGRAM__TOKEN", "123:bot")
    monkeypatch.setenv("LEEWARD_VENUE__API_SECRET", "the-key")
    monkeypatch.setenv("LEEWARD_DATABASE__URL", "postgresql://me:word@127.0.0.1/leeward")
    given = child_environment(load_settings(), ("database", "telegram"))
    assert "123:bot" in given["LEEWARD_TELEGRAM"]
    assert "me:word@" in given["LEEWARD_DATABASE"]
    assert not any("the-key" in value for value in given.values())
