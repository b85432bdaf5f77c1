"""How much of each limit an account uses."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from leeward.risk.limits import RiskLimits


@dataclass(frozen=True, slots=True)
class Use:
    """An account now: quote units at the last closes, and counts. `largest` is its largest
    position, `at_risk` the most that one of them loses where it ends at its stop, `together` the
    most that lies in one position and those that move with it; None where nobody looked."""

    equity: Decimal
    peak: Decimal
    day_base: Decimal
    exposure: Decimal
    largest: Decimal
    positions: int
    orders_last_hour: int
    at_risk: Decimal | None = None
    together: Decimal | None = None


@dataclass(frozen=True, slots=True)
class LimitUse:
    """A limit of the settings by its name, what there is of it now in the same unit, and the part
    that is used: 1 is the limit."""

    name: str
    value: float
    limit: float

    @property
    def fraction(self) -> float:
        return self.value / self.limit


def limits_in_use(limits: RiskLimits, use: Use) -> tuple[LimitUse, ...]:
    """Returns the limits of the whole account, in the order of the settings."""

    def lost(base: Decimal) -> float:
        return max(0.0, float(1 - use.equity / base)) if base > 0 else 0.0

    def part(value: Decimal) -> float:
        return float(value / use.equity) if use.equity > 0 else 0.0

    per_trade = {} if use.at_risk is None else {"risk_per_trade_fraction": part(use.at_risk)}
    alike = {} if use.together is None else {"max_correlated_fraction": part(use.together)}
    values = {
        "max_position_fraction": part(use.largest),
        **per_trade,
        "max_exposure_fraction": part(use.exposure),
        **alike,
        "max_open_positions": float(use.positions),
        "daily_loss_fraction": lost(use.day_base),
        "max_drawdown_fraction": lost(use.peak),
        "max_orders_per_hour": float(use.orders_last_hour),
    }
    return tuple(
        LimitUse(name, value, float(getattr(limits, name))) for name, value in values.items()
    )
