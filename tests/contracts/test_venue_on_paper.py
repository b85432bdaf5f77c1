"""Paper trading passes the venue suite, by both ways to fill; its market is our client on handmade
replies, over real sockets."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Literal

import pytest
from tests.contracts.venue_suite import CASES, MINUTE, SYMBOL, Case, World
from tests.fake_exchange import FakeExchange, client_of, exchange_at, run
from tests.handmade_market import HandmadeMarket

from leeward.domain.candle import Candle
from leeward.domain.money import Money, Price
from leeward.venues.paper import PaperVenue
from leeward.venues.paper_fills import PaperTerms

#: Cases that paper trading does not keep, and why.
NOT_KEPT = {
    "names_the_asset_of_each_commission": "paper takes every commission in the quote currency, as "
    "the backtest does; see tests/unit/venues/test_paper.py",
}
Fills = Literal["candles", "book"]


def by_candles(venue: PaperVenue, market: HandmadeMarket) -> Callable[[Decimal], None]:
    """Returns a hand on the price: the running candle closes there and the next one opens."""
    market.time.now_ms = MINUTE.floor(market.time.now_ms)

    def move_to(price: Decimal) -> None:
        first, last = float(market.price), float(price)
        open_ms = market.time.now_ms
        venue.offer_candle(
            Candle(SYMBOL, MINUTE, open_ms, first, max(first, last), min(first, last), last,
                   1.0, last, 1, 0.5)
        )  # fmt: skip
        market.time.pass_s(60)
        market.move_to(price)
        venue.offer_open(SYMBOL, open_ms + 60_000, last)

    venue.offer_open(SYMBOL, market.time.now_ms, float(market.price))
    return move_to


def by_book(venue: PaperVenue, market: HandmadeMarket) -> Callable[[Decimal], None]:
    """Returns a hand on the price: bid and ask a tick apart."""

    def move_to(price: Decimal) -> None:
        market.move_to(price)
        venue.offer_book(SYMBOL, Price(price), Price(price + Decimal("0.01")))

    move_to(market.price)
    return move_to


@pytest.mark.parametrize("fills", ["candles", "book"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_on_paper(case: Case, fills: Fills, tmp_path: Path) -> None:
    if case.__name__ in NOT_KEPT:
        pytest.skip(NOT_KEPT[case.__name__])
    exchange = FakeExchange()
    market = HandmadeMarket(exchange.time)
    exchange.answer = market.answer
    opening = Money(Decimal(100_000), "USDT")
    terms = PaperTerms(opening, Decimal("0.001"), 0.0005, fills, patience_s=5.0)

    async def work() -> None:
        async with exchange_at(exchange) as served:
            client = client_of(served)
            venue = PaperVenue(client, tmp_path, terms, lambda: exchange.time.now_ms)
            venue._books.add_money(Money(Decimal(2), "BTC"))
            hand = by_candles if fills == "candles" else by_book
            move = hand(venue, market)

            async def move_to(price: Decimal) -> None:
                move(price)

            try:
                await case(World(venue, move_to))
            finally:
                await client.aclose()

    run(work)


def test_only_named_cases_are_left_out() -> None:
    assert NOT_KEPT.keys() <= {case.__name__ for case in CASES}
