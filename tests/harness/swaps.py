"""Strategies of a trader, exchanged at random and written down by the product's own records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from leeward.engine.books import Books, Held
from leeward.engine.records import (
    IntentMade,
    Mode,
    Purpose,
    Record,
    SessionEnded,
    SessionStarted,
)
from leeward.runtime.trading.facts import Asked
from leeward.runtime.trading.lineage import (
    asked_facts,
    goes_on,
    managers,
    strategy_facts,
    swap_facts,
)
from leeward.runtime.trading.swapping import swap_records

FIRST = "random"
#: Of the candles of a run with swaps, this share sees one.
_SHARE = 0.12


@dataclass
class Swaps:
    """Who decides for a trader. `present` is the session that is written down last."""

    seed: int
    account: str
    symbols: tuple[str, ...]
    present: SessionStarted | None = None
    made: int = 0
    asked: Asked = field(init=False)

    def __post_init__(self) -> None:
        self.asked = Asked(Mode.LIVE, FIRST, self.symbols, "1m")

    def booted(self, history: Sequence[Record], epoch: int, at_ms: int) -> SessionStarted:
        """Returns the first record of a process: it goes on with what was swapped in."""
        sessions = [each for each in history if isinstance(each, SessionStarted)]
        last = sessions[-1] if sessions else None
        if last is not None and goes_on(last, self.asked):
            return self._session(str(epoch), last.strategy, swap_facts(last), epoch, at_ms)
        return self._session(str(epoch), FIRST, None, epoch, at_ms)

    def drawn(
        self, books: Books, open_ms: int, epoch: int, at_ms: int
    ) -> tuple[tuple[Record, ...], list[Held]] | None:
        """Returns a swap at a candle, with the positions that are sold for it; at most candles
        none. What is drawn depends on the candle alone."""
        chance = Random(f"{self.seed}/swap/{open_ms}")  # noqa: S311 - a seeded rehearsal
        old = self.present
        if old is None or chance.random() >= _SHARE:
            return None
        policy = chance.choice(("adopt", "manage_out", "close"))
        held = books.positions()
        owned = {name for _, names in managers(swap_facts(old)) for name in names}
        own = [each.position_id for each in held if each.position_id not in owned]
        managed = [*_list(swap_facts(old).get("managed")), strategy_facts(old) | {"positions": own}]
        swap = {
            "asked": asked_facts(self.asked),
            "before": strategy_facts(old),
            "positions": policy,
            "managed": managed if policy == "manage_out" else [],
        }
        self.made += 1
        name = f"{FIRST}-{open_ms}"
        started = self._session(f"{epoch}.{self.made}", name, swap, epoch, at_ms)
        closing = [each for each in held if policy == "close" and each.closing is None]
        return swap_records(old, started, closing, self.made, f"to {name}"), closing

    def salt(self, held: Held | None) -> str:
        """Returns what tells the decisions of one strategy from those of another."""
        if self.present is None:
            return ""
        for facts, positions in managers(swap_facts(self.present)):
            if held is not None and held.position_id in positions:
                return _salt(str(facts["strategy"]))
        return _salt(self.present.strategy)

    def _session(
        self, number: str, strategy: str, swap: object, epoch: int, at_ms: int
    ) -> SessionStarted:
        facts = {"params": {}} | ({"swap": swap} if swap else {})
        return SessionStarted(
            f"session-{number}", self.account, Mode.LIVE, "emulator", strategy, "1", "1m",
            self.symbols, facts, epoch, at_ms,
        )  # fmt: skip


def one_at_a_time(history: Sequence[Record]) -> list[str]:
    """Returns where more than one strategy, or one that was replaced, opened a position."""
    wrong = []
    present: SessionStarted | None = None
    ended, over = True, set()
    for record in history:
        match record:
            case SessionStarted():
                if not ended and present is not None and present.epoch == record.epoch:
                    wrong.append(f"{record.session_id} began beside {present.session_id}")
                present, ended = record, False
            case SessionEnded(session_id=name) if name in over:
                pass  # a journal that is replayed once more
            case SessionEnded() if present is not None:
                over.add(record.session_id)
                if record.session_id != present.session_id:
                    wrong.append(f"{record.session_id} ended while {present.session_id} traded")
                ended = True
            case IntentMade(purpose=Purpose.ENTRY) if present is not None:
                if ended or record.session_id != present.session_id:
                    wrong.append(f"{record.session_id} bought while {present.session_id} traded")
                if record.strategy != present.strategy:
                    wrong.append(f"{record.strategy} bought while {present.strategy} traded")
            case _:
                pass
    return wrong


def _salt(strategy: str) -> str:
    return "" if strategy == FIRST else f"/{strategy}"


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
