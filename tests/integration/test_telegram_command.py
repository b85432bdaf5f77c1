"""`leeward telegram` beside a session on paper."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from leeward.database.engine import open_database
from leeward.engine.books import books_of
from leeward.engine.records import TradingState
from tests.bot_api import TOKEN, BotApi, bot_api
from tests.integration.conftest import Run
from tests.running import RESTLESS, TRADES, lines_until, started
from tests.served import Served, generated, served

ACCOUNT = "paper:emulator:main"
CHAT = 7


@pytest.fixture(scope="module")
def market() -> Iterator[Served]:
    with served(generated(), mode="accelerated", speed=60) as running:
        yield running


@pytest.fixture
def api() -> Iterator[BotApi]:
    with bot_api() as server:
        yield server


def say(api: BotApi, text: str) -> str:
    return api.answer_after(lambda: api.write(CHAT, text), 120)


def state_of(folder: Path) -> TradingState | None:
    database = open_database(f"sqlite:///{folder / 'leeward.db'}")
    books = books_of(database.load(ACCOUNT), ACCOUNT, "USDT")
    database.close()
    return None if books.state is None else books.state.state


def test_a_session_is_asked_halted_resumed_and_sold_from_a_chat(
    market: Served, api: BotApi, tmp_path: Path
) -> None:
    given = {"LEEWARD_TELEGRAM__TOKEN": TOKEN}
    options = ("--set", f"telegram.url={api.url}", "--set", f"telegram.operators=[{CHAT}]")
    trading = started(
        tmp_path, "paper", RESTLESS, *TRADES, "--url", market.addresses.rest, "--log", "log.jsonl"
    )
    with trading as session, started(
        tmp_path, "telegram", *options, "--log", "chat.jsonl", **given
    ) as bot:  # fmt: skip
        lines_until(session, "hold")
        status = say(api, "/status")
        assert status.startswith(f"{ACCOUNT}: ACTIVE, running")
        assert "equity " in status
        assert f"{ACCOUNT}: " in say(api, "/positions")
        assert "BTCUSDT" in say(api, "/why btcusdt")
        assert "nothing is held of NOUSDT" in say(api, "/flatten NOUSDT")
        question = say(api, "/halt")
        assert question.startswith(f"Halt {ACCOUNT}? Nothing more is bought until /resume")
        yes = api.buttons()["Yes, halt"]
        assert api.answer_after(lambda: api.press(CHAT, yes), 120) == f"{ACCOUNT}: halted"
        assert state_of(tmp_path) is TradingState.HALTED
        assert "It is HALTED" in say(api, "/resume")
        yes = api.buttons()["Yes, resume"]
        assert api.answer_after(lambda: api.press(CHAT, yes), 120) == f"{ACCOUNT}: active"
        bot.terminate()
        _, err = bot.communicate(timeout=60)
        assert bot.returncode == 0, err
    log = (tmp_path / "chat.jsonl").read_text()
    orders = [
        each for line in log.splitlines() if (each := json.loads(line))["event"] == "telegram_order"
    ]
    assert [(each["kind"], each["actor"]) for each in orders] == [
        ("halt", f"telegram:{CHAT}"),
        ("resume", f"telegram:{CHAT}"),
    ]
    assert "canary" not in log + err


def test_what_is_not_set_is_named(leeward: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = leeward("telegram")
    assert shown.code == 2
    assert "telegram.token is not set" in shown.err
    monkeypatch.setenv("LEEWARD_TELEGRAM__TOKEN", TOKEN)
    shown = leeward("telegram")
    assert shown.code == 2
    assert "telegram.operators and telegram.viewers are empty" in shown.err
    assert "canary" not in shown.err


@pytest.mark.parametrize("url", [
    "http://bots.example.org", "http://10.0.0.9:8081", "ftp://x", "http://127.0.0.2:8081",
    "http://localhost.example", "ftp://localhost",
])  # fmt: skip
def test_a_token_is_not_sent_in_clear(
    leeward: Run, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("LEEWARD_TELEGRAM__TOKEN", TOKEN)
    shown = leeward(
        "telegram", "--set", f"telegram.url={url}", "--set", f"telegram.viewers=[{CHAT}]"
    )
    assert (shown.code, "the token would pass in clear; use https" in shown.err) == (2, True)


def test_an_address_that_is_none_is_named(leeward: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEEWARD_TELEGRAM__TOKEN", TOKEN)
    options = ("--set", "telegram.url=https://[bots", "--set", f"telegram.viewers=[{CHAT}]")
    shown = leeward("telegram", *options)
    assert (shown.code, "telegram.url: is no address: " in shown.err) == (2, True)


def test_without_an_account_it_says_so(api: BotApi, tmp_path: Path) -> None:
    options = ("--set", f"telegram.url={api.url}", "--set", f"telegram.viewers=[{CHAT}]")
    with started(tmp_path, "telegram", *options, LEEWARD_TELEGRAM__TOKEN=TOKEN):
        assert "leeward.db" in say(api, "/status")
        with started(tmp_path, "telegram", *options, LEEWARD_TELEGRAM__TOKEN=TOKEN) as second:
            _, err = second.communicate(timeout=60)
    assert second.returncode == 1
    assert "another process answers for" in err
