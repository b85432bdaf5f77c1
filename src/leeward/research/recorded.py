"""What a chain of sessions wrote down, and the terms and candles it traded on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from leeward.domain.candles import OPTIONAL, PRICES, Candles
from leeward.domain.errors import Failed
from leeward.domain.instrument import Instrument
from leeward.domain.timeframe import Timeframe
from leeward.engine.records import EquityMarked, Executed, Record, SessionStarted
from leeward.risk.limits import RiskLimits
from leeward.runtime.trading.chosen import choose, kept_target
from leeward.runtime.trading.modelling import Columns
from leeward.simulation.setup import Setup
from leeward.strategies.base import Strategy
from leeward.strategies.informative import SELF, Beside, Further

#: Columns of a recorded candle, in its order, and all there are.
_DECIDED = (*PRICES, "volume")
_COLUMNS = (*_DECIDED, *OPTIONAL)
#: What `Executed.data_state` says of candles that were there in time.
KNOWN_IN_TIME = frozenset({"ok", "warming_up"})


@dataclass(frozen=True, eq=False)
class Recorded:
    """Sessions that followed each other on one account with the same strategy and terms.

    `before` are the account's records from before the first session, `records` those since, both
    in the order they were committed. `history` are candles known beside the recorded ones, by
    symbol: what the sessions started from, what they took, and any that fill a hole; `beside` are
    those of the series that the strategy names as informative; `columns` give, a symbol, what the
    strategy needs of models. `led_by` is the session whose strategy and terms count, the first one
    where it is None. `managed` are positions, by their ids, that a strategy of before a swap looked
    after, each with the same records under its own terms.
    """

    sessions: tuple[SessionStarted, ...]
    before: tuple[Record, ...]
    records: tuple[Record, ...]
    history: Mapping[str, Sequence[Candles]]
    beside: Mapping[tuple[str, str], Sequence[Candles]] = field(default_factory=dict)
    columns: Mapping[str, Columns] = field(default_factory=dict)
    led_by: SessionStarted | None = None
    managed: tuple[tuple[Recorded, frozenset[str]], ...] = ()

    @cached_property
    def terms(self) -> Terms:
        return terms_of(self.led_by or self.sessions[0])

    @cached_property
    def marks(self) -> tuple[EquityMarked, ...]:
        """The account at every step; raises Failed where no step was decided."""
        names = {session.session_id for session in self.sessions}
        marks = [r for r in self.records if isinstance(r, EquityMarked) and r.session_id in names]
        if not marks:
            raise Failed(
                f"session {self.sessions[-1].session_id} decided on no candle yet; "
                "there is nothing to look at before its first candle has closed"
            )
        return tuple(marks)

    @cached_property
    def executed(self) -> dict[tuple[str, int], Executed]:
        """What was decided, by symbol and open time."""
        found = (r for r in self.records if isinstance(r, Executed))
        return {(row.symbol, row.open_time_ms): row for row in found}

    @cached_property
    def candles(self) -> tuple[Candles, ...]:
        """All candles of each symbol up to the last step: those decided on, and the history."""
        first = self.sessions[0]
        length = Timeframe.parse(first.timeframe)
        end = self.marks[-1].open_time_ms + length.length_ms
        return tuple(
            _joined(name, length, self.history.get(name, ()), self._seen(name)).between(None, end)
            for name in first.symbols
        )

    def further(self, symbol: str) -> Further:
        """Returns the informative candles of one traded symbol, under the names that the strategy
        gives them, and the columns of its models. Raises Failed where the session kept none."""
        found = {}
        for name, length in self.terms.strategy.informative:
            series = symbol if name == SELF else name, length
            if series not in self.beside:
                raise Failed(
                    f"session {self.sessions[-1].session_id}: it kept no candles of "
                    f"{series[0]} {length}, which its strategy reads beside its own; it was "
                    "written by a version that did not"
                )
            joined = _joined(series[0], Timeframe.parse(length), self.beside[series], ())
            found[name, length] = joined
        return Beside(found, self.columns[symbol]) if symbol in self.columns else found

    def _seen(self, symbol: str) -> Iterable[Executed]:
        return (row for (name, _), row in self.executed.items() if name == symbol)


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """The strategy of a session and the rules its account obeyed; `quote` is the currency."""

    strategy: Strategy
    strategy_sha256: str
    setup: Setup
    quote: str


def terms_of(session: SessionStarted) -> Terms:
    """Returns the terms that the session wrote down; raises Failed where they are not complete."""
    return read_terms(session.facts, session.symbols, f"session {session.session_id}")


def read_terms(facts: Mapping[str, object], symbols: Sequence[str], whose: str) -> Terms:
    """Returns the terms among the facts of a session, or among the inputs of a backtest's result.

    Raises Failed, naming `whose` they are, where they are not complete; what `load_strategy` and
    the strategy itself raise for a strategy that is not there or takes no such parameters.
    """
    try:
        name, params = str(facts["strategy"]), _table(facts["params"])
        limits, instruments = _table(facts["risk"]), _table(facts["instruments"])
        rungs = limits.pop("drawdown_ladder")
        assert isinstance(rungs, list | tuple), "drawdown_ladder is no list"
        limits["drawdown_ladder"] = tuple((float(a), float(b)) for a, b in rungs)
        target = kept_target(name, facts.get("source"), Path())
        strategy = choose(name, params, target).strategy
        setup = Setup(
            balance=_number(facts.get("balance", 1.0)),
            fee=_number(facts["fee"]),
            slippage=_number(facts["slippage"]),
            instruments=tuple(Instrument(**_table(instruments[s])) for s in symbols),  # type: ignore[arg-type] # checked by Instrument
            limits=RiskLimits(**limits),  # type: ignore[arg-type] # checked by RiskLimits
            max_candles=strategy.max_candles or 0,
            ratchet_stop=strategy.ratchet_stop,
        )
        version, quote = facts.get("strategy_sha256", ""), facts.get("quote", "")
        return Terms(strategy, str(version), setup, str(quote))
    except (KeyError, TypeError, ValueError, AssertionError) as error:
        raise Failed(
            f"{whose}: what it says of its terms cannot be used ({type(error).__name__}: {error}); "
            "was it written by another version?"
        ) from error


def _table(value: object) -> dict[str, object]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{value!r} is not a table")
    return {str(name): item for name, item in value.items()}


def _number(value: object) -> float:
    if not isinstance(value, int | float):
        raise TypeError(f"{value!r} is not a number")
    return float(value)


def _joined(
    symbol: str, length: Timeframe, history: Sequence[Candles], seen: Iterable[Executed]
) -> Candles:
    """Returns one series; where two sources have a candle, the one that was decided on counts. A
    column that is not known of every candle is left out."""
    rows: dict[int, tuple[float, ...]] = {}
    for candles in history:
        unknown = np.full(len(candles), np.nan)
        known = (getattr(candles, name) for name in _COLUMNS)
        filled = ((unknown if column is None else column).tolist() for column in known)
        rows.update(zip(candles.open_time.tolist(), zip(*filled, strict=True), strict=True))
    nothing = (np.nan,) * len(_COLUMNS)
    for row in seen:
        if row.candle is not None:
            optional = rows.get(row.open_time_ms, nothing)[len(_DECIDED) :]
            rows[row.open_time_ms] = (*row.candle, *optional)
    times = np.array(sorted(rows), dtype=np.int64)
    table = np.array([rows[int(time)] for time in times], dtype=np.float64)
    columns = np.ascontiguousarray(table.reshape(-1, len(_COLUMNS)).T)
    named = dict(zip(_COLUMNS, columns, strict=True))
    open_, high, low, close, volume = (named[name] for name in _DECIDED)
    quote_volume, trades, bought = (
        None if np.isnan(named[name]).any() else named[name] for name in OPTIONAL
    )
    return Candles(
        symbol, length, times, open_, high, low, close, volume, quote_volume, trades, bought
    )
