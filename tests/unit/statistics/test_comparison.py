from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.results import HOUR, START, table, trade, walk

from leeward.domain.candles import Candles
from leeward.domain.trades import SIGNAL, STOP, TARGET
from leeward.statistics.comparison import hold_equity, hold_return, pnl_at_costs, pnl_target_first


def candles(symbol: str, first_row: int, opens: list[float], closes: list[float]) -> Candles:
    open_, close = np.array(opens), np.array(closes)
    time = START + (np.arange(len(opens), dtype=np.int64) + first_row) * HOUR.length_ms
    high, low = np.maximum(open_, close), np.minimum(open_, close)
    return Candles(symbol, HOUR, time, open_, high, low, close, np.ones(len(opens)))


def hours(count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return START + np.arange(count, dtype=np.int64) * HOUR.length_ms


def test_holding_buys_at_the_first_open_and_is_worth_the_last_close() -> None:
    btc = candles("BTCUSDT", 0, [100.0, 110.0], [110.0, 150.0])
    equity = hold_equity([btc], hours(2), 1_000.0)
    assert equity is not None
    assert equity.tolist() == [1_100.0, 1_500.0]
    assert hold_return([btc], hours(2)) == pytest.approx(0.5)


def test_a_symbol_that_lists_later_waits_in_cash() -> None:
    btc = candles("BTCUSDT", 0, [100.0] * 3, [100.0, 100.0, 200.0])
    eth = candles("ETHUSDT", 1, [10.0, 10.0], [10.0, 5.0])
    equity = hold_equity([btc, eth], hours(3), 1_000.0)
    assert equity is not None
    assert equity.tolist() == [1_000.0, 1_000.0, 1_250.0]


def test_a_symbol_with_no_candle_in_the_range_stays_in_cash() -> None:
    btc = candles("BTCUSDT", 0, [100.0], [120.0])
    eth = candles("ETHUSDT", 5, [10.0], [20.0])
    assert hold_return([btc, eth], hours(1)) == pytest.approx(0.1)
    equity = hold_equity([btc, eth], hours(1), 100.0)
    assert equity is not None
    assert equity.tolist() == pytest.approx([110.0])


def test_a_symbol_that_ends_early_keeps_its_last_close() -> None:
    btc = candles("BTCUSDT", 0, [100.0] * 3, [100.0] * 3)
    eth = candles("ETHUSDT", 0, [10.0], [30.0])
    equity = hold_equity([btc, eth], hours(3), 1_000.0)
    assert equity is not None
    assert equity.tolist() == [2_000.0, 2_000.0, 2_000.0]


def test_candles_before_the_range_are_not_bought() -> None:
    btc = candles("BTCUSDT", 0, [50.0, 100.0], [60.0, 110.0])
    assert hold_return([btc], hours(2)[1:]) == pytest.approx(0.1)


def test_no_steps_or_no_symbols_leave_nothing_to_hold() -> None:
    btc = candles("BTCUSDT", 0, [50.0], [60.0])
    assert hold_return([btc], hours(0)) is None
    assert hold_equity([btc], hours(0), 100.0) is None
    assert hold_return([], hours(1)) is None
    assert hold_equity([], hours(1), 100.0) is None


@given(st.integers(0, 10_000), st.integers(0, 30))
def test_the_walk_ends_where_the_short_cut_does(seed: int, skip: int) -> None:
    symbols = [walk("BTCUSDT", 40, seed), walk("ETHUSDT", 30, seed + 1, skip)]
    steps = np.union1d(*(c.open_time for c in symbols))
    equity, gained = hold_equity(symbols, steps, 500.0), hold_return(symbols, steps)
    assert equity is not None
    assert gained is not None
    assert equity[-1] == pytest.approx(500.0 * (1 + gained))


def filled(
    reference: float, exit_: float, reason: int
) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """A trade of 2 units at fee 0.1 % and slippage 0.05 % around the given prices."""
    buy, sell = reference * 1.0005, exit_ * (1 if reason == TARGET else 0.9995)
    fees = 0.001 * 2 * (buy + sell)
    return trade(
        entry_price=buy, exit_price=sell, quantity=2.0, fees=fees, pnl=2 * (sell - buy) - fees,
        exit_reason=reason,
    )  # fmt: skip


def test_free_trading_earns_the_difference_of_the_reference_prices() -> None:
    trades = table(filled(100.0, 110.0, SIGNAL), filled(100.0, 96.0, STOP))
    free = pnl_at_costs(trades, 0.001, 0.0005, 0.0)
    assert free is not None
    assert free.tolist() == pytest.approx([20.0, -8.0])


def test_a_sale_at_its_target_had_no_slippage_to_take_back() -> None:
    free = pnl_at_costs(table(filled(100.0, 110.0, TARGET)), 0.001, 0.0005, 0.0)
    assert free is not None
    assert free.tolist() == pytest.approx([20.0])


def test_twice_the_costs_worked_by_hand() -> None:
    double = pnl_at_costs(table(filled(100.0, 110.0, SIGNAL)), 0.001, 0.0005, 2.0)
    buy, sell = 100.0 * 1.001, 110.0 * 0.999
    assert double is not None
    assert double.tolist() == pytest.approx([2 * (sell - buy) - 0.002 * 2 * (sell + buy)])


def test_costs_that_would_eat_the_whole_price_give_no_answer() -> None:
    assert pnl_at_costs(table(filled(100.0, 110.0, SIGNAL)), 0.001, 0.6, 2.0) is None


@given(
    st.floats(0.5, 1e5), st.floats(0.5, 1.5), st.sampled_from([SIGNAL, STOP, TARGET]),
    st.floats(0, 0.3), st.floats(0, 0.3),
)  # fmt: skip
def test_the_same_costs_give_the_same_profit_and_more_costs_never_more(
    price: float, move: float, reason: int, fee: float, slippage: float
) -> None:
    buy = price * (1 + slippage)
    sell = price * move * (1 if reason == TARGET else 1 - slippage)
    pnl = 3 * (sell - buy) - fee * 3 * (sell + buy)
    trades = table(
        trade(entry_price=buy, exit_price=sell, quantity=3.0, pnl=pnl, exit_reason=reason)
    )
    free, same, double = (pnl_at_costs(trades, fee, slippage, times) for times in (0.0, 1.0, 2.0))
    assert free is not None
    assert same is not None
    assert double is not None
    assert same[0] == pytest.approx(pnl, rel=1e-9, abs=1e-9 * price)
    assert double[0] <= same[0] + 1e-9 * price
    assert same[0] <= free[0] + 1e-9 * price


def test_the_target_first_changes_only_trades_that_met_both() -> None:
    both = {"entry_price": 100.0, "quantity": 2.0, "target": 120.0, "pnl": -9.0}
    trades = table(trade(**both, ambiguous=1, exit_reason=STOP), trade(**both))
    assert pnl_target_first(trades, 0.001).tolist() == pytest.approx([40 - 0.44, -9.0])
