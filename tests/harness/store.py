"""A store that keeps records in memory as the database would, and forgets what a loss of power
takes. The campaigns run most of their course on it, and a part on the database itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from leeward.database.errors import AlreadyDecided, DatabaseDown, LeaseLost
from leeward.engine.records import (
    DecisionKey,
    FillBooked,
    IntentMade,
    PositionClosed,
    PositionOpened,
    Record,
    SessionStarted,
    TransferBooked,
)


class Kept(Protocol):
    """What survives a process: the database, or what stands for it."""

    down: bool

    def take_epoch(self) -> int: ...
    def record(self, account: str, epoch: int, records: Sequence[Record]) -> None: ...
    def load(self, account: str) -> list[Record]: ...
    def history(self, account: str) -> list[Record]: ...
    def lose_power(self) -> None: ...


class MemoryStore:
    """One account. `synced` false is a database that tells of a commit before it is on the disk;
    `down` makes every call fail as an unreachable database does."""

    def __init__(self, *, synced: bool = True, dedupes: bool = True) -> None:
        self.synced, self.dedupes = synced, dedupes
        self.down = False
        self.epoch = 0
        self.kept: list[Record] = []
        self._decided: set[DecisionKey] = set()
        self._booked: set[object] = set()
        self._unsynced = 0

    def take_epoch(self) -> int:
        """Returns the epoch of the next writer; whoever wrote before writes no more."""
        if self.down:
            raise DatabaseDown("the database does not answer")
        self.epoch += 1
        return self.epoch

    def record(self, account: str, epoch: int, records: Sequence[Record]) -> None:
        if self.down:
            raise DatabaseDown("the database does not answer")
        if epoch != self.epoch:
            raise LeaseLost(f"{account}: epoch {epoch} writes no more; it is {self.epoch} now")
        known = self._booked if self.dedupes else set()
        fresh = [record for record in records if _identity(record) not in known]
        for record in fresh:
            if isinstance(record, IntentMade) and record.key in self._decided:
                raise AlreadyDecided(f"{record.key} was decided before")
        self.kept += fresh
        self._decided |= {each.key for each in fresh if isinstance(each, IntentMade)}
        self._booked |= {_identity(each) for each in fresh}
        self._unsynced = 0 if self.synced else self._unsynced + len(fresh)

    def load(self, account: str) -> list[Record]:
        del account
        if self.down:
            raise DatabaseDown("the database does not answer")
        return list(self.kept)

    def history(self, account: str) -> list[Record]:
        """Returns every record in the order of its commit."""
        return self.load(account)

    def lose_power(self) -> None:
        """Forgets what was not synced."""
        if self._unsynced:
            del self.kept[-self._unsynced :]
            self._decided = {each.key for each in self.kept if isinstance(each, IntentMade)}
            self._booked = {_identity(each) for each in self.kept}
        self._unsynced = 0


def _identity(record: Record) -> object:
    """Returns what a record is booked once by; one of its own where it may come again."""
    match record:
        case FillBooked(fill=fill):
            return fill.symbol, fill.trade_id
        case TransferBooked(transfer_id=number):
            return number
        case IntentMade(intent_id=number):
            return number, record.epoch
        case PositionOpened(position_id=number):
            return number, "opened"
        case PositionClosed(trade=trade):
            return trade.position_id, "closed"
        case SessionStarted(session_id=number):
            return number, "started"
        case _:
            return object()
