"""How a position ends otherwise: risen stops, time, and finer candles that tell the order.

Balance 10,000; a buy asks for a tenth of it, so ten units at a close of 100. No costs.
"""

from __future__ import annotations

from tests.scenarios.table import Simulate, check


def test_a_ratcheted_stop_holds_from_the_next_candle_on(simulate: Simulate) -> None:
    # The low of 96 in candle 1 is below the 98 that its own close brings.
    check(
        simulate,
        """
        0  100 buy stop=95
        1  100 101 96 100 stop=98
        2  100 101 98 99
        """,
        """
        in out sold reason stop last_stop
        1  2   98   stop   95   98
        """,
        ratchet_stop=True,
    )


def test_a_ratcheted_stop_never_falls(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy stop=95
        1  100            stop=97
        2  100            stop=90
        3  100 100 96 100
        """,
        """
        in out sold reason last_stop
        1  3   97   stop   97
        """,
        ratchet_stop=True,
    )


def test_without_the_ratchet_the_stop_column_moves_nothing(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy stop=95
        1  100            stop=99
        2  100 100 96 100
        """,
        """
        in out reason      last_stop
        1  2   end_of_data 95
        """,
    )


def test_a_trail_follows_the_close_and_never_falls(simulate: Simulate) -> None:
    # 104 - 3 = 101; 102 - 3 = 99 lowers nothing; the low of candle 2 is above 101.
    check(
        simulate,
        """
        0  100 buy stop=95
        1  100 105 100 104 trail=3
        2  104 104 102 102 trail=3
        3  102 102 100 101
        """,
        """
        in out sold reason last_stop pnl
        1  3   101  stop   101       10
        """,
    )


def test_a_trail_holds_only_on_rows_that_give_one(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy stop=95 trail=1
        1  100
        2  100 100  97 100 trail=2
        3  100
        """,
        """
        in out reason      last_stop
        1  3   end_of_data 98
        """,
    )


def test_a_trail_gives_a_stop_to_a_position_without_one(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy
        1  100 trail=3
        2   97
        """,
        """
        in out sold reason   stop last_stop
        1  2   97   stop_gap -    97
        """,
    )


def test_the_higher_of_trail_and_ratchet_counts(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy stop=95
        1  100 trail=3 stop=96
        2  100 trail=9 stop=98
        3  100
        """,
        """
        in out last_stop
        1  3   98
        """,
        ratchet_stop=True,
    )


def test_the_time_limit_counts_the_candles_held(simulate: Simulate) -> None:
    # Bought in candle 1: held two candles at the close of candle 2, sold at the open of 3.
    check(
        simulate,
        """
        0  100 buy
        1  100
        2  101
        3  102
        4  103
        """,
        """
        in out sold reason candles
        1  3   102  time   2
        """,
        max_candles=2,
    )


def test_the_time_limit_counts_rows_of_the_symbol_not_hours(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy | 100
        1  100     | 100
        2  -       | 100
        3  101     | 100
        4  102     | 100
        """,
        """
        symbol in out sold reason candles
        A      1  4   102  time   2
        """,
        max_candles=2,
    )


def test_an_exit_signal_comes_before_the_time_limit(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy
        1  100 sell:fade
        2  101
        """,
        """
        in out reason exit_tag
        1  2   signal fade
        """,
        max_candles=1,
    )


def test_finer_candles_show_that_the_target_came_first(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy stop=95 target=110
        1  100
        2  100 112 94 96
        .  100 112 99 111
        .  111 111 94  96
        """,
        """
        in out sold reason ambiguous lowest highest
        1  2   110  target 0         99     110
        """,
    )


def test_finer_candles_show_that_the_stop_came_first(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy stop=95 target=110
        1  100
        2  100 112  94 111
        .  100 103  97  98
        .   98 109  94 109
        .  110 112 110 111
        """,
        """
        in out sold reason ambiguous lowest highest
        1  2   95   stop   0         95     103
        """,
    )


def test_stop_and_target_in_one_finer_candle_stay_ambiguous(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy stop=95 target=110
        1  100
        2  100 112 94 96
        .  100 112 94 111
        .  111 111 96  96
        """,
        """
        in out sold reason ambiguous
        1  2   95   stop   1
        """,
    )


def test_a_gap_between_finer_candles_sells_at_the_finer_open(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy stop=95
        1  100
        2  100 101 89 91
        .  100 101 99 100
        .   90  92 89  91
        """,
        """
        in out sold reason   lowest highest
        1  2   90   stop_gap 90     101
        """,
    )


def test_the_first_finer_candle_of_an_entry_starts_at_the_stop_rule(simulate: Simulate) -> None:
    # Bought at the open; the second half opens above the target.
    check(
        simulate,
        """
        0  100 buy stop=95 target=110
        1  100 113 99 113
        .  100 105 99 104
        .  112 113 111 113
        2  113
        """,
        """
        in out sold reason candles lowest highest
        1  1   112  target 0       99     112
        """,
    )


def test_finer_candles_that_do_not_cover_a_candle_are_left_aside(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy stop=95 target=110
        1  100
        .  100
        .  100
        2  100 112 94 96
        .  100 112 99 111
        """,
        """
        in out sold reason ambiguous
        1  2   95   stop   1
        """,
    )


def test_a_symbol_without_finer_candles_is_walked_by_its_candles(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy stop=95 target=110 | 100 buy stop=95 target=110
        1  100                        | 100
        2  100 112 94 96              | 100 112 94 96
        .  100 112 99 111             | -
        .  111 111 94 96              | -
        """,
        """
        symbol in out sold reason
        A      1  2   110  target
        B      1  2   95   stop
        """,
    )
