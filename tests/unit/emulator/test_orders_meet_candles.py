"""Candle tables: what resting orders and stops do inside a bar."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.emulated import (
    FLAT,
    ask,
    balance,
    dec,
    exchange_of,
    place,
    place_list,
    play,
    refusal,
    state,
    told,
    user_events,
)

from leeward.emulator.exchange import Exchange

DIP = (100.0, 101.0, 95.0, 100.5, 1000.0)
GAP_DOWN = (90.0, 91.0, 88.0, 89.0, 1000.0)
RALLY = (100.0, 110.0, 99.5, 109.0, 1000.0)


def fills(exchange: Exchange, order_id: int) -> list[tuple[object, object]]:
    rows = exchange.my_trades("me", "TSTUSDT", order_id=order_id)
    return [(row["price"], row["qty"]) for row in rows]


def test_a_buy_limit_below_the_low_rests_and_one_above_it_fills_at_its_own_price() -> None:
    exchange = exchange_of(DIP)
    place(exchange, "BUY", "LIMIT", "1", price="94.99")
    place(exchange, "BUY", "LIMIT", "1", price="96")
    user_events(exchange)
    assert told(play(exchange)) == ["TRADE FILLED 2", "OAP"]
    assert fills(exchange, 2) == [("96.00000000", "1.00000000")]
    assert state(exchange, 1)["status"] == "NEW"
    assert exchange.invariants() == []


def test_the_mere_touch_of_a_limit_fills_only_when_told_so() -> None:
    for touch, status in ((False, "NEW"), (True, "FILLED")):
        exchange = exchange_of(DIP, touch_fills=touch, depth_fraction=Decimal(100))
        place(exchange, "BUY", "LIMIT", "1", price="95")
        play(exchange)
        assert state(exchange, 1)["status"] == status


def test_a_limit_larger_than_its_share_of_the_volume_fills_in_parts() -> None:
    exchange = exchange_of(DIP, DIP, participation=Decimal("0.1"))
    place(exchange, "BUY", "LIMIT", "500", price="96")
    events = play(exchange)
    assert told(events)[-2:] == ["TRADE PARTIALLY_FILLED 1", "OAP"]
    done = dec(state(exchange, 1)["executedQty"])
    assert 0 < done < 500
    play(exchange)
    assert done < dec(state(exchange, 1)["executedQty"])
    assert exchange.invariants() == []


def test_a_stop_inside_the_bar_fills_at_its_price_and_after_a_gap_at_the_open() -> None:
    exchange = exchange_of(DIP)
    place(exchange, "SELL", "STOP_LOSS", "1", stop_price="97")
    user_events(exchange)
    events = play(exchange)
    assert told(events) == ["NEW NEW 1", "TRADE FILLED 1", "OAP"]
    assert fills(exchange, 1) == [("97.00000000", "1.00000000")]
    gapped = exchange_of(GAP_DOWN)
    place(gapped, "SELL", "STOP_LOSS", "1", stop_price="97")
    play(gapped)
    assert fills(gapped, 1) == [("90.00000000", "1.00000000")]


def test_a_gap_through_a_stop_limit_leaves_it_resting_unfilled() -> None:
    exchange = exchange_of(GAP_DOWN)
    place(exchange, "SELL", "STOP_LOSS_LIMIT", "1", stop_price="97", price="96.5")
    user_events(exchange)
    assert told(play(exchange)) == ["NEW NEW 1", "OAP"]
    order = state(exchange, 1)
    assert (order["status"], order["isWorking"]) == ("NEW", True)
    assert balance(exchange, "TST") == (Decimal(999), Decimal(1))


def test_a_take_profit_triggers_on_the_rise_and_sells_at_its_price() -> None:
    exchange = exchange_of(RALLY)
    place(exchange, "SELL", "TAKE_PROFIT", "1", stop_price="105")
    place(exchange, "BUY", "STOP_LOSS", "1", stop_price="106")
    play(exchange)
    assert fills(exchange, 1) == [("104.99000000", "1.00000000")]
    assert fills(exchange, 2) == [("106.00000000", "1.00000000")]
    assert exchange.invariants() == []


def test_a_stop_that_the_price_has_passed_is_refused() -> None:
    exchange = exchange_of()
    wrong = (-2010, "Order would trigger immediately.")
    for side, kind, stop in (
        ("SELL", "STOP_LOSS", "100"),
        ("BUY", "STOP_LOSS", "99"),
        ("SELL", "TAKE_PROFIT", "99"),
        ("BUY", "TAKE_PROFIT", "101"),
    ):
        assert refusal(place, exchange, side, kind, "1", stop_price=stop) == wrong


def test_a_trailing_stop_follows_the_high_and_fires_at_exactly_its_distance() -> None:
    exchange = exchange_of((100.0, 110.0, 100.0, 104.0, 1000.0))
    place(exchange, "SELL", "STOP_LOSS", "1", trailing_delta=500)  # 5 %
    play(exchange)
    # The high of 110 gives 104.50, reached on the way down to 104.
    assert fills(exchange, 1) == [("104.50000000", "1.00000000")]
    assert state(exchange, 1)["trailingDelta"] == 500
    assert state(exchange, 1)["trailingTime"] != -1


def test_a_trailing_stop_with_a_stop_price_starts_there() -> None:
    exchange = exchange_of((100.0, 108.0, 99.0, 103.0, 1000.0), path="high_first")
    place(exchange, "SELL", "TAKE_PROFIT", "1", trailing_delta=200, stop_price="105")
    assert state(exchange, 1)["trailingTime"] == -1
    play(exchange)
    assert fills(exchange, 1) == [("105.84000000", "1.00000000")]  # 2 % below 108


def test_trailing_buys_fire_on_the_rise_from_the_low() -> None:
    exchange = exchange_of((100.0, 100.0, 95.0, 100.0, 1000.0))
    place(exchange, "BUY", "TAKE_PROFIT", "1", trailing_delta=100)  # 1 %
    play(exchange)
    assert fills(exchange, 1) == [("95.95000000", "1.00000000")]


@pytest.mark.parametrize(("path", "filled", "expired"), [("low_first", 1, 2), ("high_first", 2, 1)])
def test_of_an_oco_touched_on_both_sides_the_path_decides(
    path: str, filled: int, expired: int
) -> None:
    exchange = exchange_of((100.0, 106.0, 94.0, 100.0, 1000.0), path=path)
    place_list(
        exchange,
        "OCO",
        ask("SELL", "LIMIT_MAKER", "1", price="105", prefix="above"),
        ask("SELL", "STOP_LOSS", "1", stop_price="95", prefix="below"),
    )
    assert balance(exchange, "TST") == (Decimal(999), Decimal(1))
    play(exchange)
    assert state(exchange, filled)["status"] == "FILLED"
    other = state(exchange, expired)
    assert (other["status"], other["expiryReason"]) == ("EXPIRED", "OCO_TRIGGER")
    assert balance(exchange, "TST") == (Decimal(999), Decimal(0))
    assert exchange.invariants() == []


def test_an_iceberg_shows_its_part_and_fills_whole_when_the_price_goes_through() -> None:
    exchange = exchange_of(DIP)
    place(exchange, "BUY", "LIMIT", "10", price="99", iceberg_qty="2")
    bids = exchange.depth("TSTUSDT", 5)["bids"]
    assert isinstance(bids, list)
    play(exchange)
    assert state(exchange, 1)["status"] == "FILLED"
    assert state(exchange, 1)["icebergQty"] == "2.00000000"


def test_nothing_fills_while_trading_is_halted_and_the_return_is_a_jump() -> None:
    exchange = exchange_of(DIP, GAP_DOWN)
    place(exchange, "SELL", "STOP_LOSS", "1", stop_price="97")
    user_events(exchange)
    exchange.set_symbol_status("TSTUSDT", "HALT")
    assert play(exchange) == []
    exchange.set_symbol_status("TSTUSDT", "TRADING")
    play(exchange)
    assert fills(exchange, 1) == [("90.00000000", "1.00000000")]


def test_a_flat_market_changes_nothing() -> None:
    exchange = exchange_of(FLAT, FLAT)
    place(exchange, "BUY", "LIMIT", "1", price="99")
    place(exchange, "SELL", "STOP_LOSS", "1", stop_price="99")
    user_events(exchange)
    assert play(exchange, 2) == []


def test_a_stop_to_buy_uses_what_it_locked_and_expires_where_that_is_too_little() -> None:
    for bar, status in (((100.0, 106.0, 100.0, 106.0, 1000.0), "FILLED"),
                        ((110.0, 111.0, 110.0, 111.0, 1000.0), "EXPIRED")):  # fmt: skip
        exchange = exchange_of(bar, balances={"USDT": "105"})
        place(exchange, "BUY", "STOP_LOSS", "1", stop_price="105")
        assert balance(exchange, "USDT") == (Decimal(0), Decimal(105))
        play(exchange)
        order = state(exchange, 1)
        assert order["status"] == status
        assert order.get("expiryReason") == ("REJECTED" if status == "EXPIRED" else None)
        assert balance(exchange, "USDT")[1] == 0
        assert exchange.invariants() == []


@pytest.mark.parametrize(("side", "first"), [("SELL", "95.00000000"), ("BUY", "105.00000000")])
def test_the_adverse_path_visits_the_extreme_that_hurts_open_stops_first(
    side: str, first: str
) -> None:
    exchange = exchange_of((100.0, 105.0, 95.0, 101.0, 1000.0), path="adverse")
    place(exchange, side, "STOP_LOSS", "1", stop_price="90" if side == "SELL" else "110")
    exchange.watch("tstusdt@trade")
    exchange.drain()
    exchange.advance(exchange.time_us + 60_000_000)
    prices = [m.payload["p"] for m in exchange.drain() if isinstance(m.payload, dict)]
    assert prices[:2] == ["100.00000000", first]


def test_volume_at_a_limits_price_wears_the_queue_down_before_it_fills() -> None:
    exchange = exchange_of((99.0, 99.0, 99.0, 99.0, 1000.0), ticks_per_bar=4)
    place(exchange, "BUY", "LIMIT", "1", price="99")
    user_events(exchange)
    sold = [state(exchange, 1)["executedQty"]]
    for _ in range(30):
        exchange.print_trade("TSTUSDT", Decimal(99), Decimal(1000), buyer_maker=True)
        sold.append(state(exchange, 1)["executedQty"])
    assert sold[1] == "0.00000000"  # what stood there before goes first
    assert sold[-1] == "1.00000000"
    assert exchange.invariants() == []


def test_the_next_part_of_an_iceberg_queues_behind_orders_that_came_meanwhile() -> None:
    exchange = exchange_of()
    exchange.withdraw_liquidity("TSTUSDT")
    place(exchange, "BUY", "LIMIT", "4", price="99", iceberg_qty="1")
    place(exchange, "BUY", "LIMIT", "1", price="99")
    for iceberg, plain in (("1", "0"), ("1", "1"), ("2", "1")):
        exchange.print_trade("TSTUSDT", Decimal(99), Decimal(1), buyer_maker=True)
        assert dec(state(exchange, 1)["executedQty"]) == Decimal(iceberg)
        assert dec(state(exchange, 2)["executedQty"]) == Decimal(plain)
