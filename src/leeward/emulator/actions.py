"""What faults do at a moment: to sockets, to markets, and to accounts by the human's hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

from leeward.domain.errors import BadUsage, LeewardError, unknown_name
from leeward.emulator.catalogue import BY_ROUTE
from leeward.emulator.connections import Connection
from leeward.emulator.faults import Fault
from leeward.emulator.operations import Call
from leeward.emulator.rejections import Rejection
from leeward.emulator.rest_parameters import Parameters, wire_text
from leeward.emulator.session import DEFAULT_ACCOUNT, Session

_STATUSES = {
    "symbol_halt": "HALT",
    "symbol_break": "BREAK",
    "cancel_only": "CANCEL_ONLY",
    "delist": "BREAK",
}
_SOCKETS = (
    "ws_cut",
    "ws_close",
    "ws_24h",
    "ws_half_open",
    "ws_no_pong",
    "ws_slow",
    "uds_terminated",
)
_SLOW_BYTES_S = 1_000


def carry_out(session: Session, fault: Fault) -> None:
    """Does what an action of the timeline says; a mistake in it is kept in `fault.error`."""
    try:
        _act(session, fault)
    except (LeewardError, Rejection) as error:
        fault.error = str(error)
        session.exchange.note(f"fault {fault.id} failed: {error}")


def by_hand(session: Session, route: str, account: str, values: Mapping[str, object]) -> object:
    """Returns the answer of an operation done by hand, without key or limit."""
    if account not in session.exchange.accounts():
        raise unknown_name("account", account, session.exchange.accounts())
    texts = {
        # Not as 1e-05, which the exchange refuses.
        name: f"{exact(value, name):f}" if isinstance(value, float) else wire_text(value)
        for name, value in values.items()
    }
    return BY_ROUTE[route].answer(Call(session.exchange, Parameters(texts), account, None, []))


def exact(value: object, name: str) -> Decimal:
    """Returns a number of JSON or YAML exactly as written."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(value, bool) or not number.is_finite():
        raise BadUsage(f"{name} is {value!r}; give a number")
    return number


def prices(value: object) -> list[Decimal]:
    """Returns one price or a list of them."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [exact(each, "price") for each in value]
    return [exact(value, "price")]


def hit_sockets(
    session: Session, effect: str, sockets: Sequence[Connection], bytes_s: float = _SLOW_BYTES_S
) -> None:
    """Cuts, closes, silences, slows down or ends the subscriptions of open sockets."""
    for connection in sockets:
        match effect:
            case "ws_cut":
                connection.link.reset()
            case "ws_close":
                connection.link.close(1000, "")
            case "ws_24h":
                connection.link.close(1001, "24 hours")
            case "ws_half_open":
                connection.link.leave_half_open()
            case "ws_no_pong":
                connection.link.without_pong = True
            case "ws_slow":
                connection.link.slow_down(bytes_s)
            case "uds_terminated":
                for subscription in list(connection.subscriptions):
                    session.delivery.terminate_user_stream(connection, subscription)


def _act(session: Session, fault: Fault) -> None:
    if fault.effect in _SOCKETS:
        kind = None if "kind" not in fault.settings else fault.text("kind")
        account = None if "account" not in fault.settings else fault.text("account")
        bytes_s = max(0.0, fault.number("bytes", _SLOW_BYTES_S))
        hit_sockets(session, fault.effect, session.delivery.matching(kind, account), bytes_s)
    elif fault.effect in _STATUSES:
        _halt(session, fault)
    elif fault.effect == "delist_announced":
        _announce_delisting(session, fault)
    elif not (_act_on_server(session, fault) or _act_on_market(session, fault)):
        _act_on_account(session, fault)


def _act_on_server(session: Session, fault: Fault) -> bool:
    """Returns whether the action was one of the server, now done."""
    now_us = session.exchange.time_us
    length_us = int(fault.number("ms", 1000)) * 1000
    match fault.effect:
        case "ws_refuse":
            session.sockets_refused_until_us = now_us + length_us
        case "server_shutdown":
            kind = None if "kind" not in fault.settings else fault.text("kind")
            session.delivery.announce(kind, {"e": "serverShutdown", "E": now_us // 1000})
            settings = {} if kind is None else {"kind": kind}
            session.board.schedule("ws_cut", settings, (now_us + length_us) // 1000)
        case "key_revoked":
            account = fault.text("account", DEFAULT_ACCOUNT)
            for key in session.keys.values():
                key.revoked = key.revoked or key.account == account
        case "clock_skew":
            session.clock.skew_ms = int(fault.number("ms", 0))
        case "clock_jump":
            clock, jump_us = session.clock, int(fault.number("ms", 1000)) * 1000
            off_us, rate = clock.off_us(now_us) + jump_us, clock.rate
            clock.mislead(now_us, *((off_us, rate) if jump_us else (0, 1.0)))
        case "slow_clock":
            rate = max(0.0, fault.number("rate", 0.5))
            session.clock.mislead(now_us, session.clock.off_us(now_us), rate)
        case "maintenance":
            session.unavailable_until_us = now_us + length_us
            session.sockets_refused_until_us = now_us + length_us
            hit_sockets(session, "ws_cut", session.delivery.matching())
            if fault.settings.get("cancel"):
                session.exchange.exchange_cancel()
        case _:
            return False
    return True


def _act_on_market(session: Session, fault: Fault) -> bool:
    """Returns whether the action was one of the market, now done."""
    exchange = session.exchange
    match fault.effect:
        case "symbol_status":
            exchange.set_symbol_status(fault.text("symbol"), fault.text("status"))
        case "filter_change":
            entry = fault.settings.get("filter")
            if not isinstance(entry, dict):
                raise BadUsage(f"fault {fault.id}: filter_change needs 'filter', a mapping")
            if "symbol" in fault.settings:
                exchange.set_filter(fault.text("symbol"), entry)
            else:
                exchange.set_exchange_filter(entry)
        case "price_jump":
            exchange.script_prices(fault.text("symbol"), prices(fault.settings.get("price")))
        case "book_empty":
            empty = bool(fault.settings.get("empty", True))
            exchange.withdraw_liquidity(fault.text("symbol"), empty=empty)
            _end_later(session, fault, {"empty": False})
        case "spread_blowout":
            bps = exact(fault.settings.get("bps", 500), f"fault {fault.id}: bps")
            exchange.set_spread(fault.text("symbol"), bps)
            _end_later(session, fault, {"bps": str(session.setup.options.spread_bps)})
        case "partial_fill":
            _fill_newest(session, fault)
        case "partial_then_expire":
            exchange.expire_order(fault.text("symbol"), _fill_newest(session, fault))
        case _:
            return False
    return True


def _act_on_account(session: Session, fault: Fault) -> None:
    exchange = session.exchange
    account = fault.text("account", DEFAULT_ACCOUNT)
    match fault.effect:
        case "deposit":
            exchange.deposit(account, fault.text("asset"), _amount(fault))
        case "withdrawal":
            exchange.deposit(account, fault.text("asset"), -_amount(fault))
        case "external_lock":
            exchange.external_lock(account, fault.text("asset"), _amount(fault))
        case "manual_order":
            order = fault.settings.get("order")
            if not isinstance(order, dict):
                raise BadUsage(f"fault {fault.id}: manual_order needs 'order', a mapping")
            by_hand(session, "POST /api/v3/order", account, order)
        case "manual_cancel":
            exchange.cancel_open_orders(account, fault.text("symbol"))
        case "exchange_cancel":
            symbol = None if "symbol" not in fault.settings else fault.text("symbol")
            exchange.exchange_cancel(account if "account" in fault.settings else None, symbol)


def _amount(fault: Fault) -> Decimal:
    return exact(fault.settings.get("amount"), f"fault {fault.id}: amount")


def _halt(session: Session, fault: Fault) -> None:
    symbol = fault.text("symbol")
    delisted = fault.effect == "delist"
    session.exchange.set_symbol_status(symbol, _STATUSES[fault.effect], delist=delisted)
    if "ms" in fault.settings:
        ends_ms = session.now_ms + int(fault.number("ms", 0))
        trading = {"symbol": symbol, "status": "TRADING"}
        session.board.schedule("symbol_status", trading, ends_ms)


def _announce_delisting(session: Session, fault: Fault) -> None:
    symbol, ends_ms = fault.text("symbol"), session.now_ms + int(fault.number("ms", 0))
    session.exchange.announce_delisting(symbol, ends_ms)
    session.board.schedule("delist", {"symbol": symbol}, ends_ms)


def _end_later(session: Session, fault: Fault, normal: Mapping[str, object]) -> None:
    """Brings back what is normal when the time of a fault is over, where it has one."""
    if "ms" in fault.settings:
        ends_ms = session.now_ms + int(fault.number("ms", 0))
        settings = {"symbol": fault.text("symbol"), **normal}
        session.board.schedule(fault.effect, settings, ends_ms)


def _fill_newest(session: Session, fault: Fault) -> int:
    """Fills part of the newest open limit order and returns its id."""
    exchange = session.exchange
    symbol = fault.text("symbol")
    working = {
        int(str(order["orderId"])): order
        for account in exchange.accounts()
        for order in exchange.open_orders(account, symbol)
        if order.get("isWorking")
    }
    if not working:
        raise BadUsage(f"fault {fault.id}: {symbol} has no open order that could fill")
    order_id = max(working)
    order = working[order_id]
    left = Decimal(str(order["origQty"])) - Decimal(str(order["executedQty"]))
    share = left * exact(fault.settings.get("fraction", "0.5"), "fraction")
    step = _lot_step(session, symbol)
    exchange.fill_order(symbol, order_id, share // step * step)
    return order_id


def _lot_step(session: Session, symbol: str) -> Decimal:
    rules = next((each for each in session.setup.rules if each.symbol == symbol), None)
    lot = None if rules is None else rules.filter("LOT_SIZE")
    return Decimal("0.00000001") if lot is None else Decimal(str(lot["stepSize"]))
