"""Runs an account over candles and signals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leeward.domain.candles import Candles
from leeward.domain.columns import FloatColumn
from leeward.domain.trades import TRADE
from leeward.engine.state import ACCOUNT, NEVER, ORDER, POSITION, Advice, Market, Record, Rules
from leeward.risk.refusals import REFUSALS
from leeward.simulation.grid import align_detail, align_market, align_signals
from leeward.simulation.loop import Fine, close_all, run_account
from leeward.simulation.setup import Setup, Simulation
from leeward.strategies.signals import Signals

#: Memory that is never touched costs nothing; a table that fills up is enlarged.
_FIRST_TRADES = 16_384


class Layout(NamedTuple):
    """The symbols of an account, with market, advice and finer candles on one grid."""

    symbols: tuple[str, ...]
    market: Market
    advice: Advice
    fine: Fine


def simulate(
    candles: Sequence[Candles],
    signals: Sequence[Signals],
    setup: Setup,
    detail: Sequence[Candles] | None = None,
) -> Simulation:
    """Returns what one account did with the signals, by the candle step of the contract.

    One item a symbol in every sequence, all candles of one timeframe. `detail` are finer candles,
    which tell apart what happened inside a candle where they cover it completely.
    """
    return run_layout(lay_out(candles, signals, setup, detail), setup)


def lay_out(
    candles: Sequence[Candles],
    signals: Sequence[Signals],
    setup: Setup,
    detail: Sequence[Candles] | None = None,
) -> Layout:
    """Returns everything `run_layout` walks over; the arguments are those of `simulate`."""
    market = align_market(candles)
    return Layout(
        tuple(c.symbol for c in candles),
        market,
        align_signals(candles, signals, market, setup.limits),
        align_detail(candles, detail, market),
    )


def run_layout(layout: Layout, setup: Setup) -> Simulation:
    """Returns what the account did: the account loop alone."""
    market, advice, fine = layout.market, layout.advice, layout.fine
    rules = rules_of(setup)
    symbols, steps = market.close.shape
    first = 0 if setup.start_ms is None else int(np.searchsorted(market.open_time, setup.start_ms))
    account, positions, orders = new_account(setup.balance, symbols)
    trades = _records(_FIRST_TRADES + 2 * symbols, TRADE)
    refusals = np.zeros((symbols, len(REFUSALS)), np.int64)
    equity, exposure = np.empty(steps), np.empty(steps)
    t = first
    while t < steps:
        t = run_account(
            t, steps, market, fine, advice, rules,
            account, positions, orders, trades, refusals, equity, exposure,
        )  # fmt: skip
        if t < steps or account["trades"][0] + symbols > len(trades):
            trades = np.concatenate([trades, np.zeros_like(trades)]).view(np.recarray)
    if first < steps:
        close_all(steps - 1, market, rules, account, positions, orders, trades)
        equity[-1], exposure[-1] = account["cash"][0], 0.0
    return _outcome(layout, first, account, trades, refusals, (equity, exposure))


def new_account(balance: float, symbols: int) -> tuple[Record, Record, Record]:
    """Returns an account record holding `balance` in cash, and empty positions and orders."""
    account = _records(1, ACCOUNT)
    account["cash"] = account["equity"] = account["peak"] = account["day_base"] = balance
    account["halted_step"] = -1
    positions = _records(symbols, POSITION)
    positions["stop_row"] = NEVER
    return account, positions, _records(symbols, ORDER)


def _records(count: int, kind: np.dtype[np.void]) -> Record:
    # As a record array the loop also runs, and is measured by tests, without compilation.
    return np.zeros(count, kind).view(np.recarray)


def rules_of(setup: Setup) -> Rules:
    """Returns limits, costs and filters as the plain numbers that compiled code reads."""
    limits = setup.limits
    filters = [(i.lot_step, i.tick_size, i.min_notional) for i in setup.instruments]
    return Rules(
        fee=float(setup.fee),
        slippage=float(setup.slippage),
        max_position=float(limits.max_position_fraction),
        risk_per_trade=float(limits.risk_per_trade_fraction),
        max_exposure=float(limits.max_exposure_fraction),
        max_correlated=float(limits.max_correlated_fraction),
        correlation_threshold=float(limits.correlation_threshold),
        max_open_positions=limits.max_open_positions,
        require_stop=limits.require_stop,
        default_stop=float(limits.default_stop_fraction),
        daily_loss=float(limits.daily_loss_fraction),
        max_drawdown=float(limits.max_drawdown_fraction),
        cooldown=limits.cooldown_candles,
        max_candles=setup.max_candles,
        ratchet_stop=setup.ratchet_stop,
        ladder=np.array(limits.drawdown_ladder, dtype=np.float64).reshape(-1, 2),
        filters=np.array(filters, dtype=np.float64).reshape(-1, 3),
    )


def _outcome(
    layout: Layout,
    first: int,
    account: Record,
    trades: NDArray[np.void],
    refusals: NDArray[np.int64],
    curves: tuple[FloatColumn, FloatColumn],
) -> Simulation:
    closed = trades[: account["trades"][0]].view(TRADE, np.ndarray)
    halted = int(account["halted_step"][0])
    return Simulation(
        symbols=layout.symbols,
        open_time=layout.market.open_time[first:],
        equity=curves[0][first:],
        exposure=curves[1][first:],
        trades=closed[np.lexsort((closed["symbol"], closed["entry_time"]))],
        refusals=refusals,
        final_cash=float(account["cash"][0]),
        halted_ms=int(layout.market.open_time[halted]) if halted >= 0 else None,
    )
