from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.results import START, sample_result, table, trade, walk

from leeward.domain.trades import STOP
from leeward.report.html import page, write_report
from leeward.report.result import BacktestResult

NASTY = "<script>alert('x')</script>&\"</script>"


@pytest.fixture(scope="module")
def result() -> BacktestResult:
    return sample_result()


def outside_the_library(text: str) -> str:
    """The page without the library's own code, which is long and not ours to check."""
    scripts = re.findall(r"<script>.*?</script>\n", text, flags=re.DOTALL)
    return text.replace(max(scripts, key=len), "")


def data_of(text: str) -> dict[str, object]:
    found = re.search(r'id="report-data">(.*?)</script>', text, flags=re.DOTALL)
    assert found is not None
    document = json.loads(found[1])
    assert isinstance(document, dict)
    return document


def test_the_page_refers_to_nothing_outside_itself(result: BacktestResult) -> None:
    own = outside_the_library(page([result]))
    assert not re.search(r"https?://", own)
    assert not re.search(r"<(link|iframe|img)\b|\bsrc=|@import|url\(", own)


def test_every_part_is_on_the_page() -> None:
    result = sample_result([walk("BTCUSDT", 900), walk("ETHUSDT", 900, seed=2)])
    text = page([result])
    for title in (
        "Equity and drawdown", "Price and trades", "Monthly returns", "Trades",
        "Distribution of trade returns", "What if", "By exit reason", "By entry tag", "By symbol",
        "By month of exit", "Refused entries", "Data", "Inputs and limits",
        "Read before you believe it",
    ):  # fmt: skip
        assert f"<h2>{title}</h2>" in text
    assert "max_position_fraction" in text
    assert result.result_id in text


def test_text_of_the_user_is_escaped_everywhere() -> None:
    nasty = sample_result(strategy=NASTY, entry_tags=(NASTY,))
    inputs = {**nasty.inputs, "params": {NASTY: NASTY}}
    text = outside_the_library(page([replace(nasty, inputs=inputs)], [{"symbol": NASTY}]))
    assert "<script>alert" not in text
    assert data_of(text)["results"][0]["name"] == NASTY  # type: ignore[index] # a list, by design


def test_a_run_without_trades_says_why_in_words() -> None:
    text = page([sample_result(every=0)])
    assert "No trade was made: every entry the strategy asked for was refused" in text
    assert "Distribution of trade returns" not in text
    quiet = sample_result(every=0)
    refusals = quiet.simulation.refusals * 0
    quiet = replace(quiet, simulation=replace(quiet.simulation, refusals=refusals))
    assert "the strategy gave no entry signal in this range" in page([quiet])
    assert "No entry was refused." in page([quiet])


def test_a_halt_and_generated_data_are_banners() -> None:
    text = page([sample_result(halted_ms=START, synthetic=True)])
    assert "<b>HALTED</b>Trading halted at the close of the 2021-01-01 00:00 candle" in text
    assert "<b>SYNTHETIC</b>" in text


def test_several_results_share_their_candles_and_stand_side_by_side() -> None:
    candles = [walk("BTCUSDT", 3_000)]
    results = [sample_result(candles, strategy=name) for name in ("one", "two", "three")]
    text = page(results)
    assert "one, two and three" in text
    assert text.count('role="tab"') == 3
    candles_found = data_of(text)["candles"]
    assert isinstance(candles_found, dict)
    assert len(candles_found) == 1
    assert len(text) < len(page(results[:1])) * 1.5


def test_trades_that_met_both_prices_are_shown_with_both_outcomes() -> None:
    result = sample_result()
    both = table(trade(ambiguous=1, exit_reason=STOP, target=110.0, pnl=-10.0))
    text = page([replace(result, simulation=replace(result.simulation, trades=both))])
    assert "Trades that met stop and target inside one candle: 1." in text
    assert "Target before stop inside candles" in text


def test_curves_that_span_decades_are_drawn_on_a_logarithmic_scale() -> None:
    calm = sample_result()
    assert "Logarithmic scale" not in page([calm])
    equity = calm.simulation.equity * np.linspace(1.0, 20.0, len(calm.simulation.equity))
    wild = replace(calm, simulation=replace(calm.simulation, equity=equity))
    assert "Logarithmic scale" in page([wild])


def test_findings_of_a_data_certificate_are_shown(result: BacktestResult) -> None:
    certificate = {
        "symbol": "BTCUSDT", "timeframe": "1h", "duplicates": 0,
        "outliers": [{"open_time": "2021-05-19T13:00:00Z", "move_fraction": -0.31}],
    }  # fmt: skip
    text = page([result], [certificate])
    assert "Certificate of BTCUSDT 1h" in text
    assert "2021-05-19T13:00:00Z" in text


def test_every_gap_of_the_run_is_listed(result: BacktestResult) -> None:
    text = page([result])
    assert "Every gap (2)" in text
    assert "BTCUSDT 2021-01-30T04:00:00Z" in text


def test_symbols_with_only_a_part_of_the_range_are_named_beside_their_candles() -> None:
    symbols = [walk("BTCUSDT", 900), *(walk(f"COIN{i}USDT", 400) for i in range(5))]
    text = page([sample_result(symbols)])
    assert "Not in the whole range: COIN0USDT only 2021-01-01 to 2021-01-17; " in text
    assert "COIN4USDT only 2021-01-01 to 2021-01-17." in text
    assert "Not in the whole range" not in page([sample_result(symbols[:1])])


def test_finer_candles_are_named_on_the_page(result: BacktestResult) -> None:
    assert "finer candles tell" not in page([result])
    detail = {"BTCUSDT 1m": {"rows": 54_000, "gaps": 0}}
    both = table(trade(ambiguous=1, exit_reason=STOP, target=110.0, pnl=-10.0))
    simulation = replace(result.simulation, trades=both)
    inputs = {**result.inputs, "detail": detail}
    text = page([replace(result, inputs=inputs, simulation=simulation)])
    assert "54,000 finer candles tell" in text
    assert "As simulated the stop came first." in text


def test_the_report_is_written_whole(result: BacktestResult, tmp_path: Path) -> None:
    result.report(tmp_path / "one.html")
    write_report(tmp_path / "two.html", [result, result])
    assert (tmp_path / "one.html").read_text().startswith("<!doctype html>")
    assert (tmp_path / "two.html").read_text().endswith("</html>\n")
