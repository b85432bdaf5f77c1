"""One closed candle, as it arrives."""

from __future__ import annotations

from dataclasses import dataclass

from leeward.domain.timeframe import Timeframe


@dataclass(frozen=True, slots=True)
class Candle:
    """One row of `leeward.domain.candles.Candles`: times in UTC ms, prices in quote units."""

    symbol: str
    timeframe: Timeframe
    open_time_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_volume: float
    trades: int
    taker_buy_volume: float

    @property
    def close_time_ms(self) -> int:
        """The open time of the next candle: from then on this one is closed."""
        return self.open_time_ms + self.timeframe.length_ms
