"""Paper trading on a market that it does not own: the emulator's public side, without a key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from leeward.domain.answers import Acked
from leeward.domain.money import Quantity, quantize_price
from leeward.domain.order_requests import OrderRequest
from leeward.domain.orders import OrderStatus, OrderType, Side, TimeInForce
from leeward.domain.timeframe import Timeframe
from leeward.runtime.clock import monotonic_s, now_ms
from leeward.simulation.fills import buy_price, sell_price
from leeward.venues.addresses import addresses_of
from leeward.venues.binance_codec_market import CandleUpdate
from leeward.venues.binance_http import BinanceHttp
from leeward.venues.binance_rest import BinanceRest
from leeward.venues.binance_stream import CandleStream, Wanted, following
from leeward.venues.governor import Governor, Lane
from leeward.venues.paper import PaperVenue
from leeward.venues.timing import Clock
from tests.fake_exchange import run
from tests.paper import TERMS
from tests.served import Served, generated, served

SYMBOL, MINUTE = "BTCUSDT", Timeframe.parse("1m")
CLOCK = Clock(now_ms, monotonic_s)
LOT = Quantity(Decimal("0.01"))


@pytest.fixture(scope="module")
def emulator() -> Iterator[Served]:
    """One minute of the exchange in one second of ours."""
    with served(generated(), mode="accelerated", speed=60, auth="scaled") as running:
        yield running


class Market:
    """Our client without a key, and a venue on paper that hears its stream."""

    def __init__(self, emulator: Served, folder: Path) -> None:
        where = addresses_of("emulator", emulator.addresses.rest)
        self.client = BinanceRest(BinanceHttp(where, None, CLOCK, Governor(where.rest)))
        clock = self.client.http.server_clock
        self.venue = PaperVenue(self.client, folder, replace(TERMS, patience_s=10.0), clock.now_ms)
        self.streams = where.streams

    async def stream(self) -> CandleStream:
        await self.client.http.sync()
        clock = self.client.http.server_clock
        wanted = Wanted(SYMBOL, MINUTE, clock.now_ms())
        stream = CandleStream(self.streams, [wanted], self.client.candles, clock.now_ms, CLOCK)
        stream.forming = self._opened
        return stream

    def _opened(self, update: CandleUpdate) -> None:
        candle = update.candle
        self.venue.offer_open(candle.symbol, candle.open_time_ms, candle.open)


def test_orders_fill_at_the_open_after_the_close_they_were_sent_at(
    emulator: Served, tmp_path: Path
) -> None:
    async def work() -> None:
        market = Market(emulator, tmp_path)
        venue = market.venue
        try:
            async with following(await market.stream()) as stream:
                first = await stream.next_candle()
                venue.offer_candle(first)
                cap = quantize_price(first.close * 1.01, Decimal("0.01"), "down")
                request = OrderRequest(
                    SYMBOL, Side.BUY, OrderType.LIMIT, "in", LOT, price=cap,
                    time_in_force=TimeInForce.IOC,
                )  # fmt: skip
                bought = await venue.place(request, Lane.ENTRY)
                second = await stream.next_candle()
                venue.offer_candle(second)
                out = OrderRequest(SYMBOL, Side.SELL, OrderType.MARKET, "out", LOT)
                sold = await venue.place(out, Lane.EXIT)
                venue.offer_candle(third := await stream.next_candle())
            assert isinstance(bought, Acked)
            assert isinstance(sold, Acked)
            assert {bought.report.status, sold.report.status} == {OrderStatus.FILLED}
            paid, got = bought.report.fills[0], sold.report.fills[0]
            assert float(paid.price.value) == buy_price(second.open, TERMS.slippage, 0.01)
            assert float(got.price.value) == sell_price(third.open, TERMS.slippage, 0.01)
            assert (paid.time_ms, got.time_ms) == (second.open_time_ms, third.open_time_ms)
        finally:
            await market.client.aclose()

    run(work, 40)
