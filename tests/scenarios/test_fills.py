"""Fill rules: what an order or a position becomes inside one candle.

Balance 10,000; a buy asks for a tenth of it, so ten units at a close of 100. No costs unless said.
"""

from __future__ import annotations

from tests.scenarios.table import Simulate, check


def test_a_buy_and_a_signal_exit_fill_at_the_next_open(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy:breakout
        1  102 103 101 103
        2  104 sell:fade
        3  105
        """,
        """
        in out quantity bought sold reason pnl candles tag      exit_tag lowest highest
        1  3   10       102    105  signal 30  2       breakout fade     101    105
        """,
        equity="10000 10010 10020 10030",
    )


def test_costs_are_paid_on_both_sides(simulate: Simulate) -> None:
    # Bought at 101 for 1010 + 10.10; sold at 198 for 1980 - 19.80.
    check(
        simulate,
        """
        0  100 buy
        1  100
        2  200 sell
        3  200
        """,
        """
        in out quantity bought sold fees  slippage pnl
        1  3   10       101    198  29.90 30       940.10
        """,
        equity="10000 9979.90 10979.90 10940.10",
        fee=0.01,
        slippage=0.01,
    )


def test_a_gap_through_the_stop_sells_at_the_open(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy stop=95
        1  100 101 99 100
        2   90 93 89 92
        """,
        """
        in out quantity bought sold reason   pnl  stop last_stop lowest highest candles
        1  2   10       100    90   stop_gap -100 95   95        90     101     1
        """,
    )


def test_a_gap_through_the_stop_slips_from_the_open(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy stop=95
        1  100
        2   90 93 89 92
        """,
        """
        in out quantity bought sold reason   pnl  slippage
        1  2   10       102    88.2 stop_gap -138 38
        """,
        slippage=0.02,
    )


def test_an_open_exactly_at_the_stop_is_a_gap(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy stop=95
        1  100
        2   95 99 94 98
        """,
        """
        in out sold reason
        1  2   95   stop_gap
        """,
    )


def test_a_low_at_the_stop_sells_at_the_stop(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy stop=95
        1  100
        2   98 99 95 97
        """,
        """
        in out quantity bought sold reason pnl lowest highest ambiguous
        1  2   10       100    95   stop   -50 95     100     0
        """,
    )


def test_a_low_above_the_stop_holds(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy stop=95
        1  100
        2   98 99 95.01 97
        """,
        """
        in out sold reason      last_stop lowest
        1  2   97   end_of_data 95        95.01
        """,
    )


def test_a_stop_slips_below_its_price(simulate: Simulate) -> None:
    # Bought at 102 (slippage 20), sold at 95 x 0.98 = 93.1 (slippage 19).
    check(
        simulate,
        """
        0  100 buy stop=95
        1  100
        2   98 99 94 97
        """,
        """
        in out quantity bought sold reason pnl slippage
        1  2   10       102    93.1 stop   -89 39
        """,
        slippage=0.02,
    )


def test_stop_and_target_in_one_candle_end_at_the_stop(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy stop=95 target=110
        1  100
        2  100 112 94 110
        """,
        """
        in out sold reason ambiguous stop target
        1  2   95   stop   1         95   110
        """,
    )


def test_a_target_inside_a_candle_sells_at_the_target_without_slippage(simulate: Simulate) -> None:
    # Bought at 101, sold at 110 sharp.
    check(
        simulate,
        """
        0  100 buy stop=95 target=110
        1  100
        2  100 110 98 99
        """,
        """
        in out quantity bought sold reason pnl slippage lowest highest ambiguous
        1  2   10       101    110  target 90  10       98     110     0
        """,
        slippage=0.01,
    )


def test_an_open_above_the_target_sells_at_the_open_without_slippage(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy target=110
        1  100
        2  115 116 90 114
        """,
        """
        in out quantity bought sold reason pnl slippage lowest highest
        1  2   10       101    115  target 140 10       100    115
        """,
        slippage=0.01,
    )


def test_an_open_above_the_target_comes_before_a_low_at_the_stop(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy stop=95 target=110
        1  100
        2  110 111 94 100
        """,
        """
        in out sold reason ambiguous
        1  2   110  target 0
        """,
    )


def test_a_position_may_be_stopped_out_in_its_entry_candle(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy stop=95
        1  100 101 94 96
        2   96
        """,
        """
        in out sold reason candles lowest highest
        1  1   95   stop   0       95     100
        """,
    )


def test_a_position_may_reach_its_target_in_its_entry_candle(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy stop=95 target=110
        1  100 111 99 105
        2  105
        """,
        """
        in out sold reason candles lowest highest
        1  1   110  target 0       99     110
        """,
    )


def test_a_buy_whose_open_is_at_or_below_its_stop_is_refused(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy stop=95     | 100 buy stop=95 | 100 buy stop=95
        1   95 96 95 96        |  90             |  95.01
        2   95                 |  90             |  96
        """,
        """
        symbol in out sold reason
        C      1  2   96   end_of_data
        """,
        refusals="A stop_crossed, B stop_crossed",
    )


def test_a_buy_whose_open_is_at_or_above_its_target_is_refused(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy target=110  | 100 buy target=110 | 100 buy target=110
        1  110                 | 120                | 109.99 109.99 100 109
        2  110                 | 120                | 109
        """,
        """
        symbol in out sold reason
        C      1  2   109  end_of_data
        """,
        refusals="A target_crossed, B target_crossed",
    )


def test_a_target_below_the_close_of_the_decision_is_kept(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy target=99   | 100 buy target=99
        1   98 99 97 98        |  99
        """,
        """
        symbol in out sold reason
        A      1  1   99   target
        """,
        refusals="B target_crossed",
    )


def test_a_signal_exit_at_the_open_comes_before_the_stop(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy stop=95
        1  100 sell
        2   90 91 89 90
        """,
        """
        in out sold reason lowest candles
        1  2   90   signal 90     1
        """,
    )


def test_entry_and_exit_at_one_close_is_no_entry(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy sell
        1  100
        """,
    )


def test_a_symbol_is_bought_once_however_often_the_entry_repeats(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy
        1  100 buy
        2  100 buy
        """,
        """
        in out quantity reason
        1  2   10       end_of_data
        """,
    )
