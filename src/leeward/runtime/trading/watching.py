"""What watches a session beside its trading: metrics, alerts, heartbeat, daily summary."""

from __future__ import annotations

import asyncio
import shutil
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn

from leeward import __version__
from leeward.domain.errors import Failed, LeewardError
from leeward.domain.times import iso
from leeward.engine.records import (
    CommandDone,
    EquityMarked,
    Noted,
    PositionClosed,
    PositionOpened,
    Record,
    Severity,
    StateMoved,
)
from leeward.monitoring.alerts import Alerts
from leeward.monitoring.heartbeat import Heartbeat
from leeward.monitoring.metrics import Metrics, serve
from leeward.runtime.alerting import check_answered, configured_alerts, try_channels
from leeward.runtime.clock import monotonic_s, now_ms
from leeward.runtime.settings import Settings
from leeward.runtime.trading.daily import DailySummary
from leeward.runtime.trading.metering import Meter, show_models, show_session
from leeward.runtime.trading.session import Shown
from leeward.runtime.trading.start import Watcher
from leeward.runtime.trading.wellness import Wellness
from leeward.venues.governor import Lane

if TYPE_CHECKING:
    from leeward.runtime.trading.running import Running

_LOOK_S: Final = 1.0
#: At the end of a session channels get so long for what is left.
_LAST_WORDS_S: Final = 5.0
#: Batches that wait to be looked at; a loop held up for very long loses some of the count.
_MOST_WAITING: Final = 20_000
_DISK_EVERY: Final = 15


@asynccontextmanager
async def watched(settings: Settings, account: str, watcher: Watcher) -> AsyncIterator[Watch]:
    """Yields what watches a session that is about to be put together, and ends it."""
    watch = Watch(settings, account, watcher)
    end = watch.listen()
    try:
        yield watch
    finally:
        await asyncio.to_thread(watch.close)
        end()


@dataclass
class Watch:
    """Sees everything through `watcher`, passes it on, and works in a task and threads of its own:
    of the order path it costs an append a commit."""

    settings: Settings
    account: str
    beneath: Watcher
    metrics: Metrics | None = None
    alerts: Alerts = field(init=False)
    #: Where its own notes go; into the audit trail too once there is a session.
    _alarm: Callable[[Noted], None] = field(init=False)
    _meter: Meter | None = None
    _heartbeat: Heartbeat | None = None
    _heard: deque[tuple[float, Sequence[Record], float | None]] = field(
        default_factory=lambda: deque(maxlen=_MOST_WAITING)
    )
    _daily: DailySummary = field(init=False)
    _lossy: bool = False

    def __post_init__(self) -> None:
        given = self.settings.alerts
        self._alarm = self.alarm
        self.alerts = configured_alerts(
            self.settings, self.account, self._tell_of_channel, self._count_alert
        )
        self._daily = DailySummary(given.daily_summary, now_ms())

    def listen(self) -> Callable[[], None]:
        """Begins to answer Prometheus, where a port is set, and returns what ends that; a port that
        is taken is told."""
        port = self.settings.metrics.port
        if port is not None:
            self.metrics = Metrics()
            self._meter = Meter(self.metrics)
            try:
                return serve(self.metrics, port)
            except Failed as error:
                self.alarm(Noted("metrics_port", str(error), Severity.WARNING, now_ms()))
        return lambda: None

    @property
    def watcher(self) -> Watcher:
        """Through which a session is seen."""
        return Watcher(self._show, self.alarm)

    def alarm(self, noted: Noted) -> None:
        """Takes a note, from any thread."""
        self.beneath.alarm(noted)
        self.alerts.note(noted)
        if self._meter is not None:
            self._meter.noted(noted)

    def _show(self, shown: Shown) -> None:
        if self._meter is not None:
            self._meter.shown(shown)
        self.beneath.show(shown)

    async def check_channels(self) -> list[Noted]:
        """Sends a test to every channel and returns what is to be noted of those that do not
        answer; raises Refused where none does."""
        answered = await asyncio.to_thread(try_channels, self.alerts.channels, self.account)
        notes = check_answered(answered)
        for noted in notes:
            self.alarm(noted)
        return notes

    def unheard(self) -> list[Noted]:
        """Returns what is to be noted of a start that needs no channel."""
        words = "started with --no-alerts: nobody may hear of trouble"
        noted = Noted("no_alerts", words, Severity.WARNING, now_ms())
        self.alarm(noted)
        return [noted]

    @contextmanager
    def over(self, running: Running) -> Iterator[None]:
        """Watches a session that was put together, until its end."""
        ready = running.ready
        session = ready.session
        self._alarm = session.alarm
        given = self.settings.alerts
        if self.alerts.channels:
            root = ready.folder.parent.parent
            self.alerts.open(root / f"{self.account.replace(':', '-')}.alerts")
        if given.heartbeat_url is not None:
            self._heartbeat = Heartbeat(
                given.heartbeat_url.get_secret_value(),
                given.heartbeat_s,
                monotonic_s,
                self._count_heartbeat,
                self._tell_heartbeat,
            )
        session.keeper.heard = self._hear
        wellness = Wellness(session, running.behind_s)  # sees who halted it before this start
        running.beside["watching"] = lambda: self._run(running, wellness)
        if self.metrics is not None:
            self.metrics.set("start_timestamp_seconds", now_ms() / 1000)
        try:
            yield
        except LeewardError as error:
            self._note("session_failed", str(error), Severity.CRITICAL)
            raise
        except Exception as error:  # told, and on its way to whoever began the session
            self._note("session_failed", f"{type(error).__name__}: {error}", Severity.CRITICAL)
            raise
        else:
            self._look_at_heard()
            self._note("session_ended", session.end_reason, Severity.INFO)

    def close(self) -> None:
        if self._heartbeat is not None:
            self._heartbeat.close()
        self.alerts.close(_LAST_WORDS_S)

    # What was written down.

    def _hear(self, records: Sequence[Record], took_s: float | None) -> None:
        self._heard.append((monotonic_s(), records, took_s))

    def _look_at_heard(self) -> None:
        while self._heard:
            at_s, records, took_s = self._heard.popleft()
            if self._meter is not None:
                self._meter.heard(at_s, records, took_s)
            for record in records:
                self._tell_of(record, records)

    def _tell_of(self, record: Record, beside: Sequence[Record]) -> None:
        match record:
            case PositionOpened():
                words = f"{record.symbol} bought by {record.strategy}; stop {record.plan.stop}"
                subject = f"{record.symbol} of {iso(record.entry_time_ms)}"
                self._note("position_opened", words, Severity.INFO, subject)
            case PositionClosed(trade=trade):
                self._daily.closed(trade)
                self.beneath.closed(trade)
                words = f"{trade.symbol} sold ({trade.exit_reason}): {trade.pnl} after fees"
                subject = f"{trade.symbol} of {iso(trade.entry_time_ms)}"
                self._note("position_closed", words, Severity.INFO, subject)
            case CommandDone():
                why = next(
                    (f"{each.reason}: " for each in beside if isinstance(each, StateMoved)), ""
                )
                words = f"{why}{record.outcome}"
                self._note("command", words, Severity.WARNING, str(record.command_id))
            case EquityMarked():
                if record.daily_loss and not self._lossy:
                    words = f"equity {record.equity:.2f}, {record.day_base:.2f} before the day"
                    self._alarm(Noted("daily_loss", words, Severity.WARNING, record.at_ms))
                self._lossy = record.daily_loss
            case _:
                pass

    def _note(self, kind: str, words: str, severity: Severity, subject: str = "") -> None:
        """Tells of what is in the audit trail, or in the log, already."""
        self.alerts.note(Noted(kind, words, severity, now_ms(), subject))

    # How it stands.

    async def _run(self, running: Running, wellness: Wellness) -> NoReturn:
        session, looks = running.ready.session, 0
        before_s = session.clock.monotonic_s()
        while True:
            await session.clock.sleep(_LOOK_S)
            now_s = session.clock.monotonic_s()
            lag_s, before_s = max(0.0, now_s - before_s - _LOOK_S), now_s
            self._look_at_heard()
            self.alerts.tell_left_out()
            is_well = wellness.trouble() == ""
            if is_well and self._heartbeat is not None:
                self._heartbeat.well()
            summary = self._daily.due(session, now_ms())
            if summary is not None and "daily_summary" not in self.settings.alerts.mute:
                self.alerts.post(Severity.INFO, f"{self.account}: daily_summary", summary)
            if self.metrics is not None:
                self._measure(self.metrics, running, lag_s, is_well=is_well)
                if looks % _DISK_EVERY == 0:
                    free = shutil.disk_usage(running.ready.folder).free
                    self.metrics.set("disk_free_bytes", free)
            looks += 1

    def _measure(self, metrics: Metrics, running: Running, lag_s: float, *, is_well: bool) -> None:
        session, http = running.ready.session, running.ready.market.rest.http
        begun = running.ready.started  # another one after a swap
        names = (begun.account, begun.mode.value, begun.venue, begun.strategy, begun.timeframe)
        metrics.alone("info", *names, begun.session_id, __version__)
        show_session(metrics, session)
        show_models(metrics, running.ready.models.care.signs.values())
        metrics.set("healthy", float(is_well))
        metrics.set("beat_timestamp_seconds", session.clock.now_ms() / 1000)
        metrics.set("loop_lag_seconds", lag_s)
        assert self._meter is not None
        metrics.set("realized_pnl_quote", float(self._meter.realized))
        metrics.count_to("strategy_failures_total", session.measures.strategy_failures)
        metrics.count_to("reconnects_total", running.reconnects)
        metrics.set("exchange_blocked_seconds", http.blocked_s(Lane.EXIT))
        metrics.set("clock_doubt_seconds", http.server_clock.doubt_ms() / 1000)
        metrics.set("queue_length", len(running.ready.notes), "notes")
        metrics.set("queue_length", self.alerts.waiting, "alerts")

    def _tell_of_channel(self, noted: Noted) -> None:
        self._alarm(noted)

    def _count_alert(self, outcome: str) -> None:
        if self.metrics is not None:
            self.metrics.add("alerts_total", outcome)

    def _count_heartbeat(self, outcome: str) -> None:
        if self.metrics is not None:
            self.metrics.add("heartbeats_total", outcome)

    def _tell_heartbeat(self) -> None:
        words = "the heartbeat address did not answer three times in a row"
        self._alarm(Noted("heartbeat_failed", words, Severity.WARNING, now_ms()))
