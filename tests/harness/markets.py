"""Small restless markets for the campaigns, by seed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import numpy as np

from leeward.domain.candles import Candles
from leeward.domain.timeframe import Timeframe
from leeward.emulator.exchange import Exchange
from leeward.emulator.options import FeeRates, Options
from leeward.emulator.symbols import symbol_rules
from tests.harness.emulated_venue import ME

START_MS = 1_700_000_040_000  # on a minute
MINUTE_MS = 60_000
#: What a run's account begins with.
OPENING: Mapping[str, Decimal] = {"USDT": Decimal(10_000), "BNB": Decimal(1)}


def restless_candles(symbol: str, seed: int, minutes: int, start: float = 100.0) -> Candles:
    """Returns minutes that move by about half a percent each, with wicks beyond them, and that
    come back to the start in the long run."""
    chance = np.random.default_rng([seed, sum(map(ord, symbol))])
    shocks, away = chance.normal(0, 0.005, minutes), np.zeros(minutes)
    for minute in range(minutes):
        away[minute] = 0.998 * away[minute - 1] + shocks[minute]
    closes = start * np.exp(away)
    opens = np.concatenate(([start], closes[:-1]))
    wick = 1 + np.abs(chance.normal(0, 0.002, (2, minutes)))
    highs = np.maximum(opens, closes) * wick[0]
    lows = np.minimum(opens, closes) / wick[1]
    o, h, low, c = (np.round(column, 2) for column in (opens, highs, lows, closes))
    times = START_MS + MINUTE_MS * np.arange(minutes, dtype=np.int64)
    volume = chance.uniform(500, 5000, minutes)
    h, low = np.maximum(h, np.maximum(o, c)), np.minimum(low, np.minimum(o, c))
    return Candles(symbol, Timeframe.parse("1m"), times, o, h, low, c, volume)


def restless_exchange(seed: int, minutes: int, symbols: tuple[str, ...]) -> Exchange:
    """Returns an exchange with one account; commissions are paid in what was bought, in BNB, or
    not at all, by the seed. Its first minute has passed."""
    rates = [
        FeeRates(),
        FeeRates(),
        FeeRates(pay_in_bnb=True),
        FeeRates(maker=Decimal(0), taker=Decimal(0)),
    ]
    exchange = Exchange(
        [symbol_rules(symbol, 100.0) for symbol in symbols],
        {symbol: restless_candles(symbol, seed, minutes) for symbol in symbols},
        seed,
        START_MS,
        Options(participation=Decimal("0.5"), depth_levels=10, log_lines=10_000),
    )
    exchange.add_account(ME, OPENING, rates[seed % len(rates)])
    exchange.advance((START_MS + MINUTE_MS) * 1000)
    exchange.drain()
    return exchange
