"""A start that goes on with what was swapped in before it, not with its command line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from leeward.domain.candles import Candles
from leeward.domain.errors import LeewardError
from leeward.domain.times import iso
from leeward.engine.books import Books
from leeward.engine.records import Noted, SessionStarted, Severity
from leeward.runtime.trading.chosen import Chosen, choose
from leeward.runtime.trading.deciders import Caretaker, open_or_coming
from leeward.runtime.trading.deciding import Series
from leeward.runtime.trading.facts import Asked
from leeward.runtime.trading.lineage import (
    found_again,
    goes_on,
    is_back,
    managers,
    model_pins,
    strategy_facts,
    swap_facts,
    titled,
)
from leeward.runtime.trading.preparing import Ground, prepare
from leeward.strategies.base import Strategy

#: The candles that a strategy starts from, traded ones and further ones.
HistoryOf: TypeAlias = Callable[
    [Strategy], Awaitable[tuple[Sequence[Candles], Mapping[Series, Candles]]]
]


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """What a session begins with. `swap` is what the one before wrote down of a swap that this one
    goes on from, empty where the command line counts; `words` tell of it."""

    chosen: Chosen
    timeframe: str
    pins: Mapping[str, str] = field(default_factory=dict)
    swap: Mapping[str, object] = field(default_factory=dict)
    words: str = ""


def origin_of(last: SessionStarted | None, asked: Asked, sessions: Path) -> Origin:
    """Returns what the command line names; where it is the one that the last session was started
    with before a swap, what was swapped in. Raises what a strategy is refused for."""
    if last is None or not goes_on(last, asked):
        chosen = choose(asked.strategy, asked.params)
        return Origin(chosen, asked.timeframe or chosen.strategy.timeframe)
    swap, facts = swap_facts(last), last.facts
    if is_back(last, asked):
        return Origin(choose(asked.strategy, asked.params), last.timeframe, swap=swap)
    at_ms = swap.get("at_ms")
    words = (
        f"goes on with {titled(last.strategy, facts.get('params'))}, which {swap.get('actor')} "
        f"swapped in{f' at {iso(at_ms)}' if isinstance(at_ms, int) else ''}, not with "
        f"{titled(asked.strategy, asked.params)} of the command line; `leeward swap --rollback` "
        "takes it back, another command line starts anew"
    )
    chosen = found_again(strategy_facts(last), sessions)
    return Origin(chosen, last.timeframe, model_pins(facts.get("models")), swap, words)


async def caretakers_again(
    ground: Ground, books: Books, swap: Mapping[str, object], history_of: HistoryOf, at_ms: int
) -> tuple[Caretaker, ...]:
    """Returns the strategies that go on managing positions which are still open. Where one cannot
    be had, its positions are the new strategy's: they keep their stops."""
    open_ = open_or_coming(books)
    found = []
    for facts, positions in managers(swap):
        if not positions & open_:
            continue
        try:
            chosen = found_again(facts, ground.sessions)
            pins = facts.get("models")
            prepared = prepare(
                ground,
                chosen,
                *await history_of(chosen.strategy),
                pins if isinstance(pins, Mapping) else {},
            )
        except LeewardError as error:
            words = f"{facts['strategy']} cannot go on managing its positions: {error}"
            ground.alarm(Noted("manager_lost", words, Severity.WARNING, at_ms))
            continue
        kept = {name: value for name, value in facts.items() if name != "positions"}
        found.append(Caretaker(prepared.decider, positions, kept))
    return tuple(found)
