"""What the chart of one symbol shows: its candles, what the strategy saw, what was done there.

Rows are candles by open time, without a break in their order but with those that are missing left
out. Before the first decided candle stand those that the session began with, and older ones of the
store.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from sqlalchemy import Connection, or_, select

from leeward.data.store import CandleStore
from leeward.database import reading, tables
from leeward.domain.columns import FloatColumn, IntColumn
from leeward.domain.errors import LeewardError
from leeward.domain.orders import Side
from leeward.domain.timeframe import Timeframe
from leeward.engine.records import FillBooked, SessionStarted
from leeward.report.reasons import EXIT_WORDS
from leeward.runtime.health import mapping
from leeward.runtime.settings import Settings

#: The chart holds no more candles than that: the newest.
MOST_ROWS: Final = 20_000
PRICES: Final = ("open", "high", "low", "close", "volume")
_SESSIONS: Final = 20
#: The forecast and its interval, log returns of the candle after.
_TOLD: Final = ("prediction", "prediction_low", "prediction_high")


@dataclass
class Candles:
    """Prices and the strategy's columns by open time; NaN where a value is not known."""

    time: IntColumn = field(default_factory=lambda: np.empty(0, np.int64))
    columns: dict[str, FloatColumn] = field(default_factory=dict)

    def joined(self, later: Candles) -> Candles:
        """Returns these candles with later ones in place of those from the first of them on."""
        if not len(later.time):
            return self
        kept = int(np.searchsorted(self.time, later.time[0]))
        cut = max(0, kept + len(later.time) - MOST_ROWS)
        names = dict.fromkeys((*self.columns, *later.columns))
        columns = {
            name: np.concatenate([_column(self, name)[cut:kept], _column(later, name)])
            for name in names
        }
        return Candles(np.concatenate([self.time[cut:kept], later.time]), columns)


def _column(candles: Candles, name: str) -> FloatColumn:
    found = candles.columns.get(name)
    return np.full(len(candles.time), np.nan) if found is None else found


def before(settings: Settings, started: Sequence[SessionStarted], symbol: str) -> Candles:
    """Returns the candles that sessions of one timeframe began with, the newest session first, over
    those of the store where they are of the same market. What cannot be read is left out."""
    found = Candles()
    newest = started[0]
    if newest.venue != "emulator":
        found = _stored(settings.data.dir, symbol, newest.timeframe)
    folder = settings.data.dir.absolute().parent / "sessions"
    for each in reversed(started):
        if each.timeframe == newest.timeframe:
            found = merged(found, _begun_with(folder, each, symbol))
    return found


def _stored(folder: Path, symbol: str, timeframe: str) -> Candles:
    try:
        candles = CandleStore(folder).load(symbol, Timeframe.parse(timeframe))
    except LeewardError:
        return Candles()
    part = slice(-MOST_ROWS, None)
    columns = {name: np.array(getattr(candles, name)[part], float) for name in PRICES}
    return Candles(np.array(candles.open_time[part], np.int64), columns)


def _begun_with(folder: Path, session: SessionStarted, symbol: str) -> Candles:
    fact = mapping(mapping(session.facts.get("history")).get(symbol))
    file = folder / session.session_id / Path(str(fact.get("file", "none"))).name
    try:
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as columns:
            part = slice(-MOST_ROWS, None)
            prices = {name: np.array(columns[name][part], float) for name in PRICES}
            return Candles(np.array(columns["open_time"][part], np.int64), prices)
    except (OSError, ValueError, KeyError):
        return Candles()


def merged(older: Candles, newer: Candles) -> Candles:
    """Returns both; where they overlap, the newer ones."""
    if not len(newer.time):
        return older
    after = older.time > newer.time[-1]
    joined = older.joined(newer)
    rest = {name: column[after] for name, column in older.columns.items()}
    return joined.joined(Candles(older.time[after], rest))


def decided(
    connection: Connection, sessions: Sequence[str], symbol: str, after_ms: int | None
) -> Candles:
    """Returns the candles that these sessions decided on, after a time, with the columns that the
    strategy saw."""
    c = tables.strategy_executions.c
    prices = (c.open, c.high, c.low, c.close, c.volume)
    query = select(c.open_time_ms, *prices, c["columns"]).where(
        c.symbol == symbol, c.session_id.in_(sessions), c.open.is_not(None)
    )
    if after_ms is not None:
        query = query.where(c.open_time_ms > after_ms)
    newest = query.order_by(c.open_time_ms.desc()).limit(MOST_ROWS)
    rows = {row[0]: row for row in connection.execute(newest)}
    ordered = [rows[time] for time in sorted(rows)]
    names = dict.fromkeys(name for row in ordered[-1:] for name in row[6])
    columns = {name: _float([row[i + 1] for row in ordered]) for i, name in enumerate(PRICES)}
    for name in names:
        columns[name] = _float([row[6].get(name) for row in ordered])
    return Candles(np.array([row[0] for row in ordered], dtype=np.int64), columns)


def _float(values: Sequence[object]) -> FloatColumn:
    known = [np.nan if value is None else float(str(value)) for value in values]
    return np.array(known, dtype=np.float64)


def overlays_of(candles: Candles) -> tuple[list[str], list[str]]:
    """Returns the strategy's columns that lie near the price, and the others."""
    close = candles.columns.get("close", np.empty(0))
    near: list[str] = []
    far: list[str] = []
    for name, column in candles.columns.items():
        if name in PRICES or name.startswith("prediction"):
            continue
        known = np.isfinite(column)
        ratio = np.median(column[known] / close[known]) if known.any() else np.nan
        (near if 0.5 < ratio < 2.0 else far).append(name)
    return near, far


def predictions(candles: Candles) -> dict[str, FloatColumn]:
    """Returns the price that was foretold for each candle, the floor of its interval and the
    interval's width; nothing where no model predicts."""
    if not all(name in candles.columns for name in _TOLD):
        return {}
    close = candles.columns["close"]
    middle, low, high = (close * np.exp(candles.columns[name]) for name in _TOLD)
    return {
        "prediction": _shifted(middle),
        "prediction_floor": _shifted(low),
        "prediction_width": _shifted(high - low),
    }


def _shifted(column: FloatColumn) -> FloatColumn:
    # What is told at a candle is about the one after it.
    return np.concatenate([[np.nan], column[:-1]])


@dataclass(frozen=True, slots=True)
class Held:
    """One position of the symbol: from its first fill to its end, None while it is open, and its
    stop and target from each time on."""

    opened_ms: int
    closed_ms: int | None
    closing: str | None
    plans: tuple[tuple[int, float, float], ...]


def held_of(connection: Connection, account: str, symbol: str, since_ms: int) -> list[Held]:
    """Returns the positions of a symbol that were open at some time from `since_ms` on. Of the
    stops of before then the last one alone is read: a trailing one moves with every candle."""
    p, q = tables.positions.c, tables.plan_changes.c
    rows = select(tables.positions).where(
        p.account == account,
        p.symbol == symbol,
        or_(p.closed_ms.is_(None), p.closed_ms >= since_ms),
    )
    found = {row.position_id: row for row in connection.execute(rows)}
    plans = {
        name: [(row.opened_ms, _price(row.entry_stop), _price(row.entry_target))]
        for name, row in found.items()
    }
    of_these = (q.account == account, q.position_id.in_(list(found)))
    changes = select(q.position_id, q.stop, q.target, q.at_ms).where(*of_these)
    of_before = [row.position_id for row in found.values() if row.opened_ms < since_ms]
    before = changes.where(q.at_ms < since_ms, q.position_id.in_(of_before))
    since = changes.where(q.at_ms >= since_ms)
    for row in (
        *connection.execute(before.order_by(q.seq.desc()).limit(1)),
        *connection.execute(since.order_by(q.seq)),
    ):
        plans[row.position_id].append((row.at_ms, _price(row.stop), _price(row.target)))
    return [
        Held(row.opened_ms, row.closed_ms, row.closing, tuple(plans[name]))
        for name, row in found.items()
    ]


def _price(value: object) -> float:
    return np.nan if value is None else float(str(value))


def plan_columns(time: IntColumn, held: Sequence[Held]) -> dict[str, FloatColumn]:
    """Returns stop and target at each candle, NaN where nothing was held."""
    stop, target = np.full(len(time), np.nan), np.full(len(time), np.nan)
    for position in held:
        end = len(time) if position.closed_ms is None else _row_at(time, position.closed_ms) + 1
        for at_ms, stop_price, target_price in position.plans:
            first = max(0, _row_at(time, at_ms))
            stop[first:end], target[first:end] = stop_price, target_price
    return {"stop": stop, "target": target}


def fill_columns(
    time: IntColumn, fills: Sequence[FillBooked], held: Sequence[Held]
) -> dict[str, FloatColumn | list[str | None]]:
    """Returns where was bought and sold, and what happened there in words."""
    prices = {side: np.full(len(time), np.nan) for side in ("entry", "exit")}
    words: dict[str, list[str | None]] = {side: [None] * len(time) for side in prices}
    why = {each.closed_ms: each.closing for each in held if each.closing is not None}
    for booked in fills:
        fill, row = booked.fill, _row_at(time, booked.fill.time_ms)
        if row < 0 or booked.position_id is None:
            continue
        side, verb = ("entry", "bought") if fill.side is Side.BUY else ("exit", "sold")
        reason = "" if side == "entry" else _ended(why, fill.time_ms)
        prices[side][row] = float(fill.price.value)
        words[side][row] = f"{verb} {fill.quantity.value.normalize():f} at {fill.price}{reason}"
    return {**prices, **{f"{side}_told": told for side, told in words.items()}}


def _ended(why: Mapping[int | None, str | None], time_ms: int) -> str:
    near = [name for at, name in why.items() if at is not None and abs(at - time_ms) < 2_000]
    return f": {EXIT_WORDS.get(near[0] or '', near[0])}" if near else ""


def _row_at(time: IntColumn, at_ms: int) -> int:
    """Returns the candle that a moment falls into, -1 before the first."""
    return int(np.searchsorted(time, at_ms, side="right")) - 1


def sessions_of(connection: Connection, account: str) -> list[SessionStarted]:
    """Returns the last sessions of an account, the newest first."""
    return [each.started for each in reading.sessions(connection, account, _SESSIONS)]
