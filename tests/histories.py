"""What an account may have lived through, as batches of records, one batch a commit."""

from __future__ import annotations

from decimal import Decimal

from leeward.domain.money import Money, Price, Quantity
from leeward.domain.orders import Fill, OrderType, Side, TimeInForce
from leeward.engine.books import books_of
from leeward.engine.records import (
    CommandDone,
    DecisionKey,
    EquityMarked,
    Executed,
    FillBooked,
    IntentMade,
    Mode,
    Noted,
    OrderMoved,
    OrderState,
    Plan,
    PlanChanged,
    PlannedOrder,
    PositionClosed,
    PositionOpened,
    Purpose,
    Record,
    Role,
    SessionEnded,
    SessionStarted,
    Severity,
    StateMoved,
    TradingState,
    TransferBooked,
    TransferKind,
)

ACCOUNT = "paper:binance:main"
SESSION = "2026-11-22T20-00-00-ab12"
SYMBOL = "BTCUSDT"
VENUE_ORDER_ID = 77
HOUR_MS = 3_600_000
START_MS = 1_700_000_000_000 // HOUR_MS * HOUR_MS


def usdt(amount: str) -> Money:
    return Money(Decimal(amount), "USDT")


def price(value: str) -> Price:
    return Price(Decimal(value))


def quantity(value: str) -> Quantity:
    return Quantity(Decimal(value))


def session_started(epoch: int = 1, session_id: str = SESSION) -> SessionStarted:
    return SessionStarted(
        session_id, ACCOUNT, Mode.PAPER, "binance", "ema_cross", "1a2b", "1h", (SYMBOL, "ETHUSDT"),
        {"fee": "0.001", "limits": {"max_exposure": 1.0}}, epoch, START_MS,
    )  # fmt: skip


def deposit(transfer_id: str = "opening-USDT", amount: str = "10000") -> TransferBooked:
    return TransferBooked(transfer_id, TransferKind.OPENING, usdt(amount), START_MS, "first seen")


def entry(candle: int = 0, symbol: str = SYMBOL, epoch: int = 1) -> IntentMade:
    """The intent to buy 0.5 at 100, decided on the candle with that number."""
    key = DecisionKey(ACCOUNT, symbol, START_MS + candle * HOUR_MS, "entry")
    name = f"{symbol}-{candle}"
    order = PlannedOrder(
        f"lw-{name}-e", Role.ENTRY, Side.BUY, OrderType.LIMIT, quantity("0.5"), price("100"),
        None, TimeInForce.IOC,
    )  # fmt: skip
    return IntentMade(
        name, key, SESSION, epoch, Purpose.ENTRY, name, "ema_cross", "1a2b", (order,),
        usdt("50.05"), START_MS + (candle + 1) * HOUR_MS, plan=Plan(price("90"), price("120")),
        tag="crossed",
    )  # fmt: skip


def protection(of: IntentMade, leg: int = 1, stop: str = "90") -> IntentMade:
    """The intent to rest a stop for the position of an entry."""
    key = DecisionKey(ACCOUNT, of.key.symbol, of.key.open_time_ms, f"protection/{leg}")
    name = f"{of.intent_id}-p{leg}"
    order = PlannedOrder(
        f"lw-{name}", Role.STOP, Side.SELL, OrderType.STOP_LOSS, quantity("0.4995"), None,
        price(stop),
    )  # fmt: skip
    return IntentMade(
        name, key, SESSION, of.epoch, Purpose.PROTECTION, of.position_id, "ema_cross", "1a2b",
        (order,), usdt("0"), of.made_ms + 200, client_list_id=None,
        replaces=f"lw-{of.intent_id}-p{leg - 1}" if leg > 1 else None,
    )  # fmt: skip


def fill_of(intent: IntentMade, trade_id: int, at: str = "100") -> FillBooked:
    """The whole of the intent's first order, filled at that price."""
    order = intent.orders[0]
    assert order.quantity is not None
    amount = order.quantity.value
    buys = order.side is Side.BUY
    commission = (
        Money(amount * Decimal("0.001"), "BTC")
        if buys
        else Money(amount * Decimal(at) * Decimal("0.001"), "USDT")
    )
    fill = Fill(
        intent.key.symbol, trade_id, VENUE_ORDER_ID, order.side, price(at), order.quantity,
        commission, intent.made_ms + 50, is_maker=False,
    )  # fmt: skip
    return FillBooked(fill, order.client_order_id, intent.position_id, order.role)


def moved(
    intent: IntentMade, state: OrderState, executed: str = "0", after_ms: int = 60
) -> OrderMoved:
    return OrderMoved(
        intent.orders[0].client_order_id, state, quantity(executed), intent.made_ms + after_ms,
        "told by the venue", VENUE_ORDER_ID, None,
    )  # fmt: skip


def marked(candle: int, equity: str = "10000", session_id: str = SESSION) -> EquityMarked:
    value = Decimal(equity)
    return EquityMarked(
        session_id, START_MS + candle * HOUR_MS, value, value, Decimal(0), value, value,
        START_MS + 24 * HOUR_MS, daily_loss=False, halted=False,
        at_ms=START_MS + (candle + 1) * HOUR_MS,
    )  # fmt: skip


def executed(candle: int, symbol: str = SYMBOL, session_id: str = SESSION) -> Executed:
    return Executed(
        session_id, symbol, START_MS + candle * HOUR_MS, "ok", (100.0, 101.5, 99.25, 100.5, 12.75),
        "hold", "", columns={"ema_fast": 100.1, "ema_slow": None}, trend="up",
        at_ms=START_MS + (candle + 1) * HOUR_MS,
    )  # fmt: skip


def closed(before: list[Record], position_id: str, at_ms: int) -> PositionClosed:
    """The end of a position, stopped out, as the records before it make it."""
    books = books_of(before, ACCOUNT, "USDT")
    return PositionClosed(books.trade_of(position_id, "stop"), at_ms, 200)


def life_of_a_position(candle: int = 0, symbol: str = SYMBOL, epoch: int = 1) -> list[list[Record]]:
    """Decided, bought, protected, its stop raised, stopped out."""
    bought = entry(candle, symbol, epoch)
    stop, raised = protection(bought), protection(bought, 2, "95")
    trade = 10 * candle + 1
    plan = Plan(price("95"), price("120"))
    batches: list[list[Record]] = [
        [marked(candle), executed(candle, symbol), executed(candle, "XRPUSDT"), bought],
        [
            fill_of(bought, trade),
            PositionOpened(
                bought.position_id, symbol, bought.made_ms, Plan(price("90"), price("120")),
                "ema_cross", "crossed", bought.made_ms + 50,
            ),
            moved(bought, OrderState.FILLED, "0.5"),
        ],
        [stop],
        [moved(stop, OrderState.OPEN)],
        [PlanChanged(bought.position_id, plan, None, bought.made_ms + 900, "raised"), raised],
        [moved(stop, OrderState.CANCELED, after_ms=900), moved(raised, OrderState.OPEN)],
        [fill_of(raised, trade + 1, "90"), moved(raised, OrderState.FILLED, "0.4995", 2000)],
    ]  # fmt: skip
    before = [each for batch in batches for each in batch]
    batches[-1].append(closed(before, bought.position_id, raised.made_ms + 2000))
    return batches


def life_of_an_account(epoch: int = 1) -> list[list[Record]]:
    """A session with two positions, one after the other, and everything that is written else."""
    at = START_MS + 99 * HOUR_MS
    return [
        [session_started(epoch), deposit()],
        [StateMoved(TradingState.RECOVERING, "started", "session", START_MS)],
        [StateMoved(TradingState.ACTIVE, "reconciled", "session", START_MS + 1)],
        *life_of_a_position(0, epoch=epoch),
        [Noted("late_candle", "BTCUSDT 5 s late", Severity.WARNING, START_MS + 5, SYMBOL)],
        *life_of_a_position(3, epoch=epoch),
        [TransferBooked("w-1", TransferKind.WITHDRAWAL, usdt("-12.5"), at)],
        [StateMoved(TradingState.HALTED, "asked to", "command:1", at, at + 60_000)],
        [CommandDone(1, "halted", at), SessionEnded(SESSION, "until", at + 1)],
    ]


#: What the books do not need: the database does not load it.
NOT_LOADED = (Executed, SessionEnded, CommandDone)
