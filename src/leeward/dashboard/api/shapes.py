"""What the API answers with. Amounts are exact, as text; times are ISO 8601 in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel

from leeward.dashboard.figures import Figures

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """A part of a list. `next` is the cursor of the part after it, None at the end; `total` is
    given where it is known."""

    items: list[T]
    next: str | None = None
    total: int | None = None


class MeBody(BaseModel):
    name: str
    role: Literal["viewer", "operator"]


class AccountBody(BaseModel):
    account: str
    state: str | None
    alive: bool
    equity: str | None
    quote: str


class HealthBody(BaseModel):
    level: Literal["ok", "warning", "bad", "unknown"]
    words: str


class LimitBody(BaseModel):
    name: str
    value: float
    limit: float
    fraction: float


class PositionBody(BaseModel):
    position_id: str
    symbol: str
    quantity: str
    entry_price: str | None
    last_price: str | None
    last_price_time: str | None
    stop: str | None
    target: str | None
    stop_distance_fraction: float | None
    unrealised: str | None
    unprotected_s: float
    strategy: str
    tag: str
    entry_time: str
    closing: str | None


class SessionBody(BaseModel):
    session_id: str
    mode: str
    venue: str
    strategy: str
    timeframe: str
    symbols: list[str]
    started: str
    ended: str | None
    end_reason: str | None


class EventBody(BaseModel):
    seq: int
    time: str
    kind: str
    subject: str
    severity: str | None
    record: dict[str, Any]


class OverviewBody(BaseModel):
    """An account at a glance; `problem` says why the database does not answer, where it does not:
    then all this is of the last time it did."""

    version: int
    problem: str | None
    account: str
    made: str
    state: str | None
    reason: str
    actor: str
    since: str | None
    until: str | None
    causes: list[str]
    alive: bool
    was_cut_off: bool
    beat_s: float | None
    session: SessionBody | None
    quote: str
    equity: str | None
    cash: str | None
    exposure: str | None
    peak: str | None
    drawdown_fraction: float | None
    today_pnl: str | None
    limits: list[LimitBody]
    positions: list[PositionBody]
    last_candle: str | None
    last_candle_age_s: float | None
    health: dict[str, HealthBody]
    models: dict[str, Any]
    caveats: list[str]
    alerts: list[EventBody]


class TradeBody(BaseModel):
    position_id: str
    symbol: str
    entry_time: str
    exit_time: str
    quantity: str
    entry_price: str
    exit_price: str
    fees: list[str]
    pnl: str
    quote: str
    return_fraction: float | None
    exit_reason: str
    tag: str
    unprotected_s: float


class StoryLine(BaseModel):
    about: str
    text: str


class StoryBody(BaseModel):
    """A trade, and what led to it in words, step by step."""

    trade: TradeBody
    story: list[StoryLine]


class EquityBody(BaseModel):
    time: str
    equity: str
    cash: str
    exposure: str
    peak: str
    halted: bool


class ExecutionBody(BaseModel):
    """`candle` is (open, high, low, close, volume)."""

    session_id: str
    symbol: str
    time: str
    data_state: str
    candle: list[float] | None
    decision: str
    reason: str
    entry_tag: str
    exit_tag: str
    stop: float | None
    target: float | None
    confidence: float | None
    prediction: float | None
    quantity: float | None
    trend: str
    columns: dict[str, float | None]


@dataclass(frozen=True)
class PerformanceBody(Figures):
    """The figures of the performance page; `pnl` is what closed trades brought in all."""

    first: str | None
    last: str | None
    first_equity: str | None
    last_equity: str | None
    pnl: str


class RiskBody(BaseModel):
    """`configured` holds every limit of the session; `refusals` counts refused entries."""

    limits: list[LimitBody]
    configured: dict[str, Any]
    refusals: dict[str, int]
    drawdown_fraction: float | None
    ladder_factor: float


class CommandBody(BaseModel):
    """`outcome` is None until the trading process carried it out."""

    command_id: int
    kind: str
    argument: str
    actor: str
    sent: str
    outcome: str | None
    done: str | None


class RunBody(BaseModel):
    id: str
    strategy: str
    symbols: list[str]
    state: Literal["waiting", "running", "done", "failed", "stopped"]
    asked: str
    actor: str
    took_s: float | None
    words: str
    metrics: dict[str, float | None] | None
    report: str | None
