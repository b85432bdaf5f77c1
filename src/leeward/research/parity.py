"""Whether a session decided and earned what a backtest of the same candles does, and why not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from functools import cached_property

from leeward.domain.times import iso
from leeward.engine.records import TransferBooked, TransferKind
from leeward.report.words import minute
from leeward.research.decisions import DecisionParity, Difference, compare_decisions
from leeward.research.matching import Gap, Pair, compare_trades
from leeward.research.recorded import Recorded
from leeward.research.stepwise import replay_of
from leeward.runtime.strategies import source_sha256
from leeward.runtime.trading.lineage import swap_facts

SCHEMA = "leeward.parity/1"


@dataclass(frozen=True, eq=False)
class Parity:
    """One chain of sessions beside its replay. `notes` are sentences a reader has to know."""

    recorded: Recorded
    decisions: DecisionParity
    gap: Gap
    notes: tuple[str, ...]

    @cached_property
    def is_clean(self) -> bool:
        """Whether every decision is explained, and the gap to the last unit."""
        return not (self.decisions.unexplained or self.gap.remainder or self.gap.faults)

    def as_json(self) -> dict[str, object]:
        """Returns everything as JSON-ready values; amounts are exact, as text."""
        first, marks = self.recorded.sessions[0], self.recorded.marks
        gap, found = self.gap, self.decisions
        return {
            "schema": SCHEMA,
            "sessions": [session.session_id for session in self.recorded.sessions],
            "account": first.account,
            "strategy": first.strategy,
            "symbols": list(first.symbols),
            "timeframe": first.timeframe,
            "first_candle": iso(marks[0].open_time_ms),
            "last_candle": iso(marks[-1].open_time_ms),
            "clean": self.is_clean,
            "swap": dict(swap_facts(first)) or None,
            "notes": list(self.notes),
            "decisions": {
                "steps": found.steps,
                "compared": found.decided,
                "alike": found.alike,
                "unexplained": len(found.unexplained),
                "by_decision": dict(found.by_decision),
                "differences": [_difference_json(each) for each in found.differences],
            },
            "pnl": {
                "currency": self.recorded.terms.quote,
                "session": f"{gap.session:f}",
                "backtest": f"{gap.backtest:f}",
                "gap": f"{gap.total:f}",
                "parts": _parts_json(gap.parts.by_name()),
                "remainder": f"{gap.remainder:f}",
                "faults": list(gap.faults),
            },
            "trades": [_pair_json(pair) for pair in gap.pairs],
        }


def check_parity(recorded: Recorded) -> Parity:
    """Returns how a chain of sessions compares with its replay, decision by decision and trade by
    trade. Raises Failed where the sessions did not write down what a replay needs."""
    replay = replay_of(recorded)
    return Parity(
        recorded, compare_decisions(replay), compare_trades(replay), tuple(_notes(recorded))
    )


def _notes(recorded: Recorded) -> list[str]:
    terms, first = recorded.terms, recorded.marks[0]
    notes = [*_of_swap(recorded)]
    if terms.strategy_sha256 != source_sha256(type(terms.strategy)):
        notes.append(
            "The strategy's code is no longer that of the session: what differs may come from it."
        )
    if first.exposure:
        notes.append(
            f"The session began with positions worth {first.exposure:,.2f} {terms.quote}; trades "
            "decided before it are in neither of the two."
        )
    moved = [
        record.money.amount
        for record in recorded.records
        if isinstance(record, TransferBooked)
        and record.kind is not TransferKind.OPENING
        and record.money.currency == terms.quote
    ]
    if moved:
        notes.append(
            f"{len(moved)} transfers of {sum(moved, Decimal(0)):+,.2f} {terms.quote} in all "
            "changed the session's equity, and with it the sizes; the backtest has none of them."
        )
    return notes


def _of_swap(recorded: Recorded) -> Iterator[str]:
    """Yields how the sessions came about where somebody exchanged the strategy."""
    swap = swap_facts(recorded.sessions[0])
    before, at_ms = swap.get("before"), swap.get("at_ms")
    if isinstance(before, Mapping) and isinstance(at_ms, int):
        yield (
            f"{recorded.sessions[0].strategy} was swapped in by {swap.get('actor')} at "
            f"{iso(at_ms)} for {before.get('strategy')}; `leeward parity {before.get('session')}` "
            "compares what that one did."
        )
    for manager, positions in recorded.managed:
        leader = manager.led_by
        assert leader is not None
        yield (
            f"{leader.strategy} managed {len(positions)} positions of before the swap to their end."
        )


def _difference_json(found: Difference) -> dict[str, object]:
    return asdict(found) | {"candle": iso(found.open_time_ms)}


def _parts_json(parts: dict[str, Decimal]) -> dict[str, str]:
    return {name: f"{amount:f}" for name, amount in parts.items()}


def _pair_json(pair: Pair) -> dict[str, object]:
    session, backtest = pair.session, pair.backtest
    return {
        "symbol": pair.symbol,
        "decided": iso(pair.decided_ms),
        "session_pnl": None if session is None else f"{session.pnl:f}",
        "session_exit": None if session is None else f"{minute(session.left_ms)} {session.reason}",
        "backtest_exit": None
        if backtest is None
        else f"{minute(backtest.left_ms)} {backtest.reason}",
        "parts": _parts_json(pair.parts.by_name()),
        "gap": f"{pair.parts.total:f}",
        "why": pair.why,
    }
