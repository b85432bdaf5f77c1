"""What holds of every account, whatever the market, the signals and the limits."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.scenarios.cases import MOST_ROWS, MOST_SYMBOLS, Case, make_case

from leeward.domain.errors import BadUsage
from leeward.domain.trades import END_OF_DATA, EXIT_REASONS
from leeward.simulation.account import simulate
from leeward.simulation.setup import Setup, Simulation

random_accounts = given(
    seed=st.integers(0, 2**32 - 1),
    symbols=st.integers(1, MOST_SYMBOLS),
    rows=st.integers(1, MOST_ROWS),
)


def play(case: Case) -> Simulation:
    return simulate(case.candles, case.signals, case.setup, case.detail)


@settings(max_examples=200, deadline=None)
@random_accounts
def test_balance_plus_pnl_is_the_final_cash(seed: int, symbols: int, rows: int) -> None:
    case = make_case(seed, symbols, rows)
    outcome = play(case)
    total = case.setup.balance + outcome.trades["pnl"].sum()
    assert outcome.final_cash == pytest.approx(total, rel=1e-9)
    if len(outcome.equity):
        assert outcome.equity[-1] == outcome.final_cash
        assert outcome.exposure[-1] == 0


@settings(max_examples=200, deadline=None)
@random_accounts
def test_nothing_is_bought_on_credit(seed: int, symbols: int, rows: int) -> None:
    case = make_case(seed, symbols, rows)
    outcome = play(case)
    cash = outcome.equity - outcome.exposure
    assert (cash >= -1e-9 * case.setup.balance).all()
    assert (outcome.exposure >= 0).all()
    assert (outcome.trades["quantity"] > 0).all()


@settings(max_examples=200, deadline=None)
@random_accounts
def test_costs_are_the_fractions_of_what_was_traded(seed: int, symbols: int, rows: int) -> None:
    case = make_case(seed, symbols, rows)
    trades = play(case).trades
    turnover = trades["quantity"] * (trades["entry_price"] + trades["exit_price"])
    np.testing.assert_allclose(trades["fees"], turnover * case.setup.fee, rtol=1e-12, atol=1e-15)
    gain = trades["quantity"] * (trades["exit_price"] - trades["entry_price"]) - trades["fees"]
    np.testing.assert_allclose(trades["pnl"], gain, atol=1e-9 * case.setup.balance)
    assert (trades["slippage"] >= 0).all()


@settings(max_examples=200, deadline=None)
@random_accounts
def test_a_symbol_holds_one_position_at_a_time(seed: int, symbols: int, rows: int) -> None:
    outcome = play(make_case(seed, symbols, rows))
    for symbol in range(len(outcome.symbols)):
        trades = outcome.trades[outcome.trades["symbol"] == symbol]
        assert (trades["exit_time"] >= trades["entry_time"]).all()
        # An exit inside a candle allows an entry at the next open, never in the same candle.
        assert (trades["entry_time"][1:] >= trades["exit_time"][:-1]).all()
        assert (np.diff(trades["entry_time"]) > 0).all()


@settings(max_examples=200, deadline=None)
@random_accounts
def test_a_price_held_lies_between_the_extremes(seed: int, symbols: int, rows: int) -> None:
    trades = play(make_case(seed, symbols, rows)).trades
    for price in (trades["entry_price"], trades["exit_price"]):
        assert (trades["lowest"] <= price).all()
        assert (price <= trades["highest"]).all()
    assert not (trades["last_stop"] < trades["stop"]).any()


@settings(max_examples=150, deadline=None)
@random_accounts
def test_the_future_changes_nothing_that_was_done(seed: int, symbols: int, rows: int) -> None:
    case = make_case(seed, symbols, rows)
    whole = play(case)
    middle = len(whole.open_time) // 2
    if middle < 1:
        return
    cut_ms = int(whole.open_time[middle])
    past = play(_until(case, cut_ms))
    # The last step of the past sells everything; up to there both are one account.
    assert past.equity[: middle - 1].tolist() == whole.equity[: middle - 1].tolist()
    decided = past.trades[past.trades["exit_reason"] != END_OF_DATA]
    ended = (whole.trades["exit_time"] < cut_ms) & (whole.trades["exit_reason"] != END_OF_DATA)
    assert decided.tobytes() == whole.trades[ended].tobytes()


def _until(case: Case, cut_ms: int) -> Case:
    candles = [one.between(None, cut_ms) for one in case.candles]
    signals = []
    for signal, one in zip(case.signals, candles, strict=True):
        columns: dict[str, Any] = {**signal.numbers(), **signal.codes()}
        cut = {name: column[: len(one)] for name, column in columns.items()}
        signals.append(replace(signal, **cut))
    return replace(case, candles=candles, signals=signals)


@settings(max_examples=50, deadline=None)
@random_accounts
def test_the_same_inputs_give_the_same_bytes_and_stay_as_they_were(
    seed: int, symbols: int, rows: int
) -> None:
    case, same = make_case(seed, symbols, rows), make_case(seed, symbols, rows)
    first, second = play(case), play(case)
    for field in fields(Simulation):
        one, other = getattr(first, field.name), getattr(second, field.name)
        assert np.array(one).tobytes() == np.array(other).tobytes()
    for used, fresh in zip(case.signals, same.signals, strict=True):
        for name, column in (used.numbers() | used.codes()).items():
            assert column.tobytes() == getattr(fresh, name).tobytes()


@settings(max_examples=300, deadline=None)
@random_accounts
def test_every_entry_respects_the_caps_at_its_decision(seed: int, symbols: int, rows: int) -> None:
    case = make_case(seed, symbols, rows)
    outcome = play(case)
    step_of = {time: step for step, time in enumerate(outcome.open_time.tolist())}
    limits = case.setup.limits
    for step in sorted({step_of[time] for time in outcome.trades["entry_time"].tolist()}):
        decided = int(outcome.open_time[step - 1])
        equity = outcome.equity[step - 1] * (1 + 1e-9)
        bought = outcome.trades[outcome.trades["entry_time"] == outcome.open_time[step]]
        kept = [row for row in outcome.trades if _kept_at(case, row, decided)]
        values = [row["quantity"] * _close(case, row, decided) for row in bought]
        held = [row["quantity"] * _close(case, row, decided) for row in kept]
        assert len(bought) + len(kept) <= limits.max_open_positions
        assert sum(values) + sum(held) <= limits.max_exposure_fraction * equity
        assert (
            max(values)
            <= min(limits.max_position_fraction, limits.max_correlated_fraction) * equity
        )
        risks = [
            row["quantity"] * (_close(case, row, decided) - row["stop"])
            for row in bought
            if not np.isnan(row["stop"])
        ]
        assert max(risks, default=0.0) <= limits.risk_per_trade_fraction * equity


def _close(case: Case, trade: np.void, time: int) -> float:
    candles = case.candles[int(trade["symbol"])]
    row = int(np.searchsorted(candles.open_time, time, side="right")) - 1
    return float(candles.close[row])


def _kept_at(case: Case, trade: np.void, time: int) -> bool:
    """Whether a position is held through the close of the candle at `time`, no exit decided."""
    times = case.candles[int(trade["symbol"])].open_time
    leaves = int(trade["exit_time"])
    if EXIT_REASONS[int(trade["exit_reason"])] in {"signal", "time", "containment"}:
        leaves = int(times[np.searchsorted(times, leaves) - 1])
    return bool(trade["entry_time"] <= time < leaves)


@pytest.mark.parametrize("balance", [0.0, -1.0, float("nan"), float("inf")])
def test_a_balance_that_is_no_money_is_refused(balance: float) -> None:
    with pytest.raises(BadUsage, match="balance"):
        Setup(balance=balance, fee=0.0, slippage=0.0, instruments=())


@pytest.mark.parametrize("cost", [-0.001, 1.0, float("nan")])
@pytest.mark.parametrize("name", ["fee", "slippage"])
def test_a_cost_that_is_no_fraction_is_refused(name: str, cost: float) -> None:
    costs: dict[str, Any] = {"fee": 0.0, "slippage": 0.0, name: cost}
    with pytest.raises(BadUsage, match=rf"{name}: .* must be 0 or more and below 1 \(a fraction"):
        Setup(balance=1.0, instruments=(), **costs)


def test_a_table_of_trades_that_fills_up_is_enlarged(monkeypatch: pytest.MonkeyPatch) -> None:
    case = make_case(208, symbols=3, rows=600)
    whole = simulate(case.candles, case.signals, case.setup)
    monkeypatch.setattr("leeward.simulation.account._FIRST_TRADES", 1)
    grown = simulate(case.candles, case.signals, case.setup)
    assert len(whole.trades) > 30
    assert grown.trades.tobytes() == whole.trades.tobytes()
    assert grown.equity.tobytes() == whole.equity.tobytes()
