"""What a heartbeat says of prices."""

from dataclasses import replace

from tests.paper import candle, hour

from leeward.runtime.trading.pulse import LastPrices


def test_the_newest_price_of_a_symbol_is_told_with_its_time() -> None:
    seen = LastPrices()
    seen.take(candle(0, 100.0, 101.0, 99.0, 100.5), hour(1) + 50)
    seen.take(candle(1, 100.5, 102.0, 100.0, 101.5), hour(1) + 2_000)
    assert seen.facts() == {"BTCUSDT": [101.5, hour(1) + 2_000]}


def test_a_candle_that_comes_late_does_not_turn_a_price_back() -> None:
    seen = LastPrices()
    seen.take(candle(1, 100.5, 102.0, 100.0, 101.5), hour(1) + 2_000)
    seen.take(candle(0, 100.0, 101.0, 99.0, 100.5), hour(1) + 3_000)
    assert seen.facts() == {"BTCUSDT": [101.5, hour(1) + 2_000]}


def test_the_price_of_a_closed_candle_is_as_old_as_its_end() -> None:
    seen = LastPrices()
    seen.take(replace(candle(0, 100.0, 101.0, 99.0, 100.5), symbol="ETHUSDT"), hour(5))
    assert seen.facts() == {"ETHUSDT": [100.5, hour(1)]}
