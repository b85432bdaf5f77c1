"""Sessions that never happened: the decider on candles, fills by the simulation's rules, spoilt on
demand, written down as records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal

import numpy as np

from leeward.domain.candle import Candle
from leeward.domain.candles import Candles
from leeward.domain.instrument import Instrument
from leeward.domain.money import Money, Price, Quantity
from leeward.domain.orders import Fill, OrderType, Side, TimeInForce
from leeward.domain.trades import EXIT_REASONS
from leeward.engine.books import Books, Held
from leeward.engine.records import (
    DecisionKey,
    EquityMarked,
    Executed,
    FillBooked,
    IntentMade,
    Mode,
    OrderMoved,
    OrderState,
    Plan,
    PlanChanged,
    PlannedOrder,
    PositionClosed,
    PositionOpened,
    Purpose,
    Record,
    Role,
    SessionEnded,
    SessionStarted,
    TransferBooked,
    TransferKind,
)
from leeward.research.recorded import Recorded
from leeward.risk.limits import RiskLimits
from leeward.runtime.strategies import load_strategy
from leeward.runtime.trading.deciding import Decider
from leeward.runtime.trading.views import AccountView, Choice, Marks, OpenPosition, StepChoices
from leeward.simulation.fills import NO_EXIT, buy_price, sell_price, touch
from leeward.simulation.setup import Setup

QUOTE = "USDT"
ACCOUNT = "paper:binance:main"
_FEE, _SLIPPAGE, _BALANCE = 0.001, 0.0005, 10_000.0


@dataclass(frozen=True)
class Spoilt:
    """How often (0..1) something goes otherwise than a backtest takes it to."""

    price: float = 0.0  #: a fill at another price
    fee: float = 0.0  #: twice the fee
    fee_in_base: float = 0.0  #: the fee of a purchase is kept from what was bought
    partial: float = 0.0  #: an entry fills in part
    missed: float = 0.0  #: an entry expires
    refused: float = 0.0  #: the venue says no to an entry
    gate: float = 0.0  #: the last door says no to an entry
    late: float = 0.0  #: an order fills one candle later
    missing: float = 0.0  #: a candle does not come in time
    seed: int = 1
    #: Nothing is spoilt from this candle on (its open time, ms).
    until_ms: int | None = None


@dataclass
class FakeSession:
    """Runs one session on candles whose first `history` rows are what it starts from."""

    candles: tuple[Candles, ...]
    strategy: str = "ema_cross"
    params: dict[str, object] = field(default_factory=dict)
    limits: RiskLimits = field(default_factory=lambda: RiskLimits(trend_gate="off"))
    spoilt: Spoilt = field(default_factory=Spoilt)
    history: int = 600
    session_id: str = "s1"
    tick: float = 0.01
    #: What was committed before, by earlier sessions of the account.
    before: tuple[tuple[Record, ...], ...] = ()
    #: Further facts of the session, its history above all.
    facts: dict[str, object] = field(default_factory=dict)
    commits: list[tuple[Record, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        kind = load_strategy(self.strategy)
        instruments = tuple(Instrument(c.symbol, tick_size=self.tick) for c in self.candles)
        self.chosen = kind(**self.params)
        self.setup = Setup(
            _BALANCE, _FEE, _SLIPPAGE, instruments, self.limits,
            self.chosen.max_candles or 0, self.chosen.ratchet_stop,
        )  # fmt: skip
        self.length = self.candles[0].timeframe
        self.known = tuple(c.rows(0, self.history) for c in self.candles)
        self.decider = Decider(self.chosen, self.setup, self.known, {})
        self.books = Books(ACCOUNT, QUOTE)
        for commit in self.before:
            for record in commit:
                self.books.apply(record)
        self.random = np.random.default_rng(self.spoilt.seed)
        self.pending: list[_Waiting] = []
        self.late: list[Candle] = []
        self.last_trade_id = 1 + sum(len(commit) for commit in self.before)

    def run(self) -> Recorded:
        """Returns what the session wrote down; all its candles are in the history, as a store
        that was filled later has them."""
        first = int(self.candles[0].open_time[self.history])
        self.commit(self._started(first))
        if not self.before:
            opening = Money(Decimal(str(_BALANCE)), QUOTE)
            self.commit(TransferBooked("opening", TransferKind.OPENING, opening, first))
        for time in np.unique(np.concatenate([c.open_time[self.history :] for c in self.candles])):
            self._candle(int(time))
        self.commit(SessionEnded(self.session_id, "done", int(time) + self.length.length_ms))
        return self.recorded()

    def recorded(self) -> Recorded:
        records = tuple(record for commit in self.commits for record in commit)
        before = tuple(record for commit in self.before for record in commit)
        started = tuple(r for r in records if isinstance(r, SessionStarted))
        return Recorded(started, before, records, {c.symbol: (c,) for c in self.candles})

    def commit(self, *records: Record) -> None:
        for record in records:
            self.books.apply(record)
        self.commits.append(records)

    def _started(self, at_ms: int) -> SessionStarted:
        facts: dict[str, object] = {
            "strategy": self.strategy,
            "strategy_sha256": "0" * 64,
            "params": dict(self.chosen.params),
            "risk": asdict(self.limits)
            | {"drawdown_ladder": [list(r) for r in self.limits.drawdown_ladder]},
            "fee": _FEE,
            "slippage": _SLIPPAGE,
            "instruments": {i.symbol: asdict(i) for i in self.setup.instruments},
            "quote": QUOTE,
            **self.facts,
        }
        return SessionStarted(
            self.session_id, ACCOUNT, Mode.PAPER, "binance", self.strategy, "1",
            self.length.name, tuple(c.symbol for c in self.candles), facts, 1, at_ms,
        )  # fmt: skip

    def _candle(self, time: int) -> None:
        candles = {c.symbol: row for c in self.candles if (row := candle_at(c, time)) is not None}
        fresh = self._fill_waiting(time, candles)
        for symbol, candle in candles.items():
            self._inside(symbol, candle, symbol in fresh)
        for candle in self.late:
            self.decider.take(candle)
        self.late = []
        for candle in candles.values():
            if self._happens("missing", time):
                self.late.append(candle)
            else:
                self.decider.take(candle)
        step = self.decider.step(time, self._account)
        self._decided(step)

    def _happens(self, what: str, time: int) -> bool:
        until = self.spoilt.until_ms
        chance = self.random.random()
        return bool((until is None or time < until) and chance < getattr(self.spoilt, what))

    # Fills

    def _fill_waiting(self, time: int, candles: dict[str, Candle]) -> set[str]:
        opened = set()
        waiting, self.pending = self.pending, []
        for order in sorted(waiting, key=lambda each: (each.side is Side.BUY, each.rank)):
            candle = candles.get(order.symbol)
            if candle is None and order.side is Side.SELL:
                self.pending.append(order)
            elif candle is not None and not order.delayed and self._happens("late", time):
                self.pending.append(replace(order, delayed=True))
            elif order.side is Side.SELL:
                assert candle is not None
                price = sell_price(candle.open, _SLIPPAGE, self.tick)
                self._sell(order.symbol, order.reason, price, time, order.client_order_id)
            else:
                opened |= self._buy(order, candle, time)
        return opened

    def _buy(self, order: _Waiting, candle: Candle | None, time: int) -> set[str]:
        crossed = candle is None or candle.open <= order.stop or candle.open >= order.target
        if crossed or self._happens("missed", time):
            self._move(order.client_order_id, OrderState.EXPIRED, time, "too dear")
            return set()
        if self._happens("refused", time):
            self._move(order.client_order_id, OrderState.REFUSED, time, "-2010")
            return set()
        assert candle is not None
        quantity = order.quantity
        if self._happens("partial", time):
            quantity = (quantity * Decimal("0.4")).quantize(Decimal("0.00001"), "ROUND_DOWN")
        price = buy_price(candle.open, _SLIPPAGE, self.tick)
        fill = self._fill(order.symbol, Side.BUY, price, quantity, time)
        position = order.client_order_id
        self.commit(
            FillBooked(fill, position, position, Role.ENTRY),
            PositionOpened(position, order.symbol, time, order.plan, self.strategy, "", time),
            OrderMoved(position, OrderState.FILLED, fill.quantity, time),
        )
        sold = [
            PlannedOrder(f"{position}-{role}", role, Side.SELL, OrderType.STOP_LOSS, fill.quantity)
            for role, wanted in ((Role.STOP, order.plan.stop), (Role.TARGET, order.plan.target))
            if wanted is not None
        ]
        self.commit(self._intent(order.symbol, time, "protection/1", Purpose.PROTECTION, sold))
        return {order.symbol}

    def _inside(self, symbol: str, candle: Candle, fresh: bool) -> None:
        held = self.books.position(symbol)
        if held is None or (held.closing is not None and fresh):
            return
        stop = float(held.plan.stop.value) if held.plan.stop is not None else np.nan
        target = float(held.plan.target.value) if held.plan.target is not None else np.nan
        code, reference = touch(candle.open, candle.high, candle.low, stop, target, fresh)
        if code == NO_EXIT:
            return
        reason = EXIT_REASONS[code]
        price = sell_price(reference, 0.0 if reason == "target" else _SLIPPAGE, self.tick)
        self.pending = [o for o in self.pending if o.symbol != symbol]
        role = "target" if reason == "target" else "stop"
        at_ms = candle.open_time_ms + self.length.length_ms - 1
        self._sell(symbol, reason, price, at_ms, f"{held.position_id}-{role}")

    def _sell(self, symbol: str, reason: str, price: float, at_ms: int, order: str) -> None:
        held = self.books.position(symbol)
        assert held is not None
        quantity = held.quantity.value.quantize(Decimal("0.00001"), "ROUND_DOWN")
        fill = self._fill(symbol, Side.SELL, price, quantity, at_ms)
        role = Role.EXIT if order.endswith("exit") else Role.STOP
        booked = FillBooked(fill, order, held.position_id, role)
        trade = self.books.trade_of(held.position_id, reason, [booked])
        moved = OrderMoved(order, OrderState.FILLED, fill.quantity, at_ms)
        self.commit(booked, moved, PositionClosed(trade, at_ms))

    def _fill(self, symbol: str, side: Side, price: float, quantity: Decimal, time: int) -> Fill:
        exact = Decimal(repr(float(price)))
        if self._happens("price", time):
            exact += Decimal(int(self.random.integers(-50, 50))) / 100
        fee = exact * quantity * Decimal(str(_FEE))
        if self._happens("fee", time):
            fee *= 2
        commission = Money(fee, QUOTE)
        if side is Side.BUY and self._happens("fee_in_base", time):
            commission = Money(quantity * Decimal(str(_FEE)), symbol.removesuffix(QUOTE))
        self.last_trade_id += 1
        return Fill(
            symbol, self.last_trade_id, self.last_trade_id, side, Price(exact),
            Quantity(quantity), commission, time,
        )  # fmt: skip

    def _move(self, order: str, state: OrderState, at_ms: int, why: str) -> None:
        self.commit(OrderMoved(order, state, Quantity(Decimal(0)), at_ms, why))

    # Decisions

    def _account(self, closes: Mapping[str, float]) -> AccountView:
        prices = {name: Decimal(repr(close)) for name, close in closes.items()}
        equity = self.books.equity(prices)
        marked = self.books.marked
        before = None
        if marked is not None:
            before = Marks(
                float(marked.equity), float(marked.cash), float(marked.exposure),
                float(marked.peak), float(marked.day_base), marked.day_ends_ms,
                marked.daily_loss, marked.halted,
            )  # fmt: skip
        waiting = {o.symbol: float(o.quantity) for o in self.pending if o.side is Side.BUY}
        return AccountView(
            float(equity.cash),
            float(equity.equity),
            {held.symbol: _open_position(held) for held in self.books.positions()},
            waiting,
            {name: self.length.floor(at) for name, at in self.books.stop_outs.items()},
            before,
        )

    def _decided(self, step: StepChoices) -> None:
        time, marks = step.open_time_ms, step.marks
        at_ms = time + self.length.length_ms
        records: list[Record] = [
            EquityMarked(
                self.session_id, time, _dec(marks.equity), _dec(marks.cash), _dec(marks.exposure),
                _dec(marks.peak), _dec(marks.day_base), marks.day_ends_ms, marks.daily_loss,
                marks.halted, at_ms,
            )
        ]  # fmt: skip
        actions: list[Record] = []
        for choice in step.choices:
            refused = choice.decision == "enter" and self._happens("gate", time)
            records.append(executed(choice, self.session_id, time, at_ms, refused))
            if not refused:
                actions += self._acted(choice, time, at_ms)
        self.commit(*records, *actions)

    def _acted(self, choice: Choice, time: int, at_ms: int) -> list[Record]:
        symbol = choice.symbol
        held = self.books.position(symbol)
        if choice.decision == "enter":
            assert choice.quantity is not None
            name = f"{symbol}-{time}-entry"
            stop, target = choice.stop, choice.target
            plan = Plan(_price(stop), _price(target))
            quantity = _dec(choice.quantity)
            least = np.nan if stop is None else stop
            most = np.nan if target is None else target
            order_now = _Waiting(symbol, Side.BUY, name, quantity, plan, choice.rank, least, most)
            self.pending.append(order_now)
            order = PlannedOrder(
                name, Role.ENTRY, Side.BUY, OrderType.LIMIT, Quantity(quantity),
                time_in_force=TimeInForce.IOC,
            )  # fmt: skip
            return [self._intent(symbol, time, "entry", Purpose.ENTRY, [order], plan)]
        if choice.decision == "exit":
            assert held is not None
            name = f"{held.position_id}-exit"
            self.pending.append(
                _Waiting(symbol, Side.SELL, name, held.quantity.value, held.plan, 0,
                         reason=choice.reason)
            )  # fmt: skip
            order = PlannedOrder(name, Role.EXIT, Side.SELL, OrderType.MARKET, held.quantity)
            intent = self._intent(symbol, time, "exit/1", Purpose.EXIT, [order])
            return [PlanChanged(held.position_id, held.plan, choice.reason, at_ms), intent]
        if choice.raised_to is not None:
            assert held is not None
            plan = replace(held.plan, stop=_price(choice.raised_to))
            return [PlanChanged(held.position_id, plan, None, at_ms, "trail")]
        return []

    def _intent(
        self,
        symbol: str,
        time: int,
        leg: str,
        purpose: Purpose,
        orders: list[PlannedOrder],
        plan: Plan | None = None,
    ) -> IntentMade:
        held = self.books.position(symbol)
        name = f"{symbol}-{time}-{leg}"
        position = name if purpose is Purpose.ENTRY or held is None else held.position_id
        return IntentMade(
            name, DecisionKey(ACCOUNT, symbol, time, leg), self.session_id, 1, purpose, position,
            self.strategy, "1", tuple(orders), Money(Decimal(0), QUOTE),
            time + self.length.length_ms, plan=plan,
        )  # fmt: skip


@dataclass(frozen=True)
class _Waiting:
    symbol: str
    side: Side
    client_order_id: str
    quantity: Decimal
    plan: Plan
    rank: int
    stop: float = np.nan
    target: float = np.nan
    reason: str = ""
    delayed: bool = False


def candle_at(candles: Candles, time: int) -> Candle | None:
    """Returns the candle that opens at the time, None where there is none."""
    row = int(np.searchsorted(candles.open_time, time))
    if row == len(candles) or candles.open_time[row] != time:
        return None
    open_, high, low, close, volume = (
        float(getattr(candles, name)[row]) for name in ("open", "high", "low", "close", "volume")
    )
    series = candles.symbol, candles.timeframe
    return Candle(*series, time, open_, high, low, close, volume, 0.0, 0, 0.0)


def executed(
    choice: Choice, session_id: str, time: int, at_ms: int, refused: bool = False
) -> Executed:
    """Returns the row that a session writes of a choice; `refused` by its last door."""
    candle = choice.candle
    return Executed(
        session_id, choice.symbol, time, choice.data_state,
        None if candle is None
        else (candle.open, candle.high, candle.low, candle.close, candle.volume),
        "refused" if refused else choice.decision,
        "worst_case" if refused else choice.reason,
        choice.entry_tag, choice.exit_tag, choice.size, choice.stop, choice.target,
        choice.confidence, None, choice.quantity, None, choice.trend, choice.columns, at_ms,
    )  # fmt: skip


def _open_position(held: Held) -> OpenPosition:
    stop, target = held.plan.stop, held.plan.target
    return OpenPosition(
        float(held.quantity.value),
        float(held.entry_price.value) if held.entry_price is not None else np.nan,
        held.entry_time_ms,
        np.nan if stop is None else float(stop.value),
        np.nan if target is None else float(target.value),
        held.closing is not None,
    )


def _dec(value: float) -> Decimal:
    return Decimal(repr(float(value)))


def _price(value: float | None) -> Price | None:
    return None if value is None else Price(_dec(value))
