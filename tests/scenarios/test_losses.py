"""How losses are contained: the loss of a day, the drawdown ladder, the halt; how each block ends.

Balance 10,000; a buy asks for a tenth of it, so ten units at a close of 100. No costs.
"""

from __future__ import annotations

import pytest

from tests.scenarios.table import MIDNIGHT_MS, Simulate, check

HOUR_MS = 3_600_000


def test_the_daily_loss_refuses_until_the_next_day(simulate: Simulate) -> None:
    # Two candles a day. The second day is judged against the 9500 that ended the first.
    check(
        simulate,
        """
        0  100 buy size=1 stop=95 | 100
        1  100 100 95 96          | 100 buy
        2   96                    | 100 buy
        3   96                    | 100
        """,
        """
        symbol in out reason
        A      1  1   stop
        B      3  3   end_of_data
        """,
        refusals="B daily_loss",
        equity="10000 9500 9500 9500",
        daily_loss_fraction=0.05,
        timeframe="12h",
    )


def test_the_daily_loss_lasts_even_where_the_equity_recovers(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy size=0.5 | 100
        1  100 100 88 88    | 100 buy
        2  100              | 100 buy
        3  100              | 100 buy
        4  100              | 100
        """,
        """
        symbol in out quantity
        A      1  4   50
        B      4  4   10
        """,
        refusals="B daily_loss 2",
        daily_loss_fraction=0.05,
        timeframe="8h",
        equity="10000 9400 10000 10000 10000",
    )


def test_the_base_of_a_day_is_the_last_equity_of_the_day_before(simulate: Simulate) -> None:
    # Day 1 ends at 12,000. 11,500 is less than 5 % below it, 11,400 is 5 % below.
    check(
        simulate,
        """
        0  100 buy size=1     | 100
        1  100 120 100 120    | 100
        2  115                | 100
        3  114 sell           | 100 buy
        4  114                | 100 buy
        5  114                | 100
        """,
        """
        symbol in out reason
        A      1  4   signal
        B      5  5   end_of_data
        """,
        refusals="B daily_loss",
        daily_loss_fraction=0.05,
        timeframe="12h",
    )


def test_the_base_of_a_day_is_not_its_peak(simulate: Simulate) -> None:
    # 12,000 at noon, 11,000 at midnight; 10,500 is a loss of less than 5 % of 11,000.
    check(
        simulate,
        """
        0  100 buy size=1     | 100
        1  100                | 100
        2  100 120 100 120    | 100
        3  110                | 100
        4  105 sell           | 100 buy
        5  105                | 100
        """,
        """
        symbol in out reason
        A      1  5   signal
        B      5  5   end_of_data
        """,
        equity="10000 10000 12000 11000 10500 10500",
        daily_loss_fraction=0.05,
        timeframe="12h",
    )


@pytest.mark.parametrize("quiet_days", [0, 1])
def test_a_daily_candle_belongs_to_the_day_it_covers(simulate: Simulate, quiet_days: int) -> None:
    # The day of the loss alone is blocked: B is bought at the next close.
    days = [
        "100 buy size=0.9 | 100",
        *["100            | 100"] * quiet_days,
        "100 100 90 90    | 100 buy",
        " 90              | 100 buy",
        " 90              | 100",
    ]
    check(
        simulate,
        "\n".join(f"{day} {line}" for day, line in enumerate(days)),
        f"""
        symbol in               out              quantity
        A      1                {quiet_days + 3} 90
        B      {quiet_days + 3} {quiet_days + 3} 9.10
        """,
        refusals="B daily_loss",
        daily_loss_fraction=0.05,
        timeframe="1d",
    )


def test_the_ladder_scales_entries_by_the_drawdown(simulate: Simulate) -> None:
    # 100 units of A lose 5 each: 9500 is the first rung, half of 950 buys 5 of B at 95. B gives it
    # back at 95, so the rung is still the same for the second buy of A: half of 9500, 50 units.
    check(
        simulate,
        """
        0  100 buy size=1 stop=95   | 95
        1  100 100 95 95            | 95 buy
        2   95                      | 95 sell
        3   95 buy size=1 stop=85   | 95
        4   95                      | 95
        """,
        """
        symbol in out quantity reason
        A      1  1   100      stop
        B      2  3   5        signal
        A      4  4   50       end_of_data
        """,
        drawdown_ladder=((0.05, 0.5), (0.10, 0.25)),
    )


def test_the_deepest_rung_reached_applies(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy size=1 stop=90   | 90
        1  100 100 90 90            | 90 buy
        2   90                      | 90
        """,
        """
        symbol in out quantity
        A      1  1   100
        B      2  2   2.50
        """,
        drawdown_ladder=((0.05, 0.5), (0.10, 0.25), (0.11, 0.0)),
    )


def test_a_rung_of_zero_buys_nothing(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy size=1 stop=90
        1  100 100 90 90 buy
        2   90
        """,
        """
        in out
        1  1
        """,
        refusals="A below_minimum",
        drawdown_ladder=((0.05, 0.0),),
    )


def test_the_drawdown_limit_closes_everything_and_halts(simulate: Simulate) -> None:
    # 50 of A lose 40 each: 8000 of 10,000. B waits for its next candle. Nothing is bought again.
    outcome = check(
        simulate,
        """
        0  100 buy size=0.5 | 100 buy size=0.1 | 100
        1  100              | 100              | 100
        2   60              | -                | 100 buy
        3   61              | -                | 100 buy
        4   61 buy          | 102              | 100
        """,
        """
        symbol in out sold reason
        A      1  3   61   containment
        B      1  4   102  containment
        """,
        refusals="A halted, C halted 2",
        equity="10000 10000 8000 8050 8070",
        max_drawdown_fraction=0.2,
    )
    assert outcome.halted_ms == MIDNIGHT_MS + 2 * HOUR_MS


def test_containment_outranks_signal_and_time(simulate: Simulate) -> None:
    check(
        simulate,
        """
        0  100 buy size=1
        1  100 100 80 80 sell
        2   80
        """,
        """
        in out reason      exit_tag
        1  2   containment -
        """,
        max_drawdown_fraction=0.2,
        max_candles=1,
    )


def test_an_exit_keeps_the_reason_it_was_decided_for(simulate: Simulate) -> None:
    # The signal of A was decided before the halt and still waits for a candle.
    check(
        simulate,
        """
        0  100 buy size=0.1 | 100 buy size=0.5
        1  100 sell         | 100
        2  -                |  60
        3  100              |  60
        """,
        """
        symbol in out reason
        A      1  3   signal
        B      1  3   containment
        """,
        max_drawdown_fraction=0.2,
    )


def test_drawdown_is_measured_from_the_peak(simulate: Simulate) -> None:
    # 20,000 at the peak; 16,100 is above 80 % of it, 16,000 is not.
    outcome = check(
        simulate,
        """
        0  100 buy size=1
        1  100 200 100 200
        2  161
        3  160
        4  160
        """,
        """
        in out reason
        1  4   containment
        """,
        max_drawdown_fraction=0.2,
    )
    assert outcome.halted_ms == MIDNIGHT_MS + 3 * HOUR_MS
