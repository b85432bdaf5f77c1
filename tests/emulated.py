"""A small exchange for tests: a few hand-written minute candles around 100, one account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from leeward.domain.candles import Candles
from leeward.domain.timeframe import Timeframe
from leeward.emulator.exchange import Exchange
from leeward.emulator.options import FeeRates, Options
from leeward.emulator.rejections import Json, Rejection
from leeward.emulator.requests import ListRequest, OrderRequest
from leeward.emulator.symbols import SymbolRules, symbol_rules

START_MS = 1_700_000_040_000  # on a minute
MINUTE_US = 60_000_000
SYMBOL = "TSTUSDT"
ME = "me"
#: Flat minute candles (open, high, low, close, volume) that change nothing.
FLAT = (100.0, 100.0, 100.0, 100.0, 1000.0)

Row = tuple[float, float, float, float, float]


def dec(value: object) -> Decimal:
    """Returns a number of an answer as Decimal."""
    return Decimal(str(value))


def minute_candles(rows: Sequence[Row], symbol: str = SYMBOL) -> Candles:
    """Returns candles from START_MS on, one a minute."""
    o, h, low, c, v = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
    times = START_MS + 60_000 * np.arange(len(rows), dtype=np.int64)
    return Candles(symbol, Timeframe.parse("1m"), times, o, h, low, c, v)


def exchange_of(
    *rows: Row,
    balances: Mapping[str, str] | None = None,
    fees: FeeRates | None = None,
    rules: SymbolRules | None = None,
    seed: int = 1,
    **options: Any,
) -> Exchange:
    """Returns an exchange at the end of a FLAT candle, with `rows` and another FLAT to come. The
    account has 100,000 USDT and 1,000 TST unless told, and pays no commission unless told."""
    options.setdefault("path", "low_first")
    options.setdefault("participation", Decimal(1))
    options.setdefault("spread_bps", Decimal(0))
    made = Exchange(
        [rules or symbol_rules(SYMBOL, 100.0)],
        {SYMBOL: minute_candles([FLAT, *rows, FLAT])},
        seed,
        START_MS,
        Options(**options),
    )
    held = balances or {"USDT": "100000", "TST": "1000"}
    free = FeeRates(maker=Decimal(0), taker=Decimal(0))
    made.add_account(ME, {asset: Decimal(amount) for asset, amount in held.items()}, fees or free)
    made.advance(START_MS * 1000 + MINUTE_US - 1)
    made.drain()
    return made


def play(exchange: Exchange, candles: int = 1) -> list[Json]:
    """Replays so many further candles and returns the account's events."""
    exchange.advance(exchange.time_us + candles * MINUTE_US)
    return user_events(exchange)


def user_events(exchange: Exchange) -> list[Json]:
    """Returns the account events since the last look."""
    return [
        message.payload
        for message in exchange.drain()
        if message.channel == ("user", ME) and isinstance(message.payload, dict)
    ]


def told(events: Sequence[Json]) -> list[str]:
    """Returns events in short: "TRADE FILLED 3", "EXPIRED EXPIRED 2 OCO_TRIGGER", "ALL_DONE"."""
    words = []
    for event in events:
        if event["e"] == "executionReport":
            reason = f" {event['eR']}" if "eR" in event else ""
            words.append(f"{event['x']} {event['X']} {event['i']}{reason}")
        elif event["e"] == "listStatus":
            words.append(str(event["l"]))
        elif event["e"] == "outboundAccountPosition":
            words.append("OAP")
        else:
            words.append(str(event["e"]))
    return words


def ask(side: str, kind: str, quantity: str | None = None, **fields: Any) -> OrderRequest:
    """Returns an order request; decimals as text, GTC for limits unless told."""
    if kind == "LIMIT" or kind.endswith("_LIMIT"):
        fields.setdefault("time_in_force", "GTC")
    for name in ("price", "stop_price", "iceberg_qty", "quote_order_qty"):
        if name in fields:
            fields[name] = Decimal(fields[name])
    number = None if quantity is None else Decimal(quantity)
    return OrderRequest(fields.pop("symbol", SYMBOL), side, kind, number, **fields)


def place(
    exchange: Exchange, side: str, kind: str, quantity: str | None = None, **fields: Any
) -> Json:
    """Places an order of the account and returns the answer."""
    return exchange.place(ME, ask(side, kind, quantity, **fields))


def place_list(exchange: Exchange, kind: Any, *legs: OrderRequest, **fields: Any) -> Json:
    """Places an order list of the account and returns the answer."""
    return exchange.place_list(ME, ListRequest(kind, SYMBOL, legs, **fields))


def state(exchange: Exchange, order_id: int) -> Json:
    """Returns one order as GET order shows it."""
    return exchange.order(ME, SYMBOL, order_id=order_id)


def refusal(work: Any, *given: Any, **named: Any) -> tuple[int, str]:
    """Returns code and text of the refusal that a call ends in."""
    try:
        work(*given, **named)
    except Rejection as refused:
        return refused.code, refused.msg
    raise AssertionError("nothing was refused")


def balance(exchange: Exchange, asset: str, account: str = ME) -> tuple[Decimal, Decimal]:
    """Returns free and locked."""
    rows = exchange.account_info(account)["balances"]
    assert isinstance(rows, list)
    for row in rows:
        if row["asset"] == asset:
            return Decimal(row["free"]), Decimal(row["locked"])
    return Decimal(0), Decimal(0)
