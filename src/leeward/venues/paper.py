"""Trading on paper: a real market's prices and rules, and an account that exists here only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias, TypeVar

from leeward.domain.answers import (
    Acked,
    Asked,
    ConfirmedAbsent,
    Found,
    NotAttempted,
    NotSent,
    Outcome,
    Refused,
    Replacement,
    Unavailable,
    Unknown,
)
from leeward.domain.candle import Candle
from leeward.domain.errors import CannotWrite
from leeward.domain.money import Price, Quantity
from leeward.domain.order_requests import OcoRequest, OrderRequest, TriggerRequest
from leeward.domain.orders import AmendReport, Balance, Fill, OrderListReport, OrderReport
from leeward.domain.rules import SymbolRules
from leeward.domain.timeframe import Timeframe
from leeward.venues.binance_errors import NO_SYMBOL, reaction_to
from leeward.venues.governor import Lane
from leeward.venues.paper_books import PaperBooks, PaperList, PaperOrder
from leeward.venues.paper_checks import Refusal
from leeward.venues.paper_exchange import PaperExchange
from leeward.venues.paper_fills import PaperTerms, Prices
from leeward.venues.venue import Venue

_MOST_TRADES = 1000

Report: TypeAlias = OrderReport | OrderListReport
Done = TypeVar("Done")


class PaperVenue:
    """A `leeward.venues.venue.Venue` on `market`, which is asked for time, rules, candles and
    prices alone; orders and balances are kept in `folder`, whatever happens to the process.

    The market's events are offered to it. By candles, an order sent after the close of candle t
    fills at the open of t + 1: a market, IOC or FOK order is answered once that open is offered,
    at once where it already was. Does none come within `terms.patience_s`, the order is EXPIRED,
    a definite no. Orders at rest are judged on closed candles, by the backtest's rules; while a
    candle runs the market stands at its open. By the book, orders meet the best bid and ask.

    `told` is called with the symbol after each change of its orders.
    """

    def __init__(
        self,
        market: Venue,
        folder: Path,
        terms: PaperTerms,
        server_now_ms: Callable[[], int],
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._market, self._terms, self._tell = market, terms, told
        self._rules: dict[str, SymbolRules] = {}
        self._waiting: dict[int, asyncio.Event] = {}
        self._exchange = PaperExchange(folder, terms, server_now_ms, self._changed)

    @property
    def _books(self) -> PaperBooks:
        return self._exchange.books

    def close(self) -> None:
        """Shortens the books on disk; they are as safe without it."""
        self._exchange.compact()

    def _changed(self, symbol: str) -> None:
        for order_id, event in self._waiting.items():
            if not self._books.orders[order_id].awaits_open:
                event.set()
        self._tell(symbol)

    # The market's events. Each raises CannotWrite where the disk refuses.

    def judged_ms(self, symbol: str) -> int | None:
        """Returns the open time of the last closed candle that was offered, None for none: after
        a pause, all candles since have to be offered before anything else."""
        mark = self._books.marks.get(symbol)
        return None if mark is None else mark.judged_ms

    def offer_candle(self, candle: Candle) -> None:
        """Takes a closed candle, each symbol's in order: orders that wait for its open get it,
        then stops and targets inside it fill. One that was offered before changes nothing."""
        self._exchange.offer_candle(candle)

    def offer_open(self, symbol: str, open_time_ms: int, open_: float) -> None:
        """Takes the open of the candle that runs now; repeats change nothing."""
        self._exchange.offer_open(symbol, open_time_ms, open_)

    def offer_book(self, symbol: str, bid: Price, ask: Price) -> None:
        """Takes the best prices; of use only where orders fill by the book."""
        self._exchange.offer_book(symbol, Prices(float(bid.value), float(ask.value)))

    # Public data.

    async def server_time_ms(self) -> Asked[int]:
        return await self._market.server_time_ms()

    async def rules(self, symbols: Sequence[str]) -> Asked[dict[str, SymbolRules]]:
        found = await self._market.rules(symbols)
        if isinstance(found, Found):
            self._rules |= found.value
        return found

    async def candles(
        self, symbol: str, timeframe: Timeframe, start_ms: int, end_ms: int
    ) -> Asked[tuple[Candle, ...]]:
        return await self._market.candles(symbol, timeframe, start_ms, end_ms)

    async def last_price(self, symbol: str) -> Asked[Price]:
        return await self._market.last_price(symbol)

    # The account.

    async def balances(self) -> Asked[tuple[Balance, ...]]:
        return Found(self._books.balances())

    async def order(self, symbol: str, client_order_id: str) -> Asked[OrderReport]:
        return self._told(self._books.order(symbol, client_order_id))

    async def order_behind(self, symbol: str, order_id: int) -> Asked[OrderReport]:
        order = self._books.orders.get(order_id)
        return self._told(order if order is not None and order.symbol == symbol else None)

    async def open_orders(self, symbol: str | None) -> Asked[tuple[OrderReport, ...]]:
        return Found(tuple(self._books.report(each) for each in self._books.open_orders(symbol)))

    async def order_list(self, client_list_id: str) -> Asked[OrderListReport]:
        found = self._books.list_named(client_list_id)
        if found is None:
            return ConfirmedAbsent("-2018 Order list does not exist.")
        return Found(self._books.list_report(found))

    async def open_order_lists(self) -> Asked[tuple[OrderListReport, ...]]:
        return Found(tuple(self._books.list_report(each) for each in self._books.open_lists()))

    async def trades(self, symbol: str, from_id: int) -> Asked[tuple[Fill, ...]]:
        return Found(self._books.trades(symbol, from_id, _MOST_TRADES))

    async def order_trades(self, symbol: str, order_id: int) -> Asked[tuple[Fill, ...]]:
        fills = self._books.fills_of(order_id)
        return Found(tuple(fill for fill in fills if fill.symbol == symbol))

    # Orders. `lane` says what is urgent where requests are counted; here none are.

    async def place(self, request: OrderRequest, lane: Lane) -> Outcome[OrderReport]:
        del lane
        rules = await self._rules_of(request.symbol)
        if not isinstance(rules, SymbolRules):
            return rules
        order = self._tried(lambda: self._exchange.place(request, rules))
        return await self._order_answer(order)

    async def place_oco(self, request: OcoRequest, lane: Lane) -> Outcome[OrderListReport]:
        del lane
        rules = await self._rules_of(request.symbol)
        if not isinstance(rules, SymbolRules):
            return rules
        return self._list_answer(self._tried(lambda: self._exchange.place_oco(request, rules)))

    async def place_trigger(self, request: TriggerRequest, lane: Lane) -> Outcome[OrderListReport]:
        del lane
        rules = await self._rules_of(request.working.symbol)
        if not isinstance(rules, SymbolRules):
            return rules
        found = self._tried(lambda: self._exchange.place_trigger(request, rules))
        if isinstance(found, PaperList):
            await self._answered(found.order_ids[0])
        return self._list_answer(found)

    async def cancel(self, symbol: str, client_order_id: str, lane: Lane) -> Outcome[Report]:
        del lane
        done = self._tried(lambda: self._exchange.cancel(symbol, client_order_id))
        return Acked(self._report(done)) if isinstance(done, PaperOrder | PaperList) else done

    async def cancel_list(
        self, symbol: str, client_list_id: str, lane: Lane
    ) -> Outcome[OrderListReport]:
        del lane
        return self._list_answer(
            self._tried(lambda: self._exchange.cancel_list(symbol, client_list_id))
        )

    async def cancel_all(self, symbol: str, lane: Lane) -> Outcome[tuple[Report, ...]]:
        del lane
        done = self._tried(lambda: self._exchange.cancel_all(symbol))
        if isinstance(done, Refused | NotSent):
            return done
        return Acked(tuple(self._report(each) for each in done))

    async def replace(
        self, client_order_id: str, request: OrderRequest, lane: Lane
    ) -> Outcome[Replacement[Report]]:
        rules = await self._rules_of(request.symbol)
        if not isinstance(rules, SymbolRules):
            return rules
        cancelled = await self.cancel(request.symbol, client_order_id, lane)
        match cancelled:
            case Refused():
                return Acked(Replacement(cancelled, NotAttempted()))
            case NotSent() | Unknown():
                return cancelled
        placed = await self.place(request, lane)
        match placed:
            case Acked(report):
                return Acked(Replacement(cancelled, Acked(report)))
            case Refused():
                return Acked(Replacement(cancelled, placed))
        return Unknown(f"cancelled, and the new order was not taken: {placed.why}")

    async def amend(
        self, symbol: str, client_order_id: str, quantity: Quantity, new_client_order_id: str
    ) -> Outcome[AmendReport]:
        rules = await self._rules_of(symbol)
        if not isinstance(rules, SymbolRules):
            return rules
        names = (client_order_id, quantity, new_client_order_id)
        order = self._tried(lambda: self._exchange.amend(symbol, *names, rules))
        if not isinstance(order, PaperOrder):
            return order
        return Acked(AmendReport(self._books.report(order), self._books.number))

    # Answers.

    async def _rules_of(self, symbol: str) -> SymbolRules | Refused | NotSent:
        if symbol not in self._rules:
            found = await self.rules([symbol])
            if isinstance(found, Unavailable):
                if found.code == NO_SYMBOL:
                    text = "Invalid symbol."
                    return Refused(found.code, text, reaction_to(found.code, text))
                return NotSent(f"the rules of {symbol} are not known: {found.why}")
        rules = self._rules.get(symbol)
        return NotSent(f"the exchange names no rules of {symbol}") if rules is None else rules

    def _tried(self, act: Callable[[], Done]) -> Done | Refused | NotSent:
        try:
            return act()
        except Refusal as refusal:
            return refusal.refused
        except CannotWrite as error:
            return NotSent(str(error))

    def _told(self, order: PaperOrder | None) -> Asked[OrderReport]:
        if order is None:
            return ConfirmedAbsent("-2013 Order does not exist.")
        return Found(self._books.report(order))

    def _report(self, done: PaperOrder | PaperList) -> Report:
        if isinstance(done, PaperList):
            return self._books.list_report(done)
        return self._books.report(done)

    def _list_answer(self, found: PaperList | Refused | NotSent) -> Outcome[OrderListReport]:
        if not isinstance(found, PaperList):
            return found
        return Acked(self._books.list_report(self._books.lists[found.list_id]))

    async def _order_answer(self, order: PaperOrder | Refused | NotSent) -> Outcome[OrderReport]:
        if not isinstance(order, PaperOrder):
            return order
        await self._answered(order.order_id)
        return Acked(self._books.report(self._books.orders[order.order_id]))

    async def _answered(self, order_id: int) -> None:
        """Waits until an order for the next open has had it, or has waited long enough."""
        if not self._books.orders[order_id].awaits_open:
            return
        event = self._waiting.setdefault(order_id, asyncio.Event())
        try:
            async with asyncio.timeout(self._terms.patience_s):
                await event.wait()
        except TimeoutError:
            # Where the disk refuses, the order goes on waiting, and whoever asks is told so.
            self._tried(lambda: self._exchange.give_up(order_id))
        finally:
            del self._waiting[order_id]
