"""An account on paper, driven candle by candle, has the fills of the backtest to the last bit."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contracts.venue_suite import acked
from tests.paper import StillMarket, rules_of, venue_in
from tests.scenarios.cases import Case, make_case

from leeward.domain.candle import Candle
from leeward.domain.candles import Candles
from leeward.domain.instrument import Instrument
from leeward.domain.money import Money, Price, Quantity
from leeward.domain.order_requests import Leg, OcoRequest, OrderRequest, TriggerRequest
from leeward.domain.orders import Fill, OrderType, Side, TimeInForce
from leeward.domain.trades import EXIT_REASONS
from leeward.risk.sizing import floor_to_step
from leeward.simulation.account import simulate
from leeward.simulation.setup import Setup
from leeward.venues.governor import Lane
from leeward.venues.paper import PaperVenue
from leeward.venues.paper_fills import PaperTerms

S = "A"
INSIDE = {"stop", "stop_gap", "target"}


def exact(value: float) -> Decimal:
    return Decimal(repr(float(value)))


def price(value: float) -> Price | None:
    return Price(exact(value)) if np.isfinite(value) and value > 0 else None


def tradable(case: Case) -> tuple[Candles, Setup]:
    """Returns the case's first market on steps that an exchange could have, with cash enough that
    no purchase is cut."""
    candles = case.candles[0]
    level = float(candles.open[0]) if len(candles) else 100.0
    tick = 10.0 ** (np.floor(np.log10(level)) - 4)
    columns = {
        name: np.maximum(np.round(getattr(candles, name) / tick), 1) / round(1 / tick)
        if tick < 1
        else np.maximum(np.round(getattr(candles, name)), 1.0)
        for name in ("open", "high", "low", "close")
    }
    instrument = Instrument(S, 1e-5, min(float(tick), 1.0), 0.0)
    limits = replace(case.setup.limits, max_position_fraction=0.5, max_exposure_fraction=0.5)
    setup = replace(case.setup, instruments=(instrument,), limits=limits, fee=0.001)
    # Without gaps: in one the backtest's next step is its next candle, while an order for a candle
    # that does not come has ended long before.
    length_ms = candles.timeframe.length_ms
    first_ms = int(candles.open_time[0]) if len(candles) else 0
    columns["open_time"] = first_ms + length_ms * np.arange(len(candles))
    return replace(candles, **columns), setup


class Crossed(Exception):
    """A stop was raised to its target or beyond it: no exchange takes the two together."""


@dataclass
class Driver:
    """Takes the backtest's decisions (when to buy, how much, when to sell), and leaves to the
    venue what it fills and at which price."""

    venue: PaperVenue
    candles: Candles
    setup: Setup
    signals: Any
    trades: list[Any]
    listed: bool
    stop: float = float("nan")
    trade: Any = None
    protection: str | None = None
    ids: int = 0
    fills: list[Fill] = field(default_factory=list)

    def new_id(self) -> str:
        self.ids += 1
        return f"o{self.ids}"

    async def run(self) -> None:
        waiting: list[asyncio.Task[None]] = []
        for k in range(len(self.candles)):
            open_ms = int(self.candles.open_time[k])
            self.venue.offer_open(S, open_ms, float(self.candles.open[k]))
            for task in waiting:
                await task
            if self.trade is not None and self.protection is None:
                await self.protect()
            self.venue.offer_candle(self.candle(k))
            if self.trade is not None and not await self.held():
                self.trade = self.protection = None
            if self.trade is not None:
                await self.raise_stop(k)
            waiting = [asyncio.create_task(work) for work in self.decided(k)]
            await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    def candle(self, k: int) -> Candle:
        c = self.candles
        first, high, low, last = (float(x[k]) for x in (c.open, c.high, c.low, c.close))
        open_ms = int(c.open_time[k])
        return Candle(S, c.timeframe, open_ms, first, high, low, last, 1.0, 1.0, 1, 0.5)

    def decided(self, k: int) -> list[Any]:
        if k + 1 == len(self.candles):
            return []
        next_ms, work = int(self.candles.open_time[k + 1]), []
        ends = self.trade is not None and self.trade["exit_time"] == next_ms
        if ends and EXIT_REASONS[self.trade["exit_reason"]] not in INSIDE | {"end_of_data"}:
            work.append(self.sell())
        return work + [self.buy(each) for each in self.trades if each["entry_time"] == next_ms]

    async def buy(self, trade: Any) -> None:
        quantity, tick = Quantity(exact(trade["quantity"])), self.setup.instruments[0].tick_size
        cap = Price(exact(floor_to_step(1.5 * trade["entry_price"], tick)))
        tif = TimeInForce.FOK if self.listed else TimeInForce.IOC
        order = OrderRequest(
            S, Side.BUY, OrderType.LIMIT, self.new_id(), quantity, price=cap, time_in_force=tif
        )
        stop, target = price(trade["stop"]), price(trade["target"])
        self.stop = trade["stop"]
        if self.listed and (stop is not None or target is not None):
            self.protection = self.new_id()
            legs = self.legs(stop, target)
            below = legs[1] if len(legs) == 2 else None
            request = TriggerRequest(order, self.protection, Side.SELL, legs[0], below)
            acked(await self.venue.place_trigger(request, Lane.ENTRY))
        else:
            acked(await self.venue.place(order, Lane.ENTRY))
        self.trade = trade

    def legs(self, stop: Price | None, target: Price | None) -> list[Leg]:
        found = []
        if target is not None:
            found.append(Leg(OrderType.LIMIT_MAKER, self.new_id(), price=target))
        if stop is not None:
            found.append(Leg(OrderType.STOP_LOSS, self.new_id(), stop_price=stop))
        return found

    async def sell(self) -> None:
        await self.unprotect()
        quantity = Quantity(exact(self.trade["quantity"]))
        self.trade = None
        order = OrderRequest(S, Side.SELL, OrderType.MARKET, self.new_id(), quantity)
        acked(await self.venue.place(order, Lane.EXIT))

    async def held(self) -> bool:
        return any(each.asset == "BTC" for each in (await self.venue.balances()).value)  # type: ignore[union-attr] # always found

    async def unprotect(self) -> None:
        if self.protection is not None:
            acked(await self.venue.cancel_all(S, Lane.EXIT))
        self.protection = None

    async def protect(self) -> None:
        stop, target = price(self.stop), price(self.trade["target"])
        quantity, legs = Quantity(exact(self.trade["quantity"])), self.legs(stop, target)
        if not legs:
            return
        self.protection = self.new_id()
        if len(legs) == 2:
            pair = OcoRequest(S, Side.SELL, quantity, self.protection, *legs)
            acked(await self.venue.place_oco(pair, Lane.PROTECTION))
            return
        leg = legs[0]
        order = OrderRequest(
            S, Side.SELL, leg.type, leg.client_order_id, quantity,
            price=leg.price, stop_price=leg.stop_price,
        )  # fmt: skip
        acked(await self.venue.place(order, Lane.PROTECTION))

    async def raise_stop(self, k: int) -> None:
        close, before = float(self.candles.close[k]), self.stop
        wanted = []
        if self.signals.trail is not None:
            wanted.append(close - float(self.signals.trail[k]))
        if self.setup.ratchet_stop and self.signals.stop is not None:
            wanted.append(float(self.signals.stop[k]))
        for level in wanted:
            if np.isfinite(level):
                stop = floor_to_step(level, self.setup.instruments[0].tick_size)
                if not self.stop >= stop:
                    self.stop = stop
        if self.stop >= self.trade["target"]:
            raise Crossed
        if self.stop != before and not (np.isnan(self.stop) and np.isnan(before)):
            await self.unprotect()
            await self.protect()


def replay(seed: int, *, listed: bool, reasons: Counter[str]) -> None:
    case = make_case(seed, 1, 60)
    candles, setup = tradable(case)
    candles = replace(candles, symbol=S)
    signals = case.signals[0]
    result = simulate([candles], [signals], setup)
    trades = list(result.trades)
    terms = PaperTerms(
        Money(exact(setup.balance), "USDT"), exact(setup.fee), setup.slippage, patience_s=5.0
    )
    with TemporaryDirectory() as folder:
        market = StillMarket({S: rules_of(setup.instruments[0])})
        venue = venue_in(Path(folder), terms, market)
        driver = Driver(venue, candles, setup, signals, trades, listed)
        try:
            asyncio.run(driver.run())
        except Crossed:
            return
        fills = list(venue._books.fills)
    expected: list[tuple[str, int, float, float]] = []
    for trade in trades:
        reason = EXIT_REASONS[trade["exit_reason"]]
        reasons[reason] += 1
        expected.append(("BUY", trade["entry_time"], trade["entry_price"], trade["quantity"]))
        if reason != "end_of_data":
            expected.append(("SELL", trade["exit_time"], trade["exit_price"], trade["quantity"]))
    assert [
        (
            fill.side.value,
            candles.timeframe.floor(fill.time_ms),
            float(fill.price.value),
            float(fill.quantity.value),
        )
        for fill in fills
    ] == sorted(expected, key=lambda each: (each[1], each[0] == "SELL"))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), listed=st.booleans())
def test_fills_are_those_of_the_backtest(seed: int, *, listed: bool) -> None:
    replay(seed, listed=listed, reasons=Counter())


def test_every_kind_of_exit_is_among_them() -> None:
    reasons: Counter[str] = Counter()
    for seed in range(60):
        replay(seed, listed=seed % 2 == 0, reasons=reasons)
    assert {"stop", "stop_gap", "target", "signal"} <= reasons.keys()
