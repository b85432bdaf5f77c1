"""Whether a challenger forecasts better than the model in use, by what both said in shadow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from leeward.database.challenges import Pair, ShadowForecast, forecasts, pairs
from leeward.database.engine import Database
from leeward.domain.errors import BadUsage
from leeward.domain.timeframe import DAY_MS
from leeward.statistics.forecasts import Comparison, compare_hits, compare_losses

#: Before that much was seen, no verdict is given.
FEWEST_CANDLES: Final = 500
FEWEST_DAYS: Final = 30
#: P(so good by chance) below which a challenger counts as better.
_LEVEL: Final = 0.10


@dataclass(frozen=True, slots=True)
class Score:
    """Means over the candles of one model: the squared error in units of the window's variance,
    the squared error of the chance of a rise (Brier), and how often the side was right."""

    squared_error: float
    brier: float
    right: float


@dataclass(frozen=True, slots=True)
class Compared:
    """A pair on the same candles. Differences are challenger less champion: negative favours the
    challenger; None where they cannot be told apart. `right_p` is McNemar's p-value."""

    pair: Pair
    candles: int
    first_ms: int
    last_ms: int
    champion: Score
    challenger: Score
    squared_error: Comparison | None
    brier: Comparison | None
    right_p: float

    @property
    def days(self) -> float:
        return (self.last_ms - self.first_ms) / DAY_MS

    @property
    def verdict(self) -> str:
        """What may be concluded, by the squared errors."""
        if self.candles < FEWEST_CANDLES or self.days < FEWEST_DAYS:
            return (
                f"too early to tell: {self.candles:,} of at least {FEWEST_CANDLES} candles, "
                f"{self.days:.0f} of at least {FEWEST_DAYS} days"
            )
        if self.squared_error is None:
            return "no difference: both forecast the same"
        p_better = self.squared_error.p_better
        if p_better < _LEVEL:
            return f"the challenger forecasts better (p {p_words(p_better)})"
        if 1.0 - p_better < _LEVEL:
            return f"the champion forecasts better (p {p_words(1.0 - p_better)})"
        return f"no difference is shown (p {p_words(p_better)})"


def p_words(p: float) -> str:
    """Returns a p-value as people read it.

    >>> p_words(0.0123), p_words(1e-9)
    ('0.012', '<0.001')
    """
    return f"{p:.3f}" if p >= 0.001 else "<0.001"


def compared(database: Database, name: str) -> list[Compared]:
    """Returns every comparison that was made under a model's name, the latest first; one an
    account and pair.

    Raises BadUsage where there is none.
    """
    found = [compare(pair, forecasts(database, pair)) for pair in pairs(database, name)]
    if not found:
        raise BadUsage(
            f"{name}: nothing was compared yet; name a challenger with `leeward models challenge "
            f"{name}` and let a session trade that uses {name}"
        )
    return found


def compare(pair: Pair, made: Sequence[ShadowForecast]) -> Compared:
    """Returns the paired comparison of at least one forecast each."""
    fields = ("champion_return", "challenger_return", "champion_p_up", "challenger_p_up")
    ours, theirs, our_p, their_p = (np.array([getattr(e, name) for e in made]) for name in fields)
    came = np.array([each.came for each in made])
    volatility = np.array([each.volatility for each in made])
    own = ((came - ours) / volatility) ** 2
    other = ((came - theirs) / volatility) ** 2
    own_brier, other_brier = (our_p - (came > 0)) ** 2, (their_p - (came > 0)) ** 2
    own_right, other_right = ours * came > 0, theirs * came > 0
    scores = [
        Score(float(error.mean()), float(brier.mean()), float(right.mean()))
        for error, brier, right in (
            (own, own_brier, own_right),
            (other, other_brier, other_right),
        )
    ]
    return Compared(
        pair,
        len(made),
        made[0].open_time_ms,
        made[-1].open_time_ms,
        scores[0],
        scores[1],
        compare_losses(other, own),
        compare_losses(other_brier, own_brier),
        compare_hits(other_right, own_right),
    )
