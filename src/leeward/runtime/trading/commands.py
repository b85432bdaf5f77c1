"""Carries out what operators asked for, from any process, within half a second."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final, NoReturn

from leeward.database.commands import Command
from leeward.database.errors import DatabaseDown, LeaseLost
from leeward.domain.errors import BadUsage, Refused
from leeward.engine.records import CommandDone, EquityMarked, PlanChanged, Record, TradingState
from leeward.runtime.trading.bookkeeper import Bookkeeper
from leeward.runtime.trading.standing import Standing
from leeward.venues.timing import Clock

KINDS: Final = ("halt", "resume", "flatten", "swap")
PERIOD_S: Final = 0.5
#: Stale candles and the like right after a start are over by then, or do not pass.
_PASSES_S: Final = 300.0


@dataclass
class Commands:
    """`pending` asks the database for what is still to be done; `tend` looks after a symbol whose
    position is to be closed; `equity` is the account's value now, None where it is not known;
    `is_reconciled` whether books and venue agree; `swap` takes what is done at a later candle."""

    pending: Callable[[], Awaitable[Sequence[Command]]]
    keeper: Bookkeeper
    standing: Standing
    clock: Clock
    server_now_ms: Callable[[], int]
    touch: Callable[[str], None]
    equity: Callable[[], Decimal | None]
    is_reconciled: Callable[[], bool]
    swap: Callable[[Command], Awaitable[None]]
    #: A resume that was asked for before the start -> until when it waits for causes to pass.
    _waiting: dict[int, float] = field(default_factory=dict, init=False)
    #: What was carried out, and is pending only because its end waits in the journal.
    _carried_out: set[int] = field(default_factory=set, init=False)

    async def run(self) -> NoReturn:
        while True:
            await self.look()
            await self.clock.sleep(PERIOD_S)

    async def look(self) -> None:
        """Carries out everything that is pending; each command's effect and its end are one
        commit."""
        try:
            pending = await self.pending()
        except DatabaseDown:
            return
        self._carried_out &= {each.command_id for each in pending}
        for place, command in enumerate(pending):
            if command.command_id in self._carried_out:
                continue
            called_off = any(later.kind == "halt" for later in pending[place:])
            if command.kind == "resume" and not called_off and self._is_early(command.command_id):
                continue
            await self._carry_out(command)
            self._carried_out.add(command.command_id)

    def _is_early(self, command_id: int) -> bool:
        """Returns whether a resume that was asked for before the start waits still: until it has
        recovered, and a while for what holds entries up and passes by itself."""
        now_s = self.clock.monotonic_s()
        if self.standing.state is TradingState.RECOVERING:
            self._waiting[command_id] = now_s + _PASSES_S
            return True
        waits = bool(self.standing.causes) and now_s < self._waiting.get(command_id, 0.0)
        return waits and not self._halted_since(command_id)

    def _halted_since(self, command_id: int) -> str:
        """Returns what halted the account while a resume waited, which knew nothing of it."""
        if command_id not in self._waiting:
            return ""
        moved = self.keeper.books.state
        fell = moved is not None and (moved.state, moved.actor) == (TradingState.HALTED, "watch")
        return self.standing.halted_for or (moved.reason if moved is not None and fell else "")

    async def _carry_out(self, command: Command) -> None:
        actor = f"command:{command.command_id}"
        reason = command.argument or f"{command.kind} by {command.actor}"
        try:
            match command.kind:
                case "halt":
                    done = self._done(command, "halted")
                    await self.standing.halt(reason, actor, done)
                case "resume":
                    await self._resume(command, reason, actor)
                case "flatten":
                    await self._flatten(command)
                case "swap":
                    await self.swap(command)
                case _:
                    known = ", ".join(KINDS)
                    raise Refused(f"{command.kind} is no command; there are {known}")
        except LeaseLost:
            raise
        except (Refused, BadUsage) as refused:
            await self.keeper.commit(self._done(command, f"refused: {refused}"), urgent=True)

    async def _resume(self, command: Command, reason: str, actor: str) -> None:
        if why := self._halted_since(command.command_id):
            raise Refused(f"halted after it was asked for: {why}; resume once that is understood")
        if not self.is_reconciled():
            raise Refused("books and venue do not agree yet; try again when they do")
        also: list[Record] = [self._done(command, "active")]
        marked, equity = self.keeper.books.marked, self.equity()
        if marked is not None and marked.halted:
            if equity is None:
                raise Refused("the account's value is not known yet; try again after a candle")
            also.append(self._afresh(marked, equity))
        await self.standing.resume(reason, actor, *also)

    def _afresh(self, marked: EquityMarked, equity: Decimal) -> EquityMarked:
        """Returns the mark after which drawdown counts from the present equity: an operator who
        resumes accepts the loss, and the old peak would halt again at once."""
        return replace(
            marked,
            open_time_ms=marked.open_time_ms + 1,
            equity=equity,
            peak=equity,
            halted=False,
            at_ms=self.server_now_ms(),
        )

    async def _flatten(self, command: Command) -> None:
        symbol = command.argument.upper()
        held = [each for each in self.keeper.books.positions() if symbol in {"", each.symbol}]
        closing = [each for each in held if each.closing is None]
        at_ms, why = self.server_now_ms(), f"command:{command.command_id}"
        plans = [
            PlanChanged(each.position_id, each.plan, "operator", at_ms, why) for each in closing
        ]
        names = ", ".join(each.symbol for each in held)
        outcome = f"closing {names}" if held else f"nothing is held{f' of {symbol}' * bool(symbol)}"
        await self.keeper.commit(*plans, self._done(command, outcome), urgent=True)
        for each in closing:
            self.touch(each.symbol)

    def _done(self, command: Command, outcome: str) -> CommandDone:
        return CommandDone(command.command_id, outcome, self.server_now_ms())
