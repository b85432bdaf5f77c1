"""From what is known to what the API answers with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal

from leeward.dashboard.api.shapes import (
    AccountBody,
    CommandBody,
    EquityBody,
    EventBody,
    ExecutionBody,
    HealthBody,
    LimitBody,
    OverviewBody,
    PerformanceBody,
    PositionBody,
    RiskBody,
    RunBody,
    SessionBody,
    TradeBody,
)
from leeward.dashboard.backtests import Run
from leeward.dashboard.figures import Figures, Performance
from leeward.database import reading
from leeward.database.commands import Command
from leeward.domain.times import iso
from leeward.engine.records import EquityMarked, Executed, PositionClosed
from leeward.runtime.health import Health, mapping
from leeward.runtime.overview import Overview, Position
from leeward.runtime.trading.limits_in_use import LimitUse


def overview_body(found: Overview, version: int, problem: str | None) -> OverviewBody:
    models = found.facts.get("models")
    return OverviewBody(
        version=version,
        problem=problem,
        account=found.account,
        made=iso(found.made_ms),
        state=None if found.state is None else found.state.value,
        reason=found.reason,
        actor=found.actor,
        since=_time(found.since_ms),
        until=_time(found.until_ms),
        causes=list(found.causes),
        alive=found.alive,
        was_cut_off=found.was_cut_off,
        beat_s=found.beat_s,
        session=None if found.session is None else session_body(found.session),
        quote=found.quote,
        equity=_exact(found.equity),
        cash=_exact(found.cash),
        exposure=_exact(found.exposure),
        peak=_exact(found.peak),
        drawdown_fraction=found.drawdown_fraction,
        today_pnl=_exact(found.today_pnl),
        limits=[limit_body(each) for each in found.limits],
        positions=[position_body(each) for each in found.positions],
        last_candle=_time(found.last_candle_ms),
        last_candle_age_s=found.last_candle_age_s,
        health={name: _health(each) for name, each in found.health},
        models=dict(models) if isinstance(models, Mapping) else {},
        caveats=list(found.caveats),
        alerts=[event_body(each) for each in found.alerts],
    )


def limit_body(limit: LimitUse) -> LimitBody:
    return LimitBody(name=limit.name, value=limit.value, limit=limit.limit, fraction=limit.fraction)


def position_body(held: Position) -> PositionBody:
    return PositionBody(
        position_id=held.position_id,
        symbol=held.symbol,
        quantity=f"{held.quantity:f}",
        entry_price=_exact(held.entry_price),
        last_price=_exact(held.last_price),
        last_price_time=_time(held.last_price_ms),
        stop=_exact(held.stop),
        target=_exact(held.target),
        stop_distance_fraction=held.stop_distance_fraction,
        unrealised=_exact(held.unrealised),
        unprotected_s=held.unprotected_s,
        strategy=held.strategy,
        tag=held.tag,
        entry_time=iso(held.entry_time_ms),
        closing=held.closing,
    )


def session_body(session: reading.Session) -> SessionBody:
    begun = session.started
    return SessionBody(
        session_id=begun.session_id,
        mode=begun.mode.value,
        venue=begun.venue,
        strategy=begun.strategy,
        timeframe=begun.timeframe,
        symbols=list(begun.symbols),
        started=iso(begun.at_ms),
        ended=_time(session.ended_ms),
        end_reason=session.end_reason,
    )


def event_body(event: reading.Event) -> EventBody:
    return EventBody(
        seq=event.seq,
        time=iso(event.at_ms),
        kind=event.kind,
        subject=event.subject,
        severity=event.severity,
        record=dict(event.record),
    )


def trade_body(closed: PositionClosed) -> TradeBody:
    trade = closed.trade
    cost = trade.cost.amount
    return TradeBody(
        position_id=trade.position_id,
        symbol=trade.symbol,
        entry_time=iso(trade.entry_time_ms),
        exit_time=iso(trade.exit_time_ms),
        quantity=f"{trade.quantity.value:f}",
        entry_price=f"{trade.entry_price.value:f}",
        exit_price=f"{trade.exit_price.value:f}",
        fees=[f"{fee.amount:f} {fee.currency}" for fee in trade.fees],
        pnl=f"{trade.pnl.amount:f}",
        quote=trade.pnl.currency,
        return_fraction=float(trade.pnl.amount / cost) if cost else None,
        exit_reason=trade.exit_reason,
        tag=trade.tag,
        unprotected_s=closed.unprotected_ms / 1000,
    )


def equity_body(mark: EquityMarked) -> EquityBody:
    return EquityBody(
        time=iso(mark.open_time_ms),
        equity=f"{mark.equity:f}",
        cash=f"{mark.cash:f}",
        exposure=f"{mark.exposure:f}",
        peak=f"{mark.peak:f}",
        halted=mark.halted,
    )


def execution_body(row: Executed) -> ExecutionBody:
    return ExecutionBody(
        session_id=row.session_id,
        symbol=row.symbol,
        time=iso(row.open_time_ms),
        data_state=row.data_state,
        candle=None if row.candle is None else list(row.candle),
        decision=row.decision,
        reason=row.reason,
        entry_tag=row.entry_tag,
        exit_tag=row.exit_tag,
        stop=row.stop,
        target=row.target,
        confidence=row.confidence,
        prediction=row.prediction,
        quantity=row.quantity,
        trend=row.trend,
        columns=dict(row.columns),
    )


def performance_body(found: Performance) -> PerformanceBody:
    return PerformanceBody(
        **{each.name: getattr(found, each.name) for each in fields(Figures)},
        first=_time(found.first_ms),
        last=_time(found.last_ms),
        first_equity=_exact(found.first_equity),
        last_equity=_exact(found.last_equity),
        pnl=f"{found.pnl:f}",
    )


def command_body(command: Command) -> CommandBody:
    return CommandBody(
        command_id=command.command_id,
        kind=command.kind,
        argument=command.argument,
        actor=command.actor,
        sent=iso(command.sent_ms),
        outcome=command.outcome,
        done=_time(command.done_ms),
    )


def run_body(run: Run) -> RunBody:
    return RunBody(
        id=run.run_id,
        strategy=run.wish.strategy,
        symbols=list(run.wish.symbols),
        state=run.state,
        asked=iso(run.asked_ms),
        actor=run.actor,
        took_s=run.took_s,
        words=run.words,
        metrics=run.metrics,
        report=f"/reports/{run.run_id}" if run.has_report else None,
    )


def _health(health: Health) -> HealthBody:
    return HealthBody(level=health.level, words=health.words)


def _exact(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"


def _time(time_ms: int | None) -> str | None:
    return None if time_ms is None else iso(time_ms)


def account_body(found: Overview) -> AccountBody:
    return AccountBody(
        account=found.account,
        state=None if found.state is None else found.state.value,
        alive=found.alive,
        equity=_exact(found.equity),
        quote=found.quote,
    )


def risk_body(found: Overview, refused: dict[str, int]) -> RiskBody:
    session = found.session
    risk = {} if session is None else dict(mapping(session.started.facts.get("risk")))
    return RiskBody(
        limits=[limit_body(each) for each in found.limits],
        configured=risk,
        refusals=refused,
        drawdown_fraction=found.drawdown_fraction,
        ladder_factor=_ladder_factor(risk.get("drawdown_ladder"), found.drawdown_fraction or 0.0),
    )


def _ladder_factor(ladder: object, drawdown: float) -> float:
    """Returns by how much sizes are multiplied: the factor of the deepest rung reached."""
    factor = 1.0
    for rung in ladder if isinstance(ladder, list) else []:
        if drawdown >= float(rung[0]):
            factor = float(rung[1])
    return factor
