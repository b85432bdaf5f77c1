"""The tripwire: re-runs a strategy without the future, and on the history it says it needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from leeward.domain.candles import Candles
from leeward.domain.columns import BoolColumn, FloatColumn, IntColumn
from leeward.domain.errors import Failed
from leeward.domain.times import iso
from leeward.indicators.table import Need
from leeward.strategies.altered import closed_between, jumping, nudged
from leeward.strategies.base import Strategy
from leeward.strategies.evaluate import METHODS, Evaluation, evaluate
from leeward.strategies.informative import Further, altered, build_frame

LOOKS_AHEAD: Final = "looks ahead"
SHORT_HISTORY: Final = "needs more history than it declares"

#: Rows before each cut that are compared.
_TAIL: Final = 256
#: How far values may differ, relative to the larger one or to the column's usual size: on a window,
#: which has forgotten its start no further than this, and where the same rows are computed again.
_WINDOW: Final = 1e-9
_EXACT: Final = 1e-12
#: How often a window runs again on candles moved by rounding errors.
_NUDGES: Final = 8
#: A tag that only the other run named.
_UNKNOWN_TAG: Final = -1
_GOLDEN: Final = (5**0.5 - 1) / 2


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A value that breaks the contract, and the usual cause.

    `column` is a column of the frame or the name of a method; of a condition the values are tag
    codes, 0 for no signal. `value` is what the run on all candles gives in `row`, `other` what
    the run that `against` names gives.
    """

    kind: str
    column: str
    row: int
    open_time: int
    value: float
    other: float
    against: str
    hint: str

    def __str__(self) -> str:
        name = self.column if self.column in METHODS.values() else f"column '{self.column}'"
        return (
            f"{name}, row {self.row} ({iso(self.open_time)}): {self.value:.12g} with all candles, "
            f"{self.other:.12g} {self.against}. {self.hint}"
        )


class Difference(NamedTuple):
    """The first row in which two runs of a column differ, and both values."""

    column: str
    row: int
    value: float
    other: float

    def mismatch(self, kind: str, open_time: IntColumn, against: str, hint: str) -> Mismatch:
        time = int(open_time[self.row])
        return Mismatch(kind, self.column, self.row, time, self.value, self.other, against, hint)


def find_lookahead(
    strategy: Strategy,
    candles: Candles,
    further: Further,
    evaluation: Evaluation,
    need: Need,
    rows: Iterable[int],
) -> list[Mismatch]:
    """Returns where `evaluation` holds what the candles up to the row do not tell.

    For every cut in `rows` the strategy runs again on the candles that end there, and on those
    `further` ones closed by then; the last rows of every column are compared, the frame's columns
    first. A cut is cheap, because it runs on the rows the strategy needs; where the result is not
    the same, or where there are no more rows, all rows up to the cut decide. Cutting off hides what
    a strategy fills the missing end with: each cut runs again with a few candles at other prices
    after it. Both hide a maximum that lies before the cut: where windows give no proof against
    that, a cut or two run on all candles with other prices after it. `need` is what
    `strategy_need` states.
    """
    again = _Again(strategy, candles, further, evaluation, need)
    cuts = [int(cut) for cut in rows]
    shorter = [cut for cut in cuts if again.window(cut)]
    differing = [cut for cut in shorter if not again.agrees_on_window(cut)]
    doubtful = [cut for cut in cuts if cut not in shorter or cut in differing]
    found = [mismatch for cut in doubtful for mismatch in again.without_later_candles(cut)]
    for cut in () if found else cuts:
        first = 0 if cut in doubtful else again.window(cut)
        found += again.with_other_end(cut, first)
    if found:
        return found
    unproven = differing if shorter else cuts
    some = unproven[len(unproven) // 3 :: len(unproven) // 3 + 1]
    return find_changed_by_future(strategy, candles, further, evaluation, need, some)


def find_changed_by_future(
    strategy: Strategy,
    candles: Candles,
    further: Further,
    evaluation: Evaluation,
    need: Need,
    rows: Iterable[int],
) -> list[Mismatch]:
    """Returns where rows change when all prices after a cut in `rows` jump up and down.

    Each cut runs on all candles. It shows what cutting off hides.
    """
    again = _Again(strategy, candles, further, evaluation, need)
    return [found for cut in rows for found in again.with_other_later_candles(int(cut))]


def find_short_history(
    strategy: Strategy,
    candles: Candles,
    further: Further,
    evaluation: Evaluation,
    need: Need,
    rows: Iterable[int],
) -> list[Mismatch]:
    """Returns where the rows that `need` states are too few for the last one, once a column.

    What a relative change of the candles by 1e-9 changes as well, as beside a tie, is rounding
    and not reported. Raises Failed when the strategy cannot run on so few rows.
    """
    again = _Again(strategy, candles, further, evaluation, need)
    found: dict[str, Mismatch] = {}
    for cut in rows:
        for mismatch in again.short_history(int(cut)):
            found.setdefault(mismatch.column, mismatch)
    return list(found.values())


def sample_rows(evaluation: Evaluation, count: int, seed: int) -> IntColumn:
    """Returns `count` rows past the warm-up to cut at, increasing, or all if there are fewer.

    The last row is never among them. Half carry an entry or exit signal, where there are as many,
    and of these every tag has its share, however rare; the others are spread evenly. The same
    arguments give the same rows.
    """
    signals = evaluation.signals
    first, last = signals.warm_up, len(signals) - 1
    if first >= last:
        return np.empty(0, dtype=np.int64)
    entry, exit_ = signals.entry[first:last], signals.exit[first:last]
    tags = [(entry, code + 1) for code in range(len(signals.entry_tags))]
    tags += [(exit_, code + 1) for code in range(len(signals.exit_tags))]
    half = count // 2
    rows = np.empty(0, dtype=np.int64)
    for codes, code in tags[:half]:
        rows = _with_more(rows, np.flatnonzero(codes == code), max(1, half // len(tags)), seed)
    rows = _with_more(rows, np.flatnonzero(entry | exit_), half - len(rows), seed)
    return first + _with_more(rows, np.arange(last - first), count - len(rows), seed)


def _with_more(rows: IntColumn, candidates: IntColumn, count: int, seed: int) -> IntColumn:
    """Returns the rows with up to `count` of the candidates, increasing."""
    spread = candidates[_spread(len(candidates), count + len(rows), seed)]
    new = np.setdiff1d(spread, rows)
    some = min(count, len(new))
    return np.union1d(rows, new[np.arange(some) * len(new) // max(some, 1)])


def _spread(length: int, count: int, seed: int) -> IntColumn:
    """Returns up to `count` different positions below `length`, spread by the golden ratio."""
    if count >= length:
        return np.arange(length, dtype=np.int64)
    turns = (np.arange(1, count + 1) + 7 * seed) * _GOLDEN % 1.0
    return np.unique((turns * length).astype(np.int64))


def differences(
    evaluation: Evaluation, other: Evaluation, first: int, rows: range, tolerance: float = _EXACT
) -> Iterator[Difference]:
    """Yields where two runs differ in `rows`, the frame's columns first.

    Row t of the evaluation is row t - first of the other. A missing column counts as NaN.
    """
    for name, a, b in _pairs(evaluation, other, first, rows):
        differ = _differ(a, b, tolerance)
        if differ.any():
            yield _first_difference(name, rows, a, b, differ)


def _lookahead_hint(row: int, cut: int) -> str:
    """Returns the usual cause of a column that differs from `row` on when cut off after `cut`."""
    ahead = cut - row + 1
    if 2 * ahead > len(_tail(cut)):
        return (
            "The rows before it change as well: usually a mean, maximum, fit or scale over the "
            "whole column; use a window that ends at the row"
        )
    return (
        f"It reads {ahead} row{'s' if ahead > 1 else ''} ahead or more: usually a shift by a "
        "negative number, np.roll, a centred window or gaps filled backwards"
    )


@dataclass(frozen=True, slots=True)
class _Again:
    """Runs a strategy again on some of its candles, against its evaluation on all of them."""

    strategy: Strategy
    candles: Candles
    further: Further
    evaluation: Evaluation
    need: Need

    def window(self, cut: int) -> int:
        """Returns the row from which the last rows up to the cut are known; 0 for all rows."""
        return 0 if self.need.unbounded else max(0, cut + 2 - self.need.history - _TAIL)

    def agrees_on_window(self, cut: int) -> bool:
        first = self.window(cut)
        try:
            part = self._run(first, cut)
        except Failed:  # it may need more rows than it states; all of them decide
            return False
        return not any(differences(self.evaluation, part, first, _tail(cut), _WINDOW))

    def with_other_end(self, cut: int, first: int) -> Iterator[Mismatch]:
        """Yields what changes where rows from `first` on run, a few at other prices after the cut.

        Cutting off shows nothing where a strategy fills the unseen end with the value it wants.
        """
        last = min(cut + _TAIL, len(self.candles) - 1)
        try:
            changed = self._run(first, last, jump_after=cut)
        except Failed:  # at such prices its sizes, say, may be no fractions; that is no breach
            return
        for difference in differences(self.evaluation, changed, first, _tail(cut), _WINDOW):
            yield self._ahead(difference, cut, f"with other candles after row {cut}")

    def without_later_candles(self, cut: int) -> Iterator[Mismatch]:
        for difference in differences(self.evaluation, self._run(0, cut), 0, _tail(cut)):
            yield self._ahead(difference, cut, "without the later ones")

    def with_other_later_candles(self, cut: int) -> Iterator[Mismatch]:
        open_time, length_ms = self.candles.open_time, self.candles.timeframe.length_ms
        decided_ms = int(open_time[cut]) + length_ms
        further = altered(self.further, lambda other: jumping(other, decided_ms))
        frame = build_frame(jumping(self.candles, decided_ms), further)
        changed = evaluate(self.strategy, frame, self.need)
        for difference in differences(self.evaluation, changed, 0, range(cut + 1)):
            yield self._ahead(difference, cut, f"with other candles after row {cut}")

    def _ahead(self, difference: Difference, cut: int, against: str) -> Mismatch:
        hint = _lookahead_hint(difference.row, cut)
        return difference.mismatch(LOOKS_AHEAD, self.candles.open_time, against, hint)

    def short_history(self, cut: int) -> Iterator[Mismatch]:
        first, tail = self.window(cut), _tail(cut)
        if not first or self.agrees_on_window(cut):
            return
        enough = self.need.history
        try:
            window = self._run(first, cut)
        except Failed as error:
            raise Failed(
                f"{error}. It needs more than the {enough} candles that its indicators declare; "
                "state the rows it reaches back by itself in warm_up"
            ) from error
        prefix = self._run(0, cut)
        here = range(tail.start - first, tail.stop - first)
        moved = [_columns(self._run(first, cut, n), here, prefix) for n in range(_NUDGES)]
        for name, a, b in _pairs(prefix, window, first, tail):
            differ = _differ(a, b, _WINDOW)
            if differ.any() and not _is_rounding(a, b, [run.get(name, b) for run in moved]):
                yield _first_difference(name, tail, a, b, differ).mismatch(
                    SHORT_HISTORY,
                    self.candles.open_time,
                    f"with the last {enough}",
                    "Its indicators declare that these are enough; state the rows it reaches back "
                    "by itself in warm_up",
                )

    def _run(
        self, first: int, cut: int, nudge: int | None = None, jump_after: int | None = None
    ) -> Evaluation:
        """Returns the strategy on rows `first` to `cut`, and further candles closed by then."""
        candles = self.candles.rows(first, cut + 1)
        length_ms = candles.timeframe.length_ms
        starts = int(candles.open_time[0]) + length_ms
        ends = int(candles.open_time[-1]) + length_ms
        further = altered(self.further, lambda other: closed_between(other, starts, ends))
        if nudge is not None:
            candles = nudged(candles, nudge, _WINDOW)
            further = altered(further, lambda other: nudged(other, nudge, _WINDOW))
        if jump_after is not None:
            decided_ms = int(self.candles.open_time[jump_after]) + length_ms
            candles = jumping(candles, decided_ms)
            further = altered(further, lambda other: jumping(other, decided_ms))
        try:
            return evaluate(self.strategy, build_frame(candles, further), self.need)
        except Failed as error:
            raise Failed(f"{error} (run again on rows {first} to {cut} only)") from error


def _tail(cut: int) -> range:
    return range(max(0, cut + 1 - _TAIL), cut + 1)


def _columns(evaluation: Evaluation, rows: range, like: Evaluation) -> dict[str, FloatColumn]:
    """Returns those rows of every column, with the answers of the methods under their names.

    Tag codes are those of `like`, in case a method does not name the same tags every time.
    """
    part = slice(rows.start, rows.stop)
    signals, frame = evaluation.signals, evaluation.frame
    columns = {name: frame[name][part] for name in frame}
    for name, codes in signals.codes().items():
        tags, wanted = _tags(evaluation)[name], _tags(like)[name]
        code_of = {tag: code for code, tag in enumerate(wanted, start=1)}
        numbers = [0, *(code_of.get(tag, _UNKNOWN_TAG) for tag in tags)]
        columns[METHODS[name]] = np.array(numbers, np.float64)[codes[part]]
    for name, column in signals.numbers().items():
        columns[METHODS[name]] = column[part]
    return columns


def _tags(evaluation: Evaluation) -> dict[str, tuple[str, ...]]:
    return {"entry": evaluation.signals.entry_tags, "exit": evaluation.signals.exit_tags}


def _pairs(
    evaluation: Evaluation, other: Evaluation, first: int, rows: range
) -> Iterator[tuple[str, FloatColumn, FloatColumn]]:
    mine = _columns(evaluation, rows, evaluation)
    theirs = _columns(other, range(rows.start - first, rows.stop - first), evaluation)
    unknown = np.full(len(rows), np.nan)
    for name in mine | theirs:
        yield name, mine.get(name, unknown), theirs.get(name, unknown)


def _differ(a: FloatColumn, b: FloatColumn, tolerance: float) -> BoolColumn:
    same: BoolColumn = a == b
    if same.all():
        return ~same
    finite = np.isfinite(a) & np.isfinite(b)
    # Beside the column's usual size a value that happens to be near zero has no digits to lose.
    usual = float(np.abs(a[finite]).mean()) if finite.any() else 0.0
    with np.errstate(invalid="ignore", over="ignore"):
        bound = tolerance * np.maximum(np.maximum(np.abs(a), np.abs(b)), usual)
        same |= finite & (np.abs(a - b) <= bound)
    return ~(same | (np.isnan(a) & np.isnan(b)))


def _first_difference(
    name: str, rows: range, a: FloatColumn, b: FloatColumn, differ: BoolColumn
) -> Difference:
    at = int(np.argmax(differ))
    return Difference(name, rows[at], float(a[at]), float(b[at]))


def _is_rounding(a: FloatColumn, b: FloatColumn, nudged: list[FloatColumn]) -> bool:
    """Returns whether rounding errors in the candles move the column about as far as a is from b.

    The rows are judged together: where a market stands still, rounding decides in every row, and
    a few nudges do not show both outcomes in each of them.
    """
    runs = np.array([b, *nudged])
    unknown = ~np.isfinite(runs)
    if (unknown != unknown[0]).any():
        return True
    known = np.isfinite(a)
    if (known == unknown[0]).any():
        return False
    moved = np.ptp(runs[:, known], axis=0)
    return bool(np.abs(a - b)[known].max() <= 4 * moved.max())
