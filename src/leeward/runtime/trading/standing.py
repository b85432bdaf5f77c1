"""The trading state of a running account: who moved it, why, and when it comes back by itself."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from leeward.domain.errors import Refused
from leeward.engine.records import Noted, Record, Severity, StateMoved, TradingState
from leeward.engine.trading_state import (
    Causes,
    Mover,
    after_recovery,
    allows_entry,
    before_boot,
    boot_reason,
    may_move,
    move,
)
from leeward.runtime.trading.bookkeeper import Bookkeeper
from leeward.venues.timing import Clock

#: A state below ACTIVE that nobody ordered is told of again after so long.
_REMIND_S = 15 * 60.0
_FINDING_MS = 60 * 60_000


@dataclass
class Standing:
    """Moves the state, writes every move down, and keeps the causes of reducing.

    `demand` may be called from anywhere and counts at once; it is written down by the next
    `review`, which the session's watch calls.
    """

    keeper: Bookkeeper
    clock: Clock
    server_now_ms: Callable[[], int]
    alarm: Callable[[Noted], None]
    causes: Causes = field(default_factory=Causes)
    #: For what a halt was demanded last by this process, be the account halted already or not.
    halted_for: str = ""
    _demands: deque[tuple[TradingState, str, str, int | None]] = field(default_factory=deque)
    _before: TradingState = TradingState.ACTIVE
    _before_reason: str = ""
    _reminded_s: float = 0.0
    #: Of two moves the second sees the first: a halt is not undone by what knew nothing of it.
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def state(self) -> TradingState:
        """The state in force: the tighter of what is written down and what was demanded."""
        if any(state is TradingState.HALTED for state, *_ in self._demands):
            return TradingState.HALTED
        if self._demands and allows_entry(self._written):
            return TradingState.REDUCING
        return self._written

    @property
    def _written(self) -> TradingState:
        moved = self.keeper.books.state
        return TradingState.RECOVERING if moved is None else moved.state

    async def boot(self) -> None:
        """Goes to RECOVERING, as every start does."""
        moved = self.keeper.books.state
        if moved is not None:
            self._before, self._before_reason = before_boot(moved)
        reason = boot_reason(self._before, self._before_reason)
        await self._write(TradingState.RECOVERING, Mover.BOOT, reason, "boot")

    async def recovered(self) -> None:
        """Goes on in the state of before: books and venue agree, and everything is protected."""
        async with self.lock:
            if self._written is not TradingState.RECOVERING:
                return
            to = after_recovery(self._before)
            same = to is self._before and self._before_reason
            reason = self._before_reason if same else "recovered"
            await self._write(to, Mover.RECOVERED, reason, "recovery")

    def demand(
        self, state: TradingState, cause: str, words: str, until_ms: int | None = None
    ) -> None:
        """Asks for a tighter state for a cause, which has to be cleared or ends at `until_ms`."""
        if state is TradingState.HALTED:
            self.halted_for = f"{cause}: {words}"
        if state is TradingState.REDUCING and cause in self.causes:
            self.causes = self.causes.with_cause(cause, until_ms)
            return
        if not any((state, cause) == each[:2] for each in self._demands):
            self._demands.append((state, cause, words, until_ms))

    async def tighten(self, state: TradingState, reason: str) -> None:
        """Moves to a tighter state at once, for a finding of the desk; one of reducing ends by
        itself after an hour."""
        cause, _, words = reason.partition(": ")
        until_ms = self.server_now_ms() + _FINDING_MS
        self.demand(state, cause, words or reason, until_ms)
        await self.review()

    def clear(self, cause: str) -> None:
        """Says that a cause of reducing is gone."""
        self.causes = self.causes.without(cause)

    async def review(self) -> None:
        """Writes down what was demanded, drops causes that ended, and returns to ACTIVE where none
        is left: a pause never outlives its cause."""
        async with self.lock:
            while self._demands:
                state, cause, words, until_ms = self._demands[0]
                await self._tighten(state, cause, words)
                if state is TradingState.REDUCING:
                    self.causes = self.causes.with_cause(cause, until_ms)
                self._demands.popleft()
            self.causes = self.causes.at(self.server_now_ms())
            if self._written is TradingState.REDUCING and not self.causes:
                words = "every cause is gone"
                await self._write(TradingState.ACTIVE, Mover.CLEARED, words, "watch")
        self._remind()

    async def halt(self, reason: str, actor: str, *also: Record) -> None:
        """Halts for an operator; `also` goes into the same commit."""
        async with self.lock:
            if self._written is TradingState.HALTED:
                await self.keeper.commit(*also, urgent=True)
            else:
                await self._write(TradingState.HALTED, Mover.OPERATOR, reason, actor, *also)

    async def resume(self, reason: str, actor: str, *also: Record) -> None:
        """Goes back to ACTIVE for an operator; raises Refused where that is not safe."""
        async with self.lock:
            if self._written is TradingState.ACTIVE:
                await self.keeper.commit(*also, urgent=True)
                return
            if self.causes:
                raise Refused(f"{self.causes.words()}; try again when that is gone")
            await self._write(TradingState.ACTIVE, Mover.OPERATOR, reason, actor, *also)

    async def _tighten(self, state: TradingState, cause: str, words: str) -> None:
        written = self._written
        recovering = written is TradingState.RECOVERING and self._before is not TradingState.HALTED
        if recovering and state is TradingState.REDUCING:
            self._before, self._before_reason = state, f"{cause}: {words}"
        severity = Severity.CRITICAL if state is TradingState.HALTED else Severity.WARNING
        noted = Noted(cause, words, severity, self.server_now_ms())
        self.alarm(noted)
        if may_move(written, state, Mover.WATCH):
            await self._write(state, Mover.WATCH, f"{cause}: {words}", "watch")

    async def _write(
        self, to: TradingState, mover: Mover, reason: str, actor: str, *also: Record
    ) -> None:
        before = self.keeper.books.state
        if before is not None:
            move(before.state, to, mover)
        self._reminded_s = self.clock.monotonic_s()
        moved = StateMoved(to, reason, actor, self.server_now_ms())
        await self.keeper.commit(moved, *also, urgent=True)

    def _remind(self) -> None:
        moved, now_s = self.keeper.books.state, self.clock.monotonic_s()
        if moved is None or moved.state is TradingState.ACTIVE:
            return
        if now_s - self._reminded_s >= _REMIND_S:
            self._reminded_s = now_s
            words = f"still {moved.state}: {self.causes.words() or moved.reason}"
            self.alarm(Noted("still", words, Severity.WARNING, self.server_now_ms()))
