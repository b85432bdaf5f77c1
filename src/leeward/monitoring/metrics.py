"""What a session tells Prometheus: every metric with its meaning, and the values it has now."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias
from wsgiref.simple_server import WSGIServer

from leeward.domain.errors import Failed

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

Kind: TypeAlias = Literal["gauge", "counter", "histogram"]

#: Nothing outside this machine asks a process that trades.
HOST = "127.0.0.1"
_OURS = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?", re.IGNORECASE)
_INSIDE = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
_OUTSIDE = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: units are in its name; quote units are those of the account."""

    name: str
    kind: Kind
    means: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


def _gauge(name: str, means: str, *labels: str) -> Metric:
    return Metric(f"leeward_{name}", "gauge", means, labels)


def _counter(name: str, means: str, *labels: str) -> Metric:
    return Metric(f"leeward_{name}", "counter", means, labels)


def _histogram(name: str, means: str, buckets: tuple[float, ...], *labels: str) -> Metric:
    return Metric(f"leeward_{name}", "histogram", means, labels, buckets)


#: Heading of the documentation -> its metrics.
METRICS: dict[str, tuple[Metric, ...]] = {
    "Session": (
        _gauge(
            "info",
            "1; the labels name what runs",
            "account",
            "mode",
            "venue",
            "strategy",
            "timeframe",
            "session",
            "version",
        ),
        _gauge("state", "1 for the trading state in force, 0 for the others", "state"),
        _gauge("cause", "1 for each cause for which the account only reduces", "cause"),
        _gauge(
            "healthy",
            "1 while the session does what it is to do; the heartbeat address is asked for only "
            "then",
        ),
        _gauge("beat_timestamp_seconds", "Unix time when the event loop last had its turn here"),
        _gauge("start_timestamp_seconds", "Unix time when the session began"),
        _gauge("loop_lag_seconds", "by how much the event loop was late for its last look"),
        _counter("notes_total", "notes for the audit trail", "kind", "severity"),
        _counter("steps_total", "candle closes that were decided on"),
        _counter("strategy_failures_total", "steps at which the strategy raised an error"),
    ),
    "Account": (
        _gauge("equity_quote", "the account at the last closes, quote units"),
        _gauge("cash_quote", "quote units that are not in the market"),
        _gauge("peak_equity_quote", "highest equity, from which drawdown counts"),
        _gauge("day_base_quote", "equity before the UTC day, from which its loss counts"),
        _gauge("exposure_quote", "value of what is held, at the last closes"),
        _gauge("drawdown_ratio", "part of the peak that is lost, 0..1"),
        _gauge("realized_pnl_quote", "profit of the trades that this session closed, after fees"),
        _gauge("limit", "what is allowed by a limit of the settings, in its own unit", "limit"),
        _gauge("limit_use_ratio", "part of a limit that is used; 1 is the limit", "limit"),
    ),
    "Positions": (
        _gauge("positions", "open positions"),
        _gauge("position_quantity_base", "what is held, base units", "symbol"),
        _gauge("position_value_quote", "its value at the last close, quote units", "symbol"),
        _gauge("stop_distance_ratio", "how far the stop is below the last close, 0..1", "symbol"),
        _gauge(
            "unprotected_seconds", "for how long an open position has had no stop, in sum", "symbol"
        ),
        _counter("closed_trades_total", "positions closed", "reason"),
    ),
    "Decisions and orders": (
        _counter("decisions_total", "rows of `strategy_executions`, by decision", "decision"),
        _counter("refusals_total", "entries that were refused, by reason", "reason"),
        _counter("intents_total", "intents committed, by purpose", "purpose"),
        _counter("orders_total", "moves of orders, by the state they led to", "state"),
        _counter("fills_total", "trades booked; foreign ones are of another hand", "role"),
        _counter("unknown_outcomes_total", "orders of which no answer said what became of them"),
        _gauge("unresolved_orders", "orders whose fate at the exchange is not known now"),
        _gauge("orders_last_hour", "orders made within the last hour"),
    ),
    "The order path": (
        _histogram(
            "close_to_decision_seconds",
            "from the arrival of a step's last candle to its decision",
            _INSIDE,
        ),
        _histogram("decision_to_commit_seconds", "from the decision to its commit", _INSIDE),
        _histogram(
            "commit_to_ack_seconds",
            "from the commit of an intent to the exchange's answer, written down",
            _OUTSIDE,
            "purpose",
        ),
        _histogram(
            "ack_to_fill_seconds",
            "from the answer to the first fill, written down; entries and exits only. Paper "
            "fills at the next open",
            _OUTSIDE,
            "purpose",
        ),
    ),
    "Exchange and candles": (
        _counter("reconnects_total", "sockets that were opened again"),
        _gauge(
            "candle_age_seconds",
            "since the close of the newest candle of the symbol that is furthest behind, by the "
            "exchange's time",
        ),
        _gauge(
            "candles_overdue_seconds",
            "how long the oldest missing candle is overdue, by the exchange's time",
        ),
        _gauge("exchange_blocked_seconds", "for how long the exchange keeps us out from now on"),
        _gauge("clock_doubt_seconds", "how far our idea of the exchange's time may be off"),
    ),
    "Database and disk": (
        _histogram("commit_seconds", "of one commit, from its turn to its end", _INSIDE),
        _gauge("database_up", "1 while the database has everything that is known"),
        _gauge("journal_batches", "batches in the emergency journal that the database lacks"),
        _gauge("queue_length", "what waits, by queue", "queue"),
        _gauge("disk_free_bytes", "room beside the database"),
    ),
    "Models": (
        _gauge("model_coverage_ratio", "part of moves that its 90 % bounds held", "model"),
        _gauge("model_drift_psi", "largest stability index of what it reads and answers", "model"),
        _gauge("model_age_days", "since the last candle it was trained on", "model"),
        _gauge("model_sound", "1 while it has confidence, 0 while the next step decides", "model"),
    ),
    "Alerts": (
        _counter("alerts_total", "alerts: sent, failed, left_out, lost", "outcome"),
        _counter("heartbeats_total", "calls of the heartbeat address: sent, failed", "outcome"),
    ),
}
ALL = {each.name: each for group in METRICS.values() for each in group}


@dataclass
class Metrics:
    """The values, by the names above without their prefix; may be called from any thread."""

    registry: CollectorRegistry = field(init=False)
    _made: dict[str, Gauge | Counter | Histogram] = field(default_factory=dict, init=False)
    _parts: dict[tuple[str, ...], Gauge | Counter | Histogram] = field(
        default_factory=dict, init=False
    )

    _totals: dict[str, int] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        import prometheus_client as prometheus

        prometheus.disable_created_metrics()  # type: ignore[no-untyped-call] # the library's
        self.registry = prometheus.CollectorRegistry()
        for metric in ALL.values():
            given = metric.name, metric.means, metric.labels
            if metric.kind == "histogram":
                self._made[metric.name] = prometheus.Histogram(
                    *given, registry=self.registry, buckets=metric.buckets
                )
            else:
                kind = prometheus.Gauge if metric.kind == "gauge" else prometheus.Counter
                self._made[metric.name] = kind(*given, registry=self.registry)
        # Memory, processor time and open files: nothing is better known than those names.
        prometheus.ProcessCollector(registry=self.registry)

    def set(self, name: str, value: float, *labels: str) -> None:
        self._part(name, labels).set(value)  # type: ignore[union-attr] # gauges by the table

    def add(self, name: str, *labels: str, amount: float = 1.0) -> None:
        self._part(name, labels).inc(amount)  # type: ignore[union-attr] # counters by the table

    def count_to(self, name: str, total: int) -> None:
        """Adds to a counter without labels what it lacks of a sum that is counted elsewhere."""
        self.add(name, amount=max(0, total - self._totals.get(name, 0)))
        self._totals[name] = total

    def observe(self, name: str, seconds: float, *labels: str) -> None:
        self._part(name, labels).observe(seconds)  # type: ignore[union-attr] # by the table

    def only(self, name: str, values: dict[str, float]) -> None:
        """Sets a gauge of one label, and drops what it said of others."""
        metric = self._made[f"leeward_{name}"]
        for known in [key for key in list(self._parts) if key[0] == name and key[1] not in values]:
            del self._parts[known]
            metric.remove(known[1])
        for label, value in values.items():
            self.set(name, value, label)

    def alone(self, name: str, *labels: str) -> None:
        """Sets a gauge to 1 with these labels, and drops it with any other."""
        metric = self._made[f"leeward_{name}"]
        for known in [key for key in list(self._parts) if key[0] == name and key[1:] != labels]:
            del self._parts[known]
            metric.remove(*known[1:])
        self.set(name, 1.0, *labels)

    def _part(self, name: str, labels: tuple[str, ...]) -> Gauge | Counter | Histogram:
        key = (name, *labels)
        part = self._parts.get(key)
        if part is None:
            metric = self._made[f"leeward_{name}"]
            part = self._parts[key] = metric.labels(*labels) if labels else metric
        return part


def serve(metrics: Metrics, port: int) -> Callable[[], None]:
    """Answers Prometheus on this machine from a thread; returns what ends it. Raises Failed where
    the port cannot be had."""
    from prometheus_client import start_http_server

    try:
        server, thread = start_http_server(port, HOST, metrics.registry)
    except OSError as error:
        raise Failed(
            f"metrics.port {port}: cannot be listened at: {error.strerror}; nothing is told to "
            "Prometheus: give another port, and start again"
        ) from None

    answers = server.get_app()
    assert answers is not None

    def ours(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        # Of another name that was bent to this machine: a page of another site would read it.
        if _OURS.fullmatch(environ.get("HTTP_HOST", "")):
            return answers(environ, start)
        start("403 Forbidden", [("Content-Type", "text/plain")])
        return [b"ask for 127.0.0.1 or localhost\n"]

    server.set_app(ours)

    def end() -> None:
        _end(server, thread)

    return end


def _end(server: WSGIServer, thread: threading.Thread) -> None:
    server.shutdown()
    server.server_close()
    thread.join()
