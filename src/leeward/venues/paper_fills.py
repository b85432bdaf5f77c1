"""What fills on paper, and at which price: the rules of the backtest on an exchange's orders.

Prices come from the compiled functions of `leeward.simulation.fills`, so that a fill on paper has
the very float of the backtest's. Purchases are mirrored: a price p becomes -p, so that one rule
judges both sides.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from leeward.domain.money import Money, Price, Quantity, notional, quantity_of, quantize_price
from leeward.domain.orders import (
    Fill,
    ListStatus,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
)
from leeward.domain.trades import TARGET
from leeward.simulation.fills import NO_EXIT, buy_price, sell_price, touch
from leeward.venues.paper_books import Pair, PaperBooks, PaperList, PaperOrder

#: Why an order ended, in the place of the exchange's own words.
NO_OPEN, NO_CANDLE, OUT_OF_REACH, NO_FUNDS, EXIT_PASSED = (
    "NO_OPEN",
    "NO_CANDLE",
    "LIMIT_PRICE",
    "INSUFFICIENT_BALANCE",
    "EXIT_PASSED",
)

STOP_TYPES = frozenset(
    {
        OrderType.STOP_LOSS,
        OrderType.STOP_LOSS_LIMIT,
        OrderType.TAKE_PROFIT,
        OrderType.TAKE_PROFIT_LIMIT,
    }
)
_STOPS = frozenset({OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT})
_AT_MARKET = frozenset({OrderType.MARKET, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT})


@dataclass(frozen=True, slots=True)
class PaperTerms:
    """What the account begins with where it has no books yet, what trading costs (fractions of
    price a side, as in the backtest), by what it fills, and for how many seconds an order for the
    next open waits."""

    opening: Money
    fee: Decimal
    slippage: float
    fills: Literal["candles", "book"] = "candles"
    patience_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Prices:
    """Where a symbol's market stands: what a sale and a purchase are reckoned from."""

    bid: float
    ask: float

    def of(self, side: Side) -> float:
        return self.ask if side is Side.BUY else self.bid


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of prices that resting orders meet, in the candle of `open_ms` where it is one.
    `gaps` where its first price counts as a jump that also limit orders gain by."""

    open_ms: int | None
    open: float
    high: float
    low: float
    just_opened: bool
    gaps: bool

    def seen_by(self, side: Side) -> tuple[float, float, float]:
        """Returns open, high and low, mirrored for purchases."""
        if side is Side.SELL:
            return self.open, self.high, self.low
        return -self.open, -self.low, -self.high


@dataclass
class PaperFills:
    """Fills and ends orders of `books`; nothing here is written down or told."""

    books: PaperBooks
    terms: PaperTerms

    # At the market.

    def take(self, order: PaperOrder, prices: Prices, at_ms: int) -> None:
        """Fills an order at the market, never beyond its limit, or ends it where the limit, the
        funds or its own exits forbid."""
        reference = prices.of(order.side)
        if not _within_limit(order, Price(Decimal(repr(reference)))):
            self.end(order, OrderStatus.EXPIRED, OUT_OF_REACH, at_ms)
        elif self._exit_passed(order, prices.bid):
            self.end(order, OrderStatus.EXPIRED, EXIT_PASSED, at_ms)
        else:
            price = self._price(order, reference, self.terms.slippage)
            if order.price is not None and not _within_limit(order, price):
                price = Price(order.price)
            self._fill(order, price, at_ms, maker=False)

    def _price(self, order: PaperOrder, reference: float, slippage: float) -> Price:
        tick = self.books.pairs[order.symbol].tick
        reckon = buy_price if order.side is Side.BUY else sell_price
        price = reckon(reference, slippage, float(tick))
        return quantize_price(price, tick, "nearest") if tick else Price(Decimal(repr(price)))

    def _exit_passed(self, order: PaperOrder, price: float) -> bool:
        """Returns whether the market is already beyond the exits that this purchase would place:
        the backtest refuses such an entry."""
        found = self.books.list_of(order)
        if found is None or order.side is not Side.BUY:
            return False
        legs = [self.books.orders[order_id] for order_id in found.pending_ids]
        return any(
            price <= _level(leg) if leg.type in _STOPS else price >= _level(leg) for leg in legs
        )

    # At rest.

    def meet_book(self, symbol: str, prices: Prices, at_ms: int) -> None:
        """Fills the resting orders of a symbol that the best prices reach."""
        for side in Side:
            ohl = (prices.of(side),) * 3
            self.meet(symbol, Stretch(None, *ohl, just_opened=False, gaps=False), at_ms, (side,))

    def meet(
        self, symbol: str, stretch: Stretch, at_ms: int, sides: Collection[Side] = tuple(Side)
    ) -> None:
        """Fills the resting orders of a symbol that `stretch` reaches, stop before target; those
        placed for later candles are passed over."""
        open_ms = stretch.open_ms
        seen: set[int] = set()
        for order in list(self.books.open_orders(symbol)):
            rests = order.status is OrderStatus.NEW and not order.awaits_open
            if not rests or order.side not in sides:
                continue
            if open_ms is not None and order.since_ms is not None and order.since_ms > open_ms:
                continue
            if order.list_id is None or order.list_id not in seen:
                self._judge(order, self._beside(order), stretch, at_ms)
            if order.list_id is not None:
                seen.add(order.list_id)

    def _beside(self, order: PaperOrder) -> list[PaperOrder]:
        found = self.books.list_of(order)
        legs = [order] if found is None else self.books.legs(found)
        return [leg for leg in legs if leg.status is OrderStatus.NEW]

    def _judge(
        self, first: PaperOrder, legs: list[PaperOrder], stretch: Stretch, at_ms: int
    ) -> None:
        sign = 1.0 if first.side is Side.SELL else -1.0
        stops = [leg for leg in legs if leg.type in _STOPS and not leg.triggered]
        targets = [leg for leg in legs if leg not in stops]
        stop = sign * _level(stops[0]) if stops else math.nan
        target = sign * _level(targets[0]) if targets else math.nan
        reason, reference = touch(*stretch.seen_by(first.side), stop, target, stretch.just_opened)
        if reason != NO_EXIT:
            hit = targets[0] if reason == TARGET else stops[0]
            self._hit(hit, sign * reference, stretch, at_ms)

    def _hit(self, order: PaperOrder, reference: float, stretch: Stretch, at_ms: int) -> None:
        self._end_others(order, at_ms)
        if stretch.open_ms is not None:
            order.since_ms = stretch.open_ms
        if order.type not in STOP_TYPES or order.triggered:
            limit = order.price
            assert limit is not None, "a resting order without a trigger has a limit"
            reached = reference if stretch.gaps else float(limit)
            self._fill(order, self._price(order, reached, 0.0), at_ms, maker=True)
            return
        price = self._price(order, reference, self.terms.slippage)
        if _within_limit(order, price):
            self._fill(order, price, at_ms, maker=False)
        else:
            order.triggered = True
            order.updated_ms = at_ms
            self.books.touch(order)

    # Money.

    def _fill(self, order: PaperOrder, price: Price, at_ms: int, *, maker: bool) -> None:
        books, pair = self.books, self.books.pairs[order.symbol]
        wanted = self._wanted(order, price, pair)
        quantity = self._affordable(order, price, wanted, pair)
        if quantity.is_zero or (quantity < wanted and order.tif is TimeInForce.FOK):
            self.end(order, OrderStatus.EXPIRED, NO_FUNDS, at_ms)
            return
        cost = notional(price, quantity, pair.quote)
        paid = cost.scaled(self.terms.fee)
        sign = Decimal(1 if order.side is Side.BUY else -1)
        books.add_money(Money(sign * quantity.value, pair.base))
        books.add_money(cost.scaled(-sign) + -paid)
        books.add_fill(
            Fill(
                symbol=order.symbol,
                trade_id=books.next_id(),
                order_id=order.order_id,
                side=order.side,
                price=price,
                quantity=quantity,
                commission=paid,
                time_ms=at_ms,
                is_maker=maker,
            )
        )
        order.quantity = wanted.value
        order.executed, order.executed_quote = quantity.value, cost.amount
        if quantity < wanted:
            self.end(order, OrderStatus.EXPIRED, NO_FUNDS, at_ms)
            return
        self._close(order, OrderStatus.FILLED, at_ms)
        self._after_fill(order, at_ms)

    def _wanted(self, order: PaperOrder, price: Price, pair: Pair) -> Quantity:
        if order.quantity is not None:
            return Quantity(order.quantity)
        assert order.quote_amount is not None, "an order has a quantity or a quote amount"
        return _lots(order.quote_amount / price.value, pair)

    def _affordable(
        self, order: PaperOrder, price: Price, wanted: Quantity, pair: Pair
    ) -> Quantity:
        """Returns how much the free balance pays for, fee included: all of it, or as in the
        backtest what is left of it in whole lots, nothing below the least notional."""
        own = self.books.lock_of(order)
        if order.side is Side.SELL:
            free = self.books.free(pair.base) + own
            return wanted if free.amount >= wanted.value else Quantity(Decimal(0))
        free = self.books.free(pair.quote) + own
        cost = notional(price, wanted, pair.quote)
        if cost + cost.scaled(self.terms.fee) <= free:
            return wanted
        cut = _lots(max(free.amount, Decimal(0)) / (price.value * (1 + self.terms.fee)), pair)
        enough = notional(price, cut, pair.quote).amount >= pair.least_notional
        return cut if enough else Quantity(Decimal(0))

    # Ends, and what hangs on them.

    def end(self, order: PaperOrder, status: OrderStatus, why: str | None, at_ms: int) -> None:
        """Ends an open order without a further fill; what waits for it ends, too."""
        order.expiry = why
        self._close(order, status, at_ms)
        found = self.books.list_of(order)
        if found is not None and order.order_id == found.order_ids[0]:
            for order_id in found.pending_ids:
                self._expire(self.books.orders[order_id], "OTO_PHASE_ONE_EXPIRED", at_ms)
        self.finish(found, at_ms)

    def _close(self, order: PaperOrder, status: OrderStatus, at_ms: int) -> None:
        order.awaits_open = False
        order.status, order.updated_ms = status, at_ms
        self.books.touch(order)

    def _expire(self, order: PaperOrder, why: str, at_ms: int) -> None:
        if order.is_open:
            order.expiry = why
            self._close(order, OrderStatus.EXPIRED, at_ms)

    def _end_others(self, order: PaperOrder, at_ms: int) -> None:
        for other in self._beside(order):
            if other is not order:
                self._expire(other, "OCO_TRIGGER", at_ms)

    def _after_fill(self, order: PaperOrder, at_ms: int) -> None:
        if order.side is Side.BUY:
            self.books.mark_of(order.symbol).bought_ms = order.since_ms
        found = self.books.list_of(order)
        if found is not None and order.order_id == found.order_ids[0]:
            self._enter(found, order, at_ms)
        self.finish(found, at_ms)

    def _enter(self, found: PaperList, working: PaperOrder, at_ms: int) -> None:
        """Lets pending orders rest, where what they need is there."""
        legs = [self.books.orders[order_id] for order_id in found.pending_ids]
        pair = self.books.pairs[found.symbol]
        for leg in legs:
            if found.by_fill:
                leg.quantity = _lots(working.executed, pair).value
            leg.since_ms, leg.status, leg.updated_ms = working.since_ms, OrderStatus.NEW, at_ms
            self.books.touch(leg)
        locked = self.books.lock_of(legs[0]).currency if legs else pair.base
        if self.books.free(locked) < Money(Decimal(0), locked):
            for leg in legs:
                self._expire(leg, "REJECTED", at_ms)

    def finish(self, found: PaperList | None, at_ms: int) -> None:
        """Closes a list with its last order."""
        if found is None or any(leg.is_open for leg in self.books.legs(found)):
            return
        found.status, found.time_ms = ListStatus.ALL_DONE, at_ms
        self.books.touch(found)


def _level(order: PaperOrder) -> float:
    """Returns the price at which a resting order does something."""
    waits = order.type in STOP_TYPES and not order.triggered
    level = order.stop_price if waits else order.price
    assert level is not None, "checked when the order was placed"
    return float(level)


def _within_limit(order: PaperOrder, price: Price) -> bool:
    if order.type in _AT_MARKET or order.price is None:
        return True
    if order.side is Side.BUY:
        return price.value <= order.price
    return price.value >= order.price


def _lots(amount: Decimal, pair: Pair) -> Quantity:
    return quantity_of(amount, pair.lot) if pair.lot else Quantity(amount)
