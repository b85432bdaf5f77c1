"""Which entries the gate refuses, in which order it asks, and whom it prefers.

Balance 10,000; a buy asks for a tenth of it, so ten units at a close of 100. No costs.
"""

from __future__ import annotations

import pytest

from tests.scenarios.table import Simulate, check


def test_rows_of_the_warm_up_and_unknown_sizes_are_not_ready(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy
        1  100 buy
        2  100 buy size=nan
        3  100 buy size=inf
        4  100 buy
        5  100
        """,
        """
        in out
        5  5
        """,
        refusals="A not_ready 4",
        warm_up=2,
    )


def test_an_unknown_confidence_is_not_ready(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy confidence=nan
        1  100 buy confidence=inf
        2  100 buy confidence=0
        3  100
        """,
        """
        in out
        3  3
        """,
        refusals="A not_ready 2",
    )


def test_the_gate_buys_only_with_the_trend(simulate: Simulate) -> None:
    # EMA(2): row 1 100, row 2 102, row 3 102 (no longer above close), row 4 100 falls, row 5 104.
    check(
        simulate,
        """
        0  100 buy
        1  100 buy           # nothing to compare with one row ago
        2  103 buy sell      # with the trend, but no candidate
        3  102 buy           # the close is not above the average
        4   99 buy           # falling
        5  106.5 buy         # above 104, which is above 100
        6  106
        """,
        """
        in out bought
        6  6   106
        """,
        refusals="A not_ready 2, A against_trend 2",
        trend_gate="ema:2:1",
    )


def test_an_average_back_where_it_was_does_not_rise(simulate: Simulate) -> None:
    # EMA(3) 100, 98, 100: above its last value, at the one two rows ago.
    market = """
        0  100
        1  100
        2  100
        3   96
        4  102 buy
        5  102
        """
    check(simulate, market, refusals="A against_trend", trend_gate="ema:3:2")
    check(simulate, market, "in out\n5 5", trend_gate="ema:3:1")


def test_a_close_at_a_rising_average_is_not_above_it(simulate: Simulate) -> None:
    # EMA(3) 100, 102, 102.
    check(
        simulate,
        """
        0  100
        1  100
        2  100
        3  104
        4  102 buy
        5  102
        """,
        refusals="A against_trend",
        trend_gate="ema:3:2",
    )


def test_more_positions_than_allowed_are_refused(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy | 100 buy | 100
        1  100     | 100     | 100 buy
        2  100     | 100     | 100
        """,
        """
        symbol in out
        A      1  2
        """,
        refusals="B max_open_positions, C max_open_positions",
        max_open_positions=1,
    )


def test_the_most_confident_entry_comes_first(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy confidence=0.5 | 100 buy confidence=0.9 | 100 buy confidence=0.7
        1  100                    | 100                    | 100
        """,
        """
        symbol in out
        B      1  1
        C      1  1
        """,
        refusals="A max_open_positions",
        max_open_positions=2,
    )


def test_equally_confident_entries_go_by_symbol(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy confidence=0.1 | 100 buy confidence=0.7 | 100 buy confidence=0.7
        1  100                    | 100                    | 100
        """,
        """
        symbol in out
        B      1  1
        """,
        refusals="A max_open_positions, C max_open_positions",
        max_open_positions=1,
    )


def test_the_confident_entry_is_paid_first(simulate: Simulate) -> None:
    # 60 units of B cost 9000; 1000 are left for A.
    check(
        simulate,
        """
        0  100 buy size=0.4 confidence=0.5 | 100 buy size=0.6 confidence=0.9
        1  100                             | 150
        """,
        """
        symbol in out quantity
        A      1  1   10
        B      1  1   60
        """,
    )


@pytest.mark.parametrize(
    ("stopped_in", "reason"), [("96 97 94 96", "stop"), ("95 96 94 96", "stop_gap")]
)
def test_a_stop_blocks_its_symbol_for_three_closes(
    simulate: Simulate, stopped_in: str, reason: str
) -> None:
    # Stopped in candle 2: refused at the closes of 2, 3 and 4 (rows of A; it misses step 3).
    check(
        simulate,
        f"""
        0  100 buy stop=95      | 100
        1  100                  | 100
        2   {stopped_in} buy    | 100
        3  -                    | 100 buy
        4  100 buy              | 100
        5  100 buy              | 100
        6  100 buy              | 100
        7  100                  | 100
        """,
        f"""
        symbol in out reason
        A      1  2   {reason}
        B      4  7   end_of_data
        A      7  7   end_of_data
        """,
        refusals="A cooldown 3",
        cooldown_candles=3,
    )


def test_a_target_starts_no_cooldown(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy target=105
        1  100 105 100 100 buy
        2  100
        """,
        """
        in out reason
        1  1   target
        2  2   end_of_data
        """,
        cooldown_candles=3,
    )


def test_without_a_cooldown_a_stopped_symbol_is_bought_at_once(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy stop=95
        1  100 100 95 100 buy
        2  100
        """,
        """
        in out reason
        1  1   stop
        2  2   end_of_data
        """,
    )


def test_the_first_reason_that_holds_is_given(simulate: Simulate) -> None:
    # At the close of 1 the account is halted, lost its day, and A has just been stopped.
    check(
        simulate,
        """
        0  100 buy size=1 stop=80
        1  100 100 80 80 buy size=nan
        2   80 buy
        """,
        """
        in out reason
        1  1   stop
        """,
        refusals="A not_ready, A halted",
        max_drawdown_fraction=0.2,
        daily_loss_fraction=0.1,
        cooldown_candles=3,
    )


def test_the_order_of_refusals_after_the_halt(simulate: Simulate) -> None:
    # daily_loss before cooldown before max_open_positions; the day ends after step 1.
    check(
        simulate,
        """
        0  100 buy size=0.5 stop=80 | 100 buy | 100
        1  100 100 80 80 buy        | 100     | 100
        2   80 buy                  | 100     | 100 buy
        3   80 buy                  | 100     | 100
        4   80                      | 100     | 100
        """,
        """
        symbol in out reason
        A      1  1   stop
        B      1  4   end_of_data
        C      3  4   end_of_data
        """,
        refusals="A daily_loss, A cooldown, A max_open_positions",
        max_open_positions=2,
        daily_loss_fraction=0.05,
        cooldown_candles=2,
        timeframe="12h",
    )
