"""Our client passes the venue suite on handmade replies, over real sockets."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.contracts.venue_suite import CASES, Case, World
from tests.fake_exchange import FakeExchange, client_of, exchange_at, run
from tests.handmade_market import HandmadeMarket


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_on_replies(case: Case) -> None:
    exchange = FakeExchange()
    market = HandmadeMarket(exchange.time)
    exchange.answer = market.answer

    async def move_to(price: Decimal) -> None:
        market.move_to(price)

    async def work() -> None:
        async with exchange_at(exchange) as served:
            client = client_of(served)
            try:
                await case(World(client, move_to))
            finally:
                await client.aclose()

    run(work)


def test_the_suite_has_at_least_sixty_cases() -> None:
    assert len({case.__name__ for case in CASES}) == len(CASES) >= 60
