"""`leeward strategies` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from leeward.data.store import CandleStore
from tests.integration.conftest import Run

CHEAT = """
import numpy as np
from leeward import Strategy

class Cheat(Strategy):
    \"\"\"Knows tomorrow.\"\"\"
    def calculate_indicators(self, candles):
        return candles.with_columns(tomorrow=np.append(candles.close[1:], np.nan))
    def check_entry_conditions(self, frame):
        return frame.tomorrow > frame.close
    def check_exit_conditions(self, frame):
        return frame.tomorrow < frame.close
    def calculate_position_size(self, frame):
        return np.full(len(frame), 0.1)
"""
SHORT = CHEAT.replace(
    "np.append(candles.close[1:], np.nan)", "np.arange(len(candles)) * 1.0"
).replace("Cheat", "Short")


def test_the_list_shows_parameters_bounds_and_needs(leeward: Run) -> None:
    shown = leeward("strategies", "list")

    assert shown.code == 0
    assert "ema_cross  Long while the fast average is above the slow one." in shown.out
    assert "1h candles; decides after 100, needs 1,483" in shown.out
    assert "fast          20  (5 to 60)" in shown.out
    assert {"adaptive", "enhanced"} <= {line.partition(" ")[0] for line in shown.out.splitlines()}


def test_the_list_is_there_for_programs(leeward: Run) -> None:
    shown = leeward("strategies", "list", "--json")

    listed = {row["name"]: row for row in json.loads(shown.out)["strategies"]}
    assert listed["ema_cross"]["parameters"]["stop_atr"] == {
        "default": 2.0, "low": 0.5, "high": 6.0
    }  # fmt: skip
    assert listed["ema_cross"]["warm_up"] == 100
    assert listed["enhanced"]["timeframe"] == "1h"


def test_a_broken_package_does_not_hide_the_other_strategies(
    leeward: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "packages" / "broken-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[leeward.strategies]\nbroken = nowhere:Mine\n")
    monkeypatch.syspath_prepend(str(info.parent))

    shown = leeward("strategies", "list")

    assert shown.code == 1
    assert "ema_cross  Long while" in shown.out
    assert "leeward: installed strategy 'broken' (nowhere:Mine): raised Module" in shown.err


def test_a_new_strategy_passes_the_check_and_a_backtest(
    leeward: Run, stored_market: CandleStore, tmp_path: Path
) -> None:
    del stored_market
    written = leeward("strategies", "new", "my_trend")
    checked = leeward("strategies", "check", "my_trend.py")
    tested = leeward("backtest", "my_trend.py", "--symbols", "BTCUSDT", "--json", "out.json")

    assert "leeward strategies check my_trend.py" in written.out
    assert (written.code, checked.code, tested.code) == (0, 0, 0), checked.err + tested.err
    assert "MyTrend on BTCUSDT 1h: 3,000 stored candles" in checked.out
    assert checked.out.count("  ok ") == 4
    trades = json.loads((tmp_path / "out.json").read_text())["trades"]
    assert {trade["entry_tag"] for trade in trades} == {"above"}


def test_a_strategy_file_is_never_overwritten(leeward: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("precious")

    shown = leeward("strategies", "new", "mine")

    assert shown.code == 1
    assert "mine.py: exists already and was left as it is; choose another name" in shown.err
    assert (tmp_path / "mine.py").read_text() == "precious"


@pytest.mark.parametrize("name", ["1st", "my-trend", "class", "../mine", ""])
def test_a_name_that_python_cannot_use_is_refused(leeward: Run, tmp_path: Path, name: str) -> None:
    shown = leeward("strategies", "new", name)

    assert shown.code == 2
    assert f"strategy name '{name}' refused: use letters, digits and underscores" in shown.err
    assert not list(tmp_path.rglob("*.py"))


def test_a_folder_that_is_not_there_is_named(leeward: Run) -> None:
    shown = leeward("strategies", "new", "mine", "--dir", "absent")

    assert shown.code == 1
    assert "absent/mine.py: cannot be written: No such file or directory" in shown.err


def test_a_strategy_that_looks_ahead_ends_with_three_and_its_column(
    leeward: Run, tmp_path: Path
) -> None:
    (tmp_path / "cheat.py").write_text(CHEAT)

    shown = leeward("strategies", "check", "cheat.py")

    assert shown.code == 3
    assert "Cheat on BTCUSDT 1h: 4,001 SYNTHETIC candles, generated" in shown.out
    assert "  FAILED  no row changes when the candles after it are cut off" in shown.out
    assert "column 'tomorrow', row " in shown.out
    assert "It reads 1 row ahead or more" in shown.out
    assert "cheat.py looks ahead, as shown above" in shown.err


def test_a_strategy_that_is_broken_otherwise_ends_with_one(leeward: Run, tmp_path: Path) -> None:
    (tmp_path / "short.py").write_text(SHORT)

    shown = leeward("strategies", "check", "short.py")

    assert shown.code == 1
    assert "FAILED  the history its indicators declare" in shown.out
    assert "short.py needs more history than it declares, as shown above" in shown.err


def test_a_strategy_that_raises_is_named_with_its_line(leeward: Run, tmp_path: Path) -> None:
    (tmp_path / "cheat.py").write_text(CHEAT.replace("np.append", "np.apend"))

    shown = leeward("strategies", "check", "cheat.py")

    assert shown.code == 1
    assert "Cheat.calculate_indicators: raised AttributeError: " in shown.err
    assert "cheat.py:8" in shown.err
    assert "Traceback" not in shown.err


def test_the_check_takes_parameters_symbols_and_a_timeframe(
    leeward: Run, stored_market: CandleStore
) -> None:
    del stored_market
    shown = leeward(
        "strategies", "check", "enhanced",
        "--param", "confirmations=4", "--symbols", "BTCUSDT,ethusdt", "--timeframe", "1h",
    )  # fmt: skip
    generated = leeward("strategies", "check", "ema_cross", "--timeframe", "4h")

    assert shown.code == 0
    assert "Enhanced on BTCUSDT 1h: 3,000 stored candles" in shown.out
    assert "Enhanced on ETHUSDT 1h: 3,000 stored candles" in shown.out
    assert "EmaCross on BTCUSDT 4h: 5,483 SYNTHETIC candles, generated" in generated.out


def test_a_strategy_that_reads_other_candles_is_checked_on_a_generated_market(
    leeward: Run, tmp_path: Path
) -> None:
    reading = CHEAT.replace(
        "class Cheat(Strategy):",
        'class Cheat(Strategy):\n    informative = (("ETHUSDT", "4h"), ("SELF", "15m"))',
    ).replace(
        "np.append(candles.close[1:], np.nan)",
        'candles["ETHUSDT_4h_close"] / candles["SELF_15m_close"]',
    )
    (tmp_path / "reading.py").write_text(reading)

    shown = leeward("strategies", "check", "reading.py")

    assert (shown.code, shown.err) == (0, "")


def test_timeframes_that_do_not_divide_need_stored_candles(leeward: Run, tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(
        CHEAT.replace(
            "class Cheat(Strategy):",
            'class Cheat(Strategy):\n    timeframe = "5m"\n    informative = (("SELF", "3m"),)',
        )
    )

    shown = leeward("strategies", "check", "odd.py")

    assert shown.code == 2
    assert "Cheat: no market can be generated for its timeframes; import candles" in shown.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("enhancd",), 2, "unknown strategy 'enhancd'; did you mean 'enhanced'?"),
        (("enhanced", "--param", "rsi=3"), 2, "unknown parameter of Enhanced 'rsi'"),
        (("enhanced", "--param", "fast"), 2, "--param: 'fast' is not NAME=VALUE"),
        (("enhanced", "--param", "fast=99"), 2, "fast: 99 is out of bounds"),
        (("enhanced", "--timeframe", "7h"), 2, "unknown timeframe '7h'"),
        (("enhanced", "--symbols", "BTCUSDT"), 2, "BTCUSDT: no candles at all"),
        (("absent.py",), 2, "absent.py: no such strategy file"),
    ],
)
def test_a_wrong_request_is_refused_by_name(
    leeward: Run, arguments: tuple[str, ...], code: int, message: str
) -> None:
    shown = leeward("strategies", "check", *arguments)

    assert shown.code == code
    assert message in shown.err
