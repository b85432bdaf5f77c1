"""From records to metrics."""

from __future__ import annotations

from decimal import Decimal

import pytest

from leeward.domain.money import Money, Price, Quantity
from leeward.domain.orders import Fill, OrderType, Side
from leeward.engine.records import (
    DecisionKey,
    Executed,
    FillBooked,
    IntentMade,
    OrderMoved,
    OrderState,
    PlannedOrder,
    Purpose,
    Role,
)
from leeward.monitoring.metrics import Metrics
from leeward.risk.limits import RiskLimits
from leeward.runtime.trading.limits_in_use import Use, limits_in_use
from leeward.runtime.trading.metering import Meter

ZERO = Quantity(Decimal(0))
NAME = "L-entry"


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def meter(metrics: Metrics) -> Meter:
    return Meter(metrics)


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    found: float | None = metrics.registry.get_sample_value(f"leeward_{name}", labels)
    return found


def entry() -> IntentMade:
    order = PlannedOrder(NAME, Role.ENTRY, Side.BUY, OrderType.LIMIT, Quantity(Decimal(1)))
    return IntentMade(
        "intent", DecisionKey("account", "BTCUSDT", 0, "entry"), "session", 1, Purpose.ENTRY,
        "position", "ema_cross", "1", (order,), Money(Decimal(100), "USDT"), 0,
    )  # fmt: skip


def moved(state: OrderState, executed: str = "0") -> OrderMoved:
    return OrderMoved(NAME, state, Quantity(Decimal(executed)), 0)


def filled() -> FillBooked:
    fill = Fill(
        "BTCUSDT", 1, 1, Side.BUY, Price(Decimal(100)), Quantity(Decimal(1)),
        Money(Decimal(0), "USDT"), 0,
    )  # fmt: skip
    return FillBooked(fill, NAME, "position", Role.ENTRY)


def test_an_order_is_timed_from_commit_to_answer_to_fill(meter: Meter, metrics: Metrics) -> None:
    meter.heard(10.0, [entry()], 0.004)
    meter.heard(10.5, [moved(OrderState.FILLED, "1")], 0.002)
    meter.heard(12.0, [filled()], None)
    assert value(metrics, "commit_to_ack_seconds_sum", purpose="entry") == 0.5
    assert value(metrics, "ack_to_fill_seconds_sum", purpose="entry") == 1.5
    assert value(metrics, "commit_seconds_count") == 2
    assert value(metrics, "intents_total", purpose="entry") == 1
    assert value(metrics, "fills_total", role="entry") == 1


def test_an_unknown_outcome_is_counted_and_timed_to_its_end(meter: Meter, metrics: Metrics) -> None:
    meter.heard(0.0, [entry()], 0.0)
    meter.heard(1.0, [moved(OrderState.UNKNOWN)], 0.0)
    meter.heard(31.0, [moved(OrderState.EXPIRED)], 0.0)
    meter.heard(31.0, [moved(OrderState.EXPIRED)], 0.0)
    assert value(metrics, "unknown_outcomes_total") == 1
    assert value(metrics, "commit_to_ack_seconds_sum", purpose="entry") == 31.0
    assert value(metrics, "commit_to_ack_seconds_count", purpose="entry") == 1
    assert value(metrics, "orders_total", state="EXPIRED") == 2
    assert not meter._unanswered
    assert not meter._unfilled


def test_what_never_arrived_has_no_answer_time(meter: Meter, metrics: Metrics) -> None:
    meter.heard(0.0, [entry()], 0.0)
    meter.heard(9.0, [moved(OrderState.VOID)], 0.0)
    assert value(metrics, "commit_to_ack_seconds_count", purpose="entry") is None
    assert not meter._unanswered


def test_refusals_are_counted_by_their_reason(meter: Meter, metrics: Metrics) -> None:
    rows = [
        Executed("s", "BTCUSDT", 0, "ok", None, "refused", "against_trend"),
        Executed("s", "ETHUSDT", 0, "ok", None, "refused", "against_trend"),
        Executed("s", "SOLUSDT", 0, "ok", None, "none", ""),
    ]
    meter.heard(0.0, rows, 0.001)
    assert value(metrics, "refusals_total", reason="against_trend") == 2
    assert value(metrics, "decisions_total", decision="refused") == 2
    assert value(metrics, "decisions_total", decision="none") == 1


def test_a_gauge_forgets_what_is_not_there_any_more(metrics: Metrics) -> None:
    metrics.only("position_value_quote", {"BTCUSDT": 1.0, "ETHUSDT": 2.0})
    metrics.only("position_value_quote", {"ETHUSDT": 3.0})
    assert value(metrics, "position_value_quote", symbol="BTCUSDT") is None
    assert value(metrics, "position_value_quote", symbol="ETHUSDT") == 3.0


def test_a_sum_counted_elsewhere_is_caught_up_with(metrics: Metrics) -> None:
    for total in (2, 2, 5, 3):
        metrics.count_to("reconnects_total", total)
    assert value(metrics, "reconnects_total") == 5


def test_limits_are_shown_beside_what_is_used_of_them() -> None:
    use = Use(
        equity=Decimal(9000), peak=Decimal(10_000), day_base=Decimal(9500), exposure=Decimal(1800),
        largest=Decimal(900), positions=2, orders_last_hour=6, together=Decimal(1350),
    )  # fmt: skip
    found = {each.name: each for each in limits_in_use(RiskLimits(), use)}
    assert found["max_position_fraction"].fraction == pytest.approx(1.0)
    assert found["max_exposure_fraction"].value == pytest.approx(0.2)
    assert found["max_correlated_fraction"].fraction == pytest.approx(0.75)
    assert found["max_open_positions"].fraction == pytest.approx(0.4)
    assert found["daily_loss_fraction"].value == pytest.approx(500 / 9500)
    assert found["max_drawdown_fraction"].fraction == pytest.approx(0.5)
    assert found["max_orders_per_hour"].fraction == pytest.approx(0.1)


def test_an_account_that_is_worth_nothing_divides_by_nothing() -> None:
    zero = Decimal(0)
    use = Use(zero, zero, zero, zero, zero, 0, 0)
    assert all(each.fraction == 0 for each in limits_in_use(RiskLimits(), use))
