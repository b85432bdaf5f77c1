"""The account loop of a backtest one step at a time, with a look in between fills and decision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from leeward.domain.candle import Candle
from leeward.domain.candles import OPTIONAL, Candles
from leeward.domain.trades import TRADE
from leeward.engine.state import NO_ORDER, SELL, Market, Record
from leeward.risk.refusals import REFUSALS
from leeward.runtime.trading.views import AccountView, OpenPosition
from leeward.simulation.account import lay_out, new_account, rules_of
from leeward.simulation.fills import fill_orders
from leeward.simulation.loop import run_account, walk
from leeward.simulation.setup import Setup
from leeward.strategies.signals import Signals


@dataclass(frozen=True)
class Step:
    """One step of the backtest: the account after its fills, and all that was decided."""

    open_time_ms: int
    view: AccountView
    account: Record
    positions: Record
    orders: Record
    waiting: list[bool]
    refusals: np.ndarray


def steps(candles: Sequence[Candles], signals: Sequence[Signals], setup: Setup) -> Iterator[Step]:
    """Yields every step of the backtest of these signals; `view.before` is left out."""
    layout, rules = lay_out(candles, signals, setup), rules_of(setup)
    market, symbols = layout.market, len(candles)
    account, positions, orders = new_account(setup.balance, symbols)
    trades = np.zeros(100_000, TRADE).view(np.recarray)
    count = len(market.open_time)
    equity, exposure = np.empty(count), np.empty(count)
    first = 0 if setup.start_ms is None else int(np.searchsorted(market.open_time, setup.start_ms))
    for t in range(first, count):
        refusals = np.zeros((symbols, len(REFUSALS)), np.int64)
        seen, held, due = account.copy(), positions.copy(), orders.copy()
        seen["trades"] = 0
        sold, spent = np.zeros(2 * symbols, TRADE).view(np.recarray), np.zeros_like(refusals)
        fill_orders(t, market, rules, seen, held, due, sold, spent)
        for s in range(symbols):
            if held[s].quantity > 0 and market.row[s, t] >= 0:
                walk(t, s, market, layout.fine, rules, seen, held, due, sold)
        view = _view(t, candles, market, (seen, held, due))
        run_account(
            t, t + 1, market, layout.fine, layout.advice, rules,
            account, positions, orders, trades, refusals, equity, exposure,
        )  # fmt: skip
        waiting = [bool(each != NO_ORDER) for each in due["action"]]
        yield Step(
            int(market.open_time[t]), view, account[0].copy(), positions.copy(), orders.copy(),
            waiting, refusals - spent,
        )  # fmt: skip


def _view(
    t: int, candles: Sequence[Candles], market: Market, records: tuple[Record, Record, Record]
) -> AccountView:
    account, positions, orders = records
    value, held, stopped = 0.0, {}, {}
    for s, series in enumerate(candles):
        position = positions[s]
        if position.quantity > 0:
            value += position.quantity * market.last_close[s, t]
            held[series.symbol] = OpenPosition(
                quantity=float(position.quantity),
                entry_price=float(position.entry_price),
                entry_time_ms=int(market.open_time[position.entry_step]),
                stop=float(position.stop),
                target=float(position.target),
                closing=bool(orders[s].action == SELL),
            )
        if position.stop_row >= 0:
            stopped[series.symbol] = int(series.open_time[position.stop_row])
    cash = float(account[0].cash)
    return AccountView(cash, cash + value, held, {}, stopped)


def candle_of(series: Candles, row: int) -> Candle:
    """Returns one row of the candles."""
    optional = {
        name: 0.0 if (column := getattr(series, name)) is None else float(column[row])
        for name in OPTIONAL
    }
    return Candle(
        series.symbol,
        series.timeframe,
        int(series.open_time[row]),
        float(series.open[row]),
        float(series.high[row]),
        float(series.low[row]),
        float(series.close[row]),
        float(series.volume[row]),
        optional["quote_volume"],
        int(np.nan_to_num(optional["trades"])),
        optional["taker_buy_volume"],
    )
