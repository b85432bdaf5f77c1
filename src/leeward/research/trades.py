"""Trades of a session, from its fills, and trades of the backtest beside it, in exact decimals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Context, Decimal, Inexact, InvalidOperation, localcontext
from typing import Final

import numpy as np
from numpy.typing import NDArray

from leeward.domain.orders import Side
from leeward.domain.timeframe import Timeframe
from leeward.domain.trades import END_OF_DATA, EXIT_REASONS
from leeward.engine.records import (
    FillBooked,
    IntentMade,
    PlanChanged,
    PositionClosed,
    PositionOpened,
    Purpose,
    Record,
    Role,
    Trade,
)
from leeward.engine.state import Market

#: Products and sums of floats and fills; rounding, which cannot happen, would raise.
EXACT: Final = Context(prec=400, traps=[Inexact, InvalidOperation])
#: The exit of a position that is still open: valued as a backtest values it.
STILL_OPEN: Final = EXIT_REASONS[END_OF_DATA]
ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class SessionTrade:
    """A position of the session, summed up from its fills.

    `decided_ms` and `entered_ms` are open times of the candle of the decision and of the first
    fill, `left_ms` that of the last one. `asked` is the quantity the entry was sent with;
    `bought` and `sold` are base units, `cost` and `proceeds` quote units before fees. Fees are
    quote units, base units (they are held back from what was bought) and amounts of other assets,
    which leave the quote balance alone. `stop` and `target` are those in force at the end.
    `filled_pnl` is what our own fills alone come to, None while it is open.
    """

    position_id: str
    symbol: str
    decided_ms: int
    asked: Decimal
    entered_ms: int = 0
    left_ms: int = 0
    reason: str = STILL_OPEN
    bought: Decimal = ZERO
    cost: Decimal = ZERO
    sold: Decimal = ZERO
    proceeds: Decimal = ZERO
    fee: Decimal = ZERO
    fee_in_base: Decimal = ZERO
    fee_elsewhere: dict[str, Decimal] = field(default_factory=dict)
    stop: Decimal | None = None
    target: Decimal | None = None
    filled_pnl: Decimal | None = None

    @property
    def pnl(self) -> Decimal:
        """What the trade did to the quote balance."""
        with localcontext(EXACT):
            return self.proceeds - self.cost - self.fee

    @property
    def held(self) -> Decimal:
        """Base units that were bought, not kept as a fee and not sold."""
        with localcontext(EXACT):
            return self.bought - self.fee_in_base - self.sold

    def valued(self, price: Decimal, fee: Decimal, at_ms: int) -> SessionTrade:
        """Returns the trade as if what is held had been sold at `price`, less `fee` of it."""
        with localcontext(EXACT):
            value = self.held * price
            return replace(
                self,
                left_ms=at_ms,
                sold=self.sold + self.held,
                proceeds=self.proceeds + value,
                fee=self.fee + value * fee,
            )


@dataclass(frozen=True, slots=True)
class BacktestTrade:
    """A trade of the backtest; floats as the shortest decimals that read back as them."""

    symbol: str
    decided_ms: int
    entered_ms: int
    left_ms: int
    reason: str
    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal
    stop: Decimal | None
    target: Decimal | None

    def pnl(self, fee: Decimal) -> Decimal:
        """Returns what the trade did to the quote balance; `fee` is a fraction of price a side."""
        with localcontext(EXACT):
            return self.quantity * (self.exit_price * (1 - fee) - self.entry_price * (1 + fee))


def exact(value: float) -> Decimal:
    """Returns the shortest decimal that reads back as the float."""
    return Decimal(repr(float(value)))


def session_trades(
    records: Sequence[Record], quote: str, timeframe: Timeframe
) -> list[SessionTrade]:
    """Returns the trades whose entry was decided in the records, by decision, then symbol.

    Positions still open have no exit. An entry without any fill is no trade.
    """
    trades: dict[str, SessionTrade] = {}
    with localcontext(EXACT):
        for record in records:
            match record:
                case IntentMade(purpose=Purpose.ENTRY):
                    trades[record.position_id] = _decided(record)
                case PositionOpened() | PlanChanged() | PositionClosed() | FillBooked():
                    name = _position(record)
                    if name in trades:
                        trades[name] = _after(trades[name], record, quote, timeframe)
    filled = [trade for trade in trades.values() if trade.bought > 0]
    return sorted(filled, key=lambda trade: (trade.decided_ms, trade.symbol))


def _position(record: PositionOpened | PlanChanged | PositionClosed | FillBooked) -> str | None:
    match record:
        case PositionClosed(trade=trade):
            return trade.position_id
        case _:
            return record.position_id


def _decided(intent: IntentMade) -> SessionTrade:
    entry = next(order for order in intent.orders if order.role is Role.ENTRY)
    assert entry.quantity is not None  # an entry is the one order whose quantity is always set
    return SessionTrade(
        intent.position_id, intent.key.symbol, intent.key.open_time_ms, entry.quantity.value
    )


def _after(
    trade: SessionTrade,
    record: PositionOpened | PlanChanged | PositionClosed | FillBooked,
    quote: str,
    timeframe: Timeframe,
) -> SessionTrade:
    match record:
        case PositionOpened(plan=plan):
            stop, target = plan.stop, plan.target
            return replace(
                trade,
                entered_ms=timeframe.floor(record.entry_time_ms),
                stop=None if stop is None else stop.value,
                target=None if target is None else target.value,
            )
        case PlanChanged(plan=plan):
            return replace(trade, stop=trade.stop if plan.stop is None else plan.stop.value)
        case PositionClosed(trade=closed):
            return replace(
                _with_sales_of_others(trade, closed, quote),
                left_ms=timeframe.floor(closed.exit_time_ms),
                reason=closed.exit_reason,
                filled_pnl=trade.pnl,
            )
        case FillBooked():
            return _filled(trade, record, quote)


def _with_sales_of_others(trade: SessionTrade, closed: Trade, quote: str) -> SessionTrade:
    """Returns the trade with what was booked at its close: coins that somebody else sold count."""
    fees = {fee.currency: fee.amount for fee in closed.fees}
    return replace(
        trade,
        sold=trade.bought - trade.fee_in_base - closed.dust.value,
        proceeds=closed.proceeds.amount,
        fee=fees.get(quote, ZERO),
    )


def _filled(trade: SessionTrade, record: FillBooked, quote: str) -> SessionTrade:
    fill = record.fill
    quantity, value = fill.quantity.value, fill.price.value * fill.quantity.value
    if fill.side is Side.BUY:
        trade = replace(trade, bought=trade.bought + quantity, cost=trade.cost + value)
    else:
        trade = replace(trade, sold=trade.sold + quantity, proceeds=trade.proceeds + value)
    if fill.commission is None:
        return trade
    paid, asset = fill.commission.amount, fill.commission.currency
    if asset == quote:
        return replace(trade, fee=trade.fee + paid)
    if asset == trade.symbol.removesuffix(quote):
        return replace(trade, fee_in_base=trade.fee_in_base + paid)
    elsewhere = {**trade.fee_elsewhere, asset: trade.fee_elsewhere.get(asset, ZERO) + paid}
    return replace(trade, fee_elsewhere=elsewhere)


def backtest_trades(
    table: NDArray[np.void], market: Market, symbols: Sequence[str]
) -> list[BacktestTrade]:
    """Returns the rows of the simulation's table of trades, by decision."""
    trades = []
    for row in table:
        s = int(row["symbol"])
        entered = int(np.searchsorted(market.open_time, row["entry_time"]))
        # An entry lapses where its symbol has no candle next, so it was decided one step before.
        trades.append(
            BacktestTrade(
                symbol=symbols[s],
                decided_ms=int(market.open_time[entered - 1]),
                entered_ms=int(row["entry_time"]),
                left_ms=int(row["exit_time"]),
                reason=EXIT_REASONS[row["exit_reason"]],
                quantity=exact(row["quantity"]),
                entry_price=exact(row["entry_price"]),
                exit_price=exact(row["exit_price"]),
                stop=_perhaps(row["last_stop"]),
                target=_perhaps(row["target"]),
            )
        )
    return sorted(trades, key=lambda trade: (trade.decided_ms, trade.symbol))


def _perhaps(price: float) -> Decimal | None:
    return None if np.isnan(price) else exact(price)
