"""What one backtest is asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from leeward.domain.candles import Candles
from leeward.simulation.setup import Setup
from leeward.strategies.base import Strategy
from leeward.strategies.informative import Further


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """One backtest: candles (all that are known before the end), strategy and account.

    `further` holds, a symbol, the informative candles under the names the strategy uses; `detail`
    finer candles. `source_sha256` is the hash of the strategy's code. `models` describes, a symbol,
    the models and the sentiment behind the columns that the strategy needs.
    """

    strategy: Strategy
    candles: tuple[Candles, ...]
    setup: Setup
    source_sha256: str
    further: tuple[Further, ...]
    detail: tuple[Candles, ...] | None = None
    load_s: float = 0.0
    synthetic: bool = False
    models: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
