"""A data certificate as lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from leeward.data.certificate import FLAT_ROWS, Certificate, CrossCheck, Run
from leeward.domain.candles import Gap
from leeward.domain.times import iso


def lines_of(shown: Certificate) -> Iterator[str]:
    """Yields the certificate with every finding, a line each."""
    yield f"{shown.symbol} {shown.timeframe}"
    if shown.first is None or shown.last is None:
        yield "  no candles"
        return
    yield f"  coverage     {iso(shown.first)} to {iso(shown.last)}"
    yield f"  candles      {shown.rows:,} of {shown.expected_rows:,}"
    yield f"  sha256       {shown.sha256}"
    yield f"  gaps         {_count(len(shown.gaps), 'gap')}, {shown.missing:,} candles missing"
    yield from (_span(gap, gap.missing) for gap in shown.gaps)
    yield f"  duplicates   {shown.duplicates:,}"
    flat = _count(len(shown.flat_runs), "run")
    yield f"  flat         {flat} of {FLAT_ROWS} or more equal candles"
    yield from (_span(run, run.rows) for run in shown.flat_runs)
    silent = sum(run.rows for run in shown.zero_volume)
    yield f"  zero volume  {_count(silent, 'candle')} in {_count(len(shown.zero_volume), 'run')}"
    yield from (_span(run, run.rows) for run in shown.zero_volume)
    yield f"  outliers     {_count(len(shown.outliers), 'close')} that jumped and came back at once"
    for outlier in shown.outliers:
        yield f"    {iso(outlier.open_time)}  {outlier.move_fraction:+.2%}"
    yield from (_cross_line(cross, shown.timeframe) for cross in shown.cross_checks)


def _span(span: Gap | Run, rows: int) -> str:
    return f"    {iso(span.first)} to {iso(span.last)}  {rows:,}"


def _cross_line(cross: CrossCheck, timeframe: str) -> str:
    found = f"  against {cross.finer:<4} {cross.compared:,} {timeframe} candles compared"
    if cross.incomplete:
        found += f" ({cross.incomplete:,} lack finer ones)"
    if cross.worst_time is None:
        return f"{found}, none differs"
    return (
        f"{found}, {cross.differing:,} differ: prices in {cross.differing_prices:,}, volume in "
        f"{cross.differing_volumes:,}; most in {cross.worst_column} at {iso(cross.worst_time)}, "
        f"{cross.worst_fraction:.2%}"
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
