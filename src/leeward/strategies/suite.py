"""The contract suite: what every strategy, built-in or a user's own, has to pass."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Final

import numpy as np

from leeward.domain.candles import Candles
from leeward.domain.errors import BadUsage, Failed
from leeward.domain.frame import Frame
from leeward.indicators.table import Need
from leeward.strategies.base import Strategy
from leeward.strategies.contract import (
    LOOKS_AHEAD,
    SHORT_HISTORY,
    Mismatch,
    differences,
    find_changed_by_future,
    find_lookahead,
    find_short_history,
    sample_rows,
)
from leeward.strategies.evaluate import (
    METHODS,
    Evaluation,
    anchor_row,
    column_needs,
    evaluate,
    read_signals,
    rows_from,
    strategy_need,
)
from leeward.strategies.informative import Further, build_frame

EARLY: Final = "answers inside its warm-up"
UNSTEADY: Final = "answers differently when asked again"

#: Kind of finding -> what passing it means.
CHECKS: Final = {
    LOOKS_AHEAD: "no row changes when the candles after it are cut off or replaced",
    EARLY: "every column is NaN or False inside its warm-up",
    SHORT_HISTORY: "the history its indicators declare gives the same values as all candles",
    UNSTEADY: "the same candles give the same answers, in any order of asking",
}

#: Rows to cut at.
_CUTS: Final = 48
_NO_STATE: Final = (
    "something is kept between calls (a class attribute, a global, a cache), or chance is drawn; "
    "compute every column from the frame alone"
)


def check_strategy(strategy: Strategy, candles: Candles, further: Further) -> list[Mismatch]:
    """Returns what breaks the contract, once a column; empty for a sound strategy.

    `further` holds the informative candles under the names the strategy uses. Raises Failed when a
    method raises or returns no column of the frame's length, BadUsage for too few candles.
    """
    frame = build_frame(candles, further)
    need = strategy_need(strategy, frame.columns)
    first = anchor_row(strategy, frame)
    if len(candles) - first < need.warm_up + 2:
        raise BadUsage(
            f"{candles.name}: {len(candles) - first} candles are too few to check "
            f"{type(strategy).__name__}, which decides after {need.warm_up}"
        )
    evaluation = evaluate(strategy, frame, need)
    whole = (strategy, candles, further, evaluation, need)
    rows = sample_rows(evaluation, _CUTS, seed=0)
    found: dict[str, Mismatch] = {}
    for mismatch in chain(
        _unsteady(strategy, evaluation, frame, need),
        find_lookahead(*whole, rows),
        find_changed_by_future(*whole, rows[len(rows) // 4 :: len(rows) // 4 + 1]),
        find_short_history(*whole, rows),
        _early(strategy, evaluation, frame, first),
    ):
        # One breach is found in several ways: what is unsteady differs without a future as well,
        # and what looks ahead with a shorter history. The first that fits is its cause.
        found.setdefault(mismatch.column, mismatch)
    return list(found.values())


def _early(
    strategy: Strategy, evaluation: Evaluation, frame: Frame, first: int
) -> Iterator[Mismatch]:
    """Yields columns of the frame and conditions that hold a value where none is known yet."""
    needs = column_needs(strategy, frame.columns)
    columns = [(name, 0, evaluation.frame[name]) for name in evaluation.frame]
    for name, codes in evaluation.signals.codes().items():
        tags = range(len(needs[METHODS[name]]))
        columns += [(METHODS[name], tag, np.where(codes == tag + 1, 1.0, 0.0)) for tag in tags]
    for name, tag, column in columns:
        warm_up = needs[name][tag].warm_up
        early = np.nan_to_num(column[first : first + warm_up]) != 0
        if early.any():
            row = first + int(np.argmax(early))
            yield Mismatch(
                EARLY,
                name,
                row,
                int(frame.open_time[row]),
                float(column[row]),
                np.nan,
                f"expected in the first {warm_up} rows",
                "Comparisons beside NaN are False, but ~ turns that into True, and np.where takes "
                "its last argument: keep NaN until everything is known",
            )


def _unsteady(
    strategy: Strategy, evaluation: Evaluation, frame: Frame, need: Need
) -> Iterator[Mismatch]:
    first = anchor_row(strategy, frame)
    rows = range(first, len(frame))
    try:
        again = evaluate(_fresh(strategy), frame, need)
        full = rows_from(again.frame, first)
        # What a method keeps from other candles would show in the next run.
        evaluate(_fresh(strategy), rows_from(frame, first + len(rows) // 2), need)
        turned = Evaluation(read_signals(_fresh(strategy), full, need, [*METHODS][::-1]), full)
    except Failed as error:
        raise Failed(f"{error}. It ran before: {_NO_STATE}") from error
    for other, offset, against in (
        (again, 0, "when run again"),
        (turned, first, "when its methods are called in another order"),
    ):
        for difference in differences(evaluation, other, offset, rows, tolerance=0.0):
            yield difference.mismatch(
                UNSTEADY, frame.open_time, against, f"Usual cause: {_NO_STATE}"
            )


def _fresh(strategy: Strategy) -> Strategy:
    return type(strategy)(**strategy.params)
