from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console
from tests.results import START, sample_result, table, trade, walk

from leeward.domain.trades import STOP
from leeward.report.result import BacktestResult
from leeward.report.terminal import print_comparison, print_summary
from leeward.report.words import (
    caveats,
    detail_words,
    gap_words,
    lookahead_words,
    part_words,
    skill_words,
)


def summary(result: BacktestResult, width: int = 100) -> list[str]:
    output = io.StringIO()
    print_summary(result, Console(file=output, width=width))
    return output.getvalue().splitlines()


def with_detail(result: BacktestResult, **rows: int) -> BacktestResult:
    detail = {f"{symbol} 1m": {"rows": count, "gaps": 0} for symbol, count in rows.items()}
    return replace(result, inputs={**result.inputs, "detail": detail})


def words_of(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())


def test_everything_fits_on_one_screen() -> None:
    symbols = [walk(f"COIN{i}USDT", 900, seed=i, skip=40 * i, gaps=(50, 90)) for i in range(11)]
    busy = sample_result(symbols, halted_ms=START, synthetic=True, every=30)
    simulation = replace(busy.simulation, refusals=busy.simulation.refusals + 1_234)
    busy = with_detail(busy, **{c.symbol: 54_000 * (i > 0) for i, c in enumerate(symbols)})
    for result in (sample_result(), replace(busy, simulation=simulation)):
        lines = summary(result)
        assert len(lines) <= 40
        assert max(map(len, lines)) <= 100


def test_a_halt_comes_before_everything_else() -> None:
    first, second = summary(sample_result(halted_ms=START))[:2]
    assert first.startswith("HALTED")
    assert words_of([first, second]).startswith(
        "HALTED trading halted at the close of the 2021-01-01 00:00 candle: drawdown 20 %; "
        "only an operator resumes; nothing was traded after"
    )


def test_generated_candles_are_labelled() -> None:
    assert summary(sample_result(synthetic=True))[0].startswith("SYNTHETIC")
    assert "SYNTHETIC" not in words_of(summary(sample_result()))


def test_the_numbers_that_matter_stand_beside_holding() -> None:
    result = sample_result()
    text = words_of(summary(result))
    held = result.comparison["buy_and_hold"]["return_fraction"]
    own = result.metrics["return_fraction"]
    assert held is not None
    assert own is not None
    assert f"return {own * 100:+.1f} % {held * 100:+.1f} %" in text
    assert "against_trend 412, correlated 3" in text
    assert "24 truncated re-runs of the signals, none differed" in text
    assert "at no costs" in text
    assert "In-sample" in text


def test_ambiguous_trades_are_told_with_both_outcomes() -> None:
    result = sample_result()
    assert "intrabar" not in words_of(summary(result))
    both = table(trade(ambiguous=1, exit_reason=STOP, target=110.0, pnl=-10.0))
    text = words_of(summary(replace(result, simulation=replace(result.simulation, trades=both))))
    assert "stop and target met in one candle, trades: 1;" in text
    assert "-0.1 % with the stop first (as simulated), +0.2 % with the target first" in text


def test_no_trade_is_said_in_words() -> None:
    text = words_of(summary(sample_result(every=0)))
    assert "no trade was made" in text
    assert "nothing was traded, so nothing was paid" in text


def test_markup_in_names_is_printed_as_it_is() -> None:
    assert "[bold]x[/bold] on" in words_of(summary(sample_result(strategy="[bold]x[/bold]")))


def test_gaps_in_the_range_are_counted_and_the_largest_named() -> None:
    result = sample_result([walk("BTCUSDT", 500, gaps=(100, 101, 300))])
    assert gap_words(result) == "2 gaps, 5 candles missing; largest 3 h from 2021-01-05 04:00"
    later = replace(result.setup, start_ms=START + 200 * 3_600_000)
    assert gap_words(replace(result, setup=later)) == (
        "1 gap, 2 candles missing; largest 2 h from 2021-01-13 12:00"
    )
    whole = sample_result([walk("BTCUSDT", 500)])
    assert gap_words(whole) == "no candle is missing"


def test_a_gap_that_begins_before_the_range_counts_from_its_first_candle_in_it() -> None:
    result = sample_result([walk("BTCUSDT", 500, gaps=(100, 102, 104))])
    for start, said in (
        (103 * 3_600_000, "1 gap, 3 candles missing; largest 3 h from 2021-01-05 07:00"),
        (103 * 3_600_000 + 1, "1 gap, 2 candles missing; largest 2 h from 2021-01-05 08:00"),
        (105 * 3_600_000, "1 gap, 1 candle missing; largest 60 min from 2021-01-05 09:00"),
        (105 * 3_600_000 + 1, "no candle is missing"),
    ):
        setup = replace(result.setup, start_ms=START + start)
        assert gap_words(replace(result, setup=setup)) == said


def test_symbols_that_begin_late_or_end_early_are_named() -> None:
    early, late = walk("SHIBUSDT", 400), walk("PEPEUSDT", 500, skip=500)
    result = sample_result([walk("BTCUSDT", 1_000), early, late])
    assert gap_words(result) == (
        "no gap between candles; SHIBUSDT only 2021-01-01 to 2021-01-17; "
        "PEPEUSDT only 2021-01-21 to 2021-02-11"
    )
    later = replace(result, setup=replace(result.setup, start_ms=START + 200 * 3_600_000))
    assert part_words(later)[0] == "SHIBUSDT only 2021-01-09 to 2021-01-17"
    assert "SHIBUSDT only" in words_of(summary(result))
    many = [walk("BTCUSDT", 1_000), *(walk(f"COIN{i}USDT", 400 + i) for i in range(5))]
    assert gap_words(sample_result(many)).endswith("2021-01-17; 2 more only in part")


def test_a_part_that_differs_from_the_range_by_hours_is_told_to_the_minute() -> None:
    result = sample_result([walk("BTCUSDT", 500), walk("ETHUSDT", 497, skip=3)])
    assert part_words(result) == ["ETHUSDT only 2021-01-01 03:00 to 2021-01-21 19:00"]


def test_a_range_that_begins_before_the_only_symbol_is_not_called_whole() -> None:
    result = sample_result([walk("BTCUSDT", 500)])
    earlier = replace(result.setup, start_ms=START - 30 * 86_400_000)
    assert gap_words(replace(result, setup=earlier)) == (
        "no gap between candles; BTCUSDT only 2021-01-01 to 2021-01-21"
    )


def test_finer_candles_are_named_where_they_were_used() -> None:
    result = sample_result()
    assert detail_words(result) is None
    assert detail_words(with_detail(result)) is None
    used = with_detail(result, BTCUSDT=527_040)
    said = (
        "BTCUSDT 1m: 527,040 finer candles tell what came first where they cover a candle; "
        "elsewhere the stop comes first"
    )
    assert detail_words(used) == said
    assert f"detail {said}" in words_of(summary(used))
    two = detail_words(with_detail(result, BTCUSDT=1_000, ETHUSDT=0))
    assert str(two).startswith("BTCUSDT 1m and 1 more symbol: 1,000 finer candles (none of ETHUSDT")
    both = table(trade(ambiguous=1, exit_reason=STOP, target=110.0, pnl=-10.0))
    still = replace(used, simulation=replace(used.simulation, trades=both))
    assert "--detail" not in words_of(summary(still))


@pytest.mark.parametrize(
    ("psr", "said"),
    [
        (None, "PSR undefined"),
        (0.2, "no sign of an edge"),
        (0.7, "not distinguishable from luck"),
        (0.97, "unlikely to be luck alone"),
        (0.99999, "PSR > 99.9 %"),
        (0.00001, "PSR < 0.1 %"),
    ],
)
def test_the_chance_of_luck_is_said_in_words(psr: float | None, said: str) -> None:
    result = sample_result()
    result.metrics["psr"] = psr
    assert said in skill_words(result)


def test_a_run_that_was_not_checked_for_look_ahead_says_so() -> None:
    result = sample_result()
    assert lookahead_words(replace(result, checks={})) == "not checked"
    wrong = replace(result, checks={"lookahead": {"sampled": 24, "mismatches": 2}})
    assert "2 DIFFERED" in lookahead_words(wrong)


def test_caveats_name_few_trades_and_short_ranges() -> None:
    few = " ".join(caveats(sample_result(every=900)))
    assert "trades: averages over so few say little" in few
    assert "stretched from 83 days" in few
    long = " ".join(caveats(sample_result([walk("BTCUSDT", 9_000)])))
    assert "stretched" not in long


def test_results_stand_side_by_side_with_holding() -> None:
    results = [sample_result(strategy=name, every=n) for name, n in (("one", 90), ("two", 40))]
    output = io.StringIO()
    print_comparison(results, Console(file=output, width=100))
    lines = output.getvalue().splitlines()
    assert "one" in lines[1]
    assert "buy and hold" in lines[1]
    trades = next(line for line in lines if line.startswith("trades"))
    assert trades.split()[1:] == [str(len(r.simulation.trades)) for r in results]
    assert len(lines) <= 40
    assert np.max([len(line) for line in lines]) <= 100
