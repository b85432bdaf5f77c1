"""Small records of an account, for tests of books and reconciliation."""

from __future__ import annotations

from decimal import Decimal

from leeward.domain.money import Money, Price, Quantity
from leeward.domain.orders import Fill, OrderReport, OrderStatus, OrderType, Side, TimeInForce
from leeward.engine.books import Books
from leeward.engine.intents import client_order_id, intent_id, list_id
from leeward.engine.records import (
    DecisionKey,
    FillBooked,
    IntentMade,
    OrderMoved,
    OrderState,
    Plan,
    PlannedOrder,
    PositionOpened,
    Purpose,
    Record,
    Role,
    TransferBooked,
    TransferKind,
)

ACCOUNT = "paper:binance:main"
SYMBOL = "BTCUSDT"
HOUR = 3_600_000
PLAN = Plan(Price(Decimal(90)), None)
_TYPES = {
    Role.ENTRY: OrderType.LIMIT,
    Role.EXIT: OrderType.MARKET,
    Role.STOP: OrderType.STOP_LOSS,
    Role.TARGET: OrderType.LIMIT_MAKER,
}


def quantity(amount: str | Decimal) -> Quantity:
    return Quantity(Decimal(amount))


def money(amount: str | Decimal, asset: str = "USDT") -> Money:
    return Money(Decimal(amount), asset)


def opening(amount: str, name: str = "USDT", asset: str | None = None) -> TransferBooked:
    transfer_id = f"opening/{name}" if asset is None else f"opening/{name}/0"
    return TransferBooked(transfer_id, TransferKind.OPENING, money(amount, asset or name), 0)


def intent(
    leg: str = "entry",
    roles: tuple[Role, ...] = (Role.ENTRY,),
    size: str | None = "1",
    *,
    symbol: str = SYMBOL,
    open_time_ms: int = 0,
    position_id: str | None = None,
    epoch: int = 1,
    reserved: str = "0",
) -> IntentMade:
    """An intent at prices around 100, with the ids it would really have."""
    key = DecisionKey(ACCOUNT, symbol, open_time_ms, leg)
    entry = Role.ENTRY in roles
    purpose = {Role.ENTRY: Purpose.ENTRY, Role.EXIT: Purpose.EXIT}.get(roles[0])
    return IntentMade(
        intent_id=intent_id(key),
        key=key,
        session_id="s",
        epoch=epoch,
        purpose=purpose or Purpose.PROTECTION,
        position_id=position_id or intent_id(key),
        strategy="ema_cross",
        strategy_version="1",
        orders=tuple(
            PlannedOrder(
                client_order_id(key, epoch, role),
                role,
                Side.BUY if role is Role.ENTRY else Side.SELL,
                _TYPES[role],
                None if size is None or (entry and role is not Role.ENTRY) else quantity(size),
                price={Role.ENTRY: Price(Decimal(100)), Role.TARGET: Price(Decimal(120))}.get(role),
                stop_price=Price(Decimal(90)) if role is Role.STOP else None,
                time_in_force=TimeInForce.IOC if role is Role.ENTRY else None,
            )
            for role in roles
        ),
        reserved=money(reserved),
        made_ms=open_time_ms + HOUR,
        client_list_id=list_id(key, epoch) if len(roles) > 1 else None,
        plan=PLAN if entry else None,
    )


def fill(
    trade_id: int,
    size: str,
    price: str = "100",
    *,
    side: Side = Side.BUY,
    order_id: int = 1,
    fee: Money | None = None,
    symbol: str = SYMBOL,
    time_ms: int | None = None,
) -> Fill:
    return Fill(
        symbol,
        trade_id,
        order_id,
        side,
        Price(Decimal(price)),
        quantity(size),
        fee,
        HOUR + trade_id if time_ms is None else time_ms,
    )


def own(made: IntentMade, role: Role, filled: Fill) -> FillBooked:
    """A fill of the intent's order of this role."""
    order = next(each for each in made.orders if each.role is role)
    return FillBooked(filled, order.client_order_id, made.position_id, role)


def opened(made: IntentMade, time_ms: int = HOUR) -> PositionOpened:
    plan = PLAN if made.plan is None else made.plan
    return PositionOpened(
        made.position_id, made.key.symbol, time_ms, plan, made.strategy, made.tag, time_ms
    )


def moved(
    made: IntentMade,
    state: OrderState,
    executed: str = "0",
    *,
    role: Role | None = None,
    order_id: int | None = None,
    at_ms: int = HOUR,
) -> OrderMoved:
    order = next(each for each in made.orders if role is None or each.role is role)
    return OrderMoved(
        order.client_order_id, state, quantity(executed), at_ms, venue_order_id=order_id
    )


def report(
    made: IntentMade,
    status: OrderStatus = OrderStatus.NEW,
    executed: str = "0",
    *,
    role: Role | None = None,
    order_id: int = 1,
    list_id: int | None = None,
    fills: tuple[Fill, ...] = (),
) -> OrderReport:
    """What the venue says of the intent's order of this role, the first without one."""
    order = next(each for each in made.orders if role is None or each.role is role)
    return OrderReport(
        made.key.symbol,
        order_id,
        order.client_order_id,
        list_id,
        order.side,
        order.type,
        order.time_in_force or TimeInForce.GTC,
        status,
        order.quantity,
        quantity(executed),
        Decimal(0),
        order.price,
        order.stop_price,
        made.made_ms + 5,
        fills,
    )


def books(*records: Record) -> Books:
    kept = Books(ACCOUNT, "USDT")
    for record in records:
        kept.apply(record)
    return kept


def held_books(size: str = "1", *more: Record) -> Books:
    """An account of 1000 USDT that bought `size` BTC at 100 and holds it, stop at 90 resting."""
    entry = intent(size=size)
    stop = intent("protection/1", (Role.STOP,), size, position_id=entry.position_id)
    return books(
        opening("1000"),
        opening("0", SYMBOL, "BTC"),
        entry,
        moved(entry, OrderState.FILLED, size, order_id=1),
        opened(entry),
        own(entry, Role.ENTRY, fill(1, size)),
        stop,
        moved(stop, OrderState.OPEN, order_id=2),
        *more,
    )
