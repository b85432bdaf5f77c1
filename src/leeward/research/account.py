"""The account of a session at each of its steps, as its records told it at the time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from leeward.domain.timeframe import Timeframe
from leeward.engine.books import Books
from leeward.engine.records import EquityMarked, Record, StateMoved, TradingState
from leeward.research.stepwise import Replay
from leeward.runtime.trading.step_records import account_view, decimals
from leeward.runtime.trading.views import AccountView


@dataclass(frozen=True, slots=True)
class Stood:
    """The account at the close of a step, before anything was decided, and the state of trading.
    `mark` is what the session wrote down of it, `held` are the ids of positions by symbol. `moved`
    are the states that were written down before the next step: what is demanded counts at once."""

    mark: EquityMarked
    view: AccountView
    held: Mapping[str, str]
    state: TradingState | None
    moved: frozenset[TradingState]


def accounts_before(replay: Replay) -> Iterator[Stood]:
    """Yields the account at each step of the sessions, from what was committed before it."""
    recorded = replay.recorded
    first = recorded.sessions[0]
    timeframe = Timeframe.parse(first.timeframe)
    own = {session.session_id for session in recorded.sessions}
    books = Books(first.account, recorded.terms.quote)
    for record in recorded.before:
        books.apply(record)
    for place, record in enumerate(recorded.records):
        if isinstance(record, EquityMarked) and record.session_id in own:
            last = replay.as_seen.last_close[:, replay.step(record.open_time_ms)]
            known = zip(first.symbols, last.tolist(), strict=True)
            closes = decimals({name: close for name, close in known if not np.isnan(close)})
            view = account_view(books, first.symbols, timeframe, closes)
            held = {each.symbol: each.position_id for each in books.positions()}
            state = None if books.state is None else books.state.state
            moved = frozenset(_moved_until_next_step(recorded.records, place + 1))
            yield Stood(record, view, held, state, moved)
        books.apply(record)


def _moved_until_next_step(records: Sequence[Record], start: int) -> Iterator[TradingState]:
    for place in range(start, len(records)):
        record = records[place]
        if isinstance(record, EquityMarked):
            return
        if isinstance(record, StateMoved):
            yield record.state
