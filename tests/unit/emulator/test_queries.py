"""What an account and the public may ask, page by page, and how a broken book shows."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from tests.emulated import (
    ME,
    START_MS,
    SYMBOL,
    ask,
    exchange_of,
    place,
    place_list,
    refusal,
)

from leeward.emulator.requests import Page
from leeward.emulator.symbols import symbol_rules
from leeward.emulator.units import UNIT, column_units, units


def test_histories_are_paged_from_either_end() -> None:
    exchange = exchange_of()
    for n in range(6):
        place(exchange, "BUY", "MARKET", str(n + 1))
        exchange.advance(exchange.time_us + 1_000_000)
    orders = exchange.all_orders(ME, SYMBOL)
    assert [order["orderId"] for order in orders] == [1, 2, 3, 4, 5, 6]
    times = [order["time"] for order in orders]
    assert isinstance(times[2], int)
    for page, found in (
        (Page(limit=2), [5, 6]),
        (Page(from_id=2, limit=2), [2, 3]),
        (Page(start_ms=times[2], limit=2), [3, 4]),
        (Page(end_ms=times[2], limit=2), [2, 3]),
        (Page(start_ms=times[2], end_ms=times[2]), [3]),
    ):
        assert [order["orderId"] for order in exchange.all_orders(ME, SYMBOL, page)] == found
    trades = exchange.my_trades(ME, SYMBOL, order_id=3)
    assert [trade["qty"] for trade in trades] == ["3.00000000"]
    first = trades[0]["id"]
    assert isinstance(first, int)
    assert exchange.my_trades(ME, SYMBOL, Page(from_id=first))[0]["id"] == first


def test_unknown_ids_accounts_and_symbols_are_refused() -> None:
    exchange = exchange_of()
    place(exchange, "BUY", "LIMIT", "1", price="99", client_order_id="mine")
    assert refusal(exchange.order, ME, SYMBOL, order_id=9)[0] == -2013
    assert refusal(exchange.order, ME, SYMBOL)[0] == -1102
    assert refusal(exchange.order, ME, SYMBOL, order_id=1, client_order_id="other")[0] == -2039
    assert exchange.order(ME, SYMBOL, order_id=1, client_order_id="mine")["orderId"] == 1
    exchange.add_account("you", {})
    assert refusal(exchange.order, "you", SYMBOL, order_id=1)[0] == -2013
    assert refusal(exchange.account_info, "nobody")[0] == -2015
    assert refusal(exchange.depth, "NOUSDT") == (-1121, "Invalid symbol.")
    assert refusal(exchange.ticker_window, [SYMBOL], "99x")[0] == -1130
    assert refusal(exchange.reference_price, SYMBOL)[0] == -2043


def test_what_a_symbol_does_not_allow_is_refused_by_name() -> None:
    bare = replace(
        symbol_rules(SYMBOL, 100.0), iceberg=False, trailing=False, oco=False, oto=False,
        amend=False, peg=False, order_types=("LIMIT",),
    )  # fmt: skip
    exchange = exchange_of(rules=bare)
    for given, word in (
        (("BUY", "MARKET", "1", {}), "Market orders"),
        (("BUY", "LIMIT", "1", {"price": "99", "iceberg_qty": "0.5"}), "Iceberg orders"),
        (("BUY", "LIMIT", "1", {"price": "99", "peg_price_type": "PRIMARY_PEG"}), "Pegged orders"),
    ):
        side, kind, quantity, fields = given
        code, text = refusal(place, exchange, side, kind, quantity, **fields)
        assert (code, text) == (-2010, f"{word} are not supported for this symbol.")
    legs = (ask("BUY", "LIMIT", "1", price="99"), ask("SELL", "LIMIT", "1", price="101"))
    assert refusal(place_list, exchange, "OTO", *legs)[0] == -2010
    wrong = {"stp_mode": "SOMETIMES"}
    assert refusal(place, exchange, "BUY", "LIMIT", "1", price="99", **wrong)[0] == -1130


def test_public_trades_and_filters_of_an_account() -> None:
    exchange = exchange_of((100.0, 102.0, 99.0, 101.0, 10.0))
    exchange.advance(exchange.time_us + 60_000_000)
    trades = exchange.trades(SYMBOL)
    assert exchange.trades(SYMBOL, 2) == trades[-2:]
    third = trades[2]["id"]
    assert isinstance(third, int)
    assert exchange.trades(SYMBOL, 1, from_id=third) == trades[2:3]
    bundles = exchange.agg_trades(SYMBOL)
    assert exchange.agg_trades(SYMBOL, Page(limit=1)) == bundles[-1:]
    assert exchange.agg_trades(SYMBOL, Page(from_id=2, limit=1)) == bundles[1:2]
    assert exchange.agg_trades(SYMBOL, Page(end_ms=START_MS + 60_000)) == bundles[:1]
    kept = exchange.my_filters(ME, SYMBOL)["symbolFilters"]
    assert isinstance(kept, list)
    names = [entry["filterType"] for entry in kept]
    assert "MAX_NUM_ORDERS" in names
    rules = exchange.execution_rules([SYMBOL])
    assert rules == {"symbolRules": [{"symbol": SYMBOL, "rules": []}]}
    assert exchange.exchange_info(status="HALT")["symbols"] == []


def test_the_audit_names_money_that_appeared_and_locks_without_an_order() -> None:
    exchange = exchange_of()
    place(exchange, "BUY", "LIMIT", "1", price="99")
    account = exchange._floor.account(ME)
    account.balance("USDT").free += 5
    account.balance("TST").locked += 1
    account.balance("TST").free -= 1
    wrong = exchange.invariants()
    assert "USDT: 5 units appeared or vanished" in wrong
    assert f"{ME}: TST has 1 locked, open orders hold 0" in wrong


def test_units_are_exact_also_where_floats_are_large() -> None:
    assert column_units(np.array([0.1, np.nan])).tolist() == [UNIT // 10, 0]
    huge = column_units(np.array([123_456_789_012.5, 0.00000001])).tolist()
    assert huge == [12_345_678_901_250_000_000, 1]
    assert units(Decimal("1.00000001"), "price") == UNIT + 1
    with pytest.raises(Exception, match="'price' has too much precision"):
        units(Decimal("1.000000001"), "price")


def test_finer_bars_before_the_first_trade_are_flat() -> None:
    exchange = exchange_of()
    rows = exchange.klines(SYMBOL, "1s", limit=3, start_ms=START_MS + 10_000)
    assert [row[1:6] for row in rows] == [["100.00000000"] * 4 + ["0.00000000"]] * 3
    assert [row[0] for row in rows] == [START_MS + 10_000 + 1000 * n for n in range(3)]
