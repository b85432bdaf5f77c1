"""How an account has performed, and what became of one position."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from tests.histories import (
    ACCOUNT,
    HOUR_MS,
    START_MS,
    life_of_an_account,
    marked,
    session_started,
    usdt,
)

from leeward.dashboard.figures import Performance, performance
from leeward.dashboard.stories import story_of
from leeward.database.engine import open_database
from leeward.database.lease import take_lease
from leeward.domain.money import Money
from leeward.engine.records import (
    FeesValued,
    FillBooked,
    IntentMade,
    PositionClosed,
    Record,
    SessionStarted,
    TransferBooked,
    TransferKind,
)
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
    assert found.return_fraction == pytest.approx(9_999 / (10_000 - 12.5) - 1)  # 12.5 was taken out
    assert (found.trades, found.win_rate, found.profit_factor) == (2, 0.0, 0.0)
    assert found.pnl == Decimal("-10.17991")
    assert found.expectancy == pytest.approx(-5.089955)
    assert found.trade_returns == pytest.approx((-0.1017991, -0.1017991))
    assert found.buy_and_hold_fraction == 0.0
    assert found.sharpe is not None
    assert list(found.monthly) == ["2023-11"]


def paid(hour: int, amount: str) -> TransferBooked:
    kind = TransferKind.WITHDRAWAL if amount.startswith("-") else TransferKind.DEPOSIT
    return TransferBooked(f"t{hour}", kind, usdt(amount), START_MS + hour * HOUR_MS)


def performance_of(folder: Path, records: list[Record]) -> Performance:
    database = open_database(f"sqlite:///{folder / 'leeward.db'}")
    lease = take_lease(database, ACCOUNT, "here:1")
    database.record(ACCOUNT, lease.epoch, [session_started(lease.epoch), *records])
    with database.reading() as connection:
        found = performance(connection, ACCOUNT)
    lease.release()
    database.close()
    return found


def test_what_is_paid_in_and_out_is_neither_gain_nor_loss(tmp_path: Path) -> None:
    quiet = performance_of(
        tmp_path / "a", [marked(0, "10000"), marked(30, "11000"), marked(60, "9900")]
    )
    moved = performance_of(
        tmp_path / "b",
        [
            paid(-1, "500"),  # before the first mark: in it already
            marked(0, "10000"), paid(2, "4000"), paid(3, "6000"),  # 20,000 now
            marked(30, "22000"), paid(32, "-11000"),  # 11,000 now
            marked(60, "9900"),
        ],
    )  # fmt: skip
    assert quiet.return_fraction == pytest.approx(-0.01)
    for name in ("return_fraction", "cagr", "sharpe", "sortino", "monthly"):
        assert getattr(moved, name) == pytest.approx(getattr(quiet, name)), name
    assert moved.last_equity == Decimal(9900)


def test_fees_in_another_coin_count_as_what_they_were_worth(tmp_path: Path) -> None:
    bnb = Money(Decimal("0.002"), "BNB")
    records: list[Record] = [
        replace(each, trade=replace(each.trade, fees=(bnb,)))
        if isinstance(each, PositionClosed)
        else each
        for batch in life_of_an_account(1)
        for each in batch
        if not isinstance(each, SessionStarted)
    ]
    unvalued = performance_of(tmp_path / "a", records)
    values = [
        FeesValued("BNB", Decimal(amount), usdt(value), START_MS)
        for amount, value in (("0.002", "1"), ("0.004", "2.4"))
    ]
    assert (unvalued.trades, unvalued.fees) == (2, 0.0)
    assert performance_of(tmp_path / "b", [*records, *values]).fees == pytest.approx(2.4)


def test_an_account_that_was_emptied_has_no_return(tmp_path: Path) -> None:
    found = performance_of(
        tmp_path,
        [
            marked(0, "10000"), paid(2, "-10000"), marked(3, "0"), paid(40, "500"),
            marked(60, "500"),
        ],
    )  # fmt: skip
    assert (found.return_fraction, found.sharpe) == (None, None)


def test_the_largest_drawdown_is_that_of_any_candle_not_of_the_ends_of_days(
    tmp_path: Path,
) -> None:
    fell = replace(marked(30, "9000"), peak=Decimal(10_000))
    found = performance_of(
        tmp_path, [marked(0), fell, replace(marked(31, "9900"), peak=Decimal(10_000))]
    )
    assert found.max_drawdown_fraction == pytest.approx(0.1)


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
