"""An account at a glance."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from tests.histories import (
    ACCOUNT,
    START_MS,
    SYMBOL,
    deposit,
    life_of_a_position,
    marked,
    usdt,
)

from leeward.database.engine import Database, open_database
from leeward.database.errors import DatabaseDown
from leeward.database.lease import take_lease
from leeward.domain.errors import BadUsage
from leeward.engine.records import Mode, SessionStarted, TransferBooked, TransferKind
from leeward.risk.limits import RiskLimits
from leeward.runtime.clock import now_ms
from leeward.runtime.health import model_caveats
from leeward.runtime.overview import Overview, overview
from leeward.runtime.trading.facts import setup_facts
from leeward.simulation.setup import Setup


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return open_database(f"sqlite:///{tmp_path / 'leeward.db'}")


def seen(database: Database, beat_age_ms: int = 0, **facts: object) -> Overview:
    """Returns the overview of a session with one position, 0.4995 BTC bought at 100, stop 95."""
    lease = take_lease(database, ACCOUNT, "here:1")
    begun = {**setup_facts(Setup(10_000.0, 0.001, 0.0, (), RiskLimits())), "quote": "USDT"}
    models: dict[str, object] = {"models": {SYMBOL: {}}} if "models" in facts else {}
    started = SessionStarted(
        "s1", ACCOUNT, Mode.PAPER, "binance", "ema_cross", "1", "1h", (SYMBOL,),
        {**begun, **models}, lease.epoch, START_MS,
    )  # fmt: skip
    database.record(ACCOUNT, lease.epoch, [started, deposit()])
    for batch in life_of_a_position(0, epoch=lease.epoch)[:-1]:
        database.record(ACCOUNT, lease.epoch, batch)
    database.record(ACCOUNT, lease.epoch, [marked(5, "10000", "s1")])
    at_ms = now_ms() - beat_age_ms
    told = {"session": "s1", "computer_ms": at_ms, "causes": "", "behind_ms": 0, **facts}
    # The venue's time: eight hours after the first candle opened.
    database.beat(ACCOUNT, lease.epoch, START_MS + 8 * 3_600_000, told)
    return overview(database, ACCOUNT)


def test_every_limit_is_beside_its_present_value(database: Database) -> None:
    found = seen(
        database, equity="9900", cash="9850.5495", prices={SYMBOL: [99.0, 1]}, orders_last_hour=6
    )
    limits: dict[str, object] = {each.name: (each.value, each.limit) for each in found.limits}
    assert limits["max_exposure_fraction"] == (pytest.approx(49.4505 / 9900), 0.5)
    assert limits["max_position_fraction"] == (pytest.approx(49.4505 / 9900), 0.1)
    assert limits["risk_per_trade_fraction"] == (pytest.approx(5 * 0.4995 / 9900), 0.01)
    assert limits["max_open_positions"] == (1.0, 5.0)
    assert limits["daily_loss_fraction"] == (pytest.approx(0.01), 0.03)
    assert limits["max_drawdown_fraction"] == (pytest.approx(0.01), 0.2)
    assert limits["max_orders_per_hour"] == (6.0, 60.0)
    assert found.today_pnl == Decimal(-100)
    assert next(each for each in found.limits if each.name == "max_open_positions").fraction == 0.2


def test_what_is_paid_out_between_two_candles_is_no_loss(database: Database) -> None:
    seen(database, equity="10000", cash="10000")
    lease = take_lease(database, ACCOUNT, "here:2")
    paid = TransferBooked("t", TransferKind.WITHDRAWAL, usdt("-4000"), START_MS + 6 * 3_600_000)
    database.record(ACCOUNT, lease.epoch, [paid])
    facts = {"session": "s1", "computer_ms": now_ms(), "equity": "5940", "cash": "5940"}
    database.beat(ACCOUNT, lease.epoch, START_MS + 8 * 3_600_000, facts)
    found = overview(database, ACCOUNT)
    assert (found.today_pnl, found.peak) == (Decimal(-60), Decimal(6000))
    assert found.drawdown_fraction == pytest.approx(0.01)


def test_the_age_of_the_last_candle_is_told_in_the_time_of_the_venue(database: Database) -> None:
    found = seen(database)
    assert found.last_candle_ms == START_MS + 5 * 3_600_000
    assert found.last_candle_age_s == pytest.approx(2 * 3600, abs=5)


def test_without_prices_nothing_is_made_up(database: Database) -> None:
    (held,) = seen(database).positions
    assert (held.last_price, held.unrealised, held.stop_distance_fraction) == (None, None, None)


@pytest.mark.parametrize(
    ("age_ms", "facts", "levels"),
    [
        (0, {}, ("ok", "ok", "ok", "unknown")),
        (15_000, {}, ("bad", "unknown", "unknown", "unknown")),
        (60_000, {}, ("unknown", "unknown", "unknown", "unknown")),
        (0, {"behind_ms": 4_000}, ("warning", "ok", "ok", "unknown")),
        (0, {"causes": "stale_candles, exchange_ban"}, ("bad", "bad", "ok", "unknown")),
        (0, {"causes": "database"}, ("ok", "ok", "bad", "unknown")),
        (0, {"reconciled": False}, ("ok", "warning", "ok", "unknown")),
        (0, {"reconciled": True}, ("ok", "ok", "ok", "unknown")),
        (0, {"models": {"m": {"name": "m", "state": "sound"}}}, ("ok", "ok", "ok", "ok")),
        (
            0,
            {"models": {"m": {"name": "m", "state": "drifted", "why": "psi 0.4"}}},
            ("ok", "ok", "ok", "warning"),
        ),
    ],
)
def test_health_follows_what_the_process_says_and_when(
    database: Database, age_ms: int, facts: dict[str, object], levels: tuple[str, ...]
) -> None:
    found = seen(database, age_ms, **facts)
    assert tuple(health.level for _, health in found.health) == levels
    assert found.alive == (age_ms < 30_000)
    assert found.was_cut_off == (age_ms >= 30_000)


@pytest.mark.parametrize(
    ("models", "caveats"),
    [
        ({}, ()),
        ({SYMBOL: {"sizing": "confidence", "prediction": {"name": "m", "proven": True}}}, ()),
        (
            {
                SYMBOL: {
                    "sizing": "raw",
                    "sentiment": {"name": "n", "proven": False},
                    "prediction": {"name": "m", "proven": False},
                },
                "ETHUSDT": {"sizing": "raw", "prediction": {"name": "m", "proven": False}},
            },
            (
                "no demonstrated edge: m, n",
                "raw sizing: sizes leave out what the forecasts proved worth",
            ),
        ),
        # Of a strategy without a model, and as facts of another version might be.
        ({SYMBOL: {"sizing": "confidence", "sentiment": None}}, ()),
        ({SYMBOL: "?"}, ()),
    ],
)
def test_what_has_to_be_said_of_the_models_is_said(
    models: dict[str, object], caveats: tuple[str, ...]
) -> None:
    assert model_caveats({"models": models}) == caveats


def test_an_account_without_a_session_has_no_caveats(database: Database) -> None:
    found = seen(database)
    assert found.caveats == ()
    assert replace(found, session=None).caveats == ()


def test_what_an_earlier_session_said_last_is_not_taken_for_news(database: Database) -> None:
    found = seen(database, session="s0", equity="1", cash="1")
    assert found.equity == Decimal(10_000)
    assert found.facts == {}


def test_a_database_that_can_be_read_and_not_written_to_is_not_called_well(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would say so is written with the heartbeat, and that is what is not taken."""
    seen(database)
    assert database.file is not None
    other = sqlite3.connect(database.file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    told: dict[str, object] = {"session": "s1", "computer_ms": now_ms(), "causes": "database"}
    with pytest.raises(DatabaseDown):
        database.beat(ACCOUNT, 1, START_MS, told)
    later_ms = now_ms() + 15_000
    monkeypatch.setattr("leeward.runtime.overview.now_ms", lambda: later_ms)
    found = overview(database, ACCOUNT)
    assert (found.alive, found.database.level) == (True, "unknown")
    assert "or the database does not take it" in found.database.words
    other.close()


def test_an_unknown_account_is_named(database: Database) -> None:
    seen(database)
    with pytest.raises(BadUsage, match="did you mean 'paper:binance:main'"):
        overview(database, "paper:binance:mian")
