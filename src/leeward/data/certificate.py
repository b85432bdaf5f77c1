"""The data certificate: what a reader should know of candles before trusting a result on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np

from leeward.data.resample import resample
from leeward.domain.candles import PRICES, Candles, Gap
from leeward.domain.columns import BoolColumn, FloatColumn, IntColumn
from leeward.domain.times import iso

#: Fewer equal candles in a row are a quiet market, not a feed that stood still.
FLAT_ROWS = 5
#: An outlier moves by more than this many scaled median moves of its neighbourhood, ...
OUTLIER_SCALES = 12.0
#: ... by at least this much, ...
OUTLIER_FRACTION = 0.005
#: ... and the next close takes back at least this share of the move.
OUTLIER_REVERTS = 0.75
#: Finer and coarser candles agree within this relative difference: the noise of adding floats.
AGREES = 1e-9

_BLOCK = 128
# Median absolute deviation to standard deviation of a normal distribution.
_MAD_SCALE = 1.4826


class Run(NamedTuple):
    """Consecutive rows: the first and the last open time, and how many."""

    first: int
    last: int
    rows: int


class Outlier(NamedTuple):
    """A close that jumped and came back: its open time and the move, a fraction of the close
    before."""

    open_time: int
    move_fraction: float


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """Finer candles summed up, against the coarser candles of the same symbol.

    `compared` counts the coarser candles of which every finer one is stored, `incomplete` those of
    which only some are. `worst_fraction` is the largest relative difference of any price or the
    volume, at `worst_time` (open time in ms, None where nothing differs) in `worst_column`.
    """

    finer: str
    compared: int
    incomplete: int
    differing: int
    differing_prices: int
    differing_volumes: int
    worst_fraction: float
    worst_time: int | None
    worst_column: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """Coverage and oddities of one series. Times are open times in ms, None without candles."""

    symbol: str
    timeframe: str
    sha256: str
    first: int | None
    last: int | None
    rows: int
    expected_rows: int
    gaps: tuple[Gap, ...]
    duplicates: int
    flat_runs: tuple[Run, ...]
    zero_volume: tuple[Run, ...]
    outliers: tuple[Outlier, ...]
    cross_checks: tuple[CrossCheck, ...]

    @property
    def missing(self) -> int:
        return sum(gap.missing for gap in self.gaps)


def certificate(candles: Candles, finer: Sequence[Candles] = ()) -> Certificate:
    """Returns the certificate of candles; `finer` are the same symbol's finer ones, if stored.

    Flat runs are at least `FLAT_ROWS` equal candles in a row; zero-volume runs start at one.
    """
    time = candles.open_time
    step = candles.timeframe.length_ms
    same = np.ones(max(len(candles) - 1, 0), dtype=bool)
    for name in PRICES:
        same &= np.diff(getattr(candles, name)) == 0
    return Certificate(
        symbol=candles.symbol,
        timeframe=str(candles.timeframe),
        sha256=candles.sha256,
        first=int(time[0]) if len(time) else None,
        last=int(time[-1]) if len(time) else None,
        rows=len(candles),
        expected_rows=int(time[-1] - time[0]) // step + 1 if len(time) else 0,
        gaps=candles.gaps,
        duplicates=int((np.diff(time) <= 0).sum()),
        flat_runs=_flat_runs(time, same),
        zero_volume=_runs(time, candles.volume == 0),
        outliers=find_outliers(candles),
        cross_checks=tuple(cross_check(fine, candles) for fine in finer),
    )


def _flat_runs(time: IntColumn, same: BoolColumn) -> tuple[Run, ...]:
    # A run of n equal candles shows as n - 1 candles that equal the one before.
    edges = np.flatnonzero(np.diff(same.astype(np.int8), prepend=0, append=0))
    runs = zip(edges[::2], edges[1::2], strict=True)
    return tuple(
        Run(int(time[first]), int(time[last]), int(last - first + 1))
        for first, last in runs
        if last - first + 1 >= FLAT_ROWS
    )


def _runs(time: IntColumn, mask: BoolColumn) -> tuple[Run, ...]:
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return tuple(
        Run(int(time[first]), int(time[end - 1]), int(end - first))
        for first, end in zip(edges[::2], edges[1::2], strict=True)
    )


def find_outliers(candles: Candles) -> tuple[Outlier, ...]:
    """Returns the closes that jumped and came back at once, in time order.

    A wrong print stands alone: the close leaves its neighbourhood and the next one is back. A
    crash is as large but stays, so it is not listed; a flash crash that one candle covers is, and
    deserves the look. The move counts when it is larger than 12 standard deviations as estimated
    by the median absolute log return of the 256 rows around (the median does not see the outlier
    itself), at least 0.5 %, because where prices rest on few ticks the median is zero, and when
    the next close takes back three quarters of it. Only candles with no gap to either neighbour
    are judged.
    """
    if len(candles) < 3:
        return ()
    moves = np.diff(np.log(candles.close))
    adjacent = np.diff(candles.open_time) == candles.timeframe.length_ms
    scale = np.zeros(len(moves))
    scale[adjacent] = _local_scale(np.abs(moves[adjacent]))
    out, back = moves[:-1], moves[1:]
    size = np.abs(out)
    outlying = (size > OUTLIER_SCALES * scale[:-1]) & (size >= np.log1p(OUTLIER_FRACTION))
    reverts = np.abs(out + back) <= (1 - OUTLIER_REVERTS) * size
    rows = np.flatnonzero(outlying & reverts & adjacent[:-1] & adjacent[1:]) + 1
    return tuple(
        Outlier(int(candles.open_time[row]), float(np.expm1(moves[row - 1]))) for row in rows
    )


def _local_scale(sizes: FloatColumn) -> FloatColumn:
    """Returns the scaled median size around each row.

    Rows come in blocks of 128; a row's neighbourhood is its block with the one before or the one
    after, whichever moves more, so that the first hours of a wild week are not held against the
    calm week before.
    """
    blocks = -(-len(sizes) // _BLOCK)
    if blocks < 2:
        return np.full(len(sizes), _MAD_SCALE * np.median(sizes) if blocks else 0.0)
    table = np.full((blocks, _BLOCK), np.nan)
    table.flat[: len(sizes)] = sizes
    pairs = np.hstack([table[:-1], table[1:]])
    medians = [0.0, *np.median(pairs[:-1], axis=1), np.nanmedian(pairs[-1]), 0.0]
    livelier = np.maximum(medians[:-1], medians[1:])
    return _MAD_SCALE * np.repeat(livelier, _BLOCK)[: len(sizes)]


def cross_check(finer: Candles, coarser: Candles) -> CrossCheck:
    """Returns how far the finer candles, summed up, agree with the coarser ones."""
    summed = resample(finer, coarser.timeframe)
    _, left, right = np.intersect1d(
        summed.open_time, coarser.open_time, assume_unique=True, return_indices=True
    )
    names = (*PRICES, "volume")
    off = np.zeros((len(names), len(left)))
    for row, name in enumerate(names):
        ours, theirs = getattr(summed, name)[left], getattr(coarser, name)[right]
        largest = np.maximum(np.abs(ours), np.abs(theirs))
        np.divide(np.abs(ours - theirs), largest, out=off[row], where=largest > 0)
    differs = off > AGREES
    worst = np.unravel_index(off.argmax(), off.shape) if differs.any() else None
    opened = np.searchsorted(coarser.open_time, finer.open_time, side="right") - 1
    held = finer.open_time - coarser.open_time[opened] < coarser.timeframe.length_ms
    started = len(np.unique(opened[held & (opened >= 0)]))
    return CrossCheck(
        finer=str(finer.timeframe),
        compared=len(left),
        incomplete=started - len(left),
        differing=int(differs.any(axis=0).sum()),
        differing_prices=int(differs[:-1].any(axis=0).sum()),
        differing_volumes=int(differs[-1].sum()),
        worst_fraction=float(off[worst]) if worst else 0.0,
        worst_time=int(coarser.open_time[right[worst[1]]]) if worst else None,
        worst_column=names[worst[0]] if worst else "",
    )


def as_json_object(shown: Certificate) -> dict[str, object]:
    """Returns the certificate as a JSON object, times in ISO 8601."""
    return {
        **{name: getattr(shown, name) for name in ("symbol", "timeframe", "sha256")},
        "first": None if shown.first is None else iso(shown.first),
        "last": None if shown.last is None else iso(shown.last),
        "rows": shown.rows,
        "expected_rows": shown.expected_rows,
        "missing": shown.missing,
        "gaps": [
            {"first": iso(gap.first), "last": iso(gap.last), "missing": gap.missing}
            for gap in shown.gaps
        ],
        "duplicates": shown.duplicates,
        "flat_runs": [_run_object(run) for run in shown.flat_runs],
        "zero_volume": [_run_object(run) for run in shown.zero_volume],
        "outliers": [
            {"open_time": iso(each.open_time), "move_fraction": each.move_fraction}
            for each in shown.outliers
        ],
        "cross_checks": [
            asdict(each) | {"worst_time": None if each.worst_time is None else iso(each.worst_time)}
            for each in shown.cross_checks
        ],
    }


def _run_object(run: Run) -> dict[str, object]:
    return {"first": iso(run.first), "last": iso(run.last), "rows": run.rows}
