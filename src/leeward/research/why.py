"""Gathers the chain of one decision: of a session from its records, of a backtest by running it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from leeward.domain.errors import BadUsage, Failed, unknown_name
from leeward.domain.times import iso
from leeward.engine.records import (
    EquityMarked,
    Executed,
    FillBooked,
    IntentMade,
    OrderMoved,
    PlanChanged,
    PositionClosed,
    PositionOpened,
    Purpose,
    Record,
)
from leeward.engine.state import BUY, Market, Rules
from leeward.engine.state import Record as Flat
from leeward.indicators.averages import ema
from leeward.report.why import Chain, Position, Standing, Trend
from leeward.research.account import Stood, accounts_before
from leeward.research.decisions import Answer, answers_at, managers_at
from leeward.research.recorded import Recorded
from leeward.research.sizing import sizing_of
from leeward.research.stepwise import Replay, replay_of
from leeward.risk.limits import RiskLimits
from leeward.risk.trend_gate import AGAINST, UNKNOWN, WITH, TrendGate
from leeward.runtime.trading.lineage import swap_facts
from leeward.simulation.account import Layout
from leeward.strategies.evaluate import Evaluation

_PRICES = ("open", "high", "low", "close")
_OF_CANDLE = frozenset({*_PRICES, "volume"})
_TREND = {UNKNOWN: "unknown", AGAINST: "against", WITH: "with"}


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Candles, columns and rules that a decision was taken on."""

    source: str
    timeframe: str
    layout: Layout
    market: Market
    rules: Rules
    limits: RiskLimits
    evaluations: tuple[Evaluation, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """The core's records at one step: positions before the decision, orders after it."""

    t: int
    account: Flat
    positions: Flat
    orders: Flat
    waiting: frozenset[int]


def why_in_session(recorded: Recorded, symbol: str, time_ms: int | None = None) -> Chain:
    """Returns the chain of what a session decided for a symbol at a candle, the last by default.

    Raises BadUsage, with the nearest ones, for a symbol or candle it decided nothing on.
    """
    times = [time for name, time in recorded.executed if name == symbol]
    time = chosen_time(symbol, time_ms, recorded.sessions[0].symbols, times)
    row = recorded.executed[symbol, time]
    whole = replay_of(recorded)
    stood = _stood_at(whole, time)
    managers = managers_at(whole, stood)
    replay = managers.get(symbol, whole)
    decided = answers_at(replay, stood, managers if replay is whole else ())
    s = replay.layout.symbols.index(symbol)
    scene = Scene(
        _source(recorded, row, replay),
        recorded.sessions[0].timeframe,
        replay.layout,
        replay.as_seen,
        replay.rules,
        recorded.terms.setup.limits,
        replay.evaluations,
    )
    waiting = frozenset(replay.layout.symbols.index(name) for name in stood.view.buying)
    moment = Moment(decided.t, decided.account, decided.positions, decided.orders, waiting)
    held = stood.view.positions.get(symbol)
    before = None if held is None else held.stop
    chain = chain_of(scene, moment, s, Answer(row.decision, row.reason), before)
    return replace(
        chain,
        data_state=row.data_state,
        candle=row.candle,
        columns=row.columns,
        quantity=row.quantity,
        stop=row.stop if row.decision == "enter" else None,
        target=row.target if row.decision == "enter" else None,
        account=replace(chain.account, state=stood.state),
        story=tuple(_story(recorded, symbol, time)),
    )


def _source(recorded: Recorded, row: Executed, replay: Replay) -> str:
    """Returns whose decision it was, in words."""
    words = f"session {row.session_id} of {recorded.sessions[0].account}"
    session = next(each for each in recorded.sessions if each.session_id == row.session_id)
    swap, manager = swap_facts(session), replay.recorded.led_by
    if manager is not None and replay.recorded is not recorded:
        words += f", decided by {manager.strategy}, which manages this position to its end"
    elif swap:
        words += f", decided by {session.strategy}, swapped in by {swap.get('actor')}"
    return words


def chain_of(
    scene: Scene, moment: Moment, s: int, said: Answer, stop_before: float | None
) -> Chain:
    """Returns the chain of one symbol's decision from the core's records at its step.

    `said` is the decision; `stop_before` the stop of a held position before it was raised.
    """
    market, t, account = scene.market, moment.t, moment.account[0]
    advice, row = scene.layout.advice, int(scene.layout.market.row[s, t])
    found, order = scene.evaluations[s], moment.orders[s]
    entry, exit_ = int(advice.entry[s, t]), int(advice.exit[s, t])
    sizing = None
    if said.decision == "enter" and order.action == BUY:
        sizing = sizing_of(
            t, s, float(advice.size[s, t]), market, scene.rules,
            moment.account, moment.positions, moment.orders, moment.waiting,
        )  # fmt: skip
    columns = (getattr(scene.layout.market, name)[s, t] for name in _PRICES)
    open_, high, low, close = (float(value) for value in columns)
    candle = (open_, high, low, close, float(found.frame["volume"][row]))
    return Chain(
        source=scene.source,
        symbol=scene.layout.symbols[s],
        timeframe=scene.timeframe,
        open_time_ms=int(market.open_time[t]),
        data_state="ok" if row >= found.signals.warm_up else "warming_up",
        candle=candle,
        columns={
            name: _known(found.frame[name][row]) for name in found.frame if name not in _OF_CANDLE
        },
        entry=entry != 0,
        exit=exit_ != 0,
        entry_tag=found.signals.entry_tags[entry - 1] if entry else "",
        exit_tag=found.signals.exit_tags[exit_ - 1] if exit_ else "",
        confidence=_known(advice.confidence[s, t]) if len(advice.confidence) else None,
        trend=_trend(scene, s, t),
        account=Standing(
            equity=float(account.equity),
            cash=float(account.cash),
            peak=float(account.peak),
            day_base=float(account.day_base),
            daily_loss=bool(account.daily_loss),
            halted=bool(account.halted_step >= 0),
        ),
        held=_held(scene, moment, s, stop_before),
        decision=said.decision,
        reason=said.reason,
        quantity=float(order.quantity) if sizing is not None else None,
        stop=_known(order.stop) if sizing is not None else None,
        target=_known(order.target) if sizing is not None else None,
        raised_to=_raised(moment.positions[s], stop_before),
        sizing=sizing,
    )


def chosen_time(
    symbol: str, time_ms: int | None, symbols: Sequence[str], times: Sequence[int]
) -> int:
    """Returns the candle asked for, the last where none is; raises BadUsage with the nearest ones
    for a symbol or a time that nothing was decided on."""
    if symbol not in symbols:
        raise unknown_name("symbol", symbol, symbols)
    if not times:
        raise BadUsage(f"{symbol}: nothing was decided yet")
    if time_ms is None:
        return max(times)
    if time_ms not in times:
        near = sorted(times, key=lambda time: abs(time - time_ms))[:2]
        raise BadUsage(
            f"{symbol}: nothing was decided on a candle that opens at {iso(time_ms)}; the nearest: "
            f"{' and '.join(iso(time) for time in sorted(near))}"
        )
    return time_ms


def _stood_at(replay: Replay, time_ms: int) -> Stood:
    found = (s for s in accounts_before(replay) if s.mark.open_time_ms == time_ms)
    stood = next(found, None)
    if stood is None:
        raise Failed(f"the account was not marked at {iso(time_ms)}; the decision stands alone")
    return stood


def _story(recorded: Recorded, symbol: str, time_ms: int) -> Iterator[Record]:
    """Yields the records of the position that the decision was about."""
    records = (*recorded.before, *recorded.records)
    position = _position_at(records, symbol, time_ms)
    orders: set[str] = set()
    for record in records:
        match record:
            case IntentMade(position_id=name) if name == position:
                orders |= {order.client_order_id for order in record.orders}
                yield record
            case OrderMoved(client_order_id=name) if name in orders:
                yield record
            case PositionOpened() | PlanChanged() | FillBooked() if record.position_id == position:
                yield record
            case PositionClosed(trade=trade) if trade.position_id == position:
                yield record
            case _:
                pass


def _position_at(records: Sequence[Record], symbol: str, time_ms: int) -> str | None:
    """Returns the position that the decision opened, else the one that was held at it."""
    held = None
    for record in records:
        match record:
            case IntentMade(purpose=Purpose.ENTRY, key=key) if key.symbol == symbol:
                if key.open_time_ms == time_ms:
                    return record.position_id
            case PositionOpened() if record.symbol == symbol:
                held = record.position_id
            case PositionClosed(trade=trade) if trade.position_id == held:
                held = None
            case EquityMarked(open_time_ms=time) if time == time_ms and held is not None:
                return held
            case _:
                pass
    return None


def _held(scene: Scene, moment: Moment, s: int, stop: float | None) -> Position | None:
    position = moment.positions[s]
    if position.quantity <= 0.0:
        return None
    rows = np.flatnonzero(scene.layout.market.row[s] == position.entry_row)
    entered = scene.layout.market.open_time[rows[0]] if len(rows) else 0
    return Position(
        float(position.quantity),
        float(position.entry_price),
        int(entered),
        None if stop is None else _known(stop),
        _known(position.target),
    )


def _raised(position: Flat, before: float | None) -> float | None:
    if before is None or position.quantity <= 0.0 or position.stop == before:
        return None
    return _known(position.stop)


def _trend(scene: Scene, s: int, t: int) -> Trend:
    gate = TrendGate.parse(scene.limits.trend_gate)
    if gate is None:
        return Trend("off", scene.limits.trend_gate)
    row = int(scene.layout.market.row[s, t])
    verdict = _TREND[int(scene.layout.advice.gate[s, t])]
    average = ema(scene.evaluations[s].frame.close, gate.period)
    before = _known(average[row - gate.lookback]) if row >= gate.lookback else None
    rule = f"EMA({gate.period}) against {gate.lookback} candles ago"
    return Trend(verdict, rule, _known(average[row]), before)


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
