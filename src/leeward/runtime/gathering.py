"""Gathers the candles a backtest needs: traded, informative and finer ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from leeward.data.resample import resample
from leeward.data.store import CandleStore
from leeward.domain.candles import Candles
from leeward.domain.columns import FloatColumn
from leeward.domain.errors import BadUsage
from leeward.domain.timeframe import Timeframe
from leeward.domain.times import parse_time
from leeward.runtime.settings import Settings
from leeward.strategies.base import Strategy
from leeward.strategies.informative import SELF, Beside, Further


@dataclass(frozen=True, slots=True)
class Span:
    """UTC ms from `start_ms` (included) to `end_ms` (not included); None for no bound."""

    start_ms: int | None = None
    end_ms: int | None = None

    @classmethod
    def parse(cls, start: str | None, end: str | None) -> Span:
        """Returns the span of two dates; raises BadUsage when it is empty."""
        span = cls(
            None if start is None else parse_time(start, "start"),
            None if end is None else parse_time(end, "end"),
        )
        if span.start_ms is not None and span.end_ms is not None and span.start_ms >= span.end_ms:
            raise BadUsage(f"start {start} is not before end {end}; the end is not included")
        return span


@dataclass(frozen=True, slots=True)
class Gatherer:
    """Finds candles: those given first, then the store's; informative ones may be made of finer."""

    store: CandleStore
    given: Mapping[tuple[str, Timeframe], Candles]
    span: Span
    #: What gives a symbol's columns of models, where these are known already.
    columns: Mapping[str, Callable[[Candles], Mapping[str, FloatColumn]]] = field(
        default_factory=dict
    )

    def traded(self, symbol: str, timeframe: Timeframe) -> Candles:
        """Returns all candles of the symbol known before the end of the span."""
        return self._exactly(symbol, timeframe).between(None, self.span.end_ms)

    def informative(self, strategy: Strategy, symbol: str) -> Further:
        """Returns the candles the strategy names beside `symbol`'s own, closed by the end."""
        further: dict[tuple[str, str], Candles] = {}
        for name, timeframe in strategy.informative:
            length = Timeframe.parse(timeframe)
            candles = self._perhaps_coarser(symbol if name == SELF else name, length)
            end = self.span.end_ms
            closed = None if end is None else end - length.length_ms + 1
            further[name, timeframe] = candles.between(None, closed)
        return Beside(further, self.columns[symbol]) if symbol in self.columns else further

    def beside(
        self, strategy: Strategy, symbol: str, timeframe: Timeframe, settings: Settings
    ) -> tuple[Further, Mapping[str, object]]:
        """Returns what the strategy reads beside the symbol's candles, and JSON-ready facts of the
        models and the sentiment in it, none where it needs none."""
        further = self.informative(strategy, symbol)
        if not strategy.needs:
            return further, {}
        # As heavy as what it loads.
        from leeward.runtime.predictions import Outlook, model_use, pins_on_record

        use = model_use(settings, pins_on_record(settings))
        outlook = Outlook(strategy.needs, symbol, timeframe, use)
        return Beside(further, outlook.columns), outlook.facts

    def detail(self, symbols: Sequence[str], timeframe: Timeframe, finer: str) -> list[Candles]:
        """Returns the finer candles of every symbol within the span."""
        length = Timeframe.parse(finer)
        check_divides(length, timeframe)
        found = (self._exactly(symbol, length) for symbol in symbols)
        return [candles.between(self.span.start_ms, self.span.end_ms) for candles in found]

    def _exactly(self, symbol: str, timeframe: Timeframe) -> Candles:
        given = self.given.get((symbol, timeframe))
        return self.store.load(symbol, timeframe) if given is None else given

    def _perhaps_coarser(self, symbol: str, timeframe: Timeframe) -> Candles:
        """Returns the candles, or those made of the coarsest finer ones at hand."""
        # Candles that were given are never mixed with stored ones of the same symbol.
        known = [name for name, _ in self.given]
        source = self.given if symbol in known else self.store.series()
        at_hand = {length for name, length in source if name == symbol}
        finer = [length for length in at_hand if length < timeframe]
        if timeframe in at_hand or not finer:
            return self._exactly(symbol, timeframe)
        return resample(self._exactly(symbol, max(finer)), timeframe)


def check_divides(finer: Timeframe, timeframe: Timeframe) -> None:
    """Raises BadUsage unless whole finer candles make up each candle."""
    if finer.length_ms >= timeframe.length_ms or timeframe.length_ms % finer.length_ms:
        raise BadUsage(f"detail: {finer} candles do not divide {timeframe} candles; use finer ones")
