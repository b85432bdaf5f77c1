"""One small result, written by hand, and every byte that JSON and terminal make of it."""

from __future__ import annotations

import io

import numpy as np
from rich.console import Console
from syrupy.assertion import SnapshotAssertion
from tests.results import START, table, trade

from leeward.domain.candles import Candles
from leeward.domain.instrument import Instrument
from leeward.domain.timeframe import DAY_MS, Timeframe
from leeward.domain.trades import STOP, TARGET
from leeward.report.result import BacktestResult
from leeward.report.terminal import print_comparison, print_summary
from leeward.risk.refusals import COOLDOWN, REFUSALS
from leeward.simulation.setup import Setup, Simulation


def small_result() -> BacktestResult:
    """Six days with the fourth missing; one trade reaches its target, one its stop; fee 0.1 %."""
    time = START + np.array([0, 1, 2, 4, 5, 6]) * DAY_MS
    open_ = np.array([100.0, 102.0, 110.0, 108.0, 112.0, 104.0])
    close = np.array([102.0, 110.0, 109.0, 112.0, 104.0, 105.0])
    high, low = np.maximum(open_, close) + 2, np.minimum(open_, close) - 2
    candles = Candles(
        "BTCUSDT", Timeframe.parse("1d"), time, open_, high, low, close, np.ones(len(time))
    )
    trades = table(
        trade(
            entry_time=time[1], entry_price=102.0, quantity=10.0, exit_time=time[2],
            exit_price=110.5, fees=2.125, pnl=82.875, stop=98.0, last_stop=98.0, target=110.5,
            lowest=100.0, highest=112.0, exit_reason=TARGET, entry_tag=1,
        ),
        trade(
            entry_time=time[3], entry_price=108.0, quantity=9.0, exit_time=time[4],
            exit_price=104.0, fees=1.908, pnl=-37.908, stop=104.0, last_stop=104.0, target=114.0,
            lowest=104.0, highest=114.0, exit_reason=STOP, entry_tag=2, ambiguous=1,
        ),
    )  # fmt: skip
    equity = np.array([10_000.0, 10_078.98, 10_082.875, 10_117.903, 10_044.967, 10_044.967])
    exposure = np.array([0.0, 1_100.0, 0.0, 1_008.0, 0.0, 0.0])
    refusals = np.zeros((1, len(REFUSALS)), dtype=np.int64)
    refusals[0, COOLDOWN] = 1
    return BacktestResult(
        inputs={
            "strategy": "by_hand",
            "params": {"days": 2},
            "symbols": ["BTCUSDT"],
            "timeframe": "1d",
            "start": "2021-01-01T00:00:00Z",
            "end": "2021-01-08T00:00:00Z",
        },
        setup=Setup(10_000.0, 0.001, 0.0, (Instrument("BTCUSDT"),)),
        simulation=Simulation(
            ("BTCUSDT",), time, equity, exposure, trades, refusals, 10_044.967, halted_ms=None
        ),
        candles=(candles,),
        frames=(),
        entry_tags=("turn", "dip"),
        exit_tags=("",),
        checks={"lookahead": {"sampled": 24, "mismatches": 0}},
        result_id="0" * 64,
        timing={"total_s": 0.5},
    )


def test_json(snapshot: SnapshotAssertion) -> None:
    assert small_result().to_json() == snapshot


def test_summary(snapshot: SnapshotAssertion) -> None:
    output = io.StringIO()
    print_summary(small_result(), Console(file=output, width=100))
    assert output.getvalue() == snapshot


def test_side_by_side(snapshot: SnapshotAssertion) -> None:
    output = io.StringIO()
    print_comparison([small_result(), small_result()], Console(file=output, width=100))
    assert output.getvalue() == snapshot
