"""How an account has performed, and what became of one position."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from tests.histories import ACCOUNT, life_of_an_account, marked

from leeward.dashboard.figures import Performance, performance
from leeward.dashboard.stories import story_of
from leeward.database.engine import open_database
from leeward.database.lease import take_lease
from leeward.engine.records import FillBooked, IntentMade, PositionClosed
from leeward.report.why import story


def figures(folder: Path, equity: dict[int, str]) -> Performance:
    """Returns the figures of two losing trades and marks at these hours."""
    database = open_database(f"sqlite:///{folder / 'leeward.db'}")
    lease = take_lease(database, ACCOUNT, "here:1")
    for batch in life_of_an_account(lease.epoch):
        database.record(ACCOUNT, lease.epoch, batch)
    database.record(ACCOUNT, lease.epoch, [marked(hour, each) for hour, each in equity.items()])
    with database.reading() as connection:
        found = performance(connection, ACCOUNT)
    lease.release()
    database.close()
    return found


def test_figures_come_from_the_ends_of_days_and_from_trades(tmp_path: Path) -> None:
    found = figures(tmp_path, {10: "12000", 24: "10100", 30: "10201", 48: "9999"})
    assert (found.first_equity, found.last_equity) == (Decimal(10_000), Decimal(9_999))
    assert found.return_fraction == pytest.approx(-0.0001)
    assert (found.trades, found.win_rate, found.profit_factor) == (2, 0.0, 0.0)
    assert found.pnl == Decimal("-10.17991")
    assert found.expectancy == pytest.approx(-5.089955)
    assert found.trade_returns == pytest.approx((-0.1017991, -0.1017991))
    assert found.buy_and_hold_fraction == 0.0
    assert found.sharpe is not None
    assert list(found.monthly) == ["2023-11"]


def test_an_account_without_candles_has_no_figures(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'leeward.db'}")
    take_lease(database, ACCOUNT, "here:1").release()
    with database.reading() as connection:
        found = performance(connection, ACCOUNT)
    assert (found.return_fraction, found.sharpe, found.monthly) == (None, None, {})
    assert (found.trades, found.pnl, found.win_rate) == (0, Decimal(0), None)
    database.close()


def test_the_story_of_a_trade_has_its_orders_fills_and_end_in_order(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'leeward.db'}")
    lease = take_lease(database, ACCOUNT, "here:1")
    for batch in life_of_an_account(lease.epoch):
        database.record(ACCOUNT, lease.epoch, batch)
    with database.reading() as connection:
        found = story_of(connection, ACCOUNT, "BTCUSDT-3")
        assert story_of(connection, ACCOUNT, "BTCUSDT-99") == []
    assert isinstance(found[0], IntentMade)
    assert isinstance(found[-1], PositionClosed)
    assert sum(isinstance(each, FillBooked) for each in found) == 2
    assert {label for label, _ in story(found)} == {
        "intent", "order", "fill", "position", "stop", "closed",
    }  # fmt: skip
    lease.release()
    database.close()
