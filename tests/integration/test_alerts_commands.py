"""`leeward alerts`, and the channel that live trading needs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hearing import Hearing, hearing
from tests.integration.conftest import Run
from tests.running import RESTLESS, TRADES
from tests.served import Served, fresh_names, generated, served


@pytest.fixture(scope="module")
def market() -> Iterator[Served]:
    with served(generated(), mode="accelerated", speed=60, auth="scaled") as running:
        yield running


@pytest.fixture
def hears() -> Iterator[Hearing]:
    with hearing() as server:
        yield server


@pytest.fixture
def key(market: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of an account of its own, and a venue that counts as real money."""
    made = market.account(next(fresh_names), {"USDT": "10000"})
    monkeypatch.setenv("LEEWARD_VENUE__API_KEY", made["api_key"])
    monkeypatch.setenv("LEEWARD_VENUE__API_SECRET", made["api_secret"])
    monkeypatch.setattr("leeward.runtime.trading.trade._REAL_MONEY", {"emulator"})


def channels(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    monkeypatch.setenv("LEEWARD_ALERTS__CHANNELS", json.dumps(addresses))


def test_a_test_message_goes_to_every_channel_and_the_exit_code_says_whether_all_answered(
    leeward: Run, hears: Hearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    channels(monkeypatch, hears.channel)
    shown = leeward("alerts", "test")
    assert (shown.code, shown.out) == (0, "channel 1 (json): answered\n")
    assert hears.titles() == ["Leeward: a test of alerts for main"]
    channels(monkeypatch, hears.channel, "json://127.0.0.1:9/canary")
    shown = leeward("alerts", "test", "--json")
    assert shown.code == 1
    assert json.loads(shown.out) == {"channel 1 (json)": True, "channel 2 (json)": False}
    assert "canary" not in shown.out + shown.err


def test_without_a_channel_it_says_how_to_name_one(leeward: Run) -> None:
    shown = leeward("alerts", "test")
    assert shown.code == 2
    assert "alerts.channels: there is none; give one as LEEWARD_ALERTS__CHANNELS=" in shown.err


def test_an_address_that_is_none_is_refused_by_its_number(
    leeward: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    channels(monkeypatch, "json://localhost", "nosuch://canary@host")
    shown = leeward("alerts", "list")
    assert shown.code == 2
    assert "alerts.channels: address 2 'nosuch://…' is none that Apprise knows" in shown.err
    assert "canary" not in shown.err


def test_kinds_are_listed_and_one_that_does_not_exist_cannot_be_muted(
    leeward: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = json.loads(leeward("alerts", "list", "--json").out)
    assert listed["channels"] == []
    assert listed["kinds"]["unprotected"]["done"] == "It is sold at the market."
    assert "unprotected: A position had no stop" in leeward("alerts", "list").out
    monkeypatch.setenv("LEEWARD_ALERTS__MUTE", '["databse"]')
    shown = leeward("alerts", "list")
    assert shown.code == 2
    assert "alerts.mute: unknown kind 'databse'; did you mean 'database'" in shown.err


@pytest.mark.usefixtures("key")
def test_real_money_is_not_traded_where_nobody_would_hear_of_trouble(
    leeward: Run,
    market: Served,
    hears: Hearing,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def live(*options: str) -> tuple[int, str]:
        shown = leeward(
            "live", RESTLESS, *TRADES, "--url", market.addresses.rest, "--log", "log.jsonl",
            "--i-understand-the-risks", *options,
        )  # fmt: skip
        return shown.code, shown.err

    code, err = live()
    assert code == 3
    assert "live refused: there is no channel for alerts" in err
    channels(monkeypatch, hears.channel)
    hears.status = 500
    code, err = live()
    assert code == 1  # a service tries again
    assert "live refused: no channel answered a test message (channel 1 (json))" in err
    # What is asked for next: nobody confirms here.
    hears.status = 200
    assert "nobody confirmed it" in live()[1]
    assert hears.titles() == ["Leeward: a test of alerts for live:emulator:main"]
    channels(monkeypatch)
    assert "nobody confirmed it" in live("--no-alerts")[1]
    log = (tmp_path / "log.jsonl").read_text()
    assert log.count('"no_alerts"') == 1
