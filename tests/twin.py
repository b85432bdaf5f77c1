"""The account loop in plain Python, written from the execution contract alone.

It is the oracle of the compiled loop: slow, one object per thing, every rule spelled out once.
It shares no arithmetic with the product: rounding, fees, average, correlation and gate are its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from leeward.domain.candles import Candles
from leeward.domain.trades import EXIT_REASONS, TRADE
from leeward.risk.limits import RiskLimits
from leeward.risk.refusals import REFUSALS
from leeward.simulation.setup import Setup, Simulation
from leeward.strategies.signals import Signals
from tests.twin_market import DAY_MS, NAN, Market, correlate, floor_to_step, total
from tests.twin_position import Order, Position, Sale, first_rule


def twin_simulate(
    candles: Sequence[Candles],
    signals: Sequence[Signals],
    setup: Setup,
    detail: Sequence[Candles] | None = None,
) -> Simulation:
    """Returns what the account does; the same arguments and outcome as the compiled `simulate`."""
    finer = [None] * len(candles) if detail is None else detail
    markets = [
        Market(*parts, setup)
        for parts in zip(range(len(candles)), candles, signals, finer, strict=True)
    ]
    account = Account(setup, markets)
    start = -math.inf if setup.start_ms is None else setup.start_ms
    for time in sorted({t for market in markets for t in market.times if t >= start}):
        account.step(time)
    account.sell_everything()
    return account.outcome()


@dataclass(eq=False)
class Account:
    """Cash, positions and risk state; one `step` a candle time, in the order of the contract."""

    setup: Setup
    markets: list[Market]
    cash: float = 0.0
    equity: float = 0.0
    peak: float = 0.0
    day: int | None = None
    day_base: float = 0.0
    day_lost: bool = False
    halted_ms: int | None = None
    time: int = 0
    positions: dict[int, Position] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)
    stopped_row: dict[int, int] = field(default_factory=dict)
    refused: list[tuple[int, str]] = field(default_factory=list)
    trades: list[dict[str, float]] = field(default_factory=list)
    curve: list[tuple[int, float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cash = self.equity = self.peak = self.setup.balance

    @property
    def limits(self) -> RiskLimits:
        return self.setup.limits

    @property
    def exposure(self) -> float:
        return total([position.value for position in self.held()])

    def held(self) -> list[Position]:
        return [self.positions[index] for index in sorted(self.positions)]

    def kept(self) -> list[Position]:
        return [position for position in self.held() if position.leaving is None]

    def refuse(self, market: Market, reason: str) -> None:
        self.refused.append((market.index, reason))

    # --- one step -------------------------------------------------------------------------------

    def step(self, time: int) -> None:
        self.time = time
        here = [market for market in self.markets if time in market.row_at]
        for market in here:
            market.row = market.row_at[time]
        entered = self.open(here)
        for position in self.held():
            if position.market in here:
                self.walk(position, entered=position in entered)
        self.mark()
        for position in self.held():
            if position.market in here:
                self.raise_stop(position)
        self.decide_exits(here)
        self.decide_entries(here)

    def open(self, here: list[Market]) -> list[Position]:
        for position in self.held():
            if position.leaving is not None and position.market in here:
                price = position.market.bars[position.market.row].open
                self.sell(position, Sale(position.leaving, price, slips=True))
        orders, self.orders = self.orders, []
        bought = []
        for order in orders:
            if order.market not in here:
                self.refuse(order.market, "no_candle")
            else:
                bought += self.buy(order)
        return bought

    def buy(self, order: Order) -> list[Position]:
        market, fee = order.market, self.setup.fee
        open_price = market.bars[market.row].open
        if open_price <= order.stop:
            self.refuse(market, "stop_crossed")
            return []
        if open_price >= order.target:
            self.refuse(market, "target_crossed")
            return []
        price = market.tick_up(open_price * (1 + self.setup.slippage))
        quantity = order.quantity
        if quantity * price * (1 + fee) > self.cash:
            step, least = market.instrument.lot_step, market.instrument.min_notional
            quantity = floor_to_step(self.cash / (price * (1 + fee)), step)
            if quantity <= 0 or quantity * price < least:
                self.refuse(market, "insufficient_cash")
                return []
        cost = quantity * price
        fees = cost * fee
        slippage = quantity * abs(price - open_price)
        self.cash -= cost + fees
        self.positions[market.index] = Position(
            order, market.row, price, quantity, cost, fees, slippage,
            stop_now=order.stop, lowest=price, highest=price,
        )  # fmt: skip
        return [self.positions[market.index]]

    def walk(self, position: Position, entered: bool) -> None:
        just_bought = entered
        for bar in position.market.path():
            sale = first_rule(bar, position.stop_now, position.order.target, just_bought)
            if sale is not None:
                self.sell(position, sale)
                return
            position.see(bar.low, bar.high)
            just_bought = False

    def sell(self, position: Position, sale: Sale, time: int | None = None) -> None:
        market, order = position.market, position.order
        factor = 1 - self.setup.slippage if sale.slips else 1.0
        price = market.tick_down(sale.reference * factor)
        proceeds = position.quantity * price
        exit_fee = proceeds * self.setup.fee
        fees = position.fees + exit_fee
        self.cash += proceeds - exit_fee
        position.see(price)
        position.lowest = min(position.lowest, sale.lowest)
        if sale.reason in {"stop", "stop_gap"}:
            self.stopped_row[market.index] = market.row
        row = {
            "symbol": market.index,
            "entry_time": market.times[position.entry_row],
            "entry_price": position.entry_price,
            "quantity": position.quantity,
            "exit_time": self.time if time is None else time,
            "exit_price": price,
            "fees": fees,
            "slippage": position.slippage + position.quantity * abs(price - sale.reference),
            "pnl": proceeds - position.cost - fees,
            "stop": order.stop,
            "target": order.target,
            "last_stop": position.stop_now,
            "lowest": position.lowest,
            "highest": position.highest,
            "candles": market.row - position.entry_row,
            "exit_reason": EXIT_REASONS.index(sale.reason),
            "entry_tag": order.tag,
            "exit_tag": position.exit_tag,
            "ambiguous": int(sale.ambiguous),
        }
        self.trades.append(row)
        del self.positions[market.index]

    # --- the close ------------------------------------------------------------------------------

    def mark(self) -> None:
        before = self.equity
        self.equity = self.cash + self.exposure
        self.peak = max(self.peak, self.equity)
        day = (self.time + self.markets[0].length_ms - 1) // DAY_MS
        if day != self.day:
            self.day, self.day_base, self.day_lost = day, before, False
        if self.equity <= (1 - self.limits.daily_loss_fraction) * self.day_base:
            self.day_lost = True
        halts = self.equity <= (1 - self.limits.max_drawdown_fraction) * self.peak
        if halts and self.halted_ms is None:
            self.halted_ms = self.time
        self.curve.append((self.time, self.equity, self.exposure))

    def raise_stop(self, position: Position) -> None:
        market = position.market
        wanted = [market.close - market.number("trail")]
        if self.setup.ratchet_stop:
            wanted.append(market.number("stop"))
        for price in wanted:
            if math.isfinite(price):
                rounded = market.tick_down(price)
                now = position.stop_now
                position.stop_now = rounded if math.isnan(now) else max(now, rounded)

    def decide_exits(self, here: list[Market]) -> None:
        for position in self.kept():
            market = position.market
            held_rows = market.row - position.entry_row + 1
            if self.halted_ms is not None:
                position.leaving = "containment"
            elif market in here and market.exit[market.row] != 0:
                position.leaving = "signal"
                position.exit_tag = market.exit[market.row]
            elif market in here and 0 < self.setup.max_candles <= held_rows:
                position.leaving = "time"

    def decide_entries(self, here: list[Market]) -> None:
        exposed = [(position.market, position.value) for position in self.kept()]
        for market in self.candidates(here):
            decision = self.gate(market, exposed)
            if isinstance(decision, str):
                self.refuse(market, decision)
            else:
                self.orders.append(decision)
                exposed.append((market, decision.quantity * market.close))

    def candidates(self, here: list[Market]) -> list[Market]:
        wanting = [
            market
            for market in here
            if market.index not in self.positions
            and market.entry[market.row] != 0
            and market.exit[market.row] == 0
        ]
        return sorted(wanting, key=_rank)

    # --- the gate -------------------------------------------------------------------------------

    def gate(self, market: Market, exposed: list[tuple[Market, float]]) -> Order | str:
        """The order that may be placed, or why none may."""
        trend = market.trend[market.row]
        numbers = [market.number("size")]
        numbers += [market.number("confidence")] if "confidence" in market.numbers else []
        if market.row < market.warm_up or trend is None or not all(map(math.isfinite, numbers)):
            return "not_ready"
        if self.halted_ms is not None:
            return "halted"
        if self.day_lost:
            return "daily_loss"
        stopped = self.stopped_row.get(market.index)
        if stopped is not None and market.row - stopped < self.limits.cooldown_candles:
            return "cooldown"
        if len(exposed) >= self.limits.max_open_positions:
            return "max_open_positions"
        if not trend:
            return "against_trend"
        stop = self.stop_for(market)
        if not math.isnan(stop) and not 0 < stop < market.close:
            return "no_stop"
        return self.sized(market, stop, exposed)

    def stop_for(self, market: Market) -> float:
        stop = market.number("stop")
        if not math.isfinite(stop):
            if not self.limits.require_stop:
                return NAN
            stop = market.close * (1 - self.limits.default_stop_fraction)
        return market.tick_down(stop)

    def sized(
        self, market: Market, stop: float, exposed: list[tuple[Market, float]]
    ) -> Order | str:
        limits, equity, close = self.limits, self.equity, market.close
        exposed = sorted(exposed, key=lambda pair: pair[0].index)  # sums are in symbol order
        room = limits.max_exposure_fraction * equity - total([value for _, value in exposed])
        if room <= 0:
            return "max_exposure"
        correlated = [
            value
            for other, value in exposed
            if correlate(market, other) >= limits.correlation_threshold
        ]
        correlated_room = limits.max_correlated_fraction * equity - total(correlated)
        if correlated_room <= 0:
            return "correlated"
        size = min(
            market.number("size") * equity,
            limits.max_position_fraction * equity,
            room,
            correlated_room,
        )
        if not math.isnan(stop):
            risk = limits.risk_per_trade_fraction * equity * close / (close - stop)
            size = min(size, risk)
        size *= self.ladder()
        quantity = floor_to_step(size / close, market.instrument.lot_step)
        if quantity <= 0 or quantity * close < market.instrument.min_notional:
            return "below_minimum"
        target = market.number("target")
        target = market.tick_up(target) if math.isfinite(target) else NAN
        return Order(market, quantity, stop, target, market.entry[market.row])

    def ladder(self) -> float:
        factor = 1.0
        for drawdown, rung in self.limits.drawdown_ladder:
            if self.equity <= (1 - drawdown) * self.peak:
                factor = rung
        return factor

    # --- the end --------------------------------------------------------------------------------

    def sell_everything(self) -> None:
        for position in self.held():
            market = position.market
            sale = Sale("end_of_data", market.close, slips=True)
            position.exit_tag = 0
            self.sell(position, sale, time=market.times[market.row])
        if self.curve:
            self.curve[-1] = (self.curve[-1][0], self.cash, 0.0)

    def outcome(self) -> Simulation:
        refusals = np.zeros((len(self.markets), len(REFUSALS)), dtype=np.int64)
        for index, reason in self.refused:
            refusals[index, REFUSALS.index(reason)] += 1
        rows = sorted(self.trades, key=lambda row: (row["entry_time"], row["symbol"]))
        names = TRADE.names or ()
        return Simulation(
            symbols=tuple(market.symbol for market in self.markets),
            open_time=np.array([time for time, _, _ in self.curve], dtype=np.int64),
            equity=np.array([equity for _, equity, _ in self.curve], dtype=np.float64),
            exposure=np.array([exposure for _, _, exposure in self.curve], dtype=np.float64),
            trades=np.array([tuple(row[name] for name in names) for row in rows], dtype=TRADE),
            refusals=refusals,
            final_cash=self.cash,
            halted_ms=self.halted_ms,
        )


def _rank(market: Market) -> float:
    # NaN (or no column) sorts nowhere; those rows are refused or tie, so any constant will do.
    confidence = market.number("confidence")
    return 0.0 if math.isnan(confidence) else -confidence
