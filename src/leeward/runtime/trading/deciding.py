"""One decision step on closed candles, by the very functions that a backtest calls.

The decider holds candles and nothing else: what the account is comes in with every step. It does
no I/O and reads no clock, so a replay of the same candles and accounts decides the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from leeward.domain.candle import Candle
from leeward.domain.candles import Candles
from leeward.domain.errors import Failed
from leeward.engine.decide import decide
from leeward.engine.state import BUY, NO_ORDER, SELL, Market, Record
from leeward.indicators.averages import ema_need
from leeward.risk.correlation import WINDOW, correlated
from leeward.risk.trend import trend_verdicts
from leeward.risk.trend_gate import UNKNOWN, TrendGate
from leeward.runtime.trading.core import Core, Looked, check_tags, last_advice, number_of
from leeward.runtime.trading.modelling import Columns
from leeward.runtime.trading.views import (
    AccountView,
    Choice,
    StepChoices,
)
from leeward.runtime.trading.windows import CandleWindow
from leeward.simulation.account import new_account, rules_of
from leeward.simulation.grid import align_market
from leeward.simulation.loop import begin_day, mark, raise_stops
from leeward.simulation.setup import Setup
from leeward.strategies.base import Strategy
from leeward.strategies.evaluate import evaluate, strategy_need
from leeward.strategies.informative import SELF, Beside, Further, build_frame, frame_columns
from leeward.strategies.signals import Signals

#: A symbol and the name of a timeframe.
Series: TypeAlias = tuple[str, str]

#: Begins the reason of a symbol for which the strategy raised, or returned no columns.
STRATEGY_FAILED: Final = "strategy_failed"
_TREND = ("unknown", "against", "with")
#: Rows that correlation looks at, the one before the first return, and some for late candles.
_TAIL = WINDOW + 10
#: Rows held beyond those needed, over all symbols: columns start anew only when they are used up.
_SPARE_ROWS = 200_000
_LEAST_SPARE = 1_024


@dataclass(frozen=True, slots=True)
class Rows:
    """Candles a symbol needs: `least` to decide at all, `history` for exact columns."""

    least: int
    history: int


def rows_needed(strategy: Strategy, trend_gate: str) -> Rows:
    """Returns how many closed candles of a symbol a session starts from."""
    need = strategy_need(strategy, frame_columns(strategy))
    gate = TrendGate.parse(trend_gate)
    if gate is None:
        return Rows(need.warm_up + 1, need.history)
    trend = ema_need(gate.period)
    return Rows(
        max(need.warm_up, trend.warm_up + gate.lookback) + 1,
        max(need.history, trend.history + gate.lookback),
    )


class Decider:
    """Decides for the symbols of `setup.instruments`, whose candles so far are `history`;
    `further` are those of the series that the strategy names as informative; `columns` give, a
    symbol, what the strategy needs of models and sentiment."""

    def __init__(
        self,
        strategy: Strategy,
        setup: Setup,
        history: Sequence[Candles],
        further: Mapping[Series, Candles],
        columns: Mapping[str, Columns] | None = None,
    ) -> None:
        self.symbols = tuple(candles.symbol for candles in history)
        self.length_ms = history[0].timeframe.length_ms
        self._strategy, self._setup, self._rules = strategy, setup, rules_of(setup)
        self._need = strategy_need(strategy, frame_columns(strategy))
        self._gate = TrendGate.parse(setup.limits.trend_gate)
        self._traded = [CandleWindow(candles) for candles in history]
        self._columns = columns or {}
        self._windows = {(w.symbol, w.timeframe.name): w for w in self._traded}
        for series, candles in further.items():
            self._windows.setdefault(series, CandleWindow(candles))
        needed = rows_needed(strategy, setup.limits.trend_gate).history
        spare = max(_LEAST_SPARE, _SPARE_ROWS // len(history))
        self._kept = max(needed, _TAIL)
        self._most = self._kept + spare

    @property
    def series(self) -> tuple[Series, ...]:
        """All series whose candles a step takes, the traded ones first."""
        return tuple(self._windows)

    @property
    def informative(self) -> tuple[tuple[str, str], ...]:
        """What the strategy reads beside its own candles."""
        return self._strategy.informative

    def last_ms(self, series: Series) -> int | None:
        """Returns the open time of the last candle taken of a series."""
        return self._windows[series].last_ms

    def moving_together(self, held: Collection[str]) -> list[frozenset[str]]:
        """Returns, for each traded symbol held, itself and those held that move with it, as the
        core reckons at the last closes."""
        windows = [window for window in self._traded if window.symbol in held]
        names = [window.symbol for window in windows]
        if len(windows) < 2:
            return [frozenset(names)] * len(windows)
        market = align_market([window.candles(_TAIL) for window in windows])
        t, threshold = len(market.open_time) - 1, self._setup.limits.correlation_threshold
        return [
            frozenset(
                other
                for other, theirs in zip(names, market.returns, strict=True)
                if other == name or correlated(own, theirs, t, threshold)
            )
            for name, own in zip(names, market.returns, strict=True)
        ]

    def take(self, candle: Candle) -> None:
        """Takes the next closed candle of a series; raises BadCandles for one out of order."""
        self._windows[candle.symbol, candle.timeframe.name].append(candle)

    def step(
        self,
        open_time_ms: int,
        account_of: Callable[[Mapping[str, float]], AccountView],
        skipped: Mapping[str, str] | None = None,
    ) -> StepChoices:
        """Returns what is to be done at the close of the candles that open at `open_time_ms`.

        `account_of` is asked for the account with the last close of every symbol. A symbol without
        that candle, or named in `skipped` with the reason, decides nothing.
        """
        self._forget()
        closes = {w.symbol: w.last_close for w in self._traded}
        view = account_of({name: close for name, close in closes.items() if close is not None})
        states = [self._state(w, open_time_ms, skipped or {}) for w in self._traded]
        looks = self._alike(
            None if state == "missing" else self._look(window)
            for window, state in zip(self._traded, states, strict=True)
        )
        trends = [self._trend(window) for window in self._traded]
        core = self._core(view)
        halted_now = self._mark(open_time_ms, view.equity, core.account)
        if any(w.last_ms == open_time_ms for w in self._traded):
            deciding = [
                look.found.signals if state == "ok" and isinstance(look, Looked) else None
                for look, state in zip(looks, states, strict=True)
            ]
            self._run(open_time_ms, deciding, trends, core)
        choices = tuple(
            self._choice(s, states[s], looks[s], core, trends[s]) for s in range(len(states))
        )
        return StepChoices(open_time_ms, core.marks(view), choices, halted_now)

    def warm(self) -> None:
        """Loads, or builds, the compiled code, so that the first candle does not wait for it."""
        last = max((w.last_ms for w in self._traded if w.last_ms is not None), default=None)
        if last is not None:
            self.step(last, lambda _: AccountView(1.0, 1.0))

    def _state(self, window: CandleWindow, open_time_ms: int, skipped: Mapping[str, str]) -> str:
        if window.last_ms != open_time_ms:
            return "missing"
        return skipped.get(window.symbol, "ok")

    def _look(self, window: CandleWindow) -> Looked | str:
        """Returns the strategy's last row, or what went wrong in it."""
        further: Further = {
            (name, length): self._windows[window.symbol if name == SELF else name, length].candles()
            for name, length in self._strategy.informative
        }
        if window.symbol in self._columns:
            further = Beside(further, self._columns[window.symbol])
        try:
            frame = build_frame(window.candles(), further)
            return Looked(evaluate(self._strategy, frame, self._need))
        except Failed as error:
            return f"{STRATEGY_FAILED}: {error}"

    def _alike(self, looks: Iterable[Looked | str | None]) -> list[Looked | str | None]:
        """Returns the looks; where their tags differ from symbol to symbol, what is wrong."""
        found = list(looks)
        try:
            told = [each.found.signals for each in found if isinstance(each, Looked)]
            check_tags(self._strategy, told)
        except Failed as error:
            wrong = f"{STRATEGY_FAILED}: {error}"
            return [wrong if isinstance(each, Looked) else each for each in found]
        return found

    def _trend(self, window: CandleWindow) -> int:
        # Inside the warm-up the verdict is hidden, as in a backtest.
        if len(window) <= self._need.warm_up:
            return UNKNOWN
        return int(trend_verdicts(self._gate, window.candles().close)[-1])

    def _forget(self) -> None:
        """Drops old candles, of all series at once, when more are held than the spare ones."""
        if self._strategy.anchor is not None:
            return
        if max(len(window) for window in self._traded) <= self._most:
            return
        for window in self._windows.values():
            share = self.length_ms / window.timeframe.length_ms
            window.drop_all_but(self._kept if share == 1 else int(self._kept * share) + 2)

    def _core(self, view: AccountView) -> Core:
        """Returns account, positions and orders as the compiled core reads them."""
        account, positions, orders = new_account(view.equity, len(self.symbols))
        account["cash"] = view.cash
        account["open_positions"] = len(view.positions)
        before = view.before
        if before is not None:
            account["equity"], account["peak"] = before.equity, before.peak
            account["day_base"], account["day_ends"] = before.day_base, before.day_ends_ms
            account["daily_loss"] = before.daily_loss
            account["halted_step"] = 0 if before.halted else -1
        for s, window in enumerate(self._traded):
            held = view.positions.get(window.symbol)
            if held is not None:
                positions[s].quantity = held.quantity
                positions[s].entry_price = held.entry_price
                positions[s].stop = held.stop
                positions[s].target = held.target
                positions[s].entry_row = window.row_at(held.entry_time_ms)
                orders[s].action = SELL if held.closing else NO_ORDER
            elif window.symbol in view.buying:
                orders[s].action = BUY
                orders[s].quantity = view.buying[window.symbol]
            if window.symbol in view.stopped_ms:
                positions[s].stop_row = window.row_at(view.stopped_ms[window.symbol])
        return Core(account, positions, orders)

    def _mark(self, open_time_ms: int, equity: float, account: Record) -> bool:
        if open_time_ms > account[0].day_ends - self.length_ms:
            begin_day(open_time_ms + self.length_ms, account)
        return bool(mark(0, equity, self._rules, account))

    def _run(
        self,
        open_time_ms: int,
        signals: Sequence[Signals | None],
        trends: Sequence[int],
        core: Core,
    ) -> None:
        """Raises stops and decides, on the last column of market and advice."""
        market = self._market(open_time_ms)
        t = len(market.open_time) - 1
        market.row[[each is None for each in signals], t] = -1
        advice = last_advice(signals, trends, t + 1)
        raise_stops(t, market, advice, self._rules, core.positions)
        decide(
            t, market, advice, self._rules,
            core.account, core.positions, core.orders, core.refusals,
        )  # fmt: skip

    def _market(self, open_time_ms: int) -> Market:
        """Returns the last rows of all symbols, as many as correlation looks back at; rows count
        within the whole series."""
        if len(self._traded) == 1:
            last: int | None = 1
        else:
            recent = open_time_ms - (_TAIL - WINDOW - 2) * self.length_ms
            whole = (
                w.last_ms is not None and w.last_ms >= recent and w.is_whole(_TAIL, w.last_ms)
                for w in self._traded
            )
            last = _TAIL if all(whole) else None
        market = align_market([window.candles(last) for window in self._traded])
        for s, window in enumerate(self._traded):
            first = window.first_row + (0 if last is None else max(0, len(window) - last))
            row = market.row[s]
            row[row >= 0] += first
        return market

    def _choice(
        self, s: int, state: str, look: Looked | str | None, core: Core, trend: int
    ) -> Choice:
        window = self._traded[s]
        decision, reason = core.verdict(s)
        if decision in {"none", "hold"} and (state != "ok" or isinstance(look, str)):
            decision, reason = "skipped", look if isinstance(look, str) else state
        asked = look.asked() if isinstance(look, Looked) else {}
        if decision == "enter":
            order = core.orders[s]
            asked |= {"stop": number_of(order.stop), "target": number_of(order.target)}
        warm = len(window) > self._need.warm_up
        return Choice(
            symbol=window.symbol,
            data_state=state if state != "ok" or warm else "warming_up",
            candle=None if state == "missing" else window.newest,
            decision=decision,
            reason=reason,
            entry_tag=look.tag("entry") if isinstance(look, Looked) else "",
            exit_tag=look.tag("exit") if isinstance(look, Looked) else "",
            **asked,
            quantity=float(core.orders[s].quantity) if decision == "enter" else None,
            rank=int(core.orders[s].rank),
            raised_to=core.raised_to(s),
            trend="off" if self._gate is None else _TREND[trend],
            columns=look.columns() if isinstance(look, Looked) else {},
        )
