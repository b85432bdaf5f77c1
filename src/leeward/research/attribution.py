"""Splits what a session earned more or less than its backtest into parts that sum to it exactly."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from decimal import Decimal, localcontext

from leeward.research.trades import EXACT, ZERO, BacktestTrade, SessionTrade


@dataclass(frozen=True, slots=True)
class Parts:
    """Quote units by which the session did better (or, negative, worse), by cause.

    `data`: a candle the session did not have in time. `signal`: another decision, or another size
    of it, because the two accounts had drifted apart. `timing`: entered or left at another candle,
    or for another reason. `fill_price`: another price than the simulation's in the same candle.
    `fee`: another fee. `refusal`: an entry that the gate, the state or the venue refused.
    `missed`: what was ordered and not filled, or not sold.
    """

    data: Decimal = ZERO
    signal: Decimal = ZERO
    timing: Decimal = ZERO
    fill_price: Decimal = ZERO
    fee: Decimal = ZERO
    refusal: Decimal = ZERO
    missed: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        with localcontext(EXACT):
            return sum(self.by_name().values(), ZERO)

    def by_name(self) -> dict[str, Decimal]:
        """Returns the parts under their names, in the order above."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def summed(parts: Iterable[Parts]) -> Parts:
    """Returns the sum of each part."""
    sums = dict.fromkeys(PART_NAMES, ZERO)
    with localcontext(EXACT):
        for one in parts:
            for name, amount in one.by_name().items():
                sums[name] += amount
    return Parts(**sums)


PART_NAMES = tuple(field.name for field in fields(Parts))


def alone(cause: str, amount: Decimal) -> Parts:
    """Returns parts of which one is the amount: a trade that only one of the two made."""
    return Parts(**{cause: amount})


def split(
    session: SessionTrade,
    backtest: BacktestTrade,
    as_if: tuple[Decimal, Decimal],
    fee: Decimal,
) -> Parts:
    """Returns the parts of `session.pnl - backtest.pnl(fee)` for two trades of one decision.

    `as_if` are the prices at which the simulation would have bought and sold where the session
    did: the same as the backtest's, unless the candle or the reason was another. The parts go from
    the backtest to the session one change at a time (quantity asked, quantity filled, where,
    quantity sold, at which price, at which fee); none is computed as what the others leave over.
    """
    with localcontext(EXACT):
        bought_at, sold_at = as_if
        kept, paid = 1 - fee, 1 + fee
        unit = backtest.exit_price * kept - backtest.entry_price * paid
        return Parts(
            signal=(session.asked - backtest.quantity) * unit,
            timing=session.bought
            * ((sold_at - backtest.exit_price) * kept - (bought_at - backtest.entry_price) * paid),
            fill_price=(session.proceeds - session.sold * sold_at) * kept
            - (session.cost - session.bought * bought_at) * paid,
            fee=fee * (session.proceeds + session.cost)
            - session.fee
            - session.fee_in_base * sold_at * kept,
            missed=(session.bought - session.asked) * unit - session.held * sold_at * kept,
        )
