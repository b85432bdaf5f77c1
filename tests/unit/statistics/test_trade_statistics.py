from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.results import table, trade

from leeward.domain.trades import EXIT_REASONS, SIGNAL, STOP, TARGET
from leeward.statistics.trading import (
    adverse_excursions,
    favourable_excursions,
    group_by_month,
    group_trades,
    summarise_trades,
    trade_returns,
    turnover,
)

FEBRUARY = 1_612_137_600_000
TRADES = table(
    trade(pnl=20.0, candles=4, exit_reason=TARGET),
    trade(pnl=-10.0, candles=2, exit_reason=STOP, symbol=1),
    trade(pnl=-5.0, candles=3, exit_reason=STOP, exit_time=FEBRUARY),
    trade(pnl=0.0, candles=3, exit_reason=SIGNAL, exit_time=FEBRUARY, entry_tag=2),
)


def test_the_summary_of_four_trades_worked_by_hand() -> None:
    summary = summarise_trades(TRADES)
    assert summary.trades == 4
    assert summary.win_rate == 0.25
    assert summary.profit_factor == pytest.approx(20 / 15)
    assert summary.expectancy == 1.25
    assert summary.mean_return == pytest.approx(5 / 200 / 4)
    assert (summary.mean_win, summary.mean_loss) == (20.0, -7.5)
    assert (summary.best, summary.worst) == (20.0, -10.0)
    assert summary.mean_candles == 3.0


def test_no_trades_support_nothing_but_their_count() -> None:
    summary = summarise_trades(table())
    assert summary.trades == 0
    assert summary.win_rate is None
    assert summary.profit_factor is None
    assert summary.expectancy is None


def test_without_losses_there_is_no_profit_factor() -> None:
    assert summarise_trades(table(trade(pnl=5.0))).profit_factor is None


def test_a_loss_of_almost_nothing_gives_no_endless_profit_factor() -> None:
    assert summarise_trades(table(trade(pnl=1.0), trade(pnl=-1e-309))).profit_factor is None


def test_without_wins_the_profit_factor_is_zero() -> None:
    summary = summarise_trades(table(trade(pnl=-5.0)))
    assert summary.profit_factor == 0.0
    assert summary.mean_win is None


def test_an_unknown_profit_is_not_averaged_away() -> None:
    summary = summarise_trades(table(trade(pnl=math.nan), trade(pnl=5.0)))
    assert (summary.trades, summary.expectancy) == (2, None)


def test_returns_and_excursions_are_fractions_of_the_entry() -> None:
    one = table(trade(entry_price=100.0, quantity=2.0, pnl=10.0, lowest=92.0, highest=130.0))
    assert trade_returns(one).tolist() == [0.05]
    assert adverse_excursions(one).tolist() == [0.08]
    assert favourable_excursions(one).tolist() == [0.3]


def test_turnover_counts_both_sides() -> None:
    one = table(trade(entry_price=100.0, exit_price=110.0, quantity=2.0))
    assert turnover(one, 1_000.0) == pytest.approx(0.42)
    assert turnover(table(), 1_000.0) == 0.0
    assert turnover(one, None) is None


def test_groups_keep_the_order_of_their_names_and_leave_out_empty_ones() -> None:
    groups = group_trades(TRADES, TRADES["exit_reason"], EXIT_REASONS)
    assert [(g.name, g.trades, g.win_rate, g.pnl) for g in groups] == [
        ("stop", 2, 0.0, -15.0),
        ("target", 1, 1.0, 20.0),
        ("signal", 1, 0.0, 0.0),
    ]
    assert groups[0].mean_return == pytest.approx(-15 / 200 / 2)


def test_months_are_those_of_the_exit() -> None:
    assert [(g.name, g.trades, g.pnl) for g in group_by_month(TRADES)] == [
        ("2021-01", 2, 10.0),
        ("2021-02", 2, -5.0),
    ]


def test_no_trades_make_no_groups() -> None:
    assert group_by_month(table()) == ()
    assert group_trades(table(), table()["symbol"], ("BTCUSDT",)) == ()


PNLS = st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=40)


@given(PNLS, st.randoms(use_true_random=False))
def test_the_order_of_trades_changes_nothing(pnls: list[float], chance: st.DataObject) -> None:
    trades = table(*[trade(pnl=pnl, candles=i) for i, pnl in enumerate(pnls)])
    order = list(range(len(trades)))
    chance.shuffle(order)  # type: ignore[attr-defined] # hypothesis hands over a random.Random
    first, second = summarise_trades(trades), summarise_trades(trades[order])
    assert first.trades == second.trades
    assert first.win_rate == second.win_rate
    assert first.expectancy == pytest.approx(second.expectancy, rel=1e-9, abs=1e-9)
    assert (first.best, first.worst) == (second.best, second.worst)


@given(PNLS, st.integers(1, 5))
def test_groups_together_hold_every_trade_and_all_the_profit(pnls: list[float], kinds: int) -> None:
    trades = table(*[trade(pnl=pnl) for pnl in pnls])
    code = np.arange(len(pnls)) % kinds
    groups = group_trades(trades, code, tuple("abcde"[:kinds]))
    assert sum(g.trades for g in groups) == len(pnls)
    assert sum(g.pnl for g in groups) == pytest.approx(sum(pnls), rel=1e-9, abs=1e-6)
    assert all(0 <= g.win_rate <= 1 for g in groups)
