"""A strategy on its way into a running session: found, loaded, and brought up to its candles."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from leeward.domain.candle import Candle
from leeward.domain.candles import Candles
from leeward.domain.errors import Failed, Refused
from leeward.engine.records import SessionStarted
from leeward.runtime.swap_wish import Wish
from leeward.runtime.trading.chosen import Chosen, kept_target
from leeward.runtime.trading.deciders import Deciders
from leeward.runtime.trading.deciding import STRATEGY_FAILED, Series
from leeward.runtime.trading.entering import Identity
from leeward.runtime.trading.history import KEPT, History, KeptCandles
from leeward.runtime.trading.lineage import strategy_facts, swap_facts
from leeward.runtime.trading.preparing import (
    Ground,
    Prepared,
    further_history,
    prepare,
    started_of,
    traded_history,
)
from leeward.runtime.trading.views import AccountView

if TYPE_CHECKING:
    from leeward.runtime.trading.session import TradingSession

_LOOKS: Final = 5
_PAUSE_S: Final = 1.0
#: Strategies that read a model of a kind, where the session's reads none.
_READERS: Final = {"price": "ml_basic", "sentiment": "ml_with_sentiment"}


@dataclass(frozen=True, slots=True)
class Found:
    """A strategy that is not loaded yet: its name, what `load_strategy` takes for it, and hashes of
    models that win over those on record."""

    name: str
    target: str
    params: Mapping[str, object]
    pins: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A strategy that can take over at the next close. `started` is the record that its session
    will begin with."""

    prepared: Prepared
    started: SessionStarted
    folder: Path

    def join(self, deciders: Deciders) -> None:
        """Takes its place beside those who decide, with all the candles that they have."""
        decider = self.prepared.decider
        taken = list(deciders.remembered or ())
        for candle in taken:
            series: Series = (candle.symbol, candle.timeframe.name)
            if series in decider.series and candle.open_time_ms > (decider.last_ms(series) or -1):
                decider.take(candle)
        self.keep(taken)
        deciders.beside, deciders.remembered = decider, None

    def keep(self, candles: Sequence[Candle]) -> None:
        """Keeps candles for replays of its session."""
        if candles:
            KeptCandles(self.folder / KEPT).append(candles)


def found_for(wish: Wish, started: SessionStarted, ground: Ground) -> Found:
    """Returns the strategy that a wish means: the one named, the one before, or the present one on
    another model. Raises Refused where there is none. Runs no code of it."""
    if wish.strategy is not None:
        return Found(wish.strategy, wish.strategy, wish.params)
    if wish.model is not None:
        present = _as_it_was(strategy_facts(started), ground)
        if started.facts.get("models"):
            return replace(present, pins={})
        reader = _READERS["sentiment" if "sentiment" in wish.model else "price"]
        return Found(reader, reader, {})
    before = swap_facts(started).get("before")
    if not isinstance(before, Mapping):
        raise Refused(
            f"there is nothing to roll back to: {started.strategy} trades since the account was "
            "started with it"
        )
    return _as_it_was(before, ground)


def _as_it_was(facts: Mapping[str, object], ground: Ground) -> Found:
    name, params, pins = str(facts["strategy"]), facts.get("params"), facts.get("models")
    return Found(
        name,
        kept_target(name, facts.get("source"), ground.sessions),
        params if isinstance(params, Mapping) else {},
        pins if isinstance(pins, Mapping) else {},
    )


async def candidate_of(
    ground: Ground, session: TradingSession, chosen: Chosen, found: Found, who: Identity
) -> Candidate:
    """Returns the strategy with its candles up to those that were decided on; what comes meanwhile
    is remembered by the session's deciders.

    Raises Refused where candles are missing, and what it fails with at the last one.
    """
    deciders, name = session.decider, ground.timeframe.name
    deciders.remembered = []
    last = {symbol: deciders.last_ms((symbol, name)) for symbol in deciders.symbols}
    newest = max((each for each in last.values() if each is not None), default=0)
    closed_ms = newest + ground.timeframe.length_ms
    history = await _history(ground, session, chosen, last, closed_ms)
    asking = History(ground.market.rest, session.clock, closed_ms)
    further = await further_history(ground, chosen.strategy, asking, history, closed_ms)
    prepared = await asyncio.to_thread(prepare, ground, chosen, history, further, found.pins)
    await asyncio.to_thread(_try, prepared)
    started = await asyncio.to_thread(started_of, ground, who, prepared, {})
    return Candidate(prepared, started, ground.sessions / who.session_id)


async def _history(
    ground: Ground,
    session: TradingSession,
    chosen: Chosen,
    last: Mapping[str, int | None],
    closed_ms: int,
) -> list[Candles]:
    """Returns the traded candles up to the last ones that were decided on; the venue may give them
    some moments after its stream did."""
    for _ in range(_LOOKS):
        asking = History(ground.market.rest, session.clock, closed_ms)
        history = await traded_history(ground, chosen.strategy, asking)
        if all(int(each.open_time[-1]) >= (last[each.symbol] or 0) for each in history):
            return history
        await session.clock.sleep(_PAUSE_S)
    raise Refused("the venue does not give the last candles yet; try again")


def _try(prepared: Prepared) -> None:
    """Raises Failed where the strategy fails at the last candle it has."""
    decider = prepared.decider
    newest = max(int(each.open_time[-1]) for each in prepared.history)
    made = decider.step(newest, lambda _: AccountView(1.0, 1.0))
    failed = [each.reason for each in made.choices if each.reason.startswith(STRATEGY_FAILED)]
    if failed:
        raise Failed(failed[0])
