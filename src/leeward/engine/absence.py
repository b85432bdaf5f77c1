"""When an order that may have been sent is proven never to have arrived.

The exchange refuses a request older than its receive window just before matching, which bounds how
late one can arrive; the last step has no published bound, so an order given up stays watched.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Final

from leeward.domain.orders import Fill, OrderReport
from leeward.engine.books import SKEW_MS, Books
from leeward.engine.own_orders import BookedOrder

#: Beyond the receive window: what the exchange may take, and what its clock and ours may differ.
LATEST_MS: Final = 10_000
MARGIN_MS: Final = 2_000
#: So many answers "no such order", so far apart.
ANSWERS: Final = 3
SPACED_MS: Final = 1_000
#: Trades nobody explains may be the order's: then only many answers over a long time count.
LONG_MS: Final = 600_000
WATCHED_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class AbsenceProof:
    """The evidence on one order so far. `sent_ms` is the latest time it may have been sent at, of
    the exchange's clock, as all times here."""

    client_order_id: str
    sent_ms: int
    receive_window_ms: int
    answers: int = 0
    last_ms: int = 0

    @property
    def not_before_ms(self) -> int:
        """When the next answer counts: ask then."""
        closed = self.sent_ms + self.receive_window_ms + LATEST_MS + MARGIN_MS
        return max(closed, self.last_ms + SPACED_MS) if self.answers else closed

    def absent(self, at_ms: int) -> AbsenceProof:
        """Returns the proof after an answer "no such order" at `at_ms`; one that comes too early,
        or too soon after the last, adds nothing."""
        if at_ms < self.not_before_ms:
            return self
        return replace(self, answers=self.answers + 1, last_ms=at_ms)

    def seen(self) -> AbsenceProof:
        """Returns the proof after any sign of the order: it starts anew."""
        return replace(self, answers=0, last_ms=0)

    def is_proven(self, *, listed: bool, unexplained_trades: bool) -> bool:
        """Returns whether the order never arrived. `listed`: open orders or order lists, read
        after the last answer, show it; `unexplained_trades`: there are trades on its side, since
        it was sent, that no known order made."""
        if listed or self.answers < ANSWERS:
            return False
        return not unexplained_trades or self.last_ms - self.sent_ms >= LONG_MS


def watched(books: Books, now_ms: int) -> list[BookedOrder]:
    """Returns the orders given up within the last day: one that appears is cancelled on sight."""
    return [order for order in books.void_orders() if is_watched(order, now_ms)]


def is_watched(order: BookedOrder, at_ms: int) -> bool:
    """Returns whether an order given up may still be heard of: until a day after."""
    return at_ms - order.moved_ms < WATCHED_MS


def suspected(books: Books, fills: Iterable[Fill]) -> list[BookedOrder]:
    """Returns the orders given up that may have made one of these trades, which the books lack: to
    be asked for however long ago that was, or such a trade would never find its owner."""
    unknown = [fill for fill in fills if not books.has_fill(fill.symbol, fill.trade_id)]
    return [
        order
        for order in books.void_orders()
        if any(may_have_made(order, fill) and is_watched(order, fill.time_ms) for fill in unknown)
    ]


def may_be_ours(
    books: Books, fill: Fill, reports: Iterable[OrderReport], absent: Collection[str]
) -> bool:
    """Returns whether an order of ours that the venue has not named may have made a trade of which
    the books do not know the order. `reports` name orders by the venue's id, the trade's own too,
    where it was asked for; `absent` are client ids of which it just said that there is none."""
    told = [each for each in reports if each.symbol == fill.symbol]
    if any(each.order_id == fill.order_id for each in told):
        return False
    named = {each.client_order_id for each in told}
    unnamed = [each for each in books.live_orders(fill.symbol) if each.venue_order_id is None]
    lost = [
        order
        for order in books.void_orders()
        if order.client_order_id not in absent and is_watched(order, fill.time_ms)
    ]
    return any(
        order.client_order_id not in named and may_have_made(order, fill)
        for order in (*unnamed, *lost)
    )


def may_have_made(order: BookedOrder, fill: Fill) -> bool:
    """Returns whether a trade is of an order's symbol and side, from when it was made on."""
    return (
        order.symbol == fill.symbol
        and order.planned.side is fill.side
        and fill.time_ms >= order.intent.made_ms - SKEW_MS
    )
