"""The backtester's own account loop on a session's candles: whole, or one decision at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from leeward.domain.errors import Failed
from leeward.domain.trades import TRADE
from leeward.engine.records import EquityMarked
from leeward.engine.state import Market, Record, Rules
from leeward.research.recorded import KNOWN_IN_TIME, Recorded
from leeward.risk.refusals import REFUSALS
from leeward.runtime.trading.views import Marks
from leeward.simulation.account import Layout, lay_out, new_account, rules_of
from leeward.simulation.loop import close_all, run_account
from leeward.strategies.evaluate import Evaluation, evaluate, strategy_need
from leeward.strategies.informative import build_frame


@dataclass(frozen=True, eq=False)
class Replay:
    """The session's candles with the strategy's columns, on the grid of the account loop."""

    recorded: Recorded
    layout: Layout
    rules: Rules
    evaluations: tuple[Evaluation, ...]

    def step(self, open_time_ms: int) -> int:
        """Returns the step of the candles that open then; raises Failed where there is none."""
        times = self.layout.market.open_time
        t = int(np.searchsorted(times, open_time_ms))
        if t == len(times) or times[t] != open_time_ms:
            raise Failed(f"no candle of the session opens at {open_time_ms} ms")
        return t

    @cached_property
    def as_seen(self) -> Market:
        """The market as it was known at each decision: a candle that came late was missing."""
        market = self.layout.market
        row, last_close = market.row.copy(), market.last_close.copy()
        for (symbol, time), executed in self.recorded.executed.items():
            if executed.data_state not in KNOWN_IN_TIME and time in self._steps:
                s, t = self.layout.symbols.index(symbol), self.step(time)
                row[s, t] = -1
                if executed.data_state == "missing":
                    # By the next step it has come: what it says is known there.
                    last_close[s, t] = market.last_close[s, t - 1] if t else np.nan
        return market._replace(row=row, last_close=last_close)

    @cached_property
    def managed(self) -> tuple[tuple[Replay, frozenset[str]], ...]:
        """The replays of strategies of before a swap, with the positions that they looked after."""
        return tuple((replay_of(each), positions) for each, positions in self.recorded.managed)

    @cached_property
    def _steps(self) -> frozenset[int]:
        return frozenset(self.layout.market.open_time.tolist())


def replay_of(recorded: Recorded) -> Replay:
    """Returns the replay of a session: every column computed again, over all its candles."""
    strategy, candles = recorded.terms.strategy, recorded.candles
    frames = [build_frame(c, recorded.further(c.symbol)) for c in candles]
    need = strategy_need(strategy, frames[0].columns)
    evaluations = tuple(evaluate(strategy, frame, need) for frame in frames)
    setup = recorded.terms.setup
    layout = lay_out(candles, [e.signals for e in evaluations], setup)
    return Replay(recorded, layout, rules_of(setup), evaluations)


def simulate_beside(replay: Replay) -> NDArray[np.void]:
    """Returns the trades of a backtest over the session's steps, from its opening account.

    It knows nothing of the session's fills, refusals and late candles.
    """
    layout, rules = replay.layout, replay.rules
    opening = replay.recorded.marks[0]
    first, last = replay.step(opening.open_time_ms), len(layout.market.open_time)
    symbols = len(layout.symbols)
    account, positions, orders = new_account(float(opening.equity), symbols)
    go_on_from(account, opening)
    trades = np.zeros((last - first + 2) * symbols, TRADE).view(np.recarray)
    refusals = np.zeros((symbols, len(REFUSALS)), np.int64)
    curves = np.empty(last), np.empty(last)
    end = run_account(
        first, last, layout.market, layout.fine, layout.advice, rules,
        account, positions, orders, trades, refusals, *curves,
    )  # fmt: skip
    assert end == last  # one trade a symbol and step at most, so the table holds them
    close_all(last - 1, layout.market, rules, account, positions, orders, trades)
    return trades[: account["trades"][0]].view(TRADE, np.ndarray)


def go_on_from(account: Record, opening: EquityMarked | Marks) -> None:
    """Sets what the loss limits go on from as it was at a step."""
    account["peak"] = float(opening.peak)
    account["day_base"] = float(opening.day_base)
    account["day_ends"] = opening.day_ends_ms
    account["daily_loss"] = int(opening.daily_loss)
    account["halted_step"] = 0 if opening.halted else -1
