"""Exchanges the strategy of a running session between two candles: the old one or the new one, in
one commit."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NoReturn, TypeAlias

from leeward.database.commands import Command
from leeward.database.errors import LeaseLost
from leeward.domain.errors import LeewardError, Refused
from leeward.engine.books import Held
from leeward.engine.records import (
    CommandDone,
    Noted,
    PlanChanged,
    Record,
    SessionEnded,
    SessionStarted,
    Severity,
)
from leeward.runtime.checking_apart import check_apart
from leeward.runtime.settings import Settings
from leeward.runtime.swap_wish import SUBJECT, Wish, wish_of
from leeward.runtime.trading.arrivals import Step
from leeward.runtime.trading.candidates import Candidate, candidate_of, found_for
from leeward.runtime.trading.chosen import choose
from leeward.runtime.trading.deciders import Caretaker, open_or_coming
from leeward.runtime.trading.deciding import STRATEGY_FAILED
from leeward.runtime.trading.lineage import (
    asked_facts,
    managed_facts,
    strategy_facts,
    titled,
)
from leeward.runtime.trading.start import Ready
from leeward.runtime.trading.swap_words import plan_words, shadow_words, switch_ms
from leeward.runtime.trading.views import StepChoices

Check: TypeAlias = Callable[[str, Mapping[str, object], str, Settings], Awaitable[str]]


@dataclass
class UnderWay:
    """One swap, from its command to the commit. `left` are candles of shadow still to come."""

    command: Command
    wish: Wish
    left: int
    candidate: Candidate | None = None
    switching: bool = False


@dataclass
class Swapper:
    """Takes commands while the session goes on; `at_close` and `after` are called by it at every
    step. `ended` are the last figures of sessions that were replaced: whoever writes them takes
    them."""

    ready: Ready
    check: Check = check_apart
    ended: deque[tuple[SessionStarted, int, Mapping[str, float]]] = field(default_factory=deque)
    _under_way: UnderWay | None = None
    _known: set[int] = field(default_factory=set)
    _begun: asyncio.Event = field(default_factory=asyncio.Event)
    _made: int = 0

    def __post_init__(self) -> None:
        session = self.ready.session
        self._first_id = session.plan.who.session_id
        session.at_close, session.after = self.at_close, self.after

    # Commands.

    async def take(self, command: Command) -> None:
        """Takes a command, once; it is done when the strategy was exchanged. Raises Refused and
        BadUsage for one that cannot be begun."""
        if command.command_id in self._known:
            return
        self._known.add(command.command_id)
        wish, present = wish_of(command.argument), self._under_way
        if present is not None and not wish.rollback:
            raise Refused(
                f"command {present.command.command_id} is under way, to {present.wish.name}; wait "
                "for it, or call it off with `leeward swap --rollback`"
            )
        if present is not None:
            await self._call_off(present, command)
            return
        self._under_way = UnderWay(command, wish, wish.shadow)
        self._tell("loading and checking it")
        self._begun.set()

    async def run(self) -> NoReturn:
        """Makes ready what commands name; one that is not fit is refused, and the session goes on
        with what it has."""
        if self._under_way is not None and not self._begun.is_set():  # this task died before
            await self._refuse(self._under_way, "it could not be loaded; the log says more")
        while True:
            await self._begun.wait()
            self._begun.clear()
            if (present := self._under_way) is None:
                continue
            try:
                await self._make_ready(present)
            except LeaseLost:
                raise
            except LeewardError as error:
                await self._refuse(present, str(error))
            except Exception as error:  # noqa: BLE001 - whatever the new one does, the old goes on
                await self._refuse(present, _in_a_line(error))
            finally:
                self.ready.session.decider.remembered = None

    async def _make_ready(self, present: UnderWay) -> None:
        ready, session = self.ready, self.ready.session
        ground, wish = ready.ground, present.wish
        found = found_for(wish, ready.started, ground)
        length = ground.timeframe.name
        version = await self.check(found.target, found.params, length, ground.settings)
        # Its code runs in this process only after it was tried in another one.
        chosen = await asyncio.to_thread(choose, found.name, found.params, found.target)
        if version != chosen.version:
            raise Refused(f"{found.name}: it was changed while it was checked; try again")
        self._made += 1
        who = replace(
            session.plan.who,
            session_id=f"{self._first_id}.{self._made}",
            strategy=chosen.name,
            strategy_version=chosen.version,
        )
        candidate = await candidate_of(ground, session, chosen, found, who)
        has = candidate.prepared.models.bundles
        if wish.model is not None and wish.model not in has:
            raise Refused(
                f"{wish.model}: no symbol of this session reads it; they read "
                f"{', '.join(has) or 'none'}"
            )
        if _is_the_same(candidate.started, ready.started):
            raise Refused("it trades already, with this code, these parameters and models")
        if self._under_way is not present:  # called off meanwhile
            return
        candidate.join(session.decider)
        session.renew_series()
        present.candidate = candidate
        for noted in candidate.prepared.models.noted(session.server_now_ms()):
            session.alarm(noted)
        words = plan_words(session, ready.started, candidate.prepared.chosen, wish)
        self._tell("ready", at_ms=switch_ms(session, present.left))
        self._note("swap", words, f"{SUBJECT}{present.command.command_id}")

    async def _refuse(self, present: UnderWay, words: str) -> None:
        if self._under_way is not present:
            return
        self._drop()
        going_on = titled(self.ready.started.strategy, self.ready.started.facts.get("params"))
        self._note("swap", f"refused: {words}", f"{SUBJECT}{present.command.command_id}")
        await self._done(present.command, f"refused: {words}. {going_on} goes on")

    async def _call_off(self, present: UnderWay, command: Command) -> None:
        if present.switching:
            raise Refused("the swap is being made at this moment; ask again")
        self._drop()
        number = present.command.command_id
        await self._done(present.command, f"refused: called off by command {command.command_id}")
        going_on = titled(self.ready.started.strategy, self.ready.started.facts.get("params"))
        done = f"command {number}, a swap to {present.wish.name}, is called off; {going_on} goes on"
        await self._done(command, done)

    def _drop(self) -> None:
        deciders, session = self.ready.session.decider, self.ready.session
        self._under_way, session.coming = None, None
        deciders.beside, deciders.remembered = None, None
        session.renew_series()

    # Candles.

    async def at_close(self) -> frozenset[str]:
        """Exchanges the strategy where one is ready, before the candle is decided on; returns the
        symbols whose positions are sold for it. Where the database lags, at a later candle."""
        present, session = self._under_way, self.ready.session
        if present is None or present.candidate is None or present.left > 0:
            return frozenset()
        if not (session.reconciled and session.keeper.is_durable):
            return frozenset()
        present.switching = True
        return await self._switch(present, present.candidate)

    async def after(self, step: Step) -> None:
        """Tries the one that waits on the candle that was decided on, and looks whether a strategy
        has no position left to look after."""
        session = self.ready.session
        for done in session.decider.release(open_or_coming(session.keeper.books)):
            name = titled(str(done.facts["strategy"]), done.facts.get("params"))
            self._note("managed_out", f"{name} has closed what it held", session.plan.who.strategy)
        present = self._under_way
        if present is None or present.candidate is None:
            return
        try:
            present.candidate.keep(step.candles)
            made = session.decider.shadow() if present.left > 0 else None
        except OSError as error:
            await self._refuse(present, f"its candles cannot be kept: {error.strerror}")
        except Exception as error:  # noqa: BLE001 - whatever the new one does, the old one goes on
            await self._refuse(present, _in_a_line(error))
        else:
            if made is not None:
                await self._shadow(present, present.candidate, made)

    async def _shadow(self, present: UnderWay, candidate: Candidate, made: StepChoices) -> None:
        present.left -= 1
        self._tell("shadowing", at_ms=switch_ms(self.ready.session, present.left))
        chosen = candidate.prepared.chosen
        self._note("shadow", shadow_words(chosen, made, present.left), chosen.name)
        failed = [each.reason for each in made.choices if each.reason.startswith(STRATEGY_FAILED)]
        if failed:
            await self._refuse(present, f"{chosen.name} in its shadow: {failed[0]}")

    async def _switch(self, present: UnderWay, candidate: Candidate) -> frozenset[str]:
        """Ends the session and begins the next in one commit; then the new one decides."""
        ready, session = self.ready, self.ready.session
        old, now_ms = ready.started, session.server_now_ms()
        held, wish = session.keeper.books.positions(), present.wish
        caretakers = self._caretakers(wish)
        swap = {
            "asked": asked_facts(ready.ground.asked),
            "before": strategy_facts(old),
            "command": present.command.command_id,
            "actor": present.command.actor,
            "at_ms": now_ms,
            "positions": wish.positions,
            "managed": managed_facts(caretakers),
        }
        facts = {**candidate.started.facts, "swap": swap}
        started = replace(candidate.started, facts=facts, at_ms=now_ms)
        closing = [each for each in held if wish.positions == "close" and each.closing is None]
        words = (
            f"{titled(started.strategy, facts['params'])} took over from "
            f"{titled(old.strategy, old.facts.get('params'))}, for {present.command.actor}"
        )
        await session.keeper.commit(
            *swap_records(old, started, closing, present.command.command_id, words), urgent=True
        )
        # Nothing waits from here on: the session is the new one, in the books and in memory.
        measures = session.measures
        self.ended.extend((old, *each) for each in measures.over)
        measures.over.clear()
        self.ended.append((old, now_ms, measures.values()))
        ready.started, ready.folder = started, candidate.folder
        ready.models = candidate.prepared.models
        session.decider.take_over(caretakers)
        who = replace(
            session.plan.who,
            session_id=started.session_id,
            strategy=started.strategy,
            strategy_version=started.strategy_version,
        )
        session.go_on_as(who, candidate.keep)
        self._under_way, session.coming = None, None
        self._note("swapped", words, started.session_id)
        return frozenset(each.symbol for each in closing)

    def _caretakers(self, wish: Wish) -> tuple[Caretaker, ...]:
        """Returns who manages positions after the swap beside the new strategy."""
        session = self.ready.session
        if wish.positions != "manage_out":
            return ()
        deciders, open_ = session.decider, open_or_coming(session.keeper.books)
        managed = set().union(*(each.positions for each in deciders.caretakers))
        own = frozenset(open_ - managed)
        facts = strategy_facts(self.ready.started)
        kept = tuple(each for each in deciders.caretakers if each.positions & open_)
        return (*kept, Caretaker(deciders.chief, own, facts)) if own else kept

    # Words.

    def _tell(self, state: str, **more: object) -> None:
        present = self._under_way
        if present is not None:
            self.ready.session.coming = {
                "command": present.command.command_id,
                "actor": present.command.actor,
                "to": present.wish.name,
                "positions": present.wish.positions,
                "shadow_left": present.left,
                "state": state,
                **more,
            }

    def _note(self, kind: str, words: str, subject: str) -> None:
        session = self.ready.session
        session.alarm(Noted(kind, words, Severity.INFO, session.server_now_ms(), subject))

    async def _done(self, command: Command, outcome: str) -> None:
        done = CommandDone(command.command_id, outcome, self.ready.session.server_now_ms())
        await self.ready.session.keeper.commit(done, urgent=True)


def _is_the_same(new: SessionStarted, old: SessionStarted) -> bool:
    """Returns whether an exchange would change nothing: code, parameters and models are the old."""
    one, other = ({**strategy_facts(each), "source": "", "session": ""} for each in (new, old))
    return one == other


def _in_a_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def swap_records(
    old: SessionStarted,
    started: SessionStarted,
    closing: Sequence[Held],
    command_id: int,
    words: str,
) -> tuple[Record, ...]:
    """Returns what exchanges one strategy for another: all of it, or nothing, is written down."""
    why = f"command:{command_id}"
    plans = (
        PlanChanged(each.position_id, each.plan, "operator", started.at_ms, why) for each in closing
    )
    return (
        SessionEnded(old.session_id, f"swapped: {words}", started.at_ms),
        started,
        *plans,
        CommandDone(command_id, words, started.at_ms),
    )
