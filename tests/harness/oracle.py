"""What a run is judged by: the exchange's truth at its end, and a watch on stops all along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from leeward.emulator.exchange import Exchange
from leeward.engine.books import books_of
from leeward.engine.records import Record, StateMoved
from leeward.runtime import drill_truth
from tests.harness.emulated_venue import ME, Outside

#: So long a fault goes on: an answer that never comes is waited for, a request arrives late.
_LASTING_S = 15.0
#: So long it takes at the most to prove that an order never arrived.
_PROVEN_S = 20.0


def differences(exchange: Exchange, records: Sequence[Record], account: str) -> list[str]:
    """Returns what is wrong, one sentence each; `records` as loaded from what survived."""
    truth = drill_truth.truth_of(exchange.truth(), ME)
    books = books_of(records, account, "USDT")
    wrong = [f"the exchange's own books: {each}" for each in exchange.invariants()]
    return wrong + drill_truth.differences(truth, books, records)


def last_command(records: Sequence[Record]) -> StateMoved | None:
    """Returns the last state that a hand moved the account to."""
    by_hand = (
        each for each in reversed(records)
        if isinstance(each, StateMoved) and each.actor == "operator"
    )  # fmt: skip
    return next(by_hand, None)


@dataclass
class Watch:
    """Measures how long a position has no stop, on the exchange's own books, and how much of that
    is nobody's fault but ours: the process up, and `grace_s` passed since the last fault."""

    outside: Outside
    symbols: Sequence[str]
    deadline_s: float
    #: When the process came up, or the last request was struck by a fault.
    excused_s: float = 0.0
    longest_s: float = 0.0
    naked_s: float = 0.0
    held_s: float = 0.0
    beyond: list[str] = field(default_factory=list)
    #: How long each time without a stop lasted: apart those in which nothing was struck, nor just
    #: before, nobody interfered and the process lived.
    undisturbed_s: list[float] = field(default_factory=list)
    disturbed_s: list[float] = field(default_factory=list)
    _open: dict[str, tuple[float, int]] = field(default_factory=dict)
    _lives: int = 0
    _since: dict[str, float] = field(default_factory=dict)
    _struck: int = 0
    _is_up: bool = False

    def __post_init__(self) -> None:
        self.outside.moved = self.measure

    def up(self) -> None:
        self._is_up, self.excused_s = True, self.outside.loop.time()
        self._lives += 1

    def down(self) -> None:
        self._is_up = False

    def measure(self) -> None:
        """Notes when a time without a stop begins and ends, and a sale of what is not ours, after
        each change at the exchange."""
        now_s, outside = self.outside.loop.time(), self.outside
        for symbol in self.symbols:
            self._count_sold(symbol)
            if self._is_naked(symbol):
                self._open.setdefault(symbol, (now_s, self._lives))
            elif (opened := self._open.pop(symbol, None)) is not None:
                since_s, lives = opened
                last_s = max(outside.struck_s + _LASTING_S, outside.excused_until_s)
                calm = lives == self._lives and last_s < since_s
                (self.undisturbed_s if calm else self.disturbed_s).append(now_s - since_s)

    def look(self, step_s: float) -> None:
        """Looks once; `step_s` is the time since the last look."""
        now_s = self.outside.loop.time()
        struck = sum(self.outside.struck.values())
        if struck != self._struck or not self._is_up:
            self._struck, self.excused_s = struck, now_s
        self.excused_s = max(self.excused_s, min(now_s, self.outside.excused_until_s))
        for symbol in self.symbols:
            if self._is_held(symbol):
                self.held_s += step_s
            if not self._is_naked(symbol):
                self._since.pop(symbol, None)
                continue
            self.naked_s += step_s
            since = max(self._since.setdefault(symbol, now_s), self.excused_s)
            self.longest_s = max(self.longest_s, now_s - since)
            if now_s - since > self._most_s(symbol) and (
                not self.beyond or not self.beyond[-1].startswith(symbol)
            ):
                self.beyond.append(f"{symbol}: without a stop for {now_s - since:.1f} s")

    def _most_s(self, symbol: str) -> float:
        """Returns how long a position may have no stop: where coins of others could carry a second
        one, a stop of unknown fate is waited for until it is proven never to have arrived."""
        floor = self.outside.exchange._floor
        foreign = self.outside.foreign.get(floor.markets[symbol].rules.base, 0)
        return self.deadline_s + (_PROVEN_S if foreign else 0.0)

    def _is_held(self, symbol: str) -> bool:
        return self._worth(symbol, Decimal(0)) > 6

    def _is_naked(self, symbol: str) -> bool:
        floor = self.outside.exchange._floor
        stops = sum(
            order.remaining
            for order in floor.accounts[ME].open.values()
            if order.symbol == symbol
            and (order.type, order.side) == ("STOP_LOSS", "SELL")
            and order.status != "PENDING_NEW"
        )
        return self._worth(symbol, Decimal(stops) / 10**8) > 6

    def _worth(self, symbol: str, covered: Decimal) -> Decimal:
        floor = self.outside.exchange._floor
        held = Decimal(self.ours(symbol)) / 10**8
        return (held - covered) * Decimal(floor.markets[symbol].last_price) / 10**8

    def ours(self, symbol: str) -> int:
        """Returns what is there and ours, in the exchange's units; negative where coins of others
        were sold."""
        floor = self.outside.exchange._floor
        name = floor.markets[symbol].rules.base
        base = floor.accounts[ME].balance(name)
        return int(base.free + base.locked) - self.outside.foreign.get(name, 0)

    def _count_sold(self, symbol: str) -> None:
        over = -self.ours(symbol)
        if over > 0:
            self.beyond.append(f"{symbol}: sold {over} units of others")
            self.outside.foreign[self.outside.exchange._floor.markets[symbol].rules.base] -= over
