"""Matches a session's trades with those of the backtest beside it, and says why they differ."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from functools import cached_property

import numpy as np

from leeward.domain.columns import FloatColumn
from leeward.engine.records import FillBooked, IntentMade, OrderMoved, OrderState, Purpose, Record
from leeward.report.words import minute
from leeward.research.attribution import Parts, alone, split, summed
from leeward.research.recorded import KNOWN_IN_TIME
from leeward.research.stepwise import Replay, simulate_beside
from leeward.research.trades import (
    EXACT,
    STILL_OPEN,
    ZERO,
    BacktestTrade,
    SessionTrade,
    backtest_trades,
    exact,
    session_trades,
)
from leeward.simulation.fills import buy_price, sell_price

#: A decision: its symbol and the open time of its candle.
Decision = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Pair:
    """What session and backtest made of one decision; None for nothing. `why` says in words what
    sets them apart, "" where nothing does."""

    symbol: str
    decided_ms: int
    session: SessionTrade | None
    backtest: BacktestTrade | None
    parts: Parts
    why: str


@dataclass(frozen=True, slots=True)
class Gap:
    """What the session earned and what its backtest did, in quote units; `faults` name trades
    whose fills do not add up to what was booked."""

    pairs: tuple[Pair, ...]
    session: Decimal
    backtest: Decimal
    parts: Parts
    faults: tuple[str, ...]

    @property
    def total(self) -> Decimal:
        with localcontext(EXACT):
            return self.session - self.backtest

    @property
    def remainder(self) -> Decimal:
        """What the parts leave unexplained: zero, or the arithmetic is wrong."""
        with localcontext(EXACT):
            return self.total - self.parts.total


def compare_trades(replay: Replay) -> Gap:
    """Returns every trade of session and backtest, matched by decision, and the gap's parts."""
    return _Comparison(replay).gap()


class _Comparison:
    def __init__(self, replay: Replay) -> None:
        self.replay = replay
        self.recorded = replay.recorded
        self.market = replay.layout.market
        self.symbols = replay.layout.symbols
        terms = self.recorded.terms
        self.fee = exact(terms.setup.fee)
        self.slippage = terms.setup.slippage
        made = session_trades(
            self.recorded.records, terms.quote, self.recorded.candles[0].timeframe
        )
        self.session = {(t.symbol, t.decided_ms): self._whole(t) for t in made}
        table = simulate_beside(replay)
        found = backtest_trades(table, self.market, self.symbols)
        self.backtest = {(t.symbol, t.decided_ms): t for t in found}

    def gap(self) -> Gap:
        keys = sorted({*self.session, *self.backtest}, key=lambda key: (key[1], key[0]))
        pairs = tuple(self._pair(key) for key in keys)
        with localcontext(EXACT):
            return Gap(
                pairs,
                sum((trade.pnl for trade in self.session.values()), ZERO),
                sum((trade.pnl(self.fee) for trade in self.backtest.values()), ZERO),
                summed(pair.parts for pair in pairs),
                tuple(_faults(self.session.values(), self.recorded.records)),
            )

    def _whole(self, trade: SessionTrade) -> SessionTrade:
        """Returns the trade, one that is open valued at the last close as a backtest values it."""
        if trade.reason != STILL_OPEN:
            return trade
        s = self.symbols.index(trade.symbol)
        t = int(np.flatnonzero(self.market.row[s] >= 0)[-1])
        price = self._sold_at(s, self.market.close[s, t])
        return trade.valued(price, self.fee, int(self.market.open_time[t]))

    def _pair(self, key: Decision) -> Pair:
        session, backtest = self.session.get(key), self.backtest.get(key)
        if session is not None and backtest is not None:
            parts = split(session, backtest, self._as_if(session, backtest), self.fee)
            why = _apart(session, backtest)
            if parts.timing and self._left_unseen(session, backtest):
                parts = replace(parts, data=parts.timing, timing=ZERO)
                why += "; a candle in between was not there in time"
            return Pair(*key, session, backtest, parts, why)
        cause, why = self._cause(key)
        amount = ZERO if session is None else session.pnl
        if backtest is not None:
            amount = -backtest.pnl(self.fee)
        return Pair(*key, session, backtest, alone(cause, amount), why)

    def _as_if(self, session: SessionTrade, backtest: BacktestTrade) -> tuple[Decimal, Decimal]:
        """Returns at what prices the simulation buys and sells where the session did."""
        s = self.symbols.index(session.symbol)
        bought, sold = backtest.entry_price, backtest.exit_price
        opened = self._price(s, session.entered_ms, self.market.open)
        if session.entered_ms != backtest.entered_ms and opened is not None:
            tick = self.replay.rules.filters[s, 1]
            bought = exact(buy_price(opened, self.slippage, tick))
        if not _left_alike(session, backtest):
            sold = self._sold_like(s, session, sold)
        return bought, sold

    def _sold_like(self, s: int, trade: SessionTrade, otherwise: Decimal) -> Decimal:
        """Returns what the simulation gets for the exit that the session made."""
        if trade.reason == "target" and trade.target is not None:
            return trade.target
        if trade.reason == "stop" and trade.stop is not None:
            return self._sold_at(s, float(trade.stop))
        prices = self.market.close if trade.reason == STILL_OPEN else self.market.open
        reference = self._price(s, trade.left_ms, prices)
        return otherwise if reference is None else self._sold_at(s, reference)

    def _sold_at(self, s: int, reference: float) -> Decimal:
        return exact(sell_price(reference, self.slippage, self.replay.rules.filters[s, 1]))

    def _price(self, s: int, open_time_ms: int, prices: FloatColumn) -> float | None:
        """Returns a price of the candle that opens then; None where none is known."""
        t = int(np.searchsorted(self.market.open_time, open_time_ms))
        known = t < len(self.market.open_time) and self.market.open_time[t] == open_time_ms
        return float(prices[s, t]) if known and self.market.row[s, t] >= 0 else None

    def _left_unseen(self, session: SessionTrade, backtest: BacktestTrade) -> bool:
        """Returns whether the two left apart because a candle came late: the one on which the
        earlier exit was decided, or, for a stop, one that would have raised it."""
        if _left_alike(session, backtest) or session.entered_ms != backtest.entered_ms:
            return False
        first = session if session.left_ms <= backtest.left_ms else backtest
        unseen = [
            time
            for (symbol, time), row in self.recorded.executed.items()
            if symbol == session.symbol and row.data_state not in KNOWN_IN_TIME
        ]
        stopped = first.reason in {"stop", "stop_gap"}
        since = session.decided_ms if stopped else first.left_ms - self.market.length_ms
        return any(since <= time < first.left_ms for time in unseen)

    def _cause(self, key: Decision) -> tuple[str, str]:
        """Returns the part, and words, for a trade that only one of the two made."""
        return self._only_session(key) if key in self.session else self._only_backtest(key)

    def _only_session(self, key: Decision) -> tuple[str, str]:
        if key[1] >= self.market.open_time[-1]:
            return "timing", "decided at the last candle, where a backtest ends"
        held = _held_at(self.backtest.values(), key)
        if held is None:
            return "signal", "the backtest did not enter: the accounts had drifted apart"
        if held in self.session:
            return "timing", f"the backtest still held what was decided at {minute(held[1])}"
        cause, why = self._cause(held)
        return cause, f"the backtest held what was decided at {minute(held[1])} ({why})"

    def _only_backtest(self, key: Decision) -> tuple[str, str]:
        row = self.recorded.executed.get(key)
        if row is None:
            return "missed", "the session decided nothing at this candle"
        if row.data_state not in KNOWN_IN_TIME:
            return "data", f"the candle was not there in time: {row.data_state}"
        if row.decision == "enter":
            return self._not_filled(key)
        if row.decision in {"refused", "skipped"}:
            return "refusal", f"{row.decision}: {row.reason}"
        held = _held_at(self.session.values(), key)
        if held is None:
            return "signal", f"the session decided '{row.decision}': the accounts had drifted apart"
        if held in self.backtest:
            return "timing", f"the session still held what was decided at {minute(held[1])}"
        cause, why = self._cause(held)
        return cause, f"the session held what was decided at {minute(held[1])} ({why})"

    def _not_filled(self, key: Decision) -> tuple[str, str]:
        """Returns why an entry that the session decided bought nothing."""
        moved = self._entries.get(key)
        if moved is None:
            return "refusal", "decided, but no order was made"
        words = f"the entry ended as {moved.state}" + (f": {moved.why}" if moved.why else "")
        return ("refusal" if moved.state is OrderState.REFUSED else "missed"), words

    @cached_property
    def _entries(self) -> dict[Decision, OrderMoved]:
        """The last that is known of each entry's order."""
        decided: dict[str, Decision] = {}
        found: dict[Decision, OrderMoved] = {}
        for record in self.recorded.records:
            match record:
                case IntentMade(purpose=Purpose.ENTRY, key=key):
                    decided[record.orders[0].client_order_id] = key.symbol, key.open_time_ms
                case OrderMoved(client_order_id=name) if name in decided:
                    found[decided[name]] = record
        return found


def _held_at(
    trades: Iterable[SessionTrade] | Iterable[BacktestTrade], key: Decision
) -> Decision | None:
    """Returns the decision of the trade that was held at the close of a candle."""
    symbol, time = key
    for trade in trades:
        if trade.symbol == symbol and trade.decided_ms < time < trade.left_ms:
            return trade.symbol, trade.decided_ms
    return None


def _left_alike(session: SessionTrade, backtest: BacktestTrade) -> bool:
    """Returns whether both left in the same candle, for the same reason and at the same stop."""
    same = (session.left_ms, session.reason) == (backtest.left_ms, backtest.reason)
    if not same or session.reason != "stop" or session.stop is None or backtest.stop is None:
        return same
    return math.isclose(session.stop, backtest.stop, rel_tol=1e-9)


def _apart(session: SessionTrade, backtest: BacktestTrade) -> str:
    """Returns in words what two trades of one decision did differently."""
    words = []
    if session.bought != backtest.quantity:
        words.append(f"bought {session.bought:f}, the backtest {backtest.quantity:f}")
    if session.entered_ms != backtest.entered_ms:
        words.append(f"entered {minute(session.entered_ms)}, not {minute(backtest.entered_ms)}")
    if (session.left_ms, session.reason) != (backtest.left_ms, backtest.reason):
        words.append(
            f"left {minute(session.left_ms)} ({session.reason}), "
            f"the backtest {minute(backtest.left_ms)} ({backtest.reason})"
        )
    words += [f"{paid:f} {asset} of fees" for asset, paid in session.fee_elsewhere.items()]
    return "; ".join(words)


def _faults(trades: Iterable[SessionTrade], records: Iterable[Record]) -> Iterator[str]:
    """Yields trades that were booked otherwise than their fills say, where nobody else sold."""
    others = {
        record.fill.symbol
        for record in records
        if isinstance(record, FillBooked) and record.position_id is None
    }
    for trade in trades:
        filled = trade.filled_pnl
        if filled is not None and filled != trade.pnl and trade.symbol not in others:
            yield (
                f"{trade.symbol} {minute(trade.decided_ms)}: its fills make {filled:f}, "
                f"but {trade.pnl:f} was booked"
            )
