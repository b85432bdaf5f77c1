"""Checks a strategy against the contract, on stored candles or on a generated market."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from leeward.data.generated import generate_market
from leeward.data.resample import resample
from leeward.data.store import CandleStore
from leeward.domain.candles import Candles
from leeward.domain.errors import BadUsage
from leeward.domain.timeframe import Timeframe
from leeward.domain.times import parse_time
from leeward.runtime.gathering import Gatherer, Span
from leeward.runtime.settings import Settings
from leeward.strategies.base import Strategy
from leeward.strategies.contract import Mismatch
from leeward.strategies.evaluate import strategy_need
from leeward.strategies.informative import SELF, frame_columns
from leeward.strategies.suite import check_strategy

#: Of longer histories the last candles are checked; every check runs on all of them several times.
_MOST_CANDLES = 50_000
#: Generated candles beyond the history that the strategy needs.
_GENERATED = 4_000
_SYMBOL = "BTCUSDT"
_START = "2020-01-06"  # a Monday, on which candles of every timeframe open
_SEED = 7


@dataclass(frozen=True, slots=True)
class Checked:
    """What the contract suite found on these candles; `synthetic` where they were generated."""

    candles: Candles
    synthetic: bool
    findings: list[Mismatch]


def check_on_candles(
    strategy: Strategy, settings: Settings, symbols: Sequence[str], timeframe: str | None
) -> Iterator[Checked]:
    """Yields the findings, symbol by symbol.

    Without `symbols` the check takes the first stored symbol of the timeframe, BTCUSDT before
    others, and a generated market where the store has none.
    """
    length, store = Timeframe.parse(timeframe or strategy.timeframe), CandleStore(settings.data.dir)
    given: dict[tuple[str, Timeframe], Candles] = {}
    chosen = list(symbols) or _stored(strategy, store, length)
    synthetic = not chosen
    if synthetic:
        chosen = [_SYMBOL]
        given = _generate(strategy, length)
    for symbol in chosen:
        gatherer = Gatherer(store, given, Span())
        candles = gatherer.traded(symbol, length)
        candles = candles.rows(max(0, len(candles) - _MOST_CANDLES), len(candles))
        further, _ = gatherer.beside(strategy, symbol, length, settings)
        findings = check_strategy(strategy, candles, further)
        yield Checked(candles, synthetic, findings)


def _stored(strategy: Strategy, store: CandleStore, timeframe: Timeframe) -> list[str]:
    """Returns the one stored symbol to check on, if the store has all that the strategy reads."""
    series = store.series()
    names = {name for name, _ in series}
    others = {name for name, _ in strategy.informative if name != SELF}
    able = [name for name, length in series if length == timeframe]
    if not able or not others <= names:
        return []
    return [_SYMBOL] if _SYMBOL in able else able[:1]


def _generate(strategy: Strategy, timeframe: Timeframe) -> dict[tuple[str, Timeframe], Candles]:
    """Returns SYNTHETIC candles of every symbol and timeframe the strategy reads."""
    wanted = {(_SYMBOL, timeframe)}
    for name, text in strategy.informative:
        wanted.add((_SYMBOL if name == SELF else name, Timeframe.parse(text)))
    shortest = min(length for _, length in wanted)
    rows = strategy_need(strategy, frame_columns(strategy)).history + _GENERATED
    start_ms = parse_time(strategy.anchor or _START, "anchor")
    start_ms = Timeframe.parse("1w").floor(start_ms)
    if any(length.length_ms % shortest.length_ms for _, length in wanted):
        raise BadUsage(
            f"{type(strategy).__name__}: no market can be generated for its timeframes; "
            "import candles and name a symbol with --symbols"
        )
    finest = generate_market(
        sorted({name for name, _ in wanted}),
        shortest,
        start_ms,
        rows * (timeframe.length_ms // shortest.length_ms),
        _SEED,
    )
    return {
        (name, length): finest[name] if length == shortest else resample(finest[name], length)
        for name, length in wanted
    }
