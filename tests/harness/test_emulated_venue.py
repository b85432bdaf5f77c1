from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from random import Random
from typing import Any, TypeVar

import pytest

from leeward.domain.answers import Acked, ConfirmedAbsent, Found, NotSent, Refused, Unknown
from leeward.domain.money import Quantity
from leeward.domain.order_requests import OrderRequest
from leeward.domain.orders import OrderStatus, OrderType, Side
from leeward.venues.binance_codec_events import OrderEvent
from leeward.venues.binance_rest import BinanceRest
from leeward.venues.binance_user_stream import Gap, Told
from leeward.venues.governor import Lane
from tests.harness.crashing import Fate, Killed, run_process
from tests.harness.emulated_venue import CALM, Mix, Outside, venue_of
from tests.harness.markets import restless_exchange
from tests.harness.virtual_loop import VirtualLoop, run_virtual

T = TypeVar("T")
SYMBOL = "TSTUSDT"


def on_venue(work: Callable[[Outside, BinanceRest], Awaitable[T]], mix: Mix = CALM) -> T:
    async def main(loop: VirtualLoop) -> T:
        outside = Outside(restless_exchange(1, 20, (SYMBOL,)), loop, Random(1), mix)  # noqa: S311 - a seeded rehearsal
        market = asyncio.ensure_future(outside.live())
        try:
            return await work(outside, venue_of(outside))
        finally:
            market.cancel()

    return run_virtual(main)


def buying(name: str = "lw-1") -> OrderRequest:
    return OrderRequest(SYMBOL, Side.BUY, OrderType.MARKET, name, Quantity(Decimal(1)))


def bought(outside: Outside) -> Decimal:
    truth: Any = outside.exchange.truth()
    return sum((Decimal(each["qty"]) for each in truth["accounts"]["main"]["trades"]), Decimal(0))


def test_an_order_is_filled_and_can_be_asked_for() -> None:
    async def work(_: Outside, venue: BinanceRest) -> None:
        placed = await venue.place(buying(), Lane.ENTRY)
        assert isinstance(placed, Acked)
        assert placed.report.status is OrderStatus.FILLED
        found = await venue.order(SYMBOL, "lw-1")
        assert isinstance(found, Found)
        assert found.value.executed == Quantity(Decimal(1))
        trades = await venue.trades(SYMBOL, 0)
        assert isinstance(trades, Found)
        assert sum(fill.quantity.value for fill in trades.value) == 1
        assert await venue.order(SYMBOL, "lw-2") == ConfirmedAbsent("-2013 Order does not exist.")

    on_venue(work)


def test_the_market_moves_while_nobody_asks() -> None:
    async def work(_: Outside, venue: BinanceRest) -> set[object]:
        prices: set[object] = set()
        for minute in range(5):
            assert minute == len(prices)
            prices.add(await venue.last_price(SYMBOL))
            await asyncio.sleep(60)
        return prices

    assert len(on_venue(work)) == 5


@pytest.mark.parametrize(
    ("mix", "executed"),
    [
        (Mix(lost_executed=1), 1),
        (Mix(truncated=1), 1),
        (Mix(late=1), 1),
        (Mix(lost_unexecuted=1), 0),
        (Mix(busy=1), 0),
    ],
)
def test_a_lost_answer_says_nothing_of_what_was_done(mix: Mix, executed: int) -> None:
    async def work(outside: Outside, venue: BinanceRest) -> None:
        assert isinstance(await venue.place(buying(), Lane.ENTRY), Unknown)
        await asyncio.sleep(10)
        assert bought(outside) == executed

    on_venue(work, mix)


def test_what_never_left_and_what_was_refused_say_so() -> None:
    async def unsent(_: Outside, venue: BinanceRest) -> None:
        assert isinstance(await venue.place(buying(), Lane.ENTRY), NotSent)

    async def refused(_: Outside, venue: BinanceRest) -> None:
        answer = await venue.place(buying(), Lane.ENTRY)
        assert isinstance(answer, Refused)
        assert answer.retry_after_s == 2

    on_venue(unsent, Mix(not_sent=1))
    on_venue(refused, Mix(too_fast=1))


def test_a_fresh_order_stays_hidden_for_some_seconds() -> None:
    async def work(_: Outside, venue: BinanceRest) -> None:
        assert isinstance(await venue.place(buying(), Lane.ENTRY), Acked)
        assert isinstance(await venue.order(SYMBOL, "lw-1"), ConfirmedAbsent)
        assert await venue.trades(SYMBOL, 0) == Found(())
        await asyncio.sleep(10)
        assert isinstance(await venue.order(SYMBOL, "lw-1"), Found)

    on_venue(work, Mix(lag=1))


def test_events_arrive_doubled_reordered_or_not_at_all() -> None:
    async def told(outside: Outside, venue: BinanceRest) -> list[Told]:
        heard: list[Told] = []
        outside.listen(heard.append)
        await venue.place(buying(), Lane.ENTRY)
        await asyncio.sleep(1)
        return heard

    def executions(mix: Mix) -> list[str]:
        return [each.execution for each in on_venue(told, mix) if isinstance(each, OrderEvent)]

    assert executions(CALM)[0] == "NEW"
    assert sorted(executions(Mix(duplicate=1))) == sorted(executions(CALM) * 2)
    assert executions(Mix(silent_drop=1)) == []
    assert any(isinstance(each, Gap) for each in on_venue(told, Mix(gap=1)))


def test_a_killed_process_reaches_nothing_any_more() -> None:
    async def work(outside: Outside, _: BinanceRest) -> None:
        fate = Fate("trading: entry: executed, not answered", 1, "trading")
        after: list[str] = []

        async def process(own: Fate) -> None:
            venue = venue_of(outside, own.passing)
            try:
                await venue.place(buying(), Lane.ENTRY)
            finally:
                with pytest.raises(Killed):
                    await venue.place(buying("lw-2"), Lane.ENTRY)
                after.append("tried")

        assert not await run_process(process, fate)
        assert fate.at == "trading: entry: executed, not answered"
        assert after == ["tried"]
        assert bought(outside) == 1

    on_venue(work)
