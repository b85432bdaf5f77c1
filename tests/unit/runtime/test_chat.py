"""Answers for chats: of which account they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.dashboards import settings_in, write_history
from tests.histories import ACCOUNT, SESSION, SYMBOL

from leeward.database.lease import take_lease
from leeward.domain.errors import BadUsage
from leeward.engine.records import Mode, SessionStarted
from leeward.runtime.chat import Chat
from leeward.runtime.clock import now_ms
from leeward.runtime.database import open_configured
from leeward.runtime.settings import Settings

OTHER = "live:binance:other"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a database with an account that is traded, and one whose newer session is over."""
    made = settings_in(tmp_path)
    write_history(made)
    database = open_configured(made)
    lease = take_lease(database, OTHER, "here:2")
    newer = SessionStarted(
        "newer", OTHER, Mode.LIVE, "binance", "ema_cross", "1", "1h", (SYMBOL,),
        {"quote": "USDT"}, lease.epoch, now_ms(),
    )  # fmt: skip
    database.record(OTHER, lease.epoch, [newer])
    lease.release()
    database.close()
    return made


def why(settings: Settings, account: str | None) -> str:
    def told(session: str, symbol: str) -> str:
        return f"{session} {symbol}"

    return Chat(settings, account, told).answer("why", "btcusdt")


def test_why_is_answered_of_the_account_that_was_named(settings: Settings) -> None:
    assert why(settings, ACCOUNT) == f"{SESSION} BTCUSDT"
    assert why(settings, OTHER) == "newer BTCUSDT"
    with pytest.raises(BadUsage, match="paper:nobody"):
        why(settings, "paper:nobody:main")


def test_without_a_name_why_is_of_the_account_that_is_traded(settings: Settings) -> None:
    database = open_configured(settings)
    lease = take_lease(database, ACCOUNT, "here:3")
    database.beat(ACCOUNT, lease.epoch, now_ms(), {"session": SESSION, "computer_ms": now_ms()})
    assert why(settings, None) == f"{SESSION} BTCUSDT"
    lease.release()
    database.close()
    assert why(settings, None) == "newer BTCUSDT"
