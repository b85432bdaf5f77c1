from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from leeward.data.store import CandleStore
from leeward.domain.timeframe import Timeframe
from tests.integration.conftest import Run

BACKTEST = ("backtest", "ema_cross", "--symbols", "BTCUSDT")

CHEAT = """
import numpy as np
from leeward import Strategy

class Cheat(Strategy):
    def calculate_indicators(self, candles):
        tomorrow = np.append(candles.close[1:], np.nan)
        return candles.with_columns(tomorrow=tomorrow)
    def check_entry_conditions(self, frame):
        return frame.tomorrow > frame.close
    def check_exit_conditions(self, frame):
        return frame.tomorrow < frame.close
    def calculate_position_size(self, frame):
        return np.full(len(frame), 0.1)
"""


def test_the_json_has_the_documented_shape(
    leeward: Run, stored_market: CandleStore, tmp_path: Path
) -> None:
    del stored_market
    shown = leeward(*BACKTEST, "--json", "out.json")
    result = json.loads((tmp_path / "out.json").read_text())
    assert shown.code == 0
    assert result["schema"] == "leeward.backtest/1"
    assert {
        "schema",
        "result_id",
        "inputs",
        "metrics",
        "trades",
        "refusals",
        "checks",
        "timing",
    } <= (set(result))
    assert list(result["metrics"])[:3] == ["final_equity", "return_fraction", "cagr"]
    assert result["metrics"]["dsr"] is None
    assert result["metrics"]["trials"] is None
    assert result["checks"]["lookahead"] == {"sampled": 24, "mismatches": 0}
    assert result["inputs"]["strategy"] == "ema_cross"
    assert result["inputs"]["start"] == "2021-01-01T00:00:00Z"
    assert result["inputs"]["data"]["BTCUSDT"]["rows"] == 3_000
    assert set(result["timing"]) >= {
        "load_s", "compile_s", "signals_s", "simulate_s", "lookahead_s", "total_s"
    }  # fmt: skip
    fees = sum(trade["fees"] for trade in result["trades"])
    assert result["metrics"]["fees_paid"] == pytest.approx(fees)
    paid = 10_000 + sum(trade["pnl"] for trade in result["trades"])
    assert result["metrics"]["final_equity"] == pytest.approx(paid)


def test_the_same_inputs_give_the_same_bytes_apart_from_timing(
    leeward: Run, stored_market: CandleStore
) -> None:
    del stored_market
    texts = [leeward(*BACKTEST, "--json", "-").out for _ in range(2)]
    first, second = (text.partition('"timing"')[0] for text in texts)
    assert first == second


@pytest.mark.parametrize(
    "change",
    [
        ("--fee", "0.002"),
        ("--param", "fast=21"),
        ("--set", "risk.cooldown_candles=4"),
        ("--set", "instruments.BTCUSDT.lot_step=0.001"),
        ("--end", "2021-03-01"),
        ("--start", "2021-02-01"),
        ("--balance", "20000"),
    ],
)
def test_every_input_changes_the_result_id(
    leeward: Run, stored_market: CandleStore, change: tuple[str, str]
) -> None:
    del stored_market
    plain = json.loads(leeward(*BACKTEST, "--json", "-").out)["result_id"]
    changed = json.loads(leeward(*BACKTEST, *change, "--json", "-").out)["result_id"]
    assert plain != changed


def test_candles_after_the_end_do_not_change_the_result(
    leeward: Run, stored_market: CandleStore
) -> None:
    before = leeward(*BACKTEST, "--end", "2021-04-15", "--json", "-").out
    stored = stored_market.load("BTCUSDT", Timeframe.parse("1h"))
    later = stored_market.__class__(stored_market.root.parent / "short")
    later.merge(stored.between(None, 1_618_444_800_000))
    shorter = leeward(
        *BACKTEST, "--json", "-", "--set", f"data.dir={later.root}", "--end", "2021-04-15"
    ).out
    assert json.loads(before)["result_id"] == json.loads(shorter)["result_id"]


def test_several_symbols_share_one_account(leeward: Run, stored_market: CandleStore) -> None:
    del stored_market
    shown = leeward("backtest", "ema_cross", "--symbols", "BTCUSDT,ETHUSDT", "--json", "-")
    result = json.loads(shown.out)
    assert result["inputs"]["symbols"] == ["BTCUSDT", "ETHUSDT"]
    assert {trade["symbol"] for trade in result["trades"]} == {"BTCUSDT", "ETHUSDT"}


def test_csv_holds_the_trades_of_the_json(
    leeward: Run, stored_market: CandleStore, tmp_path: Path
) -> None:
    del stored_market
    leeward(*BACKTEST, "--json", "out.json", "--csv", "out.csv")
    trades = json.loads((tmp_path / "out.json").read_text())["trades"]
    with (tmp_path / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["entry_time"] for row in rows] == [trade["entry_time"] for trade in trades]
    assert [float(row["pnl"]) for row in rows] == [trade["pnl"] for trade in trades]


def test_a_strategy_that_looks_ahead_is_refused_by_column_and_row(
    leeward: Run, stored_market: CandleStore, tmp_path: Path
) -> None:
    del stored_market
    (tmp_path / "cheat.py").write_text(CHEAT)
    shown = leeward("backtest", "cheat.py:Cheat", "--symbols", "BTCUSDT", "--json", "out.json")
    assert shown.code == 3
    assert "tomorrow" in shown.err
    assert "row" in shown.err
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("backtest", "ema_cros", "--symbols", "BTCUSDT"), 2, "did you mean 'ema_cross'"),
        (("backtest", "ema_cross", "--symbols", "BTCUSD"), 2, "did you mean 'BTCUSDT'"),
        (("backtest", "ema_cross", "--symbols", ","), 2, "symbols"),
        (("backtest", "ema_cross", "--symbols", "BTCUSDT,BTCUSDT"), 2, "named twice"),
        (("backtest", "nowhere.py:X", "--symbols", "BTCUSDT"), 2, "nowhere.py"),
        ((*BACKTEST, "--param", "fsat=9"), 2, "did you mean 'fast'"),
        ((*BACKTEST, "--param", "fast=4"), 2, "from 5 to 60"),
        ((*BACKTEST, "--param", "fast=x"), 2, "whole number"),
        ((*BACKTEST, "--param", "fast"), 2, "NAME=VALUE"),
        ((*BACKTEST, "--set", "risk.trend_gat=off"), 2, "did you mean 'risk.trend_gate'"),
        ((*BACKTEST, "--set", "risk.max_position_fraction=2"), 2, "at most 1"),
        ((*BACKTEST, "--set", "risk.max_position_fraction=0.2"), 3, "--i-understand-the-risks"),
        ((*BACKTEST, "--start", "2021-02-01", "--end", "2021-01-01"), 2, "not before end"),
        ((*BACKTEST, "--start", "soon"), 2, "'soon' is not a date"),
        ((*BACKTEST, "--start", "2030-01-01"), 2, "no candles in the requested range"),
        ((*BACKTEST, "--end", "2021-01-03"), 2, "decides only after 100"),
        ((*BACKTEST, "--balance", "0"), 2, "balance: 0 must be"),
        ((*BACKTEST, "--balance", "nan"), 2, "balance: nan must be"),
        ((*BACKTEST, "--fee", "-0.1"), 2, "fee: -0.1 must be"),
        ((*BACKTEST, "--slippage", "1"), 2, "slippage: 1 must be"),
        ((*BACKTEST, "--timeframe", "61m"), 2, "unknown timeframe"),
        ((*BACKTEST, "--timeframe", "1d"), 2, "1d"),
        ((*BACKTEST, "--detail", "4h"), 2, "do not divide"),
        ((*BACKTEST, "--json", "no/where.json"), 1, "no/where.json"),
        ((*BACKTEST, "--report", "."), 1, "cannot be written"),
        ((*BACKTEST, "--json", "x", "--csv", "x"), 2, "name one file"),
        ((*BACKTEST, "--set", "risk.cooldown_candles=99999999999999"), 2, "at most"),
        ((*BACKTEST, "--config", "none.toml"), 2, "none.toml is not a file"),
    ],
)
def test_bad_input_gets_one_message_and_its_exit_code(
    leeward: Run, stored_market: CandleStore, arguments: tuple[str, ...], code: int, words: str
) -> None:
    del stored_market
    shown = leeward(*arguments)
    assert (shown.code, shown.out) == (code, "")
    assert words in shown.err
    assert shown.err.count("\n") == 1
    assert "Traceback" not in shown.err


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("def calculate_indicators(self, candles): return 1 / 0", "ZeroDivisionError"),
        ("def calculate_indicators(self, candles): return None", "calculate_indicators: returned"),
        (
            "def check_entry_conditions(self, frame): return frame.close[1:] > 0",
            "check_entry_conditions: returned 2999 rows for 3000 candles",
        ),
        ("def check_exit_conditions(self, frame): return frame.close", "a bool column is needed"),
        (
            "def calculate_position_size(self, frame): return frame.close",
            "must be from 0 to 1",
        ),
    ],
)
def test_a_broken_strategy_file_is_named_with_its_method(
    leeward: Run, stored_market: CandleStore, tmp_path: Path, body: str, words: str
) -> None:
    del stored_market
    source = CHEAT.replace("class Cheat(Strategy):", "class Base(Strategy):")
    (tmp_path / "broken.py").write_text(f"{source}\nclass Broken(Base):\n    {body}\n")
    shown = leeward("backtest", "broken.py:Broken", "--symbols", "BTCUSDT")
    assert shown.code == 1
    assert words in shown.err
    assert "Traceback" not in shown.err


def test_an_acknowledged_risk_is_taken(leeward: Run, stored_market: CandleStore) -> None:
    del stored_market
    more = ("--set", "risk.max_position_fraction=0.2", "--i-understand-the-risks")
    shown = leeward(*BACKTEST, *more, "--json", "-")
    assert json.loads(shown.out)["inputs"]["risk"]["max_position_fraction"] == 0.2


def test_a_halt_is_the_first_line(leeward: Run, stored_market: CandleStore) -> None:
    del stored_market
    limits = ("risk.max_drawdown_fraction=0.001", "risk.trend_gate=off")
    shown = leeward(*BACKTEST, *(word for limit in limits for word in ("--set", limit)))
    assert shown.code == 0
    assert "HALTED" in shown.out.splitlines()[0]


def test_what_a_strategy_prints_stays_out_of_the_json(
    leeward: Run, stored_market: CandleStore, tmp_path: Path
) -> None:
    del stored_market
    (tmp_path / "loud.py").write_text(
        "from leeward.strategies.ema_cross import EmaCross\n"
        "class Loud(EmaCross):\n"
        "    def calculate_stop(self, frame):\n"
        "        print('hello')\n"
        "        return super().calculate_stop(frame)\n"
    )
    shown = leeward("backtest", "loud.py", "--symbols", "BTCUSDT", "--json", "-")
    assert json.loads(shown.out)["inputs"]["strategy"] == "Loud"
    assert "hello" in shown.err
