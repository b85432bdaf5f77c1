"""The compiled account loop does what its plain-Python twin does.

`LEEWARD_CAMPAIGN=100` runs a hundred times the everyday number of cases.
"""

from __future__ import annotations

import os
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.scenarios.cases import MOST_ROWS, MOST_SYMBOLS, Case, Dice, make_case
from tests.scenarios.table import MIDNIGHT_MS
from tests.twin import twin_simulate

from leeward.domain.candles import Candles
from leeward.domain.columns import FloatColumn
from leeward.domain.instrument import Instrument
from leeward.domain.timeframe import Timeframe
from leeward.domain.trades import EXIT_REASONS, TRADE
from leeward.risk.limits import RiskLimits
from leeward.risk.refusals import BELOW_MINIMUM, CORRELATED, REFUSALS
from leeward.simulation.account import simulate
from leeward.simulation.setup import Setup, Simulation
from leeward.strategies.signals import Signals

CAMPAIGN = int(os.environ.get("LEEWARD_CAMPAIGN", "1"))
TOLERANCE = 1e-12
pytestmark = pytest.mark.timeout(300 * CAMPAIGN)


def assert_same(case: Case) -> Simulation:
    """Plays a case twice and returns the outcome both agree on."""
    arguments = (case.candles, case.signals, case.setup, case.detail)
    ours, twin = simulate(*arguments), twin_simulate(*arguments)
    assert ours.symbols == twin.symbols
    assert ours.open_time.tolist() == twin.open_time.tolist()
    assert ours.halted_ms == twin.halted_ms
    assert _counts(ours) == _counts(twin)
    assert len(ours.trades) == len(twin.trades)
    # What quote amounts of a trade are measured against: a loss of nearly nothing is still exact.
    cost = np.abs(twin.trades["quantity"] * twin.trades["entry_price"])
    for name in TRADE.names or ():
        scale = cost if name in {"fees", "slippage", "pnl"} else np.zeros(1)
        _assert_close(name, ours.trades[name], twin.trades[name], scale)
    balance = np.array([case.setup.balance])
    _assert_close("equity", ours.equity, twin.equity, balance)
    _assert_close("exposure", ours.exposure, twin.exposure, balance)
    _assert_close("final cash", np.array([ours.final_cash]), np.array([twin.final_cash]), balance)
    return ours


def _assert_close(name: str, ours: FloatColumn, twin: FloatColumn, scale: FloatColumn) -> None:
    near = np.abs(ours - twin) <= TOLERANCE * np.maximum(np.abs(twin), scale)
    near |= np.isnan(ours) & np.isnan(twin)
    assert near.all(), f"{name}: {ours[~near]} is {twin[~near]} in the twin"


def _counts(outcome: Simulation) -> dict[tuple[str, str], int]:
    found = np.argwhere(outcome.refusals)
    return {
        (outcome.symbols[s], REFUSALS[reason]): int(outcome.refusals[s, reason])
        for s, reason in found
    }


@settings(max_examples=1_000 * CAMPAIGN, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    symbols=st.integers(1, MOST_SYMBOLS),
    rows=st.integers(1, MOST_ROWS),
)
def test_random_accounts_are_the_same_in_both(seed: int, symbols: int, rows: int) -> None:
    assert_same(make_case(seed, symbols, rows))


def test_every_reason_occurs_and_both_agree_on_it() -> None:
    """Cases at full size; a reason that no case reaches would leave the property test blind."""
    seen: Counter[str] = Counter()
    for seed in range(1_500 * CAMPAIGN):
        outcome = assert_same(make_case(seed))
        reasons = {EXIT_REASONS[reason] for reason in outcome.trades["exit_reason"]}
        reasons |= {reason for _, reason in _counts(outcome)}
        reasons |= {"ambiguous"} if outcome.trades["ambiguous"].any() else set()
        reasons |= {"halt"} if outcome.halted_ms is not None else set()
        seen.update(reasons)
    wanted = {*EXIT_REASONS, *REFUSALS, "ambiguous", "halt"} - {"operator"}
    rare = {reason: seen[reason] for reason in wanted if seen[reason] < 3}
    assert not rare, f"cases per reason: {dict(seen.most_common())}"


def test_thousands_of_trades_are_all_kept() -> None:
    rows = 4_000
    hour = Timeframe.parse("1h")
    times = MIDNIGHT_MS + hour.length_ms * np.arange(rows)
    dice = Dice(7)
    closes = [100 * np.exp(np.cumsum(dice.rng.standard_normal(rows) * 0.01)) for _ in "AB"]
    candles = [
        Candles(symbol, hour, times, close, close, close, close, np.ones(rows))
        for symbol, close in zip("AB", closes, strict=True)
    ]
    always, never = np.ones(rows, dtype=np.uint8), np.zeros(rows, dtype=np.uint8)
    signals = [Signals(always, never, np.full(rows, 0.1)) for _ in candles]
    loose = RiskLimits(
        trend_gate="off",
        max_drawdown_fraction=1.0,
        daily_loss_fraction=1.0,
        max_correlated_fraction=1.0,
        cooldown_candles=0,
    )
    instruments = (Instrument("A"), Instrument("B"))
    setup = Setup(1e9, 0.0001, 0.0, instruments=instruments, limits=loose, max_candles=1)
    outcome = assert_same(Case(candles, signals, setup, None))
    assert len(outcome.trades) == 2 * (rows // 2)


@pytest.mark.parametrize(("row", "refused"), [(1_198, 0), (1_199, 1)])
def test_only_the_last_720_returns_tell_correlation(row: int, refused: int) -> None:
    # B mirrors A up to row 479, in a violent hour, and copies it from row 480 on: the first row
    # whose window holds copies alone is 480 + 719.
    rows = 1_202
    hour = Timeframe.parse("1h")
    times = MIDNIGHT_MS + hour.length_ms * np.arange(rows)
    returns = Dice(3).rng.standard_normal(rows) * 0.01
    returns[479] = 0.1
    sign = np.where(np.arange(rows) < 480, -1, 1)
    closes = [100 * np.exp(np.cumsum(returns)), 100 * np.exp(np.cumsum(sign * returns))]
    candles = [
        Candles(symbol, hour, times, close, close, close, close, np.ones(rows))
        for symbol, close in zip("AB", closes, strict=True)
    ]
    entry, leave = np.zeros((2, rows), dtype=np.uint8)
    entry[row] = 1
    signals = [Signals(entry, leave, np.full(rows, 0.1)) for _ in candles]
    limits = RiskLimits(trend_gate="off", max_correlated_fraction=0.1, correlation_threshold=0.999)
    instruments = (Instrument("A"), Instrument("B"))
    setup = Setup(10_000.0, fee=0.0, slippage=0.0, instruments=instruments, limits=limits)
    outcome = assert_same(Case(candles, signals, setup, None))
    # What A leaves of the correlated tenth after rounding to lots is below the minimum.
    assert outcome.refusals[1, [CORRELATED, BELOW_MINIMUM]].sum() == refused
    assert len(outcome.trades) == 2 - refused
