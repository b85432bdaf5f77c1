"""The decider takes the very decisions of a backtest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.markets import HOUR
from tests.stepwise import Step, candle_of, steps
from tests.walks import walk

from leeward.data.importing import Asked, import_file
from leeward.data.store import CandleStore
from leeward.domain.candles import Candles
from leeward.domain.columns import FloatColumn
from leeward.domain.errors import BadCandles
from leeward.domain.frame import Frame
from leeward.domain.instrument import Instrument
from leeward.domain.timeframe import Timeframe
from leeward.domain.trades import EXIT_REASONS
from leeward.engine.state import BUY, SELL
from leeward.indicators.averages import ema
from leeward.indicators.crossings import crossed_above
from leeward.risk.limits import RiskLimits
from leeward.risk.refusals import REFUSALS
from leeward.runtime.trading.deciding import Decider, rows_needed
from leeward.runtime.trading.views import AccountView, Marks, OpenPosition, StepChoices
from leeward.simulation.setup import Setup
from leeward.strategies.adaptive import Adaptive
from leeward.strategies.base import Condition, Strategy, param
from leeward.strategies.ema_cross import EmaCross
from leeward.strategies.enhanced import Enhanced
from leeward.strategies.evaluate import evaluate, strategy_need
from leeward.strategies.informative import build_frame, frame_columns


def setup_for(
    candles: Sequence[Candles],
    strategy: Strategy,
    limits: RiskLimits | None = None,
    tick: float = 0.01,
) -> Setup:
    return Setup(
        balance=10_000.0,
        fee=0.001,
        slippage=0.0005,
        instruments=tuple(Instrument(c.symbol, 0.00001, tick, 5.0) for c in candles),
        limits=limits or RiskLimits(),
        max_candles=strategy.max_candles or 0,
        ratchet_stop=strategy.ratchet_stop,
    )


def assert_same_decisions(
    strategy: Strategy, candles: Sequence[Candles], setup: Setup, first: int
) -> list[StepChoices]:
    """Decides step by step from candle `first` on, beside the backtest; returns the choices."""
    need = strategy_need(strategy, frame_columns(strategy))
    signals = [evaluate(strategy, build_frame(c, {}), need).signals for c in candles]
    start_ms = int(candles[0].open_time[first])
    setup = replace(setup, start_ms=start_ms)
    decider = Decider(strategy, setup, [c.between(None, start_ms) for c in candles], {})
    rows = [int(np.searchsorted(c.open_time, start_ms)) for c in candles]
    marks: Marks | None = None
    made = []
    for step in steps(candles, signals, setup):
        for s, series in enumerate(candles):
            if rows[s] < len(series) and series.open_time[rows[s]] == step.open_time_ms:
                decider.take(candle_of(series, rows[s]))
                rows[s] += 1
        view = replace(step.view, before=marks)
        choices = decider.step(step.open_time_ms, partial(_as_seen, view))
        marks = choices.marks
        assert_equal(step, choices)
        made.append(choices)
    return made


def _as_seen(view: AccountView, closes: Mapping[str, float]) -> AccountView:
    assert closes
    return view


def assert_equal(step: Step, made: StepChoices) -> None:
    where = step.open_time_ms
    assert made.marks.equity == pytest.approx(step.view.equity, rel=0, abs=0)
    assert made.marks.peak == step.account.peak, where
    assert made.marks.halted == (step.account.halted_step >= 0), where
    for s, choice in enumerate(made.choices):
        order, position = step.orders[s], step.positions[s]
        refused = [REFUSALS[i] for i in np.flatnonzero(step.refusals[s])]
        told = (where, choice)
        if not step.waiting[s] and order.action == BUY:
            assert choice.decision == "enter", told
            bought = [order.quantity, order.stop, order.target, order.rank]
            mine = (choice.quantity, choice.stop, choice.target, choice.rank)
            chosen = [np.nan if each is None else each for each in mine]
            assert np.array_equal(bought, chosen, equal_nan=True), told
        elif not step.waiting[s] and order.action == SELL:
            assert (choice.decision, choice.reason) == ("exit", EXIT_REASONS[order.reason]), told
        elif refused:
            assert (choice.decision, [choice.reason]) == ("refused", refused), told
        else:
            assert choice.decision in {"none", "hold", "skipped"}, told
        held = step.view.positions.get(choice.symbol)
        if held is not None and not held.closing:
            mine_now = held.stop if choice.raised_to is None else choice.raised_to
            assert np.array_equal([mine_now], [position.stop], equal_nan=True), told


@pytest.fixture(scope="module")
def real_market(market_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Candles]:
    store = CandleStore(tmp_path_factory.mktemp("store"))
    for symbol in ("BTCUSDT", "ETHUSDT"):
        for file in sorted(market_data.rglob(f"{symbol}-1h*")):
            assert list(import_file(store, file, Asked()))
    return [store.load(symbol, Timeframe.parse("1h")) for symbol in ("BTCUSDT", "ETHUSDT")]


BUILT_IN = (EmaCross(), Adaptive(), Enhanced())


@pytest.mark.parametrize("strategy", BUILT_IN, ids=lambda each: type(each).__name__)
def test_real_candles_of_two_symbols_are_decided_as_in_a_backtest(
    real_market: list[Candles], strategy: Strategy
) -> None:
    candles = [c.rows(20_000, 20_000 + 3_600) for c in real_market]
    made = assert_same_decisions(strategy, candles, setup_for(candles, strategy), 2_900)
    decisions = [choice.decision for step in made for choice in step.choices]
    assert min(decisions.count(each) for each in ("enter", "exit", "hold", "refused")) > 0


class Restless(Strategy):
    """Uses every column there is, and changes its mind often."""

    max_candles = 9
    ratchet_stop = True
    span = param(5, low=2, high=50)

    def calculate_indicators(self, candles: Frame) -> Frame:
        return candles.with_columns(average=ema(candles.close, self.span))

    def check_entry_conditions(self, frame: Frame) -> Condition:
        return {
            "up": crossed_above(frame.close, frame.average),
            "low": frame.low < 0.97 * frame.average,
        }

    def check_exit_conditions(self, frame: Frame) -> Condition:
        return {"far": frame.close > 1.05 * frame.average}

    def calculate_position_size(self, frame: Frame) -> FloatColumn:
        return np.full(len(frame), 0.4)

    def calculate_stop(self, frame: Frame) -> FloatColumn:
        return np.where(frame.volume > 50, 0.96 * frame.close, np.nan)

    def calculate_target(self, frame: Frame) -> FloatColumn:
        return np.where(frame.volume > 20, 1.06 * frame.close, np.nan)

    def calculate_trail(self, frame: Frame) -> FloatColumn:
        return np.where(frame.volume > 60, 0.05 * frame.close, np.nan)

    def calculate_confidence(self, frame: Frame) -> FloatColumn:
        return np.minimum(1.0, frame.volume / 100)


def wild_market(seed: int, symbols: int, rows: int) -> list[Candles]:
    """Returns candles that jump, with gaps of their own for every symbol."""
    random = np.random.default_rng(seed)
    made = []
    for s in range(symbols):
        close = 100 * np.exp(np.cumsum(random.normal(0, 0.03, rows)))
        open_ = close * np.exp(random.normal(0, 0.01, rows))
        high = np.maximum(open_, close) * (1 + random.exponential(0.01, rows))
        low = np.minimum(open_, close) * (1 - np.minimum(0.5, random.exponential(0.01, rows)))
        keep = np.flatnonzero(random.random(rows) > random.choice([0.0, 0.1]))
        time = 3_600_000 * keep.astype(np.int64)
        volume = random.uniform(0, 100, rows)
        o, h, lo, c, v = (each[keep] for each in (open_, high, low, close, volume))
        made.append(Candles(f"S{s}USDT", HOUR, time, o, h, lo, c, v))
    return made


@given(
    seed=st.integers(0, 10_000),
    symbols=st.integers(1, 4),
    daily_loss=st.sampled_from([0.02, 1.0]),
    max_drawdown=st.sampled_from([0.04, 0.3, 1.0]),
    trend_gate=st.sampled_from(["off", "ema:10:2"]),
    tick=st.sampled_from([0.0, 0.01, 0.25]),
)
@settings(max_examples=25)
def test_wild_markets_with_gaps_are_decided_as_in_a_backtest(
    seed: int, symbols: int, daily_loss: float, max_drawdown: float, trend_gate: str, tick: float
) -> None:
    candles = wild_market(seed, symbols, 140)
    limits = RiskLimits(
        max_position_fraction=0.4,
        max_exposure_fraction=1.0,
        max_correlated_fraction=0.6,
        correlation_threshold=0.3,
        risk_per_trade_fraction=0.05,
        daily_loss_fraction=daily_loss,
        max_drawdown_fraction=max_drawdown,
        trend_gate=trend_gate,
        cooldown_candles=2,
    )
    strategy = Restless()
    assert_same_decisions(strategy, candles, setup_for(candles, strategy, limits, tick), 20)


def flat_account(equity: float = 10_000.0) -> AccountView:
    return AccountView(equity, equity)


def decider_at(candles: Sequence[Candles], first: int) -> Decider:
    strategy = Restless()
    setup = setup_for(candles, strategy, RiskLimits(trend_gate="off"))
    return Decider(strategy, setup, [c.rows(0, first) for c in candles], {})


def test_columns_stay_right_to_a_billionth_after_old_candles_are_forgotten() -> None:
    candles = [gapless(seed, 600) for seed in (1, 2)]
    whole, cut = decider_at(candles, 500), decider_at(candles, 500)
    cut._kept, cut._most = 400, 420
    for row in range(500, 560):
        for series in candles:
            whole.take(candle_of(series, row))
            cut.take(candle_of(series, row))
        now_ms = int(candles[0].open_time[row])
        answers = [each.step(now_ms, lambda _: flat_account()) for each in (whole, cut)]
        for a, b in zip(*(answer.choices for answer in answers), strict=True):
            assert (a.decision, a.reason, a.quantity) == (b.decision, b.reason, b.quantity)
            assert a.columns["average"] == pytest.approx(b.columns["average"], rel=1e-9)
    assert len(cut._traded[0]) <= 421


def gapless(seed: int, rows: int) -> Candles:
    dense = wild_market(seed, 1, 2 * rows)[0]
    time = 3_600_000 * np.arange(rows, dtype=np.int64)
    return replace(dense.rows(0, rows), symbol=f"G{seed}USDT", open_time=time, checked=False)


def test_a_symbol_without_its_candle_decides_nothing_and_is_marked_at_its_last_close() -> None:
    candles = [gapless(seed, 60) for seed in (1, 2)]
    decider = decider_at(candles, 50)
    decider.take(candle_of(candles[0], 50))
    asked: dict[str, float] = {}

    def account(closes: Mapping[str, float]) -> AccountView:
        asked.update(closes)
        return flat_account()

    made = decider.step(int(candles[0].open_time[50]), account)
    missing = made.choices[1]
    assert (missing.data_state, missing.candle) == ("missing", None)
    assert (missing.decision, missing.reason) == ("skipped", "missing")
    assert asked == {"G1USDT": candles[0].close[50], "G2USDT": candles[1].close[49]}


def test_no_candle_at_all_marks_the_account_and_decides_nothing() -> None:
    candles = [gapless(1, 60)]
    made = decider_at(candles, 50).step(int(candles[0].open_time[50]), lambda _: flat_account(9.0))
    assert made.marks.equity == 9.0
    assert [choice.decision for choice in made.choices] == ["skipped"]


def test_a_symbol_that_is_to_be_skipped_decides_nothing_and_says_why() -> None:
    candles = [gapless(1, 60)]
    decider = decider_at(candles, 50)
    decider.take(candle_of(candles[0], 50))
    now_ms = int(candles[0].open_time[50])
    choice = decider.step(now_ms, lambda _: flat_account(), {"G1USDT": "gap"}).choices[0]
    assert (choice.data_state, choice.decision, choice.reason) == ("gap", "skipped", "gap")
    assert choice.candle is not None
    assert choice.candle.close == candles[0].close[50]


def test_drawdown_closes_also_what_has_no_candle() -> None:
    candles = [gapless(seed, 60) for seed in (1, 2)]
    decider = decider_at(candles, 50)
    decider.take(candle_of(candles[0], 50))
    now_ms = int(candles[0].open_time[50])
    held = OpenPosition(1.0, 100.0, int(candles[1].open_time[40]), 1.0, np.nan)
    before = Marks(
        10_000, 10_000, 0, 10_000, 10_000, now_ms + 10**8, daily_loss=False, halted=False
    )
    view = AccountView(7_000, 7_100, {"G2USDT": held}, before=before)
    made = decider.step(now_ms, lambda _: view)
    assert made.halted_now
    assert (made.choices[1].decision, made.choices[1].reason) == ("exit", "containment")


def test_a_closing_position_is_not_decided_on_again_and_an_open_buy_counts_as_bought() -> None:
    candles = [gapless(seed, 60) for seed in (1, 2)]
    decider = decider_at(candles, 50)
    for series in candles:
        decider.take(candle_of(series, 50))
    held = OpenPosition(1.0, 100.0, 0, np.nan, np.nan, closing=True)
    view = AccountView(9_900, 10_000, {"G1USDT": held}, {"G2USDT": 1.0})
    made = decider.step(int(candles[0].open_time[50]), lambda _: view)
    assert [(c.decision, c.reason) for c in made.choices] == [
        ("hold", "closing"),
        ("hold", "buying"),
    ]


class Broken(Restless):
    def calculate_stop(self, frame: Frame) -> FloatColumn:
        raise ZeroDivisionError(f"nothing to divide in {frame}")


def test_a_strategy_that_fails_takes_no_decision_and_is_named() -> None:
    candles = gapless(1, 60)
    decider = decider_at([candles], 50)
    decider._strategy = Broken()
    decider.take(candle_of(candles, 50))
    choice = decider.step(int(candles.open_time[50]), lambda _: flat_account()).choices[0]
    assert choice.decision == "skipped"
    assert choice.reason.startswith(
        "strategy_failed: Broken.calculate_stop: raised ZeroDivisionError"
    )


def test_the_need_of_the_trend_gate_is_part_of_the_need() -> None:
    without, with_gate = rows_needed(EmaCross(), "off"), rows_needed(EmaCross(), "ema:200:10")
    assert (without.least, with_gate.least) == (101, 210)
    assert with_gate.history > without.history > 1_000


def test_a_candle_out_of_order_is_refused() -> None:
    candles = gapless(1, 60)
    decider = decider_at([candles], 50)
    with pytest.raises(BadCandles, match="each once"):
        decider.take(candle_of(candles, 49))


def test_symbols_that_move_together_are_told_apart_as_the_core_does() -> None:
    lead = walk(800, symbol="BTCUSDT", seed=1)
    follows = replace(lead, symbol="ETHUSDT")
    alone = walk(800, symbol="SOLUSDT", seed=9)
    candles = [lead, follows, alone]
    strategy = EmaCross()
    decider = Decider(strategy, setup_for(candles, strategy), candles, {})
    held = {"BTCUSDT", "ETHUSDT", "SOLUSDT", "of another session"}
    pair = frozenset({"BTCUSDT", "ETHUSDT"})
    assert decider.moving_together(held) == [pair, pair, frozenset({"SOLUSDT"})]
    assert decider.moving_together({"ETHUSDT"}) == [frozenset({"ETHUSDT"})]
    assert decider.moving_together(set()) == []
