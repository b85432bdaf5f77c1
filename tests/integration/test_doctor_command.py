"""`leeward doctor` from the command line."""

from __future__ import annotations

import json

import pytest

from tests.integration.conftest import Run
from tests.served import generated, served


def test_an_emulator_that_is_not_there_fails_with_advice(leeward: Run) -> None:
    shown = leeward("doctor", "--venue", "emulator", "--url", "http://127.0.0.1:9")
    assert shown.code == 1
    assert "failed  reachability: http://127.0.0.1:9" in shown.out
    assert "start it with `leeward emulator`" in shown.out


def test_an_address_alone_means_the_emulator(leeward: Run) -> None:
    shown = leeward("doctor", "--url", "http://127.0.0.1:9", "--json")
    result = json.loads(shown.out)
    assert (shown.code, result["venue"], result["ok"]) == (1, "emulator", False)
    levels = {each["check"]: each["level"] for each in result["findings"]}
    assert levels["data dir"] == "ok"
    assert levels["reachability"] == "failed"


def test_a_venue_that_does_not_exist_is_a_usage_error(leeward: Run) -> None:
    shown = leeward("doctor", "--venue", "mtgox")
    assert shown.code == 2
    assert "unknown venue 'mtgox'" in shown.err


def test_nothing_is_missing_on_a_running_emulator(
    leeward: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(generated()) as emulator:
        keys = emulator.account("doctor")
        monkeypatch.setenv("LEEWARD_VENUE__API_KEY", keys["api_key"])
        monkeypatch.setenv("LEEWARD_VENUE__API_SECRET", keys["api_secret"])
        shown = leeward("doctor", "--url", emulator.addresses.rest, "--json")
    result = json.loads(shown.out)
    assert (shown.code, result["ok"]) == (0, True)
    levels = {each["check"]: each["level"] for each in result["findings"]}
    assert levels["keys"] == levels["key rights"] == levels["clock"] == "ok"
    assert keys["api_secret"] not in shown.out
