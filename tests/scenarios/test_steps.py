"""Several symbols in one account, missing candles, where steps begin and how they end.

Balance 10,000; a buy asks for a tenth of it, so ten units at a close of 100. No costs unless said.
"""

from __future__ import annotations

from tests.scenarios.table import Simulate, check


def test_exits_pay_for_entries_at_the_same_open(simulate: Simulate) -> None:
    # All of the account moves from A to B: 100 units sold at 110, 110 units bought at 100.
    check(
        simulate,
        """
        0  100 buy size=1 | 100
        1  100            | 100
        2  110 sell       | 100 buy size=1
        3  110            | 100
        4  110            | 105
        """,
        """
        symbol in out quantity bought sold reason      pnl
        A      1  3   100      100    110  signal      1000
        B      3  4   110      100    105  end_of_data 550
        """,
        equity="10000 10000 11000 11000 11550",
    )


def test_a_pending_exit_waits_for_the_next_candle_of_its_symbol(simulate: Simulate) -> None:
    # Nothing touches the stop of A in between: it has no candle at steps 2 and 3.
    check(
        simulate,
        """
        0  100 buy stop=95 | 100
        1  100 sell        | 100
        2  -               | 100
        3  -               | 100
        4   97             | 100
        """,
        """
        symbol in out sold reason candles
        A      1  4   97   signal 1
        """,
        equity="10000 10000 10000 10000 9970",
    )


def test_a_pending_entry_lapses_where_its_symbol_has_no_candle(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy         | 100
        1  -               | 100
        2  100             | 100
        """,
        refusals="A no_candle",
        equity="10000 10000 10000",
    )


def test_a_symbol_without_a_candle_is_marked_at_its_last_close(simulate: Simulate) -> None:
    outcome = check(
        simulate,
        """
        0  100 buy         | 100
        1  100 120 100 120 | 100
        2  -               | 100
        3  130             | 100
        """,
        """
        symbol in out sold reason
        A      1  3   130  end_of_data
        """,
        equity="10000 10200 10200 10300",
    )
    assert outcome.exposure.tolist() == [0, 1200, 1200, 0]


def test_at_the_end_every_position_is_sold_at_its_last_close(simulate: Simulate) -> None:
    # A ends before B. 110 x 0.98 = 107.8; 90 x 0.98 = 88.2; both bought at 102.
    check(
        simulate,
        """
        0  100 buy stop=50 | 100 buy
        1  100 120 90 110  | 100
        2  -               | 100 100 90 90
        """,
        """
        symbol in out sold  reason      pnl  slippage candles lowest highest
        A      1  1   107.8 end_of_data 58   42       0       90     120
        B      1  2   88.2  end_of_data -138 38       1       88.2   102
        """,
        equity="10000 10060 9920",
        slippage=0.02,
    )


def test_orders_decided_at_the_last_close_are_dropped_uncounted(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy  | 100
        1  100 sell | 100 buy
        """,
        """
        symbol in out reason
        A      1  1   end_of_data
        """,
    )


def test_no_candle_at_all_leaves_the_balance(simulate: Simulate) -> None:
    outcome = check(simulate, "0 100 buy", start=5)
    assert (len(outcome.equity), outcome.final_cash, outcome.halted_ms) == (0, 10_000.0, None)


def test_steps_begin_at_the_start_and_rows_before_are_history(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy
        1  101
        2  102 buy
        3  102
        """,
        """
        in out quantity
        3  3   9.80
        """,
        equity="10000 10000",
        start=2,
        warm_up=2,
    )
