"""Our client passes the venue suite on the emulator, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from itertools import count

import pytest
from tests.contracts.venue_suite import CASES, SYMBOL, Case, World
from tests.fake_exchange import run
from tests.served import Served, generated, served

from leeward.runtime.clock import monotonic_s, now_ms
from leeward.venues.addresses import addresses_of
from leeward.venues.binance_http import BinanceHttp
from leeward.venues.binance_rest import BinanceRest
from leeward.venues.governor import Governor
from leeward.venues.signing import hmac_key
from leeward.venues.timing import Clock

_accounts = count(1)


@pytest.fixture(scope="module")
def emulator() -> Iterator[Served]:
    with served(generated()) as running:
        yield running


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_on_the_emulator(case: Case, emulator: Served) -> None:
    keys = emulator.account(f"suite{next(_accounts)}", {"USDT": "100000", "BTC": "2"})
    start = emulator.price()

    async def move_to(price: Decimal) -> None:
        await asyncio.to_thread(emulator.jump, SYMBOL, float(price))

    async def work() -> None:
        addresses = addresses_of("emulator", emulator.addresses.rest)
        key = hmac_key(keys["api_key"], keys["api_secret"])
        http = BinanceHttp(addresses, key, Clock(now_ms, monotonic_s), Governor(addresses.rest))
        try:
            await case(World(BinanceRest(http), move_to))
        finally:
            await http.aclose()

    try:
        run(work, 30)
    finally:
        emulator.jump(SYMBOL, start)
