"""A plain exchange of one symbol for comparison: lists, Decimals, everything worked out anew.

No made-up liquidity, no commission: orders of two accounts meet each other, and a public trade
fills what it passes. Written apart from the emulator, from the rules alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

ZERO = Decimal(0)


@dataclass
class Plain:
    number: int
    owner: str
    side: str
    kind: str
    tif: str
    quantity: Decimal
    price: Decimal
    stop: Decimal
    status: str = "NEW"
    done: Decimal = ZERO
    waiting: bool = False
    resting: bool = False
    entered: int = 0

    @property
    def left(self) -> Decimal:
        return self.quantity - self.done

    @property
    def buys(self) -> bool:
        return self.side == "BUY"

    @property
    def at_market(self) -> bool:
        return self.kind in {"MARKET", "STOP_LOSS", "TAKE_PROFIT"}

    @property
    def rises(self) -> bool:
        return self.buys == self.kind.startswith("STOP_LOSS")

    def accepts(self, price: Decimal) -> bool:
        if self.at_market:
            return True
        return price <= self.price if self.buys else price >= self.price

    def locks(self) -> Decimal:
        if not (self.waiting or self.resting):
            return ZERO
        if not self.buys:
            return self.left
        return self.left * (self.stop if self.at_market else self.price)


@dataclass
class ReferenceBook:
    """`money` and `goods` are totals of each account, locked parts included."""

    last: Decimal
    money: dict[str, Decimal]
    goods: dict[str, Decimal]
    orders: list[Plain] = field(default_factory=list)
    entries: int = 0

    def free(self, owner: str, *, money: bool) -> Decimal:
        total = (self.money if money else self.goods)[owner]
        return total - sum(o.locks() for o in self.orders if o.owner == owner and o.buys == money)

    def offers(self, order: Plain) -> list[Plain]:
        found = [o for o in self.orders if o.resting and o.buys != order.buys]
        return sorted(found, key=lambda o: (-o.price if o.buys else o.price, o.entered))

    def reach(self, order: Plain) -> tuple[Decimal, Decimal]:
        """Returns what could be traded at once with others, and its cost."""
        size = cost = ZERO
        for offer in self.offers(order):
            if offer.owner == order.owner:
                continue
            if not order.accepts(offer.price):
                break
            part = min(offer.left, order.left - size)
            size, cost = size + part, cost + part * offer.price
        return size, cost

    def place(self, order: Plain) -> str | None:
        """Places an order; returns why not."""
        if order.stop:
            passed = self.last >= order.stop if order.rises else self.last <= order.stop
            if passed:
                return "triggers"
        if order.kind == "LIMIT_MAKER":
            offers = self.offers(order)
            if offers and order.accepts(offers[0].price):
                return "takes"
        if order.kind == "MARKET":
            need = self.reach(order)[1] if order.buys else order.quantity
        else:
            price = order.stop if order.at_market else order.price
            need = order.quantity * price if order.buys else order.quantity
        if need > self.free(order.owner, money=order.buys):
            return "poor"
        self.orders.append(order)
        if order.stop:
            order.waiting = True
        else:
            self.enter(order)
        return None

    def enter(self, order: Plain) -> None:
        if order.tif == "FOK" and not order.at_market and self.reach(order)[0] < order.left:
            order.status = "EXPIRED"
            return
        for offer in self.offers(order):
            if not order.left or not order.accepts(offer.price):
                break
            if offer.owner == order.owner:
                offer.status, offer.resting = "EXPIRED_IN_MATCH", False
                continue
            part = min(order.left, offer.left)
            self.fill(offer, part, offer.price)
            self.fill(order, part, offer.price)
        if order.left and (order.at_market or order.tif == "IOC"):
            order.status = "EXPIRED"
        elif order.left:
            order.resting = True
            self.entries += 1
            order.entered = self.entries

    def fill(self, order: Plain, part: Decimal, price: Decimal) -> None:
        sign = 1 if order.buys else -1
        self.goods[order.owner] += sign * part
        self.money[order.owner] -= sign * part * price
        order.done += part
        order.status = "PARTIALLY_FILLED" if order.left else "FILLED"
        if not order.left:
            order.resting = False

    def cancel(self, order: Plain) -> None:
        order.status, order.resting, order.waiting = "CANCELED", False, False

    def trade(self, price: Decimal, size: Decimal, *, seller_took: bool) -> None:
        """A public trade at `price`, reached by a jump."""
        self.last = price
        tried: set[int] = set()
        left = size
        while True:
            left = self.pass_through(price, left, tried)
            stop = next(
                (
                    o
                    for o in self.orders
                    if o.waiting and (price >= o.stop if o.rises else price <= o.stop)
                ),
                None,
            )
            if stop is None:
                break
            self.trigger(stop)
        touched = [o for o in self.orders if o.resting and o.price == price]
        for order in sorted(touched, key=lambda o: o.entered):
            if order.buys == seller_took:
                part = min(order.left, left)
                left -= part
                if part:
                    self.fill(order, part, price)

    def pass_through(self, price: Decimal, left: Decimal, tried: set[int]) -> Decimal:
        while True:
            passed = [
                o
                for o in self.orders
                if o.resting
                and o.number not in tried
                and (price < o.price if o.buys else price > o.price)
            ]
            if not passed:
                return left
            order = min(passed, key=lambda o: (-o.price if o.buys else o.price, o.entered))
            tried.add(order.number)
            part = min(order.left, left)
            left -= part
            if part:
                self.fill(order, part, order.price)

    def trigger(self, order: Plain) -> None:
        held = order.locks()
        order.waiting = False
        if order.at_market and order.buys:
            free = self.free(order.owner, money=True)
            assert held >= 0
            if self.reach(order)[1] > free:
                order.status = "EXPIRED"
                return
        self.enter(order)
