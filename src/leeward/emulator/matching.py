"""Orders against the book: entering, taking, resting, self-trade prevention, settlement."""

from __future__ import annotations

from leeward.emulator import contingency
from leeward.emulator.book import BUY, SELL
from leeward.emulator.fees import Commission, commission
from leeward.emulator.floor import Floor
from leeward.emulator.market import Market
from leeward.emulator.orders import Fill, Order, Prevented, PreventedMatch
from leeward.emulator.pegging import peg_triggered
from leeward.emulator.units import UNIT, product


def activate(floor: Floor, order: Order) -> None:
    """Puts an accepted order to work: a stop waits, any other order enters the book."""
    market = floor.markets[order.symbol]
    order.status = "NEW"
    if order.is_stop:
        market.waiting[order.order_id] = order
        floor.report(order, "NEW")
    else:
        enter(floor, market, order)


def trigger(floor: Floor, market: Market, order: Order) -> None:
    """Lets a waiting stop enter the book, unless its account can no longer pay for it."""
    contingency.before_execution(floor, order)
    market.waiting.pop(order.order_id, None)
    if order.at_market and order.side == BUY:
        free = floor.accounts[order.account].balance(market.rules.quote).free
        if reach(market, order)[1] > free + order.locked:
            contingency.expire(floor, order, "REJECTED")
            return
    if order.peg is not None and not peg_triggered(floor, market, order):
        return
    enter(floor, market, order)


def enter(floor: Floor, market: Market, order: Order) -> None:
    """Matches an order that enters the book now; the rest rests or expires by its type."""
    order.working = True
    order.working_ms = floor.now_ms
    floor.report(order, "NEW")
    contingency.announce(floor, order)
    if order.tif == "FOK" and not order.at_market and reach(market, order)[0] < order.remaining:
        contingency.expire(floor, order, "UNFILLED_FOK_ORDER_EXPIRED")
        return
    take(floor, market, order)
    if not order.is_open:
        return
    if order.at_market:
        contingency.expire(floor, order, "INSUFFICIENT_LIQUIDITY")
    elif order.tif == "IOC":
        contingency.expire(floor, order, "UNFILLED_IOC_QUANTITY_EXPIRED")
    else:
        rest(floor, market, order)


def rest(floor: Floor, market: Market, order: Order) -> None:
    """Leaves an order on the book behind everything at its price."""
    order.sequence = floor.next_sequence()
    order.queue_ahead = market.book.at(order.side, order.price)
    order.visible = min(order.iceberg or order.remaining, order.remaining)
    market.resting[order.order_id] = order
    market.book.changed()


def opposing(market: Market, order: Order) -> Order | None:
    """Returns the best resting order of an account on the other side, oldest first."""
    side = SELL if order.side == BUY else BUY
    sign = 1 if side == SELL else -1
    return min(
        (maker for maker in market.resting.values() if maker.side == side),
        key=lambda maker: (sign * maker.price, maker.sequence),
        default=None,
    )


def crosses(market: Market, order: Order) -> bool:
    """Returns whether a limit order would trade at once."""
    best = _offer(market, order)
    return best is not None and _acceptable(order, best[0])


def take(floor: Floor, market: Market, order: Order) -> None:
    """Trades an order against the best offers, one fill an offer, as far as its limit allows."""
    while order.is_open and order.remaining > 0:
        best = _offer(market, order)
        if best is None or not _acceptable(order, best[0]):
            return
        price, quantity, maker = best
        if maker is not None and order.prevents(maker):
            _prevent(floor, order, maker)
            continue
        trade(floor, market, order, maker, price, min(order.remaining, quantity))


def _acceptable(order: Order, price: int) -> bool:
    if order.at_market:
        return True
    return price <= order.price if order.side == BUY else price >= order.price


def _offer(market: Market, order: Order) -> tuple[int, int, Order | None] | None:
    """Returns price, quantity and (for an account's order) maker of the best offer; what is
    displayed goes before accounts' orders at the same price."""
    side = SELL if order.side == BUY else BUY
    shown = next(market.book.side(side), None)
    maker = opposing(market, order) if market.resting else None
    if maker is None:
        return None if shown is None else (shown[0], shown[1], None)
    better = shown is None or (maker.price < shown[0] if side == SELL else maker.price > shown[0])
    if better:
        return maker.price, maker.remaining, maker
    assert shown is not None
    return shown[0], shown[1], None


def reach(market: Market, order: Order, quote: int | None = None) -> tuple[int, int]:
    """Returns how much of an order could trade at once and what that costs in quote units. With
    `quote`, the largest lot multiple whose cost does not exceed it."""
    side = SELL if order.side == BUY else BUY
    offers = list(market.book.side(side))
    offers += [
        (maker.price, maker.remaining)
        for maker in market.resting.values()
        if maker.side == side and (not order.prevents(maker) or order.transfers(maker))
    ]
    quantity = cost = 0
    step = market.book.step
    for price, size in sorted(offers, reverse=side == BUY):
        if not _acceptable(order, price):
            break
        if quote is None:
            part = min(size, order.remaining - quantity)
        else:
            part = min(size, (quote - cost) * UNIT // price // step * step)
        quantity += part
        cost += product(price, part)
        if part < size:
            break
    return quantity, cost


def trade(
    floor: Floor, market: Market, taker: Order, maker: Order | None, price: int, quantity: int
) -> None:
    """Trades `quantity` at `price` between two orders, or an order and the made-up market."""
    number = market.next_trade_id
    market.next_trade_id += 1
    if maker is None:
        market.book.consume(price, quantity)
        fill(floor, market, taker, (number, price, quantity), is_maker=False)
        floor.execution_id += 1
        house(floor, market, taker.side, price, quantity)
        return
    fill(floor, market, maker, (number, price, quantity), is_maker=True)
    fill(floor, market, taker, (number, price, quantity), is_maker=False)


def house(floor: Floor, market: Market, side: str, price: int, quantity: int) -> None:
    """Books the made-up market's side of a trade with an order of `side`."""
    sign = 1 if side == BUY else -1
    rules = market.rules
    floor.house[rules.base] = floor.house.get(rules.base, 0) - sign * quantity
    floor.house[rules.quote] = floor.house.get(rules.quote, 0) + sign * product(price, quantity)


def fill(
    floor: Floor, market: Market, order: Order, trade_of: tuple[int, int, int], *, is_maker: bool
) -> None:
    """Books one trade (id, price, quantity) of an order: balances, commission, events."""
    number, price, quantity = trade_of
    contingency.before_execution(floor, order)
    quote = product(price, quantity)
    order.executed += quantity
    order.cum_quote += quote
    charged = _settle(floor, market, order, quote, quantity, is_maker)
    done = Fill(
        number, order.order_id, order.list_id, price, quantity, quote, charged.amount,
        charged.asset, floor.now_ms, order.side == BUY, is_maker,
    )  # fmt: skip
    order.fills.append(done)
    account = floor.accounts[order.account]
    account.trades.setdefault(order.symbol, []).append(done)
    if order.remaining:
        order.status = "PARTIALLY_FILLED"
    else:
        contingency.close(floor, order, "FILLED")
    if order.side == BUY:
        own_fee = charged.amount if charged.asset == market.rules.base else 0
        contingency.after_fill(floor, order, quantity - own_fee)
    floor.report(order, "TRADE", fill=done)
    if order.status == "FILLED":
        contingency.after_end(floor, order)


def _settle(
    floor: Floor, market: Market, order: Order, quote: int, quantity: int, is_maker: bool
) -> Commission:
    """Moves the money of one side of a trade and returns the commission it paid."""
    account, rules = floor.accounts[order.account], market.rules
    contingency.relock(floor, order)
    buying = order.side == BUY
    if buying:
        paid, received, asset = quote, quantity, rules.base
        account.balance(rules.quote).free -= paid
    else:
        paid, received, asset = quantity, quote, rules.quote
        account.balance(rules.base).free -= paid
    account.balance(asset).free += received
    bnb = None
    if account.fees.pay_in_bnb and (bnb_in_quote := floor.bnb_price(rules.quote)):
        worth = quote * UNIT // received if buying and received else UNIT
        bnb = (account.balance("BNB").free, worth * UNIT // bnb_in_quote)
    charged = commission(account.fees, (asset, received), maker=is_maker, buyer=buying, bnb=bnb)
    account.balance(charged.asset).free -= charged.amount
    floor.fees[charged.asset] = floor.fees.get(charged.asset, 0) + charged.amount
    return charged


def _prevent(floor: Floor, taker: Order, maker: Order) -> None:
    """Stops a match between two orders of one account or trade group, by the taker's mode; a
    TRANSFER is one only where the maker asked for it too, else it decrements."""
    floor.prevented_id += 1
    number, mode = floor.prevented_id, taker.stp
    if mode == "TRANSFER" and maker.stp != mode:
        mode = "DECREMENT"
    smaller = min(taker.remaining, maker.remaining)
    both = mode in {"DECREMENT", "TRANSFER"}
    taken = smaller if both else taker.remaining if mode != "EXPIRE_MAKER" else 0
    made = smaller if both else maker.remaining if mode != "EXPIRE_TAKER" else 0
    record = Prevented(
        number, taker.order_id, maker.order_id, mode, taker.trade_group, maker.price, taken, made,
        floor.now_ms,
    )  # fmt: skip
    for name in dict.fromkeys((taker.account, maker.account)):
        floor.accounts[name].prevented.setdefault(taker.symbol, []).append(record)
    taker.prevented_matches.append(record)
    transfer = taker.transfers(maker)
    for order, quantity, counter in ((maker, made, taker), (taker, taken, maker)):
        if not quantity:
            continue
        if transfer:
            contingency.before_execution(floor, order)
        order.prevented += quantity
        order.prevented_match = number
        contingency.relock(floor, order)
        if transfer:
            _transfer(floor, order, quantity, product(maker.price, quantity))
        if not order.remaining:
            contingency.close(floor, order, "EXPIRED_IN_MATCH")
        match = PreventedMatch(number, quantity, counter, smaller, maker.price)
        floor.report(order, "TRADE_PREVENTION", prevented=match)
        if not order.is_open:
            contingency.after_end(floor, order)


def _transfer(floor: Floor, order: Order, quantity: int, quote: int) -> None:
    """Moves one side of a prevented match's assets, without a trade and without commission."""
    rules, account = floor.markets[order.symbol].rules, floor.accounts[order.account]
    sign = 1 if order.side == BUY else -1
    account.balance(rules.base).free += sign * quantity
    account.balance(rules.quote).free -= sign * quote
