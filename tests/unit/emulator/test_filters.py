"""Every filter of exchangeInfo, at its edge; what order types need and refuse."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.emulated import (
    FLAT,
    ME,
    MINUTE_US,
    START_MS,
    SYMBOL,
    ask,
    exchange_of,
    minute_candles,
    place,
    place_list,
    refusal,
)

from leeward.domain.errors import BadUsage
from leeward.emulator.exchange import Exchange
from leeward.emulator.rejections import Json
from leeward.emulator.requests import CancelRequest, ListRequest
from leeward.emulator.symbols import SymbolRules, symbol_rules

RULES = symbol_rules(SYMBOL, 100.0)


def with_filter(name: str, **values: object) -> SymbolRules:
    return RULES.with_filter({**(RULES.filter(name) or {"filterType": name}), **values})


def order(side: str, kind: str, quantity: str | None = None, **fields: Any) -> Any:
    return (side, kind, quantity, fields)


@pytest.mark.parametrize(
    ("name", "values", "good", "bad"),
    [
        ("PRICE_FILTER", {"tickSize": "0.05"},
         order("BUY", "LIMIT", "1", price="99.05"), order("BUY", "LIMIT", "1", price="99.06")),
        ("PRICE_FILTER", {"minPrice": "99"},
         order("BUY", "LIMIT", "1", price="99"), order("BUY", "LIMIT", "1", price="98.99")),
        ("PRICE_FILTER", {"maxPrice": "110"},
         order("SELL", "LIMIT", "1", price="110"), order("SELL", "LIMIT", "1", price="110.01")),
        ("PRICE_FILTER", {"tickSize": "0.05"},
         order("SELL", "STOP_LOSS", "1", stop_price="99.05"),
         order("SELL", "STOP_LOSS", "1", stop_price="99.06")),
        ("LOT_SIZE", {"stepSize": "0.5", "minQty": "0.5"},
         order("BUY", "MARKET", "1.5"), order("BUY", "MARKET", "1.6")),
        ("LOT_SIZE", {"minQty": "2"},
         order("BUY", "LIMIT", "2", price="99"), order("BUY", "LIMIT", "1.9", price="99")),
        ("LOT_SIZE", {"maxQty": "3"},
         order("BUY", "MARKET", "3"), order("BUY", "MARKET", "3.1")),
        ("LOT_SIZE", {"stepSize": "0.5"},
         order("BUY", "LIMIT", "5", price="99", iceberg_qty="1.5"),
         order("BUY", "LIMIT", "5", price="99", iceberg_qty="1.4")),
        ("ICEBERG_PARTS", {"limit": 5},
         order("BUY", "LIMIT", "5", price="99", iceberg_qty="1"),
         order("BUY", "LIMIT", "5", price="99", iceberg_qty="0.9")),
        ("MARKET_LOT_SIZE", {"maxQty": "2"},
         order("BUY", "MARKET", "2"), order("BUY", "MARKET", "2.1")),
        ("TRAILING_DELTA", {},
         order("SELL", "STOP_LOSS", "1", trailing_delta=2000),
         order("SELL", "STOP_LOSS", "1", trailing_delta=2001)),
        ("TRAILING_DELTA", {},
         order("BUY", "STOP_LOSS", "1", trailing_delta=10),
         order("BUY", "STOP_LOSS", "1", trailing_delta=9)),
        ("PERCENT_PRICE_BY_SIDE", {},
         order("SELL", "LIMIT", "1", price="200"), order("SELL", "LIMIT", "1", price="200.01")),
        ("PERCENT_PRICE_BY_SIDE", {},
         order("SELL", "STOP_LOSS_LIMIT", "1", price="80", stop_price="82"),
         order("SELL", "STOP_LOSS_LIMIT", "1", price="79.99", stop_price="82")),
        ("PERCENT_PRICE_BY_SIDE", {},
         order("BUY", "LIMIT", "1", price="50"), order("BUY", "LIMIT", "1", price="49.99")),
        ("PERCENT_PRICE", {"multiplierUp": "1.1", "multiplierDown": "0.9", "avgPriceMins": 5},
         order("BUY", "LIMIT", "1", price="90"), order("BUY", "LIMIT", "1", price="89.99")),
        ("NOTIONAL", {},
         order("BUY", "LIMIT", "0.1", price="50"), order("BUY", "LIMIT", "0.0999", price="50")),
        ("NOTIONAL", {}, order("BUY", "MARKET", "0.05"), order("BUY", "MARKET", "0.0499")),
        ("NOTIONAL", {"maxNotional": "200"},
         order("BUY", "LIMIT", "2", price="100"), order("BUY", "LIMIT", "2.0001", price="100")),
        ("MIN_NOTIONAL", {"minNotional": "10", "applyToMarket": True, "avgPriceMins": 5},
         order("BUY", "MARKET", "0.1"), order("BUY", "MARKET", "0.0999")),
        ("MAX_POSITION", {"maxPosition": "1002"},
         order("BUY", "LIMIT", "2", price="99"), order("BUY", "LIMIT", "2.1", price="99")),
    ],
)  # fmt: skip
def test_each_filter_passes_at_its_edge_and_refuses_beyond(
    name: str, values: dict[str, object], good: Any, bad: Any
) -> None:
    exchange = exchange_of(rules=with_filter(name, **values))
    side, kind, quantity, fields = bad
    failed = (-1013, f"Filter failure: {name}")
    assert refusal(place, exchange, side, kind, quantity, **fields) == failed
    assert exchange.invariants() == []
    side, kind, quantity, fields = good
    place(exchange, side, kind, quantity, **fields)


@pytest.mark.parametrize(
    ("name", "values", "fields"),
    [
        ("MAX_NUM_ORDERS", {"maxNumOrders": 2}, {"kind": "LIMIT", "price": "99"}),
        ("MAX_NUM_ALGO_ORDERS", {"maxNumAlgoOrders": 2},
         {"kind": "STOP_LOSS_LIMIT", "price": "102", "stop_price": "101"}),
        ("MAX_NUM_ICEBERG_ORDERS", {"maxNumIcebergOrders": 2},
         {"kind": "LIMIT", "price": "99", "iceberg_qty": "0.5"}),
    ],
)  # fmt: skip
def test_the_third_open_order_of_two_allowed_is_refused(
    name: str, values: dict[str, object], fields: dict[str, Any]
) -> None:
    exchange = exchange_of(rules=with_filter(name, **values))
    kind = fields.pop("kind")
    place(exchange, "BUY", kind, "1", **fields)
    place(exchange, "BUY", kind, "1", **fields)
    refused = refusal(place, exchange, "BUY", kind, "1", **fields)
    assert refused == (-1013, f"Filter failure: {name}")


def test_the_second_open_list_of_one_allowed_is_refused() -> None:
    exchange = exchange_of(rules=with_filter("MAX_NUM_ORDER_LISTS", maxNumOrderLists=1))
    legs = (
        ask("SELL", "LIMIT_MAKER", "1", price="105", prefix="above"),
        ask("SELL", "STOP_LOSS", "1", stop_price="95", prefix="below"),
    )
    place_list(exchange, "OCO", *legs)
    refused = refusal(place_list, exchange, "OCO", *legs)
    assert refused == (-1013, "Filter failure: MAX_NUM_ORDER_LISTS")


RESTING = {"side": "BUY", "kind": "LIMIT", "quantity": "1", "price": "99"}


def two_symbols(*filters: Json) -> Exchange:
    """Returns an exchange of two symbols under filters of the exchange."""
    other = "OTHUSDT"
    rules = [RULES, symbol_rules(other, 100.0)]
    rows = [FLAT, FLAT]
    candles = {each.symbol: minute_candles(rows, each.symbol) for each in rules}
    exchange = Exchange(rules, candles, 1, START_MS)
    held = {"USDT": Decimal(100_000), "TST": Decimal(1_000), "OTH": Decimal(1_000)}
    exchange.add_account(ME, held)
    exchange.add_account("other", held)
    exchange.advance(START_MS * 1000 + MINUTE_US - 1)
    for entry in filters:
        exchange.set_exchange_filter(entry)
    return exchange


@pytest.mark.parametrize(
    ("name", "field", "fields"),
    [
        ("EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders", RESTING),
        ("EXCHANGE_MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders",
         {"side": "BUY", "kind": "STOP_LOSS", "quantity": "1", "stop_price": "110"}),
        ("EXCHANGE_MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders",
         {**RESTING, "iceberg_qty": "0.5"}),
    ],
)  # fmt: skip
def test_orders_of_all_symbols_count_for_the_exchange_up_to_its_limit(
    name: str, field: str, fields: dict[str, Any]
) -> None:
    exchange = two_symbols({"filterType": name, field: 2})
    first = place(exchange, **fields)
    place(exchange, **fields, symbol="OTHUSDT")
    assert refusal(place, exchange, **fields) == (-1013, f"Filter failure: {name}")
    refused = refusal(place, exchange, **fields, symbol="OTHUSDT")
    assert refused == (-1013, f"Filter failure: {name}")
    side, kind, quantity = (fields[key] for key in ("side", "kind", "quantity"))
    rest = {k: v for k, v in fields.items() if k not in {"side", "kind", "quantity"}}
    exchange.place("other", ask(side, kind, quantity, **rest))
    exchange.cancel(ME, CancelRequest(SYMBOL, int(str(first["orderId"]))))
    place(exchange, **fields)


def test_a_plain_order_is_free_of_the_limits_of_stops_and_icebergs() -> None:
    exchange = two_symbols(
        {"filterType": "EXCHANGE_MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 0},
        {"filterType": "EXCHANGE_MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders": 0},
        {"filterType": "EXCHANGE_MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 0},
    )
    assert place(exchange, **RESTING, resp_type="RESULT")["status"] == "NEW"


def test_order_lists_of_all_symbols_count_for_the_exchange_an_otoco_once() -> None:
    name = "EXCHANGE_MAX_NUM_ORDER_LISTS"
    exchange = two_symbols({"filterType": name, "maxNumOrderLists": 2})

    def otoco(symbol: str) -> Json:
        legs = (
            ask("BUY", "LIMIT", "1", price="99", symbol=symbol, prefix="working"),
            ask("SELL", "LIMIT_MAKER", "1", price="105", symbol=symbol, prefix="pendingAbove"),
            ask("SELL", "STOP_LOSS", "1", stop_price="95", symbol=symbol, prefix="pendingBelow"),
        )
        return exchange.place_list(ME, ListRequest("OTOCO", symbol, legs))

    otoco(SYMBOL)
    otoco("OTHUSDT")
    assert refusal(otoco, SYMBOL) == (-1013, f"Filter failure: {name}")
    exchange.set_exchange_filter({"filterType": name, "maxNumOrderLists": 1})
    place(exchange, **RESTING)  # is no list


@pytest.mark.parametrize(
    ("asset", "limit", "good", "bad"),
    [
        ("TST", "2", order("BUY", "LIMIT", "2", price="99"),
         order("BUY", "LIMIT", "2.0001", price="99")),
        ("TST", "2", order("SELL", "MARKET", "2"), order("SELL", "MARKET", "2.0001")),
        ("USDT", "99", order("SELL", "LIMIT", "0.9", price="110"),
         order("SELL", "LIMIT", "0.9001", price="110")),
        ("USDT", "99", order("BUY", "MARKET", "0.99"), order("BUY", "MARKET", "0.9901")),
        ("USDT", "99", order("BUY", "MARKET", quote_order_qty="99"),
         order("BUY", "MARKET", quote_order_qty="99.01")),
        ("TST", "2", order("BUY", "MARKET", quote_order_qty="200"),
         order("BUY", "MARKET", quote_order_qty="200.01")),
    ],
)  # fmt: skip
def test_max_asset_binds_the_base_by_quantity_and_the_quote_by_worth(
    asset: str, limit: str, good: Any, bad: Any
) -> None:
    exchange = two_symbols({"filterType": "MAX_ASSET", "asset": asset, "limit": limit})
    side, kind, quantity, fields = bad
    failed = (-1013, "Filter failure: MAX_ASSET")
    assert refusal(place, exchange, side, kind, quantity, **fields) == failed
    side, kind, quantity, fields = good
    place(exchange, side, kind, quantity, **fields)
    if asset == "TST":
        place(exchange, "BUY", "LIMIT", "3", price="99", symbol="OTHUSDT")


def test_filters_of_the_exchange_are_shown_where_the_real_ones_are() -> None:
    count: Json = {"filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": 1000}
    tst: Json = {"filterType": "MAX_ASSET", "asset": "TST", "limit": "42.00000000"}
    oth: Json = {"filterType": "MAX_ASSET", "asset": "OTH", "limit": "42.00000000"}
    exchange = two_symbols({**count, "maxNumOrders": 7}, count, tst, oth)
    assert exchange.exchange_info()["exchangeFilters"] == [count]
    shown = exchange.my_filters(ME, SYMBOL)
    assert (shown["exchangeFilters"], shown["assetFilters"]) == ([count], [tst])
    assert {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200} in shown["symbolFilters"]  # type: ignore[operator] # a list of the answer


@pytest.mark.parametrize(
    ("entry", "word"),
    [
        ({"filterType": "EXCHANGE_MAX_NUM_DREAMS", "maxNumDreams": 1}, "not a filter"),
        ({"filterType": "EXCHANGE_MAX_NUM_ORDERS", "most": 1}, "exactly the fields"),
        ({"filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": "-1"}, "give a number"),
        ({"filterType": "MAX_ASSET", "asset": "TST", "limit": "much"}, "give a number"),
        ({"filterType": "MAX_ASSET", "asset": "", "limit": "1"}, "exactly the fields"),
    ],
)
def test_a_malformed_filter_of_the_exchange_is_refused(entry: Json, word: str) -> None:
    with pytest.raises(BadUsage, match=word):
        exchange_of().set_exchange_filter(entry)
    with pytest.raises(BadUsage, match="of the exchange"):
        exchange_of().set_filter(SYMBOL, {"filterType": "MAX_ASSET", "asset": "TST", "limit": "1"})


def test_a_filter_changed_while_running_binds_the_next_order() -> None:
    exchange = exchange_of()
    changed: Json = {**(RULES.filter("NOTIONAL") or {}), "minNotional": "1000.00000000"}
    exchange.set_filter(SYMBOL, changed)
    refused = refusal(place, exchange, "BUY", "MARKET", "1")
    assert refused == (-1013, "Filter failure: NOTIONAL")
    symbols = exchange.exchange_info([SYMBOL])["symbols"]
    assert isinstance(symbols, list)
    assert changed in symbols[0]["filters"]


@pytest.mark.parametrize(
    ("given", "code", "word"),
    [
        (order("BUY", "LIMIT", "1"), -1102, "'price'"),
        (order("BUY", "LIMIT", price="99"), -1102, "'quantity'"),
        (order("BUY", "LIMIT", "1", price="99", time_in_force=None), -1102, "'timeInForce'"),
        (order("BUY", "MARKET"), -1102, "'quantity'"),
        (order("BUY", "MARKET", "1", price="99"), -1106, "'price'"),
        (order("BUY", "MARKET", "1", time_in_force="GTC"), -1106, "'timeInForce'"),
        (order("BUY", "MARKET", "1", quote_order_qty="5"), -1106, "'quoteOrderQty'"),
        (order("BUY", "LIMIT", "1", price="99", stop_price="98"), -1106, "'stopPrice'"),
        (order("BUY", "LIMIT_MAKER", "1", price="99", time_in_force="GTC"), -1106, "'timeInForce'"),
        (order("SELL", "STOP_LOSS", "1"), -1102, "'stopPrice'"),
        (order("SELL", "STOP_LOSS", "1", stop_price="95", price="94"), -1106, "'price'"),
        (order("BUY", "LIMIT", "0.000000001", price="99"), -1111, "'quantity'"),
        (order("BUY", "LIMIT", "1", price="99.000000001"), -1111, "'price'"),
        (order("BUY", "LIMIT", "1", price="0"), -2010, "zero or less"),
        (order("BUY", "LIMIT", "1", price="99", iceberg_qty="2"), -2010, "IcebergQty"),
        (order("BUY", "LIMIT", "1", price="99", strategy_type=999_999), -1134, "strategyType"),
        (order("BOTH", "LIMIT", "1", price="99"), -1117, "side"),
        (order("BUY", "SCALED", "1"), -1116, "orderType"),
        (order("BUY", "LIMIT", "1", price="99", time_in_force="GTX"), -1115, "timeInForce"),
        (order("BUY", "LIMIT", "1", price="99", symbol="NOUSDT"), -1121, "symbol"),
    ],
)
def test_each_order_type_says_what_it_needs_and_what_it_refuses(
    given: Any, code: int, word: str
) -> None:
    side, kind, quantity, fields = given
    found = refusal(place, exchange_of(), side, kind, quantity, **fields)
    assert found[0] == code
    assert word in found[1]


def test_a_leg_is_refused_by_the_name_it_was_sent_with() -> None:
    legs = (ask("BUY", "LIMIT", "1", price="99", prefix="working"),
            ask("SELL", "LIMIT_MAKER", "1", prefix="pending"))  # fmt: skip
    assert "'pendingPrice'" in refusal(place_list, exchange_of(), "OTO", *legs)[1]


def test_unknown_symbols_get_rules_that_fit_their_price() -> None:
    for price, tick, step in ((0.00001, "0.00000001", "1"), (100.0, "0.01", "0.0001")):
        rules = symbol_rules("NEWUSDT", price)
        assert rules.amount("PRICE_FILTER", "tickSize") == int(Decimal(tick) * 10**8)
        assert rules.amount("LOT_SIZE", "stepSize") == int(Decimal(step) * 10**8)
