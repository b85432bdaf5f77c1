"""Recorded and documented messages of the exchange, and who reads which."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from leeward.domain.timeframe import Timeframe
from leeward.venues import binance_codec_events as events
from leeward.venues import binance_codec_market as market
from leeward.venues import binance_codec_orders as orders
from leeward.venues import binance_codec_rules as rules


class Sample(NamedTuple):
    name: str
    value: Any
    reader: Callable[[object], object]


def klines(value: Any) -> object:
    """Reads rows of whatever timeframe they have, damaged ones as minutes."""
    lengths = {Timeframe.parse(name).length_ms: name for name in Timeframe.names()}
    try:
        name = lengths[value[0][6] + 1 - value[0][0]]
    except (TypeError, IndexError, KeyError):
        name = "1m"
    return market.candles(value, "BTCUSDT", Timeframe.parse(name))


def trades(value: object) -> object:
    return market.public_trades(value, "ETHBTC")


def several(reader: Callable[[object], object], many: Callable[[object], object]) -> Any:
    return lambda value: (many if isinstance(value, list) else reader)(value)


def as_event(value: Any) -> object:
    return events.api_frame(value)


def not_read(value: object) -> object:
    """Answers that this client never asks for."""
    return value


PRICES = several(market.last_price, market.last_prices)
BOOKS = several(market.best_prices, market.all_best_prices)

# The last part of the section in the REST documentation -> reader of a success there.
REST: dict[str, Callable[[object], object]] = {
    "Check server time": market.server_time,
    "Exchange information": rules.exchange_info,
    "Query Execution Rules": not_read,
    "Order book": market.depth,
    "Recent trades list": trades,
    "Recent trades": trades,
    "Old trade lookup": trades,
    "Historical trades": trades,
    "Historical Block Trades": trades,
    "Compressed/Aggregate trades list": trades,
    "Aggregate trades": trades,
    "Kline/Candlestick data": klines,
    "Klines": klines,
    "UIKlines": klines,
    "UI Klines": klines,
    "Current average price": market.average_price,
    "24hr ticker price change statistics": PRICES,
    "Trading Day Ticker": PRICES,
    "Symbol price ticker": PRICES,
    "Symbol order book ticker": BOOKS,
    "Rolling window price change statistics": PRICES,
    "Query Reference Price": market.reference_price,
    "Query Reference Price Calculation": not_read,
    "Test connectivity": orders.nothing,
    "Account information (USER_DATA)": rules.account,
    "Account Commission Rates (USER_DATA)": rules.commission,
    "Query Commission Rates (USER_DATA)": rules.commission,
    "Query relevant filters (USER_DATA)": rules.relevant_filters,
    "Query Relevant Filters (USER_DATA)": rules.relevant_filters,
    "Query Unfilled Order Count (USER_DATA)": rules.rate_limits,
    "Unfilled Order Count (USER_DATA)": rules.rate_limits,
    "Account trade list (USER_DATA)": orders.trades,
    "Account trade history (USER_DATA)": orders.trades,
    "All orders (USER_DATA)": orders.orders,
    "Account order history (USER_DATA)": orders.orders,
}


def by_shape(value: Any) -> Callable[[object], object]:
    """Returns the reader of an order answer, which its fields tell apart."""
    if value == {}:
        return orders.nothing
    if (
        not isinstance(value, dict | list)
        or not value
        or not isinstance(next(iter(value)), str | dict)
    ):
        return not_read
    if isinstance(value, list):
        first = value[0]
        if "contingencyType" in first or "orderReports" in first:
            return orders.all_cancelled if "orderReports" in first else orders.order_lists
        return orders.all_cancelled if "orderId" in first and "status" in first else not_read
    for field, reader in (
        ("data", orders.replacement),
        ("cancelResult", orders.replacement),
        ("code", orders.error),
        ("amendedOrder", orders.amended),
        ("contingencyType", orders.order_list),
        ("status", orders.cancelled),
        ("transactTime", orders.order_receipt),
    ):
        if field in value:
            return reader
    return not_read


def reader_for(section: str, value: Any) -> Callable[[object], object]:
    if isinstance(value, dict) and value.keys() == {"code", "msg"}:
        return orders.error
    return REST.get(_last(section), by_shape(value))


def documented(folder: Path) -> Iterator[Sample]:
    """Every example of the official documentation, except what a client sends."""
    for name in ("rest-api", "web-socket-api", "web-socket-streams", "user-data-stream"):
        for at, entry in enumerate(_load(folder / "official_docs_examples" / f"{name}.json")):
            label = f"{name}-{at}-{_last(entry['section'])}"
            if not (isinstance(entry["json"], dict) and "method" in entry["json"]):
                yield from _example(name, label, entry)
    for file in sorted((folder / "official_docs_examples").glob("faqs__*.json")):
        for at, entry in enumerate(_load(file)):
            for value in entry.get("json_sequence", [entry.get("json")]):
                yield Sample(f"{file.stem}-{at}", value, faq_reader(value))


def _example(source: str, label: str, entry: Any) -> Iterator[Sample]:
    value, section = entry["json"], entry["section"]
    if source == "web-socket-streams":
        if not (isinstance(value, dict) and "result" in value) and value != [{}]:
            yield Sample(label, value, market.market_event)
    elif source == "rest-api" or not {"id", "event", "status"} & value.keys():
        yield Sample(label, value, reader_for(section, value))
    else:
        yield Sample(label, value, as_event)
        if "result" in value:
            yield Sample(f"{label}-result", value["result"], reader_for(section, value["result"]))


def _last(section: str) -> str:
    return section.rsplit(">", maxsplit=1)[-1].strip()


def faq_reader(value: Any) -> Callable[[object], object]:
    if isinstance(value, dict) and ("e" in value or "event" in value or "id" in value):
        return as_event
    return by_shape(value) if isinstance(value, dict | list) and value else not_read


def recorded(folder: Path) -> Iterator[Sample]:
    """Everything captured on the spot exchange or made after such captures."""
    frames = _load(folder / "recorded" / "ws_frames_spot.json")
    for frame in frames:
        user = frame["case"] in {"listStatus", "balanceUpdate"}
        yield Sample(
            f"frame-{frame['case']}", frame["frame"], as_event if user else market.market_event
        )
    info = _load(folder / "recorded" / "exchangeInfo_mainnet_2026-09-25_4symbols.json")
    yield Sample("exchangeInfo", info, rules.exchange_info)
    report = _load(folder / "recorded" / "executionReport_NEW_BNBUSDT_2025-10-20.json")
    yield Sample("executionReport", report, as_event)
    listed = _load(
        folder / "recorded" / "wsapi_orderList_place_oco_testnet_2025-08-06_first_leg.json"
    )
    yield Sample("placed OCO", listed["response_part"], as_event)
    yield Sample("placed OCO list", listed["response_part"]["result"], orders.order_list)
    old = folder / "spot_nautilus_v1"
    for file in sorted((old / "ws_messages").glob("*.json")):
        user = "execution_report" in file.name
        yield Sample(file.stem, _load(file), as_event if user else market.market_event)
    readers: dict[str, Callable[[object], object]] = {
        "agg_trades": trades,
        "avg_price": market.average_price,
        "book_ticker": BOOKS,
        "depth": market.depth,
        "exchange_info": rules.exchange_info,
        "historical_trades": trades,
        "klines": klines,
        "ping": orders.nothing,
        "ticker_price": PRICES,
        "time": market.server_time,
        "trades": trades,
    }
    for name, reader in readers.items():
        file = old / "http_responses" / f"http_spot_market_{name}.json"
        yield Sample(file.stem, _load(file), reader)
    wallet = old / "http_responses" / "http_spot_wallet_account.json"
    yield Sample(wallet.stem, _load(wallet), rules.account)
    for file in sorted((folder / "klines").glob("*.json")):
        symbol, timeframe = file.name.split("-")[:2]
        yield Sample(file.stem, _load(file), klines_of(symbol, timeframe))


def klines_of(symbol: str, timeframe: str) -> Callable[[object], object]:
    return lambda value: market.candles(value, symbol, Timeframe.parse(timeframe))


def _load(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))
