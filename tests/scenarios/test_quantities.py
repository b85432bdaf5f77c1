"""What a fill may cost: cash, lot steps, ticks, minimum notionals, the size limits.

Balance 10,000; a buy asks for a tenth of it, so ten units at a close of 100. No costs unless said.
"""

from __future__ import annotations

import pytest

from tests.scenarios.table import Simulate, check


def test_a_buy_beyond_the_cash_is_cut_to_what_cash_allows(simulate: Simulate) -> None:
    # 100 units were decided; 10,000 / (125 x 1.01) = 79.207..., in lots of 0.01.
    check(
        simulate,
        """
        0  100 buy size=1
        1  125
        2  125
        """,
        """
        in out quantity bought sold fees      pnl
        1  2   79.20    125    125  198       -198
        """,
        equity="10000 9901 9802",
        fee=0.01,
    )


def test_the_fee_has_to_fit_into_the_cash(simulate: Simulate) -> None:
    # 100 units at 100 leave nothing for the fee; 10,000 / 101 = 99.0099...
    check(
        simulate,
        """
        0  100 buy size=1
        1  100
        """,
        """
        in out quantity bought fees
        1  1   99.00    100    198
        """,
        fee=0.01,
    )


def test_a_buy_that_cash_just_covers_is_not_cut(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy size=1
        1  100
        """,
        """
        in out quantity bought pnl
        1  1   100      100    0
        """,
    )


def test_the_later_of_two_buys_gets_the_cash_that_is_left(simulate: Simulate) -> None:
    # A costs 60 x 150 = 9000; 1000 buy 10 of the 40 units of B.
    check(
        simulate,
        """
        0  100 buy size=0.6 | 100 buy size=0.6
        1  150              | 100
        """,
        """
        symbol in out quantity bought
        A      1  1   60       150
        B      1  1   10       100
        """,
    )


@pytest.mark.parametrize(
    ("lot_step", "min_notional"),
    [
        (100.0, 5.0),  # 10,000 buys 80 units, no whole lot
        (100.0, 0.0),  # nothing is no purchase, even without a minimum
        (50.0, 6251.0),  # 50 units at 125 are 6250
    ],
)
def test_a_cut_buy_below_the_minimum_is_refused(
    simulate: Simulate, lot_step: float, min_notional: float
) -> None:
    check(
        simulate,
        """
        0  100 buy size=1
        1  125
        """,
        refusals="A insufficient_cash",
        lot_step=lot_step,
        min_notional=min_notional,
    )


def test_a_cut_buy_at_the_minimum_is_filled(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy size=1
        1  125
        """,
        """
        in out quantity bought
        1  1   50       125
        """,
        lot_step=50.0,
        min_notional=6250.0,
    )


def test_a_buy_that_was_not_cut_may_fill_below_the_minimum(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy size=0.00075
        1   50
        """,
        """
        in out quantity bought
        1  1   0.07     50
        """,
    )


@pytest.mark.parametrize(
    ("lot_step", "size", "quantity"),
    [
        (0.01, 0.1 / 3, 3.33),  # 333.33 / 100
        (0.1, 0.003, 0.3),  # 0.3 is not 0.1 x 3 in floats, and yet three lots
        (0.1, 0.007, 0.7),
        (1.0, 0.0299, 2),
        (5.0, 0.19, 15),
        (0.3, 0.01, 0.9),  # a step that divides nothing
        (1e-8, 0.1 / 7, 1.42857142),
    ],
)
def test_quantities_are_whole_lots_rounded_down(
    simulate: Simulate, lot_step: float, size: float, quantity: float
) -> None:
    check(
        simulate,
        f"""
        0  100 buy size={size!r}
        1  100
        """,
        f"""
        in out quantity
        1  1   {quantity}
        """,
        lot_step=lot_step,
    )


def test_prices_are_whole_ticks_to_the_disadvantage_of_the_account(simulate: Simulate) -> None:
    # 100.1 -> 100.5 bought; stop 95.3 -> 95; 95 x 0.999 = 94.905 -> 94.5; slippage 5 + 5.
    check(
        simulate,
        """
        0  100 buy stop=95.3 target=110.2
        1  100
        2   96 96 95 96
        """,
        """
        in out quantity bought sold stop target pnl slippage
        1  2   10       100.5  94.5 95   110.5  -60 10
        """,
        slippage=0.001,
        tick_size=0.5,
    )


def test_a_target_is_reached_at_its_tick(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy target=110.2
        1  100 110.4 100 100
        2  100 110.5 100 100
        """,
        """
        in out bought sold  reason
        1  2   100    110.5 target
        """,
        tick_size=0.5,
    )


def test_an_open_between_ticks_sells_at_the_tick_below(simulate: Simulate) -> None:
    # 110.7 -> 110.5 costs 10 x 0.2 of slippage.
    check(
        simulate,
        """
        0  100 buy target=110
        1  100
        2  110.7
        """,
        """
        in out sold  reason slippage
        1  2   110.5 target 2
        """,
        tick_size=0.5,
    )


def test_a_risen_stop_is_a_whole_tick_too(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy stop=95 trail=4.8
        1  103 103 103 103 trail=4.8
        2  103
        """,
        """
        in out last_stop
        1  2   98
        """,
        tick_size=0.5,
    )


def test_a_buy_below_the_minimum_notional_is_refused(simulate: Simulate) -> None:
    # 0.04 and 0.05 units at 100; 0 units; a negative wish.
    check(
        simulate,
        """
        0  100 buy size=0.0004 | 100 buy size=0.0005 | 100 buy size=0 | 100 buy size=-1
        1  100                 | 100                 | 100            | 100
        """,
        """
        symbol in out quantity
        B      1  1   0.05
        """,
        refusals="A below_minimum, C below_minimum, D below_minimum",
    )


def test_no_whole_lot_is_below_the_minimum_even_where_there_is_none(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy size=0.09
        1  100
        """,
        refusals="A below_minimum",
        lot_step=10.0,
        min_notional=0.0,
    )


def test_the_largest_position_cuts_the_size(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy size=0.5
        1  100
        """,
        """
        in out quantity
        1  1   20
        """,
        max_position_fraction=0.2,
    )


def test_the_risk_of_a_trade_cuts_the_size(simulate: Simulate) -> None:
    # One percent of 10,000 between 100 and 95: 20 units. Without a stop there is no such cut.
    check(
        simulate,
        """
        0  100 buy size=0.5 stop=95 | 100 buy size=0.5
        1  100                      | 100
        """,
        """
        symbol in out quantity
        A      1  1   20
        B      1  1   50
        """,
        risk_per_trade_fraction=0.01,
    )


def test_the_default_stop_stands_in_where_one_is_required(simulate: Simulate) -> None:
    # 4 % below the close; risk 0.01 / 0.04 = a quarter of equity.
    check(
        simulate,
        """
        0  100 buy size=0.5         | 100 buy size=0.5 stop=98
        1  101                      | 101
        2   97 97 96 97             | 101
        """,
        """
        symbol in out quantity stop reason
        A      1  2   25       96   stop
        B      1  2   50       98   end_of_data
        """,
        require_stop=True,
        default_stop_fraction=0.04,
        risk_per_trade_fraction=0.01,
    )


def test_a_stop_that_is_not_below_the_close_is_refused(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy stop=100 | 100 buy stop=101 | 100 buy stop=0 | 100 buy stop=99.99
        1  100              | 100              | 100            | 100
        """,
        """
        symbol in out stop
        D      1  1   99.99
        """,
        refusals="A no_stop, B no_stop, C no_stop",
        require_stop=True,
    )


def test_total_exposure_cuts_the_size_then_refuses(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy size=0.4 | 100 buy size=0.4 | 100 buy size=0.4
        1  100              | 100              | 100
        2  100              | 100              | 100
        """,
        """
        symbol in out quantity
        A      1  2   40
        B      1  2   10
        """,
        refusals="C max_exposure",
        max_exposure_fraction=0.5,
    )


def test_exposure_is_marked_at_the_close(simulate: Simulate) -> None:
    # A rose to 6000 of 12,000: half of equity is 6000, nothing is left.
    check(
        simulate,
        """
        0  100 buy size=0.4   | 100
        1  100 150 100 150    | 100 buy size=0.1
        2  150                | 100
        """,
        """
        symbol in out quantity
        A      1  2   40
        """,
        refusals="B max_exposure",
        equity="10000 12000 12000",
        max_exposure_fraction=0.5,
    )


def test_a_position_about_to_leave_no_longer_counts_as_exposure(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy size=0.5   | 100
        1  100 sell           | 100 buy size=0.5
        2  100                | 100
        """,
        """
        symbol in out quantity reason
        A      1  2   50       signal
        B      2  2   50       end_of_data
        """,
        max_exposure_fraction=0.5,
        max_open_positions=1,
    )


def test_correlated_exposure_cuts_the_size_then_refuses(simulate: Simulate) -> None:
    # Fewer than 30 returns count as correlated.
    check(
        simulate,
        """
        0  100 buy size=0.15 | 100 buy size=0.15 | 100 buy size=0.15
        1  100               | 100               | 100
        """,
        """
        symbol in out quantity
        A      1  1   15
        B      1  1   5
        """,
        refusals="C correlated",
        max_correlated_fraction=0.2,
    )
