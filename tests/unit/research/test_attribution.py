"""The parts of a gap sum to it, whatever the fills."""

from __future__ import annotations

from decimal import Decimal, localcontext

from hypothesis import given
from hypothesis import strategies as st

from leeward.research.attribution import split
from leeward.research.trades import EXACT, BacktestTrade, SessionTrade, exact

amounts = st.floats(1e-6, 1e6).map(exact)
fractions = st.floats(1e-6, 0.1).map(exact)


def backtest_trade(
    quantity: str = "2", entry: str = "100", exit_: str = "110", reason: str = "signal"
) -> BacktestTrade:
    return BacktestTrade(
        "BTCUSDT", 0, 1, 5, reason, Decimal(quantity), Decimal(entry), Decimal(exit_), None, None
    )


def session_trade(**changes: Decimal) -> SessionTrade:
    """Two units from 100 to 110 at a fee of 0.001 a side, unless changed."""
    plain = {
        "asked": Decimal(2), "bought": Decimal(2), "cost": Decimal(200),
        "sold": Decimal(2), "proceeds": Decimal(220), "fee": Decimal("0.42"),
    }  # fmt: skip
    return SessionTrade("p", "BTCUSDT", 0, entered_ms=1, left_ms=5, **(plain | changes))  # type: ignore[arg-type] # amounts only


AS_BACKTEST = Decimal(100), Decimal(110)
FEE = Decimal("0.001")


def nonzero(session: SessionTrade, as_if: tuple[Decimal, Decimal] = AS_BACKTEST) -> dict[str, str]:
    parts = split(session, backtest_trade(), as_if, FEE).by_name()
    return {name: str(amount.normalize()) for name, amount in parts.items() if amount}


def test_equal_trades_have_no_parts() -> None:
    assert nonzero(session_trade()) == {}


def test_a_lower_price_of_the_sale_is_a_matter_of_the_fill_price() -> None:
    # 218 for 220; the fee that is not due on the 2 counts with it, and is 0.002.
    sold = session_trade(proceeds=Decimal(218), fee=Decimal("0.418"))
    assert nonzero(sold) == {"fill_price": "-1.998"}


def test_a_higher_fee_is_a_matter_of_the_fee() -> None:
    assert nonzero(session_trade(fee=Decimal("0.84"))) == {"fee": "-0.42"}


def test_a_fee_kept_from_the_coins_is_worth_what_they_would_have_brought() -> None:
    # 0.002 of 2 coins are the fee of the purchase: 0.2 less in quote, 0.002 * 110 not sold.
    kept = session_trade(
        sold=Decimal("1.998"), fee_in_base=Decimal("0.002"),
        proceeds=Decimal("219.78"), fee=Decimal("0.21978"),
    )  # fmt: skip
    assert nonzero(kept) == {"fee": "-0.01978"}


def test_a_partial_fill_misses_the_profit_of_the_rest() -> None:
    half = session_trade(
        bought=Decimal(1), cost=Decimal(100), sold=Decimal(1), proceeds=Decimal(110),
        fee=Decimal("0.21"),
    )  # fmt: skip
    assert nonzero(half) == {"missed": "-9.79"}


def test_what_cannot_be_sold_is_missed() -> None:
    dust = session_trade(sold=Decimal("1.9"), proceeds=Decimal(209), fee=Decimal("0.409"))
    assert nonzero(dust) == {"missed": "-10.989"}


def test_a_smaller_order_is_another_signal() -> None:
    asked = session_trade(
        asked=Decimal(1), bought=Decimal(1), cost=Decimal(100), sold=Decimal(1),
        proceeds=Decimal(110), fee=Decimal("0.21"),
    )  # fmt: skip
    assert nonzero(asked) == {"signal": "-9.79"}


def test_an_exit_at_another_candle_is_a_matter_of_timing() -> None:
    later = session_trade(proceeds=Decimal(210), fee=Decimal("0.41"))
    assert nonzero(later, (Decimal(100), Decimal(105))) == {"timing": "-9.99"}


@given(
    asked=amounts, bought=amounts, cost=amounts, sold=amounts, proceeds=amounts, fee=amounts,
    fee_in_base=fractions, as_if=st.tuples(amounts, amounts), quantity=amounts, entry=amounts,
    exit_=amounts, fraction=fractions,
)  # fmt: skip
def test_the_parts_of_any_two_trades_sum_to_their_gap_exactly(  # the fills are all free
    asked: Decimal, bought: Decimal, cost: Decimal, sold: Decimal, proceeds: Decimal, fee: Decimal,
    fee_in_base: Decimal, as_if: tuple[Decimal, Decimal], quantity: Decimal, entry: Decimal,
    exit_: Decimal, fraction: Decimal,
) -> None:  # fmt: skip
    session = session_trade(
        asked=asked, bought=bought, cost=cost, sold=sold, proceeds=proceeds, fee=fee,
        fee_in_base=fee_in_base,
    )  # fmt: skip
    backtest = backtest_trade(str(quantity), str(entry), str(exit_))
    parts = split(session, backtest, as_if, fraction)
    with localcontext(EXACT):
        assert parts.total == session.pnl - backtest.pnl(fraction)
