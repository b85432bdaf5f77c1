"""Answers and events have the fields, order and types of the exchange's documented examples."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.documented import documented, shape
from tests.emulated import (
    ME,
    START_MS,
    SYMBOL,
    ask,
    exchange_of,
    place,
    place_list,
    play,
    user_events,
)

from leeward.emulator.exchange import Exchange
from leeward.emulator.requests import AmendRequest, CancelRequest, ReplaceRequest
from leeward.emulator.symbols import symbol_rules


def busy() -> Exchange:
    """Returns an exchange on which something has been traded in each way."""
    exchange = exchange_of((100.0, 104.0, 96.0, 103.0, 50.0))
    place(exchange, "BUY", "MARKET", "1")
    play(exchange)
    return exchange


def market_answers(exchange: Exchange) -> Iterator[tuple[str, str, object]]:
    yield "Order book", "", exchange.depth(SYMBOL, 5)
    yield "Recent trades list", "", exchange.trades(SYMBOL)
    yield "Compressed/Aggregate", "", exchange.agg_trades(SYMBOL)
    yield "Kline/Candlestick data", "", [exchange.klines(SYMBOL, "1m")[0]]
    yield "Current average price", "", exchange.avg_price(SYMBOL)
    yield "24hr ticker", "FULL", exchange.ticker_24hr([SYMBOL])[0]
    yield "24hr ticker", "MINI", exchange.ticker_24hr([SYMBOL], mini=True)[0]
    yield "Trading Day", "With symbol:", exchange.ticker_trading_day([SYMBOL])[0]
    yield "Symbol price ticker", "", exchange.ticker_price([SYMBOL])[0]
    yield "Symbol order book ticker", "", exchange.ticker_book([SYMBOL])[0]
    yield "Rolling window", "using symbol:", exchange.ticker_window([SYMBOL], "1h")[0]


def test_market_data_has_the_documented_fields(binance_samples: Path) -> None:
    for section, caption, answer in market_answers(busy()):
        assert shape(answer) == shape(documented(binance_samples, "rest-api", section, caption)), (
            section
        )


def order_answers(exchange: Exchange) -> Iterator[tuple[str, str, object]]:
    first = "Trading endpoints > "
    resting = {"price": "95", "resp_type": "ACK"}
    yield first + "New order", "ACK", place(exchange, "BUY", "LIMIT", "1", **resting)
    result = place(exchange, "SELL", "MARKET", "1", resp_type="RESULT")
    yield first + "New order", "RESULT", result
    yield first + "Cancel order", "Response", exchange.cancel(ME, CancelRequest(SYMBOL, 2))
    place(exchange, "BUY", "LIMIT", "2", price="95")
    amend = AmendRequest(SYMBOL, ask("BUY", "LIMIT", "1").quantity or 0, 4)  # type: ignore[arg-type] # a Decimal
    yield first + "Order Amend", "single", exchange.amend(ME, amend)
    yield "Query Order Amendments", "", exchange.amendments(ME, SYMBOL, 4)[:1]
    oco = (ask("SELL", "LIMIT_MAKER", "1", price="110", prefix="above"),
           ask("SELL", "STOP_LOSS_LIMIT", "1", stop_price="95", price="94", iceberg_qty="0.5",
               prefix="below"))  # fmt: skip
    yield "New Order list - OCO", "", place_list(exchange, "OCO", *oco)
    yield "Query Order list", "", exchange.order_list(ME, list_id=1)
    yield "Query Open Order lists", "", exchange.open_order_lists(ME)
    cancelled = exchange.cancel_list(ME, SYMBOL, list_id=1)
    for report in cancelled["orderReports"]:  # type: ignore[attr-defined] # a list
        report.pop("icebergQty", None)  # the example has none
    yield "Cancel Order list", "", cancelled
    oto = (ask("BUY", "LIMIT", "1", price="95"), ask("SELL", "MARKET", "1"))
    yield "New Order list - OTO ", "", place_list(exchange, "OTO", *oto)
    opo = (ask("BUY", "LIMIT", "1", price="95"), ask("SELL", "MARKET"))
    yield "New Order List - OPO ", "", place_list(exchange, "OPO", *opo)


def test_order_answers_have_the_documented_fields(binance_samples: Path) -> None:
    for section, caption, answer in order_answers(busy()):
        want = documented(binance_samples, "rest-api", section, caption)
        assert shape(answer) == shape(want), section


def test_account_answers_have_the_documented_fields(binance_samples: Path) -> None:
    exchange = busy()
    place(exchange, "BUY", "LIMIT", "1", price="95")
    for section, answer in (
        ("Account information", exchange.account_info(ME)),
        ("Query order", exchange.order(ME, SYMBOL, order_id=1)),
        ("Current open orders", exchange.open_orders(ME)),
        ("All orders", exchange.all_orders(ME, SYMBOL)),
        ("Account trade list", exchange.my_trades(ME, SYMBOL)),
        ("Query Commission Rates", exchange.commission(ME, SYMBOL)),
    ):
        want = documented(binance_samples, "rest-api", f"Account Endpoints > {section}")
        assert shape(answer) == shape(want), section


def test_a_full_answer_carries_its_fills_where_real_answers_do(binance_samples: Path) -> None:
    want = documented(binance_samples, "faqs__market_orders_faq", "market orders", "Response")[0]
    answer = place(busy(), "BUY", "MARKET", "1")
    answer.pop("origQuoteOrderQty")  # missing in the older example
    assert [name for name in want if name in answer] == list(answer)
    assert shape(answer["fills"]) == shape(want["fills"])


def test_user_events_have_the_documented_fields(binance_samples: Path) -> None:
    exchange = busy()
    place(exchange, "BUY", "MARKET", "1")
    events = user_events(exchange)
    sequence = documented(binance_samples, "faqs__market_orders_faq", "market orders", "User Data")
    wanted = {event.get("x", event["e"]): event for event in sequence}
    for event in events:
        kind = event.get("x", event["e"])
        if kind != "outboundAccountPosition":
            assert shape(event) == shape(wanted[kind])
        else:
            assert list(event) == list(wanted[kind])
    place(exchange, "BUY", "LIMIT", "1", price="95")
    recorded = json.loads(
        (binance_samples / "recorded" / "executionReport_NEW_BNBUSDT_2025-10-20.json").read_text()
    )
    assert shape(user_events(exchange)[0]) == shape(recorded)


def test_list_and_balance_events_have_the_recorded_fields(binance_samples: Path) -> None:
    frames = json.loads((binance_samples / "recorded" / "ws_frames_spot.json").read_text())
    recorded = {entry["case"]: entry["frame"] for entry in frames}
    exchange = busy()
    place_list(
        exchange,
        "OCO",
        ask("SELL", "LIMIT_MAKER", "1", price="110", prefix="above"),
        ask("SELL", "STOP_LOSS", "1", stop_price="95", prefix="below"),
    )
    exchange.cancel_open_orders(ME, SYMBOL)
    exchange.deposit(ME, "USDT", ask("BUY", "LIMIT", "1").quantity or 0)  # type: ignore[arg-type] # a Decimal
    events = user_events(exchange)
    done = [event for event in events if event["e"] == "listStatus"]
    assert list(done[-1]) == list(recorded["listStatus"])
    assert (done[-1]["l"], done[-1]["L"]) == ("ALL_DONE", "ALL_DONE")
    moved = [event for event in events if event["e"] == "balanceUpdate"]
    assert shape(moved[0]) == shape(recorded["balanceUpdate"])


def test_stream_messages_have_the_recorded_fields(binance_samples: Path) -> None:
    frames = json.loads((binance_samples / "recorded" / "ws_frames_spot.json").read_text())
    wanted = {entry["case"]: entry["frame"] for entry in frames}
    streams = documented_streams(binance_samples)
    exchange = exchange_of((100.0, 104.0, 96.0, 103.0, 50.0))
    for name in streams:
        assert exchange.watch(name)
    exchange.advance((START_MS + 125_000) * 1000)
    seen = {m.channel[1]: m.payload for m in exchange.drain() if m.channel[0] == "market"}
    assert seen.keys() == streams.keys()
    for name, example in streams.items():
        assert keys_of(seen[name]) == keys_of(example), name
    cases = {"aggTrade_single": "aggTrade", "kline_1m": "kline_1m", "ticker_single": "ticker",
             "miniTicker_single": "miniTicker"}  # fmt: skip
    for case, name in cases.items():
        want = wanted[case].get("data", wanted[case])
        assert shape(seen[f"tstusdt@{name}"]) == shape(want)


def keys_of(value: object) -> object:
    if isinstance(value, dict):
        inner = value.get("k")
        return list(value), (list(inner) if isinstance(inner, dict) else None)
    return "list"


def documented_streams(binance_samples: Path) -> dict[str, Any]:
    names = {
        "aggTrade": "Aggregate Trade",
        "trade": "> Trade Streams",
        "kline_1m": "Streams for UTC",
        "kline_1m@+08:00": "with timezone",
        "miniTicker": "Individual Symbol Mini",
        "ticker": "Individual Symbol Ticker",
        "ticker_1h": "Individual Symbol Rolling",
        "bookTicker": "Book Ticker",
        "avgPrice": "Average Price",
        "depth5@100ms": "Partial Book",
        "depth@100ms": "Diff. Depth",
    }
    found = {
        f"tstusdt@{name}": documented(binance_samples, "web-socket-streams", section)
        for name, section in names.items()
    }
    return found | {"!miniTicker@arr": []}


def test_known_symbols_have_the_live_rules(binance_samples: Path) -> None:
    file = binance_samples / "recorded" / "exchangeInfo_mainnet_2026-09-25_4symbols.json"
    for live in json.loads(file.read_text())["symbols"]:
        rules = symbol_rules(live["symbol"]).json()
        assert list(rules) == list(live)
        live["permissionSets"] = rules["permissionSets"]
        assert rules == live


def test_cancel_replace_answers_have_the_documented_fields(binance_samples: Path) -> None:
    exchange = busy()
    place(exchange, "BUY", "LIMIT", "1", price="95")
    asked = ReplaceRequest(
        CancelRequest(SYMBOL, 2), ask("BUY", "LIMIT_MAKER", "1", price="96"), "STOP_ON_FAILURE"
    )
    want = documented(
        binance_samples, "web-socket-api", "Cancel and replace", "both cancel and placement"
    )
    assert list(exchange.cancel_replace(ME, asked)) == list(want["result"])
