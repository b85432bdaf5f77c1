"""A strategy made ready to decide: with its models, the candles before its first step, and what is
written down of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from leeward.database.engine import Database
from leeward.domain.candles import Candles
from leeward.domain.errors import Refused
from leeward.domain.timeframe import Timeframe
from leeward.engine.records import Noted, SessionStarted
from leeward.runtime.settings import Settings
from leeward.runtime.trading.chosen import Chosen
from leeward.runtime.trading.deciding import Decider, Rows, Series, rows_needed
from leeward.runtime.trading.entering import Identity
from leeward.runtime.trading.facts import Asked, setup_facts
from leeward.runtime.trading.history import History, write_history
from leeward.runtime.trading.market import Market
from leeward.runtime.trading.modelling import SessionModels, session_models
from leeward.simulation.setup import Setup
from leeward.strategies.base import Strategy
from leeward.strategies.informative import SELF

#: Of informative series, candles beyond those that cover the traded ones.
_MORE = 3


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a strategy is made ready; `timeframe` is that of the session."""

    settings: Settings
    asked: Asked
    timeframe: Timeframe
    market: Market
    database: Database
    alarm: Callable[[Noted], None]

    @property
    def sessions(self) -> Path:
        """The folder in which each session has its own."""
        return self.settings.data.dir.absolute().parent / "sessions"


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A strategy that can decide on the candle after its `history`."""

    chosen: Chosen
    setup: Setup
    models: SessionModels
    decider: Decider
    history: Sequence[Candles]
    further: Mapping[Series, Candles]


def prepare(
    ground: Ground,
    chosen: Chosen,
    history: Sequence[Candles],
    further: Mapping[Series, Candles],
    pins: Mapping[str, str] | None = None,
) -> Prepared:
    """Returns the strategy ready to decide, its compiled code loaded. `pins` are hashes of models,
    by name, that win over those on record.

    Raises what its models are refused for, Failed where the strategy cannot be evaluated.
    """
    settings, strategy = ground.settings, chosen.strategy
    setup = Setup(
        balance=settings.paper.balance,
        fee=settings.backtest.fee,
        slippage=settings.backtest.slippage,
        instruments=tuple(ground.market.rules[name].instrument() for name in ground.asked.symbols),
        limits=settings.risk,
        max_candles=strategy.max_candles or 0,
        ratchet_stop=strategy.ratchet_stop,
    )
    models = session_models(
        settings, ground.asked, strategy, ground.timeframe, ground.database, pins
    )
    models.care.alarm = ground.alarm
    decider = Decider(strategy, setup, history, further, models.columns)
    decider.warm()
    return Prepared(chosen, setup, models, decider, history, further)


async def traded_history(ground: Ground, strategy: Strategy, asking: History) -> list[Candles]:
    """Returns the candles of every traded symbol that the strategy needs, and one more."""
    needed = rows_needed(strategy, ground.settings.risk.trend_gate)
    needed = Rows(needed.least, needed.history + 1)
    return [await asking.last(name, ground.timeframe, needed) for name in ground.asked.symbols]


async def further_history(
    ground: Ground, strategy: Strategy, asking: History, history: Sequence[Candles], end_ms: int
) -> dict[Series, Candles]:
    """Returns the candles that the strategy reads beside the traded ones, closed by `end_ms`."""
    first_ms = min(int(each.open_time[0]) for each in history)
    named = [
        (symbol if name == SELF else name, length)
        for name, length in strategy.informative
        for symbol in ground.asked.symbols
    ]
    found = {}
    for name, text in dict.fromkeys(named):
        length = Timeframe.parse(text)
        since = await asking.since(name, length, first_ms - _MORE * length.length_ms)
        if not len(since):
            raise Refused(f"{name} {length}: the venue has no candles, and the strategy needs them")
        found[name, text] = since.between(None, end_ms - length.length_ms + 1)
    return found


def started_of(
    ground: Ground, who: Identity, prepared: Prepared, more: Mapping[str, object]
) -> SessionStarted:
    """Returns the first record of a session, and writes the candles that it starts from beside it;
    `more` are further facts."""
    folder = ground.sessions / who.session_id
    files = write_history(folder, prepared.history)
    facts = {
        **setup_facts(prepared.setup),
        "strategy": who.strategy,
        "strategy_sha256": who.strategy_version,
        "params": prepared.chosen.strategy.params,
        "source": prepared.chosen.keep_source(folder),
        "quote": ground.market.quote,
        "uid": ground.market.uid,
        "history": {each.symbol: files[each.name] for each in prepared.history},
        "informative": write_history(folder, list(prepared.further.values())),
        "models": prepared.models.facts,
        "venue": asdict(ground.market.rest.http.addresses),
        **more,
    }
    return SessionStarted(
        session_id=who.session_id,
        account=who.account,
        mode=ground.asked.mode,
        venue=ground.settings.venue.name,
        strategy=who.strategy,
        strategy_version=who.strategy_version,
        timeframe=ground.timeframe.name,
        symbols=ground.asked.symbols,
        facts=facts,
        epoch=who.epoch,
        at_ms=ground.market.server_now_ms(),
    )
