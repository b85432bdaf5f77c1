"""The facts of the venue for a comparison with the books: asked in an order that lets the later
explain the earlier."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

from leeward.domain.answers import Asked, ConfirmedAbsent, Found, Unavailable
from leeward.domain.orders import Balance, Fill, OrderReport
from leeward.engine.absence import may_be_ours, suspected, watched
from leeward.engine.books import Books
from leeward.engine.facts import Doubt, VenueFacts
from leeward.engine.own_orders import BookedOrder
from leeward.runtime.trading.means import Means
from leeward.venues.binance_errors import NO_SYMBOL

T = TypeVar("T")
#: So many pages of trades in one go: far more than an account makes between two looks.
_MOST_PAGES = 1000
#: Single orders are asked for side by side, so many at a time.
_AT_ONCE = 8
#: So many orders behind trades are asked for in one comparison; the next one goes on.
_MOST_MAKERS = 20
#: So many lost answers are asked for once more in one comparison: where all are lost, in vain.
_MOST_AGAIN = 3


@dataclass
class Inquiry:
    """Questions that belong together. Of these, `again` at the most are asked once more where the
    answer was lost; not where the venue refused, or says when to come back."""

    means: Means
    again: int = 0

    async def asked(self, question: Callable[[], Coroutine[Any, Any, Asked[T]]]) -> Asked[T]:
        answer = await self.means.asked(question())
        is_lost = isinstance(answer, Unavailable) and not (answer.reaction or answer.retry_after_s)
        if not is_lost or self.again <= 0:
            return answer
        self.again -= 1
        return await self.means.asked(question())


async def facts_of(means: Means, symbols: Iterable[str], doubts: Mapping[str, Doubt]) -> VenueFacts:
    """Returns what the venue says now: open orders and lists, then orders that are not among them,
    then trades, then balances. What it did not answer is missing, never empty; a comparison without
    it is worth little, and the next one is some seconds away, so a few questions are repeated.

    The trades of a symbol are left out where nothing suggests that there are any: no order or
    position of ours, and every balance as in the books.
    """
    venue, books, inquiry = means.venue, means.books, Inquiry(means, _MOST_AGAIN)
    open_orders, open_lists = await asyncio.gather(
        inquiry.asked(lambda: venue.open_orders(None)), inquiry.asked(venue.open_order_lists)
    )
    shown = open_orders.value if isinstance(open_orders, Found) else ()
    orders, absent = await _single_orders(inquiry, _unseen(books, shown, means.server_now_ms()))
    before = await inquiry.asked(venue.balances)
    wanted = _with_news(books, symbols, before)
    fills, gone = await _fills(inquiry, wanted, open_orders)
    suspects = _unasked(books, fills, orders, absent)
    late, never = await _single_orders(inquiry, suspects)
    told, none = (*shown, *orders, *late), absent | never
    makers = await _makers(inquiry, _unowned(books, fills, told, none))
    balances = await inquiry.asked(venue.balances) if wanted else before
    return VenueFacts(
        at_ms=means.server_now_ms(),
        fills=fills,
        open_orders=shown if isinstance(open_orders, Found) else None,
        open_lists=open_lists.value if isinstance(open_lists, Found) else None,
        orders=(*orders, *late, *makers),
        absent=none,
        balances=_totals(balances.value) if isinstance(balances, Found) else None,
        doubts=doubts,
        unread=frozenset(wanted) - fills.keys(),
        gone=gone,
    )


async def all_trades(inquiry: Inquiry, symbol: str) -> Asked[tuple[Fill, ...]]:
    """Returns every own trade that the books may miss; nothing where a page is missing."""
    from_id = inquiry.means.books.next_trade_id(symbol)
    fills: dict[int, Fill] = {}
    for _ in range(_MOST_PAGES):
        answer = await inquiry.asked(partial(inquiry.means.venue.trades, symbol, from_id))
        if not isinstance(answer, Found):
            return answer
        new = [fill for fill in answer.value if fill.trade_id not in fills]
        fills |= {fill.trade_id: fill for fill in new}
        if not new:
            break
        from_id = max(fills) + 1
    return Found(tuple(fills[trade_id] for trade_id in sorted(fills)))


def _unseen(books: Books, shown: Iterable[OrderReport], now_ms: int) -> list[BookedOrder]:
    """Returns our orders of which the open ones say nothing: those that should be among them, and
    those given up, which may appear after all."""
    seen = {report.client_order_id for report in shown}
    orders = [*books.live_orders(), *watched(books, now_ms)]
    return [order for order in orders if order.client_order_id not in seen]


def _unasked(
    books: Books,
    fills: Mapping[str, tuple[Fill, ...]],
    orders: Iterable[OrderReport],
    absent: frozenset[str],
) -> list[BookedOrder]:
    """Returns the orders given up long ago of which trades that the books lack may be."""
    asked = absent | {report.client_order_id for report in orders}
    found = suspected(books, (fill for each in fills.values() for fill in each))
    return [order for order in found if order.client_order_id not in asked]


def _unowned(
    books: Books,
    fills: Mapping[str, tuple[Fill, ...]],
    told: Sequence[OrderReport],
    absent: frozenset[str],
) -> list[Fill]:
    """Returns one trade of each order that the books do not know, and that may be one of ours of
    unknown fate, the first ones first."""
    found = {
        (fill.symbol, fill.order_id): fill
        for each in fills.values()
        for fill in each
        if books.ledger.counts(fill.symbol, fill.trade_id)
        and not books.has_fill(fill.symbol, fill.trade_id)
        and books.order_by_venue_id(fill.symbol, fill.order_id) is None
        and may_be_ours(books, fill, told, absent)
    }
    return list(found.values())[:_MOST_MAKERS]


async def _makers(inquiry: Inquiry, fills: Sequence[Fill]) -> tuple[OrderReport, ...]:
    """Returns the orders that made these trades, as far as the venue says."""
    venue, gate = inquiry.means.venue, asyncio.Semaphore(_AT_ONCE)

    async def ask(fill: Fill) -> Asked[OrderReport]:
        async with gate:
            return await inquiry.asked(lambda: venue.order_behind(fill.symbol, fill.order_id))

    answers = await asyncio.gather(*(ask(fill) for fill in fills))
    return tuple(
        answer.value
        for fill, answer in zip(fills, answers, strict=True)
        if isinstance(answer, Found) and answer.value.order_id == fill.order_id
    )


async def _single_orders(
    inquiry: Inquiry, orders: list[BookedOrder]
) -> tuple[tuple[OrderReport, ...], frozenset[str]]:
    venue, gate = inquiry.means.venue, asyncio.Semaphore(_AT_ONCE)

    async def ask(order: BookedOrder) -> Asked[OrderReport]:
        async with gate:
            return await inquiry.asked(lambda: venue.order(order.symbol, order.client_order_id))

    answers = await asyncio.gather(*(ask(order) for order in orders))
    pairs = list(zip(orders, answers, strict=True))
    found = tuple(
        answer.value
        for order, answer in pairs
        if isinstance(answer, Found) and answer.value.client_order_id == order.client_order_id
    )
    absent = (order.client_order_id for order, each in pairs if isinstance(each, ConfirmedAbsent))
    return found, frozenset(absent)


def _with_news(
    books: Books, symbols: Iterable[str], balances: Asked[tuple[Balance, ...]]
) -> list[str]:
    live = {order.symbol for order in books.live_orders()}
    names = sorted({*symbols, *live, *(each.symbol for each in books.positions())})
    if not isinstance(balances, Found):
        return names
    there = _totals(balances.value)
    ledger = books.ledger
    tracked = {books.quote, *ledger.balances, *(ledger.base(name) for name in names)}
    if any(there.get(asset, Decimal(0)) != books.balance(asset) for asset in tracked):
        return names
    return [
        name
        for name in names
        if name in live or not ledger.is_opened(name) or books.position(name) is not None
    ]


async def _fills(
    inquiry: Inquiry, symbols: Iterable[str], open_orders: Asked[tuple[OrderReport, ...]]
) -> tuple[dict[str, tuple[Fill, ...]], frozenset[str]]:
    """Returns the trades that were told, and the symbols that the venue has no more: none of their
    trades can be told, ever. One answer alone never says so: the list of symbols has to agree, and
    no order may be open there."""
    found: dict[str, tuple[Fill, ...]] = {}
    gone = set()
    for symbol in symbols:
        answer = await all_trades(inquiry, symbol)
        if isinstance(answer, Found):
            found[symbol] = answer.value
        elif (
            _names_no_symbol(answer)
            and isinstance(open_orders, Found)
            and not any(each.symbol == symbol for each in open_orders.value)
            and _names_no_symbol(await inquiry.asked(partial(inquiry.means.venue.rules, (symbol,))))
        ):
            found[symbol] = ()
            gone.add(symbol)
    return found, frozenset(gone)


def _names_no_symbol(answer: object) -> bool:
    return isinstance(answer, Unavailable) and answer.code == NO_SYMBOL


def _totals(balances: Iterable[Balance]) -> dict[str, Decimal]:
    return {each.asset: each.free.amount + each.locked.amount for each in balances}
