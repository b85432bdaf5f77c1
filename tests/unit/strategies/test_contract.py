from __future__ import annotations

import numpy as np
import pytest
from tests.markets import further_candles, hourly_market, standing
from tests.walks import walk
from tests.zoo import (
    CHEATS,
    HONEST,
    SHORT_ONES,
    HighestClose,
    Honest,
    ShiftedBack,
    Since,
    Tagged,
    WholeMean,
)

from leeward.domain.candles import Candles
from leeward.domain.columns import FloatColumn
from leeward.domain.errors import Failed
from leeward.domain.frame import Frame
from leeward.indicators.crossings import crossed_above
from leeward.strategies.base import Condition, Strategy
from leeward.strategies.contract import (
    LOOKS_AHEAD,
    SHORT_HISTORY,
    Mismatch,
    find_lookahead,
    find_short_history,
    sample_rows,
)
from leeward.strategies.evaluate import Evaluation, evaluate, strategy_need
from leeward.strategies.informative import Further, build_frame


def run(strategy: Strategy, candles: Candles) -> Evaluation:
    frame = build_frame(candles, further_candles(strategy, candles))
    return evaluate(strategy, frame, strategy_need(strategy, frame.columns))


def tripwire(strategy: Strategy, candles: Candles, count: int = 24) -> list[Mismatch]:
    further = further_candles(strategy, candles)
    need = strategy_need(strategy, build_frame(candles, further).columns)
    evaluation = run(strategy, candles)
    rows = sample_rows(evaluation, count, seed=24)
    return find_lookahead(strategy, candles, further, evaluation, need, rows)


@pytest.mark.parametrize("cheat", CHEATS)
def test_every_cheat_is_caught_in_its_column(cheat: type[Honest]) -> None:
    found = tripwire(cheat(), hourly_market("BTCUSDT"))

    assert found
    assert {mismatch.column for mismatch in found} == {cheat.caught_in}
    assert {mismatch.kind for mismatch in found} == {LOOKS_AHEAD}


@pytest.mark.parametrize("honest", HONEST)
def test_an_honest_strategy_is_not_accused(honest: type[Honest]) -> None:
    assert tripwire(honest(), hourly_market("BTCUSDT")) == []


def test_a_mismatch_names_row_time_both_values_and_how_far_it_reads() -> None:
    candles = hourly_market("BTCUSDT")
    need = strategy_need(ShiftedBack(), ("close",))

    (found,) = find_lookahead(ShiftedBack(), candles, {}, run(ShiftedBack(), candles), need, [500])

    assert (found.row, found.open_time) == (500, candles.open_time[500])
    assert found.value == candles.close[501]
    assert np.isnan(found.other)
    assert str(found).startswith("column 'peek', row 500 (2021-01-21T20:00:00Z): ")
    assert "with all candles, nan without the later ones. It reads 1 row ahead" in str(found)


def test_a_mean_over_the_whole_column_is_told_from_a_shift() -> None:
    found = tripwire(WholeMean(), hourly_market("BTCUSDT"))

    assert all("usually a mean, maximum, fit or scale" in mismatch.hint for mismatch in found)


@pytest.mark.parametrize("rows", [[3_000, 4_000], [310, 320]])
def test_a_maximum_that_no_cut_removes_is_caught_by_another_future(rows: list[int]) -> None:
    falling = standing(np.linspace(100, 55, 4_500))
    need = strategy_need(HighestClose(), ("close",))
    evaluation = run(HighestClose(), falling)

    found = find_lookahead(HighestClose(), falling, {}, evaluation, need, rows)

    assert {mismatch.column for mismatch in found} == {"peek"}
    assert all("with other candles after row" in mismatch.against for mismatch in found)


class NeedsAll(Honest):
    """Cannot run on few rows, and says nothing of it."""

    least = 2_000

    def calculate_stop(self, frame: Frame) -> FloatColumn:
        windows = np.lib.stride_tricks.sliding_window_view(np.asarray(frame.low), self.least)
        return np.append(np.full(self.least - 1, np.nan), windows.min(axis=1))


def test_a_strategy_that_cannot_run_on_few_rows_runs_on_all_before_the_cut() -> None:
    candles = hourly_market("BTCUSDT")
    need = strategy_need(NeedsAll(), ("close", "low"))
    further: Further = {}
    whole = (NeedsAll(), candles, further, run(NeedsAll(), candles), need)

    assert find_lookahead(*whole, [3_000, 4_000]) == []
    with pytest.raises(Failed, match=r"calculate_stop: raised .*\(run again on rows .* only\)"):
        find_lookahead(*whole, [1_000])
    with pytest.raises(Failed, match=r"It needs more than the \d+ candles that its indicators"):
        find_short_history(*whole, [3_000])


class NamesOnlyWhatHappened(Honest):
    """Names a tag only where it occurs, so that codes differ while the tags are the same."""

    def check_entry_conditions(self, frame: Frame) -> Condition:
        above = crossed_above(frame.close, frame.average)
        rare = above & (frame.close > 1.02 * frame.open)
        return {"rare": rare, "usual": above} if rare.any() else {"usual": above}


def test_tags_are_compared_by_name() -> None:
    assert tripwire(NamesOnlyWhatHappened(), hourly_market("BTCUSDT")) == []


class ForgetsItsColumn(Honest):
    """Gives a stop and a column only on long histories."""

    caught_in = "calculate_stop"

    def calculate_stop(self, frame: Frame) -> FloatColumn | None:
        return frame.low if len(frame) > 3_000 else None


def test_a_column_that_is_missing_without_the_future_counts_as_unknown() -> None:
    candles = hourly_market("BTCUSDT")
    need = strategy_need(ForgetsItsColumn(), ("close", "low"))
    evaluation = run(ForgetsItsColumn(), candles)

    (found,) = find_lookahead(ForgetsItsColumn(), candles, {}, evaluation, need, [2_000])

    assert (found.column, np.isnan(found.other)) == ("calculate_stop", True)


def test_a_strategy_that_fails_at_wild_prices_alone_is_not_accused() -> None:
    class SizedByRange(Honest):
        def calculate_position_size(self, frame: Frame) -> FloatColumn:
            change: FloatColumn = np.abs(np.diff(frame.close, prepend=frame.close[:1]))
            return change / frame.close

    assert tripwire(SizedByRange(), hourly_market("BTCUSDT")) == []


def test_an_infinite_value_is_not_within_any_tolerance() -> None:
    class Boundless(Honest):
        def calculate_target(self, frame: Frame) -> FloatColumn:
            return np.where(np.arange(len(frame)) > len(frame) - 3, np.inf, frame.high)

    found = tripwire(Boundless(), hourly_market("BTCUSDT"))

    assert {mismatch.column for mismatch in found} == {"calculate_target"}


def test_a_cut_runs_on_the_rows_the_strategy_needs_and_no_more() -> None:
    seen: list[int] = []

    class Watched(Honest):
        def calculate_position_size(self, frame: Frame) -> FloatColumn:
            seen.append(len(frame))
            return super().calculate_position_size(frame)

    candles = walk(5000)
    need = strategy_need(Watched(), ("close",))
    evaluation = run(Watched(), candles)
    seen.clear()

    assert find_lookahead(Watched(), candles, {}, evaluation, need, [4000, 4500]) == []

    cut_off = need.history + 255
    assert seen == [cut_off] * 2 + [cut_off + 256] * 2


def test_a_strategy_with_an_anchor_is_cut_with_its_anchor() -> None:
    candles = walk(2000, start="2021-01-15")
    need = strategy_need(Since(), ("close", "high"))
    evaluation = run(Since(), candles)

    assert need.unbounded
    assert find_lookahead(Since(), candles, {}, evaluation, need, [130, 800, 1998]) == []


@pytest.mark.parametrize("short", SHORT_ONES)
def test_history_that_is_not_declared_is_no_lookahead_but_found(short: type[Honest]) -> None:
    candles = hourly_market("BTCUSDT")
    need = strategy_need(short(), ("open", "close"))
    evaluation = run(short(), candles)
    rows = sample_rows(evaluation, 24, seed=24)

    assert find_lookahead(short(), candles, {}, evaluation, need, rows) == []
    found = find_short_history(short(), candles, {}, evaluation, need, rows)

    assert [(m.kind, m.column) for m in found] == [(SHORT_HISTORY, short.caught_in)]
    assert f"with the last {need.history}. " in str(found[0])


def test_half_of_the_sampled_rows_carry_a_signal() -> None:
    evaluation = run(Tagged(), walk(3000))
    signals = evaluation.signals
    marked = np.flatnonzero(signals.entry | signals.exit)

    rows = sample_rows(evaluation, 24, seed=1)

    assert len(rows) == 24
    assert len(np.intersect1d(rows, marked)) >= 12
    assert signals.warm_up <= rows[0]
    assert rows[-1] < 2999
    assert (np.diff(rows) > 0).all()


class RarelyTagged(Honest):
    def check_entry_conditions(self, frame: Frame) -> Condition:
        day = frame.open_time // 86_400_000
        return {"once": day == 19_800, "often": frame.close > frame.average}


def test_a_rare_tag_is_sampled_beside_a_frequent_one() -> None:
    evaluation = run(RarelyTagged(), walk(3000))
    once = np.flatnonzero(evaluation.signals.entry == 1)

    rows = sample_rows(evaluation, 24, seed=1)

    assert 0 < len(once) <= 24
    assert len(np.intersect1d(rows, once)) == 4


def test_the_same_seed_samples_the_same_rows_and_another_other_ones() -> None:
    evaluation = run(Tagged(), walk(3000))

    once, again, other = (sample_rows(evaluation, 24, seed=seed) for seed in (1, 1, 2))

    assert once.tolist() == again.tolist()
    assert once.tolist() != other.tolist()


@pytest.mark.parametrize(
    ("rows", "count", "expected"), [(30, 24, 9), (22, 24, 1), (21, 24, 0), (0, 24, 0), (300, 0, 0)]
)
def test_few_candles_give_all_rows_that_can_be_cut_at(rows: int, count: int, expected: int) -> None:
    evaluation = run(Tagged(), walk(500).rows(0, rows))

    assert len(sample_rows(evaluation, count, seed=0)) == expected
