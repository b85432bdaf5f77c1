from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.results import START, sample_result, table, trade, walk

from leeward.domain.errors import Failed
from leeward.domain.trades import STOP
from leeward.report.result import BacktestResult
from leeward.risk.refusals import REFUSALS

METRICS = [
    "final_equity", "return_fraction", "cagr", "sharpe", "sortino", "calmar",
    "max_drawdown_fraction", "trades", "win_rate", "profit_factor", "expectancy",
    "exposure_fraction", "turnover", "fees_paid", "slippage_paid", "buy_and_hold_fraction", "psr",
    "dsr", "trials",
]  # fmt: skip
TRADE_KEYS = [
    "symbol", "entry_time", "entry_price", "quantity", "exit_time", "exit_price", "fees", "pnl",
    "return_fraction", "exit_reason", "entry_tag", "candles", "mae_fraction", "mfe_fraction",
]  # fmt: skip


@pytest.fixture(scope="module")
def result() -> BacktestResult:
    return sample_result()


def with_trades(*rows: np.ndarray[tuple[int], np.dtype[np.void]]) -> BacktestResult:
    result = sample_result(every=0)
    return replace(result, simulation=replace(result.simulation, trades=table(*rows)))


def test_metrics_come_in_the_published_order(result: BacktestResult) -> None:
    assert list(result.metrics) == METRICS
    assert result.metrics["dsr"] is None
    assert result.metrics["trials"] is None


def test_metrics_agree_with_the_trades(result: BacktestResult) -> None:
    trades, metrics = result.simulation.trades, result.metrics
    assert metrics["final_equity"] == pytest.approx(10_000 + trades["pnl"].sum())
    assert metrics["return_fraction"] == pytest.approx(trades["pnl"].sum() / 10_000)
    assert metrics["fees_paid"] == pytest.approx(trades["fees"].sum())
    assert metrics["trades"] == len(trades)


def test_a_run_without_trades_has_no_invented_figures() -> None:
    metrics = sample_result(every=0).metrics
    assert metrics["return_fraction"] == 0.0
    assert metrics["max_drawdown_fraction"] == 0.0
    unknown = ("sharpe", "sortino", "calmar", "win_rate", "profit_factor", "expectancy", "psr")
    assert all(metrics[name] is None for name in unknown)


def test_a_run_without_steps_supports_only_its_balance() -> None:
    result = sample_result(every=0)
    none, never = np.empty(0), np.empty(0, np.int64)
    simulation = replace(result.simulation, open_time=never, equity=none, exposure=none)
    result = replace(result, simulation=simulation)
    assert (result.metrics["final_equity"], result.metrics["return_fraction"]) == (10_000.0, 0.0)
    unknown = ("cagr", "sharpe", "max_drawdown_fraction", "exposure_fraction", "turnover")
    assert all(result.metrics[name] is None for name in unknown)
    assert set(result.comparison["buy_and_hold"].values()) == {None}


def test_the_outcomes_at_other_costs_enclose_the_simulated_one(result: BacktestResult) -> None:
    free, double = (result.comparison[name]["return_fraction"] for name in ("costs_0x", "costs_2x"))
    own, trades = result.metrics["return_fraction"], result.simulation.trades
    assert free is not None
    assert double is not None
    assert own is not None
    assert double < own < free
    gross = trades["pnl"] + trades["fees"] + trades["slippage"]
    assert free == pytest.approx(gross.sum() / 10_000)


def test_every_breakdown_adds_up_to_the_whole(result: BacktestResult) -> None:
    pnl = result.simulation.trades["pnl"].sum()
    assert set(result.breakdowns) == {"month", "exit_reason", "entry_tag", "symbol"}
    for groups in result.breakdowns.values():
        assert sum(float(group["pnl"]) for group in groups) == pytest.approx(pnl)
    assert [group["name"] for group in result.breakdowns["entry_tag"]] == ["cross"]


def test_refusals_name_every_reason(result: BacktestResult) -> None:
    assert tuple(result.refusals) == REFUSALS
    assert result.refusals["against_trend"] == 412
    assert result.refusals["halted"] == 0


def test_json_holds_the_published_schema(result: BacktestResult) -> None:
    document = json.loads(result.to_json())
    assert document["schema"] == "leeward.backtest/1"
    assert document["result_id"] == result.result_id
    assert document["inputs"]["strategy"] == "ema_cross"
    assert list(document["metrics"]) == METRICS
    assert list(document["trades"][0])[: len(TRADE_KEYS)] == TRADE_KEYS
    assert document["checks"] == {"lookahead": {"sampled": 24, "mismatches": 0}}
    assert document["state"] == {"halted_at": None, "synthetic": False}
    assert set(document) >= {"refusals", "comparison", "breakdowns", "timing"}


def test_json_numbers_read_back_as_they_were(result: BacktestResult) -> None:
    document = json.loads(result.to_json())
    trades = result.simulation.trades
    assert [row["pnl"] for row in document["trades"]] == trades["pnl"].tolist()
    assert document["metrics"] == result.metrics


def test_json_of_one_trade_worked_by_hand() -> None:
    row = trade(
        exit_reason=STOP, entry_tag=1, exit_tag=1, lowest=92.0, highest=130.0, stop=96.0,
        last_stop=97.0, candles=3, fees=0.4,
    )  # fmt: skip
    [found] = json.loads(with_trades(row).to_json())["trades"]
    assert found == {
        "symbol": "BTCUSDT", "entry_time": "2021-01-01T00:00:00Z", "entry_price": 100.0,
        "quantity": 2.0, "exit_time": "2021-01-01T01:00:00Z", "exit_price": 110.0, "fees": 0.4,
        "pnl": 20.0, "return_fraction": 0.1, "exit_reason": "stop", "entry_tag": "cross",
        "candles": 3, "mae_fraction": 0.08, "mfe_fraction": 0.3, "exit_tag": "cross back",
        "slippage": 0.0, "stop": 96.0, "last_stop": 97.0, "target": None, "ambiguous": False,
    }  # fmt: skip


def test_the_same_inputs_give_the_same_text_but_for_timing() -> None:
    first, second = (sample_result().to_json() for _ in range(2))
    assert first == second
    timed = sample_result().timed({"total_s": 9.0}).to_json()
    assert timed.split('"timing"')[0] == first.split('"timing"')[0]
    assert '"timing": {"total_s": 9.0}' in timed


def test_timing_a_result_keeps_what_was_measured() -> None:
    result = sample_result()
    metrics = result.metrics
    timed = result.timed({"total_s": 1.0})
    assert timed.metrics is metrics
    assert (timed.timing, result.timing["total_s"]) == ({"total_s": 1.0}, 0.31)


def test_a_number_that_is_not_finite_becomes_null() -> None:
    result = with_trades(trade(pnl=math.nan, slippage=math.inf))
    document = json.loads(result.to_json())
    assert document["trades"][0]["pnl"] is None
    assert document["trades"][0]["slippage"] is None
    assert document["metrics"]["expectancy"] is None
    assert "NaN" not in result.to_json()
    assert "Infinity" not in result.to_json()


def test_a_halt_is_stated_with_its_candle() -> None:
    document = json.loads(sample_result(halted_ms=START).to_json())
    assert document["state"]["halted_at"] == "2021-01-01T00:00:00Z"


def test_frames_hold_utc_times_and_one_row_a_trade_and_step(result: BacktestResult) -> None:
    trades, equity = result.trades, result.equity
    assert trades.height == len(result.simulation.trades)
    assert trades.schema["entry_time"] == pl.Datetime("ms", "UTC")
    assert trades["pnl"].to_list() == result.simulation.trades["pnl"].tolist()
    assert equity.columns == ["open_time", "equity", "exposure", "drawdown_fraction"]
    assert equity.height == len(result.simulation.open_time)
    assert equity["drawdown_fraction"].max() == pytest.approx(
        result.metrics["max_drawdown_fraction"]
    )


def test_a_frame_without_trades_keeps_its_columns() -> None:
    trades = sample_result(every=0).trades
    assert trades.height == 0
    assert trades.schema["symbol"] == pl.String
    assert trades.schema["exit_time"] == pl.Datetime("ms", "UTC")


def test_pandas_frames_hold_the_same_values(result: BacktestResult) -> None:
    frames = result.to_pandas()
    assert frames.trades["pnl"].tolist() == result.simulation.trades["pnl"].tolist()
    assert str(frames.trades["entry_time"].dt.tz) == "UTC"
    assert len(frames.equity) == len(result.simulation.equity)


def test_missing_pandas_is_named_with_the_way_to_get_it(
    result: BacktestResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(Failed, match=r"pip install 'leeward\[pandas\]'"):
        result.to_pandas()


def test_csv_has_a_header_and_one_line_a_trade(result: BacktestResult, tmp_path: Path) -> None:
    path = tmp_path / "trades.csv"
    result.write_csv(path)
    frame = pl.read_csv(path)
    assert frame.columns[: len(TRADE_KEYS)] == TRADE_KEYS
    assert frame["pnl"].to_list() == pytest.approx(result.simulation.trades["pnl"].tolist())


def test_the_json_file_is_the_json_text(result: BacktestResult, tmp_path: Path) -> None:
    result.write_json(tmp_path / "out.json")
    assert (tmp_path / "out.json").read_text() == result.to_json()


def test_several_symbols_are_named_in_their_trades() -> None:
    result = sample_result([walk("BTCUSDT", 900), walk("ETHUSDT", 600, seed=2, skip=300)])
    named = {row["symbol"] for row in json.loads(result.to_json())["trades"]}
    assert named == {"BTCUSDT", "ETHUSDT"}


def test_json_and_terminal_need_no_table_library() -> None:
    program = (
        "import sys, io; from rich.console import Console; from tests.results import sample_result;"
        "from leeward.report.terminal import print_summary; result = sample_result();"
        "result.to_json(); print_summary(result, Console(file=io.StringIO()));"
        "found = {'polars', 'pandas', 'pyarrow', 'bokeh'} & set(sys.modules); sys.exit(str(found) "
        "if found else 0)"
    )
    done = subprocess.run(  # the test process has these libraries loaded already
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
