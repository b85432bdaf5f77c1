"""What the decision core sees of an account, and what it says of a step, as plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from leeward.domain.candle import Candle


@dataclass(frozen=True, slots=True)
class OpenPosition:
    """A position as the core sees it: base units, quote prices, NaN for no stop or no target.
    `entry_time_ms` is the open time of the candle of its entry."""

    quantity: float
    entry_price: float
    entry_time_ms: int
    stop: float
    target: float
    closing: bool = False


@dataclass(frozen=True, slots=True)
class Marks:
    """The account at a close, in quote units; what the loss limits go on from."""

    equity: float
    cash: float
    exposure: float
    peak: float
    day_base: float
    day_ends_ms: int
    daily_loss: bool
    halted: bool


@dataclass(frozen=True, slots=True)
class AccountView:
    """The account before a step. `buying` are base units of entries whose end is not known;
    `stopped_ms` the open time of the candle of each symbol's last stop-out; `before` the marks of
    the step before, None before the first."""

    cash: float
    equity: float
    positions: Mapping[str, OpenPosition] = field(default_factory=dict)
    buying: Mapping[str, float] = field(default_factory=dict)
    stopped_ms: Mapping[str, int] = field(default_factory=dict)
    before: Marks | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """What strategy and gate say of one symbol; the fields are those of
    `leeward.engine.records.Executed`. `rank` orders entries; `raised_to` is a higher stop, None
    where it stays."""

    symbol: str
    data_state: str
    candle: Candle | None
    decision: str
    reason: str = ""
    entry_tag: str = ""
    exit_tag: str = ""
    size: float | None = None
    stop: float | None = None
    target: float | None = None
    confidence: float | None = None
    quantity: float | None = None
    rank: int = 0
    raised_to: float | None = None
    trend: str = ""
    columns: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepChoices:
    """One step: the account after its close, a choice a symbol in the order of the session, and
    whether the drawdown limit was reached just now."""

    open_time_ms: int
    marks: Marks
    choices: tuple[Choice, ...]
    halted_now: bool
