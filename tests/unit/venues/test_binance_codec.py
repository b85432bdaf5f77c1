"""The codec reads what the exchange recorded and documents, exactly, and refuses the rest."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.binance_samples import Sample, documented, not_read, recorded

from leeward.domain.answers import Acked, NotAttempted, Reaction, Refused, Replacement
from leeward.domain.candle import Candle
from leeward.domain.errors import Failed
from leeward.domain.money import Money, Price, Quantity
from leeward.domain.orders import (
    Balance,
    Fill,
    ListedOrder,
    ListStatus,
    OrderReport,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
)
from leeward.domain.rules import Features, Grid, NotionalRule, OrderCaps, PriceBand, SymbolStatus
from leeward.domain.timeframe import Timeframe
from leeward.venues import binance_codec_events as events
from leeward.venues import binance_codec_market as market
from leeward.venues import binance_codec_orders as orders
from leeward.venues import binance_codec_rules as rules
from leeward.venues.binance_codec import Unreadable, decode, reading

# Documented examples that are not what a server would send to this client, and why.
NOT_BELIEVED = {
    "rest-api-45-Cancel an Existing Order and Send a New Order (TRADE)": "an ACK inside",
    "web-socket-api-59-Rolling window price change statistics": "a part of a message",
    "web-socket-streams-16-Kline/Candlestick Streams for UTC": "invented prices: low above open",
    "web-socket-streams-17-Kline/Candlestick Streams with timezone offset": "the same",
}


def test_every_recorded_spot_message_is_read(binance_samples: Path) -> None:
    samples = list(recorded(binance_samples))
    assert len(samples) > 50
    assert [failed for sample in samples if (failed := failure(sample))] == []


def test_every_documented_example_is_read(binance_samples: Path) -> None:
    samples = list(documented(binance_samples))
    assert len(samples) > 250
    failed = {sample.name for sample in samples if failure(sample)}
    assert failed == NOT_BELIEVED.keys()
    assert sum(sample.reader is not_read for sample in samples) < 50


junk: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, 1 << 80, 1.5, "", "x", "NaN", "-1", "1e9", "\ud800", [], {}, [[]], [None]]
)


@cache
def every_sample(folder: Path) -> list[Sample]:
    """Returns all samples of a size that is worth damaging."""
    samples = [*documented(folder), *recorded(folder)]
    return [sample for sample in samples if len(json.dumps(sample.value)) < 20_000]


@settings(max_examples=600, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_a_message_with_anything_in_any_place_is_read_or_unreadable(
    binance_samples: Path, data: st.DataObject
) -> None:
    sample = data.draw(st.sampled_from(every_sample(binance_samples)))
    place: Any = copy.deepcopy(sample.value)
    value = place
    while isinstance(place, dict | list) and place:
        at = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else [0]))
        if not isinstance(place[at], dict | list) or data.draw(st.booleans()):
            place[at] = data.draw(junk)
            break
        place = place[at]
    failure(sample._replace(value=value))


def failure(sample: Sample) -> str | None:
    try:
        reading(sample.reader, json.dumps(sample.value))
    except Unreadable as error:
        return f"{sample.name}: {error}"
    return None


def test_futures_frames_never_pass_for_spot_orders(binance_samples: Path) -> None:
    file = binance_samples / "recorded" / "ws_frames_usdm_futures.json"
    for frame in json.loads(file.read_text()):
        try:
            found = market.market_event(frame["frame"])
        except Unreadable:
            continue
        assert all(not isinstance(each, OrderReport) for each in found)


ORDER = {
    "symbol": "BTCUSDT",
    "orderId": 28,
    "orderListId": -1,
    "clientOrderId": "lw-1",
    "transactTime": 1_507_725_176_595,
    "price": "60000.10000000",
    "origQty": "0.30000000",
    "executedQty": "0.10000000",
    "origQuoteOrderQty": "0.00000000",
    "cummulativeQuoteQty": "6000.01000000",
    "status": "PARTIALLY_FILLED",
    "timeInForce": "GTC",
    "type": "LIMIT",
    "side": "BUY",
    "workingTime": 1_507_725_176_595,
    "fills": [
        {
            "price": "60000.10000000",
            "qty": "0.10000000",
            "commission": "0.00010000",
            "commissionAsset": "BTC",
            "tradeId": 56,
        }
    ],
    "selfTradePreventionMode": "NONE",
}
FILL = Fill(
    symbol="BTCUSDT",
    trade_id=56,
    order_id=28,
    side=Side.BUY,
    price=Price(Decimal("60000.1")),
    quantity=Quantity(Decimal("0.1")),
    commission=Money(Decimal("0.0001"), "BTC"),
    time_ms=1_507_725_176_595,
    is_maker=False,
)
REPORT = OrderReport(
    symbol="BTCUSDT",
    order_id=28,
    client_order_id="lw-1",
    order_list_id=None,
    side=Side.BUY,
    type=OrderType.LIMIT,
    time_in_force=TimeInForce.GTC,
    status=OrderStatus.PARTIALLY_FILLED,
    quantity=Quantity(Decimal("0.3")),
    executed=Quantity(Decimal("0.1")),
    executed_quote=Decimal("6000.01"),
    price=Price(Decimal("60000.1")),
    stop_price=None,
    time_ms=1_507_725_176_595,
    fills=(FILL,),
)


def read(reader: Callable[[object], Any], value: object) -> Any:
    return reading(reader, json.dumps(value))


def test_an_order_is_read_whole() -> None:
    assert read(orders.order, ORDER) == REPORT
    assert read(orders.orders, [ORDER, ORDER]) == (REPORT, REPORT)


def test_a_cancel_answers_with_the_orders_own_client_id() -> None:
    cancel = ORDER | {
        "origClientOrderId": "lw-1",
        "clientOrderId": "cancel-9",
        "status": "CANCELED",
    }
    found = read(orders.cancelled, cancel)
    assert (found.client_order_id, found.status) == ("lw-1", OrderStatus.CANCELED)


def test_words_of_the_future_are_unknown_and_never_another() -> None:
    new = ORDER | {"status": "MELTED", "type": "ICEBERG_2030", "timeInForce": "GTX"}
    found = read(orders.order, new)
    assert found.status is OrderStatus.UNKNOWN
    assert not found.status.is_final
    assert (found.type, found.time_in_force) == (OrderType.UNKNOWN, TimeInForce.UNKNOWN)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("symbol", ""),
        ("symbol", None),
        ("symbol", "\ud800"),
        ("orderId", "28"),
        ("orderId", 28.5),
        ("orderId", True),
        ("orderId", 1 << 70),
        ("clientOrderId", 7),
        ("side", "HOLD"),
        ("status", 5),
        ("origQty", 0.3),
        ("origQty", "-0.3"),
        ("origQty", "1e5"),
        ("origQty", "NaN"),
        ("origQty", "0.3 "),
        ("origQty", "٣"),
        ("origQty", "9" * 31),
        ("origQty", None),
        ("executedQty", ""),
        ("price", "-1"),
        ("transactTime", "now"),
        ("fills", {}),
        ("fills", [7]),
        ("fills", [{"price": "0.0", "qty": "1", "commission": "0", "commissionAsset": "BTC"}]),
    ],
)
def test_an_order_with_a_field_that_cannot_be_is_refused_by_its_name(
    field: str, value: object
) -> None:
    with pytest.raises(Unreadable) as refused:
        read(orders.order, ORDER | {field: value})
    assert field in str(refused.value)
    str(refused.value).encode()


@pytest.mark.parametrize(
    "field", ["symbol", "orderId", "clientOrderId", "side", "status", "origQty", "executedQty"]
)
def test_an_order_without_a_field_is_refused_by_its_name(field: str) -> None:
    with pytest.raises(Unreadable, match=f"{field}: .* is needed, not nothing"):
        read(orders.order, {name: value for name, value in ORDER.items() if name != field})


def test_only_an_order_of_a_list_may_wait_for_its_quantity() -> None:
    pending = {name: value for name, value in ORDER.items() if name != "origQty"}
    listed = pending | {"orderListId": 5}
    untouched = listed | {"executedQty": "0.0", "status": "PENDING_NEW"}
    assert read(orders.order, untouched).quantity is None
    assert read(orders.order, untouched | {"status": "CANCELED"}).quantity is None
    with pytest.raises(Unreadable, match="origQty"):
        read(orders.order, listed)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>502</html>", b"\xff", b'{"a":', b"NaN", b'{"a": Infinity}', b"[" * 100_000,
     b"1" * 10_000, b"null", b"[]", b'"text"'],
)  # fmt: skip
def test_what_is_no_order_at_all_is_refused(body: bytes) -> None:
    with pytest.raises(Unreadable):
        reading(orders.order, body)


def test_json_numbers_stay_exact() -> None:
    assert decode(b'{"a": 0.1}') == {"a": Decimal("0.1")}


def test_a_refusal_of_an_amount_by_its_own_type_is_unreadable_too() -> None:
    def too_strict(value: object) -> object:
        raise Failed(f"no {value}")

    with pytest.raises(Unreadable, match="no 1"):
        reading(too_strict, b"1")


def test_trades_tell_side_fee_and_maker() -> None:
    row = {
        "symbol": "BNBBTC", "id": 28457, "orderId": 100234, "orderListId": -1,
        "price": "4.00000100", "qty": "12.00000000", "quoteQty": "48.000012",
        "commission": "10.10000000", "commissionAsset": "BNB", "time": 1499865549590,
        "isBuyer": False, "isMaker": True, "isBestMatch": True,
    }  # fmt: skip
    assert read(orders.trades, [row]) == (
        Fill(
            symbol="BNBBTC",
            trade_id=28457,
            order_id=100234,
            side=Side.SELL,
            price=Price(Decimal("4.000001")),
            quantity=Quantity(Decimal(12)),
            commission=Money(Decimal("10.1"), "BNB"),
            time_ms=1499865549590,
            is_maker=True,
        ),
    )


LIST = {
    "orderListId": 5,
    "contingencyType": "OCO",
    "listStatusType": "EXEC_STARTED",
    "listOrderStatus": "EXECUTING",
    "listClientOrderId": "pair-1",
    "transactionTime": 1_565_245_913_483,
    "symbol": "BTCUSDT",
    "orders": [{"symbol": "BTCUSDT", "orderId": 28, "clientOrderId": "lw-1"}],
    "orderReports": [ORDER],
}


def test_a_list_holds_its_orders_and_their_reports() -> None:
    found = read(orders.order_list, LIST)
    assert found.orders == (ListedOrder(28, "lw-1"),)
    assert found.reports == (REPORT,)
    assert found.status is ListStatus.EXECUTING
    assert read(orders.cancelled, LIST) == found
    assert read(orders.all_cancelled, [LIST, ORDER]) == (found, REPORT)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"cancelResult": "SUCCESS", "newOrderResult": "SUCCESS",
             "cancelResponse": ORDER, "newOrderResponse": ORDER},
            Replacement(Acked(REPORT), Acked(REPORT)),
        ),
        (
            {"code": -2022, "msg": "Order cancel-replace failed.", "data": {
                "cancelResult": "FAILURE", "newOrderResult": "NOT_ATTEMPTED",
                "cancelResponse": {"code": -2011, "msg": "Unknown order sent."},
                "newOrderResponse": None}},
            Replacement(Refused(-2011, "Unknown order sent.", Reaction.ASK), NotAttempted()),
        ),
        (
            {"code": -2021, "msg": "Order cancel-replace partially failed.", "data": {
                "cancelResult": "SUCCESS", "newOrderResult": "FAILURE", "cancelResponse": ORDER,
                "newOrderResponse": {"code": -2010, "msg": "Order would trigger immediately."}}},
            Replacement(
                Acked(REPORT),
                Refused(-2010, "Order would trigger immediately.", Reaction.PRICE_MOVED),
            ),
        ),
    ],
)  # fmt: skip
def test_both_steps_of_a_replacement_have_their_own_result(body: object, expected: object) -> None:
    assert read(orders.replacement, body) == expected


@pytest.mark.parametrize(
    "steps",
    [
        {"cancelResult": "NOT_ATTEMPTED", "newOrderResult": "NOT_ATTEMPTED"},
        {"cancelResult": "SUCCESS", "cancelResponse": ORDER, "newOrderResult": "MAYBE"},
        {"cancelResult": "SUCCESS"},
        {"cancelResult": "FAILURE", "cancelResponse": {"code": 7, "msg": "odd"}},
    ],
)
def test_a_replacement_with_steps_that_cannot_be_is_refused(steps: object) -> None:
    with pytest.raises(Unreadable):
        read(orders.replacement, steps)


def kline(**changes: object) -> dict[str, Any]:
    open_time = 1_672_515_780_000
    row = {
        "t": open_time, "T": open_time + 59_999, "s": "BTCUSDT", "i": "1m", "f": 100, "L": 200,
        "o": "2.0", "c": "2.5", "h": "3.0", "l": "1.5", "v": "1000", "n": 100, "x": True,
        "q": "2100.5", "V": "500", "Q": "1050", "B": "0",
    }  # fmt: skip
    return {"e": "kline", "E": open_time + 60_001, "s": "BTCUSDT", "k": row | changes}


MINUTE = Candle(
    "BTCUSDT", Timeframe.parse("1m"), 1_672_515_780_000, 2.0, 3.0, 1.5, 2.5, 1000.0, 2100.5, 100,
    500.0,
)  # fmt: skip


def test_the_stream_and_rest_tell_the_same_candle() -> None:
    (update,) = read(market.market_event, {"stream": "btcusdt@kline_1m", "data": kline()})
    assert update == market.CandleUpdate(MINUTE, closed=True)
    row: list[Any] = [1_672_515_780_000, "2.0", "3.0", "1.5", "2.5", "1000", 1_672_515_839_999,
                      "2100.5", 100, "500", "1050", "0"]  # fmt: skip
    one_minute = Timeframe.parse("1m")
    assert read(lambda v: market.candles(v, "BTCUSDT", one_minute), [row]) == (MINUTE,)
    assert MINUTE.close_time_ms == 1_672_515_840_000
    for bad in ([row, row], [row[:9]], [7], [[row[0] + 1, *row[1:]]]):
        with pytest.raises(Unreadable):
            read(lambda v: market.candles(v, "BTCUSDT", one_minute), bad)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"i": "3d"}, "kline_3d"),
        ({"x": False, "o": "0", "h": "0", "l": "0", "c": "0"}, "kline before the first trade"),
        ({"t": 1_672_515_780_001}, "kline with a time zone"),
    ],
)
def test_candles_this_version_has_no_use_for_are_passed_over(
    changes: dict[str, object], kind: str
) -> None:
    assert read(market.market_event, kline(**changes)) == (market.Ignored(kind),)


@pytest.mark.parametrize("changes", [{"l": "2.2"}, {"h": "2.4"}, {"o": "0"}, {"x": "yes"}])
def test_a_candle_whose_prices_cross_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(Unreadable):
        read(market.market_event, kline(**changes))


def test_best_prices_that_cross_are_refused() -> None:
    told = {"u": 4, "s": "BNBUSDT", "b": "25.2", "B": "31.2", "a": "25.1", "A": "40.6"}
    asked = {"symbol": "BNBUSDT", "bidPrice": "25.2", "bidQty": "1", "askPrice": "25.1"}
    with pytest.raises(Unreadable, match=r"best bid 25\.2 is above the best ask 25\.1"):
        read(market.market_event, told)
    with pytest.raises(Unreadable, match="above the best ask"):
        read(market.best_prices, {**asked, "askQty": "1"})


def test_market_events_are_told_apart_with_and_without_a_name() -> None:
    book = {"u": 4, "s": "BNBUSDT", "b": "25.1", "B": "31.2", "a": "0.0", "A": "0.0"}
    assert read(market.market_event, book) == (
        market.BestPrices("BNBUSDT", Price(Decimal("25.1")), Quantity(Decimal("31.2")), None,
                          Quantity(Decimal("0.0"))),
    )  # fmt: skip
    partial = {"stream": "btcusdt@depth5",
               "data": {"lastUpdateId": 160, "bids": [["0.24", "10"]], "asks": []}}  # fmt: skip
    level = (Price(Decimal("0.24")), Quantity(Decimal(10)))
    assert read(market.market_event, partial) == (market.Depth("BTCUSDT", 160, 160, (level,), ()),)
    assert read(market.market_event, {"e": "serverShutdown", "E": 1}) == (market.ServerShutdown(),)
    assert read(market.market_event, {"e": "news", "E": 1}) == (market.Ignored("news"),)
    with pytest.raises(Unreadable, match="levels of price and quantity"):
        read(market.market_event, {"lastUpdateId": 1, "bids": [["0.24"]], "asks": []})


def test_a_symbol_that_never_traded_has_no_price() -> None:
    rows = [{"symbol": "A", "price": "0.00"}, {"symbol": "B", "lastPrice": "2"}]
    assert read(market.last_prices, rows) == (market.LastPrice("B", Price(Decimal(2))),)
    with pytest.raises(Unreadable):
        read(market.last_price, rows[0])
    assert read(market.reference_price, {"symbol": "A", "referencePrice": None}) is None


def test_the_rules_of_a_symbol_are_exact(binance_samples: Path) -> None:
    file = binance_samples / "recorded" / "exchangeInfo_mainnet_2026-09-25_4symbols.json"
    info = reading(rules.exchange_info, file.read_bytes())
    btc = info.symbols["BTCUSDT"]
    assert (btc.base, btc.quote, btc.status) == ("BTC", "USDT", SymbolStatus.TRADING)
    assert btc.price == Grid(Decimal("0.01"), Decimal(1_000_000), Decimal("0.01"))
    assert btc.lot == Grid(Decimal("0.00001"), Decimal(9000), Decimal("0.00001"))
    assert btc.market_lot == Grid(Decimal(0), Decimal("119.27356195"), Decimal(0))
    assert btc.notional == NotionalRule(
        Decimal(5), Decimal(9_000_000), least_for_market=True, most_for_market=False
    )
    assert btc.price_band == PriceBand(
        buy_down=Decimal("0.5"), buy_up=Decimal("1.2"), sell_down=Decimal("0.8"), sell_up=Decimal(2)
    )
    assert btc.caps == OrderCaps(orders=200, stops=5, lists=20, amends=10)
    assert btc.features == Features(*[True] * 7)
    assert OrderType.UNKNOWN not in btc.order_types
    assert {limit.kind: (limit.limit, limit.window_s) for limit in info.limits} == {
        "REQUEST_WEIGHT": (6000, 60),
        "ORDERS": (200_000, 86_400),
        "RAW_REQUESTS": (300_000, 300),
    }


def symbol_with(filters: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    symbol = {"symbol": "AB", "status": "TRADING", "baseAsset": "A", "quoteAsset": "B",
              "orderTypes": ["LIMIT", "TELEPATHY"], "filters": filters}  # fmt: skip
    return {"serverTime": 1, "rateLimits": [], "symbols": [symbol | changes]}


def test_what_is_new_in_exchange_info_is_a_notice() -> None:
    unknown = {"filterType": "T_PLUS_SELL", "endTime": 1}
    found = read(rules.exchange_info, symbol_with([unknown], status="ASLEEP")).symbols["AB"]
    assert found.notices == ("unknown filter T_PLUS_SELL", "unknown status ASLEEP")
    assert found.status is SymbolStatus.UNKNOWN
    assert found.order_types == {OrderType.LIMIT}
    assert found.lot.allows(Decimal("0.123"))


def test_the_older_form_of_the_notional_filter_counts() -> None:
    old = {"filterType": "MIN_NOTIONAL", "minNotional": "0.001", "applyToMarket": True}
    found = read(rules.exchange_info, symbol_with([old])).symbols["AB"]
    assert found.notional == NotionalRule(
        Decimal("0.001"), None, least_for_market=True, most_for_market=False
    )


def test_a_malformed_known_filter_is_refused() -> None:
    with pytest.raises(Unreadable, match="stepSize"):
        read(
            rules.exchange_info,
            symbol_with([{"filterType": "LOT_SIZE", "minQty": "1", "maxQty": "2"}]),
        )
    odd = {"rateLimitType": "ORDERS", "interval": "FORTNIGHT", "intervalNum": 1, "limit": 5}
    limits = {"serverTime": 1, "symbols": [], "rateLimits": [odd]}
    with pytest.raises(Unreadable, match="interval"):
        read(rules.exchange_info, limits)


def test_balances_of_zero_are_left_out() -> None:
    held = {"asset": "BTC", "free": "0.0", "locked": "0.5"}
    gone = {"asset": "ETH", "free": "0.0", "locked": "0.0"}
    found = read(rules.account, {"canTrade": True, "balances": [held, gone]})
    assert found.balances == (Balance(Money(Decimal(0), "BTC"), Money(Decimal("0.5"), "BTC")),)


def test_all_parts_of_a_commission_add_up() -> None:
    part = {"maker": "0.001", "taker": "0.002", "buyer": "0", "seller": "0"}
    body = {"symbol": "AB", "standardCommission": part, "taxCommission": part}
    assert read(rules.commission, body) == rules.Commission(Decimal("0.002"), Decimal("0.004"))
    with pytest.raises(Unreadable):
        read(rules.commission, {"symbol": "AB"})


def test_rights_of_a_key_must_name_the_ones_that_matter() -> None:
    rights = {"ipRestrict": True, "createTime": 1, "enableReading": True,
              "enableWithdrawals": False}  # fmt: skip
    assert read(rules.key_rights, rights) == {
        "ipRestrict": True,
        "enableReading": True,
        "enableWithdrawals": False,
    }
    with pytest.raises(Unreadable, match="enableWithdrawals"):
        read(rules.key_rights, rights | {"enableWithdrawals": "no"})


def test_of_a_symbol_that_is_listed_twice_the_earliest_end_to_come_counts() -> None:
    schedule = [
        {"delistTime": 1_686_222_232_000, "symbols": ["ETHUSDT", "ADAUSDT", "BNBUSDT"]},
        {"delistTime": 1_686_161_202_000, "symbols": ["ADAUSDT", "BNBUSDT"]},
        {"delistTime": 1_600_000_000_000, "symbols": ["BNBUSDT", "XRPUSDT"]},
    ]
    assert read(lambda value: rules.delistings(value, 1_686_000_000_000), schedule) == {
        "ETHUSDT": 1_686_222_232_000,
        "ADAUSDT": 1_686_161_202_000,
        "BNBUSDT": 1_686_161_202_000,
    }
    with pytest.raises(Unreadable, match="symbols"):
        read(lambda value: rules.delistings(value, 0), [{"delistTime": 1, "symbols": [5]}])


EXECUTION = {
    "e": "executionReport", "E": 2, "s": "BTCUSDT", "c": "lw-1", "S": "BUY", "o": "LIMIT",
    "f": "GTC", "q": "0.3", "p": "60000.1", "P": "0.0", "F": "0.0", "g": -1, "C": "",
    "x": "TRADE", "X": "PARTIALLY_FILLED", "r": "NONE", "i": 28, "l": "0.1", "z": "0.1",
    "L": "60000.1", "n": "0.0001", "N": "BTC", "T": 1_507_725_176_595, "t": 56, "I": 1, "w": True,
    "m": False, "M": True, "O": 1, "Z": "6000.01", "Y": "6000.01", "Q": "0.0", "V": "NONE",
}  # fmt: skip


def event(**changes: object) -> Any:
    return read(events.api_frame, {"subscriptionId": 0, "event": EXECUTION | changes})


def test_a_trade_event_and_the_answer_tell_the_same() -> None:
    assert event() == events.OrderEvent(REPORT, "TRADE", "NONE")


def test_a_cancel_event_names_the_order_and_not_the_cancel() -> None:
    found = event(x="CANCELED", X="CANCELED", c="cancel-9", C="lw-1")
    assert found.report.client_order_id == "lw-1"
    assert found.report.fills == ()


def test_an_event_without_price_or_quantity_is_a_hint_only() -> None:
    assert event(l="0.0").report.fills == ()
    assert event(L="0.0").report.fills == ()
    (free,) = event(n="0", N=None).report.fills
    assert free.commission is None
    with pytest.raises(Unreadable, match="asset of the commission"):
        event(N=None)


def test_an_expiry_event_carries_its_reason() -> None:
    assert event(x="EXPIRED", X="EXPIRED", eR="OCO_TRIGGER").report.expiry_reason == "OCO_TRIGGER"


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (
            {"id": "a", "status": 200, "result": {"subscriptionId": 0}, "rateLimits": []},
            events.ApiReply("a", 200, {"subscriptionId": 0}, None),
        ),
        (
            {"id": None, "status": 401, "error": {"code": -2015, "msg": "Invalid API-key."}},
            events.ApiReply(None, 401, None, Refused(-2015, "Invalid API-key.", Reaction.STOP)),
        ),
        ({"event": {"e": "serverShutdown", "E": 1}}, market.ServerShutdown()),
        ({"event": {"e": "eventStreamTerminated", "E": 1}}, events.StreamTerminated()),
        ({"event": {"e": "tomorrow"}}, market.Ignored("tomorrow")),
        (
            {"event": {"e": "balanceUpdate", "a": "BTC", "d": "-1.5", "T": 3}},
            events.CashFlowEvent(Money(Decimal("-1.5"), "BTC"), 3, external_lock=False),
        ),
        (
            {"event": {"e": "externalLockUpdate", "a": "BTC", "d": "1", "T": 3}},
            events.CashFlowEvent(Money(Decimal(1), "BTC"), 3, external_lock=True),
        ),
    ],
)
def test_frames_of_the_websocket_api_are_told_apart(frame: object, expected: object) -> None:
    assert read(events.api_frame, frame) == expected


@pytest.mark.parametrize(
    "frame",
    [
        {"id": [], "status": 200, "result": {}},
        {"id": 1, "status": "200", "result": {}},
        {"id": 1, "status": 200},
        {"id": 1, "status": 400, "error": "no"},
        {"event": 5},
        {"event": {"e": None}},
        {},
        5,
    ],
)
def test_frames_that_are_neither_answer_nor_event_are_refused(frame: object) -> None:
    with pytest.raises(Unreadable):
        read(events.api_frame, frame)


def test_an_acknowledgement_holds_ids_only() -> None:
    ack = {"symbol": "AB", "orderId": 4, "clientOrderId": "c", "transactTime": 1}
    assert read(orders.order_receipt, ack) == ("AB", 4, "c")
    with pytest.raises(Unreadable):
        read(orders.order, ack)
    with pytest.raises(Unreadable):
        read(orders.nothing, ack)
