"""What is known of a symbol beyond the books. All of it is found again by asking, so a restart may
forget it."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from leeward.domain.money import Price
from leeward.domain.rules import SymbolRules, SymbolStatus
from leeward.engine.absence import AbsenceProof

_FIRST_S, _MOST_S = 0.25, 30.0
#: So often a wait is doubled: then it is the longest one.
_DOUBLED = 7
#: While a position has no stop, nothing that stands in the way of one waits longer.
NAKED_S = 1.0
_OPENS = 4


def backoff_s(times: int) -> float:
    """Returns how long to wait after something failed so many times in a row, 1 being the first."""
    doubled = min(max(0, times - 1), _DOUBLED)  # 2 ** 1024 is no float any more
    return float(min(_MOST_S, _FIRST_S * 2**doubled))


@dataclass
class Pause:
    """When something that failed may be tried again."""

    at_s: float = 0.0
    failures: int = 0

    def put_off(self, now_s: float, least_s: float | None = None, most_s: float = _MOST_S) -> None:
        """Counts a failure; `least_s` is how long the venue asked to wait, `most_s` how long we
        would wait at the most by ourselves."""
        self.failures += 1
        self.at_s = now_s + max(min(most_s, backoff_s(self.failures)), least_s or 0.0)

    def clear(self) -> None:
        self.at_s, self.failures = 0.0, 0


@dataclass
class Question:
    """When one order may be asked for again, and the answers so far that said there is none."""

    pause: Pause = field(default_factory=Pause)
    proof: AbsenceProof | None = None


@dataclass(frozen=True, slots=True)
class Shortage:
    """The account turned out to have less than the books say: `left` is what may be sold by orders
    meant from `since_ms` on, exchange time; it is believed until `until_s` at the least."""

    left: Decimal
    since_ms: int
    until_s: float


@dataclass
class Memory:
    """One symbol's rules as they were last told, and what was tried and came to nothing."""

    rules: SymbolRules
    rules_pause: Pause = field(default_factory=Pause)
    #: The venue refused what these rules allow.
    rules_doubted: bool = False
    questions: dict[str, Question] = field(default_factory=dict)
    #: Orders of which the books may be out of date.
    doubted: set[str] = field(default_factory=set)
    #: Orders of unknown fate that were cancelled in vain and given up.
    lost: set[str] = field(default_factory=set)
    #: Orders that this process wanted gone, or that were gone when it looked first.
    withdrawn: set[str] = field(default_factory=set)
    #: When another hand took our protection away.
    taken_s: list[float] = field(default_factory=list)
    #: Orders that were open when this process began, and not seen open since.
    inherited: frozenset[str] = frozenset()
    #: Those of them for which the deadline began anew.
    spared: set[str] = field(default_factory=set)
    #: What the venue said of the quantity of orders that another one's fill sizes.
    quantities: dict[str, Decimal] = field(default_factory=dict)
    protect: Pause = field(default_factory=Pause)
    raising: Pause = field(default_factory=Pause)
    selling: Pause = field(default_factory=Pause)
    cancelling: Pause = field(default_factory=Pause)
    crossed: str | None = None
    unsellable: bool = False
    shortage: Shortage | None = None
    #: Since when a sale was refused for funds, again and again, with nothing there to be sold.
    nothing_since_s: float | None = None
    #: The venue refused because the symbol is closed, whatever its status said.
    closed: bool = False
    #: Since when the position has no stop; and from when on its deadline counts, which it does not
    #: while nothing can be sold.
    unprotected_since_s: float | None = None
    deadline_from_s: float = 0.0
    unprotected_s: dict[str, float] = field(default_factory=dict)
    #: The next leg number of a position where the books know of fewer.
    legs: int = 0
    #: The opens of the last candles, by open time.
    opens: dict[int, Decimal] = field(default_factory=dict)
    #: When the symbol wants to be looked at again; None where it is settled.
    due_s: float | None = None

    @property
    def trades(self) -> bool:
        """Whether the symbol takes orders; a status this version does not know is tried."""
        return not self.closed and self.rules.status in {SymbolStatus.TRADING, SymbolStatus.UNKNOWN}

    @property
    def cancels(self) -> bool:
        return self.trades or (not self.closed and self.rules.status is SymbolStatus.CANCEL_ONLY)

    @property
    def patience_s(self) -> float:
        """How long a question or a cancel may be put off at the most."""
        return _MOST_S if self.unprotected_since_s is None else NAKED_S

    def learn_rules(self, rules: SymbolRules) -> None:
        self.rules, self.rules_doubted, self.closed = rules, False, False

    def doubt(self, *client_order_ids: str) -> None:
        """Has orders asked for now, however often they were asked for before."""
        self.doubted.update(client_order_ids)
        for name in client_order_ids:
            if (question := self.questions.get(name)) is not None:
                question.pause.clear()

    def begin_gap(self, now_s: float) -> None:
        """Notes that the position has no stop from now on: what was put off is tried soon."""
        self.unprotected_since_s = now_s
        asked = (each.pause for each in self.questions.values())
        for pause in (self.rules_pause, self.cancelling, *asked):
            pause.at_s = min(pause.at_s, now_s + NAKED_S)

    def question(self, client_order_id: str) -> Question:
        return self.questions.setdefault(client_order_id, Question())

    def note_open(self, open_time_ms: int, open_: Decimal) -> None:
        """Keeps the open of a candle, and those of a few before it."""
        self.opens[open_time_ms] = open_
        for old in sorted(self.opens)[:-_OPENS]:
            del self.opens[old]

    def settle(self, client_order_id: str) -> None:
        """Forgets the doubts about an order whose fate is known."""
        self.doubted.discard(client_order_id)
        self.lost.discard(client_order_id)
        self.questions.pop(client_order_id, None)

    def takes(self, amount: Decimal, price: Price | None) -> bool:
        """Returns whether the venue takes a sale of so much, worth `price` a unit."""
        if amount <= 0 or amount < self.rules.lot.least:
            return False
        notional = self.rules.notional
        return notional is None or (price is not None and amount * price.value >= notional.least)

    def trust_books(self, now_s: float) -> None:
        """Lets what the books say be sold again."""
        if self.shortage is not None and now_s >= self.shortage.until_s:
            self.shortage = None

    def forget_position(self) -> None:
        """Forgets what was tried for a position that has ended."""
        self.crossed, self.unsellable, self.shortage = None, False, None
        self.nothing_since_s = None
        self.withdrawn.clear()
        self.unprotected_since_s = None
        self.legs = 0
        for pause in (self.protect, self.raising, self.selling, self.cancelling):
            pause.clear()
