"""What the doctor finds, and what it advises."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.fake_exchange import FakeExchange, Given, error, exchange_at, run
from websockets.asyncio.server import ServerConnection

from leeward.runtime.clock import now_ms
from leeward.runtime.doctor import Finding, Level, examine
from leeward.runtime.settings import Settings

RIGHTS = {
    "ipRestrict": True,
    "createTime": 1,
    "enableReading": True,
    "enableSpotAndMarginTrading": True,
    "enableWithdrawals": False,
}
ACCOUNT = {"canTrade": True, "balances": []}
SYMBOL = {"symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT",
          "orderTypes": [], "filters": []}  # fmt: skip


def info(**changes: object) -> Given:
    return Given({"serverTime": 1, "rateLimits": [], "symbols": [SYMBOL | changes]})


def settings_in(folder: Path, **venue: Any) -> Settings:
    key = {"api_key": "fake-key", "api_secret": "hush-hush"}
    return Settings.model_validate({"data": {"dir": folder}, "venue": key | venue})


async def idle(connection: ServerConnection) -> None:
    await connection.wait_closed()


def healthy() -> FakeExchange:
    exchange = FakeExchange()
    exchange.time.now_ms = now_ms()
    answers = {
        "/api/v3/exchangeInfo": info(),
        "/api/v3/account": Given(ACCOUNT),
        "/sapi/v1/account/apiRestrictions": Given(RIGHTS),
    }
    exchange.answer = lambda asked: answers[asked.path]
    return exchange


def findings(exchange: FakeExchange, settings: Settings, **place: Any) -> dict[str, Finding]:
    """Returns the last finding of each check."""

    async def work() -> dict[str, Finding]:
        async with exchange_at(exchange, idle) as served:
            where = replace(served.addresses, **place)
            return {each.check: each async for each in examine(settings, where)}

    found: dict[str, Finding] = run(work)
    return found


def test_where_all_is_well_nothing_is_asked_for(tmp_path: Path) -> None:
    found = findings(healthy(), settings_in(tmp_path))
    worries = {each for each in found.values() if each.level is not Level.OK}
    assert not {each.check for each in worries} - {"disk"}
    assert set(found) >= {"data dir", "disk", "reachability", "clock", "streams", "WebSocket API",
                          "filters", "limits", "keys", "key rights"}  # fmt: skip
    assert "hush-hush" not in str(found)


def test_a_key_that_may_withdraw_fails_and_is_named(tmp_path: Path) -> None:
    exchange = healthy()
    exchange.script("/apiRestrictions", Given(RIGHTS | {"enableWithdrawals": True}))
    found = findings(exchange, settings_in(tmp_path))["key rights"]
    assert found.level is Level.FAILED
    assert "withdraw (enableWithdrawals)" in found.found
    assert "turn that right off" in found.advice


def test_a_key_of_any_address_fails_unless_waived(tmp_path: Path) -> None:
    exchange = healthy()
    exchange.script("/apiRestrictions", *[Given(RIGHTS | {"ipRestrict": False})] * 2)
    assert findings(exchange, settings_in(tmp_path))["key rights"].level is Level.FAILED
    waived = findings(exchange, settings_in(tmp_path, allow_any_ip=True))
    assert waived["key rights"].level is Level.OK


def test_a_venue_without_a_wallet_is_passed_over_with_a_notice(tmp_path: Path) -> None:
    found = findings(healthy(), settings_in(tmp_path), wallet=False)["key rights"]
    assert found.level is Level.NOTICE


def test_rights_that_cannot_be_read_fail(tmp_path: Path) -> None:
    exchange = healthy()
    exchange.script("/apiRestrictions", Given({"ipRestrict": True}))
    assert findings(exchange, settings_in(tmp_path))["key rights"].level is Level.FAILED


@pytest.mark.parametrize(
    ("path", "reply", "check", "level", "words"),
    [
        ("/account", error(-2015, "Invalid API-key.", 401), "keys", Level.FAILED, "-2015"),
        ("/account", Given(ACCOUNT | {"canTrade": False}), "keys", Level.FAILED, "may not trade"),
        ("/exchangeInfo", Given(b"<html>"), "filters", Level.FAILED, "cannot be read"),
        ("/exchangeInfo", error(-1121, "Invalid symbol."), "filters", Level.OK, "BTCUSDT"),
        ("/exchangeInfo", info(status="HALT"), "filters", Level.WARNING, "not trading now"),
        ("/exchangeInfo", info(filters=[{"filterType": "NEW"}]), "filters", Level.WARNING,
         "unknown filter NEW"),
        ("/exchangeInfo", replace(info(), headers={"X-MBX-USED-WEIGHT-1M": "5000"}), "limits",
         Level.WARNING, "5000 of 6000"),
        ("/time", Given(b"", 503), "reachability", Level.FAILED, "now and then"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found(
    path: str, reply: Given, check: str, level: Level, words: str, tmp_path: Path
) -> None:
    exchange = healthy()
    exchange.script(path, reply)
    found = findings(exchange, settings_in(tmp_path))[check]
    assert found.level is level
    assert words in found.found


def test_a_clock_that_is_off_is_a_warning(tmp_path: Path) -> None:
    exchange = healthy()
    exchange.time.now_ms -= 90_000
    found = findings(exchange, settings_in(tmp_path))["clock"]
    assert found.level is Level.WARNING
    assert "synchronisation" in found.advice


def test_a_replayed_clock_is_not_compared(tmp_path: Path) -> None:
    exchange = healthy()
    exchange.time.now_ms -= 90_000_000
    assert findings(exchange, settings_in(tmp_path), replayed=True)["clock"].level is Level.OK


def test_a_socket_that_does_not_open_is_found(tmp_path: Path) -> None:
    found = findings(healthy(), settings_in(tmp_path), streams="ws://127.0.0.1:9")["streams"]
    assert found.level is Level.FAILED


def test_a_ban_is_found_without_asking(tmp_path: Path) -> None:
    exchange = healthy()

    async def work() -> list[Finding]:
        async with exchange_at(exchange, idle) as served:
            bans = {served.addresses.rest: now_ms() + 60_000}
            (tmp_path / "bans.json").write_text(json.dumps(bans))
            return [each async for each in examine(settings_in(tmp_path), served.addresses)]

    found = {each.check: each for each in run(work)}
    assert "banned for" in found["reachability"].found
    assert exchange.asked == []


def test_half_a_key_and_a_folder_that_is_a_file_are_found(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    settings = settings_in(file, api_secret=None)
    found = findings(healthy(), settings)
    assert found["data dir"].level is Level.FAILED
    assert "needs one of" in found["keys"].found


def test_a_key_file_others_can_read_is_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text("no key")
    file.chmod(0o644)
    settings = settings_in(tmp_path, api_secret=None, key_file=file)
    assert findings(healthy(), settings)["key file"].advice == f"chmod 600 {file}"
    file.chmod(0o600)
    assert findings(healthy(), settings)["key file"].level is Level.OK


def test_without_a_key_the_rest_is_still_looked_at(tmp_path: Path) -> None:
    found = findings(healthy(), settings_in(tmp_path, api_key=None, api_secret=None))
    assert found["keys"].level is Level.NOTICE
    assert found["filters"].level is Level.OK
