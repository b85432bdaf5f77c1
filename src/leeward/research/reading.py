"""Sessions out of the database, with the candles they started from."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import TypeAlias

import numpy as np

from leeward.data.store import CandleStore
from leeward.database import reading
from leeward.database.engine import Database
from leeward.database.history import history
from leeward.domain.candles import OPTIONAL, PRICES, Candles
from leeward.domain.errors import BadUsage, Failed, unknown_name
from leeward.domain.timeframe import Timeframe
from leeward.engine.records import Record, SessionStarted
from leeward.research.models import columns_again, models_of
from leeward.research.recorded import Recorded, terms_of
from leeward.runtime.settings import Settings
from leeward.runtime.trading.deciding import Series
from leeward.runtime.trading.history import KEPT, KeptCandles
from leeward.runtime.trading.lineage import managers as managers_of
from leeward.runtime.trading.lineage import swap_facts

#: Facts that say what was traded and how; a chain has them all in common.
_TERMS = ("params", "risk", "fee", "slippage", "instruments", "max_candles", "ratchet_stop")
_MOST_SESSIONS = 10_000
Records: TypeAlias = tuple[Record, ...]


def read_sessions(
    database: Database, settings: Settings, session_id: str | None = None
) -> Recorded:
    """Returns a session, the newest where none is named, and those it went on from.

    A session goes on from the one before it on the account where strategy, symbols, timeframe and
    terms are the same: that is what a restart leaves. Raises BadUsage for a session that is not
    there, Failed where candles that it started from are missing or changed.
    """
    with database.reading() as connection:
        newest = [
            each.started
            for account in reading.accounts(connection)
            for each in reading.sessions(connection, account.account)
        ]
        named = None if session_id is None else reading.session(connection, session_id)
        chosen = _last_of(newest, session_id) if named is None else named.started
        found = reading.sessions(connection, chosen.account, _MOST_SESSIONS)
        started = [each.started for each in found]
        earlier = started[started.index(chosen) :]
        chain = tuple(takewhile(lambda each: _terms(each) == _terms(chosen), earlier))[::-1]
        records = history(connection, chosen.account)
    reading_ = _Reader(settings, {each.session_id: each for each in started})
    return reading_.recorded(chain, _parted(records, chain))


def session_of(database: Database, symbol: str, time_ms: int) -> str | None:
    """Returns the session that decided last on a candle, None where none did: the newest one may
    have been swapped in after it."""
    with database.reading() as connection:
        rows = reading.executions(connection, None, symbol, time_ms, time_ms + 1)
    return max(rows, key=lambda row: row.at_ms).session_id if rows else None


def newest_of(database: Database, symbol: str) -> str | None:
    """Returns the session that began last of those that trade a symbol, on whatever account; None
    where none does."""
    with database.reading() as connection:
        started = [
            each.started
            for account in reading.accounts(connection)
            for each in reading.sessions(connection, account.account)
            if symbol in each.started.symbols
        ]
    return max(started, key=lambda each: each.at_ms).session_id if started else None


@dataclass(frozen=True)
class _Reader:
    """Puts together what belongs to a chain of sessions; `known` are those of its account."""

    settings: Settings
    known: Mapping[str, SessionStarted]

    @property
    def folder(self) -> Path:
        return self.settings.data.dir.absolute().parent / "sessions"

    def recorded(
        self, chain: tuple[SessionStarted, ...], records: tuple[Records, Records]
    ) -> Recorded:
        """Returns the chain with its records, those from before it first."""
        last = chain[-1]
        found = self._under(chain, chain, last, records)
        managers = (each for one in chain for each in managers_of(swap_facts(one)))
        managed = tuple(
            (self._under((old, *chain), chain, old, records), positions)
            for facts, positions in managers
            if (old := self.known.get(str(facts.get("session")))) is not None
        )
        return replace(found, managed=managed)

    def _under(
        self,
        seen: tuple[SessionStarted, ...],
        chain: tuple[SessionStarted, ...],
        leader: SessionStarted,
        records: tuple[Records, Records],
    ) -> Recorded:
        """Returns the records of a chain under the terms of `leader`, with the candles of all that
        is `seen`."""
        kept = [KeptCandles(self.folder / each.session_id / KEPT).read() for each in seen]
        traded = {name: _series(self.folder, seen, name, kept) for name in leader.symbols}
        further = _further(self.folder, seen, kept)
        leader = _with_source(leader, self.folder)
        strategy, length = terms_of(leader).strategy, Timeframe.parse(leader.timeframe)
        columns = columns_again(self.settings, strategy, length, leader.facts.get("models"))
        stored = _with_stored(self.settings, leader, traded)
        return Recorded(chain, *records, stored, further, columns, leader)


def _with_source(session: SessionStarted, folder: Path) -> SessionStarted:
    """Returns the session with the whole path of the source that its strategy had."""
    source = session.facts.get("source")
    if not isinstance(source, str):
        return session
    return replace(session, facts={**session.facts, "source": str(folder / source)})


def _last_of(newest: Sequence[SessionStarted], session_id: str | None) -> SessionStarted:
    """Returns the session that began last; raises BadUsage where another one was named."""
    if session_id is not None:
        raise unknown_name("session", session_id, (each.session_id for each in newest))
    if not newest:
        raise BadUsage("session: none in the database; `leeward paper` or `leeward live` makes one")
    return max(newest, key=lambda each: each.at_ms)


def _terms(session: SessionStarted) -> tuple[object, ...]:
    facts = (session.facts.get(name) for name in _TERMS)
    version = session.strategy, session.strategy_version
    models = models_of(session.facts.get("models"))
    market = session.timeframe, session.symbols, session.mode, session.venue
    return (*version, *market, models, *facts)


def _parted(
    records: Sequence[Record], chain: tuple[SessionStarted, ...]
) -> tuple[Records, Records]:
    """Returns the records before the chain, and its own up to the next session of another kind."""
    names = [session.session_id for session in chain]
    starts = [
        (place, record.session_id)
        for place, record in enumerate(records)
        if isinstance(record, SessionStarted)
    ]
    first = next(place for place, name in starts if name == names[0])
    later = (place for place, name in starts if place > first and name not in names)
    end = next(later, len(records))
    return tuple(records[:first]), tuple(records[first:end])


def _series(
    folder: Path,
    chain: Sequence[SessionStarted],
    symbol: str,
    kept: Sequence[Mapping[Series, Candles]],
) -> list[Candles]:
    """Returns the candles of a traded symbol: what each session started from, and what it took."""
    found = []
    for each, taken in zip(chain, kept, strict=True):
        files = each.facts.get("history")
        fact = files.get(symbol) if isinstance(files, Mapping) else None
        series = symbol, each.timeframe
        found.append(_candles(folder / each.session_id, each, series, fact))
        found += [candles for name, candles in taken.items() if name == series]
    return found


def _further(
    folder: Path, chain: Sequence[SessionStarted], kept: Sequence[Mapping[Series, Candles]]
) -> dict[Series, list[Candles]]:
    """Returns the candles of the series beside the traded ones, by symbol and timeframe."""
    found: dict[Series, list[Candles]] = {}
    for each, taken in zip(chain, kept, strict=True):
        files = each.facts.get("informative")
        for name, fact in files.items() if isinstance(files, Mapping) else ():
            symbol, _, length = str(name).partition(" ")
            held = found.setdefault((symbol, length), [])
            held.append(_candles(folder / each.session_id, each, (symbol, length), fact))
        for series in found.keys() & taken.keys():
            found[series].append(taken[series])
    return found


def _candles(folder: Path, session: SessionStarted, series: Series, fact: object) -> Candles:
    """Returns the candles of one series that a session started from."""
    symbol, length = series[0], Timeframe.parse(series[1])
    if not isinstance(fact, Mapping):
        raise Failed(
            f"session {session.session_id}: it did not write down which {symbol} candles it "
            "started from, so it cannot be replayed"
        )
    file = folder / str(fact["file"])
    try:
        content = file.read_bytes()
    except OSError as error:
        raise Failed(
            f"session {session.session_id}: the candles it started from cannot be read: "
            f"{file}: {error.strerror}; without them it cannot be replayed"
        ) from None
    if hashlib.sha256(content).hexdigest() != fact["sha256"]:
        raise Failed(
            f"session {session.session_id}: {file} is not what the session wrote: its hash is "
            "another one; put the file back from a backup"
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as columns:
        open_, high, low, close, volume = (columns[name] for name in (*PRICES, "volume"))
        optional = {name: columns[name] for name in OPTIONAL if name in columns}
        time = columns["open_time"]
        return Candles(symbol, length, time, open_, high, low, close, volume, **optional)


def _with_stored(
    settings: Settings, session: SessionStarted, known: dict[str, list[Candles]]
) -> dict[str, list[Candles]]:
    """Returns the known candles with stored ones beneath them: they fill holes, nothing else."""
    store = CandleStore(settings.data.dir)
    length = Timeframe.parse(session.timeframe)
    held = set(store.series())
    for symbol, series in known.items():
        first = min((int(c.open_time[0]) for c in series if len(c)), default=None)
        if (symbol, length) in held and first is not None:
            series.insert(0, store.load(symbol, length).between(first, None))
    return known
