"""Who decides at a candle: the strategy of the session, those before it that still look after
positions of theirs, and one that is tried beside them before it takes over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace

from leeward.domain.candle import Candle
from leeward.domain.errors import BadCandles
from leeward.engine.books import Books
from leeward.runtime.trading.arrivals import Step
from leeward.runtime.trading.deciding import Decider, Series
from leeward.runtime.trading.views import AccountView, StepChoices
from leeward.strategies.informative import SELF


@dataclass(frozen=True, slots=True, eq=False)
class Caretaker:
    """A strategy that was replaced and manages its positions until they are closed; `facts` are
    what finds it again."""

    decider: Decider
    positions: frozenset[str]
    facts: Mapping[str, object]


@dataclass
class Deciders:
    """`chief` decides, but for the positions of `caretakers`. `beside` takes every candle too and
    is asked only in `shadow`."""

    chief: Decider
    caretakers: tuple[Caretaker, ...] = ()
    beside: Decider | None = None
    #: Candles that came since somebody asked for them to be remembered.
    remembered: list[Candle] | None = None
    #: Set where other series are read than before.
    renewed: asyncio.Event = field(default_factory=asyncio.Event)
    _step: Step | None = None
    _gaps: Mapping[str, str] = field(default_factory=dict)
    _view: AccountView | None = None

    @property
    def symbols(self) -> tuple[str, ...]:
        return self.chief.symbols

    @property
    def series(self) -> tuple[Series, ...]:
        """All series whose candles a step takes, the traded ones first."""
        return tuple(dict.fromkeys(series for each in self._all() for series in each.series))

    def last_ms(self, series: Series) -> int | None:
        """Returns the open time of the last candle taken of a series."""
        knows = (each for each in self._all() if series in each.series)
        first = next(knows, None)
        return None if first is None else first.last_ms(series)

    def moving_together(self, held: Collection[str]) -> list[frozenset[str]]:
        """Returns, for each traded symbol held, itself and those held that move with it."""
        return self.chief.moving_together(held)

    def take(self, step: Step) -> list[str]:
        """Takes the candles of a step; returns what is wrong with those that are left out."""
        gaps: dict[str, str] = {}
        bad = []
        for candle in step.candles:
            series = (candle.symbol, candle.timeframe.name)
            last_ms = self.last_ms(series)
            if last_ms is not None and candle.open_time_ms <= last_ms:
                continue
            follows = last_ms is None or candle.open_time_ms == last_ms + candle.timeframe.length_ms
            try:
                self._take(series, candle)
            except BadCandles as error:
                bad.append(str(error))
                continue
            if not follows and candle.open_time_ms == step.open_time_ms:
                gaps[candle.symbol] = "gap"
        self._step, self._gaps = step, gaps
        return bad

    def decide(
        self, account_of: Callable[[Mapping[str, float]], AccountView], held: Mapping[str, str]
    ) -> StepChoices:
        """Returns what is to be done at the step that was taken. `held` are the ids of open
        positions, by symbol."""
        assert self._step is not None
        open_ms = self._step.open_time_ms

        def looked(closes: Mapping[str, float]) -> AccountView:
            self._view = account_of(closes)
            return self._view

        managed = managed_by(self.caretakers, held)
        skipped = self._skipped(self.chief) | dict.fromkeys(managed, "managed")
        made = self.chief.step(open_ms, looked, skipped)
        choices = {each.symbol: each for each in made.choices}
        for caretaker in self.caretakers:
            own = [symbol for symbol, who in managed.items() if who is caretaker]
            others = dict.fromkeys(set(self.symbols) - set(own), "managed")
            if own:
                cared = self._asked(caretaker.decider, others)
                choices |= {each.symbol: each for each in cared.choices if each.symbol in own}
        return replace(made, choices=tuple(choices.values()))

    def shadow(self) -> StepChoices | None:
        """Returns what the one beside would have done at the step that was decided on."""
        return None if self.beside is None else self._asked(self.beside, {})

    def take_over(self, caretakers: tuple[Caretaker, ...]) -> None:
        """Makes the one beside the chief."""
        assert self.beside is not None
        self.chief, self.beside, self.caretakers = self.beside, None, caretakers

    def release(self, open_: Set[str]) -> list[Caretaker]:
        """Drops, and returns, the caretakers none of whose positions is `open_`."""
        done = [each for each in self.caretakers if not each.positions & open_]
        self.caretakers = tuple(each for each in self.caretakers if each not in done)
        return done

    def _asked(self, decider: Decider, others: Mapping[str, str]) -> StepChoices:
        step, view = self._step, self._view
        assert step is not None
        assert view is not None
        return decider.step(step.open_time_ms, lambda _: view, {**self._skipped(decider), **others})

    def _skipped(self, decider: Decider) -> dict[str, str]:
        """Returns the symbols that a strategy is to decide nothing on, and why."""
        skipped = dict(self._gaps)
        without = () if self._step is None else self._step.without
        for name, length in decider.informative:
            for symbol in decider.symbols:
                if (symbol if name == SELF else name, length) in without:
                    skipped[symbol] = "informative"
        return skipped

    def _take(self, series: Series, candle: Candle) -> None:
        for each in self._all():
            if series in each.series and candle.open_time_ms > (each.last_ms(series) or -1):
                each.take(candle)
        if self.remembered is not None:
            self.remembered.append(candle)

    def _all(self) -> Iterator[Decider]:
        yield self.chief
        yield from (each.decider for each in self.caretakers)
        if self.beside is not None:
            yield self.beside


def open_or_coming(books: Books) -> set[str]:
    """Returns the ids of positions that are open, or that a buy whose fill is still to come may
    open."""
    coming = {each.intent.position_id for each in books.live_orders() if each.may_buy}
    return coming | {each.position_id for each in books.positions()}


def managed_by(caretakers: tuple[Caretaker, ...], held: Mapping[str, str]) -> dict[str, Caretaker]:
    """Returns who manages the position of a symbol, where it is not the strategy of the session."""
    return {
        symbol: each
        for symbol, position_id in held.items()
        for each in caretakers
        if position_id in each.positions
    }
