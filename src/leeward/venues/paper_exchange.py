"""The exchange behind paper trading: takes orders, and fills them as the market is told to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from leeward.domain.candle import Candle
from leeward.domain.errors import CannotWrite
from leeward.domain.money import Quantity
from leeward.domain.order_requests import Leg, OcoRequest, OrderRequest, TriggerRequest
from leeward.domain.orders import Contingency, OrderStatus, OrderType, Side, TimeInForce
from leeward.domain.rules import SymbolRules
from leeward.venues.paper_books import Mark, Pair, PaperList, PaperOrder, Row
from leeward.venues.paper_checks import (
    DUPLICATE,
    UNKNOWN_ORDER,
    Refusal,
    check_counts,
    check_filters,
    check_funds,
    check_pair,
    check_parameters,
    check_prices,
    crosses,
)
from leeward.venues.paper_fills import (
    NO_CANDLE,
    NO_OPEN,
    PaperFills,
    PaperTerms,
    Prices,
    Stretch,
)
from leeward.venues.paper_journal import PaperJournal

_AT_ONCE = frozenset({TimeInForce.IOC, TimeInForce.FOK})


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Where a symbol's market stands; `open_ms` names the candle that stands at its open."""

    prices: Prices
    open_ms: int | None


class PaperExchange:
    """Every change is on disk before it is told. What is refused raises Refusal and changes
    nothing; CannotWrite means that the disk refused, and then nothing changed either."""

    def __init__(
        self,
        folder: Path,
        terms: PaperTerms,
        server_now_ms: Callable[[], int],
        told: Callable[[str], None],
    ) -> None:
        self._journal = PaperJournal(folder)
        self._terms, self._now_ms, self._told = terms, server_now_ms, told
        self._cursors: dict[str, _Cursor] = {}
        self._first_book_ms: dict[str, int] = {}
        self.books = self._journal.load()
        self._fills = PaperFills(self.books, terms)
        self._begin()

    def _begin(self) -> None:
        if self.books.number == 0:
            self.books.add_money(self._terms.opening)
        for order in list(self.books.open_orders()):
            # Nobody waits for it any more, and which open it was for is not known.
            if order.awaits_open and order.since_ms is None:
                self._fills.end(order, OrderStatus.EXPIRED, NO_OPEN, self._now_ms())
        self._commit()

    def compact(self) -> None:
        self._journal.compact(self.books)

    # Orders.

    def place(self, request: OrderRequest, rules: SymbolRules) -> PaperOrder:
        """Returns the order taken: filled, ended, resting, or waiting for the next open."""
        check_parameters(request, rules)
        order = self._draft(request.symbol, request.side, request)
        order.quantity = None if request.quantity is None else request.quantity.value
        order.quote_amount = request.quote_amount
        self._check(order, rules)
        check_counts(self.books, [order], rules)
        self._check_place(order)
        order.order_id = self.books.next_id()
        self.books.touch(order)
        self._enter(order)
        self._commit()
        return order

    def place_oco(self, request: OcoRequest, rules: SymbolRules) -> PaperList:
        if not rules.features.oco:
            raise Refusal(-2010, "OCO orders are not supported for this symbol.")
        legs = [
            self._leg(request.symbol, request.side, leg, rules)
            for leg in (request.above, request.below)
        ]
        for leg in legs:
            leg.quantity = request.quantity.value
            self._check(leg, rules)
        check_pair(*legs)
        self._check_list(request.client_list_id, legs, rules)
        for leg in legs:
            self._check_place(leg)
        found = self._list(request.client_list_id, Contingency.OCO, legs)
        self._commit()
        return found

    def place_trigger(self, request: TriggerRequest, rules: SymbolRules) -> PaperList:
        """Returns the list taken; its first order is the one that works."""
        by_fill, asked = request.pending_quantity is None, request.working
        if not (rules.features.opo if by_fill else rules.features.oto):
            kind = "OPO" if by_fill else "OTO"
            raise Refusal(-2010, f"{kind} orders are not supported for this symbol.")
        check_parameters(asked, rules)
        if asked.type not in {OrderType.LIMIT, OrderType.LIMIT_MAKER} or asked.quantity is None:
            raise Refusal(-1130, "Data sent for parameter 'workingType' is not valid.")
        if by_fill and (asked.side, request.pending_side) != (Side.BUY, Side.SELL):
            raise Refusal(-1222, "The working side for OPOs must be a BUY.")
        working = self._draft(asked.symbol, asked.side, asked)
        working.quantity = asked.quantity.value
        self._check(working, rules)
        pending = [request.pending]
        if request.pending_below is not None:
            pending.append(request.pending_below)
        legs = [self._leg(asked.symbol, request.pending_side, leg, rules) for leg in pending]
        for leg in legs:
            leg.status = OrderStatus.PENDING_NEW
            if request.pending_quantity is not None:
                leg.quantity = request.pending_quantity.value
            self._check(leg, rules)
        if len(legs) == 2:
            check_pair(*legs)
        self._check_list(request.client_list_id, [working, *legs], rules)
        self._check_place(working)
        found = self._list(request.client_list_id, Contingency.OTO, [working, *legs])
        found.by_fill, found.pending_ids = by_fill, found.order_ids[1:]
        self._enter(working)
        self._commit()
        return found

    def amend(self, symbol: str, client_id: str, quantity: Quantity, new_client_id: str,
              rules: SymbolRules) -> PaperOrder:  # fmt: skip
        order = self.books.order(symbol, client_id)
        if order is None or order.status is not OrderStatus.NEW:
            raise Refusal(-2013, "Order does not exist.")
        if order.quantity is None or not Decimal(0) < quantity.value < order.quantity:
            raise Refusal(-2038, "The requested order amendment is not valid.")
        names = {each.client_id for each in self.books.open_orders(symbol) if each is not order}
        if new_client_id in names:
            raise Refusal(*DUPLICATE)
        changed = replace(order, quantity=quantity.value, client_id=new_client_id)
        changed.updated_ms = self._now_ms()
        check_filters(changed, rules, self._prices(symbol))
        self.books.touch(changed)
        self._commit()
        return changed

    def _draft(self, symbol: str, side: Side, asked: OrderRequest | Leg) -> PaperOrder:
        now_ms, cursor = self._now_ms(), self._cursors.get(symbol)
        mark = self.books.marks.get(symbol, Mark())
        return PaperOrder(
            order_id=0,
            symbol=symbol,
            client_id=asked.client_order_id,
            side=side,
            type=asked.type,
            tif=asked.time_in_force or TimeInForce.GTC,
            updated_ms=now_ms,
            price=None if asked.price is None else asked.price.value,
            stop_price=None if asked.stop_price is None else asked.stop_price.value,
            since_ms=mark.next_ms if cursor is None else cursor.open_ms,
        )

    def _leg(self, symbol: str, side: Side, leg: Leg, rules: SymbolRules) -> PaperOrder:
        check_parameters(leg, rules)
        return self._draft(symbol, side, leg)

    def _check(self, order: PaperOrder, rules: SymbolRules) -> None:
        self.books.add_pair(order.symbol, Pair.of(rules))
        check_filters(order, rules, self._prices(order.symbol))

    def _check_place(self, order: PaperOrder) -> None:
        check_prices(order, self._prices(order.symbol))
        check_funds(self.books, self.books.lock_of(order))

    def _check_list(self, name: str, legs: Sequence[PaperOrder], rules: SymbolRules) -> None:
        check_counts(self.books, legs, rules, lists=1)
        if any(each.client_id == name for each in self.books.open_lists()):
            raise Refusal(*DUPLICATE)

    def _list(self, name: str, contingency: Contingency, legs: Sequence[PaperOrder]) -> PaperList:
        list_id = self.books.next_id()
        for leg in legs:
            leg.order_id, leg.list_id = self.books.next_id(), list_id
            self.books.touch(leg)
        ids = [leg.order_id for leg in legs]
        found = PaperList(list_id, name, legs[0].symbol, contingency, self._now_ms(), ids, [])
        self.books.touch(found)
        return found

    def _enter(self, order: PaperOrder) -> None:
        """Lets a new order meet the market, if it is one that does so at once."""
        cursor = self._cursors.get(order.symbol)
        at_once = order.type is OrderType.MARKET or (
            order.type is OrderType.LIMIT and order.tif in _AT_ONCE
        )
        if cursor is None:
            order.awaits_open = at_once
        elif at_once or (order.type is OrderType.LIMIT and crosses(order, cursor.prices)):
            at_ms = self._now_ms() if cursor.open_ms is None else cursor.open_ms
            self._fills.take(order, cursor.prices, at_ms)

    # Cancels.

    def cancel(self, symbol: str, client_id: str) -> PaperOrder | PaperList:
        """Returns the order, or the list it belongs to, cancelled."""
        order = self.books.order(symbol, client_id)
        if order is None or not order.is_open:
            raise Refusal(*UNKNOWN_ORDER)
        done = self._cancel(order)
        self._commit()
        return done

    def cancel_list(self, symbol: str, client_id: str) -> PaperList:
        found = self.books.list_named(client_id)
        legs = [] if found is None or found.symbol != symbol else self.books.legs(found)
        if found is None or not any(leg.is_open for leg in legs):
            raise Refusal(*UNKNOWN_ORDER)
        self._cancel_list(found)
        self._commit()
        return found

    def cancel_all(self, symbol: str) -> list[PaperOrder | PaperList]:
        done = [
            self._cancel(order)
            for order in list(self.books.open_orders(symbol))
            if order.is_open  # a list goes with its first order
        ]
        if not done:
            raise Refusal(*UNKNOWN_ORDER)
        self._commit()
        return done

    def _cancel(self, order: PaperOrder) -> PaperOrder | PaperList:
        found = self.books.list_of(order)
        if found is not None:
            self._cancel_list(found)
            return found
        self._fills.end(order, OrderStatus.CANCELED, None, self._now_ms())
        return order

    def _cancel_list(self, found: PaperList) -> None:
        for leg in reversed(self.books.legs(found)):
            if leg.is_open:
                self._fills.end(leg, OrderStatus.CANCELED, None, self._now_ms())

    def give_up(self, order_id: int) -> None:
        """Ends an order whose open did not come in time."""
        order = self.books.orders[order_id]
        if order.awaits_open:
            self._fills.end(order, OrderStatus.EXPIRED, NO_OPEN, self._now_ms())
            self._commit()

    # The market.

    def _prices(self, symbol: str) -> Prices | None:
        cursor = self._cursors.get(symbol)
        return None if cursor is None else cursor.prices

    def offer_open(self, symbol: str, open_time_ms: int, open_: float) -> None:
        cursor = self._cursors.get(symbol)
        judged_ms = self.books.marks.get(symbol, Mark()).judged_ms
        known_ms = (judged_ms, None if cursor is None else cursor.open_ms)
        if self._terms.fills == "book" or any(
            k is not None and open_time_ms <= k for k in known_ms
        ):
            return
        prices = Prices(open_, open_)
        self._serve(symbol, prices, open_time_ms, open_time_ms)
        self._commit()
        self._cursors[symbol] = _Cursor(prices, open_time_ms)

    def offer_book(self, symbol: str, prices: Prices) -> None:
        if self._terms.fills != "book":
            return
        now_ms = self._now_ms()
        self._first_book_ms.setdefault(symbol, now_ms)
        self._cursors[symbol] = _Cursor(prices, None)
        self._serve(symbol, prices, None, now_ms)
        self._fills.meet_book(symbol, prices, now_ms)
        self._commit()

    def offer_candle(self, candle: Candle) -> None:
        symbol, open_ms = candle.symbol, candle.open_time_ms
        judged_ms = self.books.marks.get(symbol, Mark()).judged_ms
        if judged_ms is not None and open_ms <= judged_ms:
            return
        if open_ms < self._first_book_ms.get(symbol, open_ms + 1):
            if self._terms.fills == "candles":
                self._serve(symbol, Prices(candle.open, candle.open), open_ms, open_ms)
            bought_ms = self.books.marks.get(symbol, Mark()).bought_ms
            just_opened = bought_ms == open_ms
            ohl = (candle.open, candle.high, candle.low)
            stretch = Stretch(open_ms, *ohl, just_opened=just_opened, gaps=True)
            self._fills.meet(symbol, stretch, candle.close_time_ms - 1)
        mark = self.books.mark_of(symbol)
        mark.judged_ms, mark.next_ms = open_ms, candle.close_time_ms
        self._commit()
        cursor = self._cursors.get(symbol)
        if cursor is not None and cursor.open_ms is not None and cursor.open_ms <= open_ms:
            del self._cursors[symbol]

    def _serve(self, symbol: str, prices: Prices, open_ms: int | None, at_ms: int) -> None:
        """Gives orders that wait for it the open, sales first."""
        waiting = [order for order in self.books.open_orders(symbol) if order.awaits_open]
        for order in sorted(waiting, key=lambda order: order.side is Side.BUY):
            late = open_ms is not None and order.since_ms is not None and open_ms > order.since_ms
            early = open_ms is not None and order.since_ms is not None and open_ms < order.since_ms
            if late and order.side is Side.BUY:
                self._fills.end(order, OrderStatus.EXPIRED, NO_CANDLE, at_ms)
            elif not early:
                order.since_ms = open_ms
                self._fills.take(order, prices, at_ms)

    # Disk.

    def _commit(self) -> None:
        row = self.books.take_changes()
        if row is None:
            return
        try:
            self._journal.append(row)
        except CannotWrite:
            self.books = self._journal.load()
            self._fills = PaperFills(self.books, self._terms)
            raise
        if self._journal.is_long:
            with suppress(CannotWrite):  # the rows are there; a snapshot only makes them short
                self._journal.compact(self.books)
        for symbol in _changed_symbols(row):
            self._told(symbol)


def _changed_symbols(row: Row) -> list[str]:
    return sorted({order["symbol"] for order in row.get("orders", {}).values()})
