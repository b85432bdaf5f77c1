"""An account at a glance: what it is worth, what it holds, how near its limits are, and whether
everything around it is well. For the dashboard, the API and chats alike; nothing here writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from sqlalchemy import Connection

from leeward.database import browsing, reading
from leeward.database.engine import Database
from leeward.domain.errors import unknown_name
from leeward.domain.timeframe import Timeframe
from leeward.engine.ledger import Ledger, average
from leeward.engine.records import EquityMarked, TradingState
from leeward.risk.limits import RiskLimits
from leeward.runtime.clock import now_ms
from leeward.runtime.database import open_configured
from leeward.runtime.health import (
    Health,
    database_health,
    exchange_health,
    feed_health,
    mapping,
    model_caveats,
    model_health,
    number,
)
from leeward.runtime.operating import ALIVE_S
from leeward.runtime.settings import Settings
from leeward.runtime.trading.limits_in_use import LimitUse, Use, limits_in_use
from leeward.statistics.account import moved_part

_ALERTS: Final = 10
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Position:
    """An open position, amounts in quote units. `stop_distance_fraction` is how far the stop lies
    below the last price; what depends on a price is None where none is known."""

    position_id: str
    symbol: str
    quantity: Decimal
    entry_price: Decimal | None
    last_price: Decimal | None
    last_price_ms: int | None
    stop: Decimal | None
    target: Decimal | None
    stop_distance_fraction: float | None
    unrealised: Decimal | None
    unprotected_s: float
    strategy: str
    tag: str
    entry_time_ms: int
    closing: str | None

    @property
    def worth(self) -> Decimal:
        """What it is worth at the last price, at that of its entry where none is known."""
        price = self.last_price if self.last_price is not None else self.entry_price
        return _ZERO if price is None else price * self.quantity


@dataclass(frozen=True, slots=True)
class Overview:
    """One account now. `equity`, `peak`, `today_pnl` and `exposure` are of the last prices where a
    process told them, else of the last candle; None before the first. `alive` is whether a process
    trades it and said so within 30 s; `beat_s` the age of what it said. `made_ms` is our time."""

    account: str
    made_ms: int
    state: TradingState | None
    reason: str
    actor: str
    since_ms: int | None
    until_ms: int | None
    causes: tuple[str, ...]
    alive: bool
    was_cut_off: bool
    beat_s: float | None
    session: reading.Session | None
    quote: str
    equity: Decimal | None
    cash: Decimal | None
    exposure: Decimal | None
    peak: Decimal | None
    drawdown_fraction: float | None
    today_pnl: Decimal | None
    limits: tuple[LimitUse, ...]
    positions: tuple[Position, ...]
    last_candle_ms: int | None
    last_candle_age_s: float | None
    feed: Health
    exchange: Health
    database: Health
    model: Health
    alerts: tuple[reading.Event, ...]
    facts: Mapping[str, object]

    @property
    def caveats(self) -> tuple[str, ...]:
        """What has to be said of its models on every screen."""
        return () if self.session is None else model_caveats(self.session.started.facts)

    @property
    def health(self) -> tuple[tuple[str, Health], ...]:
        return (
            ("feed", self.feed),
            ("exchange", self.exchange),
            ("database", self.database),
            ("model", self.model),
        )


def overview(source: Settings | Database, account: str) -> Overview:
    """Returns an account of the database at a glance.

    Raises BadUsage for a name that does not exist, DatabaseDown.
    """
    if isinstance(source, Database):
        with source.reading() as connection:
            return overview_on(connection, account)
    database = open_configured(source, create=False, examine=False)
    try:
        return overview(database, account)
    finally:
        database.close()


def overview_on(connection: Connection, account: str) -> Overview:
    """Returns the overview from a connection of `Database.reading`."""
    known = {each.account: each for each in reading.accounts(connection)}
    row = known.get(account)
    if row is None:
        raise unknown_name("account", account, known)
    newest = reading.sessions(connection, account, 1)
    session = newest[0] if newest else None
    marked = browsing.last_mark(connection, account)
    made_ms = now_ms()
    facts = _facts_of(row, session)
    beat_s = _beat_s(row, made_ms)
    alive = row.holder is not None and beat_s is not None and beat_s <= ALIVE_S
    is_open = session is not None and session.ended_ms is None
    quote = "" if session is None else str(session.started.facts.get("quote", "USDT"))
    positions = tuple(_positions(connection, row, facts, quote))
    moved = _moved(connection, account, quote, marked)
    worth = _worth(facts, marked, moved, positions)
    last_ms, age_s = _last_candle(row, session, marked, beat_s)
    causes = tuple(part for part in str(facts.get("causes", "")).split(", ") if part)
    state = row.state
    return Overview(
        account=account,
        made_ms=made_ms,
        state=None if state is None else state.state,
        reason="" if state is None else state.reason,
        actor="" if state is None else state.actor,
        since_ms=None if state is None else state.at_ms,
        until_ms=None if state is None else state.until_ms,
        causes=causes,
        alive=alive,
        was_cut_off=not alive and is_open,
        beat_s=beat_s,
        session=session,
        quote=quote,
        equity=worth.equity,
        cash=worth.cash,
        exposure=worth.exposure,
        peak=worth.peak,
        drawdown_fraction=worth.drawdown,
        today_pnl=worth.today,
        limits=_limits(session, worth, positions, facts),
        positions=positions,
        last_candle_ms=last_ms,
        last_candle_age_s=age_s,
        feed=feed_health(alive, beat_s, causes, facts),
        exchange=exchange_health(alive, beat_s, causes, facts),
        database=database_health(alive, beat_s if is_open else None, causes),
        model=model_health(session, facts),
        alerts=tuple(browsing.alerts(connection, account, _ALERTS)),
        facts=facts,
    )


def _facts_of(row: reading.Account, session: reading.Session | None) -> Mapping[str, object]:
    """Returns what the heartbeat said, nothing where it was of an earlier session."""
    if session is None or row.facts.get("session") != session.started.session_id:
        return {}
    return row.facts


def _beat_s(row: reading.Account, at_ms: int) -> float | None:
    # A venue that replays has a time of its own: the age is told by the computer's.
    beaten_ms = row.facts.get("computer_ms")
    return max(0.0, (at_ms - beaten_ms) / 1000) if isinstance(beaten_ms, int) else None


# What is held.


def _positions(
    connection: Connection, row: reading.Account, facts: Mapping[str, object], quote: str
) -> Iterator[Position]:
    prices, unprotected = mapping(facts.get("prices")), mapping(facts.get("unprotected_s"))
    for held in reading.positions(connection, row.account):
        ledger = Ledger(quote)
        for booked in reading.fills_of(connection, row.account, held.position_id):
            ledger.book_fill(booked)
        lot = ledger.lots.get(held.position_id)
        quantity = ledger.position_quantity(held.position_id, held.symbol)
        entry = average(lot.cost, lot.bought).value if lot is not None and lot.bought else None
        price, price_ms = _price(prices.get(held.symbol))
        stop = None if held.plan.stop is None else held.plan.stop.value
        yield Position(
            position_id=held.position_id,
            symbol=held.symbol,
            quantity=quantity,
            entry_price=entry,
            last_price=price,
            last_price_ms=price_ms,
            stop=stop,
            target=None if held.plan.target is None else held.plan.target.value,
            stop_distance_fraction=None
            if stop is None or price is None
            else float((price - stop) / price),
            unrealised=None if price is None or entry is None else (price - entry) * quantity,
            unprotected_s=number(unprotected.get(held.symbol)) or 0.0,
            strategy=held.strategy,
            tag=held.tag,
            entry_time_ms=held.entry_time_ms,
            closing=held.closing,
        )


def _price(told: object) -> tuple[Decimal | None, int | None]:
    if not isinstance(told, list) or len(told) != 2:
        return None, None
    return Decimal(str(told[0])), int(told[1])


@dataclass(frozen=True, slots=True)
class _Worth:
    equity: Decimal | None = None
    cash: Decimal | None = None
    exposure: Decimal | None = None
    peak: Decimal | None = None
    today: Decimal | None = None
    day_base: Decimal | None = None

    @property
    def drawdown(self) -> float | None:
        return _below(self.equity, self.peak)


def _worth(
    facts: Mapping[str, object],
    marked: EquityMarked | None,
    moved: Decimal,
    positions: Sequence[Position],
) -> _Worth:
    """Returns the account at the last prices that its process told, else at the last candle. What
    is invested is what the fills say is held, so that it and the positions are of one moment; what
    was `moved` in or out since the last candle is neither gain nor loss."""
    cash, equity = _decimal(facts.get("cash")), _decimal(facts.get("equity"))
    if marked is None:
        return _Worth(cash=cash)
    if cash is None or equity is None:
        equity = marked.equity + moved
    part = moved_part(marked.equity, moved)
    base = marked.day_base * part
    exposure = sum((each.worth for each in positions), _ZERO)
    return _Worth(
        equity=equity,
        cash=equity - exposure,
        exposure=exposure,
        peak=max(marked.peak * part, equity),
        today=equity - base,
        day_base=base,
    )


def _moved(
    connection: Connection, account: str, quote: str, marked: EquityMarked | None
) -> Decimal:
    """Returns what was paid in and out since the last candle's mark, quote units."""
    if marked is None:
        return _ZERO
    since = browsing.moved(connection, account, quote, marked.open_time_ms)
    return sum((e.amount for e in since if e.open_time_ms == marked.open_time_ms), _ZERO)


def _below(value: Decimal | None, base: Decimal | None) -> float | None:
    return None if value is None or not base else max(0.0, float(1 - value / base))


# The limits.


def _limits(
    session: reading.Session | None,
    worth: _Worth,
    positions: Sequence[Position],
    facts: Mapping[str, object],
) -> tuple[LimitUse, ...]:
    """Returns the session's limits with their present values; none before the first candle."""
    risk = {} if session is None else mapping(session.started.facts.get("risk"))
    if not risk or worth.equity is None or worth.peak is None or worth.day_base is None:
        return ()
    largest, at_risk = _ZERO, _ZERO
    for each in positions:
        largest = max(largest, each.worth)
        if each.entry_price is not None and each.stop is not None:
            at_risk = max(at_risk, (each.entry_price - each.stop) * each.quantity)
    use = Use(
        worth.equity,
        worth.peak,
        worth.day_base,
        worth.exposure or _ZERO,
        largest,
        len(positions),
        int(number(facts.get("orders_last_hour")) or 0),
        at_risk,
        _decimal(facts.get("together")),
    )
    limits = RiskLimits(**{str(name): value for name, value in risk.items()})  # type: ignore[arg-type] # as they were written down
    return limits_in_use(limits, use)


# How everything around it does.


def _last_candle(
    row: reading.Account,
    session: reading.Session | None,
    marked: EquityMarked | None,
    beat_s: float | None,
) -> tuple[int | None, float | None]:
    """Returns when the newest decided candle opened, and how long ago it closed, in the venue's
    time."""
    if marked is None or session is None:
        return None, None
    closed_ms = marked.open_time_ms + Timeframe.parse(session.started.timeframe).length_ms
    if row.heartbeat_ms is None or beat_s is None:
        return marked.open_time_ms, None
    return marked.open_time_ms, max(0.0, (row.heartbeat_ms - closed_ms) / 1000 + beat_s)


def _decimal(value: object) -> Decimal | None:
    return Decimal(value) if isinstance(value, str) else None
