"""Takes one decision of a backtest again: from the inputs its result names, or right away."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leeward.data.store import CandleStore
from leeward.domain.candles import Candles
from leeward.domain.errors import BadUsage, Failed
from leeward.domain.timeframe import Timeframe
from leeward.domain.times import parse_time
from leeward.domain.trades import END_OF_DATA, EXIT_REASONS, TRADE
from leeward.engine.state import NO_ORDER, Market
from leeward.engine.state import Record as Flat
from leeward.report.reasons import EXIT_WORDS
from leeward.report.result import SCHEMA
from leeward.report.why import Chain
from leeward.report.words import REFUSAL_WORDS, minute
from leeward.research.decisions import answer_of
from leeward.research.models import columns_again
from leeward.research.recorded import Terms, read_terms
from leeward.research.why import Moment, Scene, chain_of, chosen_time
from leeward.risk.refusals import NO_CANDLE, REFUSALS
from leeward.runtime.gathering import Gatherer, Span
from leeward.runtime.settings import Settings
from leeward.simulation.account import lay_out, new_account, rules_of
from leeward.simulation.loop import close_all, run_account
from leeward.strategies.evaluate import evaluate, strategy_need
from leeward.strategies.informative import build_frame


def why_in_backtest(
    file: Path,
    settings: Settings,
    symbol: str,
    time_ms: int | None = None,
    strategy: str | None = None,
) -> Chain:
    """Returns the chain of what a backtest decided for a symbol at a candle, the last by default.

    `file` is a result as `leeward backtest --json` writes it; the candles are read from the store
    and have to be those of the result. `strategy` says where the strategy is, for one of the
    user's own, of which a result knows only the class. Raises BadUsage for what is not there,
    Failed for candles that changed.
    """
    inputs = _inputs(file)
    if strategy is not None:
        inputs["strategy"] = strategy
    symbols = [str(name) for name in _list(inputs["symbols"])]
    terms = read_terms(inputs, symbols, str(file))
    start_ms, end_ms = (parse_time(str(inputs[name]), name) for name in ("start", "end"))
    gatherer = Gatherer(CandleStore(settings.data.dir), {}, Span(start_ms, end_ms))
    length = Timeframe.parse(str(inputs["timeframe"]))
    candles = [gatherer.traded(name, length) for name in symbols]
    _check_same(candles, inputs, file)
    gatherer = replace(
        gatherer, columns=columns_again(settings, terms.strategy, length, inputs.get("models"))
    )
    run = _Run.of(terms, candles, gatherer, inputs, start_ms, f"backtest {file.name}")
    return run.chain(symbol, time_ms)


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    scene: Scene
    balance: float
    first: int

    @classmethod
    def of(
        cls,
        terms: Terms,
        candles: list[Candles],
        gatherer: Gatherer,
        inputs: Mapping[str, object],
        start_ms: int,
        source: str,
    ) -> _Run:
        strategy, names = terms.strategy, [c.symbol for c in candles]
        frames = [build_frame(c, gatherer.informative(strategy, c.symbol)) for c in candles]
        need = strategy_need(strategy, frames[0].columns)
        evaluations = tuple(evaluate(strategy, frame, need) for frame in frames)
        finer = {str(name).split()[1] for name in _table(inputs.get("detail", {}))}
        detail = gatherer.detail(names, candles[0].timeframe, finer.pop()) if finer else None
        layout = lay_out(candles, [e.signals for e in evaluations], terms.setup, detail)
        scene = Scene(
            source,
            candles[0].timeframe.name,
            layout,
            layout.market,
            rules_of(terms.setup),
            terms.setup.limits,
            evaluations,
        )
        first = int(np.searchsorted(layout.market.open_time, start_ms))
        return cls(scene, terms.setup.balance, first)

    def chain(self, symbol: str, time_ms: int | None) -> Chain:
        layout, market = self.scene.layout, self.scene.market
        there = [layout.symbols.index(symbol)] if symbol in layout.symbols else []
        times = [
            int(market.open_time[t])
            for s in there
            for t in np.flatnonzero(market.row[s] >= 0)
            if t >= self.first
        ]
        time = chosen_time(symbol, time_ms, layout.symbols, times)
        s, t = there[0], int(np.searchsorted(market.open_time, time))
        at, after = self._until(t), self._until(t + 1)
        # What fills at this open were refused was decided one candle before.
        refused = (after.refusals - at.refusals)[s, :NO_CANDLE]
        position = after.positions[s]
        said = answer_of(NO_ORDER, position, after.orders[s], refused)
        opened_now = position.entry_step == t
        stop = float(position.first_stop if opened_now else at.positions[s].stop)
        moment = Moment(t, after.account, after.positions, after.orders, frozenset())
        chain = chain_of(self.scene, moment, s, said, stop if position.quantity > 0 else None)
        return replace(chain, after=tuple(self._afterwards(s, t, said.decision)))

    def _until(self, end: int) -> _State:
        """Returns the account after the steps before `end`, with what was decided at the last."""
        layout, rules, symbols = self.scene.layout, self.scene.rules, len(self.scene.evaluations)
        account, positions, orders = new_account(self.balance, symbols)
        trades = np.zeros((end - self.first + 2) * symbols, TRADE).view(np.recarray)
        state = _State(
            account, positions, orders, trades, np.zeros((symbols, len(REFUSALS)), np.int64)
        )
        steps = len(layout.market.open_time)
        run_account(
            self.first, end, layout.market, layout.fine, layout.advice, rules,
            account, positions, orders, trades, state.refusals, np.empty(steps), np.empty(steps),
        )  # fmt: skip
        return state

    def _afterwards(self, s: int, t: int, decision: str) -> Iterator[str]:
        """Yields what became of the position, or of the entry that was decided."""
        market, last = self.scene.market, len(self.scene.market.open_time)
        if decision == "enter":
            if t + 1 == last:
                yield "the candles end here, so it was dropped"
                return
            lapsed = (self._until(t + 2).refusals - self._until(t + 1).refusals)[s, NO_CANDLE:]
            if lapsed.any():
                reason = REFUSALS[NO_CANDLE + int(np.argmax(lapsed))]
                yield f"not filled: {REFUSAL_WORDS[reason]} ({reason})"
                return
        end = self._until(last)
        close_all(
            last - 1, market, self.scene.rules, end.account, end.positions, end.orders, end.trades
        )
        trade = _trade_at(end.trades[: int(end.account["trades"][0])], s, market, t, decision)
        if trade is not None:
            yield (
                f"bought {trade['quantity']:.10g} at {trade['entry_price']:.10g} in the candle of "
                f"{minute(int(trade['entry_time']))}"
            )
            reason = EXIT_REASONS[trade["exit_reason"]]
            yield (
                f"sold at {trade['exit_price']:.10g} in the candle of "
                f"{minute(int(trade['exit_time']))}: {EXIT_WORDS[reason]} ({reason}); fees "
                f"{trade['fees']:.4f}, profit {trade['pnl']:+.4f}"
            )


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    account: Flat
    positions: Flat
    orders: Flat
    trades: Flat
    refusals: NDArray[np.int64]


def _trade_at(
    trades: NDArray[np.void], s: int, market: Market, t: int, decision: str
) -> Flat | None:
    """Returns the trade that was decided at step `t`, or held at its close."""
    time = int(market.open_time[t])
    for trade in trades[trades["symbol"] == s]:
        entered = int(np.searchsorted(market.open_time, trade["entry_time"]))
        if decision == "enter":
            if entered == t + 1:
                return trade
        elif trade["entry_time"] <= time and (
            trade["exit_time"] > time or trade["exit_reason"] == END_OF_DATA
        ):
            return trade
    return None


def _inputs(file: Path) -> dict[str, object]:
    """Returns the inputs that a result names."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadUsage(f"--backtest: {file} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadUsage(f"--backtest: {file} is not JSON: {error}") from None
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise BadUsage(
            f"--backtest: {file} is not a result of this version ({schema or 'no schema'}, not "
            f"{SCHEMA}); write one with `leeward backtest ... --json FILE`"
        )
    return _table(document["inputs"])


def _check_same(candles: list[Candles], inputs: Mapping[str, object], file: Path) -> None:
    data = _table(inputs["data"])
    for series in candles:
        was = _table(data[series.symbol])
        if was["sha256"] != series.sha256:
            raise Failed(
                f"{series.name}: the store's candles are not those of {file} ({len(series):,} now, "
                f"{was['rows']:,} then); run the backtest again and ask about the new result"
            )


def _table(value: object) -> dict[str, object]:
    if not isinstance(value, Mapping):
        raise Failed(f"{value!r} is not a table; was the file changed by hand?")
    return {str(name): item for name, item in value.items()}


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise Failed(f"{value!r} is not a list; was the file changed by hand?")
    return value
