"""What the owner of the emulator may do by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.emulated import (
    ME,
    START_MS,
    SYMBOL,
    ask,
    balance,
    exchange_of,
    minute_candles,
    place,
    place_list,
    refusal,
    state,
    told,
    user_events,
)

from leeward.domain.errors import BadUsage
from leeward.emulator.exchange import Exchange
from leeward.emulator.options import Options
from leeward.emulator.symbols import symbol_rules


def test_deposits_and_withdrawals_are_told_and_cannot_overdraw() -> None:
    exchange = exchange_of()
    exchange.deposit(ME, "USDT", Decimal("-400.5"))
    assert told(user_events(exchange)) == ["balanceUpdate", "OAP"]
    assert balance(exchange, "USDT") == (Decimal("99599.5"), Decimal(0))
    assert refusal(exchange.deposit, ME, "USDT", Decimal(-100_000))[0] == -2010
    exchange.set_balance(ME, "USDT", Decimal(5))
    assert balance(exchange, "USDT") == (Decimal(5), Decimal(0))
    assert exchange.invariants() == []


def test_an_external_lock_takes_free_funds_away() -> None:
    exchange = exchange_of(balances={"USDT": "100"})
    exchange.external_lock(ME, "USDT", Decimal(80))
    assert told(user_events(exchange)) == ["externalLockUpdate", "OAP"]
    assert refusal(place, exchange, "BUY", "MARKET", "0.5")[0] == -2010
    assert exchange.invariants() == []
    exchange.external_lock(ME, "USDT", Decimal(-80))
    assert balance(exchange, "USDT") == (Decimal(100), Decimal(0))
    assert refusal(exchange.external_lock, ME, "USDT", Decimal(-1))[0] == -2010


def test_a_scripted_price_jumps_through_stops() -> None:
    exchange = exchange_of()
    place(exchange, "SELL", "STOP_LOSS", "1", stop_price="97")
    exchange.script_prices(SYMBOL, [Decimal(99), Decimal(80)])
    assert exchange.my_trades(ME, SYMBOL)[0]["price"] in {"79.99000000", "80.00000000"}
    assert exchange.ticker_price([SYMBOL])[0]["price"] == "80.00000000"
    assert exchange.invariants() == []


def test_the_exchange_cancels_with_its_own_reason_lists_included() -> None:
    exchange = exchange_of()
    place(exchange, "BUY", "LIMIT", "1", price="99")
    legs = (ask("SELL", "LIMIT_MAKER", "1", price="105", prefix="above"),
            ask("SELL", "STOP_LOSS", "1", stop_price="95", prefix="below"))  # fmt: skip
    place_list(exchange, "OCO", *legs)
    oto = (ask("BUY", "LIMIT", "1", price="95"), ask("SELL", "MARKET", "1"))
    place_list(exchange, "OTO", *oto)
    assert exchange.exchange_cancel(symbol=SYMBOL) == 5
    reasons = [state(exchange, n)["expiryReason"] for n in (1, 2, 3, 4)]
    assert reasons == ["EXCHANGE_CANCELED"] * 4
    assert exchange.open_orders(ME) == exchange.open_order_lists(ME) == []
    assert balance(exchange, "USDT")[1] == balance(exchange, "TST")[1] == 0
    assert exchange.invariants() == []


def test_delisting_expires_what_is_open() -> None:
    exchange = exchange_of()
    place(exchange, "BUY", "LIMIT", "1", price="99")
    exchange.set_symbol_status(SYMBOL, "BREAK", delist=True)
    assert state(exchange, 1)["status"] == "EXPIRED"
    assert exchange.symbol_status(SYMBOL) == "BREAK"
    with pytest.raises(BadUsage, match="unknown status 'HALTED'"):
        exchange.set_symbol_status(SYMBOL, "HALTED")


def test_an_order_can_be_part_filled_by_hand_then_expired() -> None:
    exchange = exchange_of()
    place(exchange, "BUY", "LIMIT", "2", price="99")
    exchange.fill_order(SYMBOL, 1, Decimal("0.5"))
    assert state(exchange, 1)["status"] == "PARTIALLY_FILLED"
    exchange.exchange_cancel(ME)
    order = state(exchange, 1)
    assert (order["status"], order["executedQty"]) == ("EXPIRED", "0.50000000")
    assert exchange.invariants() == []
    assert refusal(exchange.fill_order, SYMBOL, 1, Decimal(1))[0] == -2011


def test_an_account_that_may_not_trade_is_refused() -> None:
    exchange = exchange_of()
    exchange.set_can_trade(ME, allowed=False)
    text = "This account may not place or cancel orders."
    assert refusal(place, exchange, "BUY", "MARKET", "1") == (-2010, text)
    assert exchange.account_info(ME)["canTrade"] is False


def test_truth_shows_everything() -> None:
    exchange = exchange_of()
    place(exchange, "BUY", "MARKET", "1")
    truth = exchange.truth()
    accounts = truth["accounts"]
    assert isinstance(accounts, dict)
    assert accounts[ME]["orders"][0]["status"] == "FILLED"
    assert accounts[ME]["trades"][0]["qty"] == "1.00000000"
    assert truth["house"] == {"TST": "-1.00000000", "USDT": accounts[ME]["trades"][0]["quoteQty"]}


def test_wrong_settings_are_refused_in_words() -> None:
    candles = {SYMBOL: minute_candles([(100.0, 100.0, 100.0, 100.0, 1.0)])}
    rules = [symbol_rules(SYMBOL, 100.0)]
    for options, word in (
        (Options(ticks_per_bar=3), "ticks_per_bar: 3 is below 4"),
        (Options(close_delay_ms=(5, 200)), "close_delay_ms: 5 to 200"),
    ):
        with pytest.raises(BadUsage, match=word):
            Exchange(rules, candles, 1, START_MS, options)
    with pytest.raises(BadUsage, match="no candles to replay"):
        Exchange(rules, {}, 1, START_MS)
    exchange = exchange_of()
    with pytest.raises(BadUsage, match="exists already"):
        exchange.add_account(ME, {})
    with pytest.raises(BadUsage, match="needs exactly the fields"):
        exchange.set_filter(SYMBOL, {"filterType": "LOT_SIZE", "minQty": "1"})
