"""What the exchange demands of an order for one symbol."""

from __future__ import annotations

from dataclasses import dataclass

from leeward.domain.errors import BadConfig


@dataclass(frozen=True, slots=True)
class Instrument:
    """Filters of one symbol: quantities are multiples of `lot_step` (base units), prices of
    `tick_size` (quote units, 0 for no rounding), and quantity times price is at least
    `min_notional` (quote units)."""

    symbol: str
    lot_step: float = 0.00001
    tick_size: float = 0.0
    min_notional: float = 5.0

    def __post_init__(self) -> None:
        for name, value, least in (
            ("lot_step", self.lot_step, 1e-18),
            ("tick_size", self.tick_size, 0.0),
            ("min_notional", self.min_notional, 0.0),
        ):
            if not least <= value < float("inf"):
                rule = "above 0" if least else "0 or more"
                raise BadConfig(f"instruments.{self.symbol}.{name}: {value} must be {rule}")
