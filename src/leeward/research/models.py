"""The models of a session or a backtest, found again for its replay."""

from __future__ import annotations

from collections.abc import Mapping

from leeward.domain.timeframe import Timeframe
from leeward.runtime.settings import Settings
from leeward.runtime.trading.modelling import Columns
from leeward.strategies.base import Strategy
from leeward.strategies.needs import NEEDS


def columns_again(
    settings: Settings, strategy: Strategy, timeframe: Timeframe, facts: object
) -> dict[str, Columns]:
    """Returns, a symbol, what gives the columns of the models that `facts` name; none where the
    strategy needs none.

    Raises BadModel where a model is no longer there.
    """
    if not strategy.needs or not isinstance(facts, Mapping):
        return {}
    from leeward.runtime.predictions import outlook_again

    return {
        symbol: outlook_again(settings, strategy, symbol, timeframe, used).columns
        for symbol, used in facts.items()
    }


def models_of(facts: object) -> tuple[tuple[str, str, str], ...]:
    """Returns symbol, need and hash of every model that the facts of a session name."""
    symbols = facts.items() if isinstance(facts, Mapping) else ()
    return tuple(
        (symbol, need, str(model["sha256"]))
        for symbol, used in symbols
        for need in NEEDS
        if isinstance(model := used.get(need), Mapping)
    )
