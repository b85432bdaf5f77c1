"""Windows, labels and what is known of them: what a network is trained and judged on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from leeward.domain.candles import Candles
from leeward.domain.columns import FloatColumn, IntColumn
from leeward.domain.errors import BadCandles, BadUsage, Failed
from leeward.domain.times import iso
from leeward.indicators.features import (
    FEATURES_PRICE,
    FEATURES_SENTIMENT,
    WINDOW,
    FeatureTable,
    FloatTable,
    windows_of,
)
from leeward.statistics.folds import Fold, walk_forward
from leeward.training.labels import (
    TRADE_CANDLES,
    Held,
    meta_labels,
    next_returns,
    return_labels,
)

#: Fewer labelled windows teach nothing that holds out of sample.
FEWEST_WINDOWS = 2_000
#: More missing candles than this share and it is another market that is learned.
MOST_MISSING = 0.02
#: At least this share of closes has to differ from the one before.
FEWEST_MOVES = 0.5

Half = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Dataset:
    """One row a window, in time order; `rows` are the rows of their newest candles.

    `labels` are what is learned, `moves` the log returns over the next candle, `sigma` their
    scale. `target` is "return" or "meta"; a label is known `horizon` candles after its window.
    """

    candles: Candles
    target: str
    horizon: int
    rows: IntColumn
    features: FeatureTable
    sigma: FloatColumn
    labels: Half
    moves: FloatColumn

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def kind(self) -> str:
        """What the windows hold: "price", or "sentiment" beside it."""
        return "price" if self.channels == len(FEATURES_PRICE) else "sentiment"

    @cached_property
    def at(self) -> IntColumn:
        """The newest candle of each window, counted from the first one, missing ones too."""
        time = self.candles.open_time
        at: IntColumn = (time[self.rows] - time[0]) // self.candles.timeframe.length_ms
        return at

    @property
    def channels(self) -> int:
        return int(self.features.shape[2])

    @property
    def names(self) -> tuple[str, ...]:
        return (*FEATURES_PRICE, *FEATURES_SENTIMENT)[: self.channels]

    def time(self, position: int) -> str:
        """Returns when the newest candle of a window opens, as ISO text."""
        return iso(int(self.candles.open_time[self.rows[position]]))


def build_dataset(
    candles: Candles,
    sentiment: FloatTable | None = None,
    held: Held | None = None,
    cost: float = 0.0,
    fewest: int = FEWEST_WINDOWS,
) -> Dataset:
    """Returns every usable window with its label; with `held` the labels are those of its trades.

    `sentiment` [rows, 8] stands beside the candles; windows in which it is unknown are left out.
    `cost` is what a trade pays for both sides, a fraction. Raises BadCandles for prices that do not
    move or too many missing candles, Failed for fewer windows than `fewest`.
    """
    _check_candles(candles)
    windows = windows_of(candles, sentiment)
    moves = next_returns(candles, windows.rows)
    labels = (
        return_labels(moves, windows.sigma)
        if held is None
        else meta_labels(candles, windows.rows, held, cost)
    )
    usable = np.isfinite(labels) & np.isfinite(moves)
    if usable.sum() < fewest:
        raise Failed(_too_few(candles, len(windows), int(usable.sum()), fewest, sentiment))
    return Dataset(
        candles=candles,
        target="return" if held is None else "meta",
        horizon=1 if held is None else TRADE_CANDLES,
        rows=windows.rows[usable],
        features=windows.features()[usable],
        sigma=windows.sigma[usable],
        labels=labels[usable].astype(np.float32),
        moves=moves[usable],
    )


def _too_few(
    candles: Candles, windows: int, labelled: int, fewest: int, sentiment: FloatTable | None
) -> str:
    unknown = 0 if sentiment is None else int(np.isnan(sentiment).any(axis=1).sum())
    without = f", {unknown:,} of them without sentiment" if sentiment is not None else ""
    return (
        f"{candles.name}: too little to train on: {len(candles):,} candles{without} make "
        f"{windows:,} windows of {WINDOW}, of which {labelled:,} have a label; at least "
        f"{fewest:,} are needed; import more history or choose an earlier start"
    )


def _check_candles(candles: Candles) -> None:
    if len(candles) < 2:
        raise Failed(f"{candles.name}: {len(candles)} candles; there is nothing to train on")
    missing = sum(gap.missing for gap in candles.gaps)
    share = missing / (len(candles) + missing)
    if share > MOST_MISSING:
        longest = max(candles.gaps, key=lambda gap: gap.missing)
        raise BadCandles(
            f"{candles.name}: {missing:,} of {len(candles) + missing:,} candles are missing "
            f"({share:.1%}) in {len(candles.gaps)} gaps, the longest {longest.missing:,} from "
            f"{iso(longest.first)}; at most {MOST_MISSING:.0%} may be; download the missing "
            "months or choose a range without them"
        )
    moved = float(np.mean(np.diff(candles.close) != 0.0))
    if moved < FEWEST_MOVES:
        raise BadCandles(
            f"{candles.name}: only {moved:.1%} of the closes differ from the one before; at least "
            f"{FEWEST_MOVES:.0%} have to: prices that stand still teach nothing; check the source"
        )


def make_folds(data: Dataset, folds: int, embargo: int = WINDOW) -> tuple[Fold, ...]:
    """Returns expanding folds; the test parts are the second half of the windows.

    Between parts lie the candles over which a label reaches and `embargo` more, so that no window
    of one part shares a candle with another. Raises BadUsage where a part would be empty.
    """
    made = walk_forward(data.at, folds, data.horizon, embargo)
    check_folds(data, made, embargo)
    return made


def check_folds(data: Dataset, folds: Sequence[Fold], embargo: int) -> None:
    """Raises BadUsage, with the numbers, where parts of a fold share candles."""
    apart = data.horizon + embargo
    for number, fold in enumerate(folds, 1):
        parts = {"training": fold.train, "validation": fold.validate, "test": fold.test}
        for (name, ahead), (later, behind) in pairwise(parts.items()):
            distance = int(data.at[behind[0]] - data.at[ahead[-1]])
            if distance < apart:
                raise BadUsage(
                    f"fold {number}: {name} and {later} overlap: the last {name} window ends "
                    f"{distance} candles before the first {later} window; windows and labels reach "
                    f"over {apart}, so a score from it would mean nothing; leave a gap"
                )
