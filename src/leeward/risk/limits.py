"""The limits that contain risk, with their defaults and bounds."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

from leeward.domain.errors import BadConfig, Refused
from leeward.risk.trend_gate import TrendGate

#: Above this share of equity in one position the user has to acknowledge the risk.
LARGEST_UNACKNOWLEDGED_POSITION = 0.10

_MOST = 1_000_000_000
_COUNTS = (("max_open_positions", 1), ("cooldown_candles", 0), ("max_orders_per_hour", 1))
_FRACTIONS = (
    "max_position_fraction",
    "risk_per_trade_fraction",
    "max_exposure_fraction",
    "max_correlated_fraction",
    "correlation_threshold",
    "default_stop_fraction",
    "daily_loss_fraction",
    "max_drawdown_fraction",
)


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """Every limit of the risk gate. Fractions are of equity unless the name says otherwise.

    `drawdown_ladder` holds (drawdown from peak equity, size factor) rungs: the deepest rung
    reached applies. `trend_gate` is `ema:PERIOD:LOOKBACK` or `off`. Raises BadConfig, naming the
    limit, when a value is out of bounds.
    """

    max_position_fraction: float = 0.10
    risk_per_trade_fraction: float = 0.01
    max_exposure_fraction: float = 0.50
    max_correlated_fraction: float = 0.20
    correlation_threshold: float = 0.8
    max_open_positions: int = 5
    require_stop: bool = True
    default_stop_fraction: float = 0.05
    trend_gate: str = "ema:200:10"
    daily_loss_fraction: float = 0.03
    drawdown_ladder: tuple[tuple[float, float], ...] = ((0.05, 0.75), (0.10, 0.5), (0.15, 0.25))
    max_drawdown_fraction: float = 0.20
    cooldown_candles: int = 3
    max_orders_per_hour: int = 60

    # Unknown keys are refused by name where settings are read.
    __pydantic_config__: ClassVar = {"extra": "forbid"}

    def __post_init__(self) -> None:
        for name in _FRACTIONS:
            value = getattr(self, name)
            if not 0 < value <= 1:
                raise BadConfig(f"risk.{name}: {value} must be above 0 and at most 1")
        if self.default_stop_fraction == 1:
            raise BadConfig("risk.default_stop_fraction: 1.0 puts the stop at zero; use less")
        for name, least in _COUNTS:
            if getattr(self, name) < least:
                raise BadConfig(f"risk.{name}: {getattr(self, name)} must be {least} or more")
            if getattr(self, name) > _MOST:
                raise BadConfig(f"risk.{name}: {getattr(self, name)} must be at most {_MOST:,}")
        _check_ladder(self.drawdown_ladder)
        TrendGate.parse(self.trend_gate)

    def check_acknowledged(self, acknowledged: bool) -> None:
        """Raises Refused when a position may exceed a tenth of equity and nobody accepted that."""
        if self.max_position_fraction > LARGEST_UNACKNOWLEDGED_POSITION and not acknowledged:
            raise Refused(
                f"risk.max_position_fraction: {self.max_position_fraction:g} refused: above "
                f"{LARGEST_UNACKNOWLEDGED_POSITION:.2f} of equity one position can hurt the whole "
                "account; lower it, or pass --i-understand-the-risks "
                "(in Python: i_understand_the_risks=True)"
            )


def limit_names() -> tuple[str, ...]:
    """Returns the names of all limits, in the order they are shown."""
    return tuple(field.name for field in fields(RiskLimits))


def _check_ladder(ladder: tuple[tuple[float, float], ...]) -> None:
    depth = 0.0
    for rung in ladder:
        drawdown, factor = rung
        if not depth < drawdown < 1 or not 0 <= factor <= 1:
            raise BadConfig(
                f"risk.drawdown_ladder: rung {list(rung)} needs a drawdown above {depth:g} and "
                "below 1, deepest last, and a size factor from 0 to 1"
            )
        depth = drawdown
