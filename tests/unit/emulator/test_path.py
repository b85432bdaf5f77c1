"""The ticks inside a candle add up to the candle."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leeward.emulator.chance import stream
from leeward.emulator.path import Bar, ticks
from leeward.emulator.units import UNIT

TICK, LOT = UNIT // 100, UNIT // 1000


@st.composite
def bars(draw: st.DrawFn) -> Bar:
    low = draw(st.integers(1, 10_000_000))
    high = low + draw(st.integers(0, 1000))
    first, last = draw(st.integers(low, high)), draw(st.integers(low, high))
    volume = draw(st.integers(4, 10_000_000)) * draw(st.sampled_from([LOT, 1, LOT // 7]))
    mean = draw(st.integers(low, high))
    quote = draw(st.sampled_from([-1, mean * TICK * volume // UNIT]))
    taker = draw(st.sampled_from([-1, 0, volume, volume // 3]))
    return Bar(first * TICK, high * TICK, low * TICK, last * TICK, volume, quote, taker)


@given(bars(), st.integers(4, 60), st.integers(0, 99), st.booleans())
def test_ticks_touch_the_corners_and_sum_to_the_volume(
    bar: Bar, count: int, seed: int, low_first: bool
) -> None:
    found = ticks(bar, (0, 60_000), (TICK, LOT), count, stream(seed, "path"), low_first=low_first)
    prices = [tick.price for tick in found]
    assert (prices[0], prices[-1]) == (bar.open, bar.close)
    assert (max(prices), min(prices)) == (bar.high, bar.low)
    assert sum(tick.qty for tick in found) == bar.volume
    assert all(tick.qty > 0 for tick in found)
    if bar.taker_volume >= 0:
        taken = sum(tick.qty for tick in found if not tick.buyer_maker)
        assert taken == bar.taker_volume
    times = [tick.time_us for tick in found]
    assert times == sorted(times)
    assert times[0] >= 100_000
    assert times[-1] < 60_000_000
    assert [tick.jump for tick in found] == [True] + [False] * (len(found) - 1)


@given(bars(), st.integers(0, 99))
def test_the_quote_volume_comes_out_as_near_as_lots_allow(bar: Bar, seed: int) -> None:
    found = ticks(bar, (0, 60_000), (TICK, LOT), 4, stream(seed, "path"), low_first=True)
    if bar.quote_volume < 0 or bar.volume < 8 * LOT:
        return
    got = sum(tick.price * tick.qty // UNIT for tick in found)
    lot = LOT if bar.volume % LOT == 0 else 1
    corners = 4 * (bar.high - bar.low) * lot // UNIT + len(found) + 1
    assert abs(got - bar.quote_volume) <= corners


def test_the_order_of_the_extremes_is_the_callers() -> None:
    bar = Bar(100 * UNIT, 110 * UNIT, 90 * UNIT, 105 * UNIT, 100 * UNIT, -1, -1)
    for low_first, prices in ((True, [100, 90, 110, 105]), (False, [100, 110, 90, 105])):
        found = ticks(bar, (0, 60_000), (TICK, LOT), 4, stream(1, "path"), low_first=low_first)
        assert [tick.price // UNIT for tick in found] == prices


def test_a_bar_without_volume_has_no_ticks() -> None:
    bar = Bar(UNIT, UNIT, UNIT, UNIT, 0, -1, -1)
    assert ticks(bar, (0, 1000), (1, 1), 4, stream(1, "path"), low_first=True) == []
