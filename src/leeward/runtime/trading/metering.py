"""From what a session writes down and how it stands now to its metrics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from leeward.engine.records import (
    EquityMarked,
    Executed,
    FillBooked,
    IntentMade,
    Noted,
    OrderMoved,
    OrderState,
    PositionClosed,
    Record,
    Role,
    TradingState,
)
from leeward.monitoring.metrics import Metrics
from leeward.runtime.trading.limits_in_use import Use, limits_in_use
from leeward.runtime.trading.pulse import together
from leeward.runtime.trading.session import Shown, TradingSession

if TYPE_CHECKING:
    from leeward.runtime.vital_signs import VitalSigns

_AT_ONCE: Final = frozenset({Role.ENTRY, Role.EXIT})


@dataclass
class Meter:
    """Counts what is written down, and measures how long orders take on their way."""

    metrics: Metrics
    realized: Decimal = Decimal(0)
    #: Of orders without an answer or without a fill: their purpose, and when that began.
    _unanswered: dict[str, tuple[str, float]] = field(default_factory=dict)
    _unfilled: dict[str, tuple[str, float]] = field(default_factory=dict)

    def heard(self, at_s: float, records: Sequence[Record], took_s: float | None) -> None:
        """Counts a batch that was committed at a time of our clock; `took_s` is how long that took,
        None where it came late."""
        if took_s is not None:
            self.metrics.observe("commit_seconds", took_s)
        for record in records:
            self._count(record, at_s)

    def shown(self, shown: Shown) -> None:
        """Counts a step."""
        self.metrics.add("steps_total")
        self.metrics.observe("close_to_decision_seconds", shown.decided_s)
        self.metrics.observe("decision_to_commit_seconds", shown.took_s - shown.decided_s)

    def noted(self, noted: Noted) -> None:
        self.metrics.add("notes_total", noted.kind, noted.severity.value)

    def _count(self, record: Record, at_s: float) -> None:
        add = self.metrics.add
        match record:
            case Executed():
                add("decisions_total", record.decision)
                if record.decision == "refused":
                    add("refusals_total", record.reason)
            case IntentMade():
                add("intents_total", record.purpose.value)
                for order in record.orders:
                    self._unanswered[order.client_order_id] = record.purpose.value, at_s
            case OrderMoved():
                self._moved(record, at_s)
            case FillBooked():
                add("fills_total", "foreign" if record.role is None else record.role.value)
                self._filled(record, at_s)
            case PositionClosed():
                add("closed_trades_total", record.trade.exit_reason)
                self.realized += record.trade.pnl.amount
            case _:
                pass

    def _moved(self, moved: OrderMoved, at_s: float) -> None:
        self.metrics.add("orders_total", moved.state.value)
        name = moved.client_order_id
        if moved.state is OrderState.UNKNOWN:
            self.metrics.add("unknown_outcomes_total")
            return
        asked = self._unanswered.pop(name, None)
        if asked is not None and moved.state is not OrderState.VOID:
            self.metrics.observe("commit_to_ack_seconds", at_s - asked[1], asked[0])
            self._unfilled[name] = asked[0], at_s
        # What is final may have fills that are booked in this batch or the next.
        if moved.state.is_final and moved.executed.is_zero:
            self._unfilled.pop(name, None)

    def _filled(self, booked: FillBooked, at_s: float) -> None:
        answered = self._unfilled.pop(booked.client_order_id or "", None)
        if answered is not None and booked.role in _AT_ONCE:
            self.metrics.observe("ack_to_fill_seconds", at_s - answered[1], answered[0])


def show_session(metrics: Metrics, session: TradingSession) -> None:
    """Sets what is read from a session as it stands."""
    books, measures = session.keeper.books, session.measures
    for state in TradingState:
        metrics.set("state", float(state is session.standing.state), state.value)
    metrics.only("cause", dict.fromkeys(session.standing.causes.until_ms, 1.0))
    metrics.set("candles_overdue_seconds", session.behind_ms() / 1000)
    _show_candle_age(metrics, session)
    metrics.set("database_up", float(session.keeper.is_durable))
    metrics.set("journal_batches", session.keeper.behind)
    metrics.set("unresolved_orders", len(books.unresolved()))
    _show_positions(metrics, session)
    if books.marked is not None:
        _show_account(metrics, session, books.marked)
    metrics.set("queue_length", len(measures.over), "measures")


def _show_candle_age(metrics: Metrics, session: TradingSession) -> None:
    length = session.plan.timeframe
    newest = [session.arrivals.newest_ms((name, length.name)) for name in session.decider.symbols]
    known = [each for each in newest if each is not None]
    if known:
        age_ms = session.server_now_ms() - min(known) - length.length_ms
        metrics.set("candle_age_seconds", max(0.0, age_ms / 1000))


def _show_positions(metrics: Metrics, session: TradingSession) -> None:
    held = session.keeper.books.positions()
    metrics.set("positions", len(held))
    amounts = {each.symbol: float(each.quantity.value) for each in held}
    prices = {each.symbol: session.price(each.symbol) for each in held}
    known = {symbol: float(price) for symbol, price in prices.items() if price}
    metrics.only("position_quantity_base", amounts)
    metrics.only(
        "position_value_quote", {name: amounts[name] * price for name, price in known.items()}
    )
    metrics.only(
        "stop_distance_ratio",
        {
            each.symbol: 1 - float(each.plan.stop.value) / known[each.symbol]
            for each in held
            if each.plan.stop is not None and each.symbol in known
        },
    )
    metrics.only(
        "unprotected_seconds",
        {each.symbol: session.desk.unprotected_s(each.symbol) for each in held},
    )


def _show_account(metrics: Metrics, session: TradingSession, marked: EquityMarked) -> None:
    held = session.keeper.books.positions()
    values = [each.quantity.value * (session.price(each.symbol) or 0) for each in held]
    orders = session.keeper.books.orders_last_hour(session.server_now_ms())
    equity = session.equity() or marked.equity
    use = Use(
        equity=equity,
        peak=marked.peak,
        day_base=marked.day_base,
        exposure=sum(values, Decimal(0)),
        largest=max(values, default=Decimal(0)),
        positions=len(held),
        orders_last_hour=orders,
        together=together(session),
    )
    metrics.set("equity_quote", float(equity))
    metrics.set("cash_quote", float(session.keeper.books.cash))
    metrics.set("peak_equity_quote", float(marked.peak))
    metrics.set("day_base_quote", float(marked.day_base))
    metrics.set("exposure_quote", float(use.exposure))
    metrics.set("orders_last_hour", orders)
    for each in limits_in_use(session.plan.limits, use):
        metrics.set("limit", each.limit, each.name)
        metrics.set("limit_use_ratio", each.fraction, each.name)
        if each.name == "max_drawdown_fraction":
            metrics.set("drawdown_ratio", each.value)


def show_models(metrics: Metrics, signs: Iterable[VitalSigns]) -> None:
    """Sets how the models fare."""
    told = list(signs)
    metrics.only("model_age_days", {each.name: each.age_days for each in told})
    metrics.only("model_sound", {each.name: float(each.is_sound) for each in told})
    coverage = {each.name: each.coverage for each in told if each.coverage is not None}
    metrics.only("model_coverage_ratio", coverage)
    drift = {each.name: each.psi for each in told if each.psi is not None}
    metrics.only("model_drift_psi", drift)
