"""How a session performs: counted while it runs, written down at the end of each UTC day and of the
session."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from leeward.domain.timeframe import DAY_MS
from leeward.engine.records import EquityMarked, Executed, PositionClosed, Record

_LATENCIES = 1_000


@dataclass
class Measures:
    """What a session counts."""

    steps: int = 0
    entries: int = 0
    refusals: int = 0
    strategy_failures: int = 0
    max_drawdown: float = 0.0
    latencies_s: deque[float] = field(default_factory=lambda: deque(maxlen=_LATENCIES))
    #: Ends of days that are over, with the values of then: whoever writes them down takes them.
    over: deque[tuple[int, dict[str, float]]] = field(default_factory=deque)
    _day: int | None = None
    _equity: Decimal = Decimal(0)
    _growth: float = 1.0
    _steps_before: int = 0

    def begin_anew(self) -> None:
        """Counts from here on for another session of this process; `steps` goes on."""
        self.entries = self.refusals = self.strategy_failures = 0
        self.max_drawdown, self._growth, self._steps_before = 0.0, 1.0, self.steps

    def step(self, records: Sequence[Record], flow: Decimal, took_s: float, length_ms: int) -> None:
        """Counts one step, and closes the day where its candle was the last. `flow` are quote units
        that came in without a trade since the step before: no profit."""
        self.steps += 1
        self.latencies_s.append(took_s)
        for record in records:
            if isinstance(record, Executed):
                self.entries += record.decision == "enter"
                self.refusals += record.decision == "refused"
            elif isinstance(record, EquityMarked):
                self._mark(record, flow)
                day = (record.open_time_ms + length_ms) // DAY_MS
        if self._day is not None and day > self._day:
            self.over.append((day * DAY_MS, self.values()))
        self._day = day

    def _mark(self, marked: EquityMarked, flow: Decimal) -> None:
        before, self._equity = self._equity + flow, marked.equity
        if self.steps > 1 and before > 0:
            self._growth *= float(marked.equity / before)
        if marked.peak > 0:
            self.max_drawdown = max(self.max_drawdown, float(1 - marked.equity / marked.peak))

    def values(self) -> dict[str, float]:
        """Returns what was counted so far: `return` since the first step and `max_drawdown` below
        the account's peak are fractions."""
        return {
            "return": self._growth - 1.0,
            "max_drawdown": self.max_drawdown,
            "steps": float(self.steps - self._steps_before),
            "entries": float(self.entries),
            "refusals": float(self.refusals),
            "strategy_failures": float(self.strategy_failures),
            "step_p50_ms": self.latency_ms(0.50) or 0.0,
            "step_p99_ms": self.latency_ms(0.99) or 0.0,
        }

    def latency_ms(self, share: float) -> float | None:
        """Returns the time from a step's last candle to its commit, None before the first."""
        latencies = sorted(self.latencies_s)
        if not latencies:
            return None
        place = min(len(latencies) - 1, int(share * len(latencies)))
        return round(latencies[place] * 1000, 3)


def trade_values(
    closed: Sequence[PositionClosed],
    still_s: Mapping[str, float],
    worth: Mapping[str, Decimal] | None = None,
) -> dict[str, float]:
    """Returns what closed positions say.

    `fees` and `pnl` are quote units, fees in the base asset at the price of the entry; those in
    other assets as far as `worth` says what one unit is worth, and `pnl` is less by them.
    `unprotected_s` counts open positions too, by `still_s`.
    """
    fees, elsewhere = Decimal(0), Decimal(0)
    for each in closed:
        quote = each.trade.pnl.currency
        base = each.trade.symbol.removesuffix(quote)
        prices = {quote: Decimal(1), base: each.trade.entry_price.value}
        for fee in each.trade.fees:
            if fee.currency in prices:
                fees += fee.amount * prices[fee.currency]
            else:
                elsewhere += fee.amount * (worth or {}).get(fee.currency, Decimal(0))
    pnl = sum((each.trade.pnl.amount for each in closed), Decimal(0))
    unprotected_ms = sum(each.unprotected_ms for each in closed)
    return {
        "trades": float(len(closed)),
        "fees": float(fees + elsewhere),
        "pnl": float(pnl - elsewhere),
        "unprotected_s": unprotected_ms / 1000 + sum(still_s.values()),
    }
