"""The trading floor: the state of one session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from leeward.domain.candles import Candles
from leeward.emulator.options import Options
from leeward.emulator.symbols import SymbolRules


class Floor:
    """Markets, accounts, orders, time, log and outbox of one session."""

    def __init__(
        self,
        rules: Sequence[SymbolRules],
        candles: Mapping[str, Candles],
        seed: int,
        start_ms: int,
        options: Options,
    ) -> None:
        raise NotImplementedError
