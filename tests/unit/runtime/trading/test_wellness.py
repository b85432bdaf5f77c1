"""Whether a session is well, and what it says at the end of a day."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from types import SimpleNamespace
from typing import cast

import pytest

from leeward.domain.money import Money, Price, Quantity
from leeward.engine.records import StateMoved, Trade, TradingState
from leeward.engine.trading_state import Causes
from leeward.runtime.trading.daily import DailySummary
from leeward.runtime.trading.measuring import Measures
from leeward.runtime.trading.session import TradingSession
from leeward.runtime.trading.wellness import Wellness

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@dataclass
class Seen:
    """As much of a session as is looked at."""

    state: TradingState = TradingState.ACTIVE
    actor: str = "recovery"
    reconciled: bool = True
    durable: bool = True
    behind_s: float = 0.0
    naked: float = 0.0
    causes: str = ""
    equity_now: str = "9900"
    measures: Measures = field(default_factory=Measures)

    @property
    def standing(self) -> SimpleNamespace:
        causes = Causes()
        if self.causes:
            causes = causes.with_cause(self.causes, None)
        return SimpleNamespace(state=self.state, causes=causes)

    @property
    def keeper(self) -> SimpleNamespace:
        marked = SimpleNamespace(day_base=Decimal(10_000), peak=Decimal(11_000))
        books = SimpleNamespace(
            state=StateMoved(self.state, "why", self.actor, 0), marked=marked, quote="USDT",
            positions=list,
        )  # fmt: skip
        return SimpleNamespace(is_durable=self.durable, books=books)

    @property
    def desk(self) -> SimpleNamespace:
        settings = SimpleNamespace(protection_deadline_s=5.0)
        return SimpleNamespace(settings=settings, naked_s=lambda: self.naked)

    def equity(self) -> Decimal:
        return Decimal(self.equity_now)


def wellness(seen: Seen) -> Wellness:
    return Wellness(cast("TradingSession", seen), lambda: seen.behind_s)


def test_a_session_that_trades_is_well() -> None:
    assert wellness(Seen()).trouble() == ""


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (Seen(reconciled=False), "agree"),
        (Seen(durable=False), "database"),
        (Seen(state=TradingState.REDUCING), "REDUCING"),
        (Seen(state=TradingState.RECOVERING), "RECOVERING"),
        (Seen(state=TradingState.HALTED, actor="watch"), "HALTED"),
        (Seen(behind_s=61), "overdue"),
        (Seen(naked=10.5), "no stop"),
        (
            Seen(state=TradingState.HALTED, actor="command:7", causes="not_compared"),
            "not_compared",
        ),
    ],
)
def test_what_is_wrong_is_named(seen: Seen, words: str) -> None:
    assert words in wellness(seen).trouble()


def test_a_halt_that_an_operator_ordered_is_well_also_after_a_restart() -> None:
    halted = Seen(state=TradingState.HALTED, actor="command:7")
    assert wellness(halted).trouble() == ""
    before = wellness(halted)
    halted.actor = "recovery"
    assert before.trouble() == ""


def test_a_halt_by_a_limit_is_not_well_after_a_restart_either() -> None:
    halted = Seen(state=TradingState.HALTED, actor="watch")
    before = wellness(halted)
    halted.actor = "recovery"
    assert "HALTED" in before.trouble()


def trade(pnl: str) -> Trade:
    usdt, price = Money(Decimal(0), "USDT"), Price(Decimal(1))
    return Trade(
        "p", "BTCUSDT", 0, 0, Quantity(Decimal(1)), price, price, usdt, usdt, (),
        Money(Decimal(pnl), "USDT"), "signal", "", Quantity(Decimal(0)),
    )  # fmt: skip


def test_a_summary_comes_once_a_day_at_its_time_with_what_was_closed_since() -> None:
    daily = DailySummary("00:05", since_ms=23 * HOUR_MS)
    session = cast("TradingSession", Seen())
    daily.closed(trade("12.5"))
    daily.closed(trade("-2.5"))
    due_ms = DAY_MS + 5 * 60_000
    assert daily.due(session, due_ms - 1) is None
    assert daily.due(session, due_ms) == (
        "State: ACTIVE\nSince 1970-01-01T23:00:00Z:\n"
        "Equity 9,900.00 USDT, -100.00 today, 10.0% below its highest\n"
        "Trades closed: 2, +10.00 USDT after fees\n"
        "This session: 0 candles, 0 entries, 0 refused, drawdown 0.0% at the most"
    )
    assert daily.due(session, due_ms + 1) is None
    later = daily.due(session, due_ms + DAY_MS)
    assert later is not None
    assert "Trades closed: 0" in later


def test_days_that_passed_in_sleep_are_told_in_one() -> None:
    daily = DailySummary("12:00", since_ms=0)
    session = cast("TradingSession", Seen())
    assert daily.due(session, 5 * DAY_MS) is not None
    assert daily.due(session, 5 * DAY_MS + HOUR_MS) is None
    assert daily.due(session, 5 * DAY_MS + 12 * HOUR_MS) is not None


def test_a_date_that_ran_ahead_and_was_set_right_silences_no_summary() -> None:
    daily = DailySummary("12:00", since_ms=0)
    session = cast("TradingSession", Seen())
    assert daily.due(session, 4000 * DAY_MS) is not None
    told = [daily.due(session, hour * HOUR_MS) is not None for hour in range(13, 73)]
    assert sum(told) == 2


def test_with_off_there_is_none_and_nothing_is_kept() -> None:
    daily = DailySummary("off", since_ms=0)
    daily.closed(trade("1"))
    assert daily.due(cast("TradingSession", Seen()), 9 * DAY_MS) is None
    assert not daily._trades
