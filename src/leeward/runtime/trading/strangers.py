"""Other hands on the account. People and programs are told of and left alone; another Leeward that
trades it, with books of its own, would double what this one does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from leeward.domain.orders import OrderReport, OrderStatus
from leeward.engine.books import Books
from leeward.engine.intents import names_order
from leeward.engine.records import Noted, Record, Severity

_KINDS = frozenset({"external_trade", "external_order"})
_HOUR_S = 3600.0


@dataclass
class Strangers:
    """What this process heard of other hands so far."""

    _told_s: dict[tuple[str, str], float] = field(default_factory=dict)
    #: The venue's ids of our orders, as the user stream told them, by client id.
    _ids: dict[str, set[int]] = field(default_factory=dict)

    def news(self, records: Iterable[Record], now_s: float) -> Iterator[Noted]:
        """Yields what an operator should hear of the notes among `records`: the first of a kind and
        symbol within an hour. All of them are in the audit trail."""
        for record in records:
            if not isinstance(record, Noted) or record.kind not in _KINDS:
                continue
            symbol = record.subject.partition("/")[0]
            told_s = self._told_s.get((record.kind, symbol))
            if told_s is None or now_s - told_s >= _HOUR_S:
                self._told_s[record.kind, symbol] = now_s
                yield replace(record, severity=Severity.WARNING, subject=symbol)

    def namesake(self, books: Books, report: OrderReport) -> str:
        """Returns in words why an event is about an order of another Leeward, once for each order;
        empty for others.

        An order of ours is in the books before it is sent, and under its name no other ever is. So
        one that is named like ours and not there, or a second one under a name, is another's.
        """
        name, order_id = report.client_order_id, report.order_id
        if not names_order(name) or report.status is OrderStatus.REJECTED:
            return ""
        order, ids = books.orders.get(name), self._ids.setdefault(name, set())
        if order_id in ids:
            return ""
        booked = None if order is None else order.venue_order_id
        known = ids | ({booked} if booked is not None else set())
        ids |= known | {order_id}
        if order is None:
            why = f"our order {name} is not in the books"
        elif known - {order_id}:
            why = f"there are two orders {name}"
        else:
            return ""
        return f"{report.symbol}: {why}: another instance, a lost database or an old backup"
