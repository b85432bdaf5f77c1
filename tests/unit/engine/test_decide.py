"""One close, one decision: what the core answers, and that stricter limits never buy more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.scenarios.cases import Dice, make_limits
from tests.walks import walk

from leeward.domain.instrument import Instrument
from leeward.domain.trades import CONTAINMENT, SIGNAL, TIME
from leeward.engine.decide import decide
from leeward.engine.state import BUY, NO_ORDER, SELL, Record
from leeward.risk.limits import RiskLimits
from leeward.risk.refusals import REFUSALS
from leeward.simulation.account import new_account, rules_of
from leeward.simulation.grid import align_market, align_signals
from leeward.simulation.setup import Setup
from leeward.strategies.signals import Signals

ROWS = 60
NOW = ROWS - 1
HELD, ALSO_HELD, WANTED = range(3)
LOOSE = RiskLimits(trend_gate="off", cooldown_candles=0, max_correlated_fraction=1.0)


@dataclass
class Close:
    """An account of 10,000 at the close of the last of 60 candles: two symbols held, one wanted."""

    limits: RiskLimits = LOOSE
    held: tuple[float, float] = (0.1, 0.1)
    asked: float = 0.1
    stop_distance: float = 0.05
    drawdown: float = 0.0
    stopped_rows_ago: int = ROWS
    exits: tuple[int, int] = (0, 0)
    max_candles: int = 0
    seeds: tuple[int, int, int] = (1, 2, 3)

    def __post_init__(self) -> None:
        candles = [walk(ROWS, seed=seed) for seed in self.seeds]
        self.market = align_market(candles)
        self.close = np.array([one.close[NOW] for one in candles])
        signals = [self._signals(symbol) for symbol in range(3)]
        self.advice = align_signals(candles, signals, self.market, self.limits)
        instruments = tuple(Instrument(symbol) for symbol in "ABC")
        self.setup = Setup(
            10_000.0, 0.001, 0.0005, instruments, self.limits, max_candles=self.max_candles
        )
        self.account, self.positions, self.orders = self._account()
        self.refusals = np.zeros((3, len(REFUSALS)), np.int64)

    def _signals(self, symbol: int) -> Signals:
        entry, leave = np.zeros((2, ROWS), dtype=np.uint8)
        entry[NOW] = symbol == WANTED
        leave[NOW] = 0 if symbol == WANTED else self.exits[symbol]
        stop = np.full(ROWS, self.close[symbol] * (1 - self.stop_distance))
        return Signals(entry, leave, np.full(ROWS, self.asked), stop=stop)

    def _account(self) -> tuple[Record, Record, Record]:
        account, positions, orders = new_account(10_000.0, 3)
        for symbol, fraction in enumerate(self.held):
            positions[symbol]["quantity"] = fraction * 10_000 / self.close[symbol]
            positions[symbol]["entry_row"] = NOW - 1
        account["cash"] = 10_000 * (1 - sum(self.held))
        account["peak"] = 10_000 / (1 - self.drawdown)
        account["open_positions"] = np.count_nonzero(self.held)
        positions["stop_row"][WANTED] = NOW - self.stopped_rows_ago
        return account, positions, orders

    def decide(self) -> Close:
        decide(
            NOW, self.market, self.advice, rules_of(self.setup),
            self.account, self.positions, self.orders, self.refusals,
        )  # fmt: skip
        return self

    @property
    def bought(self) -> float:
        order = self.orders[WANTED]
        return float(order["quantity"]) if order["action"] == BUY else 0.0

    @property
    def refused(self) -> list[str]:
        return [REFUSALS[reason] for reason in np.flatnonzero(self.refusals[WANTED])]


def test_an_accepted_entry_waits_with_its_quantity_and_stop() -> None:
    close = Close().decide()
    order = close.orders[WANTED]
    assert (order["action"], order["tag"], order["rank"]) == (BUY, 1, 0)
    assert order["quantity"] * close.close[WANTED] <= 1_000
    assert order["quantity"] * close.close[WANTED] > 1_000 - 0.00001 * close.close[WANTED] * 1.01
    assert order["stop"] == close.close[WANTED] * 0.95
    assert np.isnan(order["target"])
    assert not close.refusals.any()
    assert close.account["orders"][0] == 1


def test_a_close_without_wishes_leaves_no_order() -> None:
    close = Close(asked=0.0).decide()
    assert close.refused == ["below_minimum"]
    assert (close.orders["action"] == NO_ORDER).all()
    assert close.account["orders"][0] == 0


def test_exits_carry_their_reason_and_tag() -> None:
    close = Close(exits=(2, 0), max_candles=2).decide()
    held, also = close.orders[HELD], close.orders[ALSO_HELD]
    assert (held["action"], held["reason"], held["tag"]) == (SELL, SIGNAL, 2)
    assert (also["action"], also["reason"], also["tag"]) == (SELL, TIME, 0)
    assert close.account["orders"][0] == 3


def test_an_order_that_waits_already_is_left_as_it_is() -> None:
    close = Close(exits=(2, 0))
    close.account["halted_step"] = NOW
    close.orders[HELD]["action"], close.orders[HELD]["reason"] = SELL, TIME
    close.decide()
    assert (close.orders[HELD]["reason"], close.orders[HELD]["tag"]) == (TIME, 0)
    assert close.orders[ALSO_HELD]["reason"] == CONTAINMENT
    assert close.refused == ["halted"]


def test_deciding_changes_neither_positions_nor_money() -> None:
    close = Close(exits=(1, 0), max_candles=2)
    account, positions = close.account.copy(), close.positions.copy()
    close.decide()
    account["orders"] = close.account["orders"]
    assert close.account.tobytes() == account.tobytes()
    assert close.positions.tobytes() == positions.tobytes()


def test_what_is_about_to_be_sold_leaves_room() -> None:
    full = replace(LOOSE, max_exposure_fraction=0.2)
    assert Close(full).decide().refused == ["max_exposure"]
    assert Close(full, exits=(1, 0)).decide().bought > 0


def tightened(limits: RiskLimits, name: str, factor: float) -> RiskLimits:
    """Returns limits of which one is stricter (or the same, where it cannot be)."""
    value = getattr(limits, name)
    stricter: dict[str, Any] = {
        "max_open_positions": max(1, limits.max_open_positions - 1),
        "cooldown_candles": limits.cooldown_candles + 3,
        "require_stop": True,
        "trend_gate": "ema:2:1" if limits.trend_gate == "off" else limits.trend_gate,
        "drawdown_ladder": tuple((depth, rung * factor) for depth, rung in limits.drawdown_ladder),
    }
    return replace(limits, **{name: stricter[name] if name in stricter else value * factor})


TIGHTENED = (
    "max_position_fraction",
    "risk_per_trade_fraction",
    "max_exposure_fraction",
    "max_correlated_fraction",
    "correlation_threshold",
    "max_open_positions",
    "require_stop",
    "trend_gate",
    "drawdown_ladder",
    "cooldown_candles",
)


@st.composite
def closes(draw: st.DrawFn) -> Close:
    """Closes at which most entries are accepted, under limits from nearly off to extreme."""
    fractions = st.just(0.0) | st.floats(0, 0.3)
    limits = make_limits(Dice(draw(st.integers(0, 2**32 - 1))))
    return Close(
        replace(limits, max_open_positions=draw(st.sampled_from([1, 3, 5, 5]))),
        held=(draw(fractions), draw(fractions)),
        asked=draw(st.floats(0.01, 1.0)),
        stop_distance=draw(st.floats(0.001, 0.5) | st.just(float("nan"))),
        drawdown=draw(st.floats(0, 0.19)),
        stopped_rows_ago=draw(st.sampled_from([ROWS, ROWS, ROWS, 2, 13])),
        # The first of those held may be a copy of the one wanted.
        seeds=(draw(st.sampled_from([0, 2])), 1, 2),
    )


@settings(max_examples=500, deadline=None)
@given(close=closes(), name=st.sampled_from(TIGHTENED), factor=st.floats(0.01, 1.0))
def test_a_stricter_limit_never_buys_more(close: Close, name: str, factor: float) -> None:
    strict = replace(close, limits=tightened(close.limits, name, factor))
    assert strict.decide().bought <= close.decide().bought
