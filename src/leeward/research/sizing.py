"""The numbers behind the size of an entry, limit by limit, as `engine.decide` takes them."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from leeward.engine.state import BUY, SELL, Market, Record, Rules
from leeward.report.why import Bound, Sizing
from leeward.risk.correlation import correlated
from leeward.risk.sizing import ladder_factor


def sizing_of(  # noqa: PLR0913 - what the gate looks at, and nothing else
    t: int,
    s: int,
    asked: float,
    market: Market,
    rules: Rules,
    account: Record,
    positions: Record,
    orders: Record,
    waiting: Collection[int] = (),
) -> Sizing:
    """Returns what each limit left of the entry in `orders[s]`, decided at the close of step `t`.

    `account` is marked at that close, `positions` and `orders` are those after the decision;
    `waiting` are symbols whose entry had been sent before.
    """
    equity, peak = float(account[0].equity), float(account[0].peak)
    close, order = float(market.close[s, t]), orders[s]
    beside = _beside(t, s, market, positions, orders, waiting)
    bounds = [
        Bound("asked", asked * equity, asked),
        Bound("max_position", rules.max_position * equity, rules.max_position),
        Bound("max_exposure", rules.max_exposure * equity - sum(beside.values())),
    ]
    if not np.isnan(order.stop):
        risk = rules.risk_per_trade * equity * close / (close - float(order.stop))
        bounds.append(Bound("risk_per_trade", risk))
    alike = sum(
        value
        for other, value in beside.items()
        if correlated(market.returns[s], market.returns[other], t, rules.correlation_threshold)
    )
    if beside:
        bounds.append(Bound("max_correlated", rules.max_correlated * equity - alike))
    return Sizing(
        bounds=tuple(bounds),
        ladder=float(ladder_factor(rules.ladder, equity, peak)),
        drawdown_fraction=1 - equity / peak,
        quantity=float(order.quantity),
        close=close,
        lot_step=float(rules.filters[s, 0]),
    )


def _beside(
    t: int,
    s: int,
    market: Market,
    positions: Record,
    orders: Record,
    waiting: Collection[int],
) -> dict[int, float]:
    """Returns the value at the close of what stays, or was accepted before the entry, a symbol."""
    found = {}
    for other in range(len(positions)):
        quantity = 0.0 if orders[other].action == SELL else float(positions[other].quantity)
        if orders[other].action == BUY:
            before = other in waiting or orders[other].rank < orders[s].rank
            quantity = float(orders[other].quantity) if before else 0.0
        if other != s and quantity > 0.0:
            found[other] = quantity * float(market.last_close[other, t])
    return found
