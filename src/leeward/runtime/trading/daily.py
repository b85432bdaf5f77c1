"""The summary of a day, in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from leeward.domain.timeframe import DAY_MS
from leeward.domain.times import iso
from leeward.engine.records import Trade
from leeward.runtime.trading.session import TradingSession

_MINUTE_MS = 60_000


@dataclass
class DailySummary:
    """Due once a day at `time_of_day`, UTC, as in "00:05"; never with "off". Counts what was closed
    since the summary before, or since `since_ms`."""

    time_of_day: str
    since_ms: int
    _trades: list[Trade] = field(default_factory=list)
    _next_ms: int | None = field(init=False)

    def __post_init__(self) -> None:
        self._next_ms = None
        if self.time_of_day != "off":
            hours, _, minutes = self.time_of_day.partition(":")
            offset_ms = (int(hours) * 60 + int(minutes)) * _MINUTE_MS
            days = (self.since_ms - offset_ms) // DAY_MS + 1
            self._next_ms = days * DAY_MS + offset_ms

    def closed(self, trade: Trade) -> None:
        """Takes a trade that was closed."""
        self._trades.append(trade)

    def due(self, session: TradingSession, now_ms: int) -> str | None:
        """Returns the summary, once it is time; None else."""
        if self._next_ms is not None and self._next_ms - now_ms > DAY_MS:  # the date was set back
            self._next_ms -= DAY_MS * ((self._next_ms - now_ms) // DAY_MS)
        if self._next_ms is None or now_ms < self._next_ms:
            if self._next_ms is None:
                self._trades.clear()
            return None
        text = "\n".join(self._lines(session))
        self._trades.clear()
        self.since_ms = now_ms
        self._next_ms += DAY_MS * ((now_ms - self._next_ms) // DAY_MS + 1)
        return text

    def _lines(self, session: TradingSession) -> list[str]:
        books, measures = session.keeper.books, session.measures
        equity, marked, quote = session.equity(), books.marked, books.quote
        lines = [f"State: {session.standing.state}", f"Since {iso(self.since_ms)}:"]
        if equity is not None and marked is not None:
            change = equity - marked.day_base
            lost = max(Decimal(0), 1 - equity / marked.peak) if marked.peak > 0 else Decimal(0)
            lines.append(
                f"Equity {equity:,.2f} {quote}, {change:+,.2f} today, {lost:.1%} below its highest"
            )
        pnl = sum((each.pnl.amount for each in self._trades), Decimal(0))
        lines.append(f"Trades closed: {len(self._trades)}, {pnl:+,.2f} {quote} after fees")
        for each in books.positions():
            stop = "no stop" if each.plan.stop is None else f"stop {each.plan.stop}"
            lines.append(f"Holds {each.quantity} {each.symbol} from {each.entry_price}, {stop}")
        lines.append(
            f"This session: {measures.steps} candles, {measures.entries} entries, "
            f"{measures.refusals} refused, drawdown {measures.max_drawdown:.1%} at the most"
        )
        return lines
