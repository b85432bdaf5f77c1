"""What the venue said, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from leeward.domain.orders import Fill, OrderListReport, OrderReport
from leeward.engine.records import Noted, Record, Severity, TradingState


@dataclass(frozen=True, slots=True)
class Doubt:
    """What one reading showed and a second one has to confirm, since when, and read again when."""

    amount: Decimal
    since_ms: int
    last_ms: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class VenueFacts:
    """What the venue said, asked in this order: open orders and lists, single orders, trades,
    balances. None where it did not answer; never empty instead.

    `fills` holds, for every symbol traded, all own trades from `books.next_trade_id` on; a symbol
    whose trades could not be read is missing, and named by `unread`. `gone` are symbols that the
    venue has no more: nobody tells their trades, and `fills` holds none of them. `orders` are
    answers about single orders, `absent` the client ids of which it said that there is no such
    order. `balances` are free and locked together, at `at_ms` of the exchange's time. `doubts` are
    those of the findings before.
    """

    at_ms: int
    fills: Mapping[str, tuple[Fill, ...]]
    open_orders: tuple[OrderReport, ...] | None = None
    open_lists: tuple[OrderListReport, ...] | None = None
    orders: tuple[OrderReport, ...] = ()
    absent: frozenset[str] = frozenset()
    balances: Mapping[str, Decimal] | None = None
    doubts: Mapping[str, Doubt] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()

    @property
    def reports(self) -> tuple[OrderReport, ...]:
        listed = () if self.open_lists is None else self.open_lists
        members = tuple(report for each in listed for report in each.reports)
        return (*(self.open_orders or ()), *members, *self.orders)


@dataclass(frozen=True, slots=True)
class Findings:
    """What follows from facts. First tighten the state, then commit `records` together, then ask
    and cancel.

    `tighten` is a state to move to where the present one allows more, with its reason. `ask` are
    orders whose fate the facts leave open; `cancel` orders of ours at the venue that belong to no
    position. `doubts` go into the next facts. `is_clean`: books and venue agree, as far as asked.
    """

    records: tuple[Record, ...] = ()
    tighten: tuple[TradingState, str] | None = None
    ask: tuple[str, ...] = ()
    cancel: tuple[OrderReport, ...] = ()
    doubts: Mapping[str, Doubt] = field(default_factory=dict)
    is_clean: bool = True

    @property
    def alarms(self) -> tuple[Noted, ...]:
        """The records that an operator should hear of."""
        return tuple(
            record
            for record in self.records
            if isinstance(record, Noted) and record.severity is not Severity.INFO
        )


def differences(facts: VenueFacts, findings: Findings) -> str:
    """Returns what stands between books and venue, to follow a sentence; empty for nothing."""
    silent = [f"the trades of {symbol}" for symbol in sorted(facts.unread)]
    silent += ["the open orders"] if facts.open_orders is None else []
    silent += ["the balances"] if facts.balances is None else []
    parts = [f"the venue did not tell {', '.join(silent)}"] if silent else []
    if findings.ask:
        parts.append(f"the fate of {', '.join(findings.ask)} is open")
    if findings.doubts:
        parts.append(f"{', '.join(sorted(findings.doubts))}: read once, to be read again")
    return f": {'; '.join(parts)}" if parts else ""
