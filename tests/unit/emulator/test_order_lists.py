"""Order lists: who locks what, who expires whom, and in which order it is told."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.emulated import (
    ME,
    SYMBOL,
    ask,
    balance,
    exchange_of,
    place_list,
    play,
    refusal,
    state,
    told,
    user_events,
)

from leeward.emulator.exchange import Exchange
from leeward.emulator.options import FeeRates
from leeward.emulator.requests import CancelRequest

DIP = (100.0, 101.0, 95.0, 100.5, 1000.0)
DIP_AND_RALLY = (100.0, 110.0, 95.0, 109.0, 1000.0)


def oco(exchange: Exchange, quantity: str = "1") -> object:
    return place_list(
        exchange,
        "OCO",
        ask("SELL", "LIMIT_MAKER", quantity, price="105", prefix="above"),
        ask("SELL", "STOP_LOSS_LIMIT", quantity, stop_price="95", price="94", prefix="below"),
    )


def otoco(exchange: Exchange, quantity: str = "1", pending: str = "1", **working: str) -> object:
    return place_list(
        exchange,
        "OTOCO",
        ask("BUY", "LIMIT", quantity, price=working.pop("price", "98"), **working),
        ask("SELL", "LIMIT_MAKER", pending, price="105", prefix="pendingAbove"),
        ask("SELL", "STOP_LOSS", pending, stop_price="90", prefix="pendingBelow"),
    )


def test_an_oco_is_told_stop_leg_first_and_locks_its_quantity_once() -> None:
    exchange = exchange_of()
    answer = oco(exchange)
    assert isinstance(answer, dict)
    assert told(user_events(exchange)) == ["EXEC_STARTED", "NEW NEW 1", "NEW NEW 2", "OAP"]
    assert [report["type"] for report in answer["orderReports"]] == [
        "STOP_LOSS_LIMIT",
        "LIMIT_MAKER",
    ]
    assert [report["workingTime"] for report in answer["orderReports"]] == [
        -1,
        answer["transactionTime"],
    ]
    assert balance(exchange, "TST") == (Decimal(999), Decimal(1))
    assert exchange.invariants() == []


def test_the_limit_leg_of_an_oco_expires_the_stop_before_it_trades() -> None:
    exchange = exchange_of(DIP_AND_RALLY, path="high_first")
    oco(exchange)
    user_events(exchange)
    assert told(play(exchange)) == ["EXPIRED EXPIRED 1 OCO_TRIGGER", "TRADE FILLED 2", "ALL_DONE",
                                    "OAP"]  # fmt: skip


def test_the_stop_leg_of_an_oco_expires_the_limit_and_enters_the_book() -> None:
    exchange = exchange_of((100.0, 101.0, 93.0, 94.5, 1000.0))
    oco(exchange)
    user_events(exchange)
    assert told(play(exchange)) == ["EXPIRED EXPIRED 2 OCO_TRIGGER", "NEW NEW 1", "TRADE FILLED 1",
                                    "ALL_DONE", "OAP"]  # fmt: skip
    assert exchange.order_list(ME, list_id=1)["listOrderStatus"] == "ALL_DONE"


def test_an_oco_to_buy_locks_the_dearer_leg_and_releases_the_rest() -> None:
    exchange = exchange_of((100.0, 101.0, 94.0, 100.0, 1000.0))
    place_list(
        exchange,
        "OCO",
        ask("BUY", "STOP_LOSS_LIMIT", "10", stop_price="105", price="106", prefix="above"),
        ask("BUY", "LIMIT_MAKER", "10", price="95", prefix="below"),
    )
    assert balance(exchange, "USDT") == (Decimal(98940), Decimal(1060))
    play(exchange)
    assert balance(exchange, "USDT") == (Decimal(99050), Decimal(0))
    assert exchange.invariants() == []


def test_cancelling_one_leg_cancels_the_list() -> None:
    exchange = exchange_of()
    oco(exchange)
    user_events(exchange)
    answer = exchange.cancel(ME, CancelRequest(SYMBOL, 2, new_client_order_id="gone"))
    assert (answer["listStatusType"], answer["listOrderStatus"]) == ("ALL_DONE", "ALL_DONE")
    reports = answer["orderReports"]
    assert isinstance(reports, list)
    assert [(r["status"], r["clientOrderId"]) for r in reports] == [("CANCELED", "gone")] * 2
    assert told(user_events(exchange)) == [
        "CANCELED CANCELED 1",
        "CANCELED CANCELED 2",
        "ALL_DONE",
        "OAP",
    ]
    assert balance(exchange, "TST") == (Decimal(1000), Decimal(0))


@pytest.mark.parametrize(
    ("above", "below", "code"),
    [
        (("SELL", "LIMIT_MAKER", "105"), ("SELL", "LIMIT_MAKER", "95"), -1168),
        (("SELL", "STOP_LOSS", "105"), ("SELL", "STOP_LOSS", "95"), -1197),
        (("SELL", "STOP_LOSS", "105"), ("SELL", "LIMIT_MAKER", "95"), -1166),
        (("SELL", "LIMIT_MAKER", "105"), ("SELL", "TAKE_PROFIT", "95"), -1199),
        (("BUY", "LIMIT_MAKER", "105"), ("BUY", "STOP_LOSS", "95"), -1165),
        (("BUY", "TAKE_PROFIT", "105"), ("BUY", "LIMIT_MAKER", "95"), -1198),
        (("BUY", "STOP_LOSS", "105"), ("BUY", "STOP_LOSS", "95"), -1196),
        (("SELL", "LIMIT_MAKER", "99"), ("SELL", "STOP_LOSS", "95"), -2010),
        (("SELL", "LIMIT_MAKER", "105"), ("SELL", "STOP_LOSS", "101"), -2010),
        (("SELL", "MARKET", None), ("SELL", "STOP_LOSS", "95"), -1158),
    ],
)
def test_an_oco_on_the_wrong_sides_is_refused(
    above: tuple[str, str, str | None], below: tuple[str, str, str], code: int
) -> None:
    exchange = exchange_of()
    legs = []
    for prefix, (side, kind, price) in (("above", above), ("below", below)):
        name = "price" if kind == "LIMIT_MAKER" else "stop_price"
        legs.append(ask(side, kind, "1", prefix=prefix, **({name: price} if price else {})))
    assert refusal(place_list, exchange, "OCO", *legs)[0] == code
    assert exchange.open_orders(ME) == []
    assert exchange.invariants() == []


def test_pending_legs_wait_for_a_full_fill_and_then_work() -> None:
    exchange = exchange_of(DIP)
    answer = otoco(exchange)
    assert isinstance(answer, dict)
    assert answer["contingencyType"] == "OTO"
    assert [r["status"] for r in answer["orderReports"]] == ["NEW", "PENDING_NEW", "PENDING_NEW"]
    assert [r["workingTime"] for r in answer["orderReports"]][1:] == [-1, -1]
    assert told(user_events(exchange)) == [
        "EXEC_STARTED", "NEW NEW 1", "NEW PENDING_NEW 2", "NEW PENDING_NEW 3", "OAP",
    ]  # fmt: skip
    assert balance(exchange, "TST") == (Decimal(1000), Decimal(0))
    assert told(play(exchange)) == ["TRADE FILLED 1", "NEW NEW 2", "NEW NEW 3", "OAP"]
    assert balance(exchange, "TST") == (Decimal(1000), Decimal(1))
    assert exchange.invariants() == []


def test_a_part_fill_of_the_working_leg_leaves_the_bought_part_unprotected() -> None:
    exchange = exchange_of(DIP, participation=Decimal("0.001"))
    otoco(exchange, "10", "10")
    play(exchange)
    assert state(exchange, 1)["status"] == "PARTIALLY_FILLED"
    assert state(exchange, 2)["status"] == "PENDING_NEW"
    exchange.cancel_list(ME, SYMBOL, list_id=1)
    assert {state(exchange, n)["status"] for n in (1, 2, 3)} == {"CANCELED"}
    assert exchange.open_orders(ME) == []
    assert balance(exchange, "TST")[1] == 0


def test_the_fee_trap_pending_legs_for_the_full_quantity_expire_for_lack_of_funds() -> None:
    exchange = exchange_of(DIP, balances={"USDT": "1000"}, fees=FeeRates())
    otoco(exchange)
    user_events(exchange)
    assert told(play(exchange)) == [
        "TRADE FILLED 1", "EXPIRED EXPIRED 2 REJECTED", "EXPIRED EXPIRED 3 REJECTED", "ALL_DONE",
        "OAP",
    ]  # fmt: skip
    assert balance(exchange, "TST") == (Decimal("0.999"), Decimal(0))


def test_an_opo_sells_what_was_bought_net_of_the_fee_cut_to_lots() -> None:
    exchange = exchange_of(DIP, balances={"USDT": "1000"}, fees=FeeRates(maker=Decimal("0.00077")))
    answer = place_list(
        exchange,
        "OPOCO",
        ask("BUY", "LIMIT", "1", price="98"),
        ask("SELL", "LIMIT_MAKER", price="105", prefix="pendingAbove"),
        ask("SELL", "STOP_LOSS", stop_price="90", prefix="pendingBelow"),
    )
    reports = answer["orderReports"]
    assert isinstance(reports, list)
    assert "origQty" not in reports[1]
    play(exchange)
    assert state(exchange, 2)["origQty"] == "0.99920000"  # of 0.99923, lots of 0.0001
    assert balance(exchange, "TST") == (Decimal("0.00003"), Decimal("0.9992"))
    assert exchange.invariants() == []


def test_what_an_opo_has_bought_so_far_is_locked_at_once() -> None:
    exchange = exchange_of(DIP, balances={"USDT": "1000"}, participation=Decimal("0.001"))
    place_list(exchange, "OPO", ask("BUY", "LIMIT", "10", price="98"), ask("SELL", "MARKET"))
    play(exchange)
    free, locked = balance(exchange, "TST")
    assert (free, locked > 0) == (Decimal(0), True)
    assert exchange.invariants() == []
    exchange.cancel_list(ME, SYMBOL, list_id=1)
    assert balance(exchange, "TST") == (locked, Decimal(0))


def test_opo_sides_are_refused_by_their_own_codes() -> None:
    exchange = exchange_of()
    buy, sell = ask("BUY", "LIMIT", "1", price="98"), ask("SELL", "LIMIT", "1", price="103")
    assert refusal(place_list, exchange, "OPO", sell, ask("SELL", "MARKET"))[0] == -1222
    assert refusal(place_list, exchange, "OPO", buy, ask("BUY", "MARKET"))[0] == -1223


def test_a_working_ioc_that_expires_takes_its_pending_legs_along() -> None:
    exchange = exchange_of()
    otoco(exchange, time_in_force="IOC")
    assert told(user_events(exchange)) == [
        "EXEC_STARTED", "NEW NEW 1", "NEW PENDING_NEW 2", "NEW PENDING_NEW 3",
        "EXPIRED EXPIRED 1 UNFILLED_IOC_QUANTITY_EXPIRED",
        "EXPIRED EXPIRED 2 OTO_PHASE_ONE_EXPIRED", "EXPIRED EXPIRED 3 OTO_PHASE_ONE_EXPIRED",
        "ALL_DONE", "OAP",
    ]  # fmt: skip
    assert balance(exchange, "USDT") == (Decimal(100000), Decimal(0))


def test_a_working_leg_that_fills_at_once_still_answers_pending() -> None:
    exchange = exchange_of()
    answer = otoco(exchange, price="101", time_in_force="FOK")
    assert isinstance(answer, dict)
    assert [r["status"] for r in answer["orderReports"]] == ["FILLED", "PENDING_NEW", "PENDING_NEW"]
    assert state(exchange, 2)["status"] == "NEW"
    assert exchange.invariants() == []


def test_a_pending_stop_met_later_on_the_same_way_down_fires_in_the_same_bar() -> None:
    exchange = exchange_of((100.0, 101.0, 85.0, 86.0, 1000.0))
    otoco(exchange)
    play(exchange)
    assert state(exchange, 1)["status"] == "FILLED"
    assert state(exchange, 2)["status"] == "FILLED"
    prices = [row["price"] for row in exchange.my_trades(ME, SYMBOL)]
    assert prices == ["98.00000000", "90.00000000"]


def test_lists_are_found_by_either_id_and_refused_when_unknown() -> None:
    exchange = exchange_of()
    oco(exchange)
    found = exchange.order_list(ME, list_id=1)
    name = str(found["listClientOrderId"])
    assert exchange.order_list(ME, list_client_order_id=name) == found
    assert exchange.open_order_lists(ME) == exchange.all_order_lists(ME) == [found]
    assert refusal(exchange.order_list, ME, list_id=9)[0] == -2018
    assert refusal(exchange.cancel_list, ME, SYMBOL, list_id=9) == (-2011, "Unknown order sent.")
    exchange.cancel_open_orders(ME, SYMBOL)
    assert exchange.open_order_lists(ME) == []


def test_a_leg_that_self_trade_prevention_ends_takes_the_other_along() -> None:
    exchange = exchange_of(spread_bps=Decimal(1000))
    place_list(
        exchange,
        "OCO",
        ask("SELL", "LIMIT_MAKER", "1", price="101", prefix="above"),
        ask("SELL", "STOP_LOSS", "1", stop_price="95", prefix="below"),
    )
    user_events(exchange)
    exchange.place(ME, ask("BUY", "LIMIT", "1", price="101"))
    assert state(exchange, 2)["status"] == "EXPIRED_IN_MATCH"
    assert state(exchange, 1)["expiryReason"] == "OCO_TRIGGER"
    assert balance(exchange, "TST") == (Decimal(1000), Decimal(0))
    assert exchange.invariants() == []


def test_a_pending_market_order_by_quote_is_sized_when_it_enters() -> None:
    exchange = exchange_of(DIP)
    spend = ask("BUY", "MARKET", quote_order_qty="500", prefix="pending")
    place_list(exchange, "OTO", ask("BUY", "LIMIT", "1", price="98"), spend)
    play(exchange)
    assert state(exchange, 2)["status"] == "FILLED"
    assert exchange.invariants() == []


def test_one_leg_expired_by_hand_ends_the_list() -> None:
    exchange = exchange_of()
    oco(exchange)
    exchange.expire_order(SYMBOL, 1)
    assert exchange.open_orders(ME) == []
    assert balance(exchange, "TST") == (Decimal(1000), Decimal(0))
