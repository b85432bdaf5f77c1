"""The book: contiguous updates, and a client's copy that equals it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.emulated import MINUTE_US, SYMBOL, exchange_of, place

from leeward.emulator.exchange import Exchange

ROW = (100.0, 103.0, 98.0, 101.0, 500.0)


def copy_of(snapshot: Any) -> tuple[dict[str, str], dict[str, str]]:
    return dict(snapshot["bids"]), dict(snapshot["asks"])


def apply(book: tuple[dict[str, str], dict[str, str]], event: Any) -> None:
    for side, rows in zip(book, (event["b"], event["a"]), strict=True):
        for price, quantity in rows:
            if float(quantity):
                side[price] = quantity
            else:
                side.pop(price, None)


def shown(exchange: Exchange) -> tuple[dict[str, str], dict[str, str]]:
    return copy_of(exchange.depth(SYMBOL, 5000))


@pytest.mark.parametrize("pace", ["", "@100ms"])
def test_a_copy_kept_by_differences_equals_the_book(pace: str) -> None:
    exchange = exchange_of(*[ROW] * 5, ticks_per_bar=12)
    exchange.watch(f"tstusdt@depth{pace}")
    snapshot = None
    last = 0
    until = exchange.time_us
    for step in range(60):
        until += 5_000_000
        exchange.advance(until)
        if step == 3:
            snapshot = exchange.depth(SYMBOL, 5000)
            book, last = copy_of(snapshot), int(str(snapshot["lastUpdateId"]))
        if step % 7 == 0:
            place(exchange, "BUY", "MARKET", "3")
            place(exchange, "BUY", "LIMIT", "1", price="97.5")
        for message in exchange.drain():
            if message.channel[0] != "market" or snapshot is None:
                continue
            event: Any = message.payload
            if event["u"] <= last:
                continue
            assert event["U"] <= last + 1
            last = event["u"]
            apply(book, event)
    exchange.advance(until + 2_000_000)
    for message in exchange.drain():
        if message.channel[0] == "market":
            event = message.payload
            assert event["U"] <= last + 1
            last = event["u"]
            apply(book, event)
    assert (book, last) == (shown(exchange), exchange.depth(SYMBOL, 5)["lastUpdateId"])


def test_update_ids_of_one_stream_have_no_gap() -> None:
    exchange = exchange_of(*[ROW] * 3)
    exchange.watch("tstusdt@depth@100ms")
    exchange.advance(exchange.time_us + 3 * MINUTE_US)
    events: list[Any] = [message.payload for message in exchange.drain()]
    assert len(events) > 5
    assert [event["U"] for event in events[1:]] == [event["u"] + 1 for event in events[:-1]]


def test_the_book_never_crosses_and_best_prices_agree() -> None:
    exchange = exchange_of(*[ROW] * 3)
    exchange.watch("tstusdt@bookTicker")
    for _ in range(30):
        exchange.advance(exchange.time_us + 6_000_000)
        best = exchange.ticker_book([SYMBOL])[0]
        assert float(str(best["bidPrice"])) < float(str(best["askPrice"]))
        told: list[Any] = [message.payload for message in exchange.drain()]
        if told:
            assert (told[-1]["b"], told[-1]["a"]) == (best["bidPrice"], best["askPrice"])


def test_an_accounts_order_shows_in_the_book_and_leaves_it() -> None:
    exchange = exchange_of(ROW)
    exchange.watch("tstusdt@depth@100ms")
    place(exchange, "BUY", "LIMIT", "1.2345", price="99.995".rstrip("5"))
    before = dict(exchange.depth(SYMBOL, 5000)["bids"])  # type: ignore[call-overload] # rows of two
    exchange.cancel_open_orders("me", SYMBOL)
    after = dict(exchange.depth(SYMBOL, 5000)["bids"])  # type: ignore[call-overload] # rows of two
    assert float(before["99.99000000"]) - float(after["99.99000000"]) == pytest.approx(1.2345)
