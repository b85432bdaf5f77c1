"""What a session says of itself with each heartbeat."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from leeward.domain.candle import Candle

if TYPE_CHECKING:
    from leeward.runtime.trading.session import TradingSession


@dataclass(slots=True)
class LastPrices:
    """The newest price of each symbol and the venue's time of it, from candles that are closed or
    still open."""

    _seen: dict[str, tuple[float, int]] = field(default_factory=dict)

    def take(self, candle: Candle, at_ms: int) -> None:
        time_ms = min(at_ms, candle.open_time_ms + candle.timeframe.length_ms)
        before = self._seen.get(candle.symbol)
        if before is None or time_ms >= before[1]:
            self._seen[candle.symbol] = candle.close, time_ms

    def exact(self) -> dict[str, Decimal]:
        return {symbol: Decimal(repr(price)) for symbol, (price, _) in self._seen.items()}

    def facts(self) -> dict[str, list[float | int]]:
        """Returns [price, time in ms] by symbol, JSON-ready."""
        return {symbol: [price, time_ms] for symbol, (price, time_ms) in self._seen.items()}


def pulse(session: TradingSession) -> dict[str, object]:
    """Returns how the session is doing, JSON-ready."""
    books, measures = session.keeper.books, session.measures
    equity, marked = session.equity(session.last_prices.exact()), books.marked
    unprotected = {
        each.symbol: session.desk.unprotected_s(each.symbol) for each in books.positions()
    }
    return {
        "session": session.plan.who.session_id,
        "state": session.standing.state.value,
        "causes": session.standing.causes.words(),
        "reconciled": session.reconciled,
        "steps": measures.steps,
        "last_step_ms": None if marked is None else marked.open_time_ms,
        "equity": None if equity is None else str(equity),
        "cash": str(books.net_cash),
        "prices": session.last_prices.facts(),
        "unprotected_s": unprotected,
        "swap": session.coming,
        "behind_ms": session.behind_ms(),
        "together": str(together(session)),
        "orders_last_hour": books.orders_last_hour(session.server_now_ms()),
        "step_p50_ms": measures.latency_ms(0.50),
        "step_p99_ms": measures.latency_ms(0.99),
    }


def together(session: TradingSession) -> Decimal:
    """Returns the most that lies in one position and those that move with it, quote units at the
    last closes."""
    worth = {
        each.symbol: each.quantity.value * (session.price(each.symbol) or 0)
        for each in session.keeper.books.positions()
    }
    groups = session.decider.moving_together(worth)
    return max(
        (sum((worth[name] for name in group), Decimal(0)) for group in groups), default=Decimal(0)
    )
